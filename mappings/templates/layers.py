"""A layer with one data flow: what lies across the array, and which blockings can be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.templates.capacity import fits, room_of, smallest
from stallscope.mappings.templates.estimate import Layer, possible, sums_may_leave
from stallscope.mappings.templates.grid import Array, Axis, Grid, array_of, axes_of
from stallscope.mappings.templates.pace import Pace, least_cycles, pace_of
from stallscope.mappings.templates.roles import Roles
from stallscope.mappings.templates.stores import Stores, refusals
from stallscope.simcore.errors import Fault

__all__ = ["Prospect", "layer_of", "prospect_of"]

_MOST = (6, 12, 8, 10)
"""Sizes of tiles of sums tried per axis: the largest and the smallest that fit, others between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A data flow that an array can run, before any blocking.

    Attributes:
        dataflow: The data flow.
        array: What lies across the array.
        pace: What a fold takes.
        cycles: Cycles that no blocking gets below.
    """

    dataflow: Dataflow
    array: Array
    pace: Pace
    cycles: int


def prospect_of(
    roles: Roles, stores: Stores, dataflow: Dataflow, given: Mapping[str, int]
) -> Prospect | list[Fault]:
    """Lay a data flow across the array; faults if the array cannot run it.

    Args:
        roles: The parts of the problem.
        stores: The architecture.
        dataflow: The data flow.
        given: Extents of tiles that main memory sends, where they are given.
    """
    faults = refusals(stores, roles, dataflow)
    if faults:
        return faults
    array = array_of(roles, stores, dataflow, given)
    rows, columns = math.prod(array.rows.values()), math.prod(array.columns.values())
    capacity = stores.registers.capacity_words
    room = math.inf if capacity is None else capacity / stores.registers.multiple_buffering
    if rows * columns > room:
        rule = f"{dataflow}: a tile of {rows} x {columns} words fills the array"
        place = f"architecture.{stores.registers.name}.capacity_words"
        remedy = "give the registers a word per PE, two to load ahead"
        return [Fault(place=place, value=capacity, rule=rule, remedy=remedy)]
    pace = pace_of(stores, array, dataflow)
    least = least_cycles(pace, array, roles.bounds)
    return Prospect(dataflow=dataflow, array=array, pace=pace, cycles=least)


def layer_of(
    roles: Roles, stores: Stores, prospect: Prospect, given: Mapping[str, int]
) -> Layer | list[Fault]:
    """Find the blockings that can be; faults if there is none.

    Args:
        roles: The parts of the problem.
        stores: The architecture.
        prospect: The data flow.
        given: As of `prospect_of`.
    """
    dataflow = prospect.dataflow
    axes = axes_of(roles, stores, prospect.array, given)
    bare = Grid([axis.bare() for axis in axes])
    fitting = fits(bare, roles, stores)
    if not fitting.any():
        return [_too_large(bare, roles, stores, dataflow, given)]
    grid = Grid([_sampled(axis, bare.axes[at], fitting) for at, axis in enumerate(axes)])
    room = room_of(grid, roles, stores)
    allowed = possible(roles, stores, dataflow, grid, room)
    if not allowed.any():
        return [_impossible(grid, roles, stores, dataflow, given)]
    return Layer(
        roles=roles, stores=stores, dataflow=dataflow, array=prospect.array, grid=grid,
        pace=prospect.pace, room=room, possible=allowed,
    )  # fmt: skip


def _sampled(axis: Axis, bare: Axis, fitting: NDArray[np.bool_]) -> Axis:
    """Leave some tiles of an axis, of those that fit with any of the others."""
    others = tuple(at for at in range(fitting.ndim) if at != axis.at)
    fit = np.flatnonzero(np.any(fitting, axis=others))
    inner = [bare.tried[at].inner for at in fit]
    inner.sort(key=math.prod, reverse=True)
    most, last = _MOST[axis.at], len(inner) - 1
    if last >= most:
        inner = [inner[round(at * last / (most - 1))] for at in range(most)]
    return axis.only(inner)


def _too_large(
    grid: Grid, roles: Roles, stores: Stores, dataflow: Dataflow, given: Mapping[str, int]
) -> Fault:
    """Say why no blocking of a grid fits."""
    remedy = "give smaller extents in blocking" if given else "enlarge the buffer"
    found = smallest(grid, roles, stores)
    if found is None:
        rule = f"{dataflow}: no blocking fits all buffers at once"
        return Fault(place="blocking", value=_shown(given), rule=rule, remedy=remedy)
    store, words = found
    place = f"architecture.{store.spec.name}.capacity_words"
    rule = f"{dataflow}: the smallest tiles of {', '.join(store.keeps)} need {words} words"
    return Fault(place=place, value=store.spec.capacity_words, rule=rule, remedy=remedy)


def _impossible(
    grid: Grid, roles: Roles, stores: Stores, dataflow: Dataflow, given: Mapping[str, int]
) -> Fault:
    """Say why blockings that fit with small tiles cannot be."""
    fitting = fits(grid, roles, stores)
    if not fitting.any():
        return _too_large(grid, roles, stores, dataflow, given)
    if not room_of(grid, roles, stores).fits.any():
        rule = "no blocking that fits fills the buffers as far as min_utilization asks"
        remedy = "lower min_utilization" if not given else "change the blocking"
        place = "architecture.levels"
        return Fault(place=place, value="", rule=f"{dataflow}: {rule}", remedy=remedy)
    rule = "a reduction that is cut would send partial sums back to main memory"
    if dataflow is Dataflow.OS and not sums_may_leave(stores):
        rule = f"partial sums would leave {stores.registers.name} for a level of narrower words"
    remedy = "give the whole reduction, or tiles of one fold"
    return Fault(place="blocking", value=_shown(given), rule=f"{dataflow}: {rule}", remedy=remedy)


def _shown(given: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={extent}" for name, extent in given.items())

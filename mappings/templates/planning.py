"""Map a layer onto a systolic array: data flow and blocking by an estimate, or as given.

Of all blockings tried those are fast whose estimate is within three percent of the least; of these
the one is taken that moves the fewest words over the bus of main memory, of equals the one that
moves the fewest between buffers and array, then the fastest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.fields import nearest
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import Mapping as LayerMapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.templates.building import Cell, at_cell, mapping_of
from stallscope.mappings.templates.estimate import Figures, Layer
from stallscope.mappings.templates.layers import Prospect, layer_of, prospect_of
from stallscope.mappings.templates.lowering import lowered
from stallscope.mappings.templates.roles import Roles, roles_of
from stallscope.mappings.templates.stores import Stores, stores_of
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Im2col", "Plan", "asked_dataflow", "layers_of", "map_layer", "plan_layer"]

SLACK = 0.03
"""Part of the fastest estimate that fewer words of main memory may cost."""

MOST_MACS = 10**15
"""Multiply-accumulates of a layer, so that no word or cycle of an estimate passes 64 bits."""
MOST_BOUND = 10**8
"""Indices of a dimension: what its remainders leave is listed, tile by tile."""


class Im2col(StrEnum):
    """Where the windows of a convolution become the rows of a matrix."""

    ON_THE_FLY = "on-the-fly"
    """Between scratchpad and array: buffers hold the inputs as they are."""
    MEMORY = "memory"
    """In main memory, before the layer begins: buffers hold the matrix (`lowered`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A mapped layer and what the template expects of it.

    Attributes:
        problem: The problem mapped: the one given, or the matrix product it is lowered to.
        mapping: Its mapping.
        dataflow: The data flow.
        cycles: Estimate of the run, cycles.
        array_cycles: Cycles of the array alone.
        memory_cycles: Cycles of main memory alone: its bandwidth, or whole bursts and rows.
        words: Words that main memory sends or takes, per tensor; exact.
    """

    problem: Problem
    mapping: LayerMapping
    dataflow: Dataflow
    cycles: int
    array_cycles: int
    memory_cycles: int
    words: Mapping[str, int]


def map_layer(
    problem: Problem,
    architecture: Architecture,
    *,
    dataflow: str | None = None,
    blocking: Mapping[str, int] | LayerMapping | None = None,
) -> LayerMapping:
    """Map a matrix product or a convolution onto a systolic array.

    Args:
        problem: A product of two operands summed over the dimensions they share.
        architecture: An architecture whose compute level is a systolic array.
        dataflow: ``os``, ``ws`` or ``is``; None: the one with the best estimate.
        blocking: Extents, in indices, of the tiles that main memory sends, by dimension; what is
            not named is chosen. Or a whole mapping, which is checked.

    Raises:
        SpecError: The problem or the architecture is none that a template knows, the array cannot
            run the data flow, or nothing fits.
    """
    if not isinstance(blocking, LayerMapping):
        return plan_layer(problem, architecture, dataflow=dataflow, blocking=blocking).mapping
    stores_of(architecture, roles_of(problem))
    check_mapping(problem, architecture, blocking)
    _check_dataflow(roles_of(problem), blocking, dataflow)
    return blocking


def plan_layer(
    problem: Problem,
    architecture: Architecture,
    *,
    dataflow: str | None = None,
    blocking: Mapping[str, int] | None = None,
    im2col: Im2col = Im2col.ON_THE_FLY,
) -> Plan:
    """Map a layer and say what is expected of it.

    Args:
        problem: As of `map_layer`.
        architecture: As of `map_layer`.
        dataflow: As of `map_layer`.
        blocking: As of `map_layer`; of the dimensions of the problem that is mapped.
        im2col: With ``memory`` the matrix product is mapped that the problem is lowered to.

    Raises:
        SpecError: As of `map_layer`.
    """
    chosen = lowered(problem) if im2col is Im2col.MEMORY else problem
    _check_size(chosen)
    tried = _figures(chosen, architecture, dataflow, _extents(chosen, blocking))
    at, cell = _best([figures for _, figures in tried])
    layer, figures = tried[at]
    return Plan(
        problem=chosen,
        mapping=mapping_of(architecture, layer, figures.order, cell),
        dataflow=layer.dataflow,
        cycles=math.ceil(at_cell(figures.cycles, cell)),
        array_cycles=math.ceil(at_cell(figures.array, cell)),
        memory_cycles=math.ceil(at_cell(figures.memory, cell)),
        words={name: int(at_cell(words, cell)) for name, words in figures.words.items()},
    )


def _check_size(problem: Problem) -> None:
    faults = [
        Fault(
            place=f"problem.dimensions.{name}", value=bound,
            rule=f"templates map dimensions of up to {MOST_BOUND:,} indices",
            remedy="run a part of the layer",
        )
        for name, bound in problem.bounds.items()
        if bound > MOST_BOUND
    ]  # fmt: skip
    if not faults and problem.macs > MOST_MACS:
        rule = f"templates map layers of up to {MOST_MACS:,} multiply-accumulates"
        faults = [Fault(place="problem", value=problem.macs, rule=rule,
                        remedy="run a part of the layer")]  # fmt: skip
    if faults:
        raise SpecError(faults)


def layers_of(
    problem: Problem,
    architecture: Architecture,
    *,
    dataflow: str | None = None,
    blocking: Mapping[str, int] | None = None,
) -> list[Layer]:
    """Return the layer with every data flow that can be, and all blockings tried.

    Raises:
        SpecError: As of `map_layer`.
    """
    given = _extents(problem, blocking)
    roles = roles_of(problem)
    stores = stores_of(architecture, roles)
    layers, faults = list[Layer](), list[Fault]()
    for prospect in _prospects(roles, stores, dataflow, given):
        found = layer_of(roles, stores, prospect, given)
        if isinstance(found, Layer):
            layers.append(found)
        else:
            faults += found
    if not layers:
        raise SpecError(faults)
    return layers


def _figures(
    problem: Problem, architecture: Architecture, dataflow: str | None, given: Mapping[str, int]
) -> list[tuple[Layer, Figures]]:
    """Estimate all blockings of every data flow that may be among the fast ones.

    Raises:
        SpecError: No data flow can be.
    """
    roles = roles_of(problem)
    stores = stores_of(architecture, roles)
    tried, faults = list[tuple[Layer, Figures]](), list[Fault]()
    least = math.inf
    for prospect in _prospects(roles, stores, dataflow, given):
        if prospect.cycles > least * (1 + SLACK):
            continue
        layer = layer_of(roles, stores, prospect, given)
        if isinstance(layer, list):
            faults += layer
            continue
        tried += [(layer, figures) for figures in layer.figures()]
        least = min(float(figures.cycles.min()) for _, figures in tried)
    if not tried:
        raise SpecError(faults)
    return tried


def _prospects(
    roles: Roles, stores: Stores, dataflow: str | None, given: Mapping[str, int]
) -> list[Prospect]:
    """Data flows that an array can run, the most promising first; SpecError if there is none."""
    wanted = list(Dataflow) if dataflow is None else [asked_dataflow(dataflow)]
    found = [prospect_of(roles, stores, flow, given) for flow in wanted]
    prospects = [prospect for prospect in found if isinstance(prospect, Prospect)]
    if not prospects:
        raise SpecError([fault for faults in found if isinstance(faults, list)
                         for fault in faults])  # fmt: skip
    return sorted(prospects, key=lambda prospect: prospect.cycles)


def _best(tried: list[Figures]) -> tuple[int, Cell]:
    """Choose among all figures: which of them, and which blocking."""
    least = min(float(figures.cycles.min()) for figures in tried)
    best: tuple[tuple[float, ...], int, Cell] | None = None
    for at, figures in enumerate(tried):
        cells = np.argwhere(figures.cycles <= least * (1 + SLACK))
        if not len(cells):
            continue
        among = [np.broadcast_to(figure, figures.cycles.shape)[tuple(cells.T)] for figure in
                 (figures.traffic, figures.passed, figures.cycles)]  # fmt: skip
        first = np.lexsort(among[::-1])[0]
        rank = tuple(float(figure[first]) for figure in among)
        if best is None or rank < best[0]:
            best = (rank, at, tuple(int(index) for index in cells[first]))
    assert best is not None  # the least is among them
    return best[1], best[2]


def asked_dataflow(name: str) -> Dataflow:
    """Return the data flow called ``name``; SpecError if there is none."""
    try:
        return Dataflow(name)
    except ValueError:
        known = [flow.value for flow in Dataflow]
        fault = Fault(place="dataflow", value=name, rule="must be one of " + ", ".join(known),
                      remedy=nearest(name, known))  # fmt: skip
        raise SpecError([fault]) from None


def _check_dataflow(roles: Roles, mapping: LayerMapping, dataflow: str | None) -> None:
    """Check that a given mapping is of the data flow that is asked for."""
    if dataflow is None:
        return
    kept, wanted = mapping.levels[-1].keep, roles.kept(asked_dataflow(dataflow)).name
    if kept != (wanted,):
        place = f"mapping.{mapping.levels[-1].level}.keep"
        rule = f"{dataflow} keeps {wanted} in the registers"
        raise SpecError([Fault(place=place, value=", ".join(kept), rule=rule,
                               remedy="leave the data flow out, or keep that tensor")])  # fmt: skip


def _extents(problem: Problem, blocking: Mapping[str, int] | None) -> dict[str, int]:
    """Check given extents; those of dimensions with one index say nothing."""
    faults = []
    for name, extent in (blocking or {}).items():
        bound = problem.bounds.get(name)
        if bound is None:
            faults.append(Fault(place=f"blocking.{name}", value=extent, rule="no such dimension",
                                remedy=nearest(name, problem.bounds)))  # fmt: skip
        elif not 1 <= extent <= bound:
            rule = f"the bound of {name} is {bound}: a tile has 1 to {bound} indices of it"
            faults.append(Fault(place=f"blocking.{name}", value=extent, rule=rule,
                                remedy="leave it out to have it chosen"))  # fmt: skip
    if faults:
        raise SpecError(faults)
    return {name: extent for name, extent in (blocking or {}).items() if problem.bounds[name] > 1}

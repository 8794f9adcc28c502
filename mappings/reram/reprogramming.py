"""Whether writing the weights matters: its time beside that of computing, layer by layer.

Closed forms of one tile with nothing in its way but crossbars and write drivers: no port limits it.
Overlapped figures are those of a chip that has as many crossbars again as the schedule uses, to be
written while the others compute; with the same number of crossbars in all, half of them would hold
less and be written more often.

Not modelled: loading the weights, data-aware pulses (every cell takes what is stated).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.limits import overlapped
from stallscope.mappings.reram.spread import Ints
from stallscope.mappings.reram.stretches import Stretches, stretches_of
from stallscope.mappings.reram.timing import multiply_timing, write_ns
from stallscope.mappings.reram.updates import Visits, weight_visits

__all__ = ["ReloadCost", "ReloadCosts", "reload_costs", "reload_total"]

ITERATIONS = (1, 10)
"""Pulses that a cell takes: one, and as many as program-and-verify schemes often need."""
AT_ONCE = (None, 1)
"""Physical crossbars of a tile written at a time: all, and one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadCost:
    """Writing with so many pulses per cell, so many crossbars at a time.

    Attributes:
        iterations: Pulses, each with its verify, that a cell takes.
        at_once: Physical crossbars of a tile written at a time; None: all.
        write_ns: Time of all writing.
        compute_ns: Time of all multiplies.
        serial_ns: Time of the run if a tile is written or computes.
        overlapped_ns: Time of the run if the next weights are written beside the present ones.
    """

    iterations: int
    at_once: int | None
    write_ns: Fraction
    compute_ns: Fraction
    serial_ns: Fraction
    overlapped_ns: Fraction

    @property
    def ratio(self) -> float:
        """Time of writing over time of computing."""
        return float(self.write_ns / self.compute_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadCosts:
    """What writing costs in one layer, or in several.

    Attributes:
        name: Name of the layer.
        updates: Times that the weights change, the first included.
        costs: By pulses and crossbars at a time.
    """

    name: str
    updates: int
    costs: tuple[ReloadCost, ...]


def reload_costs(
    case: CrossbarCase,
    *,
    iterations: Sequence[int] = ITERATIONS,
    at_once: Sequence[int | None] = AT_ONCE,
) -> ReloadCosts:
    """Return what writing costs in one layer, whatever the chip's own pulses and drivers are.

    Args:
        case: A legal case.
        iterations: Numbers of pulses to tell of.
        at_once: Numbers of crossbars written at a time to tell of.
    """
    visits = weight_visits(case.walk)
    in_turn = [_InTurn.of(case, visits, drivers) for drivers in at_once]
    costs = [_cost(case, pulses, each) for pulses in iterations for each in in_turn]
    return ReloadCosts(name=case.name, updates=int(visits.sum()), costs=tuple(costs))


def reload_total(name: str, layers: Sequence[ReloadCosts], repeats: Sequence[int]) -> ReloadCosts:
    """Return the sum over layers in series.

    Args:
        name: Name of the network.
        layers: Costs with the same pulses and crossbars at a time.
        repeats: How often each layer runs.
    """
    pairs = list(zip(layers, repeats, strict=True))
    costs = []
    for number, like in enumerate(layers[0].costs):
        same = [(layer.costs[number], count) for layer, count in pairs]
        costs.append(
            ReloadCost(
                iterations=like.iterations,
                at_once=like.at_once,
                write_ns=_total([(cost.write_ns, count) for cost, count in same]),
                compute_ns=_total([(cost.compute_ns, count) for cost, count in same]),
                serial_ns=_total([(cost.serial_ns, count) for cost, count in same]),
                overlapped_ns=_total([(cost.overlapped_ns, count) for cost, count in same]),
            )
        )
    updates = sum(layer.updates * count for layer, count in pairs)
    return ReloadCosts(name=name, updates=updates, costs=tuple(costs))


def _total(parts: list[tuple[Fraction, int]]) -> Fraction:
    return sum((time * count for time, count in parts), Fraction(0))


@dataclass(frozen=True, slots=True)
class _InTurn:
    """Rows that tile 0 writes one after the other, so many crossbars at a time: of all updates,
    and what is computed between them.
    """

    drivers: int | None
    rows: int
    stretches: Stretches

    @classmethod
    def of(cls, case: CrossbarCase, visits: Visits, drivers: int | None) -> _InTurn:
        rows = _rows_in_turn(case, drivers)
        return cls(drivers, int((visits * rows).sum()), stretches_of(case.walk, rows))


def _cost(case: CrossbarCase, pulses: int, written: _InTurn) -> ReloadCost:
    chip, layer = case.chip, case.lowered
    writing = chip.writing.model_copy(update={"iterations": pulses})
    row_ns = write_ns(chip.model_copy(update={"writing": writing}), 1)
    interval = multiply_timing(chip).interval
    pixels = layer.images * layer.pixels * layer.column_steps * len(layer.loads)
    write = written.rows * row_ns
    return ReloadCost(
        iterations=pulses,
        at_once=written.drivers,
        write_ns=write,
        compute_ns=pixels * interval,
        serial_ns=write + pixels * interval,
        overlapped_ns=overlapped(written.stretches, interval, row_ns),
    )


def _rows_in_turn(case: CrossbarCase, drivers: int | None) -> Ints:
    """Rows that an update writes one after the other, shape (steps of co, loads)."""
    chip, layer = case.chip, case.lowered
    slots = np.array([len(load.slots) for load in layer.loads], dtype=np.int64)
    each = np.array([max(load.slots) for load in layer.loads], dtype=np.int64)
    if chip.writing.whole_crossbars:
        each[:] = chip.crossbar.rows
    cores = [layer.cores_at_work(step, chip.cores) for step in range(layer.column_steps)]
    crossbars = np.outer(cores, slots) * chip.crossbar.slices
    rounds = np.ones_like(crossbars) if drivers is None else -(-crossbars // drivers)
    rows: Ints = rounds * each
    return rows

"""Map a layer onto PEs with scratch pads: spatial use, tiles and order of loops by an estimate.

First every tiling of the pads is estimated for the promising spreads and every order of the
buffers' loops, as if the shared buffers held all the rest. Then the best of them get every tile of
the shared buffers, and every order of main memory's loops. Of all that are within three percent of
the least cycles, and then within fifteen of the least energy of moving words, the one is taken
with the fewest passes: long passes even out what zeros leave of the work. Mappings with remainders
count as ten percent slower than they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.mapping import Mapping as LayerMapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.templates.pads.building import mapping_of
from stallscope.mappings.templates.pads.cutting import buffer_tiles, joined, pad_tiles
from stallscope.mappings.templates.pads.estimate import (
    Costs,
    costs,
    fits,
    second_tiles,
    sums_stay,
)
from stallscope.mappings.templates.pads.machine import Keeps, Machine, machine_of
from stallscope.mappings.templates.pads.spreading import REMAINDER, Spread, spreads
from stallscope.mappings.templates.pads.table import Reals, Table
from stallscope.mappings.templates.pads.traffic import Orders
from stallscope.mappings.templates.roles import Roles, roles_of
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["PadPlan", "plan_on_pads"]

SLACK = 0.03
"""Part of the fastest estimate that words moved at less energy may cost."""

SPARE = 0.15
"""Part of the least energy of these that fewer passes may cost."""

_SEEDS = 24
"""Tilings of the pads that get every tile of the shared buffers."""
_PER_ORDER = 3
"""Of each kind: of least energy, with the fewest passes."""
_TILES = 160
"""Tiles of the shared buffers tried per tiling of the pads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PadPlan:
    """A mapped layer and what the template expects of it.

    Attributes:
        mapping: The mapping.
        cycles: Estimate of the run, cycles.
        steps: Steps of the array alone, cycles.
        passes: Tiles that a PE works on, one after the other.
        words: Words that main memory sends or takes, per tensor; at most so many.
    """

    mapping: LayerMapping
    cycles: int
    steps: int
    passes: int
    words: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows of one kind, and what they cost."""

    table: Table
    spreads: tuple[Spread, ...]
    which: list[int]
    keeps: Keeps
    orders: Orders
    costs: Costs

    @property
    def rank(self) -> Reals:
        """Cycles; more where there are remainders."""
        return self.costs.score * np.where(self.table.has_remainder, REMAINDER, 1.0)


def plan_on_pads(
    problem: Problem, architecture: Architecture, *, dataflow: Dataflow | None = None
) -> PadPlan:
    """Map a layer and say what is expected of it.

    Args:
        problem: A product of two operands summed over the dimensions they share.
        architecture: An architecture whose PEs have storage of their own.
        dataflow: The tensor whose tile stays in the pads from pass to pass; None: the best.

    Raises:
        SpecError: The problem or the architecture is none that the template knows, or nothing
            fits.
    """
    roles = roles_of(problem)
    machine = machine_of(architecture, roles)
    firsts = [
        found for keeps in machine.keeps for found in _on_pads(machine, roles, keeps, dataflow)
    ]
    if not firsts:
        raise SpecError([_nothing_fits(machine, roles)])
    tried = list(_on_buffers(machine, roles, firsts))
    if not any(np.isfinite(found.rank).any() for found in tried):
        raise SpecError([_nothing_fits(machine, roles)])
    best, row = _best(tried)
    one = best.table.where(np.array([row]))
    return PadPlan(
        mapping=mapping_of(
            machine, roles, one, best.spreads[best.which[row]], best.keeps, best.orders
        ),
        cycles=math.ceil(best.costs.cycles[row]),
        steps=int(one.cycles[0]),
        passes=int(one.passes[0]),
        words={name: int(words[row]) for name, words in best.costs.words.items()},
    )


def _on_pads(
    machine: Machine, roles: Roles, keeps: Keeps, dataflow: Dataflow | None
) -> Iterator[_Found]:
    """Estimate every tiling of the pads, in every order of the buffers' loops."""
    tables, which = [], list[int]()
    chosen = tuple(spreads(machine, roles))
    inner = _without_buffers(keeps, machine)
    for at, spread in enumerate(chosen):
        table = pad_tiles(machine, roles, spread, keeps)
        table = table.where(fits(machine, roles, table, inner) & table.is_needed)
        tables.append(table)
        which += [at] * table.rows
    table = joined(tables)
    if not which:
        return
    doubled = second_tiles(machine, roles, table, inner)
    for order in _orders(roles, table, dataflow):
        orders = Orders(memory=order, buffer=order)
        figures = costs(machine, roles, table, keeps, orders, doubled)
        yield _Found(table, chosen, which, keeps, orders, figures)


def _on_buffers(machine: Machine, roles: Roles, firsts: Sequence[_Found]) -> Iterator[_Found]:
    """Give the best tilings every tile of the shared buffers, and every order of main memory."""
    fast = min(float(found.rank.min()) for found in firsts) * (1 + SLACK)
    seeds = sorted(
        (max(float(found.rank[row]), fast), float(found.costs.energy[row]), at, row)
        for at, found in enumerate(firsts)
        for row in _promising(found, fast)
    )[:_SEEDS]
    # A table per order of loops: all of its rows are estimated together.
    for at, found in enumerate(firsts):
        rows = [row for _, _, number, row in seeds if number == at]
        if not rows:
            continue
        tables = [buffer_tiles(machine, roles, found.table, row, _TILES) for row in rows]
        which = [found.which[row] for row, table in zip(rows, tables, strict=True)
                 for _ in range(table.rows)]  # fmt: skip
        table = joined(tables)
        legal = np.flatnonzero(fits(machine, roles, table, found.keeps) & table.is_needed)
        if len(legal):
            which = [which[row] for row in legal.tolist()]
            yield from _ordered(machine, roles, found, table.where(legal), which)


def _promising(found: _Found, fast: float) -> list[int]:
    """Rows of one order: the fastest, and of the fast ones those of least energy or few passes."""
    energy, rank = found.costs.energy, found.rank
    rows = [int(rank.argmin())]
    some = np.flatnonzero(rank <= fast)
    if len(some):
        rows += some[np.argsort(energy[some], kind="stable")[:_PER_ORDER]].tolist()
        some = some[energy[some] <= (1 + SPARE) * energy[some].min()]
        passes = found.table.passes[some]
        rows += some[np.argsort(passes, kind="stable")[:_PER_ORDER]].tolist()
    return list(dict.fromkeys(rows))


def _ordered(
    machine: Machine, roles: Roles, found: _Found, table: Table, which: list[int]
) -> Iterator[_Found]:
    doubled = second_tiles(machine, roles, table, found.keeps)
    for order in _orders(roles, table, None):
        orders = Orders(memory=order, buffer=found.orders.buffer)
        figures = costs(machine, roles, table, found.keeps, orders, doubled)
        if machine.narrows:
            stays = sums_stay(machine, roles, table, found.keeps, orders)
            figures = figures.without(~stays)
        yield _Found(table, found.spreads, which, found.keeps, orders, figures)


def _best(tried: Sequence[_Found]) -> tuple[_Found, int]:
    """Choose: which of them, and which row."""
    fast = min(float(found.rank.min()) for found in tried) * (1 + SLACK)
    light = (1 + SPARE) * min(
        float(found.costs.energy[found.rank <= fast].min(initial=math.inf)) for found in tried
    )
    best: tuple[tuple[float, ...], int, int] | None = None
    for at, found in enumerate(tried):
        rows = np.flatnonzero((found.rank <= fast) & (found.costs.energy <= light))
        if not len(rows):
            continue
        figures = [figure[rows] for figure in
                   (found.table.passes, found.costs.energy, found.rank)]  # fmt: skip
        first = np.lexsort(figures[::-1])[0]
        rank = tuple(float(figure[first]) for figure in figures)
        if best is None or rank < best[0]:
            best = (rank, at, int(rows[first]))
    assert best is not None  # the least is among them
    return tried[best[1]], best[2]


def _orders(roles: Roles, table: Table, dataflow: Dataflow | None) -> list[tuple[int, ...]]:
    """Orders of loops: roles in any order, groups outermost, a role's dimensions as they are."""
    parts = [part for part in (roles.pixels, roles.columns, roles.reduction) if part]
    stays = {
        Dataflow.WS: roles.pixels, Dataflow.OS: roles.reduction, Dataflow.IS: roles.columns,
        None: (),
    }[dataflow]  # fmt: skip
    found = []
    for order in permutations(parts):
        if stays and order[-1] != stays:
            continue
        found.append(tuple(table.at([*roles.groups, *(name for part in order for name in part)])))
    return found or [tuple(table.at(roles.groups))]


def _without_buffers(keeps: Keeps, machine: Machine) -> Keeps:
    """What levels keep, the shared buffers left out: their tiles are chosen later."""
    return tuple(() if at in machine.shared else kept for at, kept in enumerate(keeps))


def _nothing_fits(machine: Machine, roles: Roles) -> Fault:
    smallest = ", ".join(
        f"{machine.levels[at].name} {machine.levels[at].capacity_words or 'unbounded'}"
        for at in (*machine.shared, *machine.pads)
    )
    return Fault(
        place="architecture", value=f"words: {smallest}",
        rule="no tile of the layer fits these levels as their capacity and min_utilization say",
        remedy="enlarge the smallest of them, or lower min_utilization",
    )  # fmt: skip

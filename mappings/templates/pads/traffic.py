"""Words that pass between the levels of a mapping on PEs with pads, for many mappings at once.

Words are those of whole tiles, but for a step in which windows slide: there it is the new part
alone. Where a network on the way does not multicast, every PE gets words of its own. That is never
less than what the analytical model counts; it is the same where no rank has windows and all
networks multicast (a test holds both).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.pads.machine import Keeps, Machine
from stallscope.mappings.templates.pads.table import Flags, Integers, Reals, Spans, Table

__all__ = ["Orders", "Transfer", "distinct", "transfers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Order of the loops, as columns of a table, outermost first.

    Attributes:
        memory: Loops over the tiles of main memory.
        buffer: Loops inside a tile of the shared buffers.
    """

    memory: tuple[int, ...]
    buffer: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What passes between two levels that keep a tensor, over the whole run.

    Attributes:
        parent, child: Numbers of the levels.
        down: Words that leave the parent for all children.
        up: Words that come back.
        child_down, child_up: The same at one child.
        visits: How often the tile changes.
    """

    parent: int
    child: int
    down: Reals
    up: Reals
    child_down: Reals
    child_up: Reals
    visits: Reals


def transfers(
    machine: Machine, table: Table, keeps: Keeps, orders: Orders, tensor: Tensor
) -> list[Transfer]:
    """What passes between the levels that keep a tensor, outermost first."""
    chain = [level for level, kept in enumerate(keeps) if tensor.name in kept]
    found = []
    for parent, child in pairwise(chain):
        if parent in machine.pads:  # two pads of one PE: the same tile, moved once
            words, visits = _moved(machine, table, orders, tensor, parent, is_pad=True)[1:]
            found.append(_made(parent, child, tensor, words, words, visits))
            continue
        moved = _moved(machine, table, orders, tensor, parent, is_pad=child in machine.pads)
        found.append(_made(parent, child, tensor, *moved))
    return found


def _made(
    parent: int, child: int, tensor: Tensor, words: tuple[Reals, Reals],
    each: tuple[Reals, Reals], visits: Reals,
) -> Transfer:  # fmt: skip
    """Outputs go up at every visit, and come down at all but the first; operands come down."""
    if tensor.is_output:
        return Transfer(parent, child, words[1], words[0], each[1], each[0], visits)
    none = np.zeros_like(words[0])
    return Transfer(parent, child, words[0], none, each[0], none, visits)


def _moved(
    machine: Machine, table: Table, orders: Orders, tensor: Tensor, parent: int, *, is_pad: bool
) -> tuple[tuple[Reals, Reals], tuple[Reals, Reals], Reals]:
    """Words of all visits, and of those but the first of a tile.

    Returns:
        Both of all children, both of one child, and how many visits there are.
    """
    loops = [(at, table.trips[at]) for at in orders.memory]
    if is_pad:
        loops += [(at, table.tiles[at]) for at in orders.buffer]
    visits, runs = _visits(table, tensor, loops)
    tiles = (Spans.ARRAY, Spans.PE) if is_pad else (Spans.BUFFER, Spans.BUFFER)
    whole = _slid(table, tensor, tiles[0], tiles, visits, runs)
    one = whole
    if is_pad:
        one = _slid(table, tensor, Spans.PE, tiles, visits, runs)
        # No more words than the PEs take, where a stride leaves holes between them.
        between = machine.levels[parent : machine.pads[0]]
        multicasts = all(level.network.multicast for level in between)
        most = distinct(table, tensor, table.space) if multicasts else None
        pes = np.prod(table.space, axis=0)
        whole = one * pes if most is None else np.minimum(whole, one * most)
    differing = np.ones(len(visits))
    for at, extent in loops:
        if table.names[at] in tensor.dimensions:
            differing = differing * extent
    again = 1.0 - differing / visits
    return (whole, whole * again), (one, one * again), visits


def _visits(
    table: Table, tensor: Tensor, loops: Sequence[tuple[int, Integers]]
) -> tuple[Reals, Integers]:
    """How often a tile changes, and how often in a row because of one dimension alone.

    Returns:
        Visits, shape (rows,), and per dimension the iterations of its loop where that is the
        innermost one that moves the tile, else 1; shape (dimensions, rows).
    """
    rows = table.rows
    started: Flags = np.zeros(rows, dtype=np.bool_)
    visits = np.ones(rows)
    runs: Integers = np.ones_like(table.lanes)
    for at, extent in reversed(loops):
        if table.names[at] in tensor.dimensions:
            runs[at] = np.where(started, runs[at], extent)
            started = started | (extent > 1)
            visits = visits * extent
        else:
            visits = visits * np.where(started, extent, 1)
    return visits, runs


def _slid(
    table: Table, tensor: Tensor, spans: Spans, tiles: tuple[Spans, Spans],
    visits: Reals, runs: Integers,
) -> Reals:  # fmt: skip
    """Words of all visits of a tile, with what stays of it when windows slide left out.

    Args:
        table: The rows.
        tensor: The tensor.
        spans: Which tile.
        tiles: That of all children, by which it moves, and that of one child: what stays of the
            former is what every child has already.
        visits: As of `_visits`.
        runs: As of `_visits`.
    """
    words, moved = table.words(tensor, spans), table.extents[tiles[0]]
    total = visits * words
    shapes = [table.shapes(tensor, of) for of in (spans, tiles[1])]
    for rank, shape, own in zip(tensor.ranks, *shapes, strict=True):
        terms = [term for term in rank if term.dimension in table.names]
        for term in terms if len(terms) > 1 else ():
            at = table.names.index(term.dimension)
            stays = np.maximum(own - term.coefficient * moved[at], 0)
            total = total - visits / runs[at] * (runs[at] - 1) * (words // shape) * stays
    return total


def distinct(table: Table, tensor: Tensor, across: Integers) -> Integers:
    """Tiles of a tensor that differ across a mesh."""
    found: Integers = np.prod(across[table.of(tensor)], axis=0)
    return found

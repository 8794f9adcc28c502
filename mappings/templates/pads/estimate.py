"""What a mapping costs, by a closed form: words between levels, and cycles.

Cycles are the largest of the array's steps and the words of every level over its ports. A tensor
of which a level has no room for a second tile stops the array while its tile changes: that time is
added to the steps. So are the first tiles on their way in, and the last one on its way out.

Words are those of whole tiles, but for a step in which windows slide: there it is the new part
alone. That is never less than what the analytical model counts; it is the same where no rank has
windows (a test holds both).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.pads.machine import Keeps, Machine
from stallscope.mappings.templates.pads.table import (
    Flags,
    Integers,
    Reals,
    Spans,
    Table,
)
from stallscope.mappings.templates.roles import Roles

__all__ = ["Costs", "Orders", "costs", "fits", "second_tiles", "sums_stay"]

_MEMORY, _BUFFER, _PAD = 200.0, 6.0, 2.0
"""Energy of a word of main memory, of the buffer, and on the way into a PE, in that of one MAC.

Source: Chen, Emer, Sze, ISCA 2016, table IV (normalized energy, 65 nm): DRAM 200, buffer 6,
array 2, register file 1.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Order of the loops, as columns of a table, outermost first.

    Attributes:
        memory: Loops over the tiles of main memory.
        buffer: Loops inside a tile of the shared buffers.
    """

    memory: tuple[int, ...]
    buffer: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Figures per row.

    Attributes:
        cycles: Estimate of the run.
        words: Words that main memory sends or takes, per tensor.
        energy: Energy of moving words, in that of one MAC.
    """

    cycles: Reals
    words: Mapping[str, Integers]
    energy: Reals

    def without(self, rows: Flags) -> Costs:
        """Return the figures with some rows made infinitely slow."""
        return replace(self, cycles=np.where(rows, np.inf, self.cycles))


@dataclass(slots=True)
class _Load:
    """Words through the ports of one level (one instance), added up."""

    reads: Reals
    writes: Reals


@dataclass(frozen=True, slots=True)
class _Transfer:
    """What passes between two levels that keep a tensor, over the whole run.

    Attributes:
        parent, child: Numbers of the levels.
        down: Words that leave the parent for all children.
        up: Words that come back.
        child_down, child_up: The same at one child.
    """

    parent: int
    child: int
    down: Reals
    up: Reals
    child_down: Reals
    child_up: Reals


def costs(
    machine: Machine, roles: Roles, table: Table, keeps: Keeps, orders: Orders,
    doubled: Sequence[Mapping[str, Integers]],
) -> Costs:  # fmt: skip
    """Estimate every row.

    Args:
        machine: The levels.
        roles: The tensors.
        table: The rows.
        keeps: What every level keeps.
        orders: Order of the loops of all rows.
        doubled: What `second_tiles` says of them; a level whose tiles are not chosen yet has none.
    """
    chains = {tensor.name: _transfers(machine, table, keeps, orders, tensor)
              for tensor in roles.tensors}  # fmt: skip
    loads = _loads(machine, roles, table, keeps, chains)
    bound = table.cycles + _stopped(machine, chains, doubled)
    for level, load in enumerate(loads):
        bound = np.maximum(bound, _time(machine, level, load.reads, load.writes))
    for one in chains[roles.outputs.name]:
        # A tile's room is free when it is drained, and filled again after that.
        old = _time(machine, one.parent, loads[one.parent].reads, np.zeros(table.rows))
        bound = np.maximum(
            bound, _time(machine, one.parent, np.zeros(table.rows), one.up) + old * (one.down > 0)
        )
    energy = np.zeros(table.rows)
    words = {name: np.zeros(table.rows, dtype=np.int64) for name in chains}
    for name, one in ((name, one) for name, chain in chains.items() for one in chain):
        moved = one.down + one.up
        energy += moved * (_BUFFER if one.parent else _MEMORY)
        energy += moved * (_PAD if one.child in machine.pads else _BUFFER)
        if one.parent == 0:
            words[name] = moved.astype(np.int64)
    return Costs(cycles=bound + _edges(machine, roles, table, keeps), words=words, energy=energy)


def _loads(
    machine: Machine, roles: Roles, table: Table, keeps: Keeps,
    chains: Mapping[str, Sequence[_Transfer]],
) -> list[_Load]:  # fmt: skip
    """Words through the ports of every level: transfers, and what the MACs read and update."""
    loads = [_Load(np.zeros(table.rows), np.zeros(table.rows)) for _ in machine.levels]
    for tensor in roles.tensors:
        for one in chains[tensor.name]:
            loads[one.parent].reads += one.down
            loads[one.parent].writes += one.up
            loads[one.child].writes += one.child_down
            loads[one.child].reads += one.child_up
        at_macs = loads[max(at for at in machine.pads if tensor.name in keeps[at])]
        used = table.cycles * _distinct(table, tensor, table.lanes)
        at_macs.reads += used
        at_macs.writes += used * tensor.is_output
    return loads


def _stopped(
    machine: Machine,
    chains: Mapping[str, Sequence[_Transfer]],
    doubled: Sequence[Mapping[str, Integers]],
) -> Reals | float:
    """Cycles that the array waits while tiles change that have room for one alone."""
    found: Reals | float = 0.0
    for name, one in ((name, one) for name, chain in chains.items() for one in chain):
        tiles = doubled[one.child].get(name)
        if tiles is None:
            continue
        late: Reals | float = 0.0
        for down, up, child_down, child_up in (
            (one.down, 0 * one.up, one.child_down, 0 * one.child_up),
            (0 * one.down, one.up, 0 * one.child_down, one.child_up),
        ):
            late = late + np.maximum(
                _time(machine, one.parent, down, up),
                _time(machine, one.child, child_up, child_down),
            )
        found = found + np.where(tiles > 0, 0.0, late)
    return found


def second_tiles(
    machine: Machine, roles: Roles, table: Table, keeps: Keeps
) -> list[dict[str, Integers]]:
    """Per level and tensor whether the next tile arrives while this one is used.

    Room is given in the order in which a level keeps the tensors, and only where there is a tile
    to come.

    Returns:
        Per level and tensor 2 where a second tile has room, 1 where no other is to come, and 0
        where the array stops until it is there; shape (rows,).
    """
    found: list[dict[str, Integers]] = []
    for level, kept in enumerate(keeps):
        inside, outside = _tile(machine, table, level)
        capacity = machine.levels[level].capacity_words
        tensors = [tensor for tensor in roles.tensors if tensor.name in kept]
        each = {tensor.name: table.words(tensor, inside) for tensor in tensors}
        held = sum(each.values(), np.zeros(table.rows, dtype=np.int64))
        given: dict[str, Integers] = {}
        for tensor in tensors:
            moves = (outside[table.of(tensor)] > 1).any(axis=0)
            more = each[tensor.name] * moves
            has_room = held + more <= capacity if capacity is not None else np.ones_like(moves)
            held = held + more * has_room
            given[tensor.name] = np.where(moves, 2 * has_room, 1)
        found.append(given)
    return found


def fits(machine: Machine, roles: Roles, table: Table, keeps: Keeps) -> Flags:
    """Whether one tile of every tensor fits all levels that keep it, and fills them enough."""
    result: Flags = np.ones(table.rows, dtype=np.bool_)
    for level, kept in enumerate(keeps):
        if not kept or level == 0:
            continue
        inside, _ = _tile(machine, table, level)
        held = sum(table.words(tensor, inside)
                   for tensor in roles.tensors if tensor.name in kept)  # fmt: skip
        spec = machine.levels[level]
        result &= held <= machine.room(level)
        if spec.min_utilization and spec.capacity_words is not None:
            result &= held >= spec.min_utilization * spec.capacity_words
    return result


def sums_stay(
    machine: Machine, roles: Roles, table: Table, keeps: Keeps, orders: Orders
) -> Flags:  # fmt: skip
    """Whether no partial sum goes to a level whose words are narrower than where it comes from."""
    result: Flags = np.ones(table.rows, dtype=np.bool_)
    for one in _transfers(machine, table, keeps, orders, roles.outputs):
        if machine.levels[one.parent].word_bits < machine.levels[one.child].word_bits:
            result &= one.down == 0
    return result


def _tile(machine: Machine, table: Table, level: int) -> tuple[Spans, Integers]:
    """Which tile a level has, and iterations of the loops outside it."""
    if level in machine.pads:
        return Spans.PE, table.tiles * table.trips
    if level == 0:
        return Spans.ALL, np.ones_like(table.trips)
    return Spans.BUFFER, table.trips


def _transfers(
    machine: Machine, table: Table, keeps: Keeps, orders: Orders, tensor: Tensor
) -> list[_Transfer]:
    chain = [level for level, kept in enumerate(keeps) if tensor.name in kept]
    found = []
    for parent, child in pairwise(chain):
        if parent in machine.pads:  # two pads of one PE: the same tile, moved once
            words = _moved(machine, table, orders, tensor, is_pad=True)[1]
            found.append(_made(parent, child, tensor, words, words))
            continue
        words, each = _moved(machine, table, orders, tensor, is_pad=child in machine.pads)
        found.append(_made(parent, child, tensor, words, each))
    return found


def _made(
    parent: int, child: int, tensor: Tensor, words: tuple[Reals, Reals], each: tuple[Reals, Reals]
) -> _Transfer:
    """Outputs go up at every visit, and come down at all but the first; operands come down."""
    if tensor.is_output:
        return _Transfer(parent, child, words[1], words[0], each[1], each[0])
    none = np.zeros_like(words[0])
    return _Transfer(parent, child, words[0], none, each[0], none)


def _moved(
    machine: Machine, table: Table, orders: Orders, tensor: Tensor, *, is_pad: bool
) -> tuple[tuple[Reals, Reals], tuple[Reals, Reals]]:
    """Words of all visits, and of those but the first of a tile; of all children, and of one."""
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
        most = _distinct(table, tensor, table.space) if machine.multicasts else None
        pes = np.prod(table.space, axis=0)
        whole = one * pes if most is None else np.minimum(whole, one * most)
    distinct = np.ones(len(visits))
    for at, extent in loops:
        if table.names[at] in tensor.dimensions:
            distinct = distinct * extent
    again = 1.0 - distinct / visits
    return (whole, whole * again), (one, one * again)


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


def _distinct(table: Table, tensor: Tensor, across: Integers) -> Integers:
    """Tiles of a tensor that differ across a mesh."""
    found: Integers = np.prod(across[table.of(tensor)], axis=0)
    return found


def _time(machine: Machine, level: int, reads: Reals, writes: Reals) -> Reals:
    """Cycles that the ports of a level need."""
    width = machine.widths[level]
    return np.maximum(
        np.maximum(reads / width.read, writes / width.write), (reads + writes) / width.shared
    )


def _edges(machine: Machine, roles: Roles, table: Table, keeps: Keeps) -> Reals:
    """Cycles of the first tiles from main memory, and of the last one back."""
    found = np.zeros(table.rows)
    for tensor in roles.tensors:
        child = next(level for level in range(1, len(keeps)) if tensor.name in keeps[level])
        spans = Spans.ARRAY if child in machine.pads else Spans.BUFFER
        words = table.words(tensor, spans).astype(np.float64)
        none = np.zeros_like(words)
        ways = (none, words) if tensor.is_output else (words, none)
        found += _time(machine, 0, *ways)
    return found

"""What a mapping costs, by a closed form: words between levels, and cycles.

Where PEs skip zeros, mappings are compared by the mean of their cycles over all densities: nobody
says here how many zeros there will be, and the fewer steps are left, the more what moves counts.

Cycles are the largest of the array's steps and the words of every level over its ports. A tensor
of which a level has no room for a second tile stops the array while its tile changes: that time is
added to the steps. So are the first tiles on their way in, and the last one on its way out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.tiles import format_of
from stallscope.mappings.templates.pads.machine import Keeps, Machine
from stallscope.mappings.templates.pads.storing import stored_words
from stallscope.mappings.templates.pads.table import (
    Flags,
    Integers,
    Reals,
    Spans,
    Table,
)
from stallscope.mappings.templates.pads.traffic import Orders, Transfer, distinct, transfers
from stallscope.mappings.templates.roles import Roles

__all__ = ["Costs", "costs", "fits", "second_tiles", "sums_stay"]

_MEMORY, _BUFFER, _PAD = 200.0, 6.0, 2.0
"""Energy of a word of main memory, of the buffer, and on the way into a PE, in that of one MAC.

Source: Chen, Emer, Sze, ISCA 2016, table IV (normalized energy, 65 nm): DRAM 200, buffer 6,
array 2, register file 1.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Figures per row.

    Attributes:
        cycles: Estimate of the run, without zeros.
        score: What to choose by: the same, or where zeros are skipped the mean over densities.
        words: Words that main memory sends or takes, per tensor.
        energy: Energy of moving words, in that of one MAC.
    """

    cycles: Reals
    score: Reals
    words: Mapping[str, Integers]
    energy: Reals

    def without(self, rows: Flags) -> Costs:
        """Return the figures with some rows made infinitely slow."""
        return replace(self, score=np.where(rows, np.inf, self.score))


@dataclass(slots=True)
class _Load:
    """Words through the ports of one level (one instance), added up."""

    reads: Reals
    writes: Reals


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
    chains = {tensor.name: transfers(machine, table, keeps, orders, tensor)
              for tensor in roles.tensors}  # fmt: skip
    loads = _loads(machine, roles, table, keeps, chains)
    stopped = _stopped(machine, chains, doubled)
    moving = np.zeros(table.rows)
    for level, load in enumerate(loads):
        moving = np.maximum(moving, _time(machine, level, load.reads, load.writes))
    for one in (one for chain in chains.values() for one in chain):
        moving = np.maximum(moving, _turnaround(machine, one, loads))
    edges = _edges(machine, roles, table, keeps)
    cycles = np.maximum(table.cycles + stopped, moving) + edges
    score = cycles
    if machine.skips_zeros:
        score = _averaged(table.cycles, stopped, moving) + edges
    energy = np.zeros(table.rows)
    words = {name: np.zeros(table.rows, dtype=np.int64) for name in chains}
    for name, one in ((name, one) for name, chain in chains.items() for one in chain):
        moved = one.down + one.up
        energy += moved * (_BUFFER if one.parent else _MEMORY)
        energy += moved * (_PAD if one.child in machine.pads else _BUFFER)
        if one.parent == 0:
            words[name] = moved.astype(np.int64)
    return Costs(cycles=cycles, score=score, words=words, energy=energy)


def _averaged(steps: Integers, stopped: Reals | float, moving: Reals) -> Reals:
    """Mean of max(density x steps + stopped, moving) over all densities from 0 to 1."""
    # Below this density what moves is the slower.
    even = np.clip((moving - stopped) / steps, 0.0, 1.0)
    above = steps / 2 * (1 - even**2) + stopped * (1 - even)
    mean: Reals = moving * even + above
    return mean


def _loads(
    machine: Machine, roles: Roles, table: Table, keeps: Keeps,
    chains: Mapping[str, Sequence[Transfer]],
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
        used = table.cycles * distinct(table, tensor, table.lanes)
        at_macs.reads += used
        at_macs.writes += used * tensor.is_output
    return loads


def _stopped(
    machine: Machine,
    chains: Mapping[str, Sequence[Transfer]],
    doubled: Sequence[Mapping[str, Integers]],
) -> Reals | float:
    """Cycles that the array waits while tiles change that have room for one alone."""
    found: Reals | float = 0.0
    for name, one in ((name, one) for name, chain in chains.items() for one in chain):
        tiles = doubled[one.child].get(name)
        if tiles is None:
            continue
        none = np.zeros_like(one.down)
        down = np.maximum(
            _time(machine, one.parent, one.down, none),
            _time(machine, one.child, none, one.child_down),
        )
        up = np.maximum(
            _time(machine, one.parent, none, one.up), _time(machine, one.child, one.child_up, none)
        )
        late = down + up + one.visits * _latency(machine, one)
        found = found + np.where(tiles > 0, 0.0, late)
    return found


def _turnaround(machine: Machine, one: Transfer, loads: Sequence[_Load]) -> Reals:
    """Cycles in which one of two tiles is drained, filled and waited for, visit by visit.

    Room is free again when the array has left the tile, for outputs when it is drained; the next
    tile must have arrived when the array has gone through the other one.
    """
    none = np.zeros_like(one.down)
    old = np.where(one.up > 0, _time(machine, one.parent, loads[one.parent].reads, none), 0.0)
    down = np.where(one.up > 0, old * (one.down > 0), _time(machine, one.parent, one.down, none))
    up = _time(machine, one.parent, none, one.up)
    return down + up + one.visits * _latency(machine, one)


def _latency(machine: Machine, one: Transfer) -> Reals:
    """Cycles from a transfer's end at the port it comes from to its arrival, both ways."""
    parent, child = machine.levels[one.parent], machine.levels[one.child]
    down = parent.read_latency_cycles + child.write_latency_cycles
    up = child.read_latency_cycles + parent.write_latency_cycles
    return down * (one.down > 0) + up * (one.up > 0)


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
        _, outside = _tile(machine, table, level)
        capacity = machine.levels[level].capacity_words
        tensors = [tensor for tensor in roles.tensors if tensor.name in kept]
        each = {tensor.name: _room(machine, table, level, tensor) for tensor in tensors}
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
        held = sum(_room(machine, table, level, tensor)
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
    for one in transfers(machine, table, keeps, orders, roles.outputs):
        if machine.levels[one.parent].word_bits < machine.levels[one.child].word_bits:
            result &= one.down == 0
    return result


def _room(machine: Machine, table: Table, level: int, tensor: Tensor) -> Integers:
    """Words that a level needs for a tile of a tensor, in its format."""
    inside, _ = _tile(machine, table, level)
    form = format_of(machine.levels[level], tensor.name)
    if form is None:
        return table.words(tensor, inside)
    return stored_words(form, table.shapes(tensor, inside), machine.levels[level].word_bits)


def _tile(machine: Machine, table: Table, level: int) -> tuple[Spans, Integers]:
    """Which tile a level has, and iterations of the loops outside it."""
    if level in machine.pads:
        return Spans.PE, table.tiles * table.trips
    if level == 0:
        return Spans.ALL, np.ones_like(table.trips)
    return Spans.BUFFER, table.trips


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

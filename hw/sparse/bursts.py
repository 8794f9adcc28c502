"""What the bursts of an array come to, looked up by the number of their contents.

A burst may be part of a PE's pass, or hold several whole ones. Bursts are worked out some hundreds
at a time, when the first of them is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from stallscope.hw.sparse.fronts import Front
from stallscope.hw.sparse.pieces import Counts, PieceCounts, Pieces
from stallscope.hw.sparse.reading import Reading

__all__ = ["Block", "BurstTotal", "BurstWork", "Bursts"]

_CELLS = 1 << 18
"""Numbers per block and count, that is 2 MB."""
_KEPT = 1 << 24
"""Numbers of all blocks that are kept for when they come again."""


class BurstWork(NamedTuple):
    """What one burst comes to.

    Attributes:
        slowest: Steps of the slowest PE of every pass, summed over the burst's passes.
        packed: The same if the steps of every pass were dealt to all PEs evenly.
        steps: Steps of all PEs.
        executed: Multiply-accumulates that take time.
        active: Of these, those that the MAC works for.
        reads: Per operand, words read by all PEs.
        busiest: Per operand and network on its way, words at the busiest instance outside it.
        fresh: Words of the output that a fresh burst adds to, over all PEs.
        busiest_fresh: The same at the busiest instance of the level that holds them.
        fronts: Per unit in front of the MACs, words that the busiest PE's handles; where work is
            packed, an even share of them.
    """

    slowest: int
    packed: int
    steps: int
    executed: int
    active: int
    reads: tuple[int, ...]
    busiest: tuple[tuple[int, ...], ...]
    fresh: int
    busiest_fresh: int
    fronts: tuple[int, ...]


class BurstTotal(NamedTuple):
    """What the bursts of a run came to, summed; see `BurstWork`.

    Attributes:
        fresh: Output words that were not read, being touched for the first time.
    """

    steps: int
    executed: int
    active: int
    fresh: int
    reads: tuple[int, ...]


class Block(NamedTuple):
    """Consecutive bursts.

    Attributes:
        works: What each comes to.
        steps: Steps of every PE, shape (bursts, PEs).
        reads: Per operand, words of every PE, likewise.
        fresh: Words of the output that every PE adds to in a fresh burst, likewise.
        fronts: Per unit in front of the MACs, words that every PE's handles, likewise.
    """

    works: list[BurstWork]
    steps: Counts
    reads: tuple[Counts, ...]
    fresh: Counts
    fronts: tuple[Counts, ...]


class Bursts:
    """The bursts of a compute stream.

    Args:
        pieces: The pieces of work that they are made of.
        readings: How each operand is read.
        depth: Loops of the stream: those outside a burst.
        fronts: Units in front of the MACs.
        is_even: Whether work is packed onto all PEs evenly.

    Attributes:
        parts: Pieces of a burst that may differ.
        repeats: How often each of them is done in a burst.
        size: Numbers of bursts.
        done: Steps of every PE, every burst that was asked for counted once.
    """

    def __init__(
        self, pieces: Pieces, readings: Sequence[Reading], depth: int,
        fronts: Sequence[Front] = (), *, is_even: bool = False,
    ) -> None:  # fmt: skip
        self.pieces = pieces
        self._is_even = is_even
        self._fronts = tuple(fronts)
        self._readings = tuple(readings)
        self._output = next(one for one in readings if one.operand.is_output)
        self._written = pieces.written
        inner = list(zip(pieces.loops, pieces.keys.strides, strict=True))[depth:]
        self.parts = prod(loop.extent for loop, stride in inner if stride)
        self.repeats = prod(loop.extent for loop, stride in inner if not stride)
        self.size = pieces.keys.size // self.parts
        self._strides = tuple(stride // self.parts for stride in pieces.keys.strides[:depth])
        self._rows = max(1, min(self.size, _CELLS // (self.parts * pieces.pes)))
        self._kept = max(2, _KEPT // (self._rows * pieces.pes * (2 + len(readings))))
        self._blocks: dict[int, Block] = {}
        self._seen = np.zeros(-(-self.size // self._rows), dtype=np.bool_)
        self.done = np.zeros(pieces.pes, dtype=np.int64)

    def find(self, index: Sequence[int]) -> tuple[Block, int]:
        """The block of the burst at some position of the stream, and its row there."""
        number = 0
        for at, stride in zip(index, self._strides, strict=True):
            number += at * stride
        block, row = divmod(number, self._rows)
        found = self._blocks.get(block)
        return (found or self._add(block)), row

    def _add(self, number: int) -> Block:
        if len(self._blocks) >= self._kept:
            del self._blocks[next(iter(self._blocks))]
        low = number * self._rows
        made = self._blocks[number] = self._made(low, min(self.size, low + self._rows))
        if not self._seen[number]:
            self._seen[number] = True
            self.done += made.steps.sum(axis=0)
        return made

    def _made(self, low: int, high: int) -> Block:
        """Work out some bursts."""
        pieces, parts = self.pieces, self.parts
        numbers = np.arange(low * parts, high * parts, dtype=np.int64)
        found = pieces.at(numbers)
        each = found.count(pieces.lanes_beside(()), active=False)
        slowest = self._whole(each.max(axis=1)[:, None])[:, 0]
        packed = self._whole(-(-each.sum(axis=1) // pieces.pes)[:, None])[:, 0]
        steps = self._whole(each)
        executed = self._whole(found.count((), active=False)).sum(axis=1)
        active = self._whole(found.count((), active=True)).sum(axis=1)
        reads = tuple(self._whole(one.words(found)) for one in self._readings)
        fresh = self._touched(numbers)
        whole = _rows([slowest, packed, steps.sum(axis=1), executed, active])
        words = _rows([one.sum(axis=1) for one in reads])
        most = zip(
            *(
                list(_rows([_busiest(read, group) for group in one.groups]))
                for one, read in zip(self._readings, reads, strict=True)
            ),
            strict=True,
        )
        touched = _rows([fresh.sum(axis=1), _busiest(fresh, self._output.groups[0])])
        handled = tuple(self._whole(self._handled(one, found)) for one in self._fronts)
        held = list(_rows([self._most(one) for one in handled])) or [()] * (high - low)
        works = [
            BurstWork._make((*times, read, busiest, *added, front))
            for times, read, busiest, added, front in zip(
                whole, words, most, touched, held, strict=True
            )
        ]
        return Block(works, steps, reads, fresh, handled)

    def _most(self, counts: Counts) -> Counts:
        """The busiest PE's share, or an even one, burst by burst."""
        found: Counts = counts.max(axis=1)
        if self._is_even:
            found = -(-counts.sum(axis=1) // self.pieces.pes)
        return found

    def _handled(self, front: Front, found: PieceCounts) -> Counts:
        """Words that a unit in front of the MACs handles, shape (pieces, PEs)."""
        if front.intersects:
            looked: Counts = np.sum([found.of(name) for name in front.operands], axis=0)
            return looked
        (name,) = front.operands
        reading = next(one for one in self._readings if one.operand.tensor == name)
        return reading.words(found)

    def _touched(self, numbers: Counts) -> Counts:
        """Output words that every PE adds to, burst by burst; 0 where it cannot be the first."""
        pieces = self.pieces
        is_first = np.ones(len(numbers), dtype=np.bool_)
        for loop, stride in zip(pieces.loops, pieces.keys.strides, strict=True):
            if stride and loop.dimension not in self._written:
                is_first &= numbers // stride % loop.extent == 0
        found = np.zeros((len(numbers), pieces.pes), dtype=np.int64)
        if is_first.any():
            found[is_first] = self._output.first_touched(pieces.at(numbers[is_first]))
        return self._whole(found)

    def _whole(self, counts: Counts) -> Counts:
        """Sum over the pieces of every burst, shape (bursts, ...)."""
        if self.parts == self.repeats == 1:
            return counts
        shape = (len(counts) // self.parts, self.parts, counts.shape[1])
        found: Counts = counts.reshape(shape).sum(axis=1) * self.repeats
        return found


def _busiest(counts: Counts, group: int) -> Counts:
    """Words at the busiest of the instances that have ``group`` PEs below, burst by burst."""
    shape = (len(counts), counts.shape[1] // group, group)
    found: Counts = counts.reshape(shape).sum(axis=2).max(axis=1)
    return found


def _rows(columns: Sequence[Counts]) -> Iterator[tuple[int, ...]]:
    """Rows of integers of some columns."""
    return zip(*(column.tolist() for column in columns), strict=True)

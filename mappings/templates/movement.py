"""Words that main memory sends of a tensor, exactly, for many blockings at once.

A buffer that is sent a tile holds the one before, and is sent only what is new. So the words of a
nest are those of all its tiles, less what each has in common with its predecessor. Both are boxes,
and the loops over one rank do not depend on those over another: what a step of a loop has in
common is a product over ranks of a sum over the loops outside that move in the rank.

This is the rule ``overlap`` of the analytical model (docs/design.md), worked out anew: no walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor, Term

__all__ = ["Integers", "OuterLoop", "words_sent"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OuterLoop:
    """A loop of main memory over a dimension.

    Attributes:
        dimension: The dimension; it has no other loop outside the tile.
        bound: Its bound.
        trips: Iterations; an array over the blockings.
        span: Indices of an iteration, those past the bound included; likewise.
    """

    dimension: str
    bound: int
    trips: Integers
    span: Integers

    @cached_property
    def steps(self) -> bool:
        """Whether it has more than one iteration in any blocking."""
        return bool((self.trips > 1).any())

    @cached_property
    def first(self) -> Integers:
        """Indices of the first tile."""
        return np.minimum(self.span, self.bound)

    @cached_property
    def last(self) -> Integers:
        """Indices of the last tile."""
        return self.bound - self.span * (self.trips - 1)


def words_sent(tensor: Tensor, loops: Sequence[OuterLoop]) -> Integers:
    """Words of a tensor that main memory sends, per blocking.

    Args:
        tensor: The tensor.
        loops: The loops outside its tile, outermost first; arrays that broadcast together.
            Dimensions without a loop have one index.
    """
    walk = _Walk(tensor, loops)
    return walk.total()


class _Walk:
    def __init__(self, tensor: Tensor, loops: Sequence[OuterLoop]) -> None:
        self._loops = loops
        self._moves = [loop.dimension in tensor.dimensions for loop in loops]
        at = {loop.dimension: index for index, loop in enumerate(loops)}
        ranks = [
            [(at[term.dimension], term) for term in rank if term.dimension in at]
            for rank in tensor.ranks
        ]
        self._ranks = [rank for rank in ranks if rank]
        # A plain rank has nothing in common with its predecessor when its own loop steps.
        self._apart = frozenset(rank[0][0] for rank in self._ranks if len(rank) == 1)

    def total(self) -> Integers:
        words: Integers = np.ones((), dtype=np.int64)
        for loop, moves in zip(self._loops, self._moves, strict=True):
            if not moves:
                words = words * loop.trips
        for rank in self._ranks:
            words = words * self._lengths(rank)
        for at, loop in enumerate(self._loops):
            if at not in self._apart and loop.steps:
                words = words - self._common(at)
        return words

    def _common(self, at: int) -> Integers:
        """Words that tiles have in common with their predecessor, over all steps of one loop."""
        loop = self._loops[at]
        words = np.ones((), dtype=np.int64) if self._moves[at] else loop.trips - 1
        for rank in self._ranks:
            words = words * self._overlap(rank, at)
        for outer, moves in zip(self._loops[:at], self._moves[:at], strict=True):
            if not moves and outer.steps:
                words = words * outer.trips
        return words

    def _lengths(self, rank: list[tuple[int, Term]]) -> Integers:
        """Sum of the lengths in a rank over all iterations of its loops."""
        loops = [(self._loops[at], term.coefficient) for at, term in rank]
        tiles: Integers = np.ones((), dtype=np.int64)
        for loop, _ in loops:
            tiles = tiles * loop.trips
        total = tiles * (1 - sum(by for _, by in loops))
        for loop, by in loops:
            total = total + by * loop.bound * (tiles // loop.trips)
        return total

    def _overlap(self, rank: list[tuple[int, Term]], at: int) -> Integers:
        """Length in a rank that is kept when a loop steps, summed over the rank's outer loops.

        Of the loop that steps, every step but the first tile is summed; a loop inside goes from
        its last iteration to its first.
        """
        outer = [(self._loops[index], term.coefficient) for index, term in rank if index < at]
        steps = [(self._loops[index], term.coefficient) for index, term in rank if index == at]
        inner = [(self._loops[index], term.coefficient) for index, term in rank if index > at]
        if not steps and not inner:
            return self._lengths(rank)
        if len(rank) == 1:
            loop, by = inner[0]
            whole = 1 + by * (loop.bound - 1)
            return whole * (loop.trips == 1) if loop.steps else np.array(whole)
        shift, new, old = _turn(steps, inner)
        total: Integers = np.zeros((), dtype=np.int64)
        for sizes in product(*(_sizes(loop, by) for loop, by in outer)):
            times, more = _combined(sizes)
            for count, change in _changes(steps):
                end = np.minimum(shift + new + more + change, old + more)
                kept = np.maximum(end - np.maximum(shift, 0), 0)
                total = total + times * count * kept
        return total


_Moving = list[tuple[OuterLoop, int]]


def _turn(steps: _Moving, inner: _Moving) -> tuple[Integers, Integers, Integers]:
    """How far a rank moves at a step, its new length and its old one, outer loops aside."""
    shift: Integers = np.zeros((), dtype=np.int64)
    new = old = shift + 1
    for loop, by in steps:
        shift = shift + by * loop.span
        new = new + by * (loop.span - 1)
        old = old + by * (loop.span - 1)
    for loop, by in inner:
        shift = shift - by * loop.span * (loop.trips - 1)
        new = new + by * (loop.first - 1)
        old = old + by * (loop.last - 1)
    return shift, new, old


def _sizes(loop: OuterLoop, by: int) -> list[tuple[Integers, Integers]]:
    """How many iterations of a loop have which length: full ones, and the last."""
    full = (loop.trips - 1, by * (loop.span - 1))
    return [full, (np.ones((), dtype=np.int64), by * (loop.last - 1))]


def _combined(sizes: Sequence[tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    times: Integers = np.ones((), dtype=np.int64)
    more: Integers = np.zeros((), dtype=np.int64)
    for count, length in sizes:
        times, more = times * count, more + length
    return times, more


def _changes(steps: _Moving) -> list[tuple[Integers, Integers]]:
    """How many steps of a loop end in a tile that is so much longer than a full one."""
    if not steps:
        return [(np.ones((), dtype=np.int64), np.zeros((), dtype=np.int64))]
    loop, by = steps[0]
    last = (loop.trips > 1).astype(np.int64)
    return [(np.maximum(loop.trips - 2, 0), np.zeros((), dtype=np.int64)),
            (last, by * (loop.last - loop.span))]  # fmt: skip

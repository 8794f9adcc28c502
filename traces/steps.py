"""The kinds of step a looped stream can take, and what stands where at each.

Without remainders the kind of a step is the loop that stepped and the loop that stepped before.
With remainders it is the loop that stepped and, per clipped dimension, the pattern in which the
bound clips the tiles now and before, and how far the origin moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import gcd

import numpy as np
from numpy.typing import NDArray

from stallscope.traces.digits import offsets
from stallscope.traces.nest import Nest, NestLoop
from stallscope.traces.program import StreamLoop

__all__ = ["ClippedStep", "Origin", "Steps", "displacement", "last_origin"]

Origin = dict[str, int]

_Ints = NDArray[np.int64]
_Pair = tuple[tuple[int, int, int], int, int]
"""(class now, class before, move) of a dimension, and an example of origins now and before."""


@dataclass(frozen=True, slots=True)
class ClippedStep:
    """One kind of step with remainders: representative origins now and before."""

    loop: int
    key: tuple[tuple[int, int, int], ...]
    now: Origin
    before: Origin


class Steps:
    """Kinds of step of the loops ``loops`` whose tiles span ``spans`` below level ``inner``.

    Args:
        nest: The resolved nest.
        loops: The stream's loops, outermost first.
        spans: Iterations per dimension of one tile.
        inner: Level of the tiles; the spatial loops outside it place their instances.
    """

    def __init__(
        self, nest: Nest, loops: Sequence[NestLoop], spans: dict[str, int], inner: int
    ) -> None:
        self.nest = nest
        self.loops = tuple(loops)
        self.spans = spans
        spatial = [loop for loop in nest.loops if loop.is_spatial and loop.level < inner]
        self.bounds = tuple(sorted(nest.clipped))
        self._offsets = {
            name: offsets(loop for loop in spatial if loop.dimension == name)
            for name in self.bounds
        }
        self.grain = tuple(
            gcd(*(loop.step for loop in self.loops if loop.dimension == name)) or 1
            for name in self.bounds
        )
        self.classes = tuple(
            self._classes(name, grain) for name, grain in zip(self.bounds, self.grain, strict=True)
        )
        self._known: dict[tuple[int, int, bool], list[_Pair]] = {}
        self._numbers = [np.array(classes, dtype=np.int64) for classes in self.classes]

    def _classes(self, name: str, grain: int) -> tuple[int, ...]:
        """Number the distinct clip patterns of a dimension by origin / grain.

        The later the origin, the less is left to every tile: patterns differ where sums do.
        """
        bound, span = self.nest.bounds[name], self.spans[name]
        if not any(loop.dimension == name for loop in self.loops):
            return (0,)
        left = bound - np.arange(0, bound, grain)
        given = _left_of(self._offsets[name], left) - _left_of(self._offsets[name], left - span)
        numbers = np.cumsum(np.diff(given, prepend=given[0]) != 0)
        return tuple(numbers.tolist())

    def displacement(self, loop: int) -> Origin:
        """How far the origin moves when ``loop`` steps, in dimensions without remainders."""
        return displacement(self.loops, loop)

    def clipped(self) -> Iterator[ClippedStep]:
        """Yield every kind of step when some dimension has remainders."""
        for loop in range(len(self.loops)):
            moved = self.displacement(loop)
            moved = {name: by for name, by in moved.items() if name not in self.bounds}
            choices = [self._choices(index, loop) for index in range(len(self.bounds))]
            for choice in product(*choices):
                now = {name: by for name, by in moved.items() if by > 0}
                before = {name: -by for name, by in moved.items() if by < 0}
                for name, (_, at, was) in zip(self.bounds, choice, strict=True):
                    now[name], before[name] = at, was
                yield ClippedStep(loop, tuple(key for key, _, _ in choice), now, before)

    def _choices(self, which: int, stepped: int) -> list[_Pair]:
        """What `_pairs` yields: the same for all loops between two of the dimension."""
        name = self.bounds[which]
        outside = sum(1 for loop in self.loops[:stepped] if loop.dimension == name)
        key = (which, outside, self.loops[stepped].dimension == name)
        if key not in self._known:
            self._known[key] = list(self._pairs(which, stepped))
        return self._known[key]

    def _pairs(self, which: int, stepped: int) -> Iterator[_Pair]:
        """Distinct (class now, class before, move) of a dimension, each with one example."""
        now, before = self._origins(self.bounds[which], stepped)
        grain, classes = self.grain[which], self._numbers[which]
        keys = np.stack([classes[now // grain], classes[before // grain], now - before])
        changes = np.flatnonzero(np.diff(keys, axis=1).any(axis=0)) + 1
        seen = set()
        for at in [0, *changes.tolist()] if len(now) else []:
            first, second, move = keys[:, at].tolist()
            if (first, second, move) not in seen:
                seen.add((first, second, move))
                yield (first, second, move), int(now[at]), int(before[at])

    def _origins(self, name: str, stepped: int) -> tuple[_Ints, _Ints]:
        """Origins of a dimension now and before, over all steps of the loop ``stepped``."""
        own = [(i, loop) for i, loop in enumerate(self.loops) if loop.dimension == name]
        bound = self.nest.bounds[name]
        inner = [loop for i, loop in own if i > stepped]
        now = _origins([loop for i, loop in own if i < stepped])
        now = now[now < bound]
        loop = self.loops[stepped]
        if loop.dimension == name:
            # The iteration before was whole, and so were the pieces inside it.
            now = np.add.outer(now, np.arange(1, loop.extent) * loop.step).reshape(-1)
            now = now[now < bound]
            return now, now - loop.step + last_origin(inner, loop.step)
        before = now.copy()
        if len(now) > 1:
            before[:-1] += last_origin(inner, bound)
        before[-1] += last_origin(inner, bound - int(now[-1]))
        return now, before


def _left_of(offsets: Sequence[int], left: _Ints) -> _Ints:
    """Sum over tiles at ascending offsets of what is left from there, where anything is."""
    starts = np.array(offsets, dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(starts)])
    number = np.searchsorted(starts, left)
    found: _Ints = left * number - before[number]
    return found


def _origins(loops: Sequence[NestLoop]) -> _Ints:
    """All origins of one dimension's loops, ascending."""
    found: _Ints = np.zeros(1, dtype=np.int64)
    for loop in loops:
        found = np.add.outer(found, np.arange(loop.extent) * loop.step).reshape(-1)
    return found


def displacement(loops: Sequence[NestLoop], loop: int) -> Origin:
    """How far the origin of ``loops`` moves when ``loop`` steps and those inside start anew."""
    moved: Origin = {}
    for index, inner in enumerate(loops[loop:], start=loop):
        by = inner.step if index == loop else -(inner.extent - 1) * inner.step
        moved[inner.dimension] = moved.get(inner.dimension, 0) + by
    return moved


def last_origin(loops: Sequence[NestLoop] | Sequence[StreamLoop], left: int) -> int:
    """Origin of the last iteration of ``loops`` in a piece of ``left`` iterations."""
    origin = 0
    for loop in loops:
        given = min(left, loop.extent * loop.step)
        at = (given - 1) // loop.step * loop.step
        origin += at
        left = min(loop.step, given - at)
    return origin

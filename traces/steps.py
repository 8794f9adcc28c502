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

from stallscope.traces.nest import Nest, NestLoop
from stallscope.traces.program import StreamLoop

__all__ = ["ClippedStep", "Origin", "Steps", "displacement", "last_origin"]

Origin = dict[str, int]


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
            name: sorted(set(_sums([loop for loop in spatial if loop.dimension == name])))
            for name in self.bounds
        }
        self.grain = tuple(
            gcd(*(loop.step for loop in self.loops if loop.dimension == name)) or 1
            for name in self.bounds
        )
        self.classes = tuple(
            self._classes(name, grain) for name, grain in zip(self.bounds, self.grain, strict=True)
        )

    def _classes(self, name: str, grain: int) -> tuple[int, ...]:
        """Number the distinct clip patterns of a dimension by origin / grain."""
        bound, span = self.nest.bounds[name], self.spans[name]
        patterns: dict[tuple[int, ...], int] = {}
        numbers = []
        moves = any(loop.dimension == name for loop in self.loops)
        for origin in range(0, bound if moves else 1, grain):
            clipped = tuple(
                max(0, min(span, bound - origin - offset)) for offset in self._offsets[name]
            )
            numbers.append(patterns.setdefault(clipped, len(patterns)))
        return tuple(numbers)

    def displacement(self, loop: int) -> Origin:
        """How far the origin moves when ``loop`` steps, in dimensions without remainders."""
        return displacement(self.loops, loop)

    def clipped(self) -> Iterator[ClippedStep]:
        """Yield every kind of step when some dimension has remainders."""
        for loop in range(len(self.loops)):
            moved = self.displacement(loop)
            moved = {name: by for name, by in moved.items() if name not in self.bounds}
            choices = [list(self._pairs(index, loop)) for index in range(len(self.bounds))]
            for choice in product(*choices):
                now = {name: by for name, by in moved.items() if by > 0}
                before = {name: -by for name, by in moved.items() if by < 0}
                for name, (_, at, was) in zip(self.bounds, choice, strict=True):
                    now[name], before[name] = at, was
                yield ClippedStep(loop, tuple(key for key, _, _ in choice), now, before)

    def _pairs(self, which: int, stepped: int) -> Iterator[tuple[tuple[int, int, int], int, int]]:
        """Distinct (class now, class before, move) of a dimension, each with one example."""
        name, grain, classes = self.bounds[which], self.grain[which], self.classes[which]
        seen = set()
        for now, before in self._origins(name, stepped):
            key = (classes[now // grain], classes[before // grain], now - before)
            if key not in seen:
                seen.add(key)
                yield key, now, before

    def _origins(self, name: str, stepped: int) -> Iterator[tuple[int, int]]:
        """Origins of a dimension now and before, over all steps of the loop ``stepped``."""
        own = [(i, loop) for i, loop in enumerate(self.loops) if loop.dimension == name]
        bound = self.nest.bounds[name]
        outer = [loop for i, loop in own if i < stepped]
        inner = [loop for i, loop in own if i > stepped]
        is_stepped = self.loops[stepped].dimension == name
        for prefix, left in origins(outer, bound):
            if not is_stepped:
                yield prefix, prefix + last_origin(inner, left)
                continue
            loop = self.loops[stepped]
            given = min(left, loop.extent * loop.step)
            for at in range(loop.step, given, loop.step):
                before = at - loop.step
                yield prefix + at, prefix + before + last_origin(inner, given - before)


def displacement(loops: Sequence[NestLoop], loop: int) -> Origin:
    """How far the origin of ``loops`` moves when ``loop`` steps and those inside start anew."""
    moved: Origin = {}
    for index, inner in enumerate(loops[loop:], start=loop):
        by = inner.step if index == loop else -(inner.extent - 1) * inner.step
        moved[inner.dimension] = moved.get(inner.dimension, 0) + by
    return moved


def origins(loops: Sequence[NestLoop], bound: int) -> Iterator[tuple[int, int]]:
    """Yield (origin, iterations left from there) of a dimension's loops, clipped to its bound."""
    if not loops:
        yield 0, bound
        return
    loop, rest = loops[0], loops[1:]
    given = min(bound, loop.extent * loop.step)
    for at in range(0, given, loop.step):
        for inside, left in origins(rest, min(loop.step, given - at)):
            yield at + inside, left


def last_origin(loops: Sequence[NestLoop] | Sequence[StreamLoop], left: int) -> int:
    """Origin of the last iteration of ``loops`` in a piece of ``left`` iterations."""
    origin = 0
    for loop in loops:
        given = min(left, loop.extent * loop.step)
        at = (given - 1) // loop.step * loop.step
        origin += at
        left = min(loop.step, given - at)
    return origin


def _sums(loops: Sequence[NestLoop]) -> list[int]:
    """Origins of every combination of the loops' iterations."""
    sums = [0]
    for loop in loops:
        sums = [total + digit * loop.step for total in sums for digit in range(loop.extent)]
    return sums

"""Where a stream stands in its loop nest.

The loops of all streams of a program are prefixes of one nest, so loop number k means the same
in each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stallscope.simcore.environment import FOREVER

__all__ = ["LoopShape", "Position"]


@dataclass(frozen=True, slots=True)
class LoopShape:
    """One loop: ``extent`` iterations of ``step`` each over dimension number ``dimension``."""

    dimension: int
    extent: int
    step: int


class Position:
    """An odometer over a loop nest whose dimensions may be clipped to a bound.

    Args:
        loops: The loops, outermost first.
        bounds: Bound per dimension number; a dimension not listed is never clipped.
        reach: Per dimension number, how far ahead of the position others stand that take part in
            the same steps; they meet the bound so much earlier.

    Attributes:
        index: Current iteration of every loop.
        count: Iterations of every loop, here and now.
        stepped: Loop that stepped last; len(loops) before the first step.
        earlier: Loop that stepped before that one.
    """

    __slots__ = ("_bounds", "_clipped", "_last", "_left", "_reach", "count", "depth", "earlier",
                 "index", "loops", "stepped")  # fmt: skip

    def __init__(
        self,
        loops: Sequence[LoopShape],
        bounds: dict[int, int],
        reach: Mapping[int, int] | None = None,
    ) -> None:
        self.loops = tuple(loops)
        self.depth = len(self.loops)
        self.index = [0] * self.depth
        self.count = [loop.extent for loop in self.loops]
        self.stepped = self.earlier = self.depth
        self._last = self.depth - 1
        self._bounds = bounds
        self._reach = reach or {}
        self._clipped = any(loop.dimension in bounds for loop in self.loops)
        self._left = [0] * self.depth
        if self._clipped:
            self._fill(0)

    def step(self) -> int:
        """Go on to the next tile; returns the loop that stepped, or -1 at the end."""
        index, count = self.index, self.count
        level = self._last
        while level >= 0:
            if index[level] + 1 < count[level]:
                index[level] += 1
                self.earlier = self.stepped
                self.stepped = level
                if self._clipped:
                    self._fill(level)
                return level
            index[level] = 0
            level -= 1
        return -1

    def _fill(self, start: int) -> None:
        """Recompute the clipped counts of the loops from ``start`` inward."""
        left = dict(self._bounds)
        for level, loop in enumerate(self.loops):
            given = left.get(loop.dimension)
            if given is None:
                continue
            given = min(given, loop.extent * loop.step)
            if level >= start:
                self.count[level] = -(-given // loop.step)
            self._left[level] = given
            left[loop.dimension] = min(loop.step, given - self.index[level] * loop.step)

    def origin(self, dimension: int) -> int:
        """First iteration of a dimension at this position."""
        return sum(
            at * loop.step
            for at, loop in zip(self.index, self.loops, strict=True)
            if loop.dimension == dimension
        )

    def relative(self, level: int, base: int) -> tuple[int, ...]:
        """The position, loop ``level`` counted from ``base``, and the loop that stepped last."""
        index = [*self.index, self.stepped]
        if self.depth > level:
            index[level] -= base
        return tuple(index)

    def left(self, level: int, earlier_index: int) -> int:
        """Iterations of loop ``level`` this stream can still be moved by.

        The first iteration (where ``earlier_index`` is 0) and smaller last ones, of this position
        or of others within its reach, are unlike the others: they are never part of a period.
        """
        if self.depth <= level:
            return FOREVER
        if earlier_index < 1:
            return 0
        last = self.count[level] - 1
        loop = self.loops[level]
        bound = self._bounds.get(loop.dimension)
        if bound is not None:
            outside = sum(
                at * outer.step
                for at, outer in zip(self.index[:level], self.loops, strict=False)
                if outer.dimension == loop.dimension
            )
            room = bound - outside - self._reach.get(loop.dimension, 0)
            last = min(last, room // loop.step) - 1
        return max(0, last - self.index[level])

    def jump(self, level: int, iterations: int) -> None:
        """Move on by whole iterations of loop ``level``."""
        if self.depth > level:
            self.index[level] += iterations
            if self._clipped:
                self._fill(level)

    def at(self, level: int) -> int:
        """Iteration of loop ``level``, 0 if the stream does not have it."""
        return self.index[level] if self.depth > level else 0

    def last(self, level: int, index: Sequence[int]) -> int:
        """Last iteration of loop ``level`` when the loops outside it stand at ``index``."""
        loop = self.loops[level]
        left = self._bounds.get(loop.dimension)
        if left is None:
            return loop.extent - 1
        for at, outer in zip(index[:level], self.loops, strict=False):
            if outer.dimension == loop.dimension:
                given = min(left, outer.extent * outer.step)
                left = min(outer.step, given - at * outer.step)
        return -(-min(left, loop.extent * loop.step) // loop.step) - 1

    def ordinal(self, index: Sequence[int]) -> int:
        """Number of steps before the step at ``index``."""
        if not self._clipped:
            total = 0
            for at, loop in zip(index, self.loops, strict=True):
                total = total * loop.extent + at
            return total
        return self._clipped_ordinal(index)

    def _clipped_ordinal(self, index: Sequence[int]) -> int:
        total = 0
        left = dict(self._bounds)
        for level, (at, loop) in enumerate(zip(index, self.loops, strict=True)):
            for before in range(at):
                total += self._steps_inside(level, loop, before, left)
            if loop.dimension in left:
                given = min(left[loop.dimension], loop.extent * loop.step)
                left[loop.dimension] = min(loop.step, given - at * loop.step)
        return total

    def _steps_inside(self, level: int, loop: LoopShape, at: int, left: dict[int, int]) -> int:
        """Steps of the loops inside iteration ``at`` of loop ``level``."""
        rest = dict(left)
        if loop.dimension in rest:
            given = min(rest[loop.dimension], loop.extent * loop.step)
            rest[loop.dimension] = min(loop.step, given - at * loop.step)
        steps = 1
        for inner in self.loops[level + 1 :]:
            if inner.dimension in rest:
                # Only the last piece of a dimension is clipped: whole pieces of the innermost
                # step, rounded up, are what its loops walk together.
                continue
            steps *= inner.extent
        for dimension, given in rest.items():
            steps *= self._tiles(level, dimension, given)
        return steps

    def _tiles(self, level: int, dimension: int, given: int) -> int:
        """Tiles the loops inside ``level`` cut a piece of a dimension into."""
        own = [loop for loop in self.loops[level + 1 :] if loop.dimension == dimension]
        return _walked(own, given)


def _walked(loops: Sequence[LoopShape], given: int) -> int:
    """Steps of nested loops over one dimension in a piece of ``given`` iterations."""
    if not loops:
        return 1
    loop, rest = loops[0], loops[1:]
    given = min(given, loop.extent * loop.step)
    whole, remainder = divmod(given, loop.step)
    steps = whole * _walked(rest, loop.step) if whole else 0
    return steps + (_walked(rest, remainder) if remainder else 0)

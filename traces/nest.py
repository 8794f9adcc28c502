"""The mapping's loop nest, resolved: every loop with the piece one iteration of it spans.

Pieces are nested: a loop of step s cuts the piece it is given into pieces of s iterations; a
piece that reaches past the dimension's bound is clipped. The instance at spatial index 0 is never
given less than any other, so its temporal loops are the ones that are walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod

from stallscope.mappings.case import Case
from stallscope.mappings.mapping import Loop
from stallscope.mappings.problem import Tensor

__all__ = ["Block", "Nest", "NestLoop", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NestLoop:
    """One loop with more than one iteration; ``level`` counts from the outermost.

    ``is_y``: a spatial loop along Y; the others run along X.
    """

    dimension: str
    extent: int
    step: int
    level: int
    is_spatial: bool
    is_y: bool = False


@dataclass(frozen=True, kw_only=True)
class Block:
    """The spatial loops at one level: instances of the next level under one instance.

    Attributes:
        level: Index of the outer level.
        loops: Spatial loops, outermost first.
        width: Instances of the next level along X under one instance, physically.
        height: The same along Y.
    """

    level: int
    loops: tuple[NestLoop, ...]
    width: int
    height: int

    @property
    def count(self) -> int:
        """Instances the mapping uses under one outer instance."""
        return prod(loop.extent for loop in self.loops)

    @property
    def y_loops(self) -> tuple[NestLoop, ...]:
        """Those along Y."""
        return tuple(loop for loop in self.loops if loop.is_y)

    @property
    def x_loops(self) -> tuple[NestLoop, ...]:
        """Those along X."""
        return tuple(loop for loop in self.loops if not loop.is_y)

    def position(self, index: int) -> tuple[int, int]:
        """Physical (x, y) of a linear index: folded over the width."""
        return index % self.width, index // self.width

    @cached_property
    def longest(self) -> int:
        """Hops to the furthest used instance from the left edge at half height, rounded up."""
        if self.count == 1:
            return 0
        # The first row, the last full one and the last are further than those between them.
        full, rest = divmod(self.count, self.width)
        ends = [min(self.count, self.width), full * self.width, full * self.width + rest]
        spots = [self.position(end - 1) for end in ends if end]
        # twice the height's centre is a whole number
        return max(-(-(2 * x + abs(2 * y - self.height + 1)) // 2) for x, y in spots)

    def offsets(self) -> Iterator[dict[str, int]]:
        """Origin of every instance per dimension, in linear order (outermost loop slowest)."""
        for index in range(self.count):
            origin: dict[str, int] = {}
            for loop in reversed(self.loops):
                index, digit = divmod(index, loop.extent)
                origin[loop.dimension] = origin.get(loop.dimension, 0) + digit * loop.step
            yield origin


@dataclass(frozen=True)
class Nest:
    """All loops of a case, outermost first, and what lies between two levels.

    Attributes:
        case: The case.
        loops: Loops with extent above 1; at one level temporal before spatial.
    """

    case: Case
    loops: tuple[NestLoop, ...]

    @cached_property
    def bounds(self) -> dict[str, int]:
        """Bound of every dimension."""
        return self.case.problem.bounds

    @cached_property
    def clipped(self) -> frozenset[str]:
        """Dimensions with remainders: their factors multiply to more than the bound."""
        full = dict.fromkeys(self.bounds, 1)
        for loop in self.loops:
            full[loop.dimension] *= loop.extent
        return frozenset(name for name, size in full.items() if size != self.bounds[name])

    @property
    def depth(self) -> int:
        """Number of storage levels; the MACs count as this level."""
        return len(self.case.architecture.levels)

    def level_name(self, level: int) -> str:
        """Name of a storage level, or of the compute level for ``depth``."""
        architecture = self.case.architecture
        return architecture.compute.name if level == self.depth else architecture.levels[level].name

    def keepers(self, tensor: str) -> list[int]:
        """Levels that keep the tensor, outermost first."""
        levels = self.case.mapping.levels
        return [index for index, level in enumerate(levels) if tensor in level.keep]

    def spans(self, level: int) -> dict[str, int]:
        """Iterations per dimension that the loops at ``level`` and inside span, unclipped."""
        spans = dict.fromkeys(self.bounds, 1)
        for loop in self.loops:
            if loop.level >= level:
                spans[loop.dimension] *= loop.extent
        return {name: min(size, self.bounds[name]) for name, size in spans.items()}

    def temporal(self, level: int) -> tuple[NestLoop, ...]:
        """Temporal loops outside ``level``, outermost first."""
        return tuple(loop for loop in self.loops if not loop.is_spatial and loop.level < level)

    def walked(self, tensor: Tensor, level: int) -> tuple[NestLoop, ...]:
        """Temporal loops outside ``level`` without trailing ones that do not touch the tensor."""
        loops = list(self.temporal(level))
        while loops and loops[-1].dimension not in tensor.dimensions:
            loops.pop()
        return tuple(loops)

    def instances(self, level: int) -> int:
        """Instances of a level that the mapping uses."""
        return prod(loop.extent for loop in self.loops if loop.is_spatial and loop.level < level)

    def block(self, level: int) -> Block:
        """The spatial loops at ``level`` and the physical shape below it."""
        architecture = self.case.architecture
        outer = architecture.levels[level]
        is_last = level + 1 == self.depth
        inner = architecture.compute if is_last else architecture.levels[level + 1]
        return Block(
            level=level,
            loops=tuple(loop for loop in self.loops if loop.is_spatial and loop.level == level),
            width=max(1, inner.x // outer.x),
            height=max(1, inner.y // outer.y),
        )


def resolve(case: Case) -> Nest:
    """Resolve the mapping of ``case`` into one nest."""
    raw: list[tuple[Loop, int, bool, bool]] = []
    for index, level in enumerate(case.mapping.levels):
        raw += [(loop, index, False, False) for loop in level.temporal]
        raw += [(loop, index, True, True) for loop in level.spatial_y]
        raw += [(loop, index, True, False) for loop in level.spatial_x]
    step = dict.fromkeys(case.problem.bounds, 1)
    loops: list[NestLoop] = []
    for loop, index, is_spatial, is_y in reversed(raw):
        if loop.extent > 1:
            loops.append(
                NestLoop(
                    dimension=loop.dimension,
                    extent=loop.extent,
                    step=step[loop.dimension],
                    level=index,
                    is_spatial=is_spatial,
                    is_y=is_y,
                )
            )
            step[loop.dimension] *= loop.extent
    return Nest(case=case, loops=tuple(reversed(loops)))

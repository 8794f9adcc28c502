"""The resolved loop nest: every loop with the span of one iteration, blocks per storage level.

The span of a loop is the number of consecutive indices of its dimension that one iteration covers:
the product of the extents of the loops inside it over the same dimension. A dimension is *ragged*
when its bound is not the product of its extents; only ragged dimensions are ever clipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

from stallscope.mappings.case import Case
from stallscope.mappings.mapping import Loop

__all__ = ["Block", "Nest", "NestLoop", "by_dimension", "offsets", "starts_below", "starts_between"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NestLoop:
    """One loop with extent > 1; ``span`` indices of ``dimension`` per iteration."""

    dimension: str
    extent: int
    span: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The loops of one storage level, outermost first; spatial ones are Y, then X."""

    temporal: tuple[NestLoop, ...]
    spatial: tuple[NestLoop, ...]

    @property
    def fanout(self) -> int:
        """Instances of the next level that the mapping uses per instance of this one."""
        return prod(loop.extent for loop in self.spatial)


class Nest:
    """The mapping's loops resolved against the problem's bounds.

    Attributes:
        bounds: Bound of every dimension.
        blocks: One per storage level, outermost first.
        ragged: Dimensions whose bound is not the product of their extents.
    """

    def __init__(self, case: Case) -> None:
        self.bounds: Mapping[str, int] = case.problem.bounds
        reached = dict.fromkeys(self.bounds, 1)
        blocks: list[Block] = []
        spans: list[dict[str, int]] = [dict(reached)]
        for level in reversed(case.architecture.levels):
            entry = case.mapping.by_level[level.name]
            spatial = _resolve(entry.spatial, reached)
            temporal = _resolve(entry.temporal, reached)
            blocks.append(Block(temporal=temporal, spatial=spatial))
            spans.append(dict(reached))
        self.blocks: tuple[Block, ...] = tuple(reversed(blocks))
        self._spans = tuple(reversed(spans))
        self.ragged: tuple[str, ...] = tuple(d for d, n in self.bounds.items() if reached[d] != n)

    def spans(self, level: int) -> Mapping[str, int]:
        """Indices per dimension that one instance of ``level`` covers; all 1 for the MACs."""
        return self._spans[level]

    def extents(self, level: int) -> dict[str, int]:
        """Like :meth:`spans`, clipped to the bounds: the largest piece of an instance."""
        return {d: min(n, self.bounds[d]) for d, n in self._spans[level].items()}

    def used_instances(self, level: int) -> int:
        """Instances of ``level`` (number of levels for the MACs) that the mapping uses."""
        return prod(block.fanout for block in self.blocks[:level])

    def temporal(self, stop: int) -> tuple[NestLoop, ...]:
        """All temporal loops of the blocks before ``stop``, outermost first."""
        return tuple(loop for block in self.blocks[:stop] for loop in block.temporal)

    @cached_property
    def steps(self) -> int:
        """Product of all temporal extents: cycles of the padded nest, one MAC each per unit."""
        return prod(loop.extent for loop in self.temporal(len(self.blocks)))

    @cached_property
    def walked(self) -> int:
        """Steps that are not past a bound: cycles of the instance at spatial index 0."""
        own = by_dimension(self.temporal(len(self.blocks)))
        return prod(
            starts_below(own.get(dimension, ()), bound) for dimension, bound in self.bounds.items()
        )

    def distinct_words(self, level: int, dimensions: frozenset[str]) -> int:
        """Distinct words touched per instance of ``level``, summed over its instances.

        Args:
            level: Index of the storage level.
            dimensions: The plain dimensions of the (output) tensor, one per rank.
        """
        total = 1
        for dimension in self.bounds:
            touched = self._touched(level, dimension)
            keeps = dimension in dimensions
            total *= sum(touched) if keeps else sum(1 for words in touched if words)
        return total

    def _touched(self, level: int, dimension: str) -> list[int]:
        """Indices of ``dimension`` that each instance of ``level`` works on."""
        outer = self.blocks[:level]
        spatial = offsets((one for b in outer for one in b.spatial), dimension)
        if dimension not in self.ragged:
            return [self.bounds[dimension] // len(spatial)] * len(spatial)
        span, bound = self._spans[level][dimension], self.bounds[dimension]
        # Its tile is one more loop, of single indices.
        tile = NestLoop(dimension=dimension, extent=span, span=1)
        temporal = [one for b in outer for one in b.temporal if one.dimension == dimension]
        return [starts_below([*temporal, tile], bound - offset) for offset in spatial]


def offsets(loops: Iterable[NestLoop], dimension: str) -> list[int]:
    """Positions in one dimension that some loops run over, in their order."""
    ranges = [range(0, o.extent * o.span, o.span) for o in loops if o.dimension == dimension]
    return [sum(combination) for combination in product(*ranges)]


def by_dimension(loops: Iterable[NestLoop]) -> dict[str, list[NestLoop]]:
    """Loops of each dimension, outermost first."""
    found: dict[str, list[NestLoop]] = {}
    for loop in loops:
        found.setdefault(loop.dimension, []).append(loop)
    return found


def starts_below(loops: Sequence[NestLoop], limit: int) -> int:
    """How many positions of one dimension's loops, outermost first, are below ``limit``."""
    if limit <= 0:
        return 0
    if not loops:
        return 1
    loop, inner = loops[0], loops[1:]
    # Whole iterations, each with all positions inside it, and the one that the limit cuts.
    whole = min(loop.extent, limit // loop.span)
    cut = starts_below(inner, limit - whole * loop.span) if whole < loop.extent else 0
    return whole * prod(one.extent for one in inner) + cut


def starts_between(loops: Sequence[NestLoop], low: int, high: int) -> Iterator[int]:
    """Positions of one dimension's loops, outermost first, from ``low`` to below ``high``."""
    if not loops:
        yield from (0,) if low <= 0 < high else ()
        return
    loop, inner = loops[0], loops[1:]
    first, end = max(0, low // loop.span), min(loop.extent, -(-high // loop.span))
    for index in range(first, end):
        at = index * loop.span
        for start in starts_between(inner, low - at, high - at):
            yield at + start


def _resolve(loops: tuple[Loop, ...], reached: dict[str, int]) -> tuple[NestLoop, ...]:
    resolved = []
    for loop in reversed(loops):
        span = reached[loop.dimension]
        if loop.extent > 1:
            resolved.append(NestLoop(dimension=loop.dimension, extent=loop.extent, span=span))
        reached[loop.dimension] = span * loop.extent
    return tuple(reversed(resolved))

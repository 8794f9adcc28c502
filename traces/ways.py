"""The way from a parent level to its children: where every child stands, and below whom.

Children are all instances of the inner level that the mapping uses, parent by parent, each below
its place in every spatial block on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.architecture import Architecture
from stallscope.traces.nest import Block, NestLoop
from stallscope.traces.program import MoverStream, Program, SpatialBlock, StreamLoop

__all__ = ["Way"]

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


class Way:
    """The instances between the two levels of a mover.

    Args:
        program: The program.
        architecture: What it runs on: levels, and how their instances lie.
        stream: The mover's stream.

    Attributes:
        ranks: Per rank of the tensor, the (dimension, coefficient) pairs of its coordinate.
        shape: Words of the whole tensor per rank.
        bounds: Bound of every dimension.
        spans: Iterations per dimension that a child's tile spans, before clipping.
        blocks: The spatial blocks on the way, outermost first.
        names: Outer levels of their networks.
        is_multicast: Per block, whether one word that enters reaches several instances. Partial
            sums combine on every network.
        is_output: Whether the tensor is written.
        shares_words: See `Program`.
        parents: Instances of the parent.
        children: Instances of the child.
    """

    def __init__(self, program: Program, architecture: Architecture, stream: MoverStream) -> None:
        levels = [level.name for level in architecture.levels]
        top, bottom = levels.index(stream.parent), levels.index(stream.child)
        layout = next(one for one in program.tensors if one.name == stream.tensor)
        self.ranks, self.shape = layout.ranks, layout.shape
        self.bounds, self.spans = dict(program.dims), dict(stream.spans)
        self.is_output, self.shares_words = stream.is_output, program.shares_words
        outside = [_block(architecture, at, program.blocks[at]) for at in range(bottom)]
        self.blocks = tuple(outside[top:])
        self.names = tuple(levels[top:bottom])
        self.is_multicast = tuple(
            stream.is_output or block.is_multicast for block in program.blocks[top:bottom]
        )
        self.parents = prod(block.count for block in outside[:top])
        self.children = prod(block.count for block in outside)
        self.offsets = _offsets([loop for block in outside for loop in block.loops])

    @cached_property
    def digits(self) -> tuple[_Ints, ...]:
        """Per block, the place of every child's way in it."""
        inside, found = 1, []
        for block in reversed(self.blocks):
            found.append(np.arange(self.children) // inside % block.count)
            inside *= block.count
        return tuple(reversed(found))

    @cached_property
    def outer(self) -> tuple[_Ints, ...]:
        """Per block, the number of the outer instance that every child is below."""
        inside, found = 1, []
        for block in reversed(self.blocks):
            inside *= block.count
            found.append(np.arange(self.children) // inside)
        return tuple(reversed(found))

    @cached_property
    def copies(self) -> tuple[_Ints, ...]:
        """Per block, what tells a child's words from others' there and further in.

        The network of a block without multicast carries a copy for each place.
        """
        number = np.zeros(self.children, dtype=np.int64)
        found = []
        for block, digit, is_shared in zip(
            reversed(self.blocks), reversed(self.digits), reversed(self.is_multicast), strict=True
        ):
            number = number * block.count + (0 if is_shared else digit)
            found.append(number)
        return tuple(reversed(found))

    @cached_property
    def lows(self) -> _Ints:
        """First word of each child's tile from that of the first; shape (children, ranks)."""
        return self.origin(self.offsets, self.children)

    @cached_property
    def reach(self) -> dict[str, int]:
        """Per dimension, iterations from the first child's origin to the end of the last tile."""
        return {
            name: span + int(self.offsets[name].max(initial=0) if name in self.offsets else 0)
            for name, span in self.spans.items()
        }

    def origin(self, at: Mapping[str, _Ints], count: int) -> _Ints:
        """First words of tiles; shape (count, ranks).

        Args:
            at: Their origin per dimension, shape (count,); 0 where it is left out.
            count: How many there are.
        """
        found: _Ints = np.zeros((count, len(self.ranks)), dtype=np.int64)
        for rank, terms in enumerate(self.ranks):
            for name, coefficient in terms:
                if name in at:
                    found[:, rank] += coefficient * at[name]
        return found

    def clips(self, at: Mapping[str, _Ints], which: _Ints) -> _Ints:
        """What tells apart how bounds clip the children's tiles; shape (len(which), dimensions).

        Args:
            at: Origins of the first child's tile, per dimension.
            which: Numbers of those that are asked for.
        """
        left = [np.minimum(self.bounds[name] - own[which], self.reach[name])
                for name, own in at.items()]  # fmt: skip
        return np.stack(left, axis=1) if left else np.zeros((len(which), 0), dtype=np.int64)

    def tiles(self, at: Mapping[str, int]) -> tuple[_Ints, _Mask]:
        """Words per rank of every child's tile, and whether it has any.

        Args:
            at: Origin of the first child's tile per dimension; 0 where it is left out.

        Returns:
            Shapes (children, ranks) and (children,).
        """
        extents: dict[str, _Ints] = {}
        has_work: _Mask = np.ones(self.children, dtype=np.bool_)
        for name, span in self.spans.items():
            left = self.bounds[name] - at.get(name, 0) - self.offsets.get(name, np.int64(0))
            extents[name] = np.minimum(span, left) * np.ones(self.children, dtype=np.int64)
            has_work &= extents[name] > 0
        sizes: _Ints = np.ones((self.children, len(self.ranks)), dtype=np.int64)
        for rank, terms in enumerate(self.ranks):
            for name, coefficient in terms:
                sizes[:, rank] += coefficient * (extents[name] - 1)
        return sizes, has_work


def _block(architecture: Architecture, at: int, block: SpatialBlock) -> Block:
    """A spatial block of a program with the physical shape below it."""
    levels = architecture.levels
    outer = levels[at]
    inner = levels[at + 1] if at + 1 < len(levels) else architecture.compute
    loops = tuple(
        NestLoop(dimension=loop.dimension, extent=loop.extent, step=loop.step, level=at,
                 is_spatial=True)
        for loop in block.loops
    )  # fmt: skip
    width, height = max(1, inner.x // outer.x), max(1, inner.y // outer.y)
    return Block(level=at, loops=loops, width=width, height=height)


def _offsets(loops: Sequence[NestLoop | StreamLoop]) -> dict[str, _Ints]:
    """Origin of every instance of some spatial loops per dimension, outermost loop slowest."""
    found: dict[str, _Ints] = {}
    for name in dict.fromkeys(loop.dimension for loop in loops):
        at: _Ints = np.zeros(1, dtype=np.int64)
        for loop in loops:
            step = loop.step if loop.dimension == name else 0
            at = np.add.outer(at, np.arange(loop.extent) * step).reshape(-1)
        found[name] = at
    return found

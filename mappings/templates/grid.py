"""All blockings of a layer that are tried, as arrays that broadcast: an axis per kind of dimension.

Groups, pixels, columns and the reduction are tiled apart from each other, so every figure of a
blocking is an array with an axis for each, of length one where it does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.movement import Integers, OuterLoop
from stallscope.mappings.templates.roles import Roles
from stallscope.mappings.templates.stores import Stores
from stallscope.mappings.templates.tiles import Cut, cuts, spread

__all__ = ["KINDS", "Array", "Axis", "Flags", "Grid", "array_of", "axes_of"]

KINDS = 4
"""Axes of a grid: groups, pixels, columns, reduction."""

Flags = NDArray[np.bool_]

_ONE: Integers = np.ones((1,) * KINDS, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Array:
    """What lies across the array, and what is streamed through it.

    Attributes:
        rows: Extent of each dimension along Y.
        columns: The same along X.
        stream: Dimensions of the stream.
    """

    rows: Mapping[str, int]
    columns: Mapping[str, int]
    stream: tuple[str, ...]

    @property
    def across(self) -> dict[str, int]:
        """Extent across the array of every dimension that has one."""
        return {**self.rows, **self.columns}


def array_of(roles: Roles, stores: Stores, dataflow: Dataflow, given: Mapping[str, int]) -> Array:
    """Lay dimensions across the array, so that it takes the fewest folds."""
    down, right, stream = roles.axes(dataflow)
    sides = []
    for names, limit in ((down, stores.rows), (right, stores.columns)):
        extents = tuple((roles.bounds[name], given.get(name)) for name in names)
        sides.append(dict(zip(names, spread(extents, limit), strict=True)))
    return Array(rows=sides[0], columns=sides[1], stream=stream)


class Axis:
    """The tiles of one kind of dimension.

    Args:
        at: Which axis of the grid.
        dimensions: The dimensions, outermost first.
        tried: Their tiles.
        across: Extent of dimensions across the array.
        bounds: Bounds of dimensions.
    """

    def __init__(
        self,
        at: int,
        dimensions: tuple[str, ...],
        tried: Sequence[Cut],
        across: Mapping[str, int],
        bounds: Mapping[str, int],
    ) -> None:
        self.at = at
        self.dimensions = dimensions
        self.tried = tuple(tried)
        self.across = across
        shape = [1] * KINDS
        shape[at] = len(self.tried)
        inner = np.array([cut.inner for cut in tried], dtype=np.int64)
        middle = np.array([cut.middle for cut in tried], dtype=np.int64)
        self.inner: dict[str, Integers] = {}
        """Iterations per dimension, of the extent across the array, in a tile of sums."""
        self.middle: dict[str, Integers] = {}
        """Tiles of sums in a tile that main memory sends."""
        self.trips: dict[str, Integers] = {}
        """Tiles that main memory sends."""
        self.sums: dict[str, Integers] = {}
        """Indices of a tile of sums, those past the bound included."""
        self.span: dict[str, Integers] = {}
        """Indices of a tile that main memory sends, likewise."""
        for index, name in enumerate(dimensions):
            size = across.get(name, 1)
            self.inner[name] = inner[:, index].reshape(shape)
            self.middle[name] = middle[:, index].reshape(shape)
            self.sums[name] = self.inner[name] * size
            self.span[name] = self.sums[name] * self.middle[name]
            self.trips[name] = -(-bounds[name] // self.span[name])
        self.bounds = {name: bounds[name] for name in dimensions}
        self.is_nested = bool((middle > 1).any())
        """Whether a tile of main memory spans several of sums in any way that is tried."""
        self._outer: dict[str, Integers] = {}
        self._inner: dict[str, Integers] = {}

    @cached_property
    def loops(self) -> list[OuterLoop]:
        """The loops of main memory, outermost first."""
        return [
            OuterLoop(
                dimension=name, bound=self.bounds[name], trips=self.trips[name],
                span=self.span[name],
            )
            for name in self.dimensions
        ]  # fmt: skip

    def held(self, dimension: str, *, outer: bool) -> Integers:
        """Indices of the largest tile that main memory sends, or that sums gather in."""
        held = self._outer if outer or not self.is_nested else self._inner
        if dimension not in held:
            span = (self.span if held is self._outer else self.sums)[dimension]
            held[dimension] = np.minimum(span, self.bounds[dimension])
        return held[dimension]

    def product(self, of: Mapping[str, Integers]) -> Integers:
        """Product over the dimensions of some figure."""
        result = _ONE
        for name in self.dimensions:
            result = result * of[name]
        return result

    @cached_property
    def folds(self) -> int:
        """Folds that the dimensions come to in all, remainders as one each."""
        result = 1
        for name in self.dimensions:
            result *= -(-self.bounds[name] // self.across.get(name, 1))
        return result

    def only(self, keep: Iterable[tuple[int, ...]]) -> Axis:
        """The same with some tiles of sums alone."""
        wanted = frozenset(keep)
        tried = [cut for cut in self.tried if cut.inner in wanted]
        if len(tried) == len(self.tried):
            return self
        return Axis(self.at, self.dimensions, tried, self.across, self.bounds)

    def bare(self) -> Axis:
        """The same with tiles of main memory as small as those of sums."""
        if not self.is_nested:
            return self
        inner = dict.fromkeys(cut.inner for cut in self.tried)
        ones = (1,) * len(self.dimensions)
        tried = [Cut(inner=size, middle=ones) for size in inner]
        return Axis(self.at, self.dimensions, tried, self.across, self.bounds)


class Grid:
    """The axes together, and the words of tiles.

    Args:
        axes: Groups, pixels, columns and reduction.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.groups, self.pixels, self.columns, self.reduction = axes
        self.axes = tuple(axes)
        self.shape = tuple(len(axis.tried) for axis in axes)
        self._owner = {name: axis for axis in axes for name in axis.dimensions}
        self._words: dict[tuple[str, bool], Integers] = {}
        self._moves: dict[tuple[str, bool], Flags] = {}

    def tile_words(self, tensor: Tensor, *, outer: bool) -> Integers:
        """Words of a tile: one that main memory sends, or one that sums gather in."""
        key = (tensor.name, outer)
        if key not in self._words:
            self._words[key] = self._tile_words(tensor, outer)
        return self._words[key]

    def moves(self, tensor: Tensor, *, outer: bool) -> Flags:
        """Whether a tensor has more than one tile, of those of `tile_words`."""
        key = (tensor.name, outer)
        if key not in self._moves:
            count = _ONE
            for axis in self.axes:
                for name in axis.dimensions:
                    if name in tensor.dimensions:
                        count = count * axis.trips[name]
                        if not outer and axis.is_nested:
                            count = count * axis.middle[name]
            self._moves[key] = count > 1
        return self._moves[key]

    def tile_lengths(self, tensor: Tensor, *, outer: bool) -> list[Integers]:
        """Words per rank of a tile, of those of `tile_words`."""
        lengths = []
        for rank in tensor.ranks:
            length: Integers = _ONE
            for term in rank:
                axis = self._owner.get(term.dimension)
                if axis is not None:
                    held = axis.held(term.dimension, outer=outer)
                    length = length + term.coefficient * (held - 1)
            lengths.append(length)
        return lengths

    def _tile_words(self, tensor: Tensor, outer: bool) -> Integers:
        words = _ONE
        for length in self.tile_lengths(tensor, outer=outer):
            if length is not _ONE:
                words = words * length
        return words


def axes_of(
    roles: Roles, stores: Stores, array: Array, given: Mapping[str, int]
) -> tuple[Axis, ...]:
    """Return the axes of the grid with every tile that is tried."""
    kinds = ((roles.groups, False), (roles.pixels, True), (roles.columns, True),
             (roles.reduction, False))  # fmt: skip
    return tuple(
        Axis(
            at, names,
            cuts(names, array.across, roles.bounds, given, nests=stores.nests and may_nest),
            array.across, roles.bounds,
        )
        for at, (names, may_nest) in enumerate(kinds)
    )  # fmt: skip

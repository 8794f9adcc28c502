"""One word for each instance of a block: how many enter, how many instances each reaches, how far.

With one spatial dimension per rank at most, the indices of the instances that take one word are
those of the instances that take the first one, all shifted by the same distance. Otherwise, and
where neighbours pass words on, words are told apart instance by instance, all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.boxes import Vector
from stallscope.mappings.multicast import Crossing, Load
from stallscope.mappings.nest import offsets
from stallscope.mappings.problem import Tensor

__all__ = ["ArrayWords", "Window", "around"]

Window = tuple[int, int]
"""Offsets of one dimension, in ascending order: number of the first, and of the one after."""

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


def around(loads: Sequence[Load], wide: Sequence[int], count: int) -> list[Load]:
    """Loads of ``count`` networks in a row, of which those numbered ``wide`` have loads.

    The others lead to one instance each: on their way words are as many as enter the next network
    with several, or as arrived from the last one; a single one if there is none.
    """
    found = []
    for at in range(count):
        inner = [load for place, load in zip(wide, loads, strict=True) if place >= at]
        if at in wide:
            found.append(inner[0])
            continue
        words = inner[0].entering if inner else loads[-1].deliveries if loads else 1
        one = Load()
        if words:
            one.words[1] = words
        found.append(one)
    return found


class ArrayWords:
    """The instances of one block below one outer instance, and the word at the origin of each.

    Args:
        tensor: Whose words.
        crossing: The block's network.
    """

    def __init__(self, tensor: Tensor, crossing: Crossing) -> None:
        self._tensor = tensor
        self._crossing = crossing
        self._dimensions = list(dict.fromkeys(loop.dimension for loop in crossing.spatial))
        # Per dimension its offsets, ascending, and their part of the linear index.
        self._offsets = {name: offsets(crossing.spatial, name) for name in self._dimensions}
        self._indices = {name: self._part(name) for name in self._dimensions}
        self._size = prod(loop.extent for loop in crossing.spatial)
        self._known: dict[tuple[Window, ...], Load] = {}

    def offsets(self, dimension: str) -> list[int]:
        """Offsets of the instances in one dimension, ascending."""
        return self._offsets.get(dimension, [0])

    def _part(self, dimension: str) -> _Ints:
        stride, strides = 1, list[int]()
        for loop in reversed(self._crossing.spatial):
            strides.insert(0, stride)
            stride *= loop.extent
        parts: _Ints = np.zeros(1, dtype=np.int64)
        for loop, stride in zip(self._crossing.spatial, strides, strict=True):
            if loop.dimension == dimension:
                parts = np.add.outer(parts, np.arange(loop.extent) * stride).reshape(-1)
        return parts

    # ------------------------------------------------------------------ one step

    def load(self, windows: Mapping[str, Window]) -> Load:
        """The load of one word for each of some instances.

        Args:
            windows: Which offsets take one, where not all of them do.
        """
        chosen = tuple(
            windows.get(name, (0, len(self._offsets[name]))) for name in self._dimensions
        )
        if chosen not in self._known:
            self._known[chosen] = (
                self._product(chosen)
                if self._is_product
                else self._told_apart(self._taking(chosen))
            )
        return self._known[chosen]

    @cached_property
    def _is_product(self) -> bool:
        ranks = [{term.dimension for term in rank} for rank in self._tensor.ranks]
        names = set(self._dimensions)
        return not self._crossing.merges or all(len(rank & names) <= 1 for rank in ranks)

    def _product(self, chosen: tuple[Window, ...]) -> Load:
        """The load where each word goes to instances that lie like those of the first word."""
        apart: _Ints = np.zeros(1, dtype=np.int64)
        alike = apart
        for name, (first, end) in zip(self._dimensions, chosen, strict=True):
            part = self._indices[name][first:end]
            if not self._crossing.merges or name in self._tensor.dimensions:
                apart = np.add.outer(apart, part).reshape(-1)
            else:
                alike = np.add.outer(alike, part).reshape(-1)
        load = Load()
        load.words[len(alike)] = len(apart)
        load.half_hops = self._half_hops(apart, alike)
        return load

    def _half_hops(self, apart: _Ints, alike: _Ints) -> int:
        """Twice the hops of one word to each set ``a + alike`` of instances, a of ``apart``.

        Instances whose distance from the set's first is the same, modulo the width, share a column
        wherever the set lies: its outer rows are those of the nearest and the farthest of them.
        """
        width, centre = self._crossing.width, self._crossing.height - 1
        near, far = _ends(np.sort(alike), width)
        first = np.add.outer(apart, near)
        upper = first // width
        lower = upper if near is far else np.add.outer(apart, far) // width
        right = (first - upper * width).max(axis=1)
        twice = np.maximum(centre - 2 * upper, 0) + np.maximum(2 * lower - centre, 0)
        return int(twice.sum()) + 2 * int(right.sum())

    # ------------------------------------------------------------------ instance by instance

    @cached_property
    def _coordinates(self) -> list[_Ints]:
        """Coordinates of every instance's word, rank by rank, in the order of their indices."""
        extents = [loop.extent for loop in self._crossing.spatial]
        digits = np.indices(extents, dtype=np.int64).reshape(len(extents), -1)
        return list(self._factors @ digits)

    @cached_property
    def _words(self) -> _Ints:
        """A number for every instance's word; equal where one that enters serves both."""
        numbers: _Ints = np.arange(self._size)
        if self._crossing.merges:
            numbers = np.zeros(self._size, dtype=np.int64)
            for at in self._coordinates:
                numbers = numbers * (int(at.max()) + 1) + at
                numbers = np.unique(numbers, return_inverse=True)[1].reshape(-1)
        return numbers

    def _taking(self, chosen: tuple[Window, ...]) -> _Ints:
        """Indices of the instances that take a word, ascending."""
        index: _Ints = np.zeros(1, dtype=np.int64)
        for name, (first, end) in zip(self._dimensions, chosen, strict=True):
            index = np.add.outer(index, self._indices[name][first:end]).reshape(-1)
        return np.sort(index)

    def _told_apart(self, taking: _Ints) -> Load:
        """The load of some instances, whatever words they take."""
        load, width, centre = Load(), self._crossing.width, self._crossing.height - 1
        if not len(taking):
            return load
        words = self._words[taking]
        reached, times = np.unique(np.unique(words, return_counts=True)[1], return_counts=True)
        load.words.update(zip(reached.tolist(), times.tolist(), strict=True))
        # Rows ascend with the index: per word and column the first row and the last one.
        cells = words * width + taking % width
        places, first = np.unique(cells, return_index=True)
        _, last = np.unique(cells[::-1], return_index=True)
        upper, lower = taking[first] // width, taking[::-1][last] // width
        twice = np.maximum(centre - 2 * upper, 0) + np.maximum(2 * lower - centre, 0)
        ends = np.flatnonzero(np.diff(places // width, append=-1))
        load.half_hops = int(twice.sum()) + 2 * int((places[ends] % width).sum())
        return load

    @cached_property
    def _pairs(self) -> list[tuple[_Ints, _Ints, list[_Ints]]]:
        """Instances and neighbours to the right, and below: how far apart their words are.

        Per rank, the coordinates of the second less those of the first.
        """
        index, width = np.arange(self._size), self._crossing.width
        in_row = index[:-1][index[:-1] % width < width - 1]
        pairs = []
        for first, way in ((in_row, 1), (index[:-width], width)):
            if len(first):
                second = first + way
                apart = [at[second] - at[first] for at in self._coordinates]
                pairs.append((first, second, apart))
        return pairs

    def relieved(self, moved: Vector) -> Load | None:
        """The load of all instances where neighbours had words of theirs before words moved.

        None if none had, or it saves no word.
        """
        linked = self.linked(moved)
        if not linked.any():
            return None
        load = self._told_apart(np.flatnonzero(~linked))
        if load.entering >= self.load({}).entering:
            return None
        load.links = int(linked.sum())
        return load

    @cached_property
    def _steps(self) -> frozenset[Vector] | None:
        """How far words lie apart from one instance to the next, along the first row and down the
        first column: everywhere so, if rows are full.
        """
        extents, width = [loop.extent for loop in self._crossing.spatial], self._crossing.width
        rows = [prod(extents[at:]) for at in range(len(extents))]
        if width < self._size and width not in rows:
            return None
        found: set[Vector] = set()
        for line in (range(min(width, self._size)), range(0, self._size, width)):
            digits = np.stack(np.unravel_index(np.array(line), extents))
            steps = np.diff(self._factors @ digits, axis=1)
            found.update(map(tuple, steps.T.tolist()))
        return frozenset(found)

    @cached_property
    def _factors(self) -> _Ints:
        """Words by which an iteration of each loop moves, per rank."""
        moves = [
            self._tensor.origin({loop.dimension: loop.span}) for loop in self._crossing.spatial
        ]
        shape = (len(moves), len(self._tensor.ranks))
        return np.array(moves, dtype=np.int64).reshape(shape).T

    def linked(self, moved: Vector) -> _Mask:
        """Which instances take a word that a neighbour had before words moved."""
        linked: _Mask = np.zeros(self._size, dtype=np.bool_)
        back = tuple(-by for by in moved)
        if self._steps is not None and not {moved, back} & self._steps:
            return linked
        for first, second, ranks in self._pairs:
            for sign, taker in ((1, first), (-1, second)):
                has: _Mask = np.ones(len(taker), dtype=np.bool_)
                for by, apart in zip(moved, ranks, strict=True):
                    has &= apart == sign * by
                linked[taker[has]] = True
        return linked


def _ends(indices: _Ints, width: int) -> tuple[_Ints, _Ints]:
    """The least and the largest of ascending indices in every column; one array if they agree."""
    if indices[-1] - indices[0] < width:
        return indices, indices
    near: _Ints = np.full(width, -1, dtype=np.int64)
    far = near.copy()
    near[indices[::-1] % width] = indices[::-1]
    far[indices % width] = indices
    is_used = far >= 0
    return near[is_used], far[is_used]

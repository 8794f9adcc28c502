"""Operand words of a MAC array, over all steps of a run, without walking steps or listing MACs.

In each dimension a MAC has work in the steps that begin early enough before the bound, whatever
the other dimensions do. So how many offsets of one dimension have work, and in how many steps, is
worked out dimension by dimension, and multiplied. With one spatial dimension per rank at most, a
step's words are a product as well: the indices of the MACs that take one word are those of the
MACs that take the first one, all shifted by the same distance.

Where neighbours pass words on, or two spatial dimensions meet in a rank, one step's words are
told apart MAC by MAC, once per movement.

Not modelled: MACs below more than one block with several instances (`multicast` lists those).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.boxes import Vector
from stallscope.mappings.multicast import Crossing, Load
from stallscope.mappings.nest import Nest, offsets, starts_below
from stallscope.mappings.problem import Tensor

__all__ = ["array_loads", "is_array"]

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


def is_array(crossings: Sequence[Crossing]) -> bool:
    """Whether all MACs below an instance of a level are those of one block."""
    return sum(1 for crossing in crossings if crossing.spatial) <= 1


def array_loads(
    nest: Nest,
    tensor: Tensor,
    parent: int,
    crossings: Sequence[Crossing],
    *,
    links: bool,
    shortcut: bool,
) -> list[Load]:
    """Load of every network from a level to the MACs, all steps and instances together.

    Args:
        nest: The nest.
        tensor: The tensor, kept at ``parent`` and at no inner level.
        parent: The level.
        crossings: The networks below it, outermost first, one block's (see `is_array`).
        links: Whether MACs take words from neighbours; no dimension is ragged then.
        shortcut: Whether movements are those from iteration 0 to 1 of every loop.
    """
    wide = next((at for at, crossing in enumerate(crossings) if crossing.spatial), 0)
    array = _Array(tensor, crossings[wide])
    totals = [Load() for _ in crossings]
    if links and wide == len(crossings) - 1 and crossings[wide].spatial:
        steps = _by_movement(nest, array, tensor, parent, shortcut)
    else:
        steps = _by_pattern(nest, array, parent)
    for load, times in steps:
        totals[wide].add(load, times)
        for at, total in enumerate(totals):
            # One instance wide: outside, every word comes by once; inside, once per MAC.
            words = load.entering if at < wide else load.deliveries if at > wide else 0
            if words:
                total.words[1] += words * times
    return totals


def _by_pattern(nest: Nest, array: _Array, parent: int) -> Iterator[tuple[Load, int]]:
    """Loads of one step below one instance, by how many MACs have work, and how often."""
    choices = [
        [(dimension, active, times) for active, times in found.items()]
        for dimension in nest.bounds
        if (found := _patterns(nest, dimension, parent, array.offsets(dimension)))
    ]
    for choice in product(*choices):
        load = array.load({dimension: active for dimension, active, _ in choice})
        yield load, prod(times for _, _, times in choice)


def _patterns(nest: Nest, dimension: str, parent: int, inside: Sequence[int]) -> dict[int, int]:
    """How many of the offsets ``inside`` have work, and at how many steps and instances.

    Steps and instances of one dimension alone; those without work are left out.
    """
    spatial = (loop for block in nest.blocks[:parent] for loop in block.spatial)
    outside = offsets(spatial, dimension)
    loops = [loop for loop in nest.temporal(len(nest.blocks)) if loop.dimension == dimension]
    if dimension not in nest.ragged:
        return {len(inside): len(outside) * prod(loop.extent for loop in loops)}
    bound, found = nest.bounds[dimension], dict[int, int]()
    for base in outside:
        # In how many steps each offset has work; the further it is, the fewer.
        steps = [starts_below(loops, bound - base - offset) for offset in inside]
        for active, (these, further) in enumerate(zip(steps, [*steps[1:], 0], strict=True), 1):
            if these > further:
                found[active] = found.get(active, 0) + these - further
    return found


def _by_movement(
    nest: Nest, array: _Array, tensor: Tensor, parent: int, shortcut: bool
) -> Iterator[tuple[Load, int]]:
    """Loads of one step by how far words moved, where neighbours may have them; and how often."""
    loops = nest.temporal(len(nest.blocks))
    moves = [tensor.origin({loop.dimension: loop.span}) for loop in loops]
    plain, instances = array.load({}), nest.used_instances(parent)
    back: Vector = (0,) * len(tensor.ranks)
    steps = nest.steps
    for loop, move in zip(reversed(loops), reversed(moves), strict=True):
        steps //= loop.extent
        moved = tuple(by - end for by, end in zip(move, back, strict=True))
        load = array.relieved(moved)
        yield plain if load is None else load, steps * (loop.extent - 1) * instances
        last = 1 if shortcut else loop.extent - 1
        back = tuple(end + last * by for by, end in zip(move, back, strict=True))
    yield plain, instances


class _Array:
    """The MACs of one block below one instance, a word each.

    Args:
        tensor: Whose words.
        crossing: The block's network.
    """

    def __init__(self, tensor: Tensor, crossing: Crossing) -> None:
        self._tensor = tensor
        self._crossing = crossing
        self._dimensions = list(dict.fromkeys(loop.dimension for loop in crossing.spatial))
        # Per dimension its MACs' offsets, ascending, and their part of the linear index.
        self._offsets = {name: offsets(crossing.spatial, name) for name in self._dimensions}
        self._indices = {name: self._part(name) for name in self._dimensions}
        self._size = prod(loop.extent for loop in crossing.spatial)
        self._known: dict[Vector, Load] = {}

    def offsets(self, dimension: str) -> list[int]:
        """Offsets of the MACs in one dimension, ascending."""
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

    def load(self, active: Mapping[str, int]) -> Load:
        """One step's load.

        Args:
            active: How many offsets have work, where not all of them have.
        """
        counts = tuple(active.get(name, len(self._offsets[name])) for name in self._dimensions)
        if counts not in self._known:
            made = (
                self._product(counts) if self._is_product else self._told_apart(self._busy(counts))
            )
            self._known[counts] = made
        return self._known[counts]

    @cached_property
    def _is_product(self) -> bool:
        ranks = [{term.dimension for term in rank} for rank in self._tensor.ranks]
        names = set(self._dimensions)
        return not self._crossing.merges or all(len(rank & names) <= 1 for rank in ranks)

    def _product(self, counts: Vector) -> Load:
        """The load of MACs that take a word just where others take another."""
        apart: _Ints = np.zeros(1, dtype=np.int64)
        alike = apart
        for name, count in zip(self._dimensions, counts, strict=True):
            part = self._indices[name][:count]
            if not self._crossing.merges or name in self._tensor.dimensions:
                apart = np.add.outer(apart, part).reshape(-1)
            else:
                alike = np.add.outer(alike, part).reshape(-1)
        load = Load()
        load.words[len(alike)] = len(apart)
        if self._crossing.spatial:
            load.half_hops = self._half_hops(apart, alike)
        return load

    def _half_hops(self, apart: _Ints, alike: _Ints) -> int:
        """Twice the hops of one word to each of the sets of MACs ``a + alike``, a of ``apart``.

        MACs whose distance from the set's first is the same, modulo the width, share a column
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

    # ------------------------------------------------------------------ MAC by MAC

    @cached_property
    def _coordinates(self) -> list[_Ints]:
        """Every MAC's coordinate in each rank, in the order of their indices."""
        spatial = self._crossing.spatial
        positions = np.indices([loop.extent for loop in spatial], dtype=np.int64)
        found: list[_Ints] = []
        for rank in self._tensor.ranks:
            factors = [
                sum(term.coefficient for term in rank if term.dimension == loop.dimension)
                * loop.span
                for loop in spatial
            ]
            found.append(np.tensordot(factors, positions.reshape(len(spatial), -1), axes=1))
        return found

    @cached_property
    def _words(self) -> _Ints:
        """A number for every MAC's word; equal where one that enters serves both MACs."""
        numbers: _Ints = np.arange(self._size)
        if self._crossing.merges:
            numbers = np.zeros(self._size, dtype=np.int64)
            for at in self._coordinates:
                numbers = numbers * (int(at.max()) + 1) + at
                numbers = np.unique(numbers, return_inverse=True)[1].reshape(-1)
        return numbers

    def _busy(self, counts: Vector) -> _Ints:
        """Indices of the MACs that have work, ascending."""
        index: _Ints = np.zeros(1, dtype=np.int64)
        for name, count in zip(self._dimensions, counts, strict=True):
            index = np.add.outer(index, self._indices[name][:count]).reshape(-1)
        return np.sort(index)

    def _told_apart(self, busy: _Ints) -> Load:
        """The load of some MACs, whatever words they take."""
        load, width, centre = Load(), self._crossing.width, self._crossing.height - 1
        if not len(busy):
            return load
        words = self._words[busy]
        reached, times = np.unique(np.unique(words, return_counts=True)[1], return_counts=True)
        load.words.update(zip(reached.tolist(), times.tolist(), strict=True))
        # Rows ascend with the index: per word and column the first row and the last one.
        cells = words * width + busy % width
        places, first = np.unique(cells, return_index=True)
        _, last = np.unique(cells[::-1], return_index=True)
        upper, lower = busy[first] // width, busy[::-1][last] // width
        twice = np.maximum(centre - 2 * upper, 0) + np.maximum(2 * lower - centre, 0)
        ends = np.flatnonzero(np.diff(places // width, append=-1))
        load.half_hops = int(twice.sum()) + 2 * int((places[ends] % width).sum())
        return load

    @cached_property
    def _pairs(self) -> list[tuple[_Ints, _Ints, list[tuple[_Ints, int]]]]:
        """MACs and their neighbours to the right, and below: how far apart their words are.

        Per rank the coordinates of the second less those of the first, and the most of them.
        """
        index, width = np.arange(self._size), self._crossing.width
        in_row = index[:-1][index[:-1] % width < width - 1]
        pairs = []
        for first, way in ((in_row, 1), (index[:-width], width)):
            if len(first):
                second = first + way
                apart = [at[second] - at[first] for at in self._coordinates]
                pairs.append((first, second, [(by, int(abs(by).max())) for by in apart]))
        return pairs

    def relieved(self, moved: Vector) -> Load | None:
        """The load of all MACs where neighbours had words of theirs before the origin moved.

        None if none had, or it saves no word.
        """
        linked: _Mask = np.zeros(self._size, dtype=np.bool_)
        for first, second, ranks in self._pairs:
            if any(abs(by) > most for by, (_, most) in zip(moved, ranks, strict=True)):
                continue
            for sign, taker in ((1, first), (-1, second)):
                has: _Mask = np.ones(len(taker), dtype=np.bool_)
                for by, (apart, _) in zip(moved, ranks, strict=True):
                    has &= apart == sign * by
                linked[taker[has]] = True
        if not linked.any():
            return None
        load = self._told_apart(np.flatnonzero(~linked))
        if load.entering >= self.load({}).entering:
            return None
        load.links = int(linked.sum())
        return load


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

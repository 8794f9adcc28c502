"""The tiles of a level as they are stored: the most words that any of them takes.

A tile is compressed by itself, so each takes other room; a level gives every tile of a tensor the
room of the largest, data and metadata words together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.architecture import StorageLevel
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.sizes import PieceSizes

__all__ = ["StoredTiles", "format_of"]

Integers = NDArray[np.int64]
_AT_ONCE = 2**20
"""Tiles that are looked at together: some tens of megabytes."""


def format_of(level: StorageLevel, tensor: str) -> TensorFormat | None:
    """How a level stores a tensor; None: as it is."""
    form = next((one for one in level.formats if one.tensor == tensor), None)
    return None if form is None or form.format is Format.UNCOMPRESSED else form


class StoredTiles:
    """Room of the tiles of one level.

    Args:
        problem: The problem.
        level: The level.
        masks: By tensor, which words are not zero; a tensor that is not there is dense.
    """

    def __init__(
        self, problem: Problem, level: StorageLevel, masks: Mapping[str, NDArray[np.bool_]]
    ) -> None:
        self._problem, self._level, self._masks = problem, level, masks
        self._sizes: dict[str, PieceSizes] = {}
        self._known: dict[tuple[str, tuple[int, ...]], int] = {}

    def words(self, tensor: Tensor, spans: Mapping[str, int]) -> int:
        """Words of the largest tile as it is stored.

        Args:
            tensor: The tensor.
            spans: Iterations per dimension of a tile; the last ones are cut at the bounds.
        """
        form = format_of(self._level, tensor.name)
        if form is None:
            return tensor.tile_words(spans)
        key = (tensor.name, tuple(spans[name] for name in self._problem.bounds))
        if key not in self._known:
            sizes = self._sizes_of(tensor, form)
            self._known[key] = max(
                int(np.add(*sizes.of(origins, shapes)).max())
                for origins, shapes in _tiles(tensor, self._problem.bounds, spans)
            )
        return self._known[key]

    def _sizes_of(self, tensor: Tensor, form: TensorFormat) -> PieceSizes:
        if tensor.name not in self._sizes:
            mask = self._masks.get(tensor.name)
            if mask is None:
                mask = np.ones(tensor.tile_shape(self._problem.bounds), dtype=np.bool_)
            self._sizes[tensor.name] = PieceSizes(mask, form, self._level.word_bits)
        return self._sizes[tensor.name]


def _tiles(
    tensor: Tensor, bounds: Mapping[str, int], spans: Mapping[str, int]
) -> Iterator[tuple[Integers, Integers]]:
    """Origins and shapes of a tensor's tiles, each shape (tiles, ranks), many at a time."""
    if not tensor.ranks:
        yield np.zeros((1, 0), dtype=np.int64), np.zeros((1, 0), dtype=np.int64)
        return
    parts = [_places(tensor, ranks, bounds, spans) for ranks in _together(tensor)]
    columns = [rank for ranks, _, _ in parts for rank in ranks]
    back = np.argsort(columns)
    counts = [len(origins) for _, origins, _ in parts]
    total = int(np.prod(counts, dtype=object))
    for first in range(0, total, _AT_ONCE):
        left = np.arange(first, min(first + _AT_ONCE, total))
        origins, shapes = [], []
        for (_, own_origins, own_shapes), count in zip(parts, counts, strict=True):
            at, left = left % count, left // count
            origins.append(own_origins[at])
            shapes.append(own_shapes[at])
        yield np.hstack(origins)[:, back], np.hstack(shapes)[:, back]


def _together(tensor: Tensor) -> list[list[int]]:
    """The ranks in groups that have no dimension in common."""
    groups: list[tuple[set[str], list[int]]] = []
    for rank, terms in enumerate(tensor.ranks):
        names, ranks = {term.dimension for term in terms}, [rank]
        for group in [one for one in groups if one[0] & names]:
            groups.remove(group)
            names |= group[0]
            ranks = group[1] + ranks
        groups.append((names, ranks))
    return [ranks for _, ranks in groups]


def _places(
    tensor: Tensor, ranks: list[int], bounds: Mapping[str, int], spans: Mapping[str, int]
) -> tuple[list[int], Integers, Integers]:
    """The different places and sizes of tiles in some ranks: ranks, origins, shapes."""
    names = sorted({term.dimension for rank in ranks for term in tensor.ranks[rank]})
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], None] = {}
    for firsts in itertools.product(*(range(0, bounds[name], spans[name]) for name in names)):
        first = dict(zip(names, firsts, strict=True))
        extent = {name: min(spans[name], bounds[name] - at) for name, at in first.items()}
        terms = [tensor.ranks[rank] for rank in ranks]
        origin = tuple(sum(t.coefficient * first[t.dimension] for t in rank) for rank in terms)
        shape = tuple(
            1 + sum(t.coefficient * (extent[t.dimension] - 1) for t in rank) for rank in terms
        )
        found[origin, shape] = None
    origins = np.array([origin for origin, _ in found], dtype=np.int64)
    shapes = np.array([shape for _, shape in found], dtype=np.int64)
    return ranks, origins.reshape(-1, len(ranks)), shapes.reshape(-1, len(ranks))

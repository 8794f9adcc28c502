"""Counting step by step: for operands and lanes that no product of sums describes.

A word's place in a tensor is a sum of one term per dimension, since every rank is one: a step's
words are found by additions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.compiled import compiled
from stallscope.mappings.sparsity.tiling import Axis, Integers, moves, numbers

__all__ = ["Stepwise"]


class Stepwise:
    """Counts each tile that is asked for once, step by step.

    Args:
        masks: The tensors with their masks.
        axes: The dimensions that they depend on, at least one.
    """

    __slots__ = ("_axes", "_flat", "_moves", "_offsets", "_sizes", "_starts")

    def __init__(
        self, masks: Sequence[tuple[Tensor, NDArray[np.bool_]]], axes: Mapping[str, Axis]
    ) -> None:
        # The longest tile is the inner loop.
        names = sorted(axes, key=lambda name: axes[name].steps_of_tile)
        self._axes = {name: axes[name] for name in names}
        every = self._axes.values()
        self._flat = np.concatenate([mask.ravel() for _, mask in masks])
        self._starts = _integers(np.cumsum([0, *(mask.size for _, mask in masks)])[:-1])
        self._moves = _integers([moves(tensor, mask.shape, names) for tensor, mask in masks])
        self._sizes = _integers([[one.span, one.lanes, one.bound] for one in every]).T.copy()
        grid = np.indices([one.lanes for one in every])
        self._offsets = _integers(grid.reshape(len(names), -1).T)

    def of(self, tiles: Mapping[str, Integers]) -> Integers:
        """Effectual steps of some tiles, given by their number per dimension."""
        asked = numbers(tiles, [*self._axes], self._axes)
        wanted, where = np.unique(asked, return_inverse=True)
        origins = np.empty((len(wanted), len(self._axes)), dtype=np.int64)
        left = wanted
        for at, axis in reversed([*enumerate(self._axes.values())]):
            origins[:, at] = left % axis.tiles * axis.span
            left = left // axis.tiles
        counts = np.zeros(len(wanted), dtype=np.int64)
        compiled(_count)(
            self._flat, self._starts, self._moves, self._sizes, self._offsets, origins,
            np.zeros((2, len(self._axes)), dtype=np.int64), counts,
        )  # fmt: skip
        return counts[where].reshape(asked.shape)


def _integers(values: object) -> Integers:
    return np.ascontiguousarray(values, dtype=np.int64)


def _count(
    flat: NDArray[np.bool_],
    starts: Integers,
    moves: Integers,
    sizes: Integers,
    offsets: Integers,
    origins: Integers,
    scratch: Integers,
    counts: Integers,
) -> None:
    """Count the steps of every tile in which any lane finds no zero.

    Args:
        flat: The masks' words one after another.
        starts: Where each tensor's begin, shape (tensors,).
        moves: Words passed per index of a dimension, shape (tensors, dimensions).
        sizes: Span of a tile, lanes and bound, shape (3, dimensions).
        offsets: Distance of each lane from the first, shape (lanes, dimensions).
        origins: First iteration of each tile, shape (tiles, dimensions).
        scratch: Room for a position and its ends, shape (2, dimensions).
        counts: What is found, shape (tiles,).
    """
    spans, lanes, bounds = sizes[0], sizes[1], sizes[2]
    position, ends = scratch[0], scratch[1]
    last = len(spans) - 1
    for tile in range(len(origins)):
        for d in range(last + 1):
            position[d] = origins[tile, d]
            ends[d] = min(position[d] + spans[d], bounds[d])
        while position[0] < ends[0]:
            for lane in range(len(offsets)):
                # A lane beyond a bound and one with a zero are alike: it has nothing to do.
                is_effectual = True
                for d in range(last + 1):
                    is_effectual &= position[d] + offsets[lane, d] < bounds[d]
                for t in range(len(starts) * is_effectual):
                    at = starts[t]
                    for d in range(last + 1):
                        at += moves[t, d] * (position[d] + offsets[lane, d])
                    is_effectual &= flat[at]
                if is_effectual:
                    counts[tile] += 1
                    break
            d = last
            position[d] += lanes[d]
            while d > 0 and position[d] >= ends[d]:
                position[d] = origins[tile, d]
                d -= 1
                position[d] += lanes[d]

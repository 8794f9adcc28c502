"""Counting by a product of sums: what one operand, or each of two, has in a tile.

Every dimension of a tensor is an axis of a view of its mask: a rank's coordinate is a sum over
dimensions, so the view needs strides, not a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.tiling import Axis, Integers, moves, numbers, occurring

__all__ = ["Product"]

Mask = NDArray[np.bool_]
Exact = NDArray[np.floating[Any]]  # Any: of either width
"""Integers, in the narrowest floating point that holds them exactly: products are fast in it."""

_TABLE = 1 << 23
"""Counts that are kept for later calls, and asked for at a time: 32 MB."""
_SINGLE = 1 << 24
"""Integers up to this are exact in single precision."""


class Product:
    """Sums over what one or two operands have alone, multiplied over what both have.

    A tile has three numbers: of its part in the dimensions that both have, and in those of either
    alone.

    Args:
        masks: One or two tensors with their masks.
        axes: The dimensions that they depend on. Those that both have are without lanes.
    """

    __slots__ = ("_axes", "_names", "_sums", "_table")

    def __init__(self, masks: Sequence[tuple[Tensor, Mask]], axes: Mapping[str, Axis]) -> None:
        both = frozenset.intersection(*(tensor.dimensions for tensor, _ in masks))
        shared = [name for name in axes if name in both and len(masks) == 2]
        largest = prod(axis.steps_of_tile for axis in axes.values())
        exact: type[np.floating[Any]] = np.float32 if largest <= _SINGLE else np.float64
        self._axes = axes
        self._names = [shared]
        self._sums: list[Exact] = []
        for tensor, mask in masks:
            own = [name for name in axes if name in tensor.dimensions and name not in shared]
            view = _by_iteration(tensor, mask, {name: axes[name].bound for name in own + shared})
            sums = _by_tile(view, [axes[name] for name in own])
            self._sums.append(_laid_out(sums, [axes[name] for name in shared], exact))
            self._names.append(own)
        if len(masks) == 1:
            self._sums.append(np.ones((1, 1, 1), dtype=exact))
            self._names.append([])
        self._table = self._multiplied(*self._sums) if prod(self._sizes) <= _TABLE else None

    @property
    def _sizes(self) -> tuple[int, int, int]:
        first, second = self._sums
        return first.shape[0], first.shape[1], second.shape[1]

    def of(self, tiles: Mapping[str, Integers]) -> Integers:
        """Effectual steps of some tiles, given by their number per dimension."""
        at = [numbers(tiles, names, self._axes) for names in self._names]
        if self._table is not None:
            return _taken(self._table, at)
        shape = np.broadcast_shapes(*(one.shape for one in at))
        if prod(shape) <= _TABLE:
            return self._asked(at)
        found = np.empty(shape, dtype=np.int64)
        rows = max(1, _TABLE // prod(shape[1:]))
        full = [one.reshape((1,) * (len(shape) - one.ndim) + one.shape) for one in at]
        for low in range(0, shape[0], rows):
            part = slice(low, low + rows)
            found[part] = self._asked([one[part] if one.shape[0] > 1 else one for one in full])
        return found

    def _asked(self, at: Sequence[Integers]) -> Integers:
        """Count by a table of the numbers that occur, or pair by pair where few of it are asked."""
        found = [occurring(one, size) for one, size in zip(at, self._sizes, strict=True)]
        shape = np.broadcast_shapes(*(one.shape for one in at))
        if prod(len(those) for those, _ in found) > 4 * prod(shape):
            return self._paired(np.broadcast_arrays(*at))
        (shared, to_shared), (own, to_own), (others, to_others) = found
        first, second = self._sums
        table = self._multiplied(first[shared[:, None], own], second[shared[:, None], others])
        return _taken(table, (to_shared, to_own, to_others))

    @staticmethod
    def _multiplied(first: Exact, second: Exact) -> Exact:
        """Counts by the three numbers: shape (shared, first's, second's)."""
        product: Exact = np.matmul(first, second.transpose(0, 2, 1))
        return product

    def _paired(self, at: Sequence[Integers]) -> Integers:
        shared, own, others = (one.ravel() for one in at)
        first, second = self._sums
        found = np.empty(shared.shape, dtype=np.int64)
        rows = max(1, _TABLE // first.shape[2])
        for low in range(0, len(found), rows):
            part = slice(low, low + rows)
            one, other = first[shared[part], own[part]], second[shared[part], others[part]]
            found[part] = np.einsum("ni,ni->n", one, other).astype(np.int64)
        return found.reshape(at[0].shape)


def _taken(table: Exact, at: Sequence[Integers]) -> Integers:
    """Entries of a table by three numbers that broadcast: one place each is faster."""
    _, own, others = table.shape
    places = (at[0] * own + at[1]) * others + at[2]
    found: Integers = np.take(table.ravel(), places).astype(np.int64)
    return found


def _by_iteration(tensor: Tensor, mask: Mask, bounds: Mapping[str, int]) -> Mask:
    """The word that every iteration needs: a view of the mask with an axis per dimension."""
    stored = np.ascontiguousarray(mask)
    strides = [stored.itemsize * move for move in moves(tensor, stored.shape, [*bounds])]
    return as_strided(stored, shape=tuple(bounds.values()), strides=strides, writeable=False)


def _by_tile(view: Mask, own: Sequence[Axis]) -> Mask | NDArray[np.int32]:
    """Sum a view over the tiles of its first axes; a step counts once if any lane is set."""
    sums: Mask | NDArray[np.int32] = view
    for at, axis in enumerate(own):
        if axis.lanes > 1:
            sums = np.logical_or.reduceat(sums, np.arange(0, axis.bound, axis.lanes), axis=at)
    # What shrinks most comes first.
    for at in sorted(range(len(own)), key=lambda one: -own[one].steps_of_tile):
        axis = own[at]
        if axis.tiles == 1:
            sums = sums.sum(axis=at, keepdims=True, dtype=np.int32)
        elif axis.steps_of_tile > 1:
            starts = np.arange(0, axis.steps, axis.steps_of_tile)
            sums = np.add.reduceat(sums, starts, axis=at, dtype=np.int32)
    return sums


def _laid_out(
    sums: Mask | NDArray[np.int32],
    shared: Sequence[Axis],
    exact: type[np.floating[Any]],
) -> Exact:
    """Sums per tile of the dimensions that are kept, zero beyond their bounds.

    Returns:
        Shape (tiles of ``shared``, tiles summed over, indices in a tile of ``shared``), row-major
        in each group.
    """
    first = sums.ndim - len(shared)
    tiles = prod(sums.shape[:first])
    padded: Exact = np.zeros((tiles, *(axis.tiles * axis.span for axis in shared)), dtype=exact)
    filled = (slice(None), *(slice(axis.bound) for axis in shared))
    padded[filled] = sums.reshape(tiles, *sums.shape[first:])
    cut = padded.reshape(tiles, *(n for axis in shared for n in (axis.tiles, axis.span)))
    outer, inner = range(1, cut.ndim, 2), range(2, cut.ndim, 2)
    ordered = np.ascontiguousarray(cut.transpose(*outer, 0, *inner))
    return ordered.reshape(prod(axis.tiles for axis in shared), tiles, -1)

"""How many steps of a tile have something to multiply.

A step is effectual where no given operand is zero, at any of its lanes. With one operand or two
the count is a product of sums: over the dimensions that only one of them depends on, tile by
tile, and over those that both depend on, as a product of matrices. Dimensions that none depends
on multiply it. What does not come apart like this (three operands, lanes across a dimension that
two depend on) is counted step by step. All counts are exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.counting import Stepwise
from stallscope.mappings.sparsity.product import Product
from stallscope.mappings.sparsity.tiling import Axis, Integers

__all__ = ["EffectualMacs", "Lane"]

Lane = tuple[str, int, int]
"""A spatial loop over MACs in lock step: dimension, extent, iterations from one to the next."""
Mask = NDArray[np.bool_]

_LAID_OUT = 1 << 28
"""Iterations of one operand that are laid out at once; more are counted step by step."""


class EffectualMacs:
    """Effectual steps of the tiles of one size.

    Args:
        problem: The problem.
        masks: Per sparse tensor that counts, True where a word is not zero, in the shape of the
            whole tensor. None at all: every step is effectual.
        spans: Iterations that a tile spans per dimension, lanes included, bounds aside; absent: 1.
        lanes: MACs in lock step: the spatial loops inside the tile. Per dimension they cover
            consecutive iterations, which make one step.
    """

    __slots__ = ("_axes", "_counts", "_free")

    def __init__(
        self,
        problem: Problem,
        masks: Mapping[str, Mask],
        spans: Mapping[str, int],
        lanes: Sequence[Lane] = (),
    ) -> None:
        widths = _widths(lanes)
        self._axes = {
            name: Axis(bound=bound, span=spans.get(name, 1), lanes=widths.get(name, 1))
            for name, bound in problem.bounds.items()
        }
        for name, axis in self._axes.items():
            assert axis.span % axis.lanes == 0, f"{name}: the lanes do not divide the tile"
        for name, mask in masks.items():
            shape = problem.tensor(name).tile_shape(problem.bounds)
            assert mask.shape == shape, f"{name}: mask of {mask.shape}, tensor of {shape}"
        # What has no zeros rules nothing out.
        given = [(problem.tensor(name), one) for name, one in masks.items() if not one.all()]
        touched = {name for tensor, _ in given for name in tensor.dimensions}
        self._free = frozenset(self._axes) - touched
        self._counts = _chosen(given, {n: a for n, a in self._axes.items() if n in touched})

    def of(self, origins: Mapping[str, Integers]) -> Integers:
        """Count the effectual steps of some tiles.

        Args:
            origins: First iteration per dimension, multiples of the spans; arrays that broadcast
                to one shape. Absent: 0. Beyond the bound there is no work.

        Returns:
            Steps, in the shape that the origins broadcast to, int64.
        """
        shape = np.broadcast_shapes(*(np.shape(one) for one in origins.values()))
        free: Integers = np.ones((), dtype=np.int64)
        inside: Mask = np.ones((), dtype=np.bool_)
        tiles: dict[str, Integers] = {}
        for name, axis in self._axes.items():
            at = np.asarray(origins.get(name, 0), dtype=np.int64)
            assert not (at % axis.span).any(), f"{name}: a tile begins inside another"
            if name in self._free:
                left = -(-(axis.bound - at) // axis.lanes)
                free = free * np.clip(left, 0, axis.steps_of_tile)
                continue
            tiles[name] = np.minimum(at // axis.span, axis.tiles - 1)
            if (at >= axis.bound).any():
                inside = inside & (at < axis.bound)
        found = self._counts.of(tiles) * (free * inside)
        return found if found.shape == shape else np.broadcast_to(found, shape).copy()


class _Counts(Protocol):
    """Effectual steps over the dimensions that any operand depends on.

    Contract: ``tiles`` has the number of a tile per such dimension, within the bounds.
    """

    def of(self, tiles: Mapping[str, Integers]) -> Integers: ...


class _All:
    """No operand counts: every step is effectual."""

    def of(self, tiles: Mapping[str, Integers]) -> Integers:
        return np.ones((), dtype=np.int64)


class _None:
    """A scalar is zero: no step is effectual."""

    def of(self, tiles: Mapping[str, Integers]) -> Integers:
        return np.zeros((), dtype=np.int64)


def _chosen(given: Sequence[tuple[Tensor, Mask]], axes: Mapping[str, Axis]) -> _Counts:
    """What counts the steps over the dimensions of the tensors that have zeros."""
    if not given:
        return _All()
    if not all(tensor.dimensions for tensor, _ in given):
        return _None()
    both = frozenset.intersection(*(tensor.dimensions for tensor, _ in given))
    is_or_of_products = len(given) == 2 and any(axes[name].lanes > 1 for name in both)
    largest = max(prod(axes[name].bound for name in one.dimensions) for one, _ in given)
    if len(given) > 2 or is_or_of_products or largest > _LAID_OUT:
        return Stepwise(given, axes)
    return Product(given, axes)


def _widths(lanes: Sequence[Lane]) -> dict[str, int]:
    """Consecutive iterations per dimension that the lanes make one step."""
    found: dict[str, int] = {}
    for dimension, extent, step in sorted(lanes, key=lambda lane: lane[2]):
        assert step == found.get(dimension, 1), f"{dimension}: lanes are apart"
        found[dimension] = step * extent
    return found

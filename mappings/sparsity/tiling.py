"""Tiles of a loop nest by number, and where an iteration's words are in a tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor

__all__ = ["Axis", "Integers", "moves", "numbers", "occurring"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One dimension: its bound, the indices that a tile spans, and those that make one step."""

    bound: int
    span: int
    lanes: int

    @property
    def steps(self) -> int:
        """Steps to the bound; the last may have lanes beyond it."""
        return -(-self.bound // self.lanes)

    @property
    def steps_of_tile(self) -> int:
        """Steps of a tile that no bound clips."""
        return self.span // self.lanes

    @property
    def tiles(self) -> int:
        """Tiles up to the bound."""
        return -(-self.bound // self.span)


def moves(tensor: Tensor, shape: Sequence[int], dimensions: Sequence[str]) -> list[int]:
    """Words passed in a tensor, stored row by row, per index of each dimension."""
    found = dict.fromkeys(dimensions, 0)
    for at, rank in enumerate(tensor.ranks):
        for term in rank:
            found[term.dimension] += term.coefficient * prod(shape[at + 1 :])
    return list(found.values())


def numbers(
    tiles: Mapping[str, Integers], names: Sequence[str], axes: Mapping[str, Axis]
) -> Integers:
    """One number for the tiles of several dimensions, the last fastest; 0 for none."""
    found: Integers = np.zeros((), dtype=np.int64)
    for name in names:
        found = found * axes[name].tiles + tiles[name]
    return found


def occurring(asked: Integers, size: int) -> tuple[Integers, Integers]:
    """Numbers below ``size`` that occur, rising, and the place of every one asked for there."""
    occurs = np.zeros(size, dtype=np.bool_)
    occurs[asked] = True
    places = np.cumsum(occurs) - 1
    return np.flatnonzero(occurs), places[asked]

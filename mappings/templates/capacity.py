"""Which blockings fit the buffers, and which tensors have room for a second tile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.grid import Flags, Grid
from stallscope.mappings.templates.roles import Roles
from stallscope.mappings.templates.stores import Store, Stores

__all__ = ["Room", "fits", "room_of", "smallest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Room in the buffers, over the blockings.

    Attributes:
        fits: Whether the tiles fit.
        doubled: Per buffer and tensor whether a second tile of a tensor that moves fits as well:
            the next one arrives while this one is used.
    """

    fits: Flags
    doubled: tuple[Mapping[str, Flags], ...]


def fits(grid: Grid, roles: Roles, stores: Stores) -> Flags:
    """Say which blockings fit every buffer, one tile per tensor."""
    result: Flags = np.ones(grid.shape, dtype=np.bool_)
    for store in stores.buffers:
        held, most = _held(grid, roles, store), store.spec.capacity_words
        if most is not None:
            result = result & (held <= math.floor(most / store.spec.multiple_buffering))
    return result


def room_of(grid: Grid, roles: Roles, stores: Stores) -> Room:
    """Work out the room of every blocking.

    A second tile is given in the order in which a buffer keeps the tensors, and only to one that
    has a tile to come.
    """
    result = fits(grid, roles, stores)
    doubled: list[Mapping[str, Flags]] = []
    for store in stores.buffers:
        held, most = _held(grid, roles, store), store.spec.capacity_words
        if most is not None and store.spec.min_utilization:
            result = result & (held >= store.spec.min_utilization * most)
        given: dict[str, Flags] = {}
        for tensor in _kept(roles, store):
            moves = grid.moves(tensor, outer=store.is_outer)
            if most is not None:
                more = grid.tile_words(tensor, outer=store.is_outer)
                moves = moves & (held + more <= most)
                held = held + more * moves
            given[tensor.name] = moves
        doubled.append(given)
    return Room(fits=result, doubled=tuple(doubled))


def smallest(grid: Grid, roles: Roles, stores: Stores) -> tuple[Store, int] | None:
    """A buffer that not even the smallest tiles fit, and the words that they take in it."""
    for store in stores.buffers:
        least, most = int(_held(grid, roles, store).min()), store.spec.capacity_words
        if most is not None and least > math.floor(most / store.spec.multiple_buffering):
            return store, least
    return None


def _kept(roles: Roles, store: Store) -> list[Tensor]:
    return [tensor for tensor in roles.tensors if tensor.name in store.keeps]


def _held(grid: Grid, roles: Roles, store: Store) -> NDArray[np.int64]:
    held: NDArray[np.int64] = np.zeros((1, 1, 1, 1), dtype=np.int64)
    for tensor in _kept(roles, store):
        held = held + grid.tile_words(tensor, outer=store.is_outer)
    return held

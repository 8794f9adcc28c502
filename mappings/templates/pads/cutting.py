"""Rows of a table: what a PE does in one pass, and how large the tiles of shared buffers are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TypeVar

import numpy as np

from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.pads.machine import Keeps, Machine
from stallscope.mappings.templates.pads.spreading import Spread
from stallscope.mappings.templates.pads.table import Integers, Table, ceil_div
from stallscope.mappings.templates.roles import Roles
from stallscope.mappings.templates.tiles import pieces

__all__ = ["buffer_tiles", "joined", "pad_tiles"]

_T = TypeVar("_T")

_ROWS = 1500
"""Tilings of the pads tried per spread."""


def pad_tiles(machine: Machine, roles: Roles, spread: Spread, keeps: Keeps) -> Table:
    """Every tried tiling of the pads for one spread; the rest is one tile of the buffers.

    Args:
        machine: The levels.
        roles: The tensors.
        spread: What lies across the PEs and lanes.
        keeps: What the levels keep: how large a tile may be.
    """
    names = tuple(roles.bounds)
    bounds = list(roles.bounds.values())
    lanes, space = ([of.get(name, 1) for name in names] for of in (spread.lanes, spread.space))
    options = []
    for at, name in enumerate(names):
        limit = _most(machine, roles, name, keeps)
        sizes = pieces(math.ceil(bounds[at] / (lanes[at] * space[at])))
        options.append([size for size in sizes if size <= limit] or [1])
    steps = _product(_thinned(options, _ROWS))
    column = [np.array(values, dtype=np.int64)[:, None] for values in (bounds, lanes, space)]
    tiles = ceil_div(column[0], column[1] * column[2] * steps)
    return Table(
        names=names, bounds=column[0], lanes=np.broadcast_to(column[1], steps.shape),
        steps=steps, space=np.broadcast_to(column[2], steps.shape), tiles=tiles,
        trips=np.ones_like(tiles),
    )  # fmt: skip


def buffer_tiles(machine: Machine, roles: Roles, table: Table, row: int, most: int) -> Table:
    """One row with every tried tile of the shared buffers.

    A role's dimensions are cut from the outermost to the innermost: an inner one is whole before
    an outer one is more than one iteration.

    Args:
        machine: The levels.
        roles: The tensors.
        table: Rows.
        row: Which of them.
        most: About how many tiles to try.
    """
    if not machine.shared:
        one = table.where(np.array([row]))
        return Table(
            names=one.names, bounds=one.bounds, lanes=one.lanes, steps=one.steps,
            space=one.space, tiles=np.ones_like(one.tiles), trips=one.tiles * one.trips,
        )  # fmt: skip
    whole = (table.tiles[:, row] * table.trips[:, row]).tolist()
    parts = [table.at(part) for part in
             (roles.groups, roles.pixels, roles.columns, roles.reduction) if part]  # fmt: skip
    chains = [_chain([whole[at] for at in part]) for part in parts]
    chains = _thinned(chains, most)
    chosen = list(product(*chains))
    tiles: Integers = np.ones((len(whole), len(chosen)), dtype=np.int64)
    for column, part in enumerate(parts):
        tiles[part] = np.array([cut[column] for cut in chosen], dtype=np.int64).T
    trips = ceil_div(np.array(whole, dtype=np.int64)[:, None], tiles)
    one = table.where(np.full(len(chosen), row))
    return Table(
        names=one.names, bounds=one.bounds, lanes=one.lanes, steps=one.steps, space=one.space,
        tiles=tiles, trips=trips,
    )  # fmt: skip


def joined(tables: Sequence[Table]) -> Table:
    """All rows of several tables."""
    first = tables[0]
    return Table(
        names=first.names,
        bounds=first.bounds,
        lanes=np.concatenate([table.lanes for table in tables], axis=1),
        steps=np.concatenate([table.steps for table in tables], axis=1),
        space=np.concatenate([table.space for table in tables], axis=1),
        tiles=np.concatenate([table.tiles for table in tables], axis=1),
        trips=np.concatenate([table.trips for table in tables], axis=1),
    )


def _most(machine: Machine, roles: Roles, name: str, keeps: Keeps) -> float:
    """Iterations of a dimension that the pads can hold at most: each is a word at least."""
    limit = math.inf
    for level in machine.pads:
        for tensor in roles.tensors:
            if tensor.name in keeps[level] and name in tensor.dimensions:
                limit = min(limit, machine.room(level) * (2 if _is_tap(tensor, name) else 1))
    return limit


def _is_tap(tensor: Tensor, name: str) -> bool:
    """Whether a dimension shares its rank with another: its words may be fewer than its steps."""
    return any(len(rank) > 1 and any(term.dimension == name for term in rank)
               for rank in tensor.ranks)  # fmt: skip


def _chain(wholes: Sequence[int]) -> list[tuple[int, ...]]:
    """Cuts of some dimensions, outermost first."""
    options = [pieces(whole) for whole in wholes]
    found = [tuple(tried[0] for tried in options)]
    for at in range(len(options)):
        outer = tuple(1 for _ in options[:at])
        inner = tuple(tried[0] for tried in options[at + 1 :])
        found += [(*outer, size, *inner) for size in options[at]]
    return list(dict.fromkeys(found))


def _thinned(options: Sequence[Sequence[_T]], most: int) -> list[list[_T]]:
    """Leave every second option of the longest list out until there are few combinations."""
    kept = [list(option) for option in options]
    while math.prod(len(option) for option in kept) > most:
        longest = max(kept, key=len)
        if len(longest) <= 2:
            break
        last = longest[-1]
        longest[:] = longest[::2]
        if longest[-1] != last:
            longest.append(last)
    return kept


def _product(options: Sequence[Sequence[int]]) -> Integers:
    """All combinations, shape (dimensions, combinations)."""
    if not options:
        return np.ones((0, 1), dtype=np.int64)
    grids = np.meshgrid(*(np.array(option, dtype=np.int64) for option in options), indexing="ij")
    return np.stack([grid.ravel() for grid in grids])

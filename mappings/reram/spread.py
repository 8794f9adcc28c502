"""How a layer's column blocks lie on tiles and cores, as arrays by step of ``co``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.lowering import LoweredLayer

__all__ = ["Ints", "Spread", "spread_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Column blocks by step of ``co``.

    Attributes:
        columns: Used columns of every core's block, shape (steps of co, cores used); 0: the core
            has no block at this step.
        bundles: Distinct bundles among a tile's blocks, shape (steps of co, tiles used).
        reach: Per step of co: bundles of a tile by the number of its cores that need them.
    """

    columns: Ints
    bundles: Ints
    reach: tuple[Counter[int], ...]

    @property
    def has_block(self) -> Ints:
        """1 where a core has a block, shape (steps of co, cores used)."""
        return (self.columns > 0).astype(np.int64)

    def by_tile(self, of_cores: Ints, cores: int) -> Ints:
        """Sums over the cores of every tile, shape (..., tiles used)."""
        starts = np.arange(0, of_cores.shape[-1], cores)
        summed: Ints = np.add.reduceat(of_cores, starts, axis=-1)
        return summed


def spread_of(layer: LoweredLayer, chip: CrossbarChip) -> Spread:
    """Return how a layer's blocks lie on a chip."""
    steps, used = layer.column_steps, layer.used_cores
    columns = np.zeros(steps * used, dtype=np.int64)
    columns[: len(layer.blocks)] = layer.blocks
    reach = []
    bundles = np.zeros((steps, -(-used // chip.cores)), dtype=np.int64)
    for step in range(steps):
        first = step * layer.all_cores
        needed = Counter(
            (core // chip.cores, owner)
            for core, owner in enumerate(layer.owners[first : first + layer.all_cores])
        )
        for tile, _ in needed:
            bundles[step, tile] += 1
        reach.append(Counter(needed.values()))
    return Spread(columns=columns.reshape(steps, used), bundles=bundles, reach=tuple(reach))

"""One blocking of a grid as a mapping: which loops stand at which level.

Main memory has the loops over its tiles; the level above the one that sums gather in has those
over tiles of sums, the innermost buffer those over folds, the registers the stream and what lies
across the array.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop
from stallscope.mappings.mapping import Mapping as LayerMapping
from stallscope.mappings.templates.estimate import Layer
from stallscope.mappings.templates.grid import Axis
from stallscope.mappings.templates.movement import Integers

__all__ = ["Cell", "mapping_of"]

Cell = tuple[int, ...]
"""Index of a blocking in the grid."""


def mapping_of(
    architecture: Architecture, layer: Layer, order: Sequence[Axis], cell: Cell
) -> LayerMapping:
    """Write a blocking down.

    Args:
        architecture: The architecture.
        layer: The layer on it.
        order: Axes in the order of main memory's loops, outermost first.
        cell: Which blocking.
    """
    stores, stream = layer.stores, layer.array.stream
    temporal: list[list[Loop]] = [[] for _ in architecture.levels]
    temporal[0] = _loops(order, cell, {n: t for axis in order for n, t in axis.trips.items()})
    if stores.sums:
        temporal[stores.sums] = _loops(
            order, cell, {n: m for axis in order for n, m in axis.middle.items()}
        )
    steps = {n: k for axis in order for n, k in axis.inner.items()}
    folded = {name: count for name, count in steps.items() if name not in stream}
    temporal[-2] += _loops(layer.grid.axes, cell, folded)
    temporal[-1] = _loops(layer.grid.axes, cell, {name: steps[name] for name in stream})
    levels = [
        LevelMapping(level=spec.name, temporal=tuple(loops))
        for spec, loops in zip(architecture.levels, temporal, strict=True)
    ]
    return LayerMapping(levels=tuple(_resident(layer, at, level, cell)
                                     for at, level in enumerate(levels)))  # fmt: skip


def at_cell(figure: NDArray[np.generic], cell: Cell) -> float:
    """Value of a figure, which may not depend on every axis, at one blocking."""
    index = tuple(at if size > 1 else 0 for at, size in zip(cell, figure.shape, strict=True))
    return float(figure[index].item())


def _resident(layer: Layer, at: int, level: LevelMapping, cell: Cell) -> LevelMapping:
    """Add what a level keeps, and of the registers what lies across the array."""
    stores = layer.stores
    if at == 0:
        return level.model_copy(update={"keep": tuple(t.name for t in layer.roles.tensors)})
    if at <= len(stores.buffers):
        doubled = layer.room.doubled[at - 1]
        tiles = tuple(
            Buffering(tensor=name, tiles=2 if at_cell(doubled[name], cell) else 1)
            for name in stores.buffers[at - 1].keeps
        )
        keeps = stores.buffers[at - 1].keeps
        return level.model_copy(update={"keep": keeps, "buffering": tiles})
    kept = layer.roles.kept(layer.dataflow).name
    rows, columns = (_across(side) for side in (layer.array.rows, layer.array.columns))
    return level.model_copy(update={"spatial_y": rows, "spatial_x": columns, "keep": (kept,)})


def _across(side: Mapping[str, int]) -> tuple[Loop, ...]:
    return tuple(Loop(dimension=name, extent=size) for name, size in side.items() if size > 1)


def _loops(axes: Iterable[Axis], cell: Cell, extents: Mapping[str, Integers]) -> list[Loop]:
    """Loops over some dimensions, in the order of the axes; those of one iteration left out."""
    found = []
    for axis in axes:
        for name in axis.dimensions:
            if name in extents:
                extent = int(at_cell(extents[name], cell))
                if extent > 1:
                    found.append(Loop(dimension=name, extent=extent))
    return found

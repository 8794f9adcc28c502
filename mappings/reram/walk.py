"""The loops of a schedule on one layer: complete, with extents, and what each stream needs of them.

Every stream's loops are the first few of the nest: up to the innermost one that changes what the
stream carries. Loops of one iteration are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from stallscope.mappings.reram.chip import CrossbarChip, packed_bytes
from stallscope.mappings.reram.lowering import LoweredLayer
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, InputForm, ScheduleLoop

__all__ = ["AXES", "ScheduleWalk", "WalkLoop", "walk_of", "window_bytes"]

AXES = tuple(Axis)
"""The axes, in the order of their numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkLoop:
    """One loop: at most ``extent`` iterations of ``step`` units of ``axis``."""

    axis: Axis
    extent: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleWalk:
    """A schedule's loops, outermost first.

    Attributes:
        loops: All loops of more than one iteration; those from ``steps`` on walk the pixels of a
            tile one by one (inputs by pixel).
        bounds: Units of every axis.
        tile: Units of every axis that one step takes (its innermost step).
        steps: Number of loops that walk steps of the schedule: (tile, load) pairs.
        weights, inputs, outputs: Number of loops of these streams.
        by_window: Whether inputs come in windows of whole tiles.
        snake: Whether the loop of ``ko`` turns at its ends.
    """

    loops: tuple[WalkLoop, ...]
    bounds: dict[Axis, int]
    tile: dict[Axis, int]
    steps: int
    weights: int
    inputs: int
    outputs: int
    by_window: bool
    snake: bool

    @property
    def tile_pixels(self) -> int:
        """Output pixels of a whole tile."""
        return prod(self.tile[axis] for axis in (Axis.H, Axis.W, Axis.P))


def walk_of(schedule: CrossbarSchedule, layer: LoweredLayer, chip: CrossbarChip) -> ScheduleWalk:
    """Return the loops of a schedule on a layer."""
    asked = _complete(schedule)
    by_pixel_number = any(loop.axis is Axis.P for loop in asked)
    bounds = {
        Axis.N: layer.images,
        Axis.CO: layer.column_steps,
        Axis.KO: len(layer.loads),
        Axis.H: 1 if by_pixel_number else layer.rows,
        Axis.W: 1 if by_pixel_number else layer.columns,
        Axis.P: layer.pixels if by_pixel_number else 1,
    }
    tile = {axis: min([bounds[axis], *(loop.step for loop in asked if loop.axis is axis)])
            for axis in AXES}  # fmt: skip
    by_window = not by_pixel_number and schedule.inputs is not InputForm.PIXEL
    if by_window and schedule.inputs is InputForm.AUTO:
        capacity = chip.input_buffer.capacity_bytes
        by_window = capacity is None or window_bytes(layer, chip, tile) <= capacity
    loops = _with_extents(asked, bounds)
    pixels = [] if by_window else [ScheduleLoop(axis=axis) for axis in (Axis.H, Axis.W, Axis.P)
                                   if tile[axis] > 1]  # fmt: skip
    inner = _with_extents(pixels, tile)
    inputs = {Axis.N, Axis.KO, Axis.H, Axis.W, Axis.P}
    if len(set(layer.owners)) > 1:
        inputs.add(Axis.CO)
    return ScheduleWalk(
        loops=(*loops, *inner),
        bounds=bounds,
        tile=tile,
        steps=len(loops),
        weights=_depth(loops, {Axis.CO, Axis.KO}),
        inputs=_depth((*loops, *inner), inputs),
        outputs=_depth(loops, {Axis.N, Axis.CO, Axis.H, Axis.W, Axis.P}),
        by_window=by_window,
        snake=schedule.snake,
    )


def window_bytes(layer: LoweredLayer, chip: CrossbarChip, tile: dict[Axis, int]) -> int:
    """Bytes of the largest window of a tile."""
    words = max(layer.window_words(load, tile[Axis.H], tile[Axis.W]) for load in layer.loads)
    return packed_bytes(words, chip.reading.input_bits)


def _complete(schedule: CrossbarSchedule) -> list[ScheduleLoop]:
    """All loops: batch and output channels outermost, the sum innermost, if nobody says else."""
    given = {loop.axis for loop in schedule.loops}
    outer = [ScheduleLoop(axis=axis) for axis in (Axis.N, Axis.CO) if axis not in given]
    inner = [ScheduleLoop(axis=axis) for axis in (Axis.KO,) if axis not in given]
    # Axes that are blocked but not walked to the end are walked one by one inside.
    last = {loop.axis: loop.step for loop in schedule.loops}
    inner += [ScheduleLoop(axis=axis) for axis in (Axis.N, Axis.CO, Axis.KO)
              if last.get(axis, 1) > 1]  # fmt: skip
    return [*outer, *schedule.loops, *inner]


def _with_extents(loops: list[ScheduleLoop], bounds: dict[Axis, int]) -> list[WalkLoop]:
    """Loops of more than one iteration."""
    left = dict(bounds)
    made = []
    for loop in loops:
        extent = -(-left[loop.axis] // loop.step)
        if extent > 1:
            made.append(WalkLoop(axis=loop.axis, extent=extent, step=loop.step))
            left[loop.axis] = loop.step
    return made


def _depth(loops: list[WalkLoop] | tuple[WalkLoop, ...], axes: set[Axis]) -> int:
    """Loops up to the innermost one of some axes."""
    return max((at + 1 for at, loop in enumerate(loops) if loop.axis in axes), default=0)

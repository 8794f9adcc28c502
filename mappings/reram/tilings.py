"""Tiles of output pixels that a schedule may take, all at once as arrays.

Of all tiles that cut a map into the same number of pieces only the smallest counts: larger ones
bring the same words and need more room. Tiles are of rows and columns, or of pixels by number.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.reram.chip import CrossbarChip, packed_bytes
from stallscope.mappings.reram.lowering import LoweredLayer
from stallscope.mappings.reram.schedule import Axis, InputForm, ScheduleLoop
from stallscope.mappings.reram.spread import Ints

__all__ = ["Tilings", "tilings_of"]


@dataclass(frozen=True, kw_only=True)
class Tilings:
    """Tiles; all arrays have one entry per tile.

    Attributes:
        rows, columns: Size of the tile; 1 row of all its pixels where pixels go by number.
        high, wide: Pieces that the map is cut into, along rows and along columns.
        by_number: Whether pixels go by number.
        by_window: Whether inputs come in windows.
        singles: Pieces of a single pixel, where the tile has more.
    """

    rows: Ints
    columns: Ints
    high: Ints
    wide: Ints
    by_number: NDArray[np.bool_]
    by_window: NDArray[np.bool_]
    singles: Ints

    @property
    def pieces(self) -> Ints:
        """Pieces of the map."""
        return self.high * self.wide

    def loops(self, at: int) -> tuple[ScheduleLoop, ...]:
        """The loops that walk one of the tilings."""
        if self.by_number[at]:
            return (ScheduleLoop(axis=Axis.P, step=int(self.columns[at])),)
        steps = (
            (Axis.H, self.rows[at], self.high[at]),
            (Axis.W, self.columns[at], self.wide[at]),
        )
        return tuple(
            ScheduleLoop(axis=axis, step=int(step)) for axis, step, cut in steps if cut > 1
        )

    def only(self, which: NDArray[np.bool_]) -> Tilings:
        """Some of the tilings."""
        return Tilings(**{one.name: getattr(self, one.name)[which] for one in fields(self)})


def tilings_of(layer: LoweredLayer, chip: CrossbarChip, inputs: InputForm) -> Tilings:
    """Return the tilings whose partial sums and inputs fit a core, by number of pieces.

    Args:
        layer: The layer as the crossbars see it.
        chip: Capacities and widths.
        inputs: Form that inputs come in.
    """
    windows = _rectangles(layer)
    numbers = _numbers(layer)
    fits = _window_bytes(layer, chip, windows) <= _room(chip.input_buffer.capacity_bytes)
    if inputs is InputForm.PIXEL:
        fits = np.zeros_like(fits)
    windows = _with_form(windows, fits)
    tilings = windows if inputs is InputForm.WINDOW else _both(windows, numbers)
    pixel = packed_bytes(max(load.rows for load in layer.loads), chip.reading.input_bits)
    has_room = inputs is not InputForm.WINDOW and pixel <= _room(chip.input_buffer.capacity_bytes)
    bits = tilings.rows * tilings.columns * chip.crossbar.columns * chip.partial_sum_bits
    return tilings.only(
        (-(-bits // 8) <= _room(chip.partial_sums.capacity_bytes)) & (tilings.by_window | has_room)
    )


def _room(capacity_bytes: int | None) -> int:
    return np.iinfo(np.int64).max if capacity_bytes is None else capacity_bytes


def _steps(bound: int) -> Ints:
    """The smallest step of every number of pieces, largest step first."""
    steps: Ints = np.unique(-(-bound // np.arange(1, bound + 1, dtype=np.int64)))[::-1]
    return steps


def _rectangles(layer: LoweredLayer) -> Tilings:
    columns, rows = (
        axis.ravel()
        for axis in np.meshgrid(_steps(layer.columns), _steps(layer.rows), indexing="ij")
    )
    high, wide = -(-layer.rows // rows), -(-layer.columns // columns)
    single_rows = np.where(rows == 1, high, layer.rows % rows == 1)
    single_columns = np.where(columns == 1, wide, layer.columns % columns == 1)
    return Tilings(
        rows=rows, columns=columns, high=high, wide=wide,
        by_number=np.zeros(rows.shape, dtype=bool), by_window=np.ones(rows.shape, dtype=bool),
        singles=np.where(rows * columns > 1, single_rows * single_columns, 0),
    )  # fmt: skip


def _numbers(layer: LoweredLayer) -> Tilings:
    """Tiles of pixels by number; the whole map is a rectangle already."""
    steps = _steps(layer.pixels)[1:]
    none = np.zeros(steps.shape, dtype=bool)
    return Tilings(
        rows=np.ones_like(steps), columns=steps, high=np.ones_like(steps),
        wide=-(-layer.pixels // steps), by_number=~none, by_window=none,
        singles=((layer.pixels % steps == 1) & (steps > 1)).astype(np.int64),
    )  # fmt: skip


def _window_bytes(layer: LoweredLayer, chip: CrossbarChip, tilings: Tilings) -> Ints:
    """Bytes of the largest window, shape (tilings)."""
    largest = np.zeros(tilings.rows.shape, dtype=np.int64)
    one = {(load.kernel, load.channels[1] - load.channels[0]): load for load in layer.loads}
    for load in one.values():
        high = layer.window_rows(load, 1) + (tilings.rows - 1) * layer.stride[0]
        wide = layer.window_columns(load, 1) + (tilings.columns - 1) * layer.stride[1]
        largest = np.maximum(largest, high * wide * (load.channels[1] - load.channels[0]))
    return -(-largest * chip.reading.input_bits // 8)


def _with_form(tilings: Tilings, by_window: NDArray[np.bool_]) -> Tilings:
    values = {one.name: getattr(tilings, one.name) for one in fields(tilings)}
    return Tilings(**{**values, "by_window": by_window})


def _both(one: Tilings, other: Tilings) -> Tilings:
    return Tilings(
        **{
            each.name: np.concatenate([getattr(one, each.name), getattr(other, each.name)])
            for each in fields(one)
        }
    )

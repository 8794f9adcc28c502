"""The schedule of layers that come without one: an output row at a time, loads innermost.

So every row takes all loads of its sum, one after the other, and its weights come again with the
next row: what a chip does that finishes outputs in order. An explored schedule does better.
"""

from __future__ import annotations

from stallscope.mappings.layers import Shape
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.lowering import lower
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, Filling, ScheduleLoop

__all__ = ["ROW_BY_ROW", "row_by_row"]

ROW_BY_ROW = "schedule: an output row at a time, loads innermost (no file gives one)"
"""The named assumption of layers that this schedule is taken for."""


def row_by_row(
    layer: Shape, chip: CrossbarChip, filling: Filling = Filling.STRICT
) -> CrossbarSchedule:
    """Return the schedule: rows of the output, cut where partial sums do not hold a whole one.

    Where a row is a single pixel (matrix products), a step takes as many as partial sums hold.

    Args:
        layer: The layer.
        chip: The chip, for the room of a core's partial sums; a single pixel that does not fit is
            left to `check_crossbars`.
        filling: How crossbars are filled.
    """
    lowered = lower(layer, chip, filling)
    capacity, bits = chip.partial_sums.capacity_bytes, chip.crossbar.columns * chip.partial_sum_bits
    fits = lowered.pixels if capacity is None else max(1, 8 * capacity // bits)
    loops = [ScheduleLoop(axis=Axis.H)]
    if lowered.columns == 1:
        loops = [ScheduleLoop(axis=Axis.H, step=min(fits, lowered.rows))]
    elif lowered.columns > fits:
        loops.append(ScheduleLoop(axis=Axis.W, step=fits))
    return CrossbarSchedule(filling=filling, loops=tuple(loops))

"""How writing wears the cells: writes per crossbar and per cell, and how many runs a chip stands.

Per run, one pass over the layer: every run starts by writing its first weights. The first cell of a
core's first crossbar is written by every load of that core, and core 0 has a load in every update:
no cell is written more often. With shadow crossbars a core's two sets take turns, from run to run
too, so that each takes half of the loads.

Not modelled: levelling (moving what is written often to other crossbars), retention, cells that
need other numbers of pulses than stated; with ``data_aware`` all figures of writes are those of
cells that are never skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np

from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import Overlap
from stallscope.mappings.reram.counting import activity_of
from stallscope.mappings.reram.lowering import LoweredLayer

__all__ = ["Wear", "runs_until", "wear_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """Wear per run; crossbars and cells are physical ones.

    Means are over those that the layer uses, and over all of the chip.

    Attributes:
        crossbars_used, crossbars: Crossbars that are ever written, and all.
        loads_max, loads_mean, loads_mean_all: Times that a crossbar is written.
        cells_used, cells: Cells that are ever written, and all.
        writes_max, writes_mean, writes_mean_all: Times that a cell is written.
        pulses_max, pulses_mean, pulses_mean_all: Programming pulses of a cell and the verifies
            that follow them, which stress it, too; None where they depend on the weights.
        runs_by_writes: Runs until the most written cell has had as many writes as it stands; None
            without a figure.
        runs_by_pulses: The same if every pulse and verify counts like a write.
    """

    crossbars_used: int
    crossbars: int
    loads_max: Fraction
    loads_mean: float
    loads_mean_all: float
    cells_used: int
    cells: int
    writes_max: Fraction
    writes_mean: float
    writes_mean_all: float
    pulses_max: Fraction | None
    pulses_mean: float | None
    pulses_mean_all: float | None
    runs_by_writes: int | None
    runs_by_pulses: int | None


def wear_of(case: CrossbarCase, activity: Activity | None = None) -> Wear:
    """Return the wear of one run.

    Args:
        case: The case.
        activity: What a run counted; by default what the closed form says.
    """
    activity = activity_of(case) if activity is None else activity
    layer, chip = case.lowered, case.chip
    sets = 2 if chip.overlap is Overlap.SHADOW else 1
    slices = chip.crossbar.slices
    all_crossbars = chip.all_cores * chip.crossbar.per_core * slices
    per_crossbar = chip.crossbar.rows * chip.crossbar.columns
    used = layer.used_cores * max(len(load.slots) for load in layer.loads) * slices * sets
    cells_used = _used_cells(case) * slices * sets
    # Core 0 has a block at every step of co: its loads are the updates.
    most = Fraction(activity.updates, sets)
    each = chip.writing.iterations * chip.writing.passes * (2 if chip.writing.verify_ns else 1)
    pulses = None if chip.writing.data_aware else most * each
    stresses = activity.pulses
    if stresses is not None and chip.writing.verify_ns:
        stresses *= 2
    loads, all_cells = activity.crossbar_loads * slices, all_crossbars * per_crossbar
    return Wear(
        crossbars_used=used,
        crossbars=all_crossbars,
        loads_max=most,
        loads_mean=loads / used,
        loads_mean_all=loads / all_crossbars,
        cells_used=cells_used,
        cells=all_cells,
        writes_max=most,
        writes_mean=activity.cells_written / cells_used,
        writes_mean_all=activity.cells_written / all_cells,
        pulses_max=pulses,
        pulses_mean=None if stresses is None else stresses / cells_used,
        pulses_mean_all=None if stresses is None else stresses / all_cells,
        runs_by_writes=runs_until(chip.writing.endurance_writes, most),
        runs_by_pulses=runs_until(chip.writing.endurance_writes, pulses),
    )


def runs_until(endurance: Fraction | None, per_run: Fraction | int | None) -> int | None:
    """Whole runs until a cell has taken what it stands; None without both figures."""
    if endurance is None or per_run is None:
        return None
    return floor(endurance / per_run)


def _used_cells(case: CrossbarCase) -> int:
    """Cells that are ever written, of one slice and one set.

    What loads and blocks use of a crossbar are rectangles in the same corner: together they use the
    rows of the highest and the columns of the widest.
    """
    chip, layer = case.chip, case.lowered
    if chip.writing.whole_crossbars:
        slots = max(len(load.slots) for load in layer.loads)
        return layer.used_cores * slots * chip.crossbar.rows * chip.crossbar.columns
    rows: dict[int, int] = {}
    for load in layer.loads:
        for slot, height in enumerate(load.slots):
            rows[slot] = max(rows.get(slot, 0), height)
    return sum(rows.values()) * _widest_columns(layer)


def _widest_columns(layer: LoweredLayer) -> int:
    """Columns of the widest block of every core, summed."""
    padded = np.zeros(layer.column_steps * layer.used_cores, dtype=np.int64)
    padded[: len(layer.blocks)] = layer.blocks
    return int(padded.reshape(layer.column_steps, -1).max(axis=0).sum())

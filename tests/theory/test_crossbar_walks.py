"""Does the machine take what a plain walk of its schedule takes, with memory at hand at once?

The walk knows steps, multiplies and rewrites of whole tiles, and none of the machine's units.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import Overlap
from stallscope.mappings.reram.schedule import Axis, Filling, ScheduleLoop
from stallscope.mappings.reram.steps import schedule_steps
from stallscope.mappings.reram.timing import at_once, multiply_timing, write_ns
from stallscope.validation.reram_runs import account_of, case_of, free_ns, tile_chip

LAYER = ConvLayer(C=200, K=300, P=9, Q=7, R=3, S=3)
TILES = {
    "row": (ScheduleLoop(axis=Axis.H),),
    "cut tiles": (ScheduleLoop(axis=Axis.H, step=4), ScheduleLoop(axis=Axis.W, step=3)),
    "loads outside": (ScheduleLoop(axis=Axis.KO), ScheduleLoop(axis=Axis.H, step=2)),
    "channels inside": (ScheduleLoop(axis=Axis.H, step=5), ScheduleLoop(axis=Axis.CO)),
}


def walked_ns(case):
    """When the last multiply is done; cores of a tile are written together, in rounds."""
    chip, layer = case.chip, case.lowered
    interval = multiply_timing(chip).interval
    computed = written = before = Fraction(0)
    for step in schedule_steps(case):
        if step.is_update:
            cores = sum(layer.block(step.co, core) is not None for core in range(chip.cores))
            crossbars = cores * chip.crossbar.slices * len(layer.loads[step.load].slots)
            rounds = -(-crossbars // (at_once(chip) or crossbars))
            # A spare set is free once the weights before those in use are done with.
            room = before if chip.overlap is Overlap.SHADOW else computed
            written = max(written, room) + rounds * write_ns(chip, chip.crossbar.rows)
            before = computed
        pixels = (step.rows[1] - step.rows[0]) * (step.columns[1] - step.columns[0])
        computed = max(computed, written) + pixels * interval
    return computed


@pytest.mark.parametrize("tile", sorted(TILES))
@pytest.mark.parametrize("overlap", [Overlap.NONE, Overlap.SHADOW])
@pytest.mark.parametrize(("iterations", "together"), [(1, None), (10, 7), (30, 1)])
@pytest.mark.parametrize("snake", [False, True])
def test_the_crossbars_are_free_when_a_plain_walk_says_so(
    tile, overlap, iterations, together, snake
):
    chip = tile_chip(per_core=9, overlap=overlap, iterations=iterations, crossbars_at_once=together)
    case = case_of(LAYER, chip, TILES[tile], Filling.PACKED, snake=snake)
    assert free_ns(case) == walked_ns(case)
    updates = sum(step.is_update for step in schedule_steps(case))
    assert account_of(case).activity.updates == updates

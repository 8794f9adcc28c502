"""Does the machine take what a plain walk of its schedule takes, with memory at hand at once?

The walk knows steps, multiplies and rewrites of whole tiles, and none of the machine's units.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import LogicalCrossbar, Overlap, Programming
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.schedule import Axis, Filling, ScheduleLoop
from stallscope.mappings.reram.timing import at_once, multiply_timing, write_ns
from stallscope.validation.reram_runs import account_of, case_of, free_ns, reading, tile_chip
from tests.property.crossbar_counting import blocks_at, pixels_of
from tests.property.crossbars import changes, walked
from tests.sets import some

LAYER = ConvLayer(C=200, K=300, P=9, Q=7, R=3, S=3)
TILES = {
    "row": (ScheduleLoop(axis=Axis.H),),
    "cut tiles": (ScheduleLoop(axis=Axis.H, step=4), ScheduleLoop(axis=Axis.W, step=3)),
    "loads outside": (ScheduleLoop(axis=Axis.KO), ScheduleLoop(axis=Axis.H, step=2)),
    "channels inside": (ScheduleLoop(axis=Axis.H, step=5), ScheduleLoop(axis=Axis.CO)),
}


def needs(step):
    return step.at[Axis.CO], step.at[Axis.KO]


def walked_ns(case):
    """When the last multiply is done; cores of a tile are written together, in rounds."""
    chip, layer = case.chip, case.lowered
    interval = multiply_timing(chip).interval
    computed = written = before = Fraction(0)
    held = None
    for step in walked(case.walk, case.walk.steps):
        if needs(step) != held:
            crossbars = len(blocks_at(case, step.at[Axis.CO])) * chip.crossbar.slices
            crossbars *= len(layer.loads[step.at[Axis.KO]].slots)
            rounds = -(-crossbars // (at_once(chip) or crossbars))
            # A spare set is free once the weights before those in use are done with.
            room = before if chip.overlap is Overlap.SHADOW else computed
            written = max(written, room) + rounds * write_ns(chip, chip.crossbar.rows)
            before = computed
        held = needs(step)
        computed = max(computed, written) + pixels_of(step) * interval
    return computed


def test_an_update_that_needs_few_drivers_waits_for_those_that_need_all():
    """Three cores in turn, then the first one again: it is done at 12 and writes from 30 on.

    4 crossbars a core, 2 rows of 5 cycles, 5 crossbars at once; a multiply takes 2 cycles. With
    drivers of its own the last update would end at 22, when 8 crossbars would have been written.
    """
    chip = tile_chip(
        cores=3, overlap=Overlap.PARTIAL,
        crossbar=LogicalCrossbar(rows=2, columns=2, per_core=2, weight_bits=4),
        reading=reading(input_bits=1, read_ns=1, columns_per_adc=2, adc_gsps=1),
        writing=Programming(pulse_ns=5, crossbars_at_once=5),
    )  # fmt: skip
    case = case_of(ConvLayer(C=8, K=4, P=1, Q=1, R=1, S=2, groups=4), chip, ())
    assert free_ns(case) == 30 + 10 + 2
    assert analyze_crossbars(case).cycles == 40


ORDERS = list(product(TILES, [(1, None), (10, 7), (30, 1)], [False, True]))
"""Tile, pulses and crossbars at once, and whether loads turn."""
QUICK = [
    ("row", (1, None), True), ("cut tiles", (10, 7), True), ("loads outside", (10, 7), False),
    ("channels inside", (30, 1), True),
]  # fmt: skip


@pytest.mark.parametrize("order", some(ORDERS, quick=QUICK), ids=str)
@pytest.mark.parametrize("overlap", [Overlap.NONE, Overlap.SHADOW])
def test_the_crossbars_are_free_when_a_plain_walk_says_so(order, overlap):
    tile, (iterations, together), snake = order
    chip = tile_chip(per_core=9, overlap=overlap, iterations=iterations, crossbars_at_once=together)
    case = case_of(LAYER, chip, TILES[tile], Filling.PACKED, snake=snake)
    assert free_ns(case) == walked_ns(case)
    updates = len(list(changes(case.walk, case.walk.weights, needs)))
    assert account_of(case).activity.updates == updates

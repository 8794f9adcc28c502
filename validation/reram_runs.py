"""Chips, schedules and plain walks that the reference figures of crossbars are compared with."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CrossbarChip,
    LogicalCrossbar,
    Overlap,
    Programming,
    Readout,
)
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, Filling, ScheduleLoop
from stallscope.mappings.reram.steps import schedule_steps
from stallscope.mappings.reram.timing import MultiplyTiming, at_once, multiply_timing, write_ns
from stallscope.mappings.reram.updates import weight_updates

__all__ = [
    "Updates", "buffer_pixels", "case_of", "free_ns", "ordered", "pipelined_ns", "reading",
    "tile_chip", "tile_schedule",
]  # fmt: skip

PULSE_NS = 50
"""Programming pulse of the reference's rewrites: DNN+NeuroSim V2.1."""
_ROW = ScheduleLoop(axis=Axis.H, step=1)


def reading(**other: Any) -> Readout:
    """Return the reference's readout: 8-bit inputs by the bit, 100 ns, 64 columns at 1.28 GS/s."""
    figures = {"input_bits": 8, "dac_bits": 1, "read_ns": 100, "columns_per_adc": 64,
               "adc_gsps": "1.28"}  # fmt: skip
    return Readout(**(figures | other))


def tile_chip(
    *, per_core: int = 9, overlap: Overlap = Overlap.NONE, iterations: int = 1,
    crossbars_at_once: int | None = None, **other: Any,
) -> CrossbarChip:  # fmt: skip
    """Return the tile: four cores of nine 64 x 64 x 8b crossbars in cells of two bits.

    Buffers and ports have no limits. Source: Shi, operator scheduling for weight-variable
    compute-in-memory accelerators, Modern Computer 2021(10); pulses: DNN+NeuroSim V2.1.
    """
    figures = {
        "cores": 4,
        "overlap": overlap,
        "crossbar": LogicalCrossbar(rows=64, columns=64, per_core=per_core),
        "reading": reading(),
        "writing": Programming(
            pulse_ns=PULSE_NS, iterations=iterations, crossbars_at_once=crossbars_at_once
        ),
    }
    return CrossbarChip(**(figures | other))


def tile_schedule(tile: str) -> tuple[ScheduleLoop, ...] | None:
    """Return the loops of a named tile: pixel, row, row_x4, tile7x7, tile14, pix16; None: unknown.

    A tile of pixels is of so many in row order.
    """
    if tile == "unlimited":
        return ()
    if tile == "row":
        return (_ROW,)
    if tile == "pixel":
        return (ScheduleLoop(axis=Axis.P),)
    found = re.fullmatch(r"row_x(\d+)|tile(\d+)(?:x(\d+))?|pix(\d+)", tile)
    if not found:
        return None
    rows, height, width, pixels = (int(part) if part else 0 for part in found.groups())
    if pixels:
        return (ScheduleLoop(axis=Axis.P, step=pixels),)
    loops = (ScheduleLoop(axis=Axis.H, step=rows or height),)
    return loops if rows else (*loops, ScheduleLoop(axis=Axis.W, step=width or height))


def buffer_pixels(buffer: str, chip: CrossbarChip) -> int | None:
    """Return the pixels that a buffer such as 64KiB_2B holds sums of; None: another name.

    The size is that of all cores of the tile together; the second figure is a sum's bytes.
    """
    found = re.fullmatch(r"(\d+)(KiB|MiB)(?:_(\d+)B)?", buffer)
    if not found:
        return None
    size = int(found[1]) << (10 if found[2] == "KiB" else 20)
    return size // (int(found[3] or 2) * chip.cores * chip.crossbar.columns)


def ordered(order: str, tile: tuple[int, int]) -> CrossbarSchedule:
    """Return the schedule of an order such as ``co,t,g snake``.

    Raises:
        KeyError: If the order has another word.
    """
    names, _, turn = order.partition(" ")
    loops = {
        "co": (ScheduleLoop(axis=Axis.CO),),
        "t": (ScheduleLoop(axis=Axis.H, step=tile[0]), ScheduleLoop(axis=Axis.W, step=tile[1])),
        "g": (ScheduleLoop(axis=Axis.KO),),
    }
    asked = [loop for name in names.split(",") for loop in loops[name]]
    snakes = {"": False, "snake": True}
    return CrossbarSchedule(loops=tuple(asked), snake=snakes[turn])


def case_of(
    layer: ConvLayer | GemmLayer, chip: CrossbarChip, loops: tuple[ScheduleLoop, ...],
    filling: Filling = Filling.STRICT, *, snake: bool = False,
) -> CrossbarCase:  # fmt: skip
    """Return a case with the loops of a tile."""
    schedule = CrossbarSchedule(filling=filling, loops=loops, snake=snake)
    return CrossbarCase(layer=layer, chip=chip, schedule=schedule)


class Updates:
    """Updates of schedules by walking them and by closed form; what is the same is walked once."""

    def __init__(self) -> None:
        self._walked: dict[Any, int] = {}  # Any: a walk's loops, bounds and direction

    def of(self, case: CrossbarCase) -> tuple[int, int]:
        """Return the updates: walked step by step, and by closed form."""
        walk = case.walk
        key = (walk.loops[: walk.steps], tuple(walk.bounds.items()), walk.snake)
        if key not in self._walked:
            self._walked[key] = sum(step.is_update for step in schedule_steps(case))
        return self._walked[key], weight_updates(walk)


def pipelined_ns(timing: MultiplyTiming, multiplies: int) -> list[Fraction]:
    """Execute multiplies through read, conversion and addition, one step of one after another.

    A stage takes up a step when it is done with the step before and the stage before has given it.

    Returns:
        When each multiply is done, ns.
    """
    stages = [timing.read, timing.convert, timing.add]
    if timing.is_synchronous:
        stages = [timing.stage] * 3
    free = [Fraction(0)] * 3
    done = []
    for _ in range(multiplies):
        for _ in range(timing.steps):
            given = Fraction(0)
            for at, time in enumerate(stages):
                given = free[at] = max(given, free[at]) + time
        done.append(free[-1])
    return done


def free_ns(case: CrossbarCase) -> Fraction:
    """Walk a schedule and return when its crossbars are free, ns: all memory is at hand at once.

    All cores of a tile are written together; see `Overlap` for what computes meanwhile.
    """
    chip = case.chip
    interval = multiply_timing(chip).interval
    computed = written = Fraction(0)
    before = Fraction(0)  # when the weights before those in use were done with
    for step in schedule_steps(case):
        if step.is_update:
            room = before if chip.overlap is Overlap.SHADOW else computed
            written = max(written, room) + _rewrite_ns(case, step.co, step.load)
            before = computed
        pixels = (step.rows[1] - step.rows[0]) * (step.columns[1] - step.columns[0])
        pixels *= step.pixels[1] - step.pixels[0]
        computed = max(computed, written) + pixels * interval
    return computed


def _rewrite_ns(case: CrossbarCase, co: int, load: int) -> Fraction:
    """Time to write a load into all cores that have a block, in rounds, ns."""
    chip, layer = case.chip, case.lowered
    slots = layer.loads[load].slots
    cores = sum(layer.block(co, core) is not None for core in range(layer.used_cores))
    crossbars = len(slots) * chip.crossbar.slices * cores
    together = at_once(chip) or crossbars
    rows = chip.crossbar.rows if chip.writing.whole_crossbars else max(slots)
    return write_ns(chip, rows) * -(-crossbars // together)

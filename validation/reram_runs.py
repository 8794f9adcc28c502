"""Chips, schedules and runs that the reference figures of crossbars are compared with."""

from __future__ import annotations

import re
from fractions import Fraction
from math import lcm
from typing import Any

from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.hw.result import CrossbarAccount
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
from stallscope.mappings.reram.timing import multiply_timing
from stallscope.mappings.reram.updates import weight_updates

__all__ = [
    "PULSE_NS", "Updates", "account_of", "buffer_pixels", "case_of", "free_ns", "multiplied_ns",
    "ordered", "reading", "tile_chip", "tile_schedule",
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


def account_of(case: CrossbarCase) -> CrossbarAccount:
    """Simulate a case and return what the chip did."""
    account = simulate_crossbars(case).reram
    assert account is not None  # every run of crossbars has one
    return account


class Updates:
    """Updates of schedules, executed and by closed form; what is the same is executed once."""

    def __init__(self) -> None:
        self._executed: dict[Any, int] = {}  # Any: a walk's loops, bounds and direction

    def of(self, case: CrossbarCase) -> tuple[int, int]:
        """Return the updates: executed, and by closed form."""
        walk = case.walk
        key = (walk.loops[: walk.steps], tuple(walk.bounds.items()), walk.snake)
        if key not in self._executed:
            self._executed[key] = account_of(case).activity.updates
        return self._executed[key], weight_updates(walk)


def free_ns(case: CrossbarCase) -> Fraction:
    """Simulate a case and return when its crossbars are free, ns: after the last multiply.

    What the pipeline still drains is not in it.
    """
    return Fraction(account_of(case).until * 1000) / Fraction(str(case.chip.clock_mhz))


def multiplied_ns(chip: CrossbarChip) -> tuple[Fraction, Fraction]:
    """Simulate multiplies with weights that are there at once.

    Returns:
        Time of the first multiply, and from its result to that of the next, ns. The clock is so
        fast that every stage takes whole cycles, but not faster than a cycle of 1 ps.
    """
    timing = multiply_timing(chip)
    parts = lcm(*(time.denominator for time in (timing.read, timing.convert, timing.add)))
    clock = min(1000 * parts, 10**6)
    fast = chip.model_copy(update={"clock_mhz": float(clock), "writing": Programming(pulse_ns=0)})
    crossbar = chip.crossbar
    first, both = (
        Fraction(simulate_crossbars(case_of(layer, fast, ())).cycles * 1000, clock)
        for layer in (GemmLayer(M=pixels, N=crossbar.columns, K=crossbar.rows) for pixels in (1, 2))
    )
    return first, both - first

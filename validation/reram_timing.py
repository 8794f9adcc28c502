"""Points of timing: multiplies, rewrites, and a convolution with its weights replaced meanwhile.

Entries give results; what they were computed from is in their names (`seed_64x64_8b_adc8cols`), or
stated beside the results (``n_bits``, ``dac_bits``, ``t_read_ns``, ``cols_per_adc``, ``adc_gsps``,
``t_shift_add_ns``). An entry whose name says nothing is left out by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from stallscope.mappings.layers import GemmLayer
from stallscope.mappings.reram.chip import (
    CrossbarChip,
    LogicalCrossbar,
    Overlap,
    Pipeline,
    Programming,
    Readout,
)
from stallscope.mappings.reram.schedule import Axis, Filling, ScheduleLoop
from stallscope.mappings.reram.timing import MultiplyTiming, multiply_timing, write_ns
from stallscope.validation.points import Excluded, Point
from stallscope.validation.reram_cases import EXAMPLE, Json
from stallscope.validation.reram_runs import (
    PULSE_NS,
    Updates,
    buffer_pixels,
    case_of,
    free_ns,
    pipelined_ns,
    reading,
    tile_chip,
    tile_schedule,
)

__all__ = ["timing_points"]

MULTIPLY = "multiplies"
STAGES = "multiplies by the stages they state"
REWRITE = "rewrites"
CONVOLUTION = "convolution with weights replaced"
UNEQUAL = "convolution with weights replaced, unequal tiles taken as equal"

_ROWS = 64
_UNKNOWN = "its name does not say what it was computed from, and nothing beside it does"
_ISAAC = {"input_bits": 16, "columns_per_adc": 128}
"""Inputs of 16 bits by the bit, 128 columns at 1.28 GS/s: 100 ns (ISAAC, ISCA 2016; PUMA)."""
_STATED = {"n_bits": "input_bits", "dac_bits": "dac_bits", "t_read_ns": "read_ns",
           "cols_per_adc": "columns_per_adc", "adc_gsps": "adc_gsps",
           "t_shift_add_ns": "shift_add_ns"}  # fmt: skip


def timing_points(name: str, entry: Json) -> Iterator[Point | Excluded]:
    """Compare one entry."""
    if "unequal" in entry or "closed" in entry:
        yield from _event_check(name, entry)
    elif "latency_ns" in entry or "stage_ns" in entry:
        yield from _multiply(name, entry)
    elif "per_xbar_ns" in entry:
        yield from _rewrite(name, entry)
    else:
        yield from _convolution(name, entry)


def _point(
    name: str, kind: str, metric: str, reference: float, figures: tuple[Fraction | int, ...],
    where: str = "",
) -> Point:  # fmt: skip
    executed, closed = figures
    return Point(
        case=name, where=where, kind=kind, metric=metric, reference=reference,
        simulated=float(executed), analytical=float(closed), tolerance=0.0,
    )  # fmt: skip


def _readout(name: str, entry: Json) -> Readout | None:
    """What an entry's name, or what is beside it, says of its readout."""
    stated = {ours: entry[key] for key, ours in _STATED.items() if key in entry}
    if stated:
        return reading(**stated)
    staged = re.fullmatch(r"(?:isaac|puma)\w*?_mvm(?:_(\d+)ns_stage)?", name)
    if staged:
        return reading(**_ISAAC, read_ns=int(staged[1] or 100))
    tile = re.fullmatch(r"seed_(\d+)x\1_(\d+)b(?:_adc(\d+)cols)?", name)
    if tile:
        return reading(input_bits=int(tile[2]), columns_per_adc=int(tile[3] or tile[1]))
    slow = re.fullmatch(r"slow_adc_(\d+)cols_([\d.]+)GSps", name)
    if slow:
        return reading(columns_per_adc=int(slow[1]), adc_gsps=slow[2])
    return None


def _by_stages(entry: Json) -> Readout | None:
    """A readout of the steps and stages that an entry gives as results."""
    if not all(entry.get(key) for key in ("steps", "stage_ns", "t_conv_ns")):
        return None
    return reading(
        input_bits=entry["steps"], read_ns=entry["stage_ns"], columns_per_adc=1,
        adc_gsps=1 / Fraction(str(entry["t_conv_ns"])),
    )  # fmt: skip


def _timed(readout: Readout) -> MultiplyTiming:
    """The timing of a crossbar with as many columns as an ADC converts."""
    columns = readout.columns_per_adc
    crossbar = LogicalCrossbar(rows=_ROWS, columns=columns, per_core=1)
    return multiply_timing(tile_chip(crossbar=crossbar, reading=readout))


def _multiply(name: str, entry: Json) -> Iterator[Point | Excluded]:
    """One multiply, and how soon the next may follow: executed stage by stage, and closed."""
    readout, kind, known = _readout(name, entry), MULTIPLY, tuple(entry)
    if readout is None:
        # Then what its steps and stages are is taken from it, and only their sums are compared.
        readout, kind, known = _by_stages(entry), STAGES, ("latency_ns", "initiation_interval_ns")
    if readout is None:
        yield Excluded(case=name, why=_UNKNOWN)
        return
    timing = _timed(readout)
    first, second = pipelined_ns(timing, 2)
    found: dict[str, tuple[Fraction | int, Fraction | int]] = {
        "steps": (timing.steps, timing.steps),
        "t_conv_ns": (timing.convert, timing.convert),
        "stage_ns": (timing.stage, timing.stage),
        "latency_ns": (first, timing.latency),
        "initiation_interval_ns": (second - first, timing.interval),
    }
    for metric, figures in found.items():
        if metric in entry and metric in known:
            yield _point(name, kind, metric, entry[metric], figures)


def _event_check(name: str, entry: Json) -> Iterator[Point | Excluded]:
    """ISAAC's multiply, and one of 8 steps whose stages take 100, 640 and 1 ns."""
    isaac = _timed(reading(**_ISAAC))
    unequal = _timed(reading(adc_gsps="0.1", pipeline=Pipeline.ELASTIC))
    known = {"isaac": isaac, "closed": isaac, "unequal": unequal, "unequal_expected": unequal}
    for key, reference in entry.items():
        if key in known:
            figures = (pipelined_ns(known[key], 1)[0], known[key].latency)
            yield _point(name, MULTIPLY, "latency_ns", reference, figures, where=key)
        else:
            yield Excluded(case=f"{name}: {key}", why=_UNKNOWN)


def _writing(name: str) -> tuple[Programming, int] | None:
    """How an entry's crossbars are written, and how many they are."""
    rows = re.fullmatch(r"reprogram_row_parallel_(\d+)(?:pulses?|it)", name)
    if rows:
        return Programming(pulse_ns=PULSE_NS, iterations=int(rows[1])), 1
    both = re.fullmatch(r"reprogram_set_reset_(\d+)it", name)
    if both:
        return Programming(pulse_ns=PULSE_NS, iterations=int(both[1]), passes=2), 1
    cells = re.fullmatch(r"reprogram_cell_by_cell_(\d+)(?:p(\d+))?us", name)
    if cells:
        pulse = Fraction(f"{cells[1]}.{cells[2] or 0}") * 1000
        return Programming(pulse_ns=pulse, columns_per_pulse=1), 1
    tile = re.fullmatch(r"reprogram_tile(\d+)_(serial|parallel)", name)
    if tile:
        together = 1 if tile[2] == "serial" else None
        return Programming(pulse_ns=PULSE_NS, crossbars_at_once=together), int(tile[1])
    return None


def _rewrite(name: str, entry: Json) -> Iterator[Point | Excluded]:
    """One crossbar and all of them; executed by a layer that fills them and is written once."""
    known = _writing(name)
    if known is None:
        yield Excluded(case=name, why=_UNKNOWN)
        return
    writing, crossbars = known
    chip = CrossbarChip(
        cores=1, reading=reading(), writing=writing,
        crossbar=LogicalCrossbar(rows=_ROWS, columns=_ROWS, per_core=crossbars, cell_bits=8),
    )  # fmt: skip
    case = case_of(GemmLayer(M=1, N=_ROWS, K=_ROWS * crossbars), chip, (), Filling.RIGID)
    written = free_ns(case) - multiply_timing(chip).interval
    rounds = crossbars if writing.crossbars_at_once else 1
    one = write_ns(chip, _ROWS)
    yield _point(name, REWRITE, "per_xbar_ns", entry["per_xbar_ns"], (written / rounds, one))
    if "total_ns" in entry:
        yield _point(name, REWRITE, "total_ns", entry["total_ns"], (written, one * rounds))


def _convolution(name: str, entry: Json) -> Iterator[Point | Excluded]:
    """The example's convolution, written between computing, and while it computes."""
    known = _rewritten_in(name)
    if known is None:
        yield Excluded(case=name, why=_UNKNOWN)
        return
    iterations, together = known
    for key, figures in entry.items():
        snake = key.startswith("snake_")
        tile = "unlimited" if key == "min" else key.removeprefix("snake_")
        loops = tile_schedule(tile)
        pixels = None if loops is not None else buffer_pixels(tile, tile_chip())
        if pixels:
            loops = (ScheduleLoop(axis=Axis.P, step=pixels),)
        if loops is None:
            yield Excluded(case=f"{name}: {key}", why=_UNKNOWN)
            continue
        for metric, per_core, overlap in (("single_ns", 9, Overlap.NONE),
                                          ("double_ns", 18, Overlap.SHADOW)):  # fmt: skip
            chip = tile_chip(per_core=per_core, overlap=overlap, iterations=iterations,
                             crossbars_at_once=together)  # fmt: skip
            case = case_of(EXAMPLE, chip, loops, snake=snake)
            loads, closed_loads = Updates().of(case)
            if metric == "single_ns":
                yield _point(name, CONVOLUTION, "loads", figures["loads"], (loads, closed_loads),
                             where=key)  # fmt: skip
            times = (free_ns(case), _closed_ns(case.chip, closed_loads))
            made = _point(name, CONVOLUTION, metric, figures[metric], times, where=key)
            is_uneven = metric == "double_ns" and EXAMPLE.P * EXAMPLE.Q % case.walk.tile_pixels
            # The reference deals the computing out evenly to the loads; the execution does not.
            yield replace(made, kind=UNEQUAL, scored="analytical") if is_uneven else made


def _rewritten_in(name: str) -> tuple[int, int | None] | None:
    """Iterations and crossbars at once that give the time in a name, to its digits; None: none.

    One after another where the name says so, or where the time is that of a whole tile so.
    """
    found = re.fullmatch(r"example_conv_([\d.]+)(us|ms)(?:_(\d+)serial)?", name)
    if not found:
        return None
    unit = 1000 if found[2] == "us" else 1_000_000
    asked, digit = Fraction(found[1]) * unit, Fraction(unit, 10 ** len(found[1].partition(".")[2]))
    once = write_ns(tile_chip(), _ROWS)
    serial = 4 * 9 * tile_chip().crossbar.slices
    for rounds in [int(found[3])] if found[3] else [1, serial]:
        each = once * rounds
        least, most = ceil((asked - digit / 2) / each), floor((asked + digit / 2) / each)
        counts = list(range(max(1, least), most + 1))
        # Several counts within the digits: the one that is round, if one is.
        for candidates in (counts, [count for count in counts if count % 10 == 0]):
            if len(candidates) == 1:
                return candidates[0], serial // rounds if rounds > 1 else None
    return None


def _closed_ns(chip: CrossbarChip, loads: int) -> Fraction:
    """Time by closed form: loads of equal computing, after writing or beside it."""
    writing = write_ns(chip, _ROWS)
    if chip.writing.crossbars_at_once:
        writing *= ceil(Fraction(4 * 9 * chip.crossbar.slices, chip.writing.crossbars_at_once))
    blocks = EXAMPLE.R * EXAMPLE.S * EXAMPLE.C // _ROWS
    computing = EXAMPLE.P * EXAMPLE.Q * Fraction(blocks, 9) * multiply_timing(chip).interval
    each = computing / loads
    if chip.overlap is Overlap.NONE:
        return loads * writing + computing
    return writing + (loads - 1) * max(each, writing) + each

"""Whether a case on crossbars can run: every rule between layer, chip and schedule, at once.

Capacities are those of one core: its partial sums and its inputs. The tile's memory needs no room
that a schedule could exceed: maps that do not fit pass it (a named assumption of the model).
"""

from __future__ import annotations

from math import isqrt

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, packed_bytes
from stallscope.mappings.reram.counting import inputs_at_once_words
from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.timing import at_once
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["check_crossbars", "writing_faults"]


def check_crossbars(case: CrossbarCase, *, has_weights: bool = False) -> None:
    """Check a schedule against its layer and chip.

    Args:
        case: The case.
        has_weights: Whether the values of the weights are given.

    Raises:
        SpecError: Every fault: partial sums or inputs of a tile that do not fit, writing that no
            power or no figure suffices for, loops that contradict each other.
    """
    faults = _loops(case) + writing_faults(case.chip, has_weights=has_weights)
    faults += _partial_sums(case) + _inputs(case)
    if faults:
        raise SpecError(faults)


def _loops(case: CrossbarCase) -> list[Fault]:
    """A walk of the loads that turns at its ends is one loop, load by load."""
    loops = [loop for loop in case.walk.loops if loop.axis is Axis.KO]
    if not case.walk.snake or len(loops) < 2:
        return []
    return [
        Fault(
            place="schedule.loops.ko",
            value=loops[0].step,
            rule="with snake the loads are walked one by one in a single loop",
            remedy="write step: 1, or leave snake out",
        )
    ]


def writing_faults(chip: CrossbarChip, *, has_weights: bool) -> list[Fault]:
    """Return what keeps a chip's crossbars from being written, whatever the schedule."""
    writing = chip.writing
    faults = []
    if at_once(chip) == 0:
        columns = chip.crossbar.columns
        cells = min(writing.columns_per_pulse or columns, columns)
        power = writing.power_budget_mw
        each = writing.pulse_power_mw
        assert power is not None
        assert each is not None  # the chip's own check
        most = int(power / each)
        faults.append(
            Fault(
                place="crossbars.writing.power_budget_mw",
                value=float(power),
                rule=f"one pulse writes {cells} cells of {float(each)} mW each: "
                f"{float(cells * each)} mW",
                remedy=f"write {most} columns_per_pulse" if most
                else f"a pulse of one cell needs {float(each)} mW",
            )
        )  # fmt: skip
    if writing.data_aware and not has_weights:
        faults.append(
            Fault(
                place="crossbars.writing.data_aware",
                value=True,
                rule="which cells change depends on the weights, and none are given",
                remedy="give the weights (simulate --tensors FILE.npz), or leave data_aware out",
            )
        )
    return faults


def _partial_sums(case: CrossbarCase) -> list[Fault]:
    chip = case.chip
    capacity = chip.partial_sums.capacity_bytes
    bits = chip.crossbar.columns * chip.partial_sum_bits
    need = packed_bytes(case.walk.tile_pixels, bits)
    if capacity is None or need <= capacity:
        return []
    fits = 8 * capacity // bits
    shown = _tile(case)
    return [
        Fault(
            place="crossbars.partial_sums.capacity_bytes",
            value=capacity,
            rule=f"a core's partial sums of a tile of {shown} need {_n(need)} bytes: "
            f"{_n(case.walk.tile_pixels)} pixels x {chip.crossbar.columns} columns x "
            f"{chip.partial_sum_bits} bits",
            remedy=_smaller(case, fits) if fits
            else f"one pixel needs {_n(packed_bytes(1, bits))} bytes: "
            "a larger buffer, or fewer columns",
        )
    ]  # fmt: skip


def _inputs(case: CrossbarCase) -> list[Fault]:
    capacity = case.chip.input_buffer.capacity_bytes
    bits = case.chip.reading.input_bits
    need = packed_bytes(inputs_at_once_words(case), bits)
    if capacity is None or need <= capacity:
        return []
    if case.walk.by_window:
        what = f"the window of a tile of {_tile(case)}"
        remedy = "a smaller tile in schedule.loops (h, w), or inputs: pixel"
    else:
        what = "one pixel's inputs of a load"
        remedy = "a larger buffer, or crossbars of fewer rows"
    return [
        Fault(
            place="crossbars.input_buffer.capacity_bytes",
            value=capacity,
            rule=f"{what} takes {_n(need)} bytes",
            remedy=remedy,
        )
    ]


def _tile(case: CrossbarCase) -> str:
    tile = case.walk.tile
    if any(loop.axis is Axis.P for loop in case.schedule.loops):
        return f"{_n(tile[Axis.P])} pixels"
    return f"{tile[Axis.H]} rows x {tile[Axis.W]} columns"


def _smaller(case: CrossbarCase, pixels: int) -> str:
    """A tile of at most so many pixels, in the schedule's own axes."""
    if any(loop.axis is Axis.P for loop in case.schedule.loops):
        return f"steps of p of at most {_n(pixels)} fit"
    wide = case.walk.tile[Axis.W]
    if pixels >= wide:
        return f"steps of h of at most {pixels // wide} fit, with w as it is"
    side = min(case.walk.tile[Axis.H], max(1, isqrt(pixels)))
    return f"a tile of h {side}, w {pixels // side} fits"


def _n(value: int) -> str:
    return f"{value:,}".replace(",", " ")

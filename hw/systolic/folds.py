"""What the folds of a program take on a systolic array, in closed form.

The array is a mesh of tiles with a register between them. A step enters at the left and top edges,
delayed by a cycle per tile, and passes a tile a cycle; so in the frame of its wave every step
takes one cycle, whatever the shape, and what the shape costs is the time from a wave's entry to
its end: the **skew**, rows and columns of tiles less one each. Steps of successive folds follow
each other; only where something waits for results does the skew show.

A stationary tile is shifted in a row of PEs per cycle, from the top, in the wave's frame as well;
an output accumulated in place is shifted out likewise. Results leave below the last row in use,
in order, one per column and cycle.

A burst of the array is a fold, or the part of it between two tiles of a streamed operand.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stallscope.hw.systolic.rules import FoldRules
from stallscope.mappings.architecture import ComputeLevel

__all__ = ["Fold", "Folds", "Shift", "plain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What one kind of burst takes.

    Attributes:
        cycles: Cycles until the array accepts the next step.
        edge: Of these, cycles that steps waited for operands to enter.
        skew: Of these, cycles until the last wave was through, if folds do not overlap.
        lead: Of these, cycles before the first step or after the last that are neither.
        latency: Cycles from then to the last result.
        wave: Cycles from then to the last multiply-accumulate.
    """

    cycles: int
    edge: int
    skew: int
    lead: int
    latency: int
    wave: int = 0


def plain(cycles: int) -> Fold:
    """A burst of PEs that are not joined: it takes what its busiest PE multiplies."""
    return Fold(cycles=cycles, edge=0, skew=0, lead=0, latency=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What moving one kind of tile into or out of the array takes.

    Attributes:
        cycles: Cycles of the edge, a row each or more.
        rows: Rows that are moved.
        latency: Cycles until the last word of an output is out.
    """

    cycles: int
    rows: int
    latency: int


class Folds:
    """The array of a compute level, for one stationary tensor.

    Args:
        compute: The compute level; it is a systolic array.
        rules: What is charged.
        is_output: Whether the output is stationary.
    """

    def __init__(self, compute: ComputeLevel, rules: FoldRules, *, is_output: bool) -> None:
        assert compute.systolic is not None
        self.array = compute.systolic
        self.rules = rules
        self.is_output = is_output
        self._size = (compute.y, compute.x)

    def charged(self, rows: int, columns: int) -> tuple[int, int]:
        """Rows and columns that a fold is charged for."""
        return self._size if self.rules.whole_array else (rows, columns)

    def skew(self, rows: int, columns: int) -> int:
        """Cycles from the entry of a wave to its end."""
        rows, columns = self.charged(rows, columns)
        array = self.array
        return -(-rows // array.tile_rows) - 1 + -(-columns // array.tile_columns) - 1

    def step_cycles(self, rows: int, columns: int) -> int:
        """Cycles in which the operands of one step enter, and its results leave.

        One word enters per row, and where outputs are stationary one per column as well; else one
        result leaves per column.
        """
        entering = rows + columns if self.is_output else rows
        leaving = 0 if self.is_output else columns
        array = self.array
        return max(
            1,
            _whole(entering, array.in_words_per_cycle),
            _whole(leaving, array.out_words_per_cycle),
        )

    def fold(self, steps: int, rows: int, columns: int) -> Fold:
        """What a burst of some steps takes.

        Args:
            steps: Multiply-accumulates of every PE in use.
            rows: Rows in use.
            columns: Columns in use.
        """
        rules, skew = self.rules, self.skew(rows, columns)
        each = self.step_cycles(rows, columns)
        if rules.overlaps:
            edge = steps * (each - 1)
            # A stationary output's skew is that of the rows shifted out.
            latency = 0 if self.is_output else skew
            return Fold(cycles=steps + edge, edge=edge, skew=0, lead=0, latency=latency, wave=skew)
        edge = (steps - rules.hides_last_step) * (each - 1)
        lead = rules.lead_cycles
        lead += rules.lead_if_narrow * (each > 1) + rules.lead_if_line * (min(rows, columns) == 1)
        if rules.writes_behind_skew and self.is_output:
            written = _whole(rows * columns, self.array.out_words_per_cycle)
            lead += max(0, written - rows - columns)
        cycles = steps + edge + skew + lead
        return Fold(cycles=cycles, edge=edge, skew=skew, lead=lead, latency=0)

    def shift(self, rows: int, columns: int, *, is_out: bool = False) -> Shift:
        """What moving a tile that fills some rows and columns into or out of the array takes."""
        rules, array = self.rules, self.array
        if self.is_output and not rules.shifts_out:
            return Shift(cycles=0, rows=0, latency=0)
        width = array.out_words_per_cycle if is_out else array.in_words_per_cycle
        latency = self.skew(rows, columns) if is_out and rules.overlaps else 0
        rows = self.charged(rows, columns)[0]
        cycles = rows * max(1, _whole(columns, width))
        return Shift(cycles=cycles, rows=rows, latency=latency)


def _whole(words: int, width: Fraction | None) -> int:
    """Cycles in which some words pass an edge; 0 if it has no limit."""
    return 0 if width is None else ceil(words / width)

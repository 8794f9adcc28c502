"""How a sum over slices grows with time, at any cycle, without expanding what repeats.

A measure gives every stored row an amount, spread evenly over an interval. What repeats adds the
same amounts later; so the total up to any cycle is a piecewise linear function of the rows, plus,
per repeat, as many of its whole periods as are over and the function of those that are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.events.repeats import Repeat, Repeats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Amounts = NDArray[np.float64]

__all__ = ["Measure", "Profile"]


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """Amounts of stored rows.

    Attributes:
        rows: Stored rows that have one, ascending.
        begins: Cycle from which each is spread.
        ends: Cycle up to which; later than ``begins``.
        amounts: How much.
    """

    rows: Numbers
    begins: Numbers
    ends: Numbers
    amounts: Amounts


@dataclass(frozen=True, slots=True, eq=False)
class _Ramps:
    """A piecewise linear function that is 0 before its first point and constant after the last."""

    cycles: Amounts
    totals: Amounts

    def at(self, cycles: Amounts) -> Amounts:
        """The function's values."""
        if not len(self.cycles):
            return np.zeros(len(cycles))
        found: Amounts = np.interp(cycles, self.cycles, self.totals)
        return found


class Profile:
    """The running total of a measure over the expanded trace.

    Args:
        repeats: The trace's repeats.
        measure: What is summed.
    """

    def __init__(self, repeats: Repeats, measure: Measure) -> None:
        self._repeats = repeats
        self._measure = measure
        self._known: dict[int, tuple[_Ramps, float, int, int]] = {}

    def at(self, cycles: Numbers) -> Amounts:
        """Total up to each cycle (ascending): what lies before its beginning."""
        rows = (0, len(self._repeats.ends))
        return self._total(self._ramps(*rows), self._repeats.repeats, cycles)

    def _total(self, ramps: _Ramps, inside: Sequence[Repeat], cycles: Numbers) -> Amounts:
        """Rows once, and each repeat as often as it is over."""
        total = ramps.at(cycles.astype(np.float64))
        for repeat in inside:
            total += self._repeated(repeat, cycles)
        return total

    def _repeated(self, repeat: Repeat, cycles: Numbers) -> Amounts:
        ramps, whole, begin, end = self._content(repeat)
        total = np.zeros(len(cycles))
        if not whole or not len(cycles):
            return total
        # Period k of 1 .. times lies between begin + k x length and end + k x length.
        over = np.clip((cycles - end) // repeat.cycles, 0, repeat.times)
        begun = np.clip((cycles - begin - 1) // repeat.cycles, 0, repeat.times)
        total += whole * over
        inside = self._repeats.repeats[repeat.first_repeat : repeat.number]
        for further in range(1, int((begun - over).max(initial=0)) + 1):
            which = np.flatnonzero(begun - over >= further)
            at = cycles[which] - (over[which] + further) * repeat.cycles
            order = np.argsort(at, kind="stable")
            part = np.empty(len(at))
            part[order] = self._total(ramps, inside, at[order])
            total[which] += part
        return total

    def _content(self, repeat: Repeat) -> tuple[_Ramps, float, int, int]:
        """One period: its rows, its sum, and where its amounts begin and end."""
        known = self._known.get(repeat.number)
        if known is not None:
            return known
        first, last = np.searchsorted(self._measure.rows, (repeat.first_row, repeat.last_row))
        measure = self._measure
        begin, end = _span(measure.begins[first:last], measure.ends[first:last])
        whole = float(measure.amounts[first:last].sum())
        for inner in self._repeats.repeats[repeat.first_repeat : repeat.number]:
            _, amount, low, high = self._content(inner)
            if not amount:
                continue
            whole += amount * inner.times
            low, high = low + inner.cycles, high + inner.times * inner.cycles
            begin, end = (low, high) if begin > end else (min(begin, low), max(end, high))
        found = (self._ramps(repeat.first_row, repeat.last_row), whole, begin, end)
        self._known[repeat.number] = found
        return found

    def _ramps(self, first_row: int, last_row: int) -> _Ramps:
        """The function of a range of stored rows."""
        measure = self._measure
        first, last = np.searchsorted(measure.rows, (first_row, last_row))
        begins, ends = measure.begins[first:last], measure.ends[first:last]
        slopes = measure.amounts[first:last] / (ends - begins)
        points = np.concatenate([begins, ends])
        cycles, place = np.unique(points, return_inverse=True)
        change = np.zeros(len(cycles))
        np.add.at(change, place.reshape(-1), np.concatenate([slopes, -slopes]))
        if not len(cycles):
            return _Ramps(np.zeros(0), np.zeros(0))
        rises = np.cumsum(change)[:-1] * np.diff(cycles)
        totals = np.concatenate([[0.0], np.cumsum(rises)])
        return _Ramps(cycles.astype(np.float64), totals)


def _span(begins: Numbers, ends: Numbers) -> tuple[int, int]:
    """First beginning and last end; an empty span has its end before its beginning."""
    return (int(begins.min()), int(ends.max())) if len(begins) else (1, 0)

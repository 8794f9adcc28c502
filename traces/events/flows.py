"""Which step ended which wait: the arrows of an exported trace.

A wait ends in the cycle in which the awaited counter reaches what is needed. Every counter is
changed by one unit only, and every step says what it changes and when; so the step that ended a
wait is one of those that changed its counter in that very cycle. Mostly there is one. If there are
several, the first one is it where a unit needs just one more (tiles delivered or finished); where
it may need more (words of room, tiles written back) the trace does not say, and the wait is left
without an arrow. Delays of fixed length await nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.events.changes import changes
from stallscope.traces.events.expansion import chunked
from stallscope.traces.events.repeats import Repeats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from stallscope.traces.events.stored import Stored
    from stallscope.traces.events.trace import Trace

    Numbers = NDArray[np.int64]

__all__ = ["Flow", "Flows"]

_BY_ONE = ("delivered", "finished", "read", "brought", "arrived")
"""Counters of which a unit that waits needs one more: it has used up all before."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One arrow.

    Attributes:
        number: Positive, unique in the trace, the same in every window.
        unit: Number of the unit whose step ended the wait.
        step: Which step.
        waiter: Number of the unit that waited.
        end: Cycle in which the wait ended: no other wait of that unit ended then.
        is_sudden: Whether the step began, too, only when the wait ended: it took no time.
    """

    number: int
    unit: int
    step: int
    waiter: int
    end: int
    is_sudden: bool


class Flows:
    """The arrows between slices of some units in some cycles.

    Args:
        trace: The trace.
        units: Numbers of the units.
        start: First cycle.
        end: Cycle after the last.

    Attributes:
        lag: Most cycles between a slice's end and what it changes.
    """

    def __init__(self, trace: Trace, units: Iterable[int], start: int, end: int) -> None:
        self._stored = trace.stored
        self._units = len(trace.meta.units)
        self._window = (start, end)
        window = trace.meta.window
        self._opens = trace.begin
        self._closes = trace.cycles + 1 if window is None else window[1]
        wanted = np.isin(trace.stored.unit_of, list(units))
        self._awaited = [
            _Awaited.of(trace, number, wanted) for number in range(len(trace.meta.counters))
        ]
        self.lag = max((made.lag for one in self._awaited for made in one.changes), default=0)

    def between(self, first: int, last: int) -> Iterator[Flow]:
        """Yield the arrows to waits that end from cycle ``first`` to cycle ``last``."""
        for one in self._awaited:
            waits = one.waits.between(self._stored, first, last)
            if not len(waits.row):
                continue
            parts = [made.between(self._stored, first, last) for made in one.changes]
            yield from self._matched(waits, _joined(parts), one)

    def _matched(self, waits: _Found, made: _Found, one: _Awaited) -> Iterator[Flow]:
        """The arrows from what changed a counter to who waited for it."""
        low = np.searchsorted(made.moment, waits.moment, side="left")
        high = np.searchsorted(made.moment, waits.moment, side="right")
        known = np.flatnonzero(high > low if one.is_by_one else high == low + 1)
        change = low[known]
        is_shown = self._is_sure(made, change, one)
        is_shown &= self._shows(made.row[change], made.shift[change])
        is_shown &= self._shows(waits.row[known], waits.shift[known])
        known, change = known[is_shown], change[is_shown]
        unit_of, steps = self._stored.unit_of, self._stored.column("step")
        source, waiter, ends = made.row[change], unit_of[waits.row[known]], waits.moment[known]
        columns = (
            ends * self._units + waiter + 1,
            unit_of[source],
            steps[source] + made.steps[change],
            waiter,
            ends,
            self._stored.column("start")[source] + made.shift[change] == ends,
        )
        for values in zip(*(column.tolist() for column in columns), strict=True):
            yield Flow(*values)

    def _is_sure(self, made: _Found, change: Numbers, one: _Awaited) -> NDArray[np.bool_]:
        """Whether no step that was not recorded may have changed the counter in that cycle."""
        is_sure = np.ones(len(change), dtype=np.bool_)
        if self._opens:
            # A step before the first one recorded may have been due in the same cycle.
            is_sure &= (made.row[change] != one.first) | (made.shift[change] > 0)
        if not one.is_by_one:
            is_sure &= made.moment[change] < self._closes
        return is_sure

    def _shows(self, rows: Numbers, shifts: Numbers) -> NDArray[np.bool_]:
        """Whether rows touch the window."""
        begins = self._stored.column("start")[rows] + shifts
        ends = np.maximum(self._stored.column("end")[rows] + shifts, begins + 1)
        first, last = self._window
        shown: NDArray[np.bool_] = (begins < last) & (ends > first)
        return shown


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Expanded rows, in the order of their moments."""

    row: Numbers
    shift: Numbers
    steps: Numbers
    moment: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """Something that happens in stored rows: in which, when, and how long after their ends."""

    rows: Numbers
    moments: Numbers
    repeats: Repeats
    lag: int

    @classmethod
    def of(cls, stored: Stored, rows: Numbers, moments: Numbers) -> _Moments:
        lag = int((moments - stored.column("end")[rows]).max(initial=0))
        return cls(rows, moments, stored.repeats.of(rows), lag)

    def between(self, stored: Stored, first: int, last: int) -> _Found:
        """What happens from one cycle to another, that one included."""
        parts = []
        if len(self.rows):
            for at in chunked(self.repeats, first - self.lag, last, self.rows, stored.unit_of):
                moment = self.moments[np.searchsorted(self.rows, at.row)] + at.shift
                is_in = (moment >= first) & (moment <= last)
                parts.append(_Found(at.row[is_in], at.shift[is_in], at.steps[is_in], moment[is_in]))
        return _joined(parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Awaited:
    """Who waits for a counter, and what changes it."""

    waits: _Moments
    changes: tuple[_Moments, ...]
    is_by_one: bool

    @property
    def first(self) -> int:
        """Stored row of the first change recorded."""
        return min((int(made.rows[0]) for made in self.changes if len(made.rows)), default=-1)

    @classmethod
    def of(cls, trace: Trace, number: int, wanted: NDArray[np.bool_]) -> _Awaited:
        stored = trace.stored
        name = trace.meta.counters[number][0]
        rows = np.flatnonzero((stored.awaited == number) & wanted)
        made = []
        for steps in changes(trace, name) if len(rows) else ():
            counts = (steps.amounts > 0) & wanted[steps.rows]
            made.append(_Moments.of(stored, steps.rows[counts], steps.moments[counts]))
        waits = _Moments.of(stored, rows, stored.column("end")[rows])
        return cls(waits, tuple(made), name.endswith(_BY_ONE))


def _joined(parts: list[_Found]) -> _Found:
    none = np.zeros(0, dtype=np.int64)
    columns = [
        np.concatenate([none, *(getattr(part, name) for part in parts)])
        for name in ("row", "shift", "steps", "moment")
    ]
    order = np.argsort(columns[3], kind="stable")
    return _Found(*(column[order] for column in columns))

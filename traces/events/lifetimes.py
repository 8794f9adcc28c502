"""Tile lifetimes: when a tile was asked for, when it came, and when its consumer left it.

Tiles of a tensor at a level are numbered in the order of their arrival, and left in that order:
tile n is brought by step n of its mover and left with the n-th release of room. So it is in
compiled programs; rows of a user's own may free room in parts, and do not say what they leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.changes import Changes, changes, feeder, rooms
from stallscope.traces.events.expansion import chunked
from stallscope.traces.events.profile import Measure, Profile

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from stallscope.traces.events.trace import Trace

    Numbers = NDArray[np.int64]

__all__ = ["tile_lifetimes"]


class _Count:
    """How many changes there have been up to a cycle, and the later ones in order."""

    def __init__(self, trace: Trace, steps: Changes) -> None:
        self._trace = trace
        self._steps = steps
        ones = np.ones(len(steps.rows))
        measure = Measure(steps.rows, steps.moments - 1, steps.moments, ones)
        self._profile = Profile(trace.stored.repeats, measure)

    def until(self, cycle: int) -> int:
        """Changes up to a cycle, those in it included."""
        return round(float(self._profile.at(np.array([cycle], dtype=np.int64))[0]))

    def from_(self, cycle: int, count: int) -> tuple[Numbers, Numbers]:
        """Stored row and cycles later of the next ``count`` changes at a cycle or after it."""
        stored, steps = self._trace.stored, self._steps
        repeats = stored.repeats.of(steps.rows)
        place = np.zeros(len(stored.unit_of), dtype=np.int64)
        place[steps.rows] = np.arange(len(steps.rows))
        rows, shifts = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        found = 0
        # A change may come well after its slice has ended: look back as far as that can be.
        most = int((steps.moments - stored.column("end")[steps.rows]).max(initial=0))
        for at in chunked(
            repeats, cycle - most - 1, self._trace.cycles, steps.rows, stored.unit_of
        ):
            moments = steps.moments[place[at.row]] + at.shift
            late = moments >= cycle
            rows.append(at.row[late])
            shifts.append(at.shift[late])
            found += int(late.sum())
            if found >= count:
                break
        return np.concatenate(rows)[:count], np.concatenate(shifts)[:count]

    def moments(self, rows: Numbers, shifts: Numbers) -> Numbers:
        """Cycles of changes."""
        place = np.searchsorted(self._steps.rows, rows)
        return self._steps.moments[place] + shifts


def tile_lifetimes(
    trace: Trace, level: str, tensor: str, *, start: int | None, end: int | None
) -> pyarrow.Table:
    """See `Trace.tile_lifetimes`."""
    import pyarrow

    trace.check_whole()
    if trace.meta.is_own:
        rule = "rows of your own say what room they free, not which tile they leave"
        raise SpecError([Fault(place="tile_lifetimes", value=trace.meta.name, rule=rule,
                               remedy="use held, the room a tensor takes")])  # fmt: skip
    first_cycle, last_cycle = trace.range(start, end)
    taken = rooms(trace, feeder(trace, level, tensor))
    asked = _Count(trace, taken)
    freed = [steps for steps in changes(trace, f"{tensor} {level} released") if len(steps.rows)]
    left = _Count(trace, freed[0] if freed else Changes(*[taken.rows[:0]] * 3))
    # Tiles left before the window are over; tiles asked for after it are yet to come.
    first, stop = left.until(first_cycle), asked.until(last_cycle - 1)
    begin = _cycle_of(asked, first, trace.cycles)
    skipped = first - asked.until(begin - 1)
    rows, shifts = asked.from_(begin, stop - first + skipped)
    rows, shifts = rows[skipped:], shifts[skipped:]
    departures = left.moments(*left.from_(first_cycle + 1, len(rows)))
    until = np.full(len(rows), -1, dtype=np.int64)
    until[: len(departures)] = departures
    words = taken.amounts[np.searchsorted(taken.rows, rows)]
    return pyarrow.table(
        {
            "tile": np.arange(first, first + len(rows), dtype=np.int64),
            "asked": trace.stored.column("start")[rows] + shifts,
            "delivered": trace.stored.column("delivered")[rows] + shifts,
            "left": pyarrow.array(until, mask=until < 0),
            "words": words,
        }
    )


def _cycle_of(count: _Count, number: int, cycles: int) -> int:
    """The last cycle that has at most ``number`` changes before it: none to come is missed."""
    low, high = 0, cycles + 1
    while high - low > 1:
        middle = (low + high) // 2
        if count.until(middle - 1) <= number:
            low = middle
        else:
            high = middle
    return low

"""Finding one unit's expanded rows by time, without expanding what lies between."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.environment import FOREVER
from stallscope.traces.repeats import SIMULATED, Repeat, Repeats, Sequel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Finder", "Place"]


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An expanded row: a stored row, so much later and so many steps further on.

    Attributes:
        row: Stored row.
        shift: Cycles later.
        steps: Steps further on, of the row's unit.
        repeat: Innermost repeat it comes from, or `SIMULATED`.
    """

    row: int
    shift: int
    steps: int
    repeat: int


class Finder:
    """Looks for rows of one unit.

    Args:
        repeats: The trace's repeats.
        unit: Number of the unit.
        rows: Stored rows of the unit, ascending.
    """

    def __init__(self, repeats: Repeats, unit: int, rows: Numbers) -> None:
        self._repeats = repeats
        self._unit = unit
        self._rows = rows
        self._ends = repeats.ends[rows]

    @cached_property
    def _last_ends(self) -> list[int]:
        """Where each stretch of the trace, with its repeat, is over."""
        return [self._over(sequel) for sequel in self._repeats.top]

    def _over(self, sequel: Sequel) -> int:
        repeat = sequel.repeat
        if repeat is not None:
            return repeat.start + (repeat.times + 1) * repeat.cycles
        return int(self._repeats.ends[sequel.last - 1]) if sequel.last else 0

    @cached_property
    def last_end(self) -> int:
        """Where the unit's last row ends; -1 without any."""
        place = self.until(FOREVER)
        return -1 if place is None else int(self._repeats.ends[place.row]) + place.shift

    def after(self, cycle: int) -> Place | None:
        """The first row that ends after a cycle."""
        if cycle >= self.last_end:
            return None
        begin = bisect_left(self._last_ends, cycle + 1)
        return self._after(self._repeats.top[begin:], cycle, 0, 0, SIMULATED)

    def until(self, cycle: int) -> Place | None:
        """The last row that ends at a cycle or before."""
        stop = bisect_left(self._last_ends, cycle + 1) + 1
        return self._until(self._repeats.top[:stop], cycle, 0, 0, SIMULATED)

    def _span(self, sequel: Sequel) -> tuple[int, int]:
        low, high = np.searchsorted(self._rows, (sequel.first, sequel.last))
        return int(low), int(high)

    def _after(
        self, sequels: tuple[Sequel, ...], cycle: int, shift: int, steps: int, source: int
    ) -> Place | None:
        for sequel in sequels:
            low, high = self._span(sequel)
            at = low + int(np.searchsorted(self._ends[low:high], cycle - shift, side="right"))
            if at < high:
                return Place(int(self._rows[at]), shift, steps, source)
            repeat = sequel.repeat
            if repeat is None or not repeat.steps[self._unit]:
                continue
            first = max(1, (cycle - repeat.start - shift) // repeat.cycles)
            for time in range(first, min(first + 2, repeat.times + 1)):
                found = self._after(*self._inside(repeat, time, cycle, shift, steps))
                if found is not None:
                    return found
        return None

    def _until(
        self, sequels: tuple[Sequel, ...], cycle: int, shift: int, steps: int, source: int
    ) -> Place | None:
        for sequel in reversed(sequels):
            repeat = sequel.repeat
            if repeat is not None and repeat.steps[self._unit]:
                last = min(repeat.times, (cycle - 1 - repeat.start - shift) // repeat.cycles)
                for time in range(last, max(last - 2, 0), -1):
                    found = self._until(*self._inside(repeat, time, cycle, shift, steps))
                    if found is not None:
                        return found
            low, high = self._span(sequel)
            at = low + int(np.searchsorted(self._ends[low:high], cycle - shift, side="right"))
            if at > low:
                return Place(int(self._rows[at - 1]), shift, steps, source)
        return None

    def _inside(
        self, repeat: Repeat, time: int, cycle: int, shift: int, steps: int
    ) -> tuple[tuple[Sequel, ...], int, int, int, int]:
        """The arguments to look into one period of a repeat."""
        return (
            self._repeats.content(repeat),
            cycle,
            shift + time * repeat.cycles,
            steps + time * int(repeat.steps[self._unit]),
            repeat.number,
        )

"""Finding expanded rows by time, without expanding what lies between."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.environment import FOREVER
from stallscope.traces.events.repeats import Repeat, Repeats, Sequel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Finder", "Place"]

Path = tuple[tuple[int, int, int], ...]
"""Repeats around a row, outermost first: number, which time, and cycle at which it began."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An expanded row: a stored row, so much later and so many steps further on.

    Attributes:
        row: Stored row.
        shift: Cycles later.
        steps: Steps further on.
        path: The repeats it comes from, outermost first.
    """

    row: int
    shift: int
    steps: int
    path: Path


class Finder:
    """Looks for some of the rows of one unit.

    Args:
        repeats: The trace's repeats.
        unit: Number of the unit.
        rows: Stored rows to look for, ascending.
    """

    def __init__(self, repeats: Repeats, unit: int, rows: Numbers) -> None:
        self._own = repeats.of(rows)
        self._unit = unit
        self._rows = rows

    @cached_property
    def _overs(self) -> list[int]:
        """Where each stretch of the trace, with its repeat, is over."""
        return [self._over(sequel) for sequel in self._own.top]

    def _over(self, sequel: Sequel) -> int:
        repeat = sequel.repeat
        if repeat is not None:
            return repeat.start + (repeat.times + 1) * repeat.cycles
        return FOREVER

    @cached_property
    def last_end(self) -> int:
        """Where the last row ends; -1 without any."""
        place = next(self.back(FOREVER), None)
        return -1 if place is None else self.end(place)

    def end(self, place: Place) -> int:
        """End of a row found."""
        return int(self._own.ends[np.searchsorted(self._rows, place.row)]) + place.shift

    def after(self, cycle: int) -> Place | None:
        """The first row that ends after a cycle."""
        if cycle >= self.last_end:
            return None
        begin = bisect_left(self._overs, cycle + 1)
        return self._after(self._own.top[begin:], cycle, 0, 0, ())

    def back(self, cycle: int) -> Iterator[Place]:
        """The rows that end at a cycle or before, latest first."""
        stop = bisect_left(self._overs, cycle + 1) + 1
        return self._back(self._own.top[:stop], cycle, 0, 0, ())

    def _after(
        self, sequels: tuple[Sequel, ...], cycle: int, shift: int, steps: int, path: Path
    ) -> Place | None:
        for sequel in sequels:
            ends = self._own.ends[sequel.first : sequel.last]
            at = sequel.first + int(np.searchsorted(ends, cycle - shift, side="right"))
            if at < sequel.last:
                return Place(int(self._rows[at]), shift, steps, path)
            repeat = sequel.repeat
            if repeat is None or self._own.is_empty[repeat.number]:
                continue
            first = max(1, (cycle - repeat.start - shift) // repeat.cycles)
            for time in range(first, repeat.times + 1):
                found = self._after(*self._inside(repeat, time, cycle, shift, steps, path))
                if found is not None:
                    return found
        return None

    def _back(
        self, sequels: tuple[Sequel, ...], cycle: int, shift: int, steps: int, path: Path
    ) -> Iterator[Place]:
        for sequel in reversed(sequels):
            repeat = sequel.repeat
            if repeat is not None and not self._own.is_empty[repeat.number]:
                last = min(repeat.times, (cycle - 1 - repeat.start - shift) // repeat.cycles)
                for time in range(last, 0, -1):
                    yield from self._back(*self._inside(repeat, time, cycle, shift, steps, path))
            ends = self._own.ends[sequel.first : sequel.last]
            stop = sequel.first + int(np.searchsorted(ends, cycle - shift, side="right"))
            for at in range(stop - 1, sequel.first - 1, -1):
                yield Place(int(self._rows[at]), shift, steps, path)

    def _inside(
        self, repeat: Repeat, time: int, cycle: int, shift: int, steps: int, path: Path
    ) -> tuple[tuple[Sequel, ...], int, int, int, Path]:
        """The arguments to look into one period of a repeat."""
        begun = repeat.start + shift + time * repeat.cycles
        return (
            self._own.content(repeat),
            cycle,
            shift + time * repeat.cycles,
            steps + time * int(repeat.steps[self._unit]),
            (*path, (repeat.number, time, begun)),
        )

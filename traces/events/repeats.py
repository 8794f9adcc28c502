"""Where rows of a trace come again: the repeats, nested in each other, and their expansion.

A repeat says: rows ``first_row`` to ``last_row``, with the repeats recorded meanwhile, come
``times`` times more after row ``last_row``, each time ``cycles`` later. So a trace is a sequence of
stretches of rows and of repeats, whose content is such a sequence again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Piece", "Repeat", "Repeats", "Sequel"]

SIMULATED = -1
"""In place of a repeat's number: the row was simulated."""


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """One repeat.

    Attributes:
        number: Its number, in the order in which repeats were recorded.
        first_row, last_row: Rows of the period.
        first_repeat: Repeats from this number on, before this one, belong to the period.
        start: Cycle at which the period begins: its rows end after it.
        cycles: Length of the period.
        times: How often it comes again.
        steps: Steps that each unit moves on per period.
    """

    number: int
    first_row: int
    last_row: int
    first_repeat: int
    start: int
    cycles: int
    times: int
    steps: Numbers


@dataclass(frozen=True, slots=True)
class Sequel:
    """A stretch of a content: rows ``first`` to ``last``, then a repeat (or none)."""

    first: int
    last: int
    repeat: Repeat | None


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Expanded rows: stored rows, ``times`` times over, later and further on.

    Attributes:
        first, last: Stored rows.
        times: How often.
        shift: Cycles later, the first time.
        cycles: Cycles later with each further time.
        steps: Steps further on per unit, the first time; None: as stored.
        growth: Steps further on per unit with each further time; None: none.
        repeat: Innermost repeat the rows come from, or `SIMULATED`.
    """

    first: int
    last: int
    times: int
    shift: int
    cycles: int
    steps: Numbers | None
    growth: Numbers | None
    repeat: int


class Repeats:
    """All repeats of a trace.

    Args:
        repeats: In the order in which they were recorded.
        ends: End of every stored row, ascending.
    """

    def __init__(self, repeats: Sequence[Repeat], ends: Numbers) -> None:
        self.repeats = tuple(repeats)
        self.ends = ends
        self._contents: dict[int, tuple[Sequel, ...]] = {}

    @cached_property
    def top(self) -> tuple[Sequel, ...]:
        """The whole trace."""
        return self._sequels(0, len(self.ends), 0, len(self.repeats))

    def content(self, repeat: Repeat) -> tuple[Sequel, ...]:
        """One period of a repeat."""
        found = self._contents.get(repeat.number)
        if found is None:
            found = self._sequels(
                repeat.first_row, repeat.last_row, repeat.first_repeat, repeat.number
            )
            self._contents[repeat.number] = found
        return found

    def _sequels(self, first: int, last: int, begin: int, end: int) -> tuple[Sequel, ...]:
        """Rows and repeats of a range of each, in their order."""
        found: list[Sequel] = []
        at = first
        for repeat in self.repeats[begin:end]:
            found.append(Sequel(at, repeat.last_row, repeat))
            at = repeat.last_row
        if at < last or not found:
            found.append(Sequel(at, last, None))
        return tuple(found)

    def of(self, rows: Numbers) -> Repeats:
        """The same of some stored rows only (ascending): row numbers count among them."""
        moved = [
            replace(
                repeat,
                first_row=int(np.searchsorted(rows, repeat.first_row)),
                last_row=int(np.searchsorted(rows, repeat.last_row)),
            )
            for repeat in self.repeats
        ]
        return Repeats(moved, self.ends[rows])

    @cached_property
    def is_empty(self) -> list[bool]:
        """Whether a period of each repeat has no rows at all."""
        empty: list[bool] = []
        for repeat in self.repeats:
            has_rows = repeat.last_row > repeat.first_row
            empty.append(not has_rows and all(empty[repeat.first_repeat : repeat.number]))
        return empty

    # ------------------------------------------------------------------ expansion

    def weights(self) -> Numbers:
        """How often every stored row occurs in the expanded trace."""
        change = np.zeros(len(self.ends) + 1, dtype=np.int64)
        occurs = np.ones(len(self.repeats), dtype=np.int64)
        change[0] = 1
        for repeat in reversed(self.repeats):
            more = occurs[repeat.number] * repeat.times
            change[repeat.first_row] += more
            change[repeat.last_row] -= more
            occurs[repeat.first_repeat : repeat.number] += more
        return np.cumsum(change)[:-1]

    def pieces(self, since: int, until: int) -> Iterator[Piece]:
        """Expanded rows that end from cycle ``since`` to cycle ``until``, in order."""
        yield from self._walk(self.top, 0, None, SIMULATED, since, until)

    def _walk(
        self,
        sequels: tuple[Sequel, ...],
        shift: int,
        steps: Numbers | None,
        source: int,
        since: int,
        until: int,
    ) -> Iterator[Piece]:
        for sequel in sequels:
            piece = self._plain(sequel, shift, steps, source, since, until)
            if piece is not None:
                yield piece
            repeat = sequel.repeat
            if repeat is None or self.is_empty[repeat.number]:
                continue
            begun = repeat.start + repeat.cycles + shift
            if begun >= until + 1:
                return
            yield from self._again(repeat, shift, steps, since, until)

    def _plain(
        self,
        sequel: Sequel,
        shift: int,
        steps: Numbers | None,
        source: int,
        since: int,
        until: int,
    ) -> Piece | None:
        ends = self.ends[sequel.first : sequel.last]
        low = sequel.first + int(np.searchsorted(ends, since - shift, side="left"))
        high = sequel.first + int(np.searchsorted(ends, until - shift, side="right"))
        if low >= high:
            return None
        return Piece(low, high, 1, shift, 0, steps, None, source)

    def _again(
        self, repeat: Repeat, shift: int, steps: Numbers | None, since: int, until: int
    ) -> Iterator[Piece]:
        """The further periods of a repeat, as far as they meet the wanted cycles."""
        content = self.content(repeat)
        # Rows of the k-th time end after start + k x cycles and until a period later.
        origin = repeat.start + shift
        low = max(1, -(-(since - origin) // repeat.cycles) - 1)
        high = min(repeat.times, (until - 1 - origin) // repeat.cycles)
        if low > high:
            return
        if len(content) == 1 and content[0].repeat is None:
            # Whole periods at once; the first and the last may be cut.
            for first, last in _cut(low, high):
                yield from self._periods(repeat, first, last, shift, steps, since, until)
            return
        for time in range(low, high + 1):
            further = time * repeat.steps if steps is None else steps + time * repeat.steps
            yield from self._walk(
                content, shift + time * repeat.cycles, further, repeat.number, since, until
            )

    def _periods(
        self,
        repeat: Repeat,
        first: int,
        last: int,
        shift: int,
        steps: Numbers | None,
        since: int,
        until: int,
    ) -> Iterator[Piece]:
        further = first * repeat.steps if steps is None else steps + first * repeat.steps
        moved = shift + first * repeat.cycles
        if first == last:
            sequel = self.content(repeat)[0]
            piece = self._plain(sequel, moved, further, repeat.number, since, until)
            if piece is not None:
                yield piece
            return
        yield Piece(
            repeat.first_row, repeat.last_row, last - first + 1, moved, repeat.cycles,
            further, repeat.steps, repeat.number,
        )  # fmt: skip


def _cut(low: int, high: int) -> Iterator[tuple[int, int]]:
    """The first and the last of a range apart, and what is between."""
    yield low, low
    if high - 1 > low:
        yield low + 1, high - 1
    if high > low:
        yield high, high

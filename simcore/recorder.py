"""Where units report what they did, slice by slice, if somebody records the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["AT_DUE", "DELAY", "NOTHING", "Mark", "Outcome", "Recorder", "Slice"]

NOTHING = -1
"""In a slice: no counter awaited, no record moved, nothing delivered."""
DELAY = -2
"""In place of a counter awaited: a delay of fixed length."""

Slice = tuple[int, int, int, int, int, int, int, int, int, int]
"""start, end (cycles); unit (its order); counter awaited, or NOTHING for work; step of the stream;
kind of the step, or NOTHING; cycle in which the outcome is visible, or NOTHING; cycles lost; cause
of most of them, or NOTHING; number of the outcome, or NOTHING."""

Outcome = tuple[tuple[int, int, int], ...]
"""What a step changes: counter, growth, and when. From 0 on: so many cycles after the slice's end,
when its last word has moved. AT_DUE or less: when the outcome is visible; the last word has moved
AT_DUE - when cycles after the slice's end."""

AT_DUE = -1
"""In an outcome: when it is visible, its last word having moved as the slice ends."""

Mark = tuple[int, int, tuple[int, ...]]
"""A moment of a recording: slices so far, repeats so far, step of every unit."""


class Recorder(Protocol):
    """Takes slices in the order in which they end, and what of them repeats.

    Contract: it changes nothing of the machine. Slices of one unit do not overlap and come in
    order. `mark` is called when a cycle is over.
    """

    opens: int
    """Cycle before which nothing need be kept: the fast-forward does not skip across it."""

    def slice(self, row: Slice, split: Sequence[int] | None = None) -> None:
        """Take a slice; ``split`` gives the cycles lost per cause where they are several."""

    def outcome(self, changes: Outcome) -> int:
        """Return the number of an outcome, the same for equal ones."""

    def mark(self) -> Mark:
        """Return the present moment."""

    def repeat(self, first: Mark, last: Mark, start: int, cycles: int, times: int) -> None:
        """Take a repetition: all between two marks comes ``times`` times more.

        Args:
            first: Where the period begins.
            last: Where it ends: here.
            start: Cycle of ``first``.
            cycles: Length of the period.
            times: How often it comes again.
        """

    def differs(self, first: Mark, second: Mark, third: Mark, cycles: int) -> str:
        """Say how two successive periods of ``cycles`` differ; empty if they do not (audit)."""

"""Main memory as a component: the controller of its channels on the engine's calendar.

Requests of all movers meet in the controller, which knows no engine: it is brought up to the
present when a request arrives and asked for the next chunk to be complete; that is one event,
planned anew when another request comes before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stallscope.simcore.charge import Charge
from stallscope.simcore.environment import ARBITRATE, FOREVER, Environment, Event

__all__ = ["Channels", "Memory", "Source"]


class Channels(Protocol):
    """The controllers of all channels (`stallscope.hw.dram.controller`).

    Contract: times are cycles of the core. Committed state depends on what was submitted when,
    never on how often it was asked for.
    """

    def submit(self, source: int, addresses: NDArray[np.int64], is_write: bool, cycle: int) -> int:
        """Add a batch of requests of one source; returns its number."""

    def next_completion(self) -> tuple[int, int] | None:
        """Cycle and source of the next batch to be complete, if nothing more is submitted."""

    def advance(self, cycle: int) -> list[tuple[int, int, int]]:
        """Go on to a cycle; returns (cycle, source, batch) of all complete since last asked."""

    def accounts(self, cycle: int) -> NDArray[np.int64]:
        """Cycles up to ``cycle`` by what each channel was held up by, shape (channels, classes)."""

    def relative(self, cycle: int, rows_of_source: Sequence[int]) -> Hashable:
        """Everything that matters later, relative to the cycle and to a row per source."""

    def refresh_deadline(self) -> int:
        """Cycle before which no refresh falls due."""

    def shift(
        self, cycles: int, row_shift_of_source: Sequence[int], growth: Sequence[int]
    ) -> None:  # fmt: skip
        """Move everything but what is due for refresh, the rows of every source, and the marks."""

    def marks(self, cycle: int) -> list[int]:
        """Counts and accounts, which grow."""


class Source(Protocol):
    """A stream of requests: whoever is told that a batch is complete."""

    def complete(self, batch: int) -> None:
        """A batch is complete now."""

    def row(self) -> int:
        """Row in which the stream stands, in rows of all banks."""


class Memory:
    """Main memory.

    Args:
        env: The environment.
        name: Name of the level.
        order: Place in the order of units: before all of them.
        channels: The controllers.
        causes: Number of the cause that each account of `Channels.accounts` is.
        count: Number of causes.
    """

    charge: Charge | None = None

    def __init__(
        self, env: Environment, name: str, order: int, channels: Channels, causes: Sequence[int],
        count: int,
    ) -> None:  # fmt: skip
        self.env = env
        self.name = name
        self.order = order
        self.channels = channels
        self.stamp = 0
        self.sources: list[Source] = []
        self._causes = tuple(causes)
        self._count = count
        self._planning: Event | None = None
        self._planned: Event | None = None
        self._due = FOREVER
        self._blamed_at, self._blamed = -1, list[int]()

    def add(self, source: Source) -> int:
        """Take a stream of requests; returns its number."""
        self.sources.append(source)
        return len(self.sources) - 1

    def submit(self, source: int, addresses: NDArray[np.int64], *, is_write: bool) -> int:
        """Ask for bursts now; returns the number of the batch."""
        self.stamp += 1
        if self._planning is None:
            self._planning = self.env.call(self.env._now, ARBITRATE, self, self._plan)
        return self.channels.submit(source, addresses, is_write, self.env._now)

    def blame(self) -> list[int]:
        """Cycles per cause up to now."""
        now = int(self.env._now)
        if now != self._blamed_at:  # several units ask in a cycle, and nothing before it changes
            causes = [0] * self._count
            first = self.channels.accounts(now)[0].tolist()
            for cause, cycles in zip(self._causes, first, strict=True):
                causes[cause] += cycles
            self._blamed_at, self._blamed = now, causes
        return self._blamed.copy()

    def _plan(self, event: Event) -> None:
        """All requests of the cycle are known: plan what they lead to."""
        self._planning = None
        self._replan()

    def _replan(self) -> None:
        """Put the next completion on the calendar."""
        if self._planned is not None:
            self.env.cancel(self._planned)
            self._planned = None
        found = self.channels.next_completion()
        self._due = FOREVER
        if found is not None:
            self._due = max(found[0], self.env._now)
            self._planned = self.env.call(self._due, self.order, self, self._complete)

    def _complete(self, event: Event) -> None:
        self.stamp += 1
        self._planned = None
        for _, source, batch in self.channels.advance(self.env._now):
            self.sources[source].complete(batch)
        self._replan()

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """State of the banks and queues, rows counted from where each stream stands."""
        now = self.env._now
        state = self.channels.relative(now, self._rows())
        # A refresh between two moments makes them differ: what comes next has none.
        return (state, self.channels.refresh_deadline())

    def _rows(self) -> list[int]:
        return [source.row() for source in self.sources]

    def marks(self) -> list[int]:
        """Counts and accounts up to the present, and the rows of all streams."""
        return [*self._rows(), *self.channels.marks(self.env._now)]

    def phase(self) -> list[int]:
        """The present: how long a period is decides how many fit before a refresh."""
        return [self.env._now]

    def deadline(self) -> int:
        """Cycle of the next completion, as planned."""
        return self._due

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Periods until a refresh falls due."""
        due = self.channels.refresh_deadline()
        return FOREVER if due >= FOREVER else (due - 1 - now[0]) // (now[0] - before[0])

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Move banks and queues, and let the counts grow."""
        count = len(self.sources)
        grown = [times * by for by in growth]
        self.channels.shift(times * cycles, grown[:count], grown[count:])

    def resume(self) -> None:
        """Plan the next completion again: the refresh that may delay it has not moved."""
        self._replan()

"""One DRAM channel: its committed state, and a copy of it that has looked ahead."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from stallscope.hw.dram import kernel
from stallscope.hw.dram import layout as at
from stallscope.hw.dram.jit import Ints
from stallscope.hw.dram.state import configuration, grown, initial_state, relative_ints
from stallscope.mappings.dram import DramController, DramDevice

__all__ = ["Channel", "Part"]

Part = tuple[int, int, int]
"""The end of what a channel serves of a batch: clock, source, batch number."""

RING = 16
FIFO = 1024


class Channel:
    """State of one channel, clocks below ``now`` processed.

    Args:
        number: Which of the device's channels it is.
    """

    def __init__(
        self,
        device: DramDevice,
        options: DramController,
        sources: int,
        cycles_per_clock: Fraction,
        number: int,
    ) -> None:
        self._number = number
        self._c = configuration(
            device, options, sources=sources, cycles_per_clock=cycles_per_clock,
            ring=RING, fifo=FIFO,
        )  # fmt: skip
        self.state = initial_state(self._c)
        self._fifo: Ints = np.zeros((sources, FIFO), dtype=np.int64)
        self._done: Ints = np.zeros((64, 3), dtype=np.int64)
        self._parts = 0
        self._reserve()

    def _reserve(self) -> None:
        self._ahead = np.empty_like(self.state)
        self._ahead_parts: list[Part] | None = None
        self._relative: Ints = np.empty(relative_ints(self._c), dtype=np.int64)
        self._marks = self._growing()

    @property
    def now(self) -> int:
        """First clock that is not processed yet."""
        return int(self.state[at.NOW])

    @property
    def refresh_due(self) -> int:
        """Clock of the next refresh."""
        return int(self.state[at.REF_DUE])

    @property
    def at_cycle(self) -> int:
        """Base cycles accounted for."""
        return int(self.state[at.AT_CYCLE])

    def submit(self, source: int, addresses: Ints, is_write: bool, batch: int) -> int:
        """Queue what of a batch falls on this channel.

        Returns:
            Requests queued, or BAD if an address is not a burst of the memory.
        """
        count = at.FULL
        while count == at.FULL:
            count = kernel.submit(
                self.state, self._c, self._fifo, source, addresses, int(is_write), batch,
                self._number,
            )  # fmt: skip
            if count == at.FULL:
                self._c, self.state, self._fifo = grown(
                    self._c, self.state, self._fifo, source, len(addresses)
                )
                self._reserve()
        if count:
            self._ahead_parts = None
            self._parts += count > 0
        return int(count)

    def advance(self, limit: int, upto: int) -> list[Part]:
        """Process clocks below ``limit``; return the parts that ended by clock ``upto``.

        ``upto`` is ``limit``, or one less if a base cycle ends within a clock.
        """
        parts: list[Part] = []
        if self._ahead_parts and int(self._ahead[at.NOW]) <= upto:
            self.state, self._ahead = self._ahead, self.state
            parts, self._ahead_parts = self._ahead_parts, None
        found = len(parts)
        parts += self._taken(self.state, upto)
        while self.state[at.NOW] < limit:
            kernel.run(self.state, self._c, self._fifo, limit)
            parts += self._taken(self.state, upto)
        if len(parts) > found:
            self._ahead_parts = None  # it would report them again
        self._parts -= len(parts)
        return parts

    def look_ahead(self, is_first: bool) -> list[Part]:
        """Return the parts that end next, found on a copy of the state; none if none is left.

        Args:
            is_first: Whether to begin at the committed state, not where the copy is.
        """
        if is_first or self._ahead_parts is None:
            self._ahead_parts = []
            if self._parts:
                np.copyto(self._ahead, self.state)
        if self._parts == len(self._ahead_parts):
            return []
        if self._ahead[at.DONE_AT] > self._ahead[at.NOW]:
            kernel.run(self._ahead, self._c, self._fifo, at.FOREVER)
        parts = self._taken(self._ahead, int(self._ahead[at.NOW]))
        self._ahead_parts += parts
        return parts

    def _taken(self, state: Ints, upto: int) -> list[Part]:
        parts: list[Part] = []
        while state[at.DONE_AT] <= upto:
            count = kernel.take_done(state, self._c, upto, self._done)
            parts += map(tuple, self._done[:count].tolist())
        return parts

    def relative(self, origins: Ints) -> bytes:
        """Return what future behaviour depends on (`stallscope.hw.dram.relative`)."""
        count = kernel.relative(self.state, self._c, self._fifo, origins, self._relative)
        return self._relative[:count].tobytes()

    def shift(self, clocks: int, rows: Ints, growth: Sequence[int]) -> None:
        """Move the state in time and rows; add to what grows."""
        kernel.shift(self.state, self._c, self._fifo, clocks, rows)
        self._ahead_parts = None
        if growth:
            self.grow(growth)

    def marks(self) -> list[int]:
        """Return accounts, counts and every source's counts."""
        marks: list[int] = self.state[self._marks].tolist()
        return marks

    def grow(self, growth: Sequence[int]) -> None:
        """Add to the marks."""
        self.state[self._marks] += np.asarray(growth, dtype=np.int64)

    def _growing(self) -> Ints:
        """Where the marks stand in the state."""
        first = int(self._c[at.SOURCES])
        places = [*range(at.ACCOUNT, at.ACCOUNT + len(at.ACCOUNTS))]
        places += range(at.ACTIVATES, at.ACTIVATES + len(at.COUNTS))
        for source in range(int(self._c[at.N_SOURCES])):
            place = first + source * at.SOURCE + at.SOURCE_ACTIVATES
            places += range(place, place + len(at.SOURCE_COUNTS))
        return np.asarray(places, dtype=np.int64)

    def accounts(self, cycle: int) -> Ints:
        """Return the accounts up to a base cycle of the last clock processed."""
        accounts = self.state[at.ACCOUNT : at.ACCOUNT + len(at.ACCOUNTS)].copy()
        accounts[self.state[at.LAST_CLASS]] -= self.at_cycle - cycle
        return accounts

    def counts(self) -> Ints:
        """Return the counts, in the order of `COUNTS`."""
        return self.state[at.ACTIVATES : at.ACTIVATES + len(at.COUNTS)].copy()

    def source_counts(self, source: int) -> Ints:
        """Return a source's counts, in the order of `SOURCE_COUNTS`."""
        place = int(self._c[at.SOURCES]) + source * at.SOURCE + at.SOURCE_ACTIVATES
        return self.state[place : place + len(at.SOURCE_COUNTS)].copy()

    def trace(self, limit: int, upto: int) -> list[tuple[int, int, int]]:
        """As `advance` clock by clock; return the commands: clock, kind, bank (rank for REF)."""
        log: Ints = np.zeros((4096, 3), dtype=np.int64)
        commands: list[tuple[int, int, int]] = []
        while self.state[at.NOW] < limit:
            count = kernel.trace(self.state, self._c, self._fifo, limit, log)
            commands += [(int(t), int(k), int(b)) for t, k, b in log[:count]]
            self._parts -= len(self._taken(self.state, upto))
        self._ahead_parts = None
        return commands

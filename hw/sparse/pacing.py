"""How long a burst takes an array whose PEs do not find the same to do.

PEs that go on together take as long as the slowest one of every pass; packed ones as long as all
of their work takes all of them. PEs that run ahead of each other have a time each at which they
are free (a vector): a burst's last PE decides when its tiles are used up, and how far the array
has moved since the burst before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol

import numpy as np

from stallscope.hw.sparse.bursts import Block
from stallscope.hw.sparse.pieces import Counts
from stallscope.simcore.position import Position

__all__ = ["Ahead", "Pace", "Packed", "Services", "Stretch", "Together"]

Services = Callable[[Block, int, int, bool], Counts]
"""Ticks that every PE is at work on a burst, its own ports included: the block, the row, the
program's record, whether the burst is fresh."""


class Stretch(NamedTuple):
    """How far a burst moves an array on.

    Attributes:
        least: Ticks that it takes at least.
        room: Ticks that the PEs' own ports are held at most: what they do in a burst, they may have
            begun during the one before. None: as long as the busiest PE holds them.
        busy: Of ``least``, ticks in which a PE computes.
    """

    least: int
    room: int | None
    busy: int


class Pace(Protocol):
    """Who decides how long bursts take.

    Contract: `begin` once per burst, when its tiles are there and the one before is over; `end`
    when it is over. Nothing else changes anything. The rest is as of a `Component`.

    Attributes:
        work: Cycles of the present burst in which a PE computes; known at its end.
        waited: Cycles of it in which PEs are at work and all wait for units of their own, likewise.
        waits: Cycles that PEs wait for units of their own in it, summed over them; a broken cycle
            of a PE's counts as that of the array does.
        issued: Tick from which PEs may have begun the present burst.
    """

    work: int
    waited: int
    waits: int
    issued: int

    def begin(self, block: Block, row: int, record: int, is_fresh: bool, arrived: int) -> Stretch:
        """Begin a burst; returns how long it takes at least.

        Args:
            block: Bursts.
            row: Which of them.
            record: Its record in the program.
            is_fresh: Whether it may be the first to touch its output words.
            arrived: Tick at which the last of its tiles was there.
        """

    def end(self, tick: int, elapsed: int) -> None:
        """A burst is over.

        Args:
            tick: When, exactly.
            elapsed: Cycles it took.
        """

    def relative(self, now: int, *, is_waiting: bool) -> Hashable:
        """State relative to tick ``now``."""

    def shift(self, ticks: int) -> None:
        """Move on in time."""


class Together:
    """All PEs begin a pass together, and a burst is one pass or several."""

    def __init__(self, cycle_ticks: int) -> None:
        self._ticks = cycle_ticks
        self.work = self.waited = self.waits = 0
        self.issued = 0

    def begin(self, block: Block, row: int, record: int, is_fresh: bool, arrived: int) -> Stretch:
        """As long as the slowest PE of every pass."""
        self.work = block.works[row].slowest
        return Stretch(self.work * self._ticks, None, self.work * self._ticks)

    def end(self, tick: int, elapsed: int) -> None:
        """Nothing is left over."""

    def relative(self, now: int, *, is_waiting: bool) -> Hashable:
        """Nothing is remembered."""
        return None

    def shift(self, ticks: int) -> None:
        """Nothing is remembered."""


class Packed:
    """What a pass has to do is packed onto all PEs evenly.

    Args:
        cycle_ticks: Ticks of a cycle.
        position: Of the compute stream.
        outside: Loops of it outside the PEs: a step of one of them begins a pass.
        pes: PEs.
    """

    def __init__(self, cycle_ticks: int, position: Position, outside: int, pes: int) -> None:
        self._ticks = cycle_ticks
        self._position = position
        self._outside = outside
        self._pes = pes
        self._is_part = outside < position.depth
        self._done = 0
        self.work = self.waited = self.waits = 0
        self.issued = 0

    def begin(self, block: Block, row: int, record: int, is_fresh: bool, arrived: int) -> Stretch:
        """As long as all PEs need for what has come up in the pass by its end, less before."""
        burst = block.works[row]
        self.work = burst.packed
        if self._is_part:
            if self._position.stepped < self._outside:
                self._done = 0
            before = -(-self._done // self._pes)
            self._done += burst.steps
            self.work = -(-self._done // self._pes) - before
        return Stretch(self.work * self._ticks, None, self.work * self._ticks)

    def end(self, tick: int, elapsed: int) -> None:
        """What fits into the last cycle of a burst is remembered already."""

    def relative(self, now: int, *, is_waiting: bool) -> Hashable:
        """What came up in the pass so far."""
        return self._done

    def shift(self, ticks: int) -> None:
        """The same came up after whole periods."""


class Ahead:
    """PEs run ahead of each other, as far as the tiles are there.

    The array waits for a burst's tiles when its last PE is done with the burst before. Other PEs
    began when these tiles came, or when they were free: so the array asks when they came. It waits
    in vain in just those cycles in which no PE is at work: the last PE is free before the tiles
    come, and so are all others. Otherwise the PE that will be the last of this burst begins it
    before the array's last burst is over and is at work until its end, so some PE always is.

    Where other units hold a burst up on servers that the PEs share, all PEs are held up.

    A PE whose port, decoder or intersection unit is slower than its MACs is taken to do its steps
    first and then wait for it: the array computes until the last PE of a burst has done its steps.

    Args:
        cycle_ticks: Ticks of a cycle.
        services: Ticks each PE is at work on a burst.
        pes: PEs.
        position: Of the compute stream.
        outside: Loops of it after a step of which all PEs begin together; 0: they never do.
        has_ports: Whether PEs have ports of their own that may be slower than their MACs.
    """

    def __init__(
        self,
        cycle_ticks: int,
        services: Services,
        pes: int,
        *,
        position: Position,
        outside: int,
        has_ports: bool,
    ) -> None:
        self._ticks = cycle_ticks
        self._services = services
        self._position = position
        self._outside = outside
        self._has_ports = has_ports
        self._free = np.zeros(pes, dtype=np.int64)
        self._last = 0
        self.issued = 0
        self._due = 0
        self._least = self._busy = self._slack = 0
        self.work = self.waited = self.waits = 0

    def begin(self, block: Block, row: int, record: int, is_fresh: bool, arrived: int) -> Stretch:
        """From the end of the burst before, or when the tiles came, to the last PE's end."""
        free = self._free
        if self._position.stepped < self._outside:
            free[:] = self._last
        issued = self.issued = max(self.issued, arrived)
        start = max(self._last, issued)
        services = self._services(block, row, record, is_fresh)
        np.maximum(free, issued, out=free)
        done = self._steps_done(free, services, block.steps[row]) if self._has_ports else None
        free += services
        self._due = self._last = max(start, int(free.max()))
        self._least = self._busy = self._last - start
        if done is not None:
            self._busy = min(self._least, max(0, done - start))
        return Stretch(self._least, self._least, self._busy)

    def _steps_done(self, begun: Counts, services: Counts, steps: Counts) -> int:
        """Tick at which the last PE has done its steps; notes how long PEs wait besides."""
        ticks = steps * self._ticks
        self._slack = int(services.sum() - ticks.sum())
        return int((begun + ticks).max())

    def end(self, tick: int, elapsed: int) -> None:
        """Hold all PEs up by what the burst took longer."""
        if tick > self._due:
            self._free += tick - self._due
            self._last = tick
        self.work = min(elapsed, -(-self._busy // self._ticks))
        self.waited = min(elapsed, -(-self._least // self._ticks)) - self.work
        self.waits = self._slack // self._ticks
        if self.waited:
            self.waits = self._slack * self.waited // (self._least - self._busy)

    def relative(self, now: int, *, is_waiting: bool) -> Hashable:
        """When every PE is free; who is free while the array waits is free whenever it was."""
        if is_waiting:
            return (np.maximum(self._free - now, 0).tobytes(), max(self._last - now, 0))
        times = (self.issued - now, self._last - now, self._due - now)
        return ((self._free - now).tobytes(), times, self._least, self._busy, self._slack)

    def shift(self, ticks: int) -> None:
        """Move on in time."""
        self._free += ticks
        self._last += ticks
        self.issued += ticks
        self._due += ticks

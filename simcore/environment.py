"""A SimPy environment in whole cycles, with a written order inside a cycle, that can be shifted.

Order inside a cycle: units in unit order (with every zero-delay wake-up, repeated until none is
due), then arbitration, then units whose transfer was decided by that arbitration and ends within
the cycle, then snapshots. Insertion order decides nothing between units.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import simpy

__all__ = ["AFTER_ARBITRATION", "ARBITRATE", "FOREVER", "SNAPSHOT", "Environment", "Event"]

ARBITRATE = 1_000_000
"""Phase of arbitration: every request of the cycle's units is known by then."""
AFTER_ARBITRATION = 2_000_000
"""Phase of units whose transfer began and ended within the cycle, in unit order."""
SNAPSHOT = 3_000_000
"""Phase of snapshots: nothing else is due in the cycle."""
FOREVER = 1 << 62
"""A time that never comes."""
_STUCK = 100_000_000


class Event(simpy.Event):
    """A SimPy event that has succeeded already and knows whose pending action it is."""

    def __init__(self, env: Environment, owner: object) -> None:
        # All attributes of simpy.Event at once: this is made twice per transfer.
        self.env = env
        self.callbacks = []
        self._ok = True
        self._value = None
        self._defused = False
        self.owner = owner


class Environment(simpy.Environment):
    """SimPy's environment with explicit phases, owners of events and a shift in time.

    Attributes:
        processed: Events processed so far.
    """

    _now: int
    _queue: list[tuple[int, int, int, Event]]  # type: ignore[assignment]  # only ours are queued

    def __init__(self) -> None:
        super().__init__()
        self.processed = 0

    @property
    def cycle(self) -> int:
        """The current cycle."""
        return int(self._now)

    def make(self, owner: object) -> Event:
        """Return an event of ``owner`` that succeeds when `at` puts it on the calendar."""
        return Event(self, owner)

    def at(self, cycle: int, phase: int, event: Event) -> None:
        """Put an event on the calendar at ``cycle`` in ``phase``."""
        heappush(self._queue, (cycle, phase, next(self._eid), event))

    def call(self, cycle: int, phase: int, owner: object, action: Callable[[Event], None]) -> Event:
        """Call ``action`` at ``cycle`` in ``phase``; returns the event, for `cancel`."""
        event = Event(self, owner)
        event.callbacks.append(action)
        heappush(self._queue, (cycle, phase, next(self._eid), event))
        return event

    def cancel(self, event: Event) -> None:
        """Take an event off the calendar."""
        queue = self._queue
        for index, entry in enumerate(queue):
            if entry[3] is event:
                queue[index] = queue[-1]
                queue.pop()
                heapify(queue)
                return

    def run_all(self) -> None:
        """Process events until the calendar is empty.

        Raises:
            TimeoutError: If a hundred million events pass without time moving on.
        """
        queue = self._queue
        since = self.processed
        now = self._now
        while queue:
            time, _, _, event = heappop(queue)
            if time != now:
                now = self._now = time
                since = self.processed
            elif self.processed - since > _STUCK:
                raise TimeoutError("a hundred million events without time moving on")
            self.processed += 1
            callbacks = event.callbacks
            event.callbacks = None  # type: ignore[assignment]  # SimPy's sign of a processed event
            for callback in callbacks:
                callback(event)
            if not event._ok and not getattr(event, "_defused", False):
                raise event._value
            now = self._now

    def next_cycle(self) -> int:
        """Cycle of the next event, or `FOREVER`."""
        return int(self._queue[0][0]) if self._queue else FOREVER

    def shift(self, cycles: int, moves: Callable[[object], bool]) -> None:
        """Move the present, and every event whose owner ``moves``, by ``cycles``."""
        queue = self._queue
        queue[:] = [
            (time + cycles, phase, order, event)
            if moves(event.owner)
            else (time, phase, order, event)
            for time, phase, order, event in queue
        ]
        heapify(queue)
        self._now += cycles

"""A transfer: the bursts of one unit on the servers of its path.

Nothing is simulated burst by burst while nobody contends: state stands at the last interaction
and the end is known in closed form.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from stallscope.simcore.environment import AFTER_ARBITRATION, FOREVER, Environment, Event
from stallscope.simcore.servers import Demand
from stallscope.simcore.unit import Unit

__all__ = ["Contention", "Transfer"]


class Contention(Protocol):
    """Whoever decides between transfers that share servers (`Arbiter`).

    Contract: `contend` is called by a new transfer that meets active rivals, `settle` by one
    that ends among them, `plan_again` after a skip.
    """

    env: Environment
    cycle_ticks: int

    def contend(self, transfer: Transfer) -> None:
        """Have a new transfer and its rivals arbitrated this cycle."""

    def settle(self, transfer: Transfer) -> None:
        """Do the bursts of a transfer that ends now, and its rivals' that were decided before."""

    def plan_again(self, transfer: Transfer) -> None:
        """Plan again from the state a transfer has now."""


class Transfer:
    """The transfer slot of one unit, with the state of the transfer under way.

    Attributes:
        unit: Whose it is.
        rivals: Slots whose paths may share a server with this one.
        demand: What the transfer under way asks for.
        ready: Tick from which its next burst may start; after the last one, its end.
        progress: Ticks of its slowest server done.
        served: Tick at which its last burst started; -1 before the first.
        is_active: Whether a transfer is under way.
        is_alone: Whether its end was planned with no rival in sight.
        sent: Transfers submitted so far.
        due: Cycle at which the unit will be woken, as planned.
        last_start: Tick at which the last burst starts, as planned.
    """

    demand: Demand
    event: Event

    def __init__(self, unit: Unit, arbiter: Contention) -> None:
        self.name = f"{unit.name} transfer"
        self.unit = unit
        self.arbiter = arbiter
        self.env = arbiter.env
        self.cycle_ticks = arbiter.cycle_ticks
        self.rivals: tuple[Transfer, ...] = ()
        self.ready = 0
        self.progress = 0
        self.served = -1
        self.is_active = False
        self.is_alone = False
        self.sent = 0
        self.stamp = 0
        self.due = FOREVER
        self.last_start = 0

    def submit(self, demand: Demand, ready: int) -> Event:
        """Start a transfer whose first burst may start at tick ``ready``; wait on the event.

        The usual transfer meets no rival: its end follows here, and costs one event.
        """
        self.stamp += 1
        self.sent += 1
        self.demand = demand
        self.ready = ready
        self.progress = 0
        self.served = -1
        self.is_active = True
        event = self.event = Event(self.env, self)
        for rival in self.rivals:
            if rival.is_active and not demand.names.isdisjoint(rival.demand.names):
                self.arbiter.contend(self)
                return event
        start = ready
        for server, _ in demand.path:
            if server.free > start:
                start = server.free
        end = start + demand.total
        self.is_alone = True
        self.plan(end, end - demand.last)
        return event

    def complete(self) -> int:
        """Book the transfer whose event came; returns the tick at which it ended."""
        demand = self.demand
        if not self.is_alone:
            self.arbiter.settle(self)
        elif demand.is_one and not self.progress:
            # The usual transfer: one burst, at the tick that was planned.
            self.served = start = self.last_start
            self.progress = demand.total
            self.ready = start + demand.total
            for server, ticks in demand.path:
                server.free = start + ticks
        else:
            self.advance(FOREVER)
        self.stamp += 1
        self.is_active = self.is_alone = False
        self.due = FOREVER
        for server, ticks, words in demand.booking:
            server.stamp += 1
            server.held += ticks
            server.words += words
        return self.ready

    def start(self) -> int:
        """Earliest tick at which the next burst can start."""
        start = self.ready
        if self.progress < self.demand.total:
            for server, _ in self.demand.path:
                if server.free > start:
                    start = server.free
        return start

    def touch(self) -> None:
        """What is planned of it may have changed, and with it what its servers will do."""
        self.stamp += 1
        for server, _ in self.demand.path:
            server.stamp += 1

    def burst(self, start: int) -> None:
        """Do the next burst at tick ``start``."""
        self.stamp += 1
        demand = self.demand
        length = demand.total - self.progress
        if length >= demand.burst and demand.is_even:
            # Contending transfers are advanced burst by burst: this is most of what they cost.
            length = demand.burst
            for server, held in demand.whole:
                server.free = start + held
                server.stamp += 1
        else:
            length = min(demand.burst, length)
            for server, ticks in demand.path:
                held = demand.hold(ticks, self.progress, length)
                if held:
                    server.free = start + held
                    server.stamp += 1
        self.progress += length
        self.ready = start + length
        self.served = start

    def advance(self, limit: int) -> None:
        """Do the bursts that start before ``limit`` with nobody in the way, all at once."""
        demand = self.demand
        left = demand.total - self.progress
        start = self.start()
        if not left or start >= limit:
            return
        bursts = -(-left // demand.burst)
        if limit != FOREVER:
            bursts = min(bursts, -((start - limit) // demand.burst))
        before = (bursts - 1) * demand.burst
        self.progress += before
        self.burst(start + before)

    def plan(self, end: int, last_start: int) -> None:
        """Wake the unit in the cycle in which the transfer ends.

        A burst that starts within that very cycle is decided by its arbitration, so the unit
        is woken after it.
        """
        due = end // self.cycle_ticks
        if due < self.env._now:
            due = self.env._now
        self.due = due
        self.last_start = last_start
        order = self.unit.order
        if last_start >= due * self.cycle_ticks:
            order += AFTER_ARBITRATION
        self.env.at(due, order, self.event)

    def unplan(self) -> None:
        """Take the planned end off the calendar."""
        if self.due != FOREVER:
            self.env.cancel(self.event)
            self.due = FOREVER
        self.is_alone = False
        self.stamp += 1

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """What is under way; the progress of a long transfer is a countdown, see `limit`."""
        if not self.is_active:
            return None
        now = self.env._now * self.cycle_ticks
        demand = self.demand
        active = [rival for rival in self.rivals if rival.is_active]
        behind = sum((rival.served, rival.unit.order) < (self.served, self.unit.order)
                     for rival in active)  # fmt: skip
        left = demand.total - self.progress
        return (
            self.ready - now,
            # A server that was free only later than that counts, though it is free by now.
            self.start() - now,
            tuple((server.name, ticks) for server, ticks in demand.path),
            demand.total if left <= demand.burst or not demand.is_even else -1,
            left if left <= demand.burst or not demand.is_even else -1,
            behind,
            self.served < 0,
        )

    def marks(self) -> list[int]:
        """Transfers submitted, and what is left of the one under way."""
        left = self.demand.total - self.progress if self.is_active else 0
        return [self.sent, left]

    def phase(self) -> list[int]:
        """As the marks, and the least that can be left by now: state stands at the last touch."""
        sent, left = self.marks()
        if not self.is_active:
            return [sent, left, left]
        run = self.env._now * self.cycle_ticks - self.start()
        return [sent, left, left - max(0, run)]

    def resume(self) -> None:
        """Plan the end of the transfer under way again, from the state it has now."""
        if self.is_active:
            self.arbiter.plan_again(self)

    def deadline(self) -> int:
        """Cycle at which the transfer under way ends, as planned."""
        return self.due

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Periods until a transfer that shrinks every period has one burst left."""
        shrunk = before[1] - now[1]
        if shrunk == 0:
            return FOREVER
        if shrunk < 0 or before[0] != now[0] or not self.demand.is_even:
            return 0
        if shrunk % self.demand.burst:
            return 0
        return max(0, (now[2] - self.demand.burst - 1) // shrunk)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Move the transfer under way; the planned end moves with it, or is planned again."""
        by = times * cycles * self.cycle_ticks
        self.ready += by
        if self.served >= 0:
            self.served += by
        self.progress -= times * growth[1]
        self.sent += times * growth[0]
        if self.due != FOREVER:
            self.due += times * cycles

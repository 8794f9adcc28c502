"""A unit that moves words: one transfer at a time, and the books about it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from stallscope.simcore.arbiter import Arbiter
from stallscope.simcore.environment import Environment, Event
from stallscope.simcore.position import Position
from stallscope.simcore.servers import Demand
from stallscope.simcore.slices import report_work
from stallscope.simcore.transfer import Transfer
from stallscope.simcore.unit import Unit

__all__ = ["Transferring", "Wiring"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What all units of a machine share.

    Attributes:
        env: The environment.
        arbiter: The arbiter of its servers.
        causes: Names of the causes of waiting.
        capacity: Number of the cause "no room".
    """

    env: Environment
    arbiter: Arbiter
    causes: tuple[str, ...]
    capacity: int


class Transferring(Unit):
    """What all units with a transfer slot share: the beginning and the end of a transfer.

    Args:
        wiring: What the units of a machine share.
        name: Unique name.
        order: Place in the order of units.
        position: Where its stream stands.
        latency_cause: Number of the cause that its latency is.

    Attributes:
        begun: Cycle in which the last transfer was submitted.
        horizon: Cycle of the latest delivery so far: deliveries keep their order.
        lost: Cycles that the last transfer took longer than alone, per cause.
    """

    def __init__(
        self, wiring: Wiring, name: str, order: int, position: Position, latency_cause: int
    ) -> None:
        super().__init__(wiring.env, name, order, position, len(wiring.causes))
        self.wiring = wiring
        self.latency_cause = latency_cause
        self.ticks = wiring.arbiter.cycle_ticks
        self.transfer: Transfer = wiring.arbiter.slot(self)
        self.begun = 0
        self.horizon = 0
        self.lost: dict[int, int] = {}

    def cause_of(self, state: int) -> int:
        """No room, or else latency."""
        return self.wiring.capacity if state == self.ROOM else self.latency_cause

    def submit(self, demand: Demand) -> Event:
        """Begin a transfer."""
        now = self.env._now
        self.enter(self.BUSY, demand.cause)
        tick = now * self.ticks
        return self.transfer.submit(demand, tick if tick > self.tick else self.tick)

    def ended(self, demand: Demand) -> int:
        """Book the end of a transfer; returns the cycle by which its last word has moved.

        Another state begins in this very cycle: that of the next step, or the end of the stream.
        """
        self.tick = tick = self.transfer.complete()
        account = self.account
        self.begun = account.entered
        waited = self.env._now - self.begun - -(-demand.total // self.ticks)
        self.lost = account.lost_to(demand.cause, demand.cause, max(0, waited))
        if waited > 0:
            account.states[self.BUSY] -= waited
            account.states[self.CONTENTION] += waited
        return -(-tick // self.ticks)

    def in_order(self, due: int) -> int:
        """Cycle of a delivery that is due then: deliveries keep their order."""
        if due < self.horizon:
            return self.horizon
        self.horizon = due
        return due

    def report(self, kind: int, demand: Demand | None, due: int, outcome: int) -> None:
        """Report the step that is done to who records the run; no demand: it moved nothing."""
        self.end_wait()
        moves = demand is not None and demand.total > 0
        start = self.begun if moves else self.env._now
        report_work(self, start, kind, due, self.lost if moves else {}, outcome)

    def _more(self, now: int) -> Hashable:
        """What a later step depends on besides the position."""
        return (max(0, self.tick - now * self.ticks), max(0, self.horizon - now), self.steps == 0)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods."""
        super().shift(level, iterations, cycles, times, growth)
        self.horizon += times * cycles
        self.tick += times * cycles * self.ticks

    def stop(self) -> None:
        """The stream is at its end."""
        self.enter(self.IDLE, self.latency_cause)
        self.is_finished = True

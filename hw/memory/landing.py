"""Movers on the chip's side of a main memory with a controller.

A landing carries what a lane has read over the network into the child, chunk by chunk as the
chunks arrive; a posting carries output tiles chunk by chunk to the lane that writes them.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence

from stallscope.hw.cursor import Cursor
from stallscope.hw.mover import MoverPlan
from stallscope.hw.partial_sums import Drain, Refill
from stallscope.hw.transferring import Wiring
from stallscope.simcore.counter import Counter
from stallscope.simcore.environment import Event
from stallscope.simcore.servers import Demand
from stallscope.simcore.slices import outcome_of
from stallscope.simcore.unit import Unit

__all__ = ["Landing", "Posting"]


class Landing(Refill):
    """Brings tiles that were read from main memory into the child: partial sums or an operand.

    Attributes:
        chunks: Per record, what its chunks ask of the servers on chip.
        lane: Who reads; `handed` counts the chunks that are there.
        taken: Chunks taken.
    """

    lane: Unit
    handed: Counter
    taken = 0

    def __init__(
        self, wiring: Wiring, name: str, order: int, cursor: Cursor, plan: MoverPlan,
        chunks: Sequence[Sequence[Demand]],
    ) -> None:  # fmt: skip
        super().__init__(wiring, name, order, cursor, plan)
        self.chunks = tuple(tuple(one) for one in chunks)

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        plan = self.plan
        stepped = 0
        while stepped >= 0:
            record = self.cursor.record
            is_first, is_moved = self._begin(record)
            done = self.env._now
            for number, demand in enumerate(self.chunks[record] if is_moved else (None,)):
                if self.handed.value <= self.taken:
                    yield self.wait(self.handed, self.taken + 1, self.SOURCE, self.lane)
                self.taken += 1
                done = self.env._now
                if demand is not None and demand.total:
                    yield self.submit(demand)
                    done = self.ended(demand)
                if demand is not None and number + 1 < len(self.chunks[record]):
                    self._report_part(record, number, demand)
            latency = plan.latency if is_moved else 0
            if not self.steps:
                latency += plan.first_delay
            due = self.in_order(done + latency)
            self._land(record, done, due, is_first=is_first, is_moved=is_moved)
            stepped = self.cursor.step()
        self.stop()

    def _begin(self, record: int) -> tuple[bool, bool]:
        """Whether the step's words are touched first, and whether it moves any; counts it."""
        if not self.channel.is_written:
            self.tally[record] += 1
            return False, True
        version = self.cursor.version(self.plan.reductions, self.steps)
        is_moved = self.plan.moves(record, version)
        if is_moved:
            self.tally[record] += 1
            self.firsts[record] += not version
        return not version, is_moved

    def _report_part(self, record: int, number: int, demand: Demand) -> None:
        """A chunk that is not the last of its tile has landed."""
        if self.recorder is not None:
            now = self.env._now
            kind = self.plan.kinds[record] + number
            self.report(kind, demand, now, outcome_of(self, now, (), ()))

    def _land(
        self, record: int, done: int, due: int, *, is_first: bool, is_moved: bool
    ) -> None:  # fmt: skip
        """A step is done: its tile is there when it is due."""
        delivered, chunks = self.channel.delivered, self.chunks[record]
        arrived = ((delivered, 1),)
        if self.recorder is not None:
            kind = self.plan.kinds[record] + len(chunks) - 1
            if is_first:
                kind += self.plan.kinds[-1]
            outcome = outcome_of(self, done, (), arrived)
            self.report(kind, chunks[-1] if is_moved else None, due, outcome)
        self.steps += 1
        delivered.send(chunks[-1].cause, done, self.plan.latency_cause)
        self.later(due, arrived)

    def progress(self) -> Hashable:
        """How far it is behind the lane, and the deliveries."""
        return (self.taken - self.handed.value, self.steps - self.channel.delivered.value)

    def _tallies(self) -> list[int]:
        """With the chunks taken."""
        return [self.taken, *super()._tallies()]

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of `_tallies`."""
        self.taken += times * growth[0]
        super()._grow(times, growth[1:])


class Posting(Drain):
    """Carries complete visits of output tiles to the lane that writes them.

    The lane says when a tile has reached main memory: until then its room is taken.

    Attributes:
        chunks: Per record, what its chunks ask of the servers on chip.
        handed: Chunks that reached the lane.
    """

    handed: Counter

    def __init__(
        self, wiring: Wiring, name: str, order: int, cursor: Cursor, plan: MoverPlan,
        chunks: Sequence[Sequence[Demand]],
    ) -> None:  # fmt: skip
        super().__init__(wiring, name, order, cursor, plan)
        self.chunks = tuple(tuple(one) for one in chunks)

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        channel, plan = self.channel, self.plan
        stepped = 0
        while stepped >= 0:
            if channel.finished.value <= self.steps:
                yield self.wait(channel.finished, self.steps + 1, self.RESULT, self.feeder)
            if not plan.stays[self.cursor.record]:
                self.arrived = self.cursor.record
            stepped = self.cursor.step()
            if stepped >= 0 and plan.stays[self.cursor.record]:
                self._post(0, None, self.env._now, 0)
                self.steps += 1
                continue
            self.tally[self.arrived] += 1
            for number, demand in enumerate(self.chunks[self.arrived]):
                done = self.env._now
                if demand.total:
                    yield self.submit(demand)
                    done = self.ended(demand)
                delay = plan.first_delay if stepped < 0 else 0
                self._post(number, demand, done, plan.latency + delay)
            self.steps += 1
        self.stop()

    def _post(self, number: int, demand: Demand | None, done: int, latency: int) -> None:
        """A chunk is on its way to the lane; without a demand there are no words in it."""
        plan = self.plan
        due = self.in_order(done + latency)
        arrived = ((self.handed, 1),)
        cause = demand.cause if demand is not None else plan.latency_cause
        self.handed.send(cause, done, plan.latency_cause)
        if self.recorder is not None:
            kind = plan.kinds[-1] if demand is None else plan.kinds[self.arrived] + number
            self.report(kind, demand, due, outcome_of(self, done, (), arrived))
        self.later(due, arrived)

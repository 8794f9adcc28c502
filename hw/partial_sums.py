"""Movers of the output: refills bring partial sums down, drains carry them up."""

from __future__ import annotations

from collections.abc import Generator, Hashable

from stallscope.hw.cursor import Cursor
from stallscope.hw.mover import Carrier, MoverPlan
from stallscope.hw.transferring import Wiring
from stallscope.simcore.counter import Counter
from stallscope.simcore.environment import Event
from stallscope.simcore.servers import Demand
from stallscope.simcore.slices import outcome_of

__all__ = ["Drain", "Refill"]


class Refill(Carrier):
    """Brings partial sums down, or starts a tile at zero where it has none.

    Attributes:
        firsts: Per record, transfers of words that nobody had touched (elision off).
    """

    def __init__(
        self, wiring: Wiring, name: str, order: int, cursor: Cursor, plan: MoverPlan
    ) -> None:
        super().__init__(wiring, name, order, cursor, plan)
        self.firsts = [0] * len(plan.demands)

    def _tallies(self) -> list[int]:
        """With the first touches."""
        return [*self.firsts, *super()._tallies()]

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of `_tallies`."""
        count = len(self.firsts)
        for index in range(count):
            self.firsts[index] += times * growth[index]
        super()._grow(times, growth[count:])

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        channel, plan, env = self.channel, self.plan, self.env
        stepped = 0
        delay = plan.first_delay
        while stepped >= 0:
            record = self.cursor.record
            yield from self._prepare(record)
            version = self.cursor.version(plan.reductions, self.steps)
            if channel.drained.value < version:
                yield self.wait(channel.drained, version, self.VERSION, self.drainer)
            demand = plan.demands[record]
            done = env._now
            latency = 0
            # With remainders a tile may stay where it is: nothing to bring.
            is_moved = plan.moves(record, version)
            if is_moved:
                self.tally[record] += 1
                if not version:
                    self.firsts[record] += 1
                latency = plan.latency + delay
                if demand.total:
                    yield self.submit(demand)
                    done = self.ended(demand)
            delay = 0
            due = self.in_order(done + latency)
            kind = record if version else record + len(self.firsts)
            self._arrive(kind, demand, done, due, is_moved=is_moved)
            stepped = self.cursor.step()
            if stepped < plan.parent_depth:
                self.parent_tiles += 1
        self.stop()

    def _arrive(self, kind: int, demand: Demand, done: int, due: int, *, is_moved: bool) -> None:
        """A step is done: its tile is there when it is due."""
        delivered = self.channel.delivered
        arrived = ((delivered, 1),)
        if self.recorder is not None:
            outcome = outcome_of(self, done, (), arrived)
            self.report(kind, demand if is_moved else None, due, outcome)
        self.steps += 1
        delivered.send(demand.cause, done, self.plan.latency_cause)
        self.later(due, arrived)


class Drain(Carrier):
    """Carries complete visits of output tiles up to the parent.

    With remainders a tile may stay where it is for some steps: its words leave, and its room is
    free, when the last of them is done.

    Attributes:
        arrived: Record of the step that brought the tile in use.
    """

    arrived = 0

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        channel, plan, moving = self.channel, self.plan, self.moving
        stepped = 0
        while stepped >= 0:
            for gate in self.cursor.gates:
                yield from self._pass(gate)
            if channel.finished.value <= self.steps:
                yield self.wait(channel.finished, self.steps + 1, self.RESULT, self.feeder)
            record = self.cursor.record
            if not plan.stays[record]:
                self.arrived = record
                if moving is not None:
                    self._look_up(moving, record)
            stepped = self.cursor.step()
            if stepped >= 0 and plan.stays[self.cursor.record]:
                self._end(stepped, None, self.env._now, self.env._now)
                continue
            demand = plan.demands[self.arrived] if moving is None else self.moved.demand
            done = self.env._now
            if demand.total:
                yield self.submit(demand)
                done = self.ended(demand)
            # `stepped` may live across the wait: a skip leaves a unit at the same loop's step.
            self.tally[self.arrived] += 1
            if moving is not None:
                moving.book(self.moved)
            due = done + plan.latency + (plan.first_delay if stepped < 0 else 0)
            if plan.skew:
                rows = plan.rows[self.arrived]
                due = self.in_order(max(due + plan.skew[self.arrived], self.horizon + rows))
            self._end(stepped, demand, done, due)
        self.stop()

    def _end(self, stepped: int, demand: Demand | None, done: int, due: int) -> None:
        """A step is done, visible at ``due``; without a demand its tile stays."""
        channel, source, plan = self.channel, self.source, self.plan
        cause = (demand or plan.demands[self.arrived]).cause
        channel.drained.send(cause, done, plan.latency_cause)
        room = plan.room[self.arrived] if demand is not None else 0
        freed: tuple[tuple[Counter, int], ...] = ((channel.released, room),)
        effects: list[tuple[Counter, int]] = [(channel.drained, 1)]
        if not plan.skew:
            effects += freed
            freed = ()
        if source is not None and stepped < self.plan.parent_depth:
            source.finished.send(cause, done, plan.latency_cause)
            effects.append((source.finished, 1))
        for counter in self.cursor.finished:
            counter.send(cause, done, plan.latency_cause)
            effects.append((counter, 1))
        if self.recorder is not None:
            kind = self._kind(self.arrived if demand is not None else len(plan.demands))
            self.report(kind, demand, due, outcome_of(self, done, freed, tuple(effects)))
        self.steps += 1
        if freed:
            # A register of the array is free when its word has moved on; it is written later.
            self.later(done, freed)
        self.later(due, tuple(effects))

    def progress(self) -> Hashable:
        """A drain follows the tiles finished; it does not look at the parent's tiles."""
        ahead = self.steps - self.channel.finished.value
        if self.moving is None or not self.steps:
            return (ahead, self.arrived)
        return (ahead, self.arrived, self.moved.demand, self.moved.words.tobytes())

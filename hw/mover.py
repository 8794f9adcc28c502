"""Movers: the units that carry tiles between two storage levels.

A **fill** brings operand tiles down, a **refill** brings partial sums down, a **drain** carries
output tiles up. Each executes its stream in order: it waits for its source tile, for room in words
for the new words only, for the write-back of the version it would read; then it holds the servers
of its path, and delivers a latency after the last word left.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass

from stallscope.hw.cursor import Cursor, Gate
from stallscope.simcore.arbiter import Arbiter
from stallscope.simcore.counter import Channel, Counter
from stallscope.simcore.environment import Environment, Event
from stallscope.simcore.recorder import NOTHING
from stallscope.simcore.servers import Demand
from stallscope.simcore.transfer import Transfer
from stallscope.simcore.unit import Unit

__all__ = ["Carrier", "Drain", "Fill", "MoverPlan", "Refill", "Wiring"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MoverPlan:
    """A mover's stream bound to hardware.

    Attributes:
        demands: Per record, what the transfer asks of its servers.
        room: Per record, words the child makes room for.
        stays: Per record, whether the tile stays where it is: no words, no room.
        released: Per record, words of the tile before that the child need not keep.
        tile_words: Per record, words of the tile.
        latency: Cycles from the end of a transfer to delivery.
        latency_cause: Number of the cause that latency is.
        first_delay: Extra cycles of the first delivery (fill) or last arrival (drain).
        parent_depth: See `MoverStream`.
        elide_first: See `MoverStream`.
        reductions: Loops that do not touch the tensor, outermost first.
    """

    demands: tuple[Demand, ...]
    room: tuple[int, ...]
    stays: tuple[bool, ...]
    released: tuple[int, ...]
    tile_words: tuple[int, ...]
    latency: int
    latency_cause: int
    first_delay: int
    parent_depth: int
    elide_first: bool
    reductions: tuple[int, ...]


class Carrier(Unit):
    """What all movers share: one transfer slot and the end of a transfer.

    Attributes:
        tally: Per record, transfers executed.
        channel: Progress of the tensor at the child.
        source: Progress of the tensor at the parent, None if the parent holds everything.
        begun: Cycle in which the transfer under way was submitted.
        horizon: Cycle of the latest delivery so far: deliveries keep their order.
        parent_tiles: Tiles of the parent used so far, the present one included.
    """

    def __init__(
        self, wiring: Wiring, name: str, order: int, cursor: Cursor, plan: MoverPlan
    ) -> None:
        super().__init__(wiring.env, name, order, cursor.position, len(wiring.causes))
        self.wiring = wiring
        self.cursor = cursor
        self.plan = plan
        self.ticks = wiring.arbiter.cycle_ticks
        self.transfer: Transfer = wiring.arbiter.slot(self)
        self.tally = [0] * len(plan.demands)
        self.channel: Channel
        self.source: Channel | None = None
        self.feeder: Unit | None = None
        self.drainer: Unit | None = None
        self.begun = 0
        self.horizon = 0
        self.parent_tiles = 1

    def cause_of(self, state: int) -> int:
        """No room, or else latency."""
        return self.wiring.capacity if state == self.ROOM else self.plan.latency_cause

    def _pass(self, gate: Gate) -> Generator[Event, None, None]:
        """Wait for a counter that the program names."""
        if gate.counter.value < gate.tiles:
            yield self.wait(gate.counter, gate.tiles, gate.state, gate.feeder)

    def submit(self, demand: Demand) -> Event:
        """Begin a transfer."""
        now = self.env._now
        self.enter(self.BUSY, demand.cause)
        self.begun = now
        tick = now * self.ticks
        return self.transfer.submit(demand, tick if tick > self.tick else self.tick)

    def ended(self, demand: Demand) -> int:
        """Book the end of a transfer; returns the cycle by which its last word has moved."""
        self.tick = tick = self.transfer.complete()
        waited = self.env._now - self.begun - -(-demand.total // self.ticks)
        self.enter(self.IDLE, self.plan.latency_cause)
        if waited > 0:
            self.states[self.BUSY] -= waited
            self.states[self.CONTENTION] += waited
        return -(-tick // self.ticks)

    def in_order(self, due: int) -> int:
        """Cycle of a delivery that is due then: deliveries keep their order."""
        if due < self.horizon:
            return self.horizon
        self.horizon = due
        return due

    def report(self, kind: int, demand: Demand | None, due: int, outcome: int) -> None:
        """Report the step that is done to who records the run; no demand: it moved nothing."""
        assert self.recorder is not None
        now = self.env._now
        self.end_wait()
        moves = demand is not None and demand.total > 0
        start = self.begun if moves else now
        waited = now - start - -(-demand.total // self.ticks) if demand and moves else 0
        lost, cause = (waited, demand.cause) if demand and waited > 0 else (0, NOTHING)
        row = (start, now, self.order, NOTHING, self.steps, kind, due, lost, cause, outcome)
        self.recorder.slice(row)

    def _more(self, now: int) -> Hashable:
        """What a later step depends on besides the position."""
        return (
            self.begun - now if self.state == self.BUSY else 0,
            max(0, self.tick - now * self.ticks),
            max(0, self.horizon - now),
            self.steps == 0,
            self.cursor.record,
            self.cursor.memory,
            self.progress(),
        )

    def progress(self) -> Hashable:
        """The stream's own counts relative to the counters it is compared with."""
        ahead = self.parent_tiles - self.source.delivered.value if self.source else 0
        return (ahead, self.steps - self.channel.delivered.value)

    def _tallies(self) -> list[int]:
        """Transfers per record, parent tiles."""
        return [*self.tally, self.parent_tiles]

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of `_tallies`."""
        for index in range(len(self.tally)):
            self.tally[index] += times * growth[index]
        self.parent_tiles += times * growth[-1]

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods."""
        super().shift(level, iterations, cycles, times, growth)
        self.cursor.jump(level, 0)
        self.begun += times * cycles
        self.horizon += times * cycles
        self.tick += times * cycles * self.ticks

    def stop(self) -> None:
        """The stream is at its end."""
        self.enter(self.IDLE, self.plan.latency_cause)
        self.is_finished = True


class Fill(Carrier):
    """Brings the tiles of an operand from the parent to the child."""

    shadow: Cursor | None = None
    shadow_plan: MoverPlan

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        channel, plan, env, source = self.channel, self.plan, self.env, self.source
        cursor, stepped = self.cursor, 0
        while stepped >= 0:
            record = cursor.record
            for gate in cursor.gates:
                yield from self._pass(gate)
            if source is not None and source.delivered.value < self.parent_tiles:
                yield self.wait(source.delivered, self.parent_tiles, self.SOURCE, self.feeder)
            room = plan.room[record]
            free = channel.reserved + room - channel.capacity
            if channel.released.value < free:
                yield self.wait(channel.released, free, self.ROOM, None)
            channel.reserve(room)
            demand = plan.demands[record]
            if demand.total:
                yield self.submit(demand)
                done = self.ended(demand)
            else:
                done = env._now
            self.tally[record] += 1
            delay = plan.latency if self.steps else plan.latency + plan.first_delay
            due = self.in_order(done + delay)
            stepped = cursor.step()
            is_left = source is not None and stepped < plan.parent_depth
            left = (*cursor.freed, *(self._leave(stepped) if is_left else ()))
            arrived = ((channel.delivered, 1),)
            if self.recorder is not None:
                self.report(record, demand, due, self._outcome(done, left, arrived))
            self.steps += 1
            if left:
                self.later(done, left)
            channel.delivered.send(demand.cause, done, plan.latency_cause)
            self.later(due, arrived)
        self.stop()

    def _leave(self, stepped: int) -> tuple[tuple[Counter, int], ...]:
        """The parent's tile is used up: its words that the next one does not have are free."""
        assert self.source is not None
        assert self.shadow is not None
        self.parent_tiles += 1
        before = self.shadow.record
        words = self.shadow_plan.tile_words[before]
        if stepped >= 0:
            self.shadow.step()
            words = self.shadow_plan.released[self.shadow.record]
        return ((self.source.released, words),)

    def relative(self, level: int, base: int) -> Hashable:
        """With the parent's tile."""
        shadow = self.shadow.relative(level, base) if self.shadow else None
        return (super().relative(level, base), shadow)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods, to the parent's tile as well."""
        super().shift(level, iterations, cycles, times, growth)
        if self.shadow is not None:
            self.shadow.jump(level, times * iterations)


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
        channel, plan, env, source = self.channel, self.plan, self.env, self.source
        stepped = 0
        delay = plan.first_delay
        while stepped >= 0:
            record = self.cursor.record
            for gate in self.cursor.gates:
                yield from self._pass(gate)
            if source is not None and source.delivered.value < self.parent_tiles:
                yield self.wait(source.delivered, self.parent_tiles, self.SOURCE, self.feeder)
            room = plan.room[record]
            free = channel.reserved + room - channel.capacity
            if channel.released.value < free:
                yield self.wait(channel.released, free, self.ROOM, None)
            channel.reserve(room)
            version = self.cursor.version(plan.reductions, self.steps)
            if channel.drained.value < version:
                yield self.wait(channel.drained, version, self.VERSION, self.drainer)
            demand = plan.demands[record]
            done = env._now
            latency = 0
            # With remainders a tile may stay where it is: nothing to bring.
            is_moved = not plan.stays[record] and (version != 0 or not plan.elide_first)
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
            outcome = self._outcome(done, (), arrived)
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
        channel, plan = self.channel, self.plan
        stepped = 0
        while stepped >= 0:
            for gate in self.cursor.gates:
                yield from self._pass(gate)
            if channel.finished.value <= self.steps:
                yield self.wait(channel.finished, self.steps + 1, self.RESULT, self.feeder)
            record = self.cursor.record
            if not plan.stays[record]:
                self.arrived = record
            stepped = self.cursor.step()
            if stepped >= 0 and plan.stays[self.cursor.record]:
                self._end(stepped, None, self.env._now, self.env._now)
                continue
            demand = plan.demands[self.arrived]
            done = self.env._now
            if demand.total:
                yield self.submit(demand)
                done = self.ended(demand)
            # `stepped` may live across the wait: a skip leaves a unit at the same loop's step.
            self.tally[self.arrived] += 1
            due = done + plan.latency + (plan.first_delay if stepped < 0 else 0)
            self._end(stepped, demand, done, due)
        self.stop()

    def _end(self, stepped: int, demand: Demand | None, done: int, due: int) -> None:
        """A step is done, visible at ``due``; without a demand its tile stays."""
        channel, source, plan = self.channel, self.source, self.plan
        cause = (demand or plan.demands[self.arrived]).cause
        channel.drained.send(cause, done, plan.latency_cause)
        room = plan.room[self.arrived] if demand is not None else 0
        effects: list[tuple[Counter, int]] = [(channel.drained, 1), (channel.released, room)]
        if source is not None and stepped < self.plan.parent_depth:
            source.finished.send(cause, done, plan.latency_cause)
            effects.append((source.finished, 1))
        for counter in self.cursor.finished:
            counter.send(cause, done, plan.latency_cause)
            effects.append((counter, 1))
        if self.recorder is not None:
            kind = len(plan.demands) if demand is None else self.arrived
            self.report(kind, demand, due, self._outcome(done, (), tuple(effects)))
        self.steps += 1
        self.later(due, tuple(effects))

    def progress(self) -> Hashable:
        """A drain follows the tiles finished; it does not look at the parent's tiles."""
        return (self.steps - self.channel.finished.value, self.arrived)

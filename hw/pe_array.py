"""The PE array: executes bursts of multiply-accumulates and keeps the cycle stack.

A burst starts when the tiles of all operands are there, holds the operands' ports like any mover,
and takes one cycle per multiply-accumulate of the busiest PE, or longer where a port is narrower.
PEs with less work in a burst (remainders) wait for the busiest one: that is `imbalance`.

Not modelled: PEs that run ahead of each other from burst to burst (docs/model_limits.md).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass, field

from stallscope.hw.cursor import Cursor
from stallscope.hw.mover import MoverPlan
from stallscope.hw.transferring import Wiring
from stallscope.simcore.charge import Charge
from stallscope.simcore.counter import Channel, Counter, Effects
from stallscope.simcore.environment import Event
from stallscope.simcore.errors import SimulationBug
from stallscope.simcore.recorder import DELAY
from stallscope.simcore.servers import Demand
from stallscope.simcore.slices import outcome_of, report_wait, report_work
from stallscope.simcore.transfer import Transfer
from stallscope.simcore.unit import Unit

__all__ = ["ArrayPlan", "OperandPort", "PeArray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayPlan:
    """The compute stream bound to hardware.

    Attributes:
        demands: Per record, what a burst asks of the servers; the second where it is the first
            to touch its output words.
        cycles: Per record, multiply-accumulates of the busiest PE.
        computes: Per record, multiply-accumulates of all PEs.
        pipeline: Per record, cycles from the end of a burst to its results: reads, ways and MACs.
        waves: Per record, cycles after a burst's end in which some PE still multiplies.
        stalls: Per record, (cause, cycles) that a burst takes longer than its MACs by itself.
        first_delay: Cycles before the first burst (networks that fill).
        last_delay: Cycles after the last burst (networks that drain).
        latency_cause: Number of the cause that the pipeline is.
        work_cause: Number of the cause that the MACs at work are.
        first_cause: Number of the cause that the first delay is.
        reductions: Loops that the output does not depend on.
        pes: PEs the mapping uses.
    """

    demands: tuple[tuple[Demand, Demand], ...]
    cycles: tuple[int, ...]
    computes: tuple[int, ...]
    pipeline: tuple[int, ...]
    waves: tuple[int, ...]
    stalls: tuple[tuple[tuple[int, int], ...], ...]
    first_delay: int
    last_delay: int
    latency_cause: int
    work_cause: int
    first_cause: int
    reductions: tuple[int, ...]
    pes: int


@dataclass(slots=True, kw_only=True)
class OperandPort:
    """Where the array gets one tensor, and the tile it is using."""

    channel: Channel
    depth: int
    is_output: bool
    feeder: Unit
    shadow: Cursor
    shadow_plan: MoverPlan
    tiles: int = 1
    counter: Counter = field(init=False)

    def __post_init__(self) -> None:
        self.counter = self.channel.delivered

    def relative(self, level: int, base: int) -> Hashable:
        """Where the tile in use stands; an output's tile is that of the array's own position."""
        return None if self.is_output else self.shadow.relative(level, base)

    def leave(self, stepped: int) -> tuple[Counter, int] | None:
        """What the end of the present tile means, if loop ``stepped`` ends it."""
        if stepped >= self.depth:
            return None
        self.tiles += 1
        if self.is_output:
            return (self.channel.finished, 1)
        words = self.shadow_plan.tile_words[self.shadow.record]
        if stepped >= 0:
            self.shadow.step()
            words = self.shadow_plan.released[self.shadow.record]
        return (self.channel.released, words)


class PeArray(Unit):
    """The array's process.

    Attributes:
        tally: Per record: bursts, and bursts that were first to touch their output words.
        stack: Cycles lost per cause between the first and the last multiply-accumulate.
        fill: Cycles before the first multiply-accumulate, per cause.
        computing: Cycles in which some PE computes.
        lost: Cycles that the last burst took longer than its MACs, per cause.
        last: Cycle after the last multiply-accumulate.
        horizon: Cycle of the latest result so far: results keep their order.
        multiplied: Cycle after the last multiply-accumulate so far of any PE.
        drains: Units that write the output back.
        blame_at_end: What each of them had been held up by at that time.
        work: Cycles of the present burst in which a PE computes.
    """

    def __init__(
        self, wiring: Wiring, name: str, order: int, cursor: Cursor, plan: ArrayPlan
    ) -> None:
        super().__init__(wiring.env, name, order, cursor.position, len(wiring.causes))
        self.wiring = wiring
        self.cursor = cursor
        self.plan = plan
        self.ticks = wiring.arbiter.cycle_ticks
        self.transfer: Transfer = wiring.arbiter.slot(self)
        self.operands: list[OperandPort] = []
        self.drains: tuple[Unit, ...] = ()
        self.blame_at_end: dict[str, list[int]] = {}
        self.fresh = [0] * len(plan.demands)
        self.stale = [0] * len(plan.demands)
        self.stack = [0] * len(wiring.causes)
        self.fill: list[int] | None = None
        self.computing = 0
        self.last = 0
        self.begun = 0
        self.horizon = 0
        self.multiplied = 0
        self.lost: dict[int, int] = {}
        self.work = 0
        self._charges: list[Charge] = []
        self.boundary: Callable[[int], None] | None = None

    def cause_of(self, state: int) -> int:
        """Latency, where nobody else is to blame."""
        return self.plan.latency_cause

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        plan, env = self.plan, self.env
        stepped = 0
        while stepped >= 0:
            for port in self.operands or self.cursor.gates:
                if port.counter.value < port.tiles:
                    yield from self._await_operands()
                    break
            if self.fill is None:
                if plan.first_delay:
                    yield self._pause(plan.first_delay)
                    self._end_pause()
                self.fill, self.stack = self.stack, [0] * len(self.stack)
            record = self.cursor.record
            is_fresh = self._is_fresh()
            demand = self._demand(record, is_fresh)
            yield self._submit(demand)
            done = self._ended(demand, record, is_fresh)
            self.multiplied = max(self.multiplied, done + plan.waves[record])
            stepped = self.cursor.step()
            due = self._in_order(done + plan.pipeline[record])
            released, results = self._leave(stepped)
            shown = due + (plan.last_delay if stepped < 0 else 0)
            if self.recorder is not None:
                outcome = outcome_of(self, done, released, results)
                kind = self._kind(record, is_fresh, demand)
                report_work(self, self.begun, kind, shown, self.lost, outcome)
            self.steps += 1
            if due > done and released:
                self.later(done, released)
                released = ()
            for counter, _ in results:
                counter.send(self._cause_at_end(demand), done, plan.latency_cause)
            self.later(shown, released + results)
            if stepped >= 0 and self.boundary is not None:
                self.boundary(stepped)
        self.last = env._now
        self.blame_at_end = {drain.name: drain.blame() for drain in self.drains}
        self.enter(self.IDLE, plan.latency_cause)
        self.is_finished = True

    def _kind(self, record: int, is_fresh: bool, demand: Demand) -> int:
        """Number of the kind of the present burst, for who records the run."""
        return 2 * record + is_fresh

    def _leave(self, stepped: int) -> tuple[Effects, Effects]:
        """What the end of a burst means: room that is free, and results (visible later)."""
        released: list[tuple[Counter, int]] = []
        results: list[tuple[Counter, int]] = []
        for port in self.operands:
            effect = port.leave(stepped)
            if effect is not None:
                (results if port.is_output else released).append(effect)
        cursor = self.cursor
        results += [(counter, 1) for counter in cursor.finished]
        return (*released, *cursor.freed), tuple(results)

    def _await_operands(self) -> Generator[Event, None, None]:
        """Wait for every missing operand; the last one to arrive is to blame for all of it."""
        # Nothing that a skip must move lives in a local variable across a yield.
        self.begun = self.env._now
        awaited = self.operands or self.cursor.gates
        missing = [port for port in awaited if port.counter.value < port.tiles]
        self._charges = [self.charge_of(port.counter, port.tiles, port.feeder) for port in missing]
        charge: Charge | None = self._charges[0]
        for number, port in enumerate(missing):
            if port.counter.value < port.tiles:
                last = number
                yield self.wait(port.counter, port.tiles, self.OPERAND, port.feeder, charge)
            charge = None
        blamed = self._charges[last]
        self._charges = []
        blamed.add_to(self.stack, self.env._now)
        if self.recorder is not None:
            split = [0] * len(self.stack)
            blamed.add_to(split, self.env._now)
            report_wait(self, self.begun, missing[last].counter.number, split)

    def _pause(self, cycles: int) -> Event:
        self.enter(self.OPERAND, self.plan.first_cause)
        event = self._event()
        self.env.at(self.env._now + cycles, self.order, event)
        return event

    def _end_pause(self) -> None:
        """Account for the delay before the first burst."""
        plan = self.plan
        split = [0] * len(self.stack)
        split[plan.first_cause] = plan.first_delay
        self.stack[plan.first_cause] += plan.first_delay
        if self.recorder is not None:
            report_wait(self, self.env._now - plan.first_delay, DELAY, split)

    def _report(self) -> None:
        """A wait is reported as one, however many operands were missing."""

    def break_off(self) -> None:
        """Report the wait that a run which goes no further leaves open."""
        if self.recorder is None or self.awaited is None or not self._charges:
            return
        split = [0] * len(self.stack)
        self._charges[0].add_to(split, self.env._now)
        if sum(split):
            report_wait(self, self.begun, self.awaited.number, split)

    def _cause_at_end(self, demand: Demand) -> int:
        """Cause of the broken last cycle of a burst: that of a port, if one set the pace."""
        is_port = demand.cause != self.plan.work_cause
        return demand.cause if is_port else self.plan.latency_cause

    def charged(self) -> list[int]:
        """Cycles per cause until the last burst ended, those of computing under its own cause."""
        fill = self.fill or [0] * len(self.stack)
        found = [lost + filled for lost, filled in zip(self.stack, fill, strict=True)]
        found[self.plan.work_cause] += self.computing
        return found

    def _is_fresh(self) -> bool:
        index = self.position.index
        return not any(index[loop] for loop in self.plan.reductions)

    def _in_order(self, due: int) -> int:
        """Cycle of the last result of a burst: after all earlier ones, one step's per cycle."""
        self.horizon = max(due, self.horizon + self.work)
        return self.horizon

    def _demand(self, record: int, is_fresh: bool) -> Demand:
        """What the present burst asks of the servers."""
        self.work = self.plan.cycles[record]
        return self.plan.demands[record][is_fresh]

    def _measure(self, tick: int, elapsed: int) -> None:
        """A burst ended at a tick and took so many cycles: what of them a PE computed is known."""

    def _submit(self, demand: Demand) -> Event:
        self.enter(self.BUSY, demand.cause)
        tick = self.env._now * self.ticks
        return self.transfer.submit(demand, tick if tick > self.tick else self.tick)

    def _ended(self, demand: Demand, record: int, is_fresh: bool) -> int:
        """Book a burst; returns the cycle by which its last word has moved."""
        self.tick = tick = self.transfer.complete()
        self.begun = self.account.entered
        elapsed = self.env._now - self.begun
        self._measure(tick, elapsed)
        self.computing += self.work
        late = elapsed - self.work - sum(lost for _, lost in self.plan.stalls[record])
        self.lost = self.account.lost_to(demand.port_cause, demand.cause, max(0, late))
        for cause, lost in self.plan.stalls[record]:
            self.lost[cause] = self.lost.get(cause, 0) + lost
        for cause, lost in self.lost.items():
            self.stack[cause] += lost
        if is_fresh:
            self.fresh[record] += 1
        else:
            self.stale[record] += 1
        return -(-tick // self.ticks)

    # ------------------------------------------------------------------ fast-forward

    def _more(self, now: int) -> Hashable:
        """What a later burst depends on besides the position."""
        return (
            self.begun - now if self.account.state == self.OPERAND else 0,
            max(0, self.tick - now * self.ticks),
            max(0, self.horizon - now),
            max(0, self.multiplied - now),
            self.cursor.record,
            self.cursor.memory,
            tuple(port.tiles - port.channel.delivered.value for port in self.operands),
            tuple(charge.relative(now) for charge in self._charges),
        )

    def relative(self, level: int, base: int) -> Hashable:
        """With the operands' tiles."""
        shadows = tuple(port.relative(level, base) for port in self.operands)
        return (super().relative(level, base), shadows)

    def _tallies(self) -> list[int]:
        """Bursts per record, the stack, tiles used."""
        return [
            *self.fresh,
            *self.stale,
            *self.stack,
            self.computing,
            *(port.tiles for port in self.operands),
        ]

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of `_tallies`."""
        grown = iter([times * amount for amount in growth])
        self.fresh = [value + next(grown) for value in self.fresh]
        self.stale = [value + next(grown) for value in self.stale]
        self.stack = [value + next(grown) for value in self.stack]
        self.computing += next(grown)
        for port in self.operands:
            port.tiles += next(grown)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods, to the operands' tiles as well."""
        super().shift(level, iterations, cycles, times, growth)
        self.cursor.jump(level, 0)
        self.begun += times * cycles
        self.horizon += times * cycles
        self.multiplied += times * cycles
        self.tick += times * cycles * self.ticks
        for port in self.operands:
            port.shadow.jump(level, times * iterations)
        for charge in self._charges:
            if charge is not self.account.charge:
                charge.shift(times * cycles)

    def resume(self) -> None:
        """A wait goes on from the present: what came before is in the growth already."""
        super().resume()
        if self.begun != self.env._now and self._charges:
            raise SimulationBug(f"a wait of {self.name} began before the snapshot")
        for charge in self._charges:
            charge.restart(self.env._now)

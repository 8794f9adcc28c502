"""A unit: one SimPy process that executes a stream and accounts for every cycle of its own.

Two accounts are kept. The **states** say what the unit did (transferring, waiting for what, idle)
and sum to the run. The **causes** say what held it up: while it transfers, its slowest server;
while it waits for another unit, whatever that unit was held up by meanwhile, and so on down the
chain (see `Charge`). Both are lists by number. If the run is recorded, every state that took time
is reported as a slice when it ends.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from typing import ClassVar

from stallscope.simcore.charge import Charge
from stallscope.simcore.counter import Counter
from stallscope.simcore.environment import FOREVER, Environment, Event
from stallscope.simcore.position import Position
from stallscope.simcore.recorder import AT_DUE, NOTHING, Recorder

__all__ = ["Effects", "Unit"]

Effects = tuple[tuple[Counter, int], ...]
"""Counters and how much they grow."""


class _Timer:
    """A pending action of a unit: effects on counters at a cycle."""

    __slots__ = ("cycle", "effects", "event")

    def __init__(self, cycle: int, effects: Effects, event: Event) -> None:
        self.cycle = cycle
        self.effects = effects
        self.event = event


class Unit:
    """A process over a stream.

    Args:
        env: The environment.
        name: Unique name.
        order: Place in the fixed order of units (a phase of the cycle).
        position: Where its stream stands.
        causes: Number of causes, shared by all units; the last one is latency.

    Attributes:
        states: Cycles per state of `STATES`.
        state: Present state.
        entered: Cycle in which it was entered.
        steps: Steps of the stream done.
        end: Cycle of the last effect.
        tick: Exact time, in ticks, when the unit's last transfer ended.
        recorder: Who records the run, if anybody.
    """

    STATES: ClassVar[tuple[str, ...]] = (
        "busy", "contention", "source", "room", "version", "result", "operand", "idle",
    )  # fmt: skip
    BUSY, CONTENTION, SOURCE, ROOM, VERSION, RESULT, OPERAND, IDLE = range(8)

    def __init__(
        self, env: Environment, name: str, order: int, position: Position, causes: int
    ) -> None:
        self.env = env
        self.name = name
        self.order = order
        self.position = position
        self.stamp = 0
        self.states = [0] * len(self.STATES)
        self.causes = [0] * causes
        self.state = self.IDLE
        self.entered = 0
        self.since = 0
        self.cause = causes - 1
        self.charge: Charge | None = None
        self.timers: list[_Timer] = []
        self.steps = 0
        self.end = 0
        self.tick = 0
        self.is_finished = False
        self.awaited: Counter | None = None
        self.recorder: Recorder | None = None
        self._before: list[int] | None = None

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream; a subclass's process."""
        raise NotImplementedError

    def start(self) -> None:
        """Put the process on the calendar."""
        self.env.process(self.run())

    # ------------------------------------------------------------------ accounts

    def enter(self, state: int, cause: int, charge: Charge | None = None) -> None:
        """Change state: what the unit does from now on, and what is to blame meanwhile."""
        self.stamp += 1
        self._settle()
        if self.recorder is not None:
            self._report()
        self._before = None
        if self.recorder is not None and self.BUSY != state != self.IDLE:
            self._before = self.causes.copy()
        self.entered = self.env._now
        self.state = state
        self.cause = cause
        self.charge = charge

    def press(self, cause: int) -> None:
        """Other transfers set the pace of the one under way from now on, at a server of ``cause``.

        With the cause of its own slowest server: they do so no more.
        """
        if cause == self.cause:
            return
        self.stamp += 1
        self._settle()
        if self._before is None:
            self._before = self.causes.copy()
        self.cause = cause

    def lost_to(self, own: int, alone: int, lost: int) -> dict[int, int]:
        """Split cycles that a transfer which ends now lost, by cause.

        Args:
            own: Cause of its own slowest server: of what nobody else is to blame for.
            alone: Cause that the unit is charged to while nobody else sets the pace.
            lost: Cycles it took longer than alone.
        """
        if self._before is None:
            return {own: lost}
        self._settle()
        found = {
            cause: cycles
            for cause, cycles in enumerate(self._spent())
            if cycles and cause not in (own, alone)
        }
        total = sum(found.values())
        if total <= lost:
            return found | {own: lost - total}
        # Others were there for longer than they delayed it: shares that sum to what was lost.
        split, done, given = {}, 0, 0
        for cause, cycles in found.items():
            done += cycles
            split[cause] = done * lost // total - given
            given += split[cause]
        return split

    def _spent(self) -> list[int]:
        """Cycles per cause since the present state (if busy: its first pressure) began."""
        if self._before is None:
            return []
        return [b - a for a, b in zip(self._before, self.causes, strict=True)]

    def blame(self) -> list[int]:
        """Cycles per cause up to now."""
        causes = self.causes.copy()
        now = self.env._now
        if now != self.since:
            if self.charge is None:
                causes[self.cause] += now - self.since
            else:
                self.charge.add_to(causes, now)
        return causes

    def _settle(self) -> None:
        """Bring both accounts up to the present, where a state ends."""
        now = self.env._now
        elapsed = now - self.since
        if elapsed:
            self.states[self.state] += elapsed
            if self.charge is None:
                self.causes[self.cause] += elapsed
            else:
                self.charge.add_to(self.causes, now)
            self.since = now

    def flush(self) -> None:
        """Bring both accounts up to the present, in the middle of a state."""
        if self.env._now != self.since:
            self._settle()
            if self.charge is not None:
                self.charge.restart(self.since)

    def _report(self) -> None:
        """Report a wait that is over."""
        if self.BUSY != self.state != self.IDLE and self.env._now > self.entered:
            assert self.awaited is not None
            self._report_wait(self.entered, self.awaited.number, self._spent())

    def break_off(self) -> None:
        """Report the wait that a run which goes no further leaves open."""
        self.flush()
        self._report()

    def end_wait(self) -> None:
        """Report a wait that is over now, where no other state follows at once."""
        self.flush()
        self._report()
        self.entered = self.env._now

    def _report_wait(self, start: int, awaited: int, split: list[int]) -> None:
        """Report a wait that ends now; ``split`` is its charge per cause."""
        assert self.recorder is not None
        now = self.env._now
        cause = max(range(len(split)), key=split.__getitem__)
        lost, unit, step = now - start, self.order, self.steps
        row = (start, now, unit, awaited, step, NOTHING, NOTHING, lost, cause, NOTHING)
        self.recorder.slice(row, split if split[cause] < lost else None)

    def _report_work(
        self, start: int, kind: int, due: int, lost: dict[int, int], outcome: int
    ) -> None:
        """Report a step that ends now; ``lost`` are the cycles it took longer, per cause."""
        assert self.recorder is not None
        total = sum(lost.values())
        cause = min(lost, key=lambda one: (-lost[one], one)) if total else NOTHING
        split = None
        if total and lost[cause] < total:
            split = [lost.get(one, 0) for one in range(len(self.causes))]
        now, unit, step = self.env._now, self.order, self.steps
        row = (start, now, unit, NOTHING, step, kind, due, total, cause, outcome)
        self.recorder.slice(row, split)

    def _outcome(self, done: int, at_end: Effects, at_due: Effects) -> int:
        """Number of what a step that ends now changes, once its words have moved and when due."""
        assert self.recorder is not None
        wait = done - self.env._now
        changes = [(counter.number, amount, wait) for counter, amount in at_end]
        changes += [(counter.number, amount, AT_DUE - wait) for counter, amount in at_due]
        return self.recorder.outcome(tuple(changes))

    # ------------------------------------------------------------------ waiting and acting

    def _event(self) -> Event:
        """Return an event for this unit's process to wait on."""
        return self.env.make(self)

    def charge_of(self, counter: Counter, need: int, maker: Unit) -> Charge:
        """Return the charge of a wait of this unit until ``need``, which ``maker`` will bring."""
        if not self._is_behind(maker):
            return counter.charge(need, maker, self)
        now, cause = self.env._now, self.cause_of(self.IDLE)
        charge = Charge(now)
        charge.is_under_way(now, cause, now, cause)
        return charge

    def wait(
        self,
        counter: Counter,
        need: int,
        state: int,
        maker: Unit | None,
        charge: Charge | None = None,
    ) -> Event:
        """Wait until a counter reaches ``need``; ``maker`` is to blame until that is under way.

        A ``charge`` of this wait that begins now may be given; it is only read.
        """
        if charge is None and maker is not None:
            charge = self.charge_of(counter, need, maker)
        self.enter(state, self.cause_of(state), charge)
        self.awaited = counter
        return counter.until(need, self)

    def _is_behind(self, maker: Unit) -> bool:
        """Whether what holds ``maker`` up is this unit: a deadlock, which nobody can follow."""
        if maker is self:
            return True
        charge = maker.charge
        while charge is not None and charge.maker is not None:
            if charge.maker is self:
                return True
            charge = charge.maker.charge
        return False

    def cause_of(self, state: int) -> int:
        """Cause of a wait in which no other unit is to be followed."""
        raise NotImplementedError

    def later(self, cycle: int, effects: Effects) -> None:
        """Apply effects at a cycle: at once if that is now."""
        if cycle == self.env._now:
            self._apply(effects)
            return
        self.stamp += 1
        event = self.env.call(cycle, self.order, self, self._due)
        self.timers.append(_Timer(cycle, effects, event))

    def _due(self, event: Event) -> None:
        self.stamp += 1
        timer = next(timer for timer in self.timers if timer.event is event)
        self.timers.remove(timer)
        self._apply(timer.effects)

    def _apply(self, effects: Effects) -> None:
        self.end = self.env._now
        for counter, amount in effects:
            counter.add(amount)

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """State relative to the present; see `Component`."""
        self.flush()
        now = self.env._now
        timers: tuple[Hashable, ...] = ()
        if self.timers:
            timers = tuple(
                [(one.cycle - now, tuple([(c.name, n) for c, n in one.effects]))
                 for one in self.timers]
            )  # fmt: skip
        return (
            self.position.relative(level, base),
            self.state,
            self.cause,
            self.charge.relative(now) if self.charge is not None else None,
            timers,
            self._more(now),
        )

    def _more(self, now: int) -> Hashable:
        """What a subclass adds to the relative state."""
        return None

    def marks(self) -> list[int]:
        """Steps, states, causes and counts up to the present, and when the state began."""
        self.flush()
        began = self.entered if self._is_told() else 0
        return [self.steps, began, *self.states, *self.causes, *self._tallies()]

    def phase(self) -> list[int]:
        """Indices of the stream's loops; what will be told of the present state, see `limit`."""
        if not self._is_told():
            return self.position.index.copy()
        self.flush()
        age = self.env._now - self.entered
        return [*self.position.index, self.entered, age, *self._spent()]

    def _is_told(self) -> bool:
        """Whether the end of the present state tells of its past: what it lost, a slice."""
        if self.recorder is None:
            return self.state == self.BUSY
        return self.state != self.IDLE

    def _tallies(self) -> list[int]:
        """What a subclass adds to the marks."""
        return []

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of the subclass's tallies."""

    def deadline(self) -> int:
        """Cycle of the earliest pending action."""
        return min((timer.cycle for timer in self.timers), default=FOREVER)

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Periods until this stream's loop ends.

        A state that told of its past began anew in the period, as long ago as the one before and
        with the same charge; or it has gone on all the while: then what it will tell grows by
        what the period adds, and changes nothing until it ends.
        """
        depth = self.position.depth
        told, tells = before[depth:], now[depth:]
        if told != tells and told[0] != tells[0] and told[1:] != tells[1:]:
            return 0
        left = self.position.left(level, before[level] if level < depth else 0)
        return FOREVER if left == FOREVER else left // iterations

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods; see `Component`."""
        self.position.jump(level, times * iterations)
        grown = [times * amount for amount in growth]
        self.steps += grown[0]
        states, causes = 2 + len(self.states), 2 + len(self.states) + len(self.causes)
        self.states = [a + by for a, by in zip(self.states, grown[2:states], strict=True)]
        self.causes = [a + by for a, by in zip(self.causes, grown[states:causes], strict=True)]
        if self._before is not None and grown[1]:
            before = zip(self._before, grown[states:causes], strict=True)
            self._before = [a + by for a, by in before]
        self.entered += grown[1]
        self.since += times * cycles
        if self.charge is not None:
            self.charge.shift(times * cycles)
        for timer in self.timers:
            timer.cycle += times * cycles
        self._grow(times, growth[causes:])

    def resume(self) -> None:
        """After a skip: what the maker did meanwhile is in this unit's growth already."""
        if self.charge is not None:
            self.charge.restart(self.env._now)

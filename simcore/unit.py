"""A unit: one SimPy process that executes a stream and accounts for every cycle of its own.

Two accounts are kept. The **states** say what the unit did (transferring, waiting for what, idle)
and sum to the run. The **causes** say what held it up: while it transfers, its slowest server;
while it waits for another unit, whatever that unit was held up by meanwhile, and so on down the
chain.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from typing import ClassVar

from stallscope.simcore.counter import Counter
from stallscope.simcore.environment import FOREVER, Environment, Event
from stallscope.simcore.position import Position

__all__ = ["Arrival", "Effects", "Unit"]

Effects = tuple[tuple[Counter, int], ...]
"""Counters and how much they grow."""


class Arrival:
    """What was known of the last delivery: when its transfer ended, and the causes until then."""

    __slots__ = ("causes", "ended")

    def __init__(self, ended: int, causes: list[int]) -> None:
        self.ended = ended
        self.causes = causes


class _Timer:
    """A pending action of a unit: effects on counters at a cycle."""

    __slots__ = ("arrival", "cycle", "effects", "event")

    def __init__(self, cycle: int, effects: Effects, arrival: Arrival | None, event: Event) -> None:
        self.cycle = cycle
        self.effects = effects
        self.arrival = arrival
        self.event = event


class Unit:
    """A process over a stream.

    Args:
        env: The environment.
        name: Unique name.
        order: Place in the fixed order of units (a phase of the cycle).
        position: Where its stream stands.
        causes: Names of the causes, shared by all units; the last one is latency.

    Attributes:
        states: Cycles per state of `STATES`.
        state: Present state.
        end: Cycle of the last effect.
        tick: Exact time, in ticks, when the unit's last transfer ended.
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
        self.since = 0
        self.cause = causes - 1
        self.follow: Unit | None = None
        self._base: list[int] = []
        self.timers: list[_Timer] = []
        self.arrival: Arrival | None = None
        self.end = 0
        self.tick = 0
        self.is_finished = False
        self.awaited: Counter | None = None

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream; a subclass's process."""
        raise NotImplementedError

    def start(self) -> None:
        """Put the process on the calendar."""
        self.env.process(self.run())

    # ------------------------------------------------------------------ accounts

    def enter(self, state: int, cause: int, follow: Unit | None = None) -> None:
        """Change state: what the unit does from now on, and what is to blame meanwhile."""
        self.stamp += 1
        self.flush()
        self.state = state
        self.cause = cause
        self.follow = follow
        if follow is not None:
            self._base = follow.blame()

    def _settle(self) -> None:
        """Add what the followed unit was held up by since the wait began."""
        assert self.follow is not None
        present = self.follow.blame()
        causes, base = self.causes, self._base
        for index, value in enumerate(present):
            causes[index] += value - base[index]
        self._base = present

    def blame(self) -> list[int]:
        """Cycles per cause up to now."""
        causes = self.causes.copy()
        elapsed = self.env._now - self.since
        if not elapsed:
            return causes
        if self.follow is None:
            causes[self.cause] += elapsed
        else:
            for index, value in enumerate(self.follow.blame()):
                causes[index] += value - self._base[index]
        return causes

    def flush(self) -> None:
        """Bring both accounts up to the present."""
        now = self.env._now
        elapsed = now - self.since
        if elapsed:
            self.states[self.state] += elapsed
            if self.follow is None:
                self.causes[self.cause] += elapsed
            else:
                self._settle()
            self.since = now

    # ------------------------------------------------------------------ waiting and acting

    def _event(self) -> Event:
        """Return an event for this unit's process to wait on."""
        return self.env.make(self)

    def wait(self, counter: Counter, need: int, state: int, follow: Unit | None) -> Event:
        """Wait until a counter reaches ``need``, and account for it."""
        self.enter(state, self.cause_of(state), follow)
        self.awaited = counter
        return counter.until(need, self)

    def cause_of(self, state: int) -> int:
        """Cause of a wait in which no other unit is to be followed."""
        raise NotImplementedError

    def later(self, cycle: int, effects: Effects, arrival: Arrival | None = None) -> None:
        """Apply effects at a cycle: at once if that is now."""
        if cycle == self.env._now:
            self._apply(effects, arrival)
            return
        self.stamp += 1
        event = self.env.call(cycle, self.order, self, self._due)
        self.timers.append(_Timer(cycle, effects, arrival, event))

    def _due(self, event: Event) -> None:
        self.stamp += 1
        timer = next(timer for timer in self.timers if timer.event is event)
        self.timers.remove(timer)
        self._apply(timer.effects, timer.arrival)

    def _apply(self, effects: Effects, arrival: Arrival | None) -> None:
        if arrival is not None:
            self.arrival = arrival
        self.end = self.env._now
        for counter, amount in effects:
            counter.add(amount)

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """State relative to the present; see `Component`."""
        self.flush()
        now = self.env._now
        return (
            self.position.relative(level, base),
            self.state,
            self.cause,
            self.follow.name if self.follow is not None else None,
            tuple(
                (timer.cycle - now, tuple((c.name, n) for c, n in timer.effects),
                 self._arrival_state(timer.arrival))
                for timer in self.timers
            ),
            self._more(now),
        )  # fmt: skip

    def _arrival_state(self, arrival: Arrival | None) -> Hashable:
        """When the transfer ended, and the causes it had then, from the present."""
        if arrival is None:
            return None
        now = self.env._now
        return (
            arrival.ended - now,
            tuple(a - b for a, b in zip(arrival.causes, self.causes, strict=True)),
        )

    def _more(self, now: int) -> Hashable:
        """What a subclass adds to the relative state."""
        return None

    def marks(self) -> list[int]:
        """States, causes and counts, up to the present."""
        self.flush()
        return [*self.states, *self.causes, *self._tallies()]

    def phase(self) -> list[int]:
        """Indices of the stream's loops."""
        return self.position.index.copy()

    def _tallies(self) -> list[int]:
        """What a subclass adds to the marks."""
        return []

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of the subclass's tallies."""

    def deadline(self) -> int:
        """Cycle of the earliest pending action."""
        return min((timer.cycle for timer in self.timers), default=FOREVER)

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Periods until this stream's loop ends; ``before`` and ``now`` are its indices."""
        left = self.position.left(level, before[level] if level < len(before) else 0)
        return FOREVER if left == FOREVER else left // iterations

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods; see `Component`."""
        self.position.jump(level, times * iterations)
        states, causes = len(self.states), len(self.causes)
        for index in range(states):
            self.states[index] += times * growth[index]
        grown = [times * amount for amount in growth[states : states + causes]]
        self.causes = [value + by for value, by in zip(self.causes, grown, strict=True)]
        self.since += times * cycles
        for timer in self.timers:
            timer.cycle += times * cycles
            if timer.arrival is not None:
                timer.arrival = Arrival(
                    timer.arrival.ended + times * cycles,
                    [value + by for value, by in zip(timer.arrival.causes, grown, strict=True)],
                )
        self._grow(times, growth[states + causes :])

    def resume(self) -> None:
        """After a skip: what the followed unit did meanwhile is in this unit's growth already."""
        if self.follow is not None:
            self._base = self.follow.blame()

"""A unit: one SimPy process that executes a stream and accounts for every cycle of its own.

What it did and what held it up stands in its `Account`. If the run is recorded, every state that
took time is reported as a slice when it ends (see `slices`).
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from typing import ClassVar

from stallscope.simcore.account import STATES, Account
from stallscope.simcore.charge import Charge
from stallscope.simcore.counter import Counter, Effects
from stallscope.simcore.environment import FOREVER, Environment, Event
from stallscope.simcore.position import Position
from stallscope.simcore.recorder import Recorder
from stallscope.simcore.slices import report_wait

__all__ = ["Unit"]


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
        account: Its cycles per state and per cause, and the present state.
        steps: Steps of the stream done.
        end: Cycle of the last effect.
        tick: Exact time, in ticks, when the unit's last transfer ended.
        recorder: Who records the run, if anybody.
    """

    STATES: ClassVar[tuple[str, ...]] = STATES
    BUSY, CONTENTION, SOURCE, ROOM, VERSION, RESULT, OPERAND, IDLE = range(8)

    def __init__(
        self, env: Environment, name: str, order: int, position: Position, causes: int
    ) -> None:
        self.env = env
        self.name = name
        self.order = order
        self.position = position
        self.stamp = 0
        self.account = Account(env, name, causes)
        self.timers: list[_Timer] = []
        self.steps = 0
        self.end = 0
        self.tick = 0
        self.is_finished = False
        self.awaited: Counter | None = None
        self.recorder: Recorder | None = None

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream; a subclass's process."""
        raise NotImplementedError

    def start(self) -> None:
        """Put the process on the calendar."""
        self.env.process(self.run())

    # ------------------------------------------------------------------ accounts

    @property
    def since(self) -> int:
        """Cycle up to which its account stands: in a deadlock, since when it waits."""
        return self.account.since

    def enter(self, state: int, cause: int, charge: Charge | None = None) -> None:
        """Change state: what the unit does from now on, and what is to blame meanwhile."""
        self.stamp += 1
        if self.recorder is None:
            self.account.enter(state, cause, charge)
            return
        self.account.settle()
        self._report()
        self.account.enter(state, cause, charge)
        if self.BUSY != state != self.IDLE:
            self.account.remember()

    def press(self, cause: int) -> None:
        """Other transfers set the pace of the one under way from now on, at a server of ``cause``.

        With the cause of its own slowest server: they do so no more.
        """
        if cause != self.account.cause:
            self.stamp += 1
            self.account.press(cause)

    def blame(self) -> list[int]:
        """Cycles per cause up to now."""
        return self.account.blame()

    def flush(self) -> None:
        """Bring the account up to the present."""
        self.account.flush()

    def _report(self) -> None:
        """Report a wait that is over."""
        account = self.account
        if self.BUSY != account.state != self.IDLE and self.env._now > account.entered:
            assert self.awaited is not None
            report_wait(self, account.entered, self.awaited.number, account.spent())

    def break_off(self) -> None:
        """Report the wait that a run which goes no further leaves open."""
        self.account.flush()
        self._report()

    def end_wait(self) -> None:
        """Report a wait that is over now, where no other state follows at once."""
        self.account.flush()
        self._report()
        self.account.entered = self.env._now

    # ------------------------------------------------------------------ waiting and acting

    def _event(self) -> Event:
        """Return an event for this unit's process to wait on."""
        return self.env.make(self)

    def charge_of(self, counter: Counter, need: int, maker: Unit) -> Charge:
        """Return the charge of a wait of this unit until ``need``, which ``maker`` will bring."""
        if not self._is_behind(maker):
            return counter.charge(need, maker.account, self)
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
        own, charge = self.account, maker.account.charge
        while charge is not None and charge.maker is not None:
            if charge.maker is own:
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
        timers = self.timers
        at = 0  # the first one, as a rule: deliveries keep their order
        while timers[at].event is not event:
            at += 1
        self._apply(timers.pop(at).effects)

    def _apply(self, effects: Effects) -> None:
        self.end = self.env._now
        for counter, amount in effects:
            counter.add(amount)

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """State relative to the present; see `Component`."""
        account = self.account
        account.flush()
        now = self.env._now
        timers: tuple[Hashable, ...] = ()
        if self.timers:
            timers = tuple(
                [(one.cycle - now, tuple([(c.name, n) for c, n in one.effects]))
                 for one in self.timers]
            )  # fmt: skip
        return (
            self.position.relative(level, base),
            account.state,
            account.cause,
            account.charge.relative(now) if account.charge is not None else None,
            timers,
            self._more(now),
        )

    def _more(self, now: int) -> Hashable:
        """What a subclass adds to the relative state."""
        return None

    def marks(self) -> list[int]:
        """Steps, the account and counts, up to the present."""
        self.account.flush()
        return [self.steps, *self.account.marks(), *self._tallies()]

    def phase(self) -> list[int]:
        """Indices of the stream's loops, and what will be told of the present state."""
        self.account.flush()
        return [*self.position.index, *self.account.history()]

    def _tallies(self) -> list[int]:
        """What a subclass adds to the marks."""
        return []

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of the subclass's tallies."""

    def deadline(self) -> int:
        """Cycle of the earliest pending action."""
        return min((timer.cycle for timer in self.timers), default=FOREVER)

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Periods until this stream's loop ends; none if the account's history is another."""
        depth = self.position.depth
        if not self.account.repeats(before[depth:], now[depth:]):
            return 0
        left = self.position.left(level, before[level] if level < depth else 0)
        return FOREVER if left == FOREVER else left // iterations

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods; see `Component`."""
        self.position.jump(level, times * iterations)
        grown = [times * amount for amount in growth]
        own = 2 + len(STATES) + len(self.account.causes)
        self.steps += grown[0]
        self.account.shift(times * cycles, grown[1:own])
        for timer in self.timers:
            timer.cycle += times * cycles
        self._grow(times, growth[own:])

    def resume(self) -> None:
        """After a skip: what the maker did meanwhile is in this unit's growth already."""
        if self.account.charge is not None:
            self.account.charge.restart(self.env._now)

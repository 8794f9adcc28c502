"""Exact fast-forward: skip whole periods of a machine that repeats itself.

At a boundary of a loop the state of every component is compared with its state at earlier
boundaries of the same loop instance. If each component either **moved** (its relative state is
equal) or stayed **frozen** (nothing touched it), then nothing but a frozen component's own pending
action or the end of a loop or of a countdown can change what happens next: all periods before
that are skipped. The result is that of the full run, to the last count; docs/design.md has the
argument, and `audit` runs the periods instead of skipping them and demands that they repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stallscope.simcore.component import Component
from stallscope.simcore.environment import FOREVER, SNAPSHOT, Environment
from stallscope.simcore.errors import SimulationBug
from stallscope.simcore.position import Position
from stallscope.simcore.recorder import Mark, Recorder

__all__ = ["FastForward", "Skip"]

_LEAST_ITERATIONS = 4
_WINDOW = 64
_MAX_BACKOFF = 5
_EVENTS_PER_SNAPSHOT = 30
"""What a snapshot costs, in events; measured, and no result depends on it. Where an iteration has
fewer than twice as many, it must look usual first."""
_EARLIER = 4
"""After so many instances one is looked at an iteration earlier than the last one that matched."""
_WORTH = 3
"""Iterations that must fit before something outside the loop ends: two seen alike, and one."""


def _never(level: int) -> int:
    """Nothing ends."""
    return FOREVER


@dataclass(frozen=True, slots=True)
class Skip:
    """One stretch that was skipped: ``times`` periods of ``cycles`` from ``start`` on."""

    start: int
    cycles: int
    times: int
    level: int


@dataclass(slots=True)
class _Snapshot:
    cycle: int
    iteration: int
    events: int
    stamps: list[int]
    relative: list[object]
    marks: list[list[int]]
    phases: list[list[int]]
    recorded: Mark | None


@dataclass(slots=True)
class _Watch:
    """What is known of one loop, and of its present instance.

    Attributes:
        instance: Indices of the loops outside it.
        is_on: Whether this instance is watched.
        instances: Instances begun.
        failures: Watched instances in a row without a match.
        matched: Whether the present instance matched.
        looks: Snapshots of the present instance.
        saved: Events that were skipped in it.
        seen: Snapshots to compare with.
        lengths: Lengths of the instance's iterations so far, cycles.
        last, events: Cycle and events processed at the last boundary.
        vain: Looks since the last match.
        first: Iteration at which the first period of a matching instance began: the next instances
            are not looked at before.
        asleep, pause: Boundaries still to pass without a look, and the last such pause.
    """

    instance: tuple[int, ...] | None = None
    is_on: bool = True
    instances: int = 0
    failures: int = 0
    matched: bool = False
    seen: list[_Snapshot] = field(default_factory=list)
    lengths: set[int] = field(default_factory=set)
    looks: int = 0
    saved: int = 0
    last: int = -1
    events: int = 0
    vain: int = 0
    asleep: int = 0
    pause: int = 0
    first: int = 0


@dataclass(slots=True)
class _Expected:
    """What the audit demands of the next period."""

    level: int
    iteration: int
    instance: tuple[int, ...]
    first: _Snapshot
    second: _Snapshot
    frozen: list[bool]


class FastForward:
    """Watches the loops of the leading stream and skips what repeats.

    Args:
        env: The environment.
        leader: Position of the stream whose boundaries are watched.
        components: All components, in a fixed order.
        audit: Run the periods instead of skipping them, and check that they repeat.
        strides: Per loop, a number of iterations that every period is a multiple of (1: none is
            known).
        until: Cycle in which something ends that was begun before a loop and that no iteration of
            it begins; a skip ends before it.

    Attributes:
        skips: What was skipped, in order.
        snapshots: Times the machine's state was looked at.
        audited: Periods that were predicted and checked.
    """

    def __init__(
        self,
        env: Environment,
        leader: Position,
        components: Sequence[Component],
        *,
        audit: bool = False,
        strides: Sequence[int] = (),
        until: Callable[[int], int] = _never,
    ) -> None:
        self._env = env
        self._leader = leader
        self._components = tuple(components)
        self._recorder: Recorder | None = None
        self._opens = 0
        self._audit = audit
        self._until = until
        self._strides = tuple(strides) or (1,) * len(leader.loops)
        self._asked = (-1, 0)
        self._expected: list[_Expected] = []
        self._watches = [_Watch() for _ in leader.loops]
        self.skips: list[Skip] = []
        self.snapshots = 0
        self.audited = 0

    def record(self, recorder: Recorder) -> None:
        """Report what is skipped as repeats from now on, and skip nothing into a recording."""
        self._recorder = recorder
        self._opens = recorder.opens

    @property
    def skipped_cycles(self) -> int:
        """Cycles that were not simulated event by event."""
        return sum(skip.cycles * skip.times for skip in self.skips)

    def boundary(self, level: int) -> None:
        """The leader has just stepped loop ``level``."""
        leader = self._leader
        stride = self._strides[level]
        if leader.count[level] < max(_LEAST_ITERATIONS, 2 * stride) or leader.index[level] % stride:
            return
        watch = self._watches[level]
        instance = tuple(leader.index[:level])
        if watch.instance != instance:
            self._enter(watch, instance)
        if not watch.is_on:
            return
        now = int(self._env._now)
        length = now - watch.last
        is_known = watch.last >= 0 and length in watch.lengths
        if watch.last >= 0:
            watch.lengths.add(length)
        # A snapshot costs about as much as some dozens of events: where an iteration has fewer,
        # it is taken only when the iteration took as long as an earlier one.
        events = self._env.processed - watch.events
        is_usual = is_known or events > 2 * _EVENTS_PER_SNAPSHOT
        watch.last, watch.events = now, self._env.processed
        is_asleep = watch.asleep > 0
        watch.asleep -= is_asleep
        if self._audit or (
            is_usual and not is_asleep and self._is_worth_a_look(watch, level, events, length)
        ):
            if now != self._asked[0]:  # one look a cycle: work may take none
                self._env.call(now, SNAPSHOT, self, lambda _: self._look(self._asked[1]))
            self._asked = (now, level)

    def _is_worth_a_look(self, watch: _Watch, level: int, events: int, length: int) -> bool:
        """Whether a skip from here may save more events than a look costs.

        Args:
            watch: What is known of the loop.
            level: The loop.
            events: Events of the iteration that has just ended.
            length: Its cycles.
        """
        leader = self._leader
        at = leader.index[level]
        # This iteration and the last one are run in any case.
        saved = (leader.count[level] - at - 2) * events
        if at < watch.first or saved < _EVENTS_PER_SNAPSHOT:
            return False
        return self._until(level) - int(self._env._now) > _WORTH * length

    def _enter(self, watch: _Watch, instance: tuple[int, ...]) -> None:
        """A new instance of the loop: watch it unless earlier ones did not repeat."""
        if watch.instance is not None and watch.is_on:
            if not watch.matched:
                watch.first = 0
            is_worth_it = watch.saved >= watch.looks * _EVENTS_PER_SNAPSHOT
            watch.failures = 0 if watch.matched and is_worth_it else watch.failures + 1
        watch.instance, watch.matched = instance, False
        backoff = min(watch.failures // 2, _MAX_BACKOFF)
        watch.is_on = self._audit or watch.instances % (1 << backoff) == 0
        watch.instances += 1
        watch.seen.clear()
        watch.lengths.clear()
        watch.vain = watch.asleep = watch.pause = watch.looks = watch.saved = 0
        watch.last, watch.events = -1, self._env.processed

    # ------------------------------------------------------------------ comparing

    def _look(self, level: int) -> None:
        watch = self._watches[level]
        watch.looks += 1
        now = self._snapshot(level)
        if self._audit:
            self._check(level, now)
        for old in reversed(watch.seen):
            if old.cycle < self._opens <= now.cycle:
                continue  # the recording began in between: the period is not in it
            frozen = self._match(old, now)
            if frozen is None:
                continue
            times = self._periods(level, old, now, frozen)
            if not self._audit and times * (now.events - old.events) < _EVENTS_PER_SNAPSHOT:
                continue  # the skip costs more
            if times > 0:
                if not watch.matched:
                    # Now and then one iteration earlier: perhaps it repeats from there on.
                    watch.first = old.iteration - (watch.instances % _EARLIER == 0)
                watch.matched = True
                watch.vain = watch.pause = 0
                if self._audit:
                    self._predict(level, old, now, frozen)
                    break
                self._skip(level, old, now, frozen, times)
                watch.saved += times * (now.events - old.events)
                # The state after the skip is one to compare with, too, if the loop goes on.
                left = self._leader.count[level] - self._leader.index[level]
                is_going_on = left > 2 * (now.iteration - old.iteration)
                watch.seen[:] = [self._snapshot(level)] if is_going_on else []
                watch.last = int(self._env._now)
                return
        watch.seen.append(now)
        if len(watch.seen) > _WINDOW:
            watch.seen.pop(0)
        self._tire(watch)

    def _tire(self, watch: _Watch) -> None:
        """After a window's worth of looks in vain, look away for longer and longer."""
        watch.vain += 1
        if watch.vain >= _WINDOW:
            watch.vain = 0
            watch.asleep = watch.pause = 4 * watch.pause or 3 * _WINDOW
            watch.seen.clear()

    def _snapshot(self, level: int) -> _Snapshot:
        self.snapshots += 1
        now = int(self._env._now)
        if self._env.next_cycle() <= now:
            raise SimulationBug(f"cycle {now} is not over at its snapshot")
        iteration = self._leader.index[level]
        components = self._components
        return _Snapshot(
            cycle=now,
            iteration=iteration,
            events=self._env.processed,
            stamps=[component.stamp for component in components],
            relative=[component.relative(level, iteration) for component in components],
            marks=[component.marks() for component in components],
            phases=[component.phase() for component in components],
            recorded=self._recorder.mark() if self._recorder is not None else None,
        )

    def _match(self, old: _Snapshot, now: _Snapshot) -> list[bool] | None:
        """Which components are frozen, or None if some component neither moved nor froze."""
        frozen = []
        for was, stamp, before, present in zip(
            old.stamps, now.stamps, old.relative, now.relative, strict=True
        ):
            is_frozen = was == stamp
            if not is_frozen and before != present:
                return None
            frozen.append(is_frozen)
        return frozen

    def _periods(self, level: int, old: _Snapshot, now: _Snapshot, frozen: list[bool]) -> int:
        """How many whole periods nothing can interrupt."""
        cycles = now.cycle - old.cycle
        iterations = now.iteration - old.iteration
        times = FOREVER
        if now.cycle < self._opens:
            times = (self._opens - 1 - now.cycle) // cycles
        for component, is_frozen, before, present in zip(
            self._components, frozen, old.phases, now.phases, strict=True
        ):
            if times <= 0:
                return 0
            if is_frozen:
                deadline = component.deadline()
                limit = FOREVER if deadline == FOREVER else (deadline - 1 - now.cycle) // cycles
            else:
                limit = component.limit(level, before, present, iterations)
            times = min(times, limit)
        return max(0, times)

    # ------------------------------------------------------------------ skipping

    def _skip(
        self, level: int, old: _Snapshot, now: _Snapshot, frozen: list[bool], times: int
    ) -> None:
        cycles = now.cycle - old.cycle
        iterations = now.iteration - old.iteration
        moving = [c for c, is_frozen in zip(self._components, frozen, strict=True) if not is_frozen]
        identities = {id(component) for component in moving}
        self._env.shift(times * cycles, lambda owner: id(owner) in identities)
        for component, is_frozen, before, present in zip(
            self._components, frozen, old.marks, now.marks, strict=True
        ):
            if not is_frozen:
                growth = [b - a for a, b in zip(before, present, strict=True)]
                component.shift(level, iterations, cycles, times, growth)
        for component in moving:
            component.resume()
        self.skips.append(Skip(now.cycle, cycles, times, level))
        if self._recorder is not None:
            assert old.recorded is not None
            assert now.recorded is not None
            self._recorder.repeat(old.recorded, now.recorded, old.cycle, cycles, times)

    # ------------------------------------------------------------------ audit

    def _predict(self, level: int, old: _Snapshot, now: _Snapshot, frozen: list[bool]) -> None:
        iteration = 2 * now.iteration - old.iteration
        instance = tuple(self._leader.index[:level])
        self._expected.append(_Expected(level, iteration, instance, old, now, frozen))

    def _check(self, level: int, now: _Snapshot) -> None:
        """Compare the period that has just ended with what was predicted of it."""
        instance = tuple(self._leader.index[:level])
        due = [e for e in self._expected if e.level == level and e.iteration == now.iteration]
        for expected in due:
            self._expected.remove(expected)
            if expected.instance != instance:
                continue
            self.audited += 1
            length = expected.second.cycle - expected.first.cycle
            if now.cycle - expected.second.cycle != length:
                raise SimulationBug(
                    f"audit: loop {level} iteration {now.iteration} took "
                    f"{now.cycle - expected.second.cycle} cycles, predicted {length}; "
                    f"first to diverge: {self._diverging(expected, now)}"
                )
            name = self._diverging(expected, now)
            if name:
                raise SimulationBug(f"audit: loop {level} iteration {now.iteration}: {name}")

    def _diverging(self, expected: _Expected, now: _Snapshot) -> str:
        """Name the first component that did not do what was predicted; empty if all did."""
        first, second = expected.first, expected.second
        for index, component in enumerate(self._components):
            if expected.frozen[index]:
                if second.stamps[index] != now.stamps[index]:
                    return f"{component.name} was taken to be frozen and is not"
                continue
            if second.relative[index] != now.relative[index]:
                return f"{component.name}: {second.relative[index]} became {now.relative[index]}"
            for a, b, c in zip(
                first.marks[index], second.marks[index], now.marks[index], strict=True
            ):
                if c - b != b - a:
                    return f"{component.name} grew by {c - b}, predicted {b - a}"
        if self._recorder is None:
            return ""
        assert first.recorded is not None
        assert second.recorded is not None
        assert now.recorded is not None
        cycles = second.cycle - first.cycle
        return self._recorder.differs(first.recorded, second.recorded, now.recorded, cycles)

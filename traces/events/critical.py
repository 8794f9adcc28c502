"""The critical chain of a run: what, one thing after the other, made it take as long as it did.

Backwards from the last write-back: a step took its time; it began when the unit was done with the
step before, or when a wait was over; the wait was over when some unit's step changed the awaited
counter; and so on to cycle 0. The stretches of the chain do not overlap and sum to the run.
Where the chain runs through a repeat in the same way twice, it does so in all of it: the rest of
the repeat is not walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.environment import FOREVER
from stallscope.simcore.errors import Fault, SimulationBug, SpecError
from stallscope.traces.events.changes import Changes, changes
from stallscope.traces.events.columns import DELAY_NAME, class_column
from stallscope.traces.events.finding import Finder, Place

if TYPE_CHECKING:
    from stallscope.traces.events.trace import Trace

__all__ = ["Stretch", "critical_chain", "in_words"]

LAST = "the run ends with it"
"""Why the last write-back is on the chain."""
_DELAY_CLASS = "network_latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """All parts of the critical chain that are alike.

    Attributes:
        unit: Unit whose step or way it is.
        doing: What it did: its operation; ``held up``: what others took from it meanwhile;
            ``way``: words under way after it.
        resource: Port, bank, network entry or MACs that set the pace; None on the way.
        cause: Class of that.
        because: What waited for it, and for what.
        cycles: Cycles of the chain.
        parts: How many parts.
        start: First cycle of the first part.
        end: Cycle after the last part.
    """

    unit: str
    doing: str
    resource: str | None
    cause: str
    because: str
    cycles: int
    parts: int
    start: int
    end: int

    @property
    def what(self) -> str:
        """What took the time, in words."""
        times = f"{self.parts:,} x " if self.parts > 1 else ""
        words = {"way": "the way after it", "held up": "held up by others"}
        doing = words.get(self.doing, self.doing)
        pace = f" at the pace of {self.resource}" if self.resource else ""
        return f"{self.unit}: {times}{doing}{pace}"


_Key = tuple[int, str, str | None, str, str]
"""Unit, doing, resource, cause, because."""


@dataclass(slots=True)
class _Sum:
    cycles: int
    parts: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Crossing:
    """Where the chain came into one period of a repeat."""

    time: int
    state: tuple[int, int, str]
    sums: dict[_Key, tuple[int, int]]


class _Walker:
    """Walks the chain of one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        stored = trace.stored
        self.starts, self.ends = stored.column("start"), stored.column("end")
        long = self.ends > self.starts
        self.finders = [
            Finder(stored.repeats, number, np.flatnonzero(long & (stored.unit_of == number)))
            for number in range(len(trace.meta.units))
        ]
        self.makers = [
            tuple(_Makers(trace, steps) for steps in changes(trace, name) if len(steps.rows))
            for name, _ in trace.meta.counters
        ]
        # Cycles after a slice's end by which its last word has moved, by outcome.
        self.broken = [
            max((when if when >= 0 else -1 - when for _, _, when in changed), default=0)
            for changed in trace.meta.outcomes
        ]
        self.sums: dict[_Key, _Sum] = {}
        self.crossings: dict[tuple[int, int], _Crossing] = {}

    def add(self, unit: int, doing: str, resource: str | None, cause: str, because: str,
            start: int, end: int, parts: int = 1) -> None:  # fmt: skip
        """Put a part on the chain."""
        if end == start:
            return
        key = (unit, doing, resource, cause, because)
        found = self.sums.get(key)
        if found is None:
            self.sums[key] = _Sum(end - start, parts, start, end)
            return
        found.cycles += end - start
        found.parts += parts
        found.start = start

    def walk(self) -> None:
        """Walk from the end of the run to its beginning."""
        unit, cycle, because = self._last()
        while cycle > 0:
            place = next(self.finders[unit].back(cycle), None)
            if place is None:
                raise SimulationBug(f"nothing says what unit {unit} did before cycle {cycle}")
            cycle = self._jump(place, unit, cycle, because)
            place = next(self.finders[unit].back(cycle))
            unit, cycle, because = self._step(place, unit, cycle, because)

    def _last(self) -> tuple[int, int, str]:
        """Whose step ends the run."""
        cycles = self.trace.cycles
        delivered = self.trace.stored.column("delivered")
        for number in reversed(range(len(self.trace.meta.units))):
            for place in self.trace.stored.finder(number).back(FOREVER):
                end = int(self.ends[place.row]) + place.shift
                due = int(delivered[place.row]) + place.shift
                if max(end, due) == cycles:
                    self._after(place.row, number, end, cycles, LAST)
                    return number, end, LAST
                break
        raise SimulationBug(f"no unit's last step ends with the run at cycle {cycles}")

    def _after(self, row: int, unit: int, start: int, end: int, because: str) -> None:
        """Put what follows a step on the chain: its broken last cycle, then its words' way."""
        about = self.trace.meta.units[unit]
        stored = self.trace.stored
        done = min(end, start + self.broken[int(stored.column("outcome")[row])])
        self.add(unit, "way", None, about.latency, because, done, end)
        kind = about.kinds[int(stored.column("kind")[row])]
        pace = kind.pace or about.latency
        self.add(unit, kind.op or about.op, kind.resource, pace, because, start, done, parts=0)

    def _step(self, place: Place, unit: int, cycle: int, because: str) -> tuple[int, int, str]:
        """One part of the chain; returns what comes before it."""
        row, stored = place.row, self.trace.stored
        start, end = int(self.starts[row]) + place.shift, int(self.ends[row]) + place.shift
        counter = int(stored.awaited[row])
        if counter < 0:
            self._work(row, unit, start, cycle, because)
            return unit, start, because
        if end < cycle:
            raise SimulationBug(f"{self.trace.meta.units[unit].name} has no slice at {end}")
        if counter == len(self.makers):
            self.add(unit, "way", None, _DELAY_CLASS, because, start, end)
            return unit, start, because
        return self._maker(counter, unit, end)

    def _work(self, row: int, unit: int, start: int, end: int, because: str) -> None:
        """Put a step on the chain: what it took at its own pace, and what others took from it."""
        about = self.trace.meta.units[unit]
        kind = about.kinds[int(self.trace.stored.column("kind")[row])]
        at = end
        for cause in self.trace.meta.classes:
            lost = int(self.trace.stored.column(class_column(cause))[row])
            own = about.is_array and cause == kind.pace
            if lost and not own:
                self.add(unit, "held up", None, cause, because, at - lost, at)
                at -= lost
        doing, pace = kind.op or about.op, kind.pace or about.latency
        self.add(unit, doing, kind.resource, pace, because, start, at)

    def _maker(self, counter: int, waiter: int, cycle: int) -> tuple[int, int, str]:
        """Go on with whoever ended a wait for a counter."""
        name, tensor = self.trace.meta.counters[counter]
        because = f"{self.trace.meta.units[waiter].name} waits for {in_words(name, tensor)}"
        for makers in self.makers[counter]:
            place = makers.at(cycle)
            if place is None:
                continue
            unit = int(self.trace.stored.unit_of[place.row])
            end = int(self.ends[place.row]) + place.shift
            self._after(place.row, unit, end, cycle, because)
            return unit, end, because
        raise SimulationBug(f"nothing changed {name} in cycle {cycle}, when a wait for it ended")

    # ------------------------------------------------------------------ repeats

    def _jump(self, place: Place, unit: int, cycle: int, because: str) -> int:
        """Skip the rest of a repeat if the chain ran through two of its periods alike."""
        for number, time, begun in place.path:
            length = self.trace.stored.repeats.repeats[number].cycles
            key = (number, begun - time * length)
            before = self.crossings.get(key)
            if before is not None and before.time == time:
                continue
            state = (unit, cycle - begun, because)
            is_alike = before is not None and before.time == time + 1 and before.state == state
            if is_alike and before is not None and time > 2:
                self._again(before, time - 2, length)
                del self.crossings[key]
                return cycle - (time - 2) * length
            sums = {key: (found.cycles, found.parts) for key, found in self.sums.items()}
            self.crossings[key] = _Crossing(time, state, sums)
        return cycle

    def _again(self, before: _Crossing, times: int, length: int) -> None:
        """Add what came since a crossing ``times`` times more."""
        for key, found in self.sums.items():
            cycles, parts = before.sums.get(key, (0, 0))
            if found.cycles > cycles:
                found.cycles += times * (found.cycles - cycles)
                found.parts += times * (found.parts - parts)
                found.start -= times * length


class _Makers:
    """Finds the step that changed a counter in a given cycle."""

    def __init__(self, trace: Trace, steps: Changes) -> None:
        units = sorted(set(trace.stored.unit_of[steps.rows].tolist()))
        self._moments = steps.moments
        self._rows = steps.rows
        self._finders = [
            Finder(trace.stored.repeats, unit, steps.rows[trace.stored.unit_of[steps.rows] == unit])
            for unit in units
        ]

    def at(self, cycle: int) -> Place | None:
        """The last such step, if there is one."""
        for finder in self._finders:
            for place in finder.back(cycle):
                moment = int(self._moments[np.searchsorted(self._rows, place.row)]) + place.shift
                if moment == cycle:
                    return place
                if moment < cycle:
                    break
        return None


def in_words(counter: str, tensor: str | None) -> str:
    """Say what a wait for a counter of a tensor waits for; a delay has no tensor."""
    if counter == DELAY_NAME:
        return "the network to fill"
    place, what = counter.rsplit(" ", 1)
    level = place.removeprefix(f"{tensor} ")
    return {
        "arrived": f"the words of {tensor} for {level}",
        "delivered": f"{tensor} at {level}",
        "released": f"room for {tensor} at {level}",
        "finished": f"a finished tile of {tensor} at {level}",
        "drained": f"the write-back of {tensor} from {level}",
        "read": f"a chunk of {tensor} from {level}",
        "brought": f"a chunk of {tensor} for {level}",
    }[what]


def _stretches(walker: _Walker) -> Iterator[Stretch]:
    units = walker.trace.meta.units
    for (unit, doing, resource, cause, because), found in walker.sums.items():
        yield Stretch(
            unit=units[unit].name,
            doing=doing,
            resource=resource,
            cause=cause,
            because=because,
            cycles=found.cycles,
            parts=found.parts,
            start=found.start,
            end=found.end,
        )


def critical_chain(trace: Trace) -> tuple[Stretch, ...]:
    """Return the critical chain of a run, its longest stretches first.

    Args:
        trace: A trace of the whole run.

    Returns:
        Stretches whose cycles sum to the run's.

    Raises:
        SpecError: If the trace does not hold the whole run, or it ended in a deadlock.
    """
    trace.check_whole()
    if not trace.meta.is_complete:
        rule = "is of a run that stopped: nothing took it to its end"
        remedy = "read the deadlock's table: who waits for what since when"
        raise SpecError([Fault(place="trace", value=trace.meta.name, rule=rule, remedy=remedy)])
    if trace.end < trace.cycles:
        rule = "does not hold the end of the run"
        fault = Fault(place="trace", value="", rule=rule, remedy="record with --trace full")
        raise SpecError([fault])
    walker = _Walker(trace)
    walker.walk()
    found = sorted(_stretches(walker), key=lambda one: (-one.cycles, one.unit, one.because))
    total = sum(one.cycles for one in found)
    if total != trace.cycles:
        raise SimulationBug(f"the critical chain has {total} cycles, the run {trace.cycles}")
    return tuple(found)

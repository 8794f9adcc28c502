"""Monotone progress counters: the only thing by which units wait for each other."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, Protocol

from stallscope.simcore.charge import Charge, Maker
from stallscope.simcore.environment import FOREVER, Environment, Event

if TYPE_CHECKING:
    from stallscope.simcore.unit import Unit

__all__ = ["Channel", "Counter", "Effects"]


class _Stamped(Protocol):
    """Whose state a counter is part of."""

    stamp: int


class Counter:
    """A number that only grows; units may wait until it reaches a value.

    Attributes:
        name: What it counts, for a deadlock's table.
        number: Number of the counter among all of a machine.
        value: Its value.
        sent: What the value will be when everything under way has arrived.
        need: The least value that a unit waits for.
    """

    __slots__ = ("_env", "_last", "_notes", "_owner", "_waiting", "_watched", "name", "need",
                 "number", "sent", "value")  # fmt: skip

    def __init__(self, env: Environment, owner: _Stamped, name: str, number: int) -> None:
        self._env = env
        self._owner = owner
        self._last = (0, 0, 0)  # cause, until, latency of the last one sent
        self._waiting: list[tuple[int, Unit, Event]] = []
        self._watched: list[tuple[int, Charge, Unit]] = []
        self._notes: deque[int] | None = None
        self.name = name
        self.number = number
        self.value = 0
        self.sent = 0
        self.need = FOREVER

    def add(self, amount: int) -> None:
        """Grow, and wake the units for which that suffices."""
        self._owner.stamp += 1
        value = self.value = self.value + amount
        if self._notes is not None:
            self._notes.extend([self._env._now] * amount)
        if value >= self.need:
            waiting, self._waiting, self.need = self._waiting, [], FOREVER
            for entry in waiting:
                need, unit, event = entry
                if need <= value:
                    self._env.at(self._env._now, unit.order, event)
                else:
                    self._waiting.append(entry)
                    self.need = min(self.need, need)

    def note(self) -> deque[int]:
        """Note the cycle of every step from now on, in a queue that the caller takes them from."""
        self._notes = deque()
        return self._notes

    def send(self, cause: int, until: int, latency: int) -> None:
        """One more is under way: who waits for it is held up by nothing else from now on.

        Args:
            cause: What the broken last cycle of its transfer is charged to.
            until: Cycle by which its last word has moved.
            latency: What the way from then on is charged to.
        """
        self._owner.stamp += 1
        sent = self.sent = self.sent + 1
        self._last = (cause, until, latency)
        if self._watched:
            for need, charge, unit in self._watched:
                if need <= sent:
                    unit.stamp += 1
                    charge.is_under_way(self._env._now, cause, until, latency)
            self._watched = [entry for entry in self._watched if entry[0] > sent]

    def charge(self, need: int, maker: Maker, unit: Unit) -> Charge:
        """Return the charge of a unit's wait until ``need``, which ``maker`` will bring about."""
        now = self._env._now
        charge = Charge(now)
        if need > self.sent:
            charge.follow(maker)
            self._watched.append((need, charge, unit))
            return charge
        cause, until, latency = self._last
        # Of several under way only the last one's transfer can still be in its broken cycle.
        charge.is_under_way(now, cause, until if need == self.sent else now, latency)
        return charge

    def until(self, need: int, unit: Unit) -> Event:
        """Return the event that the value has reached ``need``."""
        self._owner.stamp += 1
        event = self._env.make(unit)
        self._waiting.append((need, unit, event))
        if need < self.need:
            self.need = need
        return event

    def awaited_by(self, unit: Unit) -> int | None:
        """Value that a unit waits for, or None."""
        return next((need for need, waiter, _ in self._waiting if waiter is unit), None)

    def state(self, origin: int) -> tuple[int, ...]:
        """Value, counted from ``origin``, and how far each awaited value is from it."""
        value = self.value
        if not self._waiting:
            return (value - origin,)
        return (value - origin, *[need - value for need, _, _ in self._waiting])

    def under_way(self) -> tuple[int, ...]:
        """How many are under way, and how the last one goes on."""
        if self.sent == self.value:
            return ()
        cause, until, latency = self._last
        return (self.sent - self.value, max(0, until - self._env._now), cause, latency)

    def shift(self, amount: int, cycles: int) -> None:
        """Move value, awaited values and what is under way."""
        self.value += amount
        self.sent += amount
        self._watched = [(need + amount, charge, unit) for need, charge, unit in self._watched]
        cause, until, latency = self._last
        self._last = (cause, until + cycles, latency)
        if self._waiting:
            self.need += amount
            self._waiting = [(need + amount, unit, event) for need, unit, event in self._waiting]


Effects = tuple[tuple[Counter, int], ...]
"""Counters and how much they grow."""


class Channel:
    """Progress of one tensor at one storage level: tiles in and out, and room in words.

    Attributes:
        delivered: Tiles that arrived.
        released: Words whose room is free again.
        finished: Output tiles complete at this level, ready to drain.
        drained: Output tiles whose write-back reached the parent.
        reserved: Words for which room was taken.
        capacity: Words that may be held at once.
        is_written: Whether the tiles are written back (an output).
        peak: Most words held at once.
    """

    COUNTERS: ClassVar[tuple[str, ...]] = ("delivered", "released", "finished", "drained")

    def __init__(
        self, env: Environment, name: str, capacity: int, is_written: bool, number: int
    ) -> None:
        self.name = name
        self.capacity = capacity
        self.stamp = 0
        self.delivered, self.released, self.finished, self.drained = (
            Counter(env, self, f"{name} {what}", number * len(self.COUNTERS) + index)
            for index, what in enumerate(self.COUNTERS)
        )
        self.reserved = 0
        self.peak = 0
        self.is_written = is_written
        self._counters = (self.delivered, self.released, self.finished, self.drained)

    def reserve(self, words: int) -> None:
        """Take room; the caller has waited until there is enough."""
        self.stamp += 1
        self.reserved += words
        held = self.reserved - self.released.value
        if held > self.peak:
            self.peak = held

    def relative(self, level: int, base: int) -> tuple[tuple[int, ...], ...]:
        """Counters relative to each other: tiles to tiles delivered, words to words reserved."""
        delivered, finished, drained = self.delivered, self.finished, self.drained
        tiles = delivered.value
        read = (delivered.state(tiles), self.released.state(self.reserved), delivered.under_way())
        # Counters that nobody reads stand still while the others grow: they are not compared.
        if not self.is_written:
            return read
        made = (finished.state(tiles), finished.under_way())
        return (*read, *made, drained.state(tiles), drained.under_way())

    def marks(self) -> list[int]:
        """Values of all counters."""
        return [self.reserved, *(counter.value for counter in self._counters)]

    def phase(self) -> list[int]:
        """Nothing counts down here."""
        return []

    def deadline(self) -> int:
        """A channel acts on nothing of its own."""
        return FOREVER

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """A channel has no end of its own: its streams do."""
        return FOREVER

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Let all counters grow."""
        self.reserved += times * growth[0]
        for counter, amount in zip(self._counters, growth[1:], strict=True):
            counter.shift(times * amount, times * cycles)

    def resume(self) -> None:
        """Nothing to plan."""

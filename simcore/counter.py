"""Monotone progress counters: the only thing by which units wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stallscope.simcore.environment import FOREVER, Environment, Event

if TYPE_CHECKING:
    from stallscope.simcore.unit import Unit

__all__ = ["Channel", "Counter"]


class Counter:
    """A number that only grows; one unit at a time may wait until it reaches a value.

    Attributes:
        name: What it counts, for a deadlock's table.
        value: Its value.
    """

    __slots__ = ("_channel", "_env", "_event", "name", "need", "value", "waiter")

    def __init__(self, env: Environment, channel: Channel, name: str) -> None:
        self._env = env
        self._channel = channel
        self._event: Event | None = None
        self.name = name
        self.value = 0
        self.need = FOREVER
        self.waiter: Unit | None = None

    def add(self, amount: int) -> None:
        """Grow, and wake the waiting unit if that suffices."""
        self._channel.stamp += 1
        value = self.value = self.value + amount
        if value >= self.need:
            waiter, event = self.waiter, self._event
            assert waiter is not None
            assert event is not None
            self.need, self.waiter, self._event = FOREVER, None, None
            self._env.at(self._env._now, waiter.order, event)

    def until(self, need: int, unit: Unit) -> Event:
        """Return the event that the value has reached ``need``; at most one unit waits."""
        self._channel.stamp += 1
        self.need, self.waiter = need, unit
        event = self._event = self._env.make(unit)
        return event

    def state(self, origin: int) -> tuple[int, int]:
        """Value and awaited value, counted from ``origin``."""
        return (
            self.value - origin,
            self.need - self.value if self.waiter is not None else 0,
        )

    def shift(self, amount: int) -> None:
        """Move value and awaited value."""
        self.value += amount
        if self.waiter is not None:
            self.need += amount


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

    def __init__(self, env: Environment, name: str, capacity: int, is_written: bool) -> None:
        self.name = name
        self.capacity = capacity
        self.stamp = 0
        self.delivered = Counter(env, self, f"{name} delivered")
        self.released = Counter(env, self, f"{name} released")
        self.finished = Counter(env, self, f"{name} finished")
        self.drained = Counter(env, self, f"{name} drained")
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

    def relative(self, level: int, base: int) -> tuple[tuple[int, int], ...]:
        """Counters relative to each other: tiles to tiles delivered, words to words reserved."""
        tiles = self.delivered.value
        read = (self.delivered.state(tiles), self.released.state(self.reserved))
        # Counters that nobody reads stand still while the others grow: they are not compared.
        if not self.is_written:
            return read
        return (*read, self.finished.state(tiles), self.drained.state(tiles))

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
            counter.shift(times * amount)

    def resume(self) -> None:
        """Nothing to plan."""

"""What a wait is charged to: the maker of the awaited thing, then the thing's own latency.

As long as what is awaited is not under way, the wait takes over whatever its maker is held up by
(which may itself be waiting for another unit, and so on down the chain). From the moment it is
under way nothing can hold it up any more: the rest is the broken last cycle of its transfer, then
latency.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

__all__ = ["Charge", "Flight", "Maker"]


class Maker(Protocol):
    """Whoever makes what a unit waits for.

    Contract: `blame` grows by exactly the cycles that pass, and changes nothing.

    Attributes:
        charge: How its own wait is charged, if it waits for another one.
    """

    name: str
    charge: Charge | None

    def blame(self) -> list[int]:
        """Cycles per cause up to now."""


class Flight:
    """How something under way is charged: to ``cause`` until a cycle, then to ``latency``."""

    __slots__ = ("cause", "latency", "until")

    def __init__(self, cause: int, until: int, latency: int) -> None:
        self.cause = cause
        self.until = until
        self.latency = latency

    def later(self, cycles: int) -> Flight:
        """Return the same, ``cycles`` later."""
        return Flight(self.cause, self.until + cycles, self.latency)


class Charge:
    """The charge of one wait, from the present on.

    Attributes:
        maker: Who is followed, until what is awaited is under way.
        flight: How the rest is charged, from then on.
    """

    __slots__ = ("_base", "_causes", "_since", "flight", "maker")

    def __init__(self, maker: Maker, causes: int, now: int) -> None:
        self.maker = maker
        self.flight: Flight | None = None
        self._since = now
        self._base = maker.blame()
        self._causes = [0] * causes

    def is_under_way(self, now: int, flight: Flight) -> None:
        """Stop following the maker: what is awaited is under way."""
        self._causes = self.amounts(now)
        self._since = now
        self.flight = flight

    def amounts(self, now: int) -> list[int]:
        """Cycles per cause from the beginning (or the last `restart`) up to ``now``."""
        found = self._causes.copy()
        flight = self.flight
        if flight is not None:
            broken = min(flight.until, now) - self._since
            if broken > 0:
                found[flight.cause] += broken
                found[flight.latency] += now - self._since - broken
            else:
                found[flight.latency] += now - self._since
        elif now > self._since:
            for index, value in enumerate(self.maker.blame()):
                found[index] += value - self._base[index]
        return found

    def shift(self, cycles: int) -> None:
        """Move what is under way; `restart` follows."""
        if self.flight is not None:
            self.flight = self.flight.later(cycles)

    def restart(self, now: int) -> None:
        """Count from ``now`` on: what came before has been accounted for."""
        self._causes = [0] * len(self._causes)
        self._since = now
        if self.flight is None:
            self._base = self.maker.blame()

    def relative(self, now: int) -> Hashable:
        """How the wait goes on, for the fast-forward."""
        flight = self.flight
        if flight is None:
            return self.maker.name
        return (max(0, flight.until - now), flight.cause, flight.latency)

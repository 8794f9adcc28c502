"""What a wait is charged to: the maker of the awaited thing, then the thing's own latency.

As long as what is awaited is not under way, the wait takes over whatever its maker is held up by
(which may itself be waiting for another unit, and so on down the chain). From the moment it is
under way nothing can hold it up any more: the rest is the broken last cycle of its transfer, then
latency.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

__all__ = ["Charge", "Maker"]


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


class Charge:
    """The charge of one wait, from the present on.

    Attributes:
        maker: Who is followed, until what is awaited is under way; None from then on.
        cause, until, latency: From then on: charged to ``cause`` until a cycle, then to
            ``latency``.
    """

    __slots__ = ("_base", "_parts", "_since", "cause", "latency", "maker", "until")

    def __init__(self, now: int) -> None:
        self.maker: Maker | None = None
        self.cause = self.latency = 0
        self.until = now
        self._since = now
        self._base: list[int] = []
        self._parts: list[tuple[int, int]] = []  # (cause, cycles), none of them 0

    def follow(self, maker: Maker) -> None:
        """What is awaited is not under way yet: whatever holds its maker up is to blame."""
        self.maker = maker
        self._base = maker.blame()

    def is_under_way(self, now: int, cause: int, until: int, latency: int) -> None:
        """What is awaited is under way: to ``cause`` until a cycle, then to ``latency``."""
        if self.maker is not None:
            self._parts = [
                (cause, after - before)
                for cause, (before, after) in enumerate(
                    zip(self._base, self.maker.blame(), strict=True)
                )
                if after != before
            ]
            self.maker = None
        self._since = now
        self.cause, self.until, self.latency = cause, until, latency

    def add_to(self, causes: list[int], now: int) -> None:
        """Add the cycles since the beginning (or the last `restart`) to an account per cause."""
        if self.maker is not None:
            causes[:] = [
                cycles + after - before
                for cycles, after, before in zip(
                    causes, self.maker.blame(), self._base, strict=True
                )
            ]
            return
        for part, cycles in self._parts:
            causes[part] += cycles
        left = now - self._since
        broken = min(self.until, now) - self._since
        if broken > 0:
            causes[self.cause] += broken
            left -= broken
        causes[self.latency] += left

    def restart(self, now: int) -> None:
        """Count from ``now`` on: what came before has been accounted for."""
        self._parts = []
        self._since = now
        if self.maker is not None:
            self._base = self.maker.blame()

    def shift(self, cycles: int) -> None:
        """Move what is under way; `restart` follows."""
        self.until += cycles

    def relative(self, now: int) -> Hashable:
        """How the wait goes on, for the fast-forward."""
        if self.maker is not None:
            return self.maker.name
        return (max(0, self.until - now), self.cause, self.latency)

"""Servers with a width, and what transfers ask of them.

Time is exact: a cycle is cut into ticks such that every server moves a word in a whole number of
ticks, so words of successive bursts share a cycle. A transfer holds each server of its path for
its own time; its slowest server sets the pace. It is cut into bursts, and between bursts another
transfer may take a server (see `Arbiter`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

from stallscope.simcore.environment import FOREVER, Environment

__all__ = ["Demand", "Server"]


class Server:
    """Something a transfer holds: a port, a link.

    Attributes:
        name: Unique name.
        word_ticks: Ticks it needs per word.
        access_words: Words of an indivisible access.
        cause: Number of the cause a transfer it slows down is charged to.
        contended: The same, of a transfer that waits for others to leave it.
        free: Tick from which it is free.
        held: Ticks it was held.
        words: Words it moved.
    """

    def __init__(
        self, name: str, word_ticks: int, access_words: int, cause: int, contended: int
    ) -> None:  # fmt: skip
        self.name = name
        self.word_ticks = word_ticks
        self.access_words = access_words
        self.cause = cause
        self.contended = contended
        self.free = 0
        self.held = 0
        self.words = 0
        self.stamp = 0
        self.cycle_ticks = 1
        self._env: Environment | None = None

    def bind(self, env: Environment, cycle_ticks: int) -> None:
        """Tell the server its clock."""
        self._env = env
        self.cycle_ticks = cycle_ticks

    def ticks(self, words: int) -> int:
        """Ticks it is held for ``words``."""
        return -(-words // self.access_words) * self.access_words * self.word_ticks

    def relative(self, level: int, base: int) -> int:
        """How long it is still held; all of the past is alike."""
        assert self._env is not None
        return max(0, self.free - self._env._now * self.cycle_ticks)

    def marks(self) -> list[int]:
        """Ticks held and words moved."""
        return [self.held, self.words]

    def phase(self) -> list[int]:
        """Nothing counts down here."""
        return []

    def resume(self) -> None:
        """Nothing to plan."""

    def deadline(self) -> int:
        """A server acts on nothing of its own."""
        return FOREVER

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """A server has no end."""
        return FOREVER

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Move on; account for the words of the periods."""
        self.free += times * cycles * self.cycle_ticks
        self.held += times * growth[0]
        self.words += times * growth[1]


class Demand:
    """What one kind of transfer asks of its servers; made once, used for every such transfer.

    Attributes:
        path: (server, ticks it is held) pairs, none of them 0.
        names: Names of the servers of the path.
        total: Ticks of the slowest server.
        burst: Ticks of one burst on the slowest server.
        is_even: Whether every whole burst holds each server equally long.
        whole: If so, (server, ticks it is held by a whole burst) pairs, none of them 0.
        port_cause: Cause of the slowest server.
        cause: The same, or the unit's own if its own work takes longer.
        words: Words counted at each server of the path.
        booking: (server, ticks it is held, words counted at it) of the path.
        is_one: Whether it is one burst.
    """

    __slots__ = ("booking", "burst", "cause", "is_even", "is_one", "last", "names", "path",
                 "port_cause", "total", "whole", "words")  # fmt: skip

    def __init__(
        self, parts: Sequence[tuple[Server, int]], least: int, idle_cause: int, burst_words: int
    ) -> None:
        made = [(server, server.ticks(words), words) for server, words in parts if words]
        held = [(server, ticks, words) for server, ticks, words in made if ticks]
        self.path = tuple((server, ticks) for server, ticks, _ in held)
        self.names = frozenset(server.name for server, _, _ in held)
        self.words = tuple(words for _, _, words in held)
        slowest = max(held, key=lambda part: part[1], default=None)
        self.total = max(least, slowest[1]) if slowest else least
        self.port_cause = slowest[0].cause if slowest else idle_cause
        self.cause = self.port_cause if slowest and slowest[1] > least else idle_cause
        most = max(self.words, default=1)
        self.burst = self._even_burst(max(1, -(-self.total * burst_words // most)))
        self.is_even = all(self.burst * ticks % self.total == 0 for _, ticks in self.path)
        self.whole = tuple(
            (server, self.burst * ticks // self.total)
            for server, ticks in (self.path if self.is_even else ())
        )
        self.booking = tuple(held)
        self.is_one = self.total == self.burst
        self.last = (
            self.total - (-(-self.total // self.burst) - 1) * self.burst if self.total else 0
        )

    def _even_burst(self, wanted: int) -> int:
        """A burst near the wanted one in which every server's share is whole, if there is one."""
        if self.total <= wanted:
            return max(self.total, 1)
        unit = self.total // gcd(self.total, *(ticks for _, ticks in self.path))
        return max(unit, wanted // unit * unit) if unit <= 2 * wanted else wanted

    def hold(self, ticks: int, start: int, length: int) -> int:
        """Ticks a server of ``ticks`` in all is held by the burst that begins at ``start``."""
        total = self.total
        return -(-(start + length) * ticks // total) + (-start * ticks // total)

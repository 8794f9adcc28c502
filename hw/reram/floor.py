"""The cycle stack of a chip: what its cycles went to, seen from all cores together.

A cycle in which any core multiplies is one of computing. Every other cycle is charged to what held
up the first core that is not at its end: to the class that its own account was charged with in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from stallscope.simcore.environment import FOREVER, Environment

if TYPE_CHECKING:
    from stallscope.simcore.unit import Unit

__all__ = ["Floor"]


class Floor:
    """Counts the cores at work, and the cycles of all of them together.

    Args:
        env: The environment.
        causes: Number of causes.

    Attributes:
        cores: The cores that are not at their ends, in order; the first one's waits are the chip's.
        computing: Cycles in which some core multiplied.
        stack: Cycles in which none did, per cause, between the first and the last multiply.
        fill: The same before the first one.
        stores: Units that store results.
        last: Cycle after the last multiply.
        left: Cycle in which the last core came to its end.
        blame_at_end: What every one of `stores` had been charged with by then.
    """

    name = "floor"

    def __init__(self, env: Environment, causes: int) -> None:
        self._env = env
        self.stamp = 0
        self.cores: list[Unit] = []
        self.stores: list[Unit] = []
        self.left = 0
        self.blame_at_end: list[list[int]] = []
        self.at_work = 0
        self.computing = 0
        self.stack = [0] * causes
        self.fill = [0] * causes
        self.has_begun = False
        self.last = 0
        self._since = 0
        self._blamed = [0] * causes
        self._idle = [0] * causes  # since the last multiply

    def begin(self) -> None:
        """A core begins to multiply."""
        self.stamp += 1
        self._settle()
        stack = self.stack if self.has_begun else self.fill
        for cause, cycles in enumerate(self._idle):
            stack[cause] += cycles
            self._idle[cause] = 0
        self.at_work += 1
        self.has_begun = True

    def end(self) -> None:
        """A core has done so."""
        self.stamp += 1
        self._settle()
        self.at_work -= 1
        self.last = self._env._now

    def leave(self, core: Unit) -> None:
        """A core is at its end."""
        self.stamp += 1
        self._settle()
        self.cores.remove(core)
        self._blamed = self._blame()
        if not self.cores:
            self.left = self._env._now
            self.blame_at_end = [store.blame() for store in self.stores]

    def _blame(self) -> list[int]:
        return self.cores[0].blame() if self.cores else [0] * len(self.stack)

    def _settle(self) -> None:
        """Bring the stack up to the present."""
        now = self._env._now
        blame = self._blame()
        if self.at_work:
            self.computing += now - self._since
        elif now > self._since:
            for cause, (before, after) in enumerate(zip(self._blamed, blame, strict=True)):
                self._idle[cause] += after - before
        self._since = now
        self._blamed = blame

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """How many are at work, and what has been lost since none is."""
        self._settle()
        first = self.cores[0].name if self.cores else ""
        return (self.at_work, self.has_begun, tuple(self._idle), first)

    def marks(self) -> list[int]:
        """All cycles counted."""
        self._settle()
        return [self.computing, *self.stack, *self.fill]

    def phase(self) -> list[int]:
        """Nothing counts down here."""
        return []

    def deadline(self) -> int:
        """Nothing is due here."""
        return FOREVER

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """It has no end of its own."""
        return FOREVER

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: Sequence[int]
    ) -> None:
        """Let all counts grow."""
        self.computing += times * growth[0]
        count = len(self.stack)
        for cause in range(count):
            self.stack[cause] += times * growth[1 + cause]
            self.fill[cause] += times * growth[1 + count + cause]
        self._since += times * cycles
        self.last += times * cycles

    def resume(self) -> None:
        """The core's account has grown, too: count from the present on."""
        self._blamed = self._blame()

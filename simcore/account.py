"""A unit's account: what it did and what held it up, in every cycle.

The **states** say what the unit did (transferring, waiting for what, idle) and sum to the run. The
**causes** say what held it up: while it transfers, its slowest server, or the one that others
contend for; while it waits for another unit, whatever that unit was held up by meanwhile, and so on
down the chain (see `Charge`). Both are lists by number.

What a state cost is told when it ends: a transfer's lost cycles, a slice of who records the run.
Until then it is history that nothing depends on. The fast-forward lets it grow (see `repeats`).
"""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.simcore.charge import Charge
from stallscope.simcore.environment import Environment

__all__ = ["BUSY", "IDLE", "STATES", "Account"]

STATES = ("busy", "contention", "source", "room", "version", "result", "operand", "idle")
BUSY = STATES.index("busy")
IDLE = STATES.index("idle")


class Account:
    """Cycles per state and per cause of one unit.

    Args:
        env: The environment.
        name: The unit's name.
        causes: Number of causes, shared by all units; the last one is latency.

    Attributes:
        states: Cycles per state of `STATES`.
        causes: Cycles per cause.
        state: Present state.
        cause: What the present state is charged to, where no charge follows another unit.
        charge: Who is followed.
        entered: Cycle in which the present state was entered.
        since: Cycle up to which both accounts stand.
    """

    __slots__ = ("_before", "_env", "cause", "causes", "charge", "entered", "name", "since",
                 "state", "states")  # fmt: skip

    def __init__(self, env: Environment, name: str, causes: int) -> None:
        self._env = env
        self.name = name
        self.states = [0] * len(STATES)
        self.causes = [0] * causes
        self.state = IDLE
        self.cause = causes - 1
        self.charge: Charge | None = None
        self.entered = 0
        self.since = 0
        self._before: list[int] | None = None

    def enter(self, state: int, cause: int, charge: Charge | None) -> None:
        """Another state begins."""
        now = self._env._now
        if now != self.since:
            self.settle()
        self._before = None
        self.entered = now
        self.state = state
        self.cause = cause
        self.charge = charge

    def let_go(self) -> None:
        """What it waits for is there, in this cycle: nothing more is charged to anybody's."""
        self.settle()
        self.charge = None

    def remember(self) -> None:
        """What the present state costs from now on will be asked for: see `spent`."""
        if self._before is None:
            self._before = self.causes.copy()

    def spent(self) -> list[int]:
        """Cycles per cause since they are remembered in this state; empty if they are not."""
        if self._before is None:
            return []
        return [b - a for a, b in zip(self._before, self.causes, strict=True)]

    def press(self, cause: int) -> None:
        """Others set the pace of the transfer under way from now on."""
        self.settle()
        self.remember()
        self.cause = cause

    def lost_to(self, own: int, alone: int, lost: int) -> dict[int, int]:
        """Split cycles that a transfer which ends now lost, by cause.

        Args:
            own: Cause of its own slowest server: of what nobody else is to blame for.
            alone: Cause that the unit is charged to while nobody else sets the pace.
            lost: Cycles it took longer than alone.
        """
        if self._before is None:
            return {own: lost}
        self.settle()
        pressed = {
            cause: after - before
            for cause, (before, after) in enumerate(zip(self._before, self.causes, strict=True))
            if after != before and cause != own and cause != alone
        }
        total = sum(pressed.values())
        if total <= lost:
            return pressed | {own: lost - total}
        # Others were there for longer than they delayed it: shares that sum to what was lost.
        split, done, given = {}, 0, 0
        for cause, cycles in pressed.items():
            done += cycles
            split[cause] = done * lost // total - given
            given += split[cause]
        return split

    def blame(self) -> list[int]:
        """Cycles per cause up to now."""
        causes = self.causes.copy()
        now = self._env._now
        if now != self.since:
            if self.charge is None:
                causes[self.cause] += now - self.since
            else:
                self.charge.add_to(causes, now)
        return causes

    def settle(self) -> None:
        """Bring both accounts up to the present, where a state ends."""
        now = self._env._now
        elapsed = now - self.since
        if elapsed:
            self.states[self.state] += elapsed
            if self.charge is None:
                self.causes[self.cause] += elapsed
            else:
                self.charge.add_to(self.causes, now)
            self.since = now

    def flush(self) -> None:
        """Bring both accounts up to the present, in the middle of a state."""
        if self._env._now != self.since:
            self.settle()
            if self.charge is not None:
                self.charge.restart(self.since)

    # ------------------------------------------------------------------ fast-forward

    def _is_told(self) -> bool:
        """Whether the end of the present state tells of its past."""
        return self.state == BUSY or self._before is not None

    def marks(self) -> list[int]:
        """When a state that will be told of began, states, causes."""
        return [self.entered if self._is_told() else 0, *self.states, *self.causes]

    def history(self) -> list[int]:
        """What will be told of the present state: its begin, its age, its cycles per cause."""
        if not self._is_told():
            return []
        return [self.entered, self._env._now - self.entered, *self.spent()]

    @staticmethod
    def repeats(before: Sequence[int], now: Sequence[int]) -> bool:
        """Whether the history at a period's two ends grows by the period.

        Either such a state began anew, as long ago as the one before and with the same cycles per
        cause; or it has gone on all the while, and has had what the period added.
        """
        return before[1:] == now[1:] or before[0] == now[0]

    def shift(self, cycles: int, grown: Sequence[int]) -> None:
        """Move on by ``cycles`` in which the `marks` have grown."""
        began, states, causes = grown[0], grown[1 : 1 + len(STATES)], grown[1 + len(STATES) :]
        self.states = [a + by for a, by in zip(self.states, states, strict=True)]
        self.causes = [a + by for a, by in zip(self.causes, causes, strict=True)]
        if self._before is not None and began:
            self._before = [a + by for a, by in zip(self._before, causes, strict=True)]
        self.entered += began
        self.since += cycles
        if self.charge is not None:
            self.charge.shift(cycles)

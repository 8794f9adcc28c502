"""The process of an array whose work depends on zeros."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol

from stallscope.hw.cursor import Cursor
from stallscope.hw.pe_array import ArrayPlan, PeArray
from stallscope.hw.sparse.bursts import Block, BurstTotal, BurstWork
from stallscope.hw.sparse.pacing import Pace, Stretch
from stallscope.hw.sparse.plan import SparsePlan
from stallscope.hw.transferring import Wiring
from stallscope.simcore.counter import Effects
from stallscope.simcore.servers import Demand

__all__ = ["Bind", "KindOf", "SparsePeArray"]

_MOST_DEMANDS = 1 << 14
"""Demands that are remembered."""

KindOf = Callable[[int, bool, BurstWork, Demand], int]
"""Number of the kind of a burst: its record, whether it is fresh, what it comes to and asks for."""


class Bind(Protocol):
    """What a burst asks of the servers."""

    def __call__(
        self, record: int, burst: BurstWork, *, is_fresh: bool, stretch: Stretch
    ) -> Demand:
        """Return the demand of a burst, by its record and what it comes to."""


class SparsePeArray(PeArray):
    """The array's process, its bursts as long as zeros make them.

    Attributes:
        sparse: What zeros make of the stream.
        pace: Who decides how long bursts take.
        kind_of: Names the kinds of bursts, for who records the run.
        sums: Over all bursts: steps of all PEs, multiply-accumulates executed, those active; output
            words that were not read, being touched for the first time; per operand words read.
        waited: Cycles in which all PEs at work waited for units of their own, per cause.
        waits: Cycles that PEs waited for units of their own, summed over them, per cause.
    """

    def __init__(
        self,
        wiring: Wiring,
        name: str,
        order: int,
        cursor: Cursor,
        plan: ArrayPlan,
        *,
        sparse: SparsePlan,
        pace: Pace,
        bind: Bind,
        notes_tiles: bool,
        holds_servers: bool,
    ) -> None:
        super().__init__(wiring, name, order, cursor, plan)
        self.sparse = sparse
        self.pace = pace
        self.kind_of: KindOf
        self.sums = [0] * (4 + len(sparse.readings))
        self.waited = [0] * len(wiring.causes)
        self.waits = [0] * len(wiring.causes)
        self._bind = bind
        self._demands: dict[Hashable, Demand] = {}
        self._burst: BurstWork
        self._came: list[deque[int]] = []
        self._new: list[int] = []
        self._notes_tiles = notes_tiles
        self._holds_servers = holds_servers

    def start(self) -> None:
        """Begin; if asked to, note from now on when the operands' tiles come."""
        if self._notes_tiles:
            self._came = [port.channel.delivered.note() for port in self.operands]
            self._new = list(range(len(self.operands)))
        super().start()

    @property
    def total(self) -> BurstTotal:
        """What the bursts so far came to."""
        steps, executed, active, fresh, *reads = self.sums
        return BurstTotal(steps, executed, active, fresh, tuple(reads))

    # ------------------------------------------------------------------ bursts

    def _demand(self, record: int, is_fresh: bool) -> Demand:
        """What the present burst asks of the servers, as long as its PEs take."""
        block, row = self.sparse.bursts.find(self.position.index)
        burst = self._burst = block.works[row]
        stretch = self._begin(block, row, record, is_fresh)
        key: Hashable = stretch
        if self._holds_servers:
            key = (record, is_fresh, stretch, burst.busiest, burst.busiest_fresh, burst.fronts)
        found = self._demands.get(key)
        if found is None:
            if len(self._demands) >= _MOST_DEMANDS:
                self._demands.clear()
            found = self._bind(record, burst, is_fresh=is_fresh, stretch=stretch)
            self._demands[key] = found
        return found

    def _begin(self, block: Block, row: int, record: int, is_fresh: bool) -> Stretch:
        arrived = max((self._came[port].popleft() for port in self._new), default=0)
        self._new = []
        if not self.steps:
            arrived = self.env._now  # networks had to fill first
        return self.pace.begin(block, row, record, is_fresh, arrived * self.ticks)

    def _measure(self, tick: int, elapsed: int) -> None:
        """A burst is over."""
        self.pace.end(tick, elapsed)
        self.work = self.pace.work

    def _ended(self, demand: Demand, record: int, is_fresh: bool) -> int:
        """Book a burst, and what it came to."""
        done = super()._ended(demand, record, is_fresh)
        pace = self.pace
        if pace.waits:
            self.waited[demand.port_cause] += min(pace.waited, self.lost.get(demand.port_cause, 0))
            self.waits[demand.port_cause] += pace.waits
        burst, sums = self._burst, self.sums
        sums[0] += burst.steps
        sums[1] += burst.executed
        sums[2] += burst.active
        if is_fresh:
            sums[3] += burst.fresh
        for at, words in enumerate(burst.reads, start=4):
            sums[at] += words
        return done

    def _kind(self, record: int, is_fresh: bool, demand: Demand) -> int:
        """Number of the kind of the present burst: kinds come up as the run goes on."""
        return self.kind_of(record, is_fresh, self._burst, demand)

    def _leave(self, stepped: int) -> tuple[Effects, Effects]:
        """What the end of a burst means; the next one may use new tiles."""
        if self._came:
            self._new = [at for at, port in enumerate(self.operands) if stepped < port.depth]
        return super()._leave(stepped)

    # ------------------------------------------------------------------ fast-forward

    def _more(self, now: int) -> Hashable:
        """With the PEs' times, and when tiles came that wait for them."""
        is_waiting = self.account.state == self.OPERAND
        tick = now * self.ticks
        # Who is there before the burst under way began is there: when it came is nothing.
        since = tick if is_waiting else self.pace.issued
        came = tuple(
            tuple(max(cycle * self.ticks, since) - tick for cycle in queue) for queue in self._came
        )
        pace = self.pace.relative(tick, is_waiting=is_waiting)
        return (super()._more(now), pace, came, tuple(self._new))

    def _tallies(self) -> list[int]:
        """With what the bursts came to."""
        return [*super()._tallies(), *self.sums, *self.waited, *self.waits]

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of `_tallies`."""
        own = [self.sums, self.waited, self.waits]
        at = len(growth) - sum(map(len, own))
        super()._grow(times, growth[:at])
        for amounts in own:
            for index in range(len(amounts)):
                amounts[index] += times * growth[at + index]
            at += len(amounts)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods, to the PEs' times as well."""
        super().shift(level, iterations, cycles, times, growth)
        self.pace.shift(times * cycles * self.ticks)
        for queue in self._came:
            for at in range(len(queue)):
                queue[at] += times * cycles

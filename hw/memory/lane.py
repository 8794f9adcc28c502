"""Lanes: what one stream has under way in main memory.

A lane asks for the bursts of a step chunk by chunk and reports a chunk when it and all before it
are complete. While anything is under way the lane is held up by whatever holds the memory up.
`Reads` asks for tiles as soon as the child has room; `Writes` for the chunks that a drain has
brought (`stallscope.hw.memory.streams`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from stallscope.hw.cursor import Cursor
from stallscope.hw.memory.addresses import Addresses
from stallscope.hw.memory.component import Memory
from stallscope.hw.mover import MoverPlan
from stallscope.hw.transferring import Wiring
from stallscope.simcore.charge import Charge
from stallscope.simcore.counter import Channel, Counter, Effects
from stallscope.simcore.environment import FOREVER, Event
from stallscope.simcore.recorder import NOTHING
from stallscope.simcore.slices import outcome_of
from stallscope.simcore.unit import Unit

__all__ = ["Lane", "LanePlan", "strides", "until"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePlan:
    """A lane's stream bound to a memory.

    Attributes:
        addresses: Addresses of the stream's steps.
        burst_bytes: Bytes of a burst.
        stripe_bits: Bits of a row of all banks: so much further all is alike but the row. 0 where
            tensors share such rows: then nothing moves by rows.
        bandwidth: Number of the cause that moving data is.
        latency: Number of the cause that data on its way is.
    """

    addresses: Addresses
    burst_bytes: int
    stripe_bits: int
    bandwidth: int
    latency: int


@dataclass(slots=True)
class _Chunk:
    """A chunk under way, in the order of the stream.

    Attributes:
        batch: Its number in the memory; -1 if it has no bursts of its own.
        arrival: Counter that is one further when it is complete, if any.
        effects: That one, and the others that grow then.
        kind: Kind of the slice reported of it.
        step: Step of the stream it is of.
        is_done: Whether the memory is done with it.
    """

    batch: int
    arrival: Counter | None
    effects: Effects
    kind: int
    step: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class _Wait:
    """What the process waits for while the lane may be busy."""

    counter: Counter
    state: int
    maker: Unit | None


class Lane(Unit):
    """What the lanes of both directions share.

    Attributes:
        origin: Bit of main memory at which the present step's tile begins.
        handed: Chunks between the lane and the unit on chip, in either direction.
        bursts: Bursts asked for.
        served: Cycle from which the oldest chunk under way is served.
    """

    is_write = False
    what = "read"
    """What a chunk handed over was, in the counter's name."""

    def __init__(
        self, wiring: Wiring, memory: Memory, name: str, order: int, cursor: Cursor,
        mover: MoverPlan, plan: LanePlan, number: int,
    ) -> None:  # fmt: skip
        super().__init__(wiring.env, name, order, cursor.position, len(wiring.causes))
        self.wiring = wiring
        self.memory = memory
        self.cursor = cursor
        self.mover = mover
        self.plan = plan
        self.account.cause = plan.latency
        self.source = memory.add(self)
        self.channel: Channel
        place = name.rpartition(" ")[0]
        self.handed = Counter(wiring.env, self, f"{place} {self.what}", number)
        self.origin = plan.addresses.origin(cursor.position.index)
        self.bursts = 0
        self.served = 0
        self._under_way: deque[_Chunk] = deque()
        self._waiting: _Wait | None = None
        self._blamed: list[int] = []
        self._split: list[int] = []

    def cause_of(self, state: int) -> int:
        """No room, or else latency."""
        return self.wiring.capacity if state == self.ROOM else self.plan.latency

    def step(self) -> int:
        """Go on to the next step; returns the loop that stepped, or -1 at the end."""
        stepped = self.cursor.step()
        self.origin = self.plan.addresses.origin(self.position.index)
        return stepped

    def row(self) -> int:
        """Row of all banks in which the present step's tile begins."""
        stripe = self.plan.stripe_bits
        return self.origin // stripe if stripe else 0

    def within(self, bit: int) -> int:
        """Where in its row of all banks a bit is; the bit itself where that means nothing."""
        stripe = self.plan.stripe_bits
        return bit % stripe if stripe else bit

    def stride(self, level: int) -> int:
        """Iterations of a loop after which the stream is where it was in its rows, but rows on."""
        steps, stripe = self.plan.addresses.steps, self.plan.stripe_bits
        if level >= len(steps) or not stripe:
            return 1
        return stripe // gcd(stripe, steps[level])

    # ------------------------------------------------------------------ waiting

    def pause(self, counter: Counter, need: int, state: int, maker: Unit | None) -> Event:
        """Have the process wait; the lane itself waits only once nothing is under way."""
        self._waiting = _Wait(counter, state, maker)
        if not self._under_way:
            return self.wait(counter, need, state, maker)
        self.stamp += 1
        self.awaited = counter
        return counter.until(need, self)

    def resumed(self) -> None:
        """The process waits no more."""
        self._waiting = None
        if self.account.state != self.BUSY:
            self.enter(self.IDLE, self.plan.latency)

    def _rest(self) -> None:
        """Nothing is under way any more."""
        wait = self._waiting
        need = wait.counter.awaited_by(self) if wait is not None else None
        if wait is None or need is None:
            self.enter(self.IDLE, self.plan.latency)
            return
        charge = None
        if wait.maker is not None:
            charge = self.charge_of(wait.counter, need, wait.maker)
        self.enter(wait.state, self.cause_of(wait.state), charge)

    # ------------------------------------------------------------------ requests

    def put(
        self, bursts: NDArray[np.int64], kind: int, arrival: Counter | None, also: Effects = ()
    ) -> None:
        """Ask for the bursts of a chunk.

        Args:
            bursts: Numbers of the bursts.
            kind: Kind of the slice reported of it.
            arrival: Counter that is one further when it and all before it are complete.
            also: Other counters that grow then.
        """
        self.stamp += 1
        effects = also if arrival is None else ((arrival, 1), *also)
        batch = -1
        if len(bursts):
            addresses = bursts * self.plan.burst_bytes
            batch = self.memory.submit(self.source, addresses, is_write=self.is_write)
            self.bursts += len(bursts)
        chunk = _Chunk(batch, arrival, effects, kind, self.steps, batch < 0)
        if batch < 0 and not self._under_way:
            if self.recorder is not None:
                self.end_wait()
                self._serve()
                self._report_chunk(chunk)
            self._finish(arrival, effects)
            return
        if not self._under_way:
            self._begin()
        self._under_way.append(chunk)

    def _begin(self) -> None:
        charge = Charge(self.env._now)
        charge.follow(self.memory)
        self.enter(self.BUSY, self.plan.bandwidth, charge)
        self._serve()

    def _serve(self) -> None:
        self.served = self.env._now
        if self.recorder is not None:
            self._blamed = self.memory.blame()

    def complete(self, batch: int) -> None:
        """A batch is complete now."""
        self.stamp += 1
        under_way = self._under_way
        next(chunk for chunk in under_way if chunk.batch == batch).is_done = True
        while under_way and under_way[0].is_done:
            chunk = under_way.popleft()
            if self.recorder is not None:
                self._report_chunk(chunk)
            self._finish(chunk.arrival, chunk.effects)
            self._serve()
        if not under_way:
            self._rest()

    def _finish(self, arrival: Counter | None, effects: Effects) -> None:
        """A chunk is complete: what it brings is under way and there at once."""
        if arrival is not None:
            arrival.send(self.plan.latency, self.env._now, self.plan.latency)
        self._apply(effects)

    # ------------------------------------------------------------------ recording

    def _report_chunk(self, chunk: _Chunk) -> None:
        assert self.recorder is not None
        now = self.env._now
        split = self._since_served()
        lost = sum(split)
        cause = max(range(len(split)), key=split.__getitem__) if lost else NOTHING
        row = (self.served, now, self.order, NOTHING, chunk.step, chunk.kind, now, lost, cause,
               outcome_of(self, now, chunk.effects, ()))  # fmt: skip
        self.recorder.slice(row, split if lost and split[cause] < lost else None)

    def _since_served(self) -> list[int]:
        """Cycles per cause since the oldest chunk is served, but for moving data."""
        grown = zip(self._blamed, self.memory.blame(), strict=True)
        split = [after - before for before, after in grown]
        split[self.plan.bandwidth] = 0
        return split

    # ------------------------------------------------------------------ fast-forward

    def _more(self, now: int) -> Hashable:
        chunks = tuple(
            (chunk.is_done, chunk.kind, self.steps - chunk.step,
             tuple((counter.name, amount) for counter, amount in chunk.effects))
            for chunk in self._under_way
        )  # fmt: skip
        served = None
        if self.recorder is not None and chunks:
            self._split = self._since_served()
            served = (self.served - now, tuple(self._split))
        wait = self._waiting
        return (
            chunks, served, self.steps == 0, self.cursor.record, self.cursor.memory,
            self.within(self.origin), self.handed.state(self.handed.value),
            self.handed.under_way(),
            (wait.counter.name, wait.state) if wait is not None else None, self.progress(),
        )  # fmt: skip

    def progress(self) -> Hashable:
        """The stream's own counts relative to the counters it is compared with."""
        return None

    def _tallies(self) -> list[int]:
        """Bursts, then what a subclass adds, then the chunks handed over."""
        return [self.bursts, self.handed.value]

    def _grow(self, times: int, growth: list[int]) -> None:
        self.bursts += times * growth[0]

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods."""
        steps = self.steps
        super().shift(level, iterations, cycles, times, growth)
        self.cursor.jump(level, 0)
        self.origin = self.plan.addresses.origin(self.position.index)
        self.served += times * cycles
        for chunk in self._under_way:
            chunk.step += self.steps - steps
        self.handed.shift(times * growth[-1], times * cycles)

    def resume(self) -> None:
        """After a skip: the account of what is under way goes on where it was."""
        super().resume()
        if self.recorder is not None and self._under_way:
            grown = zip(self.memory.blame(), self._split, strict=True)
            self._blamed = [now - before for now, before in grown]


def strides(lanes: Sequence[Lane], depth: int) -> list[int]:
    """Per loop, iterations after which main memory can be alike at the earliest."""
    return [lcm(*(lane.stride(level) for lane in lanes)) for level in range(depth)]


def until(lanes: Sequence[Lane]) -> Callable[[int], int]:
    """When main memory acts next, for loops in which no lane steps; for others FOREVER."""
    if not lanes:
        return lambda level: FOREVER
    memory, depth = lanes[0].memory, max(lane.position.depth for lane in lanes)
    return lambda level: memory.deadline() if level >= depth else FOREVER

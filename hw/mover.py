"""Movers: what the units share that carry tiles between two storage levels.

A **fill** brings operand tiles down (`stallscope.hw.fill`), a **refill** brings partial sums down
and a **drain** carries output tiles up (`stallscope.hw.partial_sums`). Each executes its stream in
order: it waits for its source tile, for room in words for the new words only, for the write-back of
the version it would read; then it holds the servers of its path, and delivers a latency after the
last word left.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass

from stallscope.hw.cursor import Cursor, Gate
from stallscope.hw.sparse.moving import Moved, Moving
from stallscope.hw.transferring import Transferring, Wiring
from stallscope.simcore.counter import Channel
from stallscope.simcore.environment import Event
from stallscope.simcore.servers import Demand
from stallscope.simcore.unit import Unit

__all__ = ["Carrier", "MoverPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoverPlan:
    """A mover's stream bound to hardware.

    Attributes:
        demands: Per record, what the transfer asks of its servers.
        room: Per record, words the child makes room for.
        stays: Per record, whether the tile stays where it is: no words, no room.
        released: Per record, words of the tile before that the child need not keep.
        tile_words: Per record, words of the tile.
        latency: Cycles from the end of a transfer to delivery.
        skew: Per record, cycles more of a drain out of a systolic array; empty: it is none.
        rows: Likewise, rows that it takes out: they are written in order, one per cycle.
        latency_cause: Number of the cause that latency is.
        first_delay: Extra cycles of the first delivery (fill) or last arrival (drain).
        parent_depth: See `MoverStream`.
        elide_first: See `MoverStream`.
        reductions: Loops that do not touch the tensor, outermost first.
        kinds: Below a main memory with a controller, where a step moves in chunks: per record
            the number of the kind of its first chunk; then the number of kinds.
    """

    demands: tuple[Demand, ...]
    room: tuple[int, ...]
    stays: tuple[bool, ...]
    released: tuple[int, ...]
    tile_words: tuple[int, ...]
    latency: int
    skew: tuple[int, ...]
    rows: tuple[int, ...]
    latency_cause: int
    first_delay: int
    parent_depth: int
    elide_first: bool
    reductions: tuple[int, ...]
    kinds: tuple[int, ...] = ()

    def moves(self, record: int, version: int) -> bool:
        """Whether a refill of a tile's ``version`` (0: its first visit) moves words."""
        return not self.stays[record] and (version != 0 or not self.elide_first)


class Carrier(Transferring):
    """What all movers share: one transfer slot and the end of a transfer.

    Attributes:
        tally: Per record, transfers executed.
        channel: Progress of the tensor at the child.
        source: Progress of the tensor at the parent, None if the parent holds everything.
        parent_tiles: Tiles of the parent used so far, the present one included.
        moving: What its steps carry, if that depends on zeros; None: what their records say.
        moved: What the present step carries then.
        kind_of: Number of the kind of the present step then, for who records the run.
    """

    def __init__(
        self, wiring: Wiring, name: str, order: int, cursor: Cursor, plan: MoverPlan
    ) -> None:
        super().__init__(wiring, name, order, cursor.position, plan.latency_cause)
        self.cursor = cursor
        self.plan = plan
        self.tally = [0] * len(plan.demands)
        self.channel: Channel
        self.source: Channel | None = None
        self.feeder: Unit | None = None
        self.drainer: Unit | None = None
        self.parent_tiles = 1
        self.moving: Moving | None = None
        self.moved: Moved
        self.kind_of: Callable[[int, Moved], int]

    def _look_up(self, moving: Moving, record: int) -> Demand:
        """What the present step asks for where that depends on zeros."""
        self.moved = moving.at(record, self.position)
        return self.moved.demand

    def _kind(self, record: int) -> int:
        """Number of the kind of the present step."""
        return record if self.moving is None else self.kind_of(record, self.moved)

    def _pass(self, gate: Gate) -> Generator[Event, None, None]:
        """Wait for a counter that the program names."""
        if gate.counter.value < gate.tiles:
            yield self.wait(gate.counter, gate.tiles, gate.state, gate.feeder)

    def _prepare(self, record: int) -> Generator[Event, None, None]:
        """Wait for what the program names, the parent's tile, and room in the child; take it."""
        for gate in self.cursor.gates:
            yield from self._pass(gate)
        source, channel = self.source, self.channel
        if source is not None and source.delivered.value < self.parent_tiles:
            yield self.wait(source.delivered, self.parent_tiles, self.SOURCE, self.feeder)
        room = self.plan.room[record]
        free = channel.reserved + room - channel.capacity
        if channel.released.value < free:
            yield self.wait(channel.released, free, self.ROOM, None)
        channel.reserve(room)

    def _more(self, now: int) -> Hashable:
        """What a later step depends on besides the position."""
        return (super()._more(now), self.cursor.record, self.cursor.memory, self.progress())

    def progress(self) -> Hashable:
        """The stream's own counts relative to the counters it is compared with."""
        ahead = self.parent_tiles - self.source.delivered.value if self.source else 0
        return (ahead, self.steps - self.channel.delivered.value)

    def _tallies(self) -> list[int]:
        """Transfers per record, words where they depend on zeros, parent tiles."""
        if self.moving is None:
            return [*self.tally, self.parent_tiles]
        return [*self.tally, *self.moving.totals.tolist(), self.parent_tiles]

    def _grow(self, times: int, growth: list[int]) -> None:
        """Apply the growth of `_tallies`."""
        for index in range(len(self.tally)):
            self.tally[index] += times * growth[index]
        if self.moving is not None:
            self.moving.grow(times, growth[len(self.tally) : -1])
        self.parent_tiles += times * growth[-1]

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods."""
        super().shift(level, iterations, cycles, times, growth)
        self.cursor.jump(level, 0)

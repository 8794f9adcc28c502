"""The streams below a main memory with a controller: reads, and writes.

What is read lands on chip chunk by chunk (`stallscope.hw.memory.landing`); what is written has been
carried to the memory by a drain, chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable

from stallscope.hw.memory.lane import Lane
from stallscope.simcore.counter import Counter, Effects
from stallscope.simcore.environment import Event
from stallscope.simcore.unit import Unit

__all__ = ["Reads", "Writes"]


class Reads(Lane):
    """Asks for the tiles of a tensor as soon as the child has room for them.

    Attributes:
        drainer: For partial sums, who writes their last version back.
    """

    drainer: Unit | None = None

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        channel, mover = self.channel, self.mover
        stepped = 0
        while stepped >= 0:
            record = self.cursor.record
            room = mover.room[record]
            free = channel.reserved + room - channel.capacity
            if channel.released.value < free:
                yield self.pause(channel.released, free, self.ROOM, None)
                self.resumed()
            channel.reserve(room)
            is_moved = True
            if channel.is_written:
                version = self.cursor.version(mover.reductions, self.steps)
                if channel.drained.value < version:
                    yield self.pause(channel.drained, version, self.VERSION, self.drainer)
                    self.resumed()
                is_moved = mover.moves(record, version)
            self._request(record if is_moved else -1)
            stepped = self.step()
            self.steps += 1
        self.is_finished = True

    def _request(self, record: int) -> None:
        """Ask for a tile; one that brings nothing is handed on as one chunk."""
        addresses = self.plan.addresses
        chunks = addresses.bursts(record, self.origin) if record >= 0 else []
        for number, bursts in enumerate(chunks):
            self.put(bursts, addresses.kind(record, number), self.handed)
        if not chunks:
            self.put(addresses.none, addresses.kinds[-1], self.handed)


class Writes(Lane):
    """Writes the chunks that a drain brings.

    Attributes:
        drain: The drain.
        taken: Chunks taken from it.
        arrived: Record of the step that brought the tile in use.
        began: Bit of main memory at which that tile begins.
    """

    is_write = True
    what = "brought"
    drain: Unit
    taken = 0
    arrived = 0
    began = 0

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        stays = self.mover.stays
        stepped = 0
        while stepped >= 0:
            if not stays[self.cursor.record]:
                self.arrived = self.cursor.record
                self.began = self.origin
            stepped = self.step()
            is_left = stepped < 0 or not stays[self.cursor.record]
            chunks = self.plan.addresses.chunks[self.arrived] if is_left else 1
            for number in range(chunks):
                if self.handed.value <= self.taken:
                    yield self.pause(self.handed, self.taken + 1, self.SOURCE, self.drain)
                    self.resumed()
                self.taken += 1
                self._write(number, is_left=is_left, is_last=number + 1 == chunks)
            self.steps += 1
        self.is_finished = True

    def _write(self, number: int, *, is_left: bool, is_last: bool) -> None:
        """Write one chunk; after the last one the tile's room is free."""
        addresses, channel = self.plan.addresses, self.channel
        record = self.arrived
        bursts, kind = addresses.none, addresses.kinds[-1]
        if is_left:
            bursts = addresses.bursts(record, self.began)[number]
            kind = addresses.kind(record, number)
        arrival: Counter | None = None
        also: Effects = ()
        if is_last:
            arrival = channel.drained
            also = ((channel.released, self.mover.room[record] if is_left else 0),)
        self.put(bursts, kind, arrival, also)

    def progress(self) -> Hashable:
        """How far it is behind the drain; the tile in use."""
        return (
            self.taken - self.handed.value, self.arrived,
            self.within(self.began),
        )  # fmt: skip

    def _tallies(self) -> list[int]:
        return [self.bursts, self.taken, self.began, self.handed.value]

    def _grow(self, times: int, growth: list[int]) -> None:
        super()._grow(times, growth)
        self.taken += times * growth[1]
        self.began += times * growth[2]

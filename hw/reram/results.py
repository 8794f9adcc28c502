"""What carries results, and partial sums on their way, between a core and its tile's memory."""

from __future__ import annotations

from collections.abc import Generator, Hashable

from stallscope.hw.reram.binding import Binding
from stallscope.hw.reram.stepping import Site, Stepping
from stallscope.hw.transferring import Wiring
from stallscope.simcore.environment import Event
from stallscope.simcore.servers import Demand
from stallscope.simcore.unit import Unit
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["Refill", "Store"]


class Store(Stepping):
    """ACT and STORE: results after the last visit of a tile, partial sums after any other.

    Its tally: words that left as results, and as partial sums.

    Attributes:
        largest: Most words of a tile.
    """

    RESULTS, SUMS = range(2)

    def __init__(
        self, wiring: Wiring, order: int, program: CrossbarProgram, binding: Binding, site: Site
    ) -> None:
        name = f"{site.name} results"
        super().__init__(wiring, name, order, program, program.walk.outputs, binding, [site], 2)
        self.latency_cause = binding.latencies.results_cause
        self.site = site
        self.largest = 0

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        sums, cursor = self.site.sums, self.cursor
        stepped = 0
        while stepped >= 0:
            if sums.finished.value <= self.steps:
                yield self.wait(sums.finished, self.steps + 1, self.RESULT, self.site.unit)
            done, due, cause = self.env._now, self.env._now, self.latency_cause
            block, demand = (
                self.places.block(self.site.tile, self.site.core, cursor.co),
                None,
            )
            if block is not None:
                demand = self._demand()
                if demand.total:
                    yield self.submit(demand)
                    done = self.ended(demand)
                    cause = demand.cause
                due = done + self.binding.latencies.results
                words = cursor.tile_pixels * self.places.width(block)
                self.tally[self.RESULTS if cursor.is_last else self.SUMS] += words
                self.largest = max(self.largest, words)
            due = self.in_order(due)
            sums.drained.send(cause, done, self.latency_cause)
            freed = ((sums.released, self.places.sum_bytes(cursor.tile_pixels)),)
            drained = ((sums.drained, 1),)
            if self.kinds is not None:
                self.tell(self.kinds.store(cursor, demand), demand, done, due, freed, drained)
            self.steps += 1
            self.later(done, freed)
            self.later(due, drained)
            stepped = cursor.step()
        self.stop()

    def _demand(self) -> Demand:
        cursor, site = self.cursor, self.site
        return self.binding.store(
            site.tile, site.core, cursor.co, cursor.tile_pixels, is_last=cursor.is_last
        )

    def progress(self) -> Hashable:
        """How far it is behind the core."""
        return self.steps - self.site.sums.finished.value


class Refill(Stepping):
    """Makes room for a tile of results, and brings back the partial sums it had.

    Its tally: words brought back.
    """

    def __init__(
        self, wiring: Wiring, order: int, program: CrossbarProgram, binding: Binding, site: Site
    ) -> None:
        name = f"{site.name} partial sums"
        super().__init__(wiring, name, order, program, program.walk.outputs, binding, [site], 1)
        self.site = site
        self.store: Unit | None = None

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        sums, cursor = self.site.sums, self.cursor
        stepped = 0
        while stepped >= 0:
            yield from self._make_room()
            done, due, cause = self.env._now, self.env._now, self.latency_cause
            block, demand = (
                self.places.block(self.site.tile, self.site.core, cursor.co),
                None,
            )
            if block is not None and not cursor.is_first:
                demand = self._demand()
                if demand.total:
                    yield self.submit(demand)
                    done = self.ended(demand)
                    cause = demand.cause
                due = done + self.binding.latencies.inputs
                self.tally[0] += cursor.tile_pixels * self.places.width(block)
            due = self.in_order(due)
            sums.delivered.send(cause, done, self.latency_cause)
            arrived = ((sums.delivered, 1),)
            if self.kinds is not None:
                self.tell(self.kinds.refill(cursor, demand), demand, done, due, (), arrived)
            self.steps += 1
            self.later(due, arrived)
            stepped = cursor.step()
        self.stop()

    def _demand(self) -> Demand:
        cursor, site = self.cursor, self.site
        return self.binding.refill(site.tile, site.core, cursor.co, cursor.tile_pixels)

    def _make_room(self) -> Generator[Event, None, None]:
        """Wait until the tile's last version has been stored and there is room; take it."""
        sums, cursor = self.site.sums, self.cursor
        if not cursor.is_first:
            version = self._version()
            if sums.drained.value < version:
                yield self.wait(sums.drained, version, self.VERSION, self.store)
        room = self.places.sum_bytes(cursor.tile_pixels)
        free = sums.reserved + room - sums.capacity
        if sums.released.value < free:
            yield self.wait(sums.released, free, self.ROOM, None)
        sums.reserve(room)

    def _version(self) -> int:
        """Stores that must be done: up to the tile's last visit, that one included."""
        index = list(self.position.index)
        sums = [level for level in self.program.sums if level < self.position.depth]
        turned = max(level for level in sums if index[level])
        index[turned] -= 1
        # Loops inside stood at their ends; how far that is follows from the loops outside them.
        for level in sums:
            if level > turned:
                index[level] = self.position.last(level, index)
        return self.position.ordinal(index) + 1

    def progress(self) -> Hashable:
        """How far it is ahead of the core."""
        return self.steps - self.site.sums.delivered.value

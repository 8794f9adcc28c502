"""What brings inputs and weights to the cores of a tile."""

from __future__ import annotations

from collections.abc import Generator, Hashable

from stallscope.hw.reram.binding import Binding
from stallscope.hw.reram.stepping import Site, Stepping
from stallscope.hw.reram.writing import AwareWriting, StatedWriting, Written
from stallscope.hw.transferring import Wiring
from stallscope.simcore.counter import Effects
from stallscope.simcore.environment import Event
from stallscope.simcore.servers import Demand
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["InputLoader", "Programmer"]


class InputLoader(Stepping):
    """LOAD of inputs: one read of the tile's memory for all cores that need the same.

    It waits until every core has room, as hardware that multicasts does. Its tally: loads, words
    read from the memory, words delivered, runs of consecutive words; from REACH on, words by the
    number of cores that each reached.

    Attributes:
        largest: Most words that a core took at once.
    """

    LOADS, WORDS, DELIVERED, RUNS, REACH = range(5)

    def __init__(
        self, wiring: Wiring, order: int, program: CrossbarProgram, binding: Binding,
        sites: list[Site],
    ) -> None:  # fmt: skip
        self.sites = sites
        name = f"tile {sites[0].tile} inputs"
        super().__init__(
            wiring, name, order, program, program.walk.inputs, binding, sites, 5 + len(sites)
        )
        self.is_new = True
        self.largest = 0

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        cursor, latency = self.cursor, self.binding.latencies.inputs
        stepped = 0
        while stepped >= 0:
            done, due, cause = self.env._now, self.env._now, self.latency_cause
            demand = None
            if self.is_new:
                yield from self._make_room()
                demand = self._demand()
                done = self.env._now
                if demand.total:
                    yield self.submit(demand)
                    done = self.ended(demand)
                    cause = demand.cause
                self._count()
                due = done + latency
            due = self.in_order(due)
            for site in self.sites:
                site.inputs.delivered.send(cause, done, self.latency_cause)
            arrived = tuple((site.inputs.delivered, 1) for site in self.sites)
            if self.kinds is not None:
                self.tell(self.kinds.inputs(cursor, demand), demand, done, due, (), arrived)
            self.steps += 1
            self.later(due, arrived)
            before = cursor.inputs
            stepped = cursor.step()
            self.is_new = cursor.inputs != before
        self.stop()

    def _demand(self) -> Demand:
        cursor = self.cursor
        return self.binding.inputs(self.tile, cursor.co, cursor.ko, cursor.rows, cursor.columns)

    def _make_room(self) -> Generator[Event, None, None]:
        """Wait for room in every core, and take it."""
        cursor = self.cursor
        room = self.places.input_bytes(cursor.load, cursor.rows, cursor.columns)
        for site in self.sites:
            free = site.inputs.reserved + room - site.inputs.capacity
            if site.inputs.released.value < free:
                yield self.wait_behind(site.inputs.released, free, self.ROOM, site.unit)
        for site in self.sites:
            site.inputs.reserve(room)

    def _count(self) -> None:
        cursor, tally = self.cursor, self.tally
        words = self.places.input_words(cursor.load, cursor.rows, cursor.columns)
        tally[self.LOADS] += 1
        bundles = self.places.bundles(self.tile, cursor.co)
        tally[self.WORDS] += words * bundles
        tally[self.RUNS] += (
            self.places.input_runs(cursor.load, cursor.rows, cursor.columns) * bundles
        )
        tally[self.DELIVERED] += words * len(self.places.working(self.tile, cursor.co))
        for cores in self.places.reach(self.tile, cursor.co):
            tally[self.REACH + cores] += words
        self.largest = max(self.largest, words)

    def progress(self) -> Hashable:
        """Whether the next step moves, and how far it is ahead."""
        return (self.is_new, self.steps - self.sites[0].inputs.delivered.value)


class Programmer(Stepping):
    """LOAD of weights and PROGRAM of crossbars, of all cores of a tile together or of one.

    An update needs a set of crossbars that no core computes with any more. Its tally: updates,
    cores written, logical crossbars, rows of physical crossbars, their cells, weights moved, and
    pulses, and cycles of writing of all cores together.

    Attributes:
        largest: Most weights that a core took at once.
    """

    UPDATES, CORES, CROSSBARS, ROWS, CELLS, WORDS, PULSES, WRITING = range(8)

    def __init__(
        self, wiring: Wiring, name: str, order: int, program: CrossbarProgram, binding: Binding,
        sites: list[Site], writing: StatedWriting | AwareWriting,
    ) -> None:  # fmt: skip
        self.sites = sites
        self.writing = writing
        super().__init__(wiring, name, order, program, program.walk.weights, binding, sites, 8)
        self.is_new = True
        self.largest = 0

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        cursor = self.cursor
        stepped = 0
        while stepped >= 0:
            done, cause = self.env._now, self.latency_cause
            written = None
            if self.is_new:
                yield from self._make_room()
                yield from self._load()
                done = self.env._now
                written = self.writing.write(cursor)
                if written.demand.total:
                    yield self.submit(written.demand)
                    # A skip may have moved the unit on to an update like this one.
                    written = self.writing.write(cursor)
                    done = self.ended(written.demand)
                    cause = written.demand.cause
                self._count(written)
                self.writing.done(cursor)
            due = self.in_order(done)
            for site in self.sites:
                site.weights.delivered.send(cause, done, self.latency_cause)
            delivered = tuple((site.weights.delivered, 1) for site in self.sites)
            self._tell(written, done, due, delivered)
            self.steps += 1
            self.later(due, delivered)
            before = cursor.weights
            stepped = cursor.step()
            self.is_new = cursor.weights != before
        self.stop()

    def _make_room(self) -> Generator[Event, None, None]:
        """Wait until every core has a set of crossbars free, and take it."""
        for site in self.sites:
            free = site.weights.reserved + 1 - site.weights.capacity
            if site.weights.released.value < free:
                yield self.wait_behind(site.weights.released, free, self.ROOM, site.unit)
        for site in self.sites:
            site.weights.reserve(1)

    def _load(self) -> Generator[Event, None, None]:
        """Bring the weights; they are there a latency later."""
        cursor, arrived = self.cursor, self.sites[0].weights.finished
        demand = self.binding.weights(self.tile, self.cores, cursor.co, cursor.ko)
        done = self.env._now
        if demand.total:
            yield self.submit(demand)
            done = self.ended(demand)
        for site in self.sites:
            site.weights.finished.send(demand.cause, done, self.latency_cause)
        loaded = tuple((site.weights.finished, 1) for site in self.sites)
        due = done + self.binding.latencies.weights
        if self.kinds is not None:
            kind = self.kinds.weights(cursor, demand)
            self.tell(kind, demand, done, due, (), loaded)
        self.later(due, loaded)
        need = self.sites[0].weights.reserved
        if arrived.value < need:
            yield self.wait(arrived, need, self.SOURCE, None)

    def _tell(self, written: Written | None, done: int, due: int, delivered: Effects) -> None:
        """Report an update's PROGRAM, or a step that keeps the weights."""
        if self.kinds is not None:
            demand, pulses = (written.demand, written.pulses) if written else (None, 0)
            kind = self.kinds.program(self.cursor, demand, pulses)
            self.tell(kind, demand, done, due, (), delivered)

    def _count(self, written: Written) -> None:
        cursor, tally = self.cursor, self.tally
        working = [(core, block) for core, block in self.places.working(self.tile, cursor.co)
                   if core in self.cores]  # fmt: skip
        layer, load = self.program.layer, cursor.load
        tally[self.UPDATES] += 1
        tally[self.CORES] += len(working)
        tally[self.CROSSBARS] += len(working) * len(load.slots)
        sizes = [layer.macs_per_pixel(block, load) for _, block in working]
        tally[self.WORDS] += sum(sizes)
        self.largest = max([self.largest, *sizes])
        tally[self.WRITING] += written.cycles
        tally[self.ROWS] += written.rows
        tally[self.CELLS] += written.cells
        tally[self.PULSES] += written.pulses

    def progress(self) -> Hashable:
        """Whether the next step writes, how far it is ahead, and what the cores hold."""
        ahead = self.steps - self.sites[0].weights.delivered.value
        return (self.is_new, ahead, self.writing.state())

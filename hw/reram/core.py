"""A core: multiplies tiles of pixels with the weights it holds, and sums them up.

A step needs its weights, its inputs and room for its partial sums (or those that come back). It
takes one interval of the pipeline per pixel, or longer where a buffer's port or the vector unit is
slower. Its inputs and weights are free when the last read is done, its results are there when the
pipeline has drained. A core without a column block in a step lets it pass.

Not modelled: a core that starts on the first pixels of a window before all of it has arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from dataclasses import dataclass

from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.reram.binding import Binding
from stallscope.hw.reram.floor import Floor
from stallscope.hw.reram.stepping import Site, Stepping
from stallscope.hw.transferring import Wiring
from stallscope.simcore.counter import Counter, Effects
from stallscope.simcore.environment import Event
from stallscope.simcore.recorder import NOTHING
from stallscope.simcore.servers import Demand
from stallscope.simcore.unit import Unit
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["Core"]

_REPROGRAM = CAUSES.index(Cause.REPROGRAM)
_PIPELINE = CAUSES.index(Cause.COMPUTE_LATENCY)


@dataclass(slots=True, kw_only=True)
class _Operand:
    """What a core waits for: ``tiles`` of a counter; loops from ``depth`` on keep the tile."""

    counter: Counter
    depth: int
    maker: Unit
    tiles: int = 1


class Core(Stepping):
    """A core's process.

    Its tally, over all multiplies: multiplies, rows driven, cells (rows x columns), columns (of
    every logical crossbar), additions, columns of a result, of these the ones added to what was
    there, multiply-accumulates; cycles of them, of these the ones that conversion takes longer than
    reading, that additions take longer than both, and that ports take longer than all; cycles that
    it waited for being written, before steps that it works in.

    Attributes:
        before: What its account was charged with before its first multiply; None until then.
        worked: What its multiplies were charged with, per cause.
        charged: What its account stood at when its last step began, or was let pass.
        last: Cycle after its last step.
    """

    (MULTIPLIES, ROWS, CELLS, COLUMNS, ADDS, RESULTS, ADDED, MACS) = range(8)
    CYCLES, CONVERTING, REDUCING, WAITING, UNWRITTEN = range(8, 13)

    def __init__(
        self, wiring: Wiring, order: int, program: CrossbarProgram, binding: Binding, site: Site,
        floor: Floor,
    ) -> None:  # fmt: skip
        depth = len(program.loops)
        super().__init__(wiring, site.name, order, program, depth, binding, [site], 13)
        self.site = site
        self.floor = floor
        self.operands: list[_Operand] = []
        self.comes_back = False
        self.opens = True
        self.last = 0
        self.before: list[int] | None = None
        self.worked = [0] * len(wiring.causes)
        self.charged = self.worked.copy()
        self.boundary: Callable[[int], None] | None = None

    def connect(self, weights: Unit, inputs: Unit, refill: Unit | None) -> None:
        """Tell the core who brings what it works on."""
        site, walk = self.site, self.program.walk
        self.operands = [
            _Operand(counter=site.weights.delivered, depth=walk.weights, maker=weights),
            _Operand(counter=site.inputs.delivered, depth=walk.inputs, maker=inputs),
        ]
        if refill is not None:
            self.comes_back = True
            counter = site.sums.delivered
            self.operands.append(_Operand(counter=counter, depth=walk.outputs, maker=refill))

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        stepped = 0
        while stepped >= 0:
            for operand in self.operands:
                if operand.counter.value < operand.tiles:
                    yield self.wait(operand.counter, operand.tiles, self.OPERAND, operand.maker)
            if self.opens and not self.comes_back:
                yield from self._make_room()
            done, demand = self.env._now, None
            if self._works():
                self.floor.begin()
                if self.before is None:
                    self.before = self.blame()
                yield self._begin()
                demand = self._demand()
                done = self.ended(demand)
                self._count()
                self.floor.end()
            else:
                self.flush()
                self.charged = self.account.causes.copy()
            stepped = self._leave(done, demand)
            if stepped >= 0 and self.boundary is not None:
                self.boundary(stepped)
        self.last = self.env._now
        self.floor.leave(self)
        self.stop()

    def _works(self) -> bool:
        """Whether it has a column block in this step."""
        return self.places.block(self.site.tile, self.site.core, self.cursor.co) is not None

    def _demand(self) -> Demand:
        cursor, site = self.cursor, self.site
        return self.binding.multiply(
            site.tile, site.core, cursor.co, cursor.ko, cursor.pixels, is_first=cursor.is_first
        )

    def _begin(self) -> Event:
        event = self.submit(self._demand())
        self.flush()
        now = self.account.causes
        self.tally[self.UNWRITTEN] += now[_REPROGRAM] - self.charged[_REPROGRAM]
        self.charged = now.copy()
        return event

    def _make_room(self) -> Generator[Event, None, None]:
        """Wait for room for the sums of a tile that begins, and take it."""
        sums = self.site.sums
        room = self.places.sum_bytes(self.cursor.tile_pixels)
        free = sums.reserved + room - sums.capacity
        if sums.released.value < free:
            yield self.wait(sums.released, free, self.ROOM, None)
        sums.reserve(room)
        # The tile is open: nobody brings anything back.
        sums.delivered.send(self.latency_cause, self.env._now, self.latency_cause)
        sums.delivered.add(1)
        self.opens = False

    def _leave(self, done: int, demand: Demand | None) -> int:
        """Free what the step needed, hand on what it made; returns the loop that stepped."""
        cursor, site, walk = self.cursor, self.site, self.program.walk
        kind = self._kind(demand)
        weights, inputs = cursor.weights, cursor.inputs
        room = self.places.input_bytes(cursor.load, cursor.rows, cursor.columns)
        stepped = cursor.step()
        is_over = stepped < 0
        freed: list[tuple[Counter, int]] = []
        if is_over or cursor.weights != weights:
            freed.append((site.weights.released, 1))
        if is_over or cursor.inputs != inputs:
            freed.append((site.inputs.released, room))
        for operand in self.operands:
            if stepped < operand.depth:
                operand.tiles += 1
        due = done
        finished: Effects = ()
        if stepped < walk.outputs:
            self.opens = True
            due = self.in_order(done + self.binding.latencies.tail)
            site.sums.finished.send(_PIPELINE, done, _PIPELINE)
            finished = ((site.sums.finished, 1),)
        if self.kinds is not None:
            self.tell(kind, demand, done, due, tuple(freed), finished)
        self.steps += 1
        if freed:
            self.later(done, tuple(freed))
        if finished:
            self.later(due, finished)
        return stepped

    def _kind(self, demand: Demand | None) -> int:
        """Kind of the step that is done, for who records the run."""
        if self.kinds is None:
            return NOTHING
        inside = self.position.index[self.program.walk.outputs :]
        opens = not self.comes_back and not any(inside)
        if demand is not None:
            return self.kinds.multiply(self.cursor, demand, opens=opens)
        return self.kinds.opens(self.cursor) if opens else self.kinds.nothing()

    def _count(self) -> None:
        cursor, layer, tally = self.cursor, self.program.layer, self.tally
        block = self.places.block(self.site.tile, self.site.core, cursor.co)
        assert block is not None
        pixels, load, columns = cursor.pixels, cursor.load, self.places.width(block)
        added = 0 if cursor.is_first else pixels * columns
        tally[self.MULTIPLIES] += pixels
        tally[self.ROWS] += pixels * load.rows
        tally[self.CELLS] += pixels * load.rows * columns
        tally[self.COLUMNS] += pixels * len(load.slots) * columns
        tally[self.ADDS] += pixels * columns * (len(load.slots) - 1) + added
        tally[self.RESULTS] += pixels * columns
        tally[self.ADDED] += added
        tally[self.MACS] += pixels * layer.macs_per_pixel(block, load)
        self.flush()
        for cause, (start, now) in enumerate(zip(self.charged, self.account.causes, strict=True)):
            self.worked[cause] += now - start
        pace = self.binding.pace(columns, load, is_first=cursor.is_first)
        tally[self.CYCLES] += self.env._now - self.begun
        tally[self.CONVERTING] += pixels * self.binding.converting
        tally[self.REDUCING] += pixels * (pace - self.binding.interval)
        tally[self.WAITING] += self.env._now - self.begun - pixels * pace

    def progress(self) -> Hashable:
        """How far it is ahead of what it needs, whether a tile of results begins, and what the
        multiply under way has been charged with.
        """
        ahead = tuple(operand.tiles - operand.counter.value for operand in self.operands)
        return (ahead, self.opens, tuple(self._spent()))

    def _spent(self) -> list[int]:
        if self.account.state != self.BUSY:
            return []
        return [now - start for start, now in zip(self.charged, self.account.causes, strict=True)]

    def _tallies(self) -> list[int]:
        tiles = [operand.tiles for operand in self.operands]
        # What the last multiply began with is history once it is over.
        charged = self.charged if self.account.state == self.BUSY else self.account.causes
        return [*self.tally, *tiles, *self.worked, *charged]

    def _grow(self, times: int, growth: list[int]) -> None:
        super()._grow(times, growth)
        grown = iter([times * amount for amount in growth[len(self.tally) :]])
        for operand in self.operands:
            operand.tiles += next(grown)
        self.worked = [value + next(grown) for value in self.worked]
        self.charged = [value + next(grown) for value in self.charged]

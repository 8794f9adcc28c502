"""A stream's place in its program: which record its next step is, and what binds it to others."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from stallscope.simcore.counter import Counter, Effects
from stallscope.simcore.position import LoopShape, Position
from stallscope.simcore.unit import Unit
from stallscope.traces.flat import FlatStream
from stallscope.traces.program import ComputeStream, MoverStream, SpatialBlock, StreamLoop

__all__ = ["Cursor", "FlatCursor", "Gate", "reach", "shapes"]


def shapes(loops: Sequence[StreamLoop], dimensions: Mapping[str, int]) -> list[LoopShape]:
    """The loops in the engine's form."""
    return [LoopShape(dimensions[loop.dimension], loop.extent, loop.step) for loop in loops]


def reach(blocks: Sequence[SpatialBlock], dimensions: Mapping[str, int]) -> dict[int, int]:
    """How far ahead of the first instance the last one stands, per dimension number."""
    found: dict[int, int] = {}
    for loop in (loop for block in blocks for loop in block.loops):
        number = dimensions[loop.dimension]
        found[number] = found.get(number, 0) + (loop.extent - 1) * loop.step
    return found


@dataclass(frozen=True, slots=True)
class Gate:
    """A counter that a step waits for because the program names it.

    Attributes:
        counter: The counter.
        tiles: Value it must have reached.
        state: State of the unit that waits.
        feeder: Unit that makes what is waited for.
    """

    counter: Counter
    tiles: int
    state: int
    feeder: Unit


class Cursor:
    """Walks one looped stream, record by record.

    What a step of a looped stream waits for and what it frees follow from its loops. A program of
    the user's own says it row by row: see `RowCursor`.

    Attributes:
        position: Where the stream stands.
        record: Number of the record of the present step.
        memory: What the stream remembers of its last movement (with remainders), by number.
        gates: Counters that the present step waits for, besides what its loops say.
        freed: Room that is free when the step before the present one is over, likewise.
        finished: Counters of output tiles that this step completed, likewise.
    """

    __slots__ = ("_bounds", "_classes", "_grain", "_keyed", "_origins", "_table", "finished",
                 "freed", "gates", "memory", "position", "record")  # fmt: skip

    def __init__(
        self,
        stream: MoverStream | ComputeStream,
        dimensions: Mapping[str, int],
        reach: Mapping[int, int] | None = None,
    ) -> None:
        self._bounds = [dimensions[name] for name, _ in stream.bounds]
        self.position = Position(
            shapes(stream.loops, dimensions),
            {dimensions[name]: bound for name, bound in stream.bounds},
            reach,
        )
        self.record = stream.first
        self.memory = 0
        self.gates: tuple[Gate, ...] = ()
        self.freed: Effects = ()
        self.finished: tuple[Counter, ...] = ()
        self._table = stream.table
        self._keyed = {
            (loop, key, memory): (record, after)
            for loop, key, memory, record, after in stream.keyed
        }
        self._classes = stream.classes
        self._grain = stream.grain
        self._origins = [0] * len(self._bounds)

    def step(self) -> int:
        """Go on to the next step; returns the loop that stepped, or -1 at the end."""
        position = self.position
        loop = position.step()
        if loop < 0:
            return loop
        if not self._keyed:
            self.record = self._table[loop][position.earlier]
        else:
            self._clipped(loop)
        return loop

    def _clipped(self, loop: int) -> None:
        key = []
        for index, dimension in enumerate(self._bounds):
            now, before = self.position.origin(dimension), self._origins[index]
            grain, classes = self._grain[index], self._classes[index]
            key.append((classes[now // grain], classes[before // grain], now - before))
            self._origins[index] = now
        self.record, self.memory = self._keyed[loop, tuple(key), self.memory]

    def version(self, reductions: Sequence[int], steps: int) -> int:
        """Write-backs that must have been made before a refill reads; 0 at a tile's first visit.

        Args:
            reductions: Loops that do not touch the tensor, outermost first.
            steps: Number of the present step.
        """
        position = self.position
        index = position.index
        for loop in reversed(reductions):
            if index[loop]:
                earlier = index.copy()
                earlier[loop] -= 1
                for inner in reductions:
                    if inner > loop:
                        earlier[inner] = position.last(inner, earlier)
                return steps - position.ordinal(index) + position.ordinal(earlier) + 1
        return 0

    def relative(self, level: int, base: int) -> Hashable:
        """Position relative to iteration ``base`` of loop ``level``, and the record."""
        return (self.position.relative(level, base), self.record, self.memory)

    def jump(self, level: int, iterations: int) -> None:
        """Move on by whole iterations of a loop."""
        self.position.jump(level, iterations)
        self._origins = [self.position.origin(dimension) for dimension in self._bounds]


class FlatCursor(Cursor):
    """Walks the rows of a flat program: records and steps are theirs, not the loops'.

    It does not keep what fast-forward needs of a position: a flat program runs step by step.
    """

    __slots__ = ("_at", "_loops", "_records")

    def __init__(
        self, stream: MoverStream | ComputeStream, dimensions: dict[str, int], rows: FlatStream
    ) -> None:
        super().__init__(stream, dimensions)
        self._at = 0
        self._records = rows.records
        self._loops = rows.loops
        self.record = rows.records[0]

    def step(self) -> int:
        """Go on to the next row; returns the loop that stepped, or -1 at the end."""
        position = self.position
        self._at += 1
        if self._at >= len(self._records):
            return -1
        loop = self._loops[self._at]
        position.index[loop] += 1
        position.index[loop + 1 :] = [0] * (position.depth - loop - 1)
        position.earlier, position.stepped = position.stepped, loop
        self.record = self._records[self._at]
        return loop

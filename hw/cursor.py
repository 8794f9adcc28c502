"""A stream's place in its program: which record its next step is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from stallscope.simcore.position import LoopShape, Position
from stallscope.traces.flat import FlatStream
from stallscope.traces.program import ComputeStream, MoverStream, StreamLoop

__all__ = ["Cursor", "FlatCursor", "shapes"]


def shapes(loops: Sequence[StreamLoop], dimensions: dict[str, int]) -> list[LoopShape]:
    """The loops in the engine's form."""
    return [LoopShape(dimensions[loop.dimension], loop.extent, loop.step) for loop in loops]


class Cursor:
    """Walks one looped stream, record by record.

    Attributes:
        position: Where the stream stands.
        record: Number of the record of the present step.
        memory: What the stream remembers of its last movement (with remainders), by number.
    """

    __slots__ = ("_bounds", "_classes", "_grain", "_keyed", "_origins", "_table", "memory",
                 "position", "record")  # fmt: skip

    def __init__(self, stream: MoverStream | ComputeStream, dimensions: dict[str, int]) -> None:
        self._bounds = [dimensions[name] for name, _ in stream.bounds]
        self.position = Position(
            shapes(stream.loops, dimensions),
            {dimensions[name]: bound for name, bound in stream.bounds},
        )
        self.record = stream.first
        self.memory = 0
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

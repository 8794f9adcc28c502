"""Walking a stream step by step, from its loops or from the rows of its flat form."""

from __future__ import annotations

from collections.abc import Mapping

from stallscope.simcore.position import LoopShape, Position
from stallscope.traces.flat import FlatStream
from stallscope.traces.interpreter.instruction import FunctionError
from stallscope.traces.program import ComputeStream, MoverStream

__all__ = ["Origin", "Walker"]

Origin = tuple[int, ...]
"""First iteration of every dimension of the program, in its order."""


class Walker:
    """Where one stream stands.

    Attributes:
        step: Number of the present step.
        record: Number of its record.
        digits: Iteration of every loop.
        origin: Where the step stands.
        before: Where the step before stood; None at the first.
    """

    def __init__(
        self,
        stream: MoverStream | ComputeStream,
        dimensions: Mapping[str, int],
        rows: FlatStream | None,
    ) -> None:
        self.stream = stream
        self.step = 0
        self.record = stream.first if rows is None else _at(rows, 0, stream)
        self.before: Origin | None = None
        self._rows = rows
        self._position = Position(
            [LoopShape(dimensions[o.dimension], o.extent, o.step) for o in stream.loops],
            {dimensions[name]: bound for name, bound in stream.bounds},
        )
        self._moves = [(dimensions[o.dimension], o.step) for o in stream.loops]
        self._ranks = len(dimensions)
        self._bounds = [dimensions[name] for name, _ in stream.bounds]
        self._keyed = {
            (loop, key, memory): (record, after)
            for loop, key, memory, record, after in stream.keyed
        }
        self._memory = 0
        self.digits = self._position.index
        self.origin = self._origin()

    def advance(self) -> int:
        """Go on to the next step; returns the loop that stepped, or -1 at the end."""
        loop = self._next_loop()
        if loop < 0:
            return loop
        self.step += 1
        self.before, self.origin = self.origin, self._origin()
        if self._rows is not None:
            self.record = _at(self._rows, self.step, self.stream)
        elif not self._keyed:
            self.record = self.stream.table[loop][self._position.earlier]
        else:
            self.record, self._memory = self._keyed_record(loop)
        return loop

    def _next_loop(self) -> int:
        position = self._position
        if self._rows is None:
            return position.step()
        if self.step + 1 >= len(self._rows.loops):
            return -1
        loop = self._rows.loops[self.step + 1]
        position.index[loop] += 1
        position.index[loop + 1 :] = [0] * (position.depth - loop - 1)
        return loop

    def _keyed_record(self, loop: int) -> tuple[int, int]:
        stream, before = self.stream, self.before
        assert before is not None
        key = []
        for which, grain, classes in zip(self._bounds, stream.grain, stream.classes, strict=True):
            now, was = self.origin[which], before[which]
            if max(now, was) // grain >= len(classes):
                raise FunctionError(f"step {self.step}", f"{which} stands past its bound at {now}")
            key.append((classes[now // grain], classes[was // grain], now - was))
        found = self._keyed.get((loop, tuple(key), self._memory))
        if found is None:
            raise FunctionError(
                f"step {self.step} after loop {loop}", f"has no record for the kind {key}"
            )
        return found

    def _origin(self) -> Origin:
        origin = [0] * self._ranks
        for (dimension, step), digit in zip(self._moves, self.digits, strict=True):
            origin[dimension] += digit * step
        return tuple(origin)


def _at(rows: FlatStream, step: int, stream: MoverStream | ComputeStream) -> int:
    """Record of a row."""
    if step >= len(rows.records) or not 0 <= rows.records[step] < len(stream.records):
        raise FunctionError(f"row {step}", "is missing, or names a record that does not exist")
    return rows.records[step]

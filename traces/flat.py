"""The flat form of a program: one row per step of every unit, and a program that is read from it.

Columns, in the order in which units start and execute:

    unit      name of the unit, as in a result
    op        FILL, REFILL, DRAIN or COMPUTE
    tensor    tensor moved; null for COMPUTE
    step      number of the step in the unit's stream, from 0
    words     words read from (DRAIN: written to) the parent level, all instances together; 0 for a
              refill that is elided; multiply-accumulates for COMPUTE
    address   word address of the first child's tile in the tensor (row-major); null for COMPUTE
    group     kind of the step: number of the stream's record, which lists the new boxes and the
              words per number of children reached
    wait_for  counters that must have been reached, such as "Weights GLB delivered 3; ..."

A child's room is waited for too, in words of whatever capacity the program is executed with.

The rows come from arithmetic on step numbers, not from walking: any stretch costs the same.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.program import ComputeStream, MoverStream, Op, Program, StreamLoop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["COLUMNS", "FlatProgram", "FlatStream", "FlatUnit", "Rows", "Walk", "flat_units"]

COLUMNS = ("unit", "op", "tensor", "step", "words", "address", "group", "wait_for")


@dataclass(frozen=True, slots=True)
class FlatStream:
    """What one unit executes, step by step.

    Attributes:
        records: Number of the record of every step.
        loops: Loop that stepped before every step; the number of loops at the first.
    """

    records: Sequence[int]
    loops: Sequence[int]


@dataclass(frozen=True, slots=True)
class FlatProgram:
    """A program whose units execute rows instead of loops.

    Attributes:
        program: The tables the rows refer to.
        streams: Rows by unit.
    """

    program: Program
    streams: Mapping[str, FlatStream]


class Walk:
    """Where the steps of a loop nest stand, by arithmetic on arrays of step numbers.

    Pieces of a clipped dimension are nested and only the last one is smaller, so the steps inside
    every iteration but the last of a loop are equal in number: division finds the iteration.
    """

    def __init__(self, loops: Sequence[StreamLoop], bounds: Mapping[str, int]) -> None:
        self.loops = tuple(loops)
        self.bounds = {name: bound for name, bound in bounds.items() if bound}
        names = {loop.dimension for loop in loops}
        self._own = [
            {
                name: [loop for loop in self.loops[level + 1 :] if loop.dimension == name]
                for name in sorted(names)
            }
            for level in range(-1, len(self.loops))
        ]

    @cached_property
    def steps(self) -> int:
        """Number of steps."""
        return int(self._inside(-1, {name: np.int64(bound) for name, bound in self.bounds.items()}))

    def digits(self, steps: Numbers) -> Numbers:
        """Iteration of every loop: one row per step, one column per loop."""
        found = np.empty((len(steps), len(self.loops)), dtype=np.int64)
        rest = steps.copy()
        left = self._whole()
        for level, loop in enumerate(self.loops):
            inside = self._inside(level, {**left, loop.dimension: np.int64(loop.step)})
            found[:, level], rest = np.divmod(rest, inside)
            self._narrow(left, loop, found[:, level])
        return found

    def numbers(self, digits: Numbers) -> Numbers:
        """Step numbers of rows of iterations; of the outer loops' own nest if some are left off."""
        total = np.zeros(len(digits), dtype=np.int64)
        left = self._whole()
        for level, loop in enumerate(self.loops):
            inside = self._inside(level, {**left, loop.dimension: np.int64(loop.step)})
            total += digits[:, level] * inside
            self._narrow(left, loop, digits[:, level])
        return total

    def last(self, level: int, digits: Numbers) -> Numbers:
        """Last iteration of a loop where the loops outside it stand at ``digits``."""
        left = self._whole()
        for outer, loop in enumerate(self.loops[:level]):
            self._narrow(left, loop, digits[:, outer])
        loop = self.loops[level]
        given: Numbers | np.int64 = np.int64(loop.extent * loop.step)
        if loop.dimension in left:
            given = np.minimum(left[loop.dimension], given)
        return np.broadcast_to(-(-given // loop.step) - 1, (len(digits),))

    def _whole(self) -> dict[str, Numbers | np.int64]:
        return {name: np.int64(bound) for name, bound in self.bounds.items()}

    def _narrow(
        self, left: dict[str, Numbers | np.int64], loop: StreamLoop, at: Numbers
    ) -> None:
        """Go into iterations of a loop: what is left of its dimension there."""
        if loop.dimension in left:
            given = np.minimum(left[loop.dimension], loop.extent * loop.step)
            left[loop.dimension] = np.minimum(loop.step, given - at * loop.step)

    def _inside(
        self, level: int, left: Mapping[str, Numbers | np.int64]
    ) -> Numbers | np.int64:
        """Steps of the loops inside ``level``."""
        total: Numbers | np.int64 = np.int64(1)
        for name, loops in self._own[level + 1].items():
            if name in self.bounds:
                total = total * _pieces(loops, left[name])
            else:
                total = total * prod(loop.extent for loop in loops)
        return total


def _pieces(loops: Sequence[StreamLoop], given: Numbers | np.int64) -> Numbers | np.int64:
    """Steps of nested loops over one dimension in pieces of ``given`` iterations."""
    if not loops:
        return np.int64(1)
    loop, rest = loops[0], loops[1:]
    given = np.minimum(given, loop.extent * loop.step)
    whole, remainder = np.divmod(given, loop.step)
    return whole * _pieces(rest, np.int64(loop.step)) + (remainder > 0) * _pieces(rest, remainder)


@dataclass(frozen=True, slots=True)
class Rows:
    """A stretch of one unit's steps, a column per array.

    Attributes:
        step, record, loop, words: See `COLUMNS` and `FlatStream`.
        address: None for COMPUTE.
        waits: (counter, value to reach or 0 where it is not waited for).
    """

    step: Numbers
    record: Numbers
    loop: Numbers
    words: Numbers
    address: Numbers | None
    waits: tuple[tuple[str, Numbers], ...]


class FlatUnit:
    """One unit of a program and its rows.

    Attributes:
        name: Name of the unit.
        op: What it does.
        tensor: Tensor it moves; None for COMPUTE.
        stream: The looped stream.
        walk: Its steps.
    """

    def __init__(self, name: str, op: Op, stream: MoverStream | ComputeStream) -> None:
        self.name = name
        self.op = op
        self.stream = stream
        self.tensor = stream.tensor if isinstance(stream, MoverStream) else None
        self.walk = Walk(stream.loops, dict(stream.bounds))
        self._keyed = {(loop, key): record for loop, key, record in stream.keyed}

    @property
    def steps(self) -> int:
        """Number of rows."""
        return self.walk.steps

    def words_of(self) -> list[int]:
        """Words per record."""
        if isinstance(self.stream, MoverStream):
            return [record.parent_words for record in self.stream.records]
        return [work.computes for work in self.stream.records]

    def rows(self, start: int, stop: int) -> Rows:
        """The rows from step ``start`` up to but without ``stop``."""
        # Two steps earlier, since a record may depend on the loop that stepped before.
        base = max(0, start - 2)
        digits = self.walk.digits(np.arange(base, stop, dtype=np.int64))
        loops = self._stepped(digits)
        cut = start - base
        record = self._records(digits, loops, cut, start == 0)
        digits, loops = digits[cut:], loops[cut:]
        step = np.arange(start, stop, dtype=np.int64)
        words = np.array(self.words_of(), dtype=np.int64)[record]
        earlier = self._previous(digits) if self.op is Op.REFILL else None
        address = None
        if isinstance(self.stream, MoverStream):
            address = digits @ np.array([loop.address_words for loop in self.stream.loops], np.int64)
            if earlier is not None and self.stream.elide_first:
                words = np.where(earlier > 0, words, 0)
        return Rows(step, record, loops, words, address, tuple(self._waits(step, digits, earlier)))

    def loops_before(self, start: int, stop: int) -> Numbers:
        """Loop that stepped before each step."""
        base = max(0, start - 1)
        digits = self.walk.digits(np.arange(base, stop, dtype=np.int64))
        return self._stepped(digits)[start - base :]

    def _stepped(self, digits: Numbers) -> Numbers:
        """Outermost loop that differs from the row before; the number of loops for the first row."""
        depth = len(self.stream.loops)
        found = np.full(len(digits), depth, dtype=np.int64)
        if depth:
            found[1:] = np.argmax(digits[1:] != digits[:-1], axis=1)
        return found

    def _records(self, digits: Numbers, loops: Numbers, cut: int, from_start: bool) -> Numbers:
        """Records of the rows from ``cut`` on."""
        stream = self.stream
        found = np.full(len(digits), stream.first, dtype=np.int64)
        if self._keyed:
            found[1:] = self._clipped(digits, loops)
        elif len(digits) > 1:
            table = np.array(stream.table, dtype=np.int64)
            found[1:] = table[loops[1:], loops[:-1]]
        return found[cut:] if not from_start else found

    def _clipped(self, digits: Numbers, loops: Numbers) -> Numbers:
        """Records with remainders, of all rows but the first."""
        stream = self.stream
        columns = [loops[1:]]
        for (name, _), classes, grain in zip(
            stream.bounds, stream.classes, stream.grain, strict=True
        ):
            steps = [loop.step if loop.dimension == name else 0 for loop in stream.loops]
            origin = digits @ np.array(steps, dtype=np.int64)
            kind = np.array(classes, dtype=np.int64)[origin // grain]
            columns += [kind[1:], kind[:-1], origin[1:] - origin[:-1]]
        keys, place = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        numbers = [
            self._keyed[row[0], tuple((row[i], row[i + 1], row[i + 2]) for i in range(1, len(row), 3))]
            for row in keys.tolist()
        ]
        return np.array(numbers, dtype=np.int64)[place.reshape(-1)]

    def _previous(self, digits: Numbers) -> Numbers:
        """1 + number of the previous step at the same output tile; 0 at its first visit."""
        loops = self.stream.loops
        reductions = [level for level, loop in enumerate(loops) if loop.is_reduction]
        found = np.zeros(len(digits), dtype=np.int64)
        waiting = np.ones(len(digits), dtype=bool)
        for level in reversed(reductions):
            rows = np.flatnonzero(waiting & (digits[:, level] > 0))
            waiting[rows] = False
            if not len(rows):
                continue
            earlier = digits[rows]
            earlier[:, level] -= 1
            for inner in reductions:
                if inner > level:
                    earlier[:, inner] = self.walk.last(inner, earlier)
            found[rows] = self.walk.numbers(earlier) + 1
        return found

    def _waits(
        self, step: Numbers, digits: Numbers, earlier: Numbers | None
    ) -> Iterator[tuple[str, Numbers]]:
        stream = self.stream
        if isinstance(stream, ComputeStream):
            for operand in stream.operands:
                if operand.depth >= 0:
                    counter = f"{operand.tensor} {operand.level} delivered"
                    yield counter, self._tile(digits, operand.depth)
        elif self.op is Op.DRAIN:
            yield f"{stream.tensor} {stream.child} finished", step + 1
        elif not stream.parent_is_memory:
            counter = f"{stream.tensor} {stream.parent} delivered"
            yield counter, self._tile(digits, stream.parent_depth)
        if earlier is not None:
            yield f"{self.tensor} {stream.child} drained", earlier  # type: ignore[union-attr]

    def _tile(self, digits: Numbers, depth: int) -> Numbers:
        """Number, from 1, of the tile that the outer ``depth`` loops walk."""
        outer = Walk(self.stream.loops[:depth], self.walk.bounds)
        return outer.numbers(digits[:, :depth]) + 1


def flat_units(program: Program) -> tuple[FlatUnit, ...]:
    """The units of a program in their order, named as a result names them."""
    units = []
    for stream in program.movers:
        down = f"{stream.tensor} {stream.parent}->{stream.child}"
        if stream.is_output:
            up = f"{stream.tensor} {stream.child}->{stream.parent}"
            units.append(FlatUnit(down, Op.REFILL, stream))
            units.append(FlatUnit(up, Op.DRAIN, stream))
        else:
            units.append(FlatUnit(down, Op.FILL, stream))
    return (*units, FlatUnit(program.compute.unit, Op.COMPUTE, program.compute))

"""The flat form of a program: one row per step of every unit, and the program read back from it.

Columns, in the order in which units start and execute:

    unit      name of the unit, as in a result
    op        FILL, REFILL, DRAIN or COMPUTE
    tensor    tensor moved; null for COMPUTE
    step      number of the step in the unit's stream, from 0
    words     words read from (DRAIN: written to) the parent level, all instances together; 0 for a
              refill that is elided; multiply-accumulates for COMPUTE
    address   word address of the first child's tile, from the tensor's first word; null for COMPUTE
    group     kind of the step: number of the stream's record, which lists the new boxes and the
              words per number of children reached
    wait_for  counters that must have been reached, such as "Weights GLB delivered 3; ..."

A child's room is waited for too, in words of whatever capacity the program is executed with.
The file's metadata hold the looped program, whose tables the rows refer to. Further columns let
rows run alone, without the tables: see `stallscope.traces.rows.program`.

Not modelled: rows that leave out steps of the nest, while the tables are there.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.traces.program import ComputeStream, MoverStream, Op, Program, StreamLoop
from stallscope.traces.storage import from_text, refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = [
    "BATCH",
    "COLUMNS",
    "PROGRAM_KEY",
    "FlatProgram",
    "FlatStream",
    "UnitStream",
    "Walk",
    "is_flat",
    "read_flat",
    "unit_streams",
]

COLUMNS = {
    "unit": "string", "op": "string", "tensor": "string", "step": "int64", "words": "int64",
    "address": "int64", "group": "int64", "wait_for": "string",
}  # fmt: skip
"""Columns and their Arrow types."""
PROGRAM_KEY = b"stallscope_program"
"""Key of the looped program in the file's metadata."""
BATCH = 1 << 16
"""Rows handled at a time."""
_MAGIC = b"PAR1"
_AGAIN = "expand the program again"


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

    def _narrow(self, left: dict[str, Numbers | np.int64], loop: StreamLoop, at: Numbers) -> None:
        """Go into iterations of a loop: what is left of its dimension there."""
        if loop.dimension in left:
            given = np.minimum(left[loop.dimension], loop.extent * loop.step)
            left[loop.dimension] = np.minimum(loop.step, given - at * loop.step)

    def _inside(self, level: int, left: Mapping[str, Numbers | np.int64]) -> Numbers | np.int64:
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


@dataclass(frozen=True)
class UnitStream:
    """One unit of a program.

    Attributes:
        name: Its name, as a result gives it.
        op: What it does.
        stream: The looped stream it executes.
    """

    name: str
    op: Op
    stream: MoverStream | ComputeStream

    @cached_property
    def walk(self) -> Walk:
        """The stream's steps."""
        return Walk(self.stream.loops, dict(self.stream.bounds))

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.walk.steps

    @property
    def tensor(self) -> str | None:
        """Tensor moved; None for COMPUTE."""
        return self.stream.tensor if isinstance(self.stream, MoverStream) else None

    @property
    def elides(self) -> bool:
        """Whether the first visit of a tile moves nothing."""
        stream = self.stream
        return self.op is Op.REFILL and isinstance(stream, MoverStream) and stream.elide_first

    def words_of(self) -> list[int]:
        """Words per record."""
        if isinstance(self.stream, MoverStream):
            return [record.parent_words for record in self.stream.records]
        return [work.computes for work in self.stream.records]

    def stepped(self, digits: Numbers) -> Numbers:
        """Outermost loop that differs from the row before; at the first row the number of loops."""
        depth = len(self.stream.loops)
        found = np.full(len(digits), depth, dtype=np.int64)
        if depth:
            found[1:] = np.argmax(digits[1:] != digits[:-1], axis=1)
        return found

    def loops_before(self, start: int, stop: int) -> Numbers:
        """Loop that stepped before each step."""
        base = max(0, start - 1)
        digits = self.walk.digits(np.arange(base, stop, dtype=np.int64))
        return self.stepped(digits)[start - base :]


def unit_streams(program: Program) -> tuple[UnitStream, ...]:
    """The units of a program in their order."""
    units = []
    for stream in program.movers:
        down = f"{stream.tensor} {stream.parent}->{stream.child}"
        if stream.is_output:
            up = f"{stream.tensor} {stream.child}->{stream.parent}"
            units += [UnitStream(down, Op.REFILL, stream), UnitStream(up, Op.DRAIN, stream)]
        else:
            op = Op.PRELOAD if stream.child == program.registers else Op.FILL
            units.append(UnitStream(down, op, stream))
    op = Op.COMPUTE if program.registers is None else Op.MATMUL
    return (*units, UnitStream(program.compute.unit, op, program.compute))


# ---------------------------------------------------------------------- reading


def is_flat(path: str | os.PathLike[str]) -> bool:
    """Whether a file is Parquet, by its first bytes; False if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def read_flat(path: str | os.PathLike[str]) -> FlatProgram:
    """Read an expanded program; its units then execute the rows.

    Args:
        path: A Parquet file that `listing.expand` wrote.

    Raises:
        SpecError: No such file, not an expanded program, or rows that its tables do not have.
    """
    import pyarrow  # 0.2 s, and only flat programs need it
    import pyarrow.parquet

    name = os.fspath(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            text = (schema.metadata or {}).get(PROGRAM_KEY)
            kinds = {field.name: str(field.type) for field in schema}
            if text is None or any(kinds.get(key) != kind for key, kind in COLUMNS.items()):
                remedy = "name a file that `stallscope program expand` wrote"
                refuse(name, "file", "", "is not an expanded program", remedy)
            program = from_text(text.decode(), name)
            return _Reader(program, name).read(file)
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        refuse(name, "file", "", f"is not a whole Parquet file ({error})", _AGAIN, error)
    except OSError as error:
        rule = f"cannot be read: {error.strerror or error}"
        refuse(name, "file", "", rule, "name an expanded program", error)


class _Reader:
    """Collects and checks the rows of each unit."""

    def __init__(self, program: Program, name: str) -> None:
        self.program = program
        self.name = name
        self.units = {unit.name: unit for unit in unit_streams(program)}
        self.records = {name: array("i") for name in self.units}

    def read(self, file: Any) -> FlatProgram:  # Any: pyarrow has no types
        """Read every row, a batch at a time."""
        columns = ["unit", "op", "step", "words", "group"]
        for batch in file.iter_batches(batch_size=BATCH, columns=columns):
            unit = batch.column("unit").to_numpy(zero_copy_only=False)
            cuts = [0, *(np.flatnonzero(unit[1:] != unit[:-1]) + 1).tolist(), len(unit)]
            for start, stop in pairwise(cuts):
                if stop > start:
                    self._add(batch.slice(start, stop - start), unit[start])
        streams = {}
        for name, unit in self.units.items():
            records = self.records[name]
            if len(records) != unit.steps:
                rule = f"has {len(records)} rows, its tables {unit.steps} steps"
                refuse(self.name, name, "", rule, _AGAIN)
            streams[name] = FlatStream(records, _loops(unit))
        return FlatProgram(self.program, streams)

    def _add(self, batch: Any, name: object) -> None:  # Any: pyarrow has no types
        """Add rows of one unit."""
        unit = self.units.get(name) if isinstance(name, str) else None
        if unit is None:
            refuse(self.name, "unit", name, "is not a unit of the program", _AGAIN)
        records = self.records[unit.name]
        step, words, group = (
            np.asarray(batch.column(key).to_numpy(zero_copy_only=False), dtype=np.int64)
            for key in ("step", "words", "group")
        )
        begun = len(records)
        if set(batch.column("op").unique().to_pylist()) != {unit.op.value}:
            refuse(self.name, f"{unit.name}.op", "", f"must be {unit.op.value}", _AGAIN)
        if not np.array_equal(step, np.arange(begun, begun + len(step))):
            rule = f"must count up from 0 without a gap; row {begun} and later do not"
            refuse(self.name, f"{unit.name}.step", "", rule, _AGAIN)
        table = np.array(unit.words_of(), dtype=np.int64)
        if group.min() < 0 or group.max() >= len(table):
            rule = f"must be a record of the unit, 0 to {len(table) - 1}"
            refuse(self.name, f"{unit.name}.group", "", rule, _AGAIN)
        wrong = (words != table[group]) & ~((words == 0) & unit.elides)
        if wrong.any():
            at = int(np.argmax(wrong))
            place = f"{unit.name}.words at step {step[at]}"
            rule = f"is not {table[group[at]]}, the words of its group {group[at]}"
            refuse(self.name, place, int(words[at]), rule, _AGAIN)
        records.frombytes(group.astype(np.intc).tobytes())


def _loops(unit: UnitStream) -> array[int]:
    found: array[int] = array("i")
    for start in range(0, unit.steps, BATCH):
        loops = unit.loops_before(start, min(unit.steps, start + BATCH))
        found.frombytes(loops.astype(np.intc).tobytes())
    return found

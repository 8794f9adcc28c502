"""What a program of crossbars does: every instruction of every unit as a row, and a summary.

    unit        who executes it
    op          LOAD, PROGRAM, MVM, VADD, ACT, STORE (`ChipOp`)
    tensor      tensor moved; null for MVM and VADD
    step        step of the unit's stream, from 0; a step that has nothing to do has no row
    words       words moved, activated or added; weights programmed; multiply-accumulates of an MVM
    image, co   image of the batch, step of output channels; no image for weights
    load        number of the load: what the crossbars hold; null for results and partial sums
    row, column first output row and column of the tile; null for weights
    pixel       its first pixel, where tiles are of pixels by number; null for weights
    pixels      output pixels: multiplies of every logical crossbar; null for weights and inputs

Rows of a unit come in the order in which it executes them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.asking import check_asked
from stallscope.traces.reram.cursor import StepCursor
from stallscope.traces.reram.instructions import ChipOp
from stallscope.traces.reram.program import CrossbarProgram
from stallscope.traces.reram.storage import CROSSBAR_FORM
from stallscope.traces.reram.streams import ChipStream, StreamKind, chip_streams
from stallscope.traces.storage import replacing

__all__ = ["COLUMNS", "MAX_ROWS", "expand", "head", "info", "instructions", "read_program"]

COLUMNS = {
    "unit": "text", "op": "text", "tensor": "text", "step": "int64", "words": "int64",
    "image": "int64", "co": "int64", "load": "int64", "row": "int64", "column": "int64",
    "pixel": "int64", "pixels": "int64",
}  # fmt: skip
PROGRAM_KEY = b"stallscope_crossbar_program"
"""Metadata key of a flat file: the program it is of."""
MAX_ROWS = 20_000_000
"""Most rows that `expand` writes unless told otherwise."""
_MOST_WALKED = 500_000
_HEAD_BYTES = 64
"""First bytes of a file among which the first key of a program is."""
_PARQUET = b"PAR1"
_BATCH = 1 << 16
Row = dict[str, Any]  # Any: text, a number or None


def head(program: CrossbarProgram, unit: str | None = None, count: int = 20) -> list[Row]:
    """List the first instructions of every unit.

    Args:
        program: The program.
        unit: Name of the only unit to list.
        count: Most rows per unit.

    Returns:
        One dictionary per row, keys as in `COLUMNS`; None where a column has no value.

    Raises:
        SpecError: If there is no such unit, or a negative count.
    """
    streams = chip_streams(program)
    check_asked([stream.name for stream in streams], unit, count)
    return [
        row
        for stream in streams
        if unit in (None, stream.name)
        for row in islice(instructions(program, stream), count)
    ]


def info(program: CrossbarProgram) -> dict[str, Any]:
    """Summarise a program.

    Returns:
        Name, steps, loads, steps of output channels, loops (``h:28 ko:2``, outermost first),
        instructions and their words per operation, and the same per unit, with its loops and
        steps. What needs the streams to be walked is None if they have more than half a million
        steps together.
    """
    streams = chip_streams(program)
    total = sum(stream.steps for stream in streams)
    is_walked = total <= _MOST_WALKED
    units: list[dict[str, Any]] = []
    counted: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for stream in streams:
        counts: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for row in instructions(program, stream) if is_walked else ():
            counts[row["op"]] += 1
            words[row["op"]] += row["words"]
        counted += counts
        moved += words
        of_it = {"unit": stream.name, "loops": _loops(program, stream.depth), "steps": stream.steps}
        units.append(of_it | _totals(counts, words, is_known=is_walked))
    return {
        "name": program.name,
        "steps": total,
        "loads": len(program.layer.loads),
        "column_steps": program.layer.column_steps,
        "loops": _loops(program, len(program.walk.loops)),
        **_totals(counted, moved, is_known=is_walked),
        "units": units,
    }


def _totals(counts: Counter[str], words: Counter[str], *, is_known: bool) -> dict[str, Any]:
    """Instructions and words per operation, in the order of the operations."""
    found = {
        name: {op.value: amounts[op.value] for op in ChipOp if counts[op.value]}
        for name, amounts in (("instructions", counts), ("words", words))
    }
    return {name: amounts if is_known else None for name, amounts in found.items()}


def expand(
    program: CrossbarProgram, path: str | os.PathLike[str], *, limit: int = MAX_ROWS
) -> int:  # fmt: skip
    """Write every instruction of a program as a row of Parquet, a batch at a time.

    Args:
        program: The program; it is kept in the file's metadata.
        path: The file; it appears complete or not at all.
        limit: Most steps to write.

    Returns:
        Number of rows.

    Raises:
        SpecError: If the streams have more steps; nothing is written.
        OSError: If the place cannot be written.
    """
    streams = chip_streams(program)
    total = sum(stream.steps for stream in streams)
    if total > limit:
        rule = f"is more than the limit of {limit} steps"
        remedy = f"raise it: limit={total}; or list the first ones, `stallscope program head`"
        fault = Fault(place="expand", value=f"{total} steps", rule=rule, remedy=remedy)
        raise SpecError([fault])
    import pyarrow  # 0.2 s, and only flat programs need it
    import pyarrow.parquet

    kinds = {"text": pyarrow.string(), "int64": pyarrow.int64()}
    metadata = {PROGRAM_KEY: CROSSBAR_FORM.to_text(program).encode()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()], metadata)
    rows = 0
    with (
        replacing(path) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for stream in streams:
            left = instructions(program, stream)
            while batch := list(islice(left, _BATCH)):
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
                rows += len(batch)
    return rows


def read_program(path: str | os.PathLike[str]) -> CrossbarProgram | None:
    """Read a program of crossbars, as `CROSSBAR_FORM` or `expand` wrote it.

    Returns:
        The program; None if the file is none.

    Raises:
        SpecError: If it is one, and damaged or of another version.
    """
    try:
        with open(path, "rb") as file:
            begin = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if f'"{CROSSBAR_FORM.header}"'.encode() in begin:
        return CROSSBAR_FORM.read(path)
    if not begin.startswith(_PARQUET):
        return None
    import pyarrow
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    except (pyarrow.ArrowException, OSError):
        return None
    text = metadata.get(PROGRAM_KEY)
    return None if text is None else CROSSBAR_FORM.from_text(text.decode(), os.fspath(path))


def instructions(program: CrossbarProgram, stream: ChipStream) -> Iterator[Row]:
    """Yield the instructions of a stream, in order."""
    cursor = StepCursor(program, stream.depth)
    rows = _Rows(program, stream, cursor)
    step, before = 0, None
    while True:
        yield from rows.of(step, before)
        before = cursor.weights if stream.kind is StreamKind.WEIGHTS else cursor.inputs
        if cursor.step() < 0:
            return
        step += 1


class _Rows:
    """Rows of the present step of a stream."""

    def __init__(self, program: CrossbarProgram, stream: ChipStream, cursor: StepCursor) -> None:
        self._layer = program.layer
        self._by_window = program.walk.by_window
        self._stream = stream
        self._cursor = cursor
        self._cores = [stream.tile * program.tile_cores + core for core in stream.cores]

    def of(self, step: int, before: tuple[int, ...] | None) -> Iterator[Row]:
        """The rows of a step; ``before``: what the step before needed."""
        match self._stream.kind:
            case StreamKind.INPUTS:
                if self._blocks() and self._cursor.inputs != before:
                    yield self._row(ChipOp.LOAD, step, self._inputs(), "Inputs", pixels=None)
            case StreamKind.WEIGHTS:
                if self._blocks() and self._cursor.weights != before:
                    words = self._weights()
                    yield self._row(ChipOp.LOAD, step, words, "Weights")
                    yield self._row(ChipOp.PROGRAM, step, words, "Weights")
            case StreamKind.CORE:
                yield from self._multiply(step)
            case StreamKind.REFILL:
                if not self._cursor.is_first:
                    yield from self._moved(ChipOp.LOAD, step)
            case StreamKind.RESULTS:
                if self._cursor.is_last:
                    yield from self._moved(ChipOp.ACT, step)
                yield from self._moved(ChipOp.STORE, step)

    def _blocks(self) -> list[int]:
        """Column blocks of the unit's cores in this step."""
        found = [self._layer.block(self._cursor.co, core) for core in self._cores]
        return [block for block in found if block is not None]

    def _inputs(self) -> int:
        """Words that all bundles of the tile's cores take."""
        cursor, layer = self._cursor, self._layer
        each = cursor.load.rows
        if self._by_window:
            each = layer.window_words(cursor.load, cursor.rows, cursor.columns)
        return each * len({layer.owners[block] for block in self._blocks()})

    def _weights(self) -> int:
        load = self._cursor.load
        return sum(self._layer.macs_per_pixel(block, load) for block in self._blocks())

    def _multiply(self, step: int) -> Iterator[Row]:
        """MVM of a step, and the additions it takes."""
        cursor, layer = self._cursor, self._layer
        for block in self._blocks():
            results = cursor.pixels * layer.blocks[block]
            macs = cursor.pixels * layer.macs_per_pixel(block, cursor.load)
            adds = results * (len(cursor.load.slots) - (1 if cursor.is_first else 0))
            yield self._row(ChipOp.MVM, step, macs, None, pixels=cursor.pixels)
            if adds:
                yield self._row(ChipOp.VADD, step, adds, None, pixels=cursor.pixels)

    def _moved(self, op: ChipOp, step: int) -> Iterator[Row]:
        """Results, or partial sums, of a tile of pixels."""
        pixels = self._cursor.tile_pixels
        for block in self._blocks():
            words = pixels * self._layer.blocks[block]
            yield self._row(op, step, words, "Outputs", pixels=pixels)

    def _row(
        self, op: ChipOp, step: int, words: int, tensor: str | None, pixels: int | None = None
    ) -> Row:  # fmt: skip
        place, kind = self._cursor.place, self._stream.kind
        has_place = kind is not StreamKind.WEIGHTS
        is_whole = kind in (StreamKind.REFILL, StreamKind.RESULTS)
        return {
            "unit": self._stream.name,
            "op": op.value,
            "tensor": tensor,
            "step": step,
            "words": words,
            "image": place.image if has_place else None,
            "co": place.co,
            "load": None if is_whole else place.ko,
            "row": place.rows[0] if has_place else None,
            "column": place.columns[0] if has_place else None,
            "pixel": place.pixels[0] if has_place else None,
            "pixels": pixels,
        }


def _loops(program: CrossbarProgram, depth: int) -> str:
    """The first loops of a program, outermost first."""
    return " ".join(f"{loop.axis}:{loop.extent}" for loop in program.walk.loops[:depth])

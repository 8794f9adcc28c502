"""What a program does: its first instructions, a summary, and every instruction as a row.

The columns are those of `stallscope.traces.flat`. Rows come from arithmetic on step numbers; the
summary counts steps in closed form, however many there are.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.asking import check_asked
from stallscope.traces.flat import BATCH, COLUMNS, PROGRAM_KEY, UnitStream, Walk, unit_streams
from stallscope.traces.program import ComputeStream, MoverStream, Op, Program, StreamLoop
from stallscope.traces.rows.annotating import OWN_COLUMNS, Annotator, listed
from stallscope.traces.steps import last_origin
from stallscope.traces.storage import replacing, to_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["MAX_ROWS", "expand", "head", "info"]

MAX_ROWS = 50_000_000
"""Most rows that `expand` writes unless told otherwise: some 250 MB of Parquet."""
_MOST_WALKED = 2_000_000
_ROW_BYTES = 5
"""About what a row takes in Parquet, measured on AlexNet."""


def head(program: Program, unit: str | None = None, count: int = 20) -> list[dict[str, Any]]:
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
    units = unit_streams(program)
    check_asked([stream.name for stream in units], unit, count)
    rows: list[dict[str, Any]] = []
    for stream in units:
        if count and unit in (None, stream.name):
            rows += next(_batches(stream, min(count, stream.steps))).to_pylist()
    return rows


def info(program: Program) -> dict[str, Any]:
    """Summarise a program in closed form.

    Returns:
        Name, dimensions, multiply-accumulates, steps (rows of the flat form), and per unit:
        op, tensor, parent, child, loops (``P7 C4``, outermost first), records, steps, moves
        (steps that are not elided), words (moved; multiply-accumulates for COMPUTE) and
        idle_inside. Moves and words are None for a stream of over two million steps with
        remainders under the rule ``timeloop``: what a step moves there depends on the whole past.
    """
    units = [_summary(unit) for unit in unit_streams(program)]
    return {
        "name": program.name,
        "dims": dict(program.dims),
        "macs": program.macs,
        "steps": sum(unit["steps"] for unit in units),
        "units": units,
    }


def expand(program: Program, path: str | os.PathLike[str], *, limit: int = MAX_ROWS) -> int:
    """Write every instruction of a program as a row of Parquet, a batch at a time.

    Args:
        program: The program; it is kept in the file's metadata.
        path: The file; it appears complete or not at all.
        limit: Most rows to write.

    Returns:
        Number of rows.

    Raises:
        SpecError: If there are more rows; nothing is written.
        OSError: If the place cannot be written.
    """
    units = unit_streams(program)
    total = sum(unit.steps for unit in units)
    if total > limit:
        size = total * _ROW_BYTES / 1e6
        rule = f"is more than the limit of {limit} rows (it would take about {size:.0f} MB)"
        remedy = f"raise it: limit={total}; or list the first rows, `stallscope program head`"
        fault = Fault(place="expand", value=f"{total} rows", rule=rule, remedy=remedy)
        raise SpecError([fault])
    import pyarrow.parquet  # 0.2 s, and only flat programs need it

    annotator = Annotator(program, units, all_records, _tile)
    schema = _schema(COLUMNS | OWN_COLUMNS).with_metadata({PROGRAM_KEY: to_text(program).encode()})
    with (
        replacing(path) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for unit in units:
            for batch in _batches(unit, unit.steps, annotator):
                writer.write_batch(batch)
    return total


# ---------------------------------------------------------------------- rows


def _schema(columns: Mapping[str, str]) -> Any:  # Any: pyarrow has no types
    import pyarrow

    return pyarrow.schema(list(columns.items()))


def _batches(
    unit: UnitStream, stop: int, annotator: Annotator | None = None
) -> Iterator[Any]:  # Any: pyarrow has no types
    """The rows of a unit from the start up to but without ``stop``, at least one batch."""
    for start, digits, group in _walk(unit, stop):
        yield _batch(unit, start, digits, group, annotator)


def all_records(unit: UnitStream) -> Numbers:
    """Record of every step of a unit."""
    return np.concatenate([group.astype(np.int32) for *_, group in _walk(unit, unit.steps)])


def _walk(unit: UnitStream, stop: int) -> Iterator[tuple[int, Numbers, Numbers]]:
    """First step, iterations of the loops and records of every batch of rows before ``stop``."""
    memory = 0
    for start in range(0, stop, BATCH):
        # Two steps earlier, since a record may depend on the loop that stepped before.
        base = max(0, start - 2)
        digits = unit.walk.digits(np.arange(base, min(stop, start + BATCH), dtype=np.int64))
        group, memory = _records(unit, digits, start - base, memory)
        yield start, digits[start - base :], group


def _batch(
    unit: UnitStream, start: int, digits: Numbers, group: Numbers, annotator: Annotator | None
) -> Any:  # Any: pyarrow has no types
    """The rows of a unit from step ``start`` on, whose loops stand at ``digits``."""
    import pyarrow

    step = np.arange(start, start + len(digits), dtype=np.int64)
    words = np.array(unit.words_of(), dtype=np.int64)[group]
    earlier = _previous(unit, digits) if unit.op is Op.REFILL else None
    if earlier is not None and unit.elides:
        words = np.where(earlier > 0, words, 0)
    address = pyarrow.nulls(len(step), pyarrow.int64())
    if unit.tensor is not None:
        moves = np.array([loop.address_words for loop in unit.stream.loops], dtype=np.int64)
        address = pyarrow.array(digits @ moves)
    same = [pyarrow.repeat(pyarrow.scalar(value, pyarrow.string()), len(step))
            for value in (unit.name, unit.op.value, unit.tensor)]  # fmt: skip
    waits = listed(len(step), _waits(unit, step, digits, earlier))
    columns = [*same, step, words, address, group, waits]
    if annotator is None:
        return pyarrow.record_batch(columns, schema=_schema(COLUMNS))
    more = annotator.columns(unit, start, digits, group, earlier)
    columns += [more[name] for name in OWN_COLUMNS]
    return pyarrow.record_batch(columns, schema=_schema(COLUMNS | OWN_COLUMNS))


def _records(unit: UnitStream, digits: Numbers, cut: int, memory: int) -> tuple[Numbers, int]:
    """Record of each row from ``cut`` on, and what the stream remembers after the last."""
    stream = unit.stream
    loops = unit.stepped(digits)
    if not stream.keyed:
        found = np.full(len(digits), stream.first, dtype=np.int64)
        if len(digits) > 1:
            found[1:] = np.array(stream.table, dtype=np.int64)[loops[1:], loops[:-1]]
        return found[cut:], memory
    start = max(0, cut - 1)
    kinds, place = _kinds(stream, digits[start:], loops[start:])
    named = {(loop, key, before): then for loop, key, before, *then in stream.keyed}
    records = [] if cut else [stream.first]
    if all(after == 0 for *_, after in stream.keyed):
        table = np.array([named[(*kind, 0)][0] for kind in kinds], dtype=np.int64)
        return np.concatenate([np.array(records, dtype=np.int64), table[place]]), 0
    for number in place.tolist():
        record, memory = named[(*kinds[number], memory)]
        records.append(record)
    return np.array(records, dtype=np.int64), memory


_Key = tuple[tuple[int, int, int], ...]


def _kinds(
    stream: MoverStream | ComputeStream, digits: Numbers, loops: Numbers
) -> tuple[list[tuple[int, _Key]], Numbers]:
    """Kinds of step with remainders, and which of them each row but the first is."""
    columns = [loops[1:]]
    for (name, _), classes, grain in zip(stream.bounds, stream.classes, stream.grain, strict=True):
        steps = [loop.step if loop.dimension == name else 0 for loop in stream.loops]
        origin = digits @ np.array(steps, dtype=np.int64)
        kind = np.array(classes, dtype=np.int64)[origin // grain]
        columns += [kind[1:], kind[:-1], origin[1:] - origin[:-1]]
    found, place = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    kinds = [
        (row[0], tuple(zip(row[1::3], row[2::3], row[3::3], strict=True))) for row in found.tolist()
    ]
    return kinds, place.reshape(-1)


def _previous(unit: UnitStream, digits: Numbers) -> Numbers:
    """1 + number of the previous step at the same output tile; 0 at its first visit."""
    reductions = [level for level, loop in enumerate(unit.stream.loops) if loop.is_reduction]
    found = np.zeros(len(digits), dtype=np.int64)
    waiting = np.ones(len(digits), dtype=bool)
    for level in reversed(reductions):
        rows = np.flatnonzero(waiting & (digits[:, level] > 0))
        waiting[rows] = False
        earlier = digits[rows]
        earlier[:, level] -= 1
        for inner in reductions:
            if inner > level:
                earlier[:, inner] = unit.walk.last(inner, earlier)
        found[rows] = unit.walk.numbers(earlier) + 1
    return found


def _waits(
    unit: UnitStream, step: Numbers, digits: Numbers, earlier: Numbers | None
) -> Iterator[tuple[str, Numbers]]:
    """Counters that must be reached, and the values; 0 where a row does not wait."""
    stream = unit.stream
    if isinstance(stream, ComputeStream):
        for operand in stream.operands:
            if operand.depth >= 0:
                counter = f"{operand.tensor} {operand.level} delivered"
                yield counter, _tile(unit, digits, operand.depth)
        return
    if unit.op is Op.DRAIN:
        yield f"{stream.tensor} {stream.child} finished", step + 1
    elif not stream.parent_is_memory:
        yield f"{stream.tensor} {stream.parent} delivered", _tile(unit, digits, stream.parent_depth)
    if earlier is not None:
        yield f"{stream.tensor} {stream.child} drained", earlier


def _tile(unit: UnitStream, digits: Numbers, depth: int) -> Numbers:
    """Number, from 1, of the tile that the outer ``depth`` loops walk."""
    outer = Walk(unit.stream.loops[:depth], unit.walk.bounds)
    return outer.numbers(digits[:, :depth]) + 1


# ---------------------------------------------------------------------- counts in closed form


def _summary(unit: UnitStream) -> dict[str, Any]:
    stream = unit.stream
    ends = (stream.parent, stream.child) if isinstance(stream, MoverStream) else (None, None)
    moves, words = _moved(unit)
    return {
        "unit": unit.name,
        "op": unit.op.value,
        "tensor": unit.tensor,
        "parent": ends[0],
        "child": ends[1],
        "loops": " ".join(f"{loop.dimension}{loop.extent}" for loop in stream.loops),
        "records": len(stream.records),
        "steps": unit.steps,
        "moves": moves,
        "words": words,
        "idle_inside": stream.idle_inside if isinstance(stream, MoverStream) else None,
    }


def _moved(unit: UnitStream) -> tuple[int | None, int | None]:
    """Steps that move something, and the words they move."""
    if any(after for *_, after in unit.stream.keyed):
        return _walked(unit)
    tally = _tally(unit.stream, firsts_only=False)
    if unit.elides:
        tally.subtract(_tally(unit.stream, firsts_only=True))
    words = unit.words_of()
    return tally.total(), sum(times * words[record] for record, times in tally.items())


def _walked(unit: UnitStream) -> tuple[int | None, int | None]:
    """The same where records depend on the whole past: by walking, if that is soon done."""
    if unit.steps > _MOST_WALKED:
        return None, None
    words = sum(int(batch.column("words").to_numpy().sum()) for batch in _batches(unit, unit.steps))
    elided = _tally(unit.stream, firsts_only=True).total() if unit.elides else 0
    return unit.steps - elided, words


def _tally(stream: MoverStream | ComputeStream, *, firsts_only: bool) -> Counter[int]:
    """Steps per record; ``firsts_only`` of those where every reduction loop stands at 0."""
    tally = Counter({stream.first: 1})
    fixed = [firsts_only and loop.is_reduction for loop in stream.loops]
    for level in range(len(stream.loops)):
        if not fixed[level]:
            step = _tally_keyed if stream.keyed else _tally_plain
            tally.update(step(stream, level, fixed))
    return tally


def _tally_plain(
    stream: MoverStream | ComputeStream, level: int, fixed: Sequence[bool]
) -> Counter[int]:
    """Steps of one loop per record, without remainders.

    When a loop steps, the innermost loop stepped before; only at the innermost loop's own first
    step that was the loop that began its instance, or none.
    """
    extents = [1 if held else loop.extent for loop, held in zip(stream.loops, fixed, strict=True)]
    last = len(extents) - 1
    begun = [prod(extents[:at]) * (extents[at] - 1) for at in range(last)]
    row = stream.table[level]
    if level < last:
        return Counter({row[last]: begun[level]})
    tally = Counter({row[last + 1]: 1})
    for earlier, times in enumerate(begun):
        tally[row[earlier]] += times
    tally[row[last]] += prod(extents[:last]) * (extents[last] - 2)
    return tally


def _tally_keyed(
    stream: MoverStream | ComputeStream, level: int, fixed: Sequence[bool]
) -> Counter[int]:
    """Steps of one loop per record, with remainders: every dimension counts on its own."""
    bounds = dict(stream.bounds)
    choices = [_pairs(stream, at, level, fixed).items() for at in range(len(stream.bounds))]
    free = prod(
        loop.extent - (at == level)
        for at, loop in enumerate(stream.loops[: level + 1])
        if loop.dimension not in bounds and not fixed[at]
    )
    named = {key: record for loop, key, _, record, _ in stream.keyed if loop == level}
    tally: Counter[int] = Counter()
    for choice in product(*choices):
        times = free * prod(times for _, times in choice)
        tally[named[tuple(key for key, _ in choice)]] += times
    return tally


def _pairs(
    stream: MoverStream | ComputeStream, index: int, level: int, fixed: Sequence[bool]
) -> Mapping[tuple[int, int, int], int]:
    """How often each (class now, class before, move) of a dimension occurs when a loop steps."""
    name, bound = stream.bounds[index]
    grain, classes = stream.grain[index], stream.classes[index]
    own = [(at, loop) for at, loop in enumerate(stream.loops) if loop.dimension == name]
    outer = [(loop, fixed[at]) for at, loop in own if at < level]
    inner = [loop for at, loop in own if at > level]
    stepped = stream.loops[level]
    found: Counter[tuple[int, int, int]] = Counter()
    for origin, left in _origins(outer, bound):
        moves = [(origin, origin + last_origin(inner, left))]
        if stepped.dimension == name:
            given = min(left, stepped.extent * stepped.step)
            moves = [
                (origin + at, origin + was + last_origin(inner, min(stepped.step, given - was)))
                for at in range(stepped.step, given, stepped.step)
                for was in (at - stepped.step,)
            ]
        for now, before in moves:
            found[classes[now // grain], classes[before // grain], now - before] += 1
    return found


def _origins(loops: Sequence[tuple[StreamLoop, bool]], left: int) -> Iterator[tuple[int, int]]:
    """(origin, iterations left from there) of nested loops; a held loop stays at 0."""
    if not loops:
        yield 0, left
        return
    (loop, is_held), rest = loops[0], loops[1:]
    given = min(left, loop.extent * loop.step)
    for at in range(0, min(given, 1 if is_held else given), loop.step):
        for inside, remaining in _origins(rest, min(loop.step, given - at)):
            yield at + inside, remaining

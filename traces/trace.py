"""Reading an event trace: windows of expanded rows, occupancy, tile lifetimes, activity.

Nothing is expanded that is not asked for: a window of a long run costs what the window holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events import EVENTS, META, REPEATS, TraceMeta, TraceUnit, read_meta
from stallscope.traces.finding import Finder
from stallscope.traces.repeats import SIMULATED, Piece, Repeat, Repeats

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Trace", "read_trace"]

_CHUNK = 1 << 18
"""Rows expanded at a time."""
_FOLDER = "trace"
_SHIFTED = ("start", "end", "delivered")


class Trace:
    """An event trace on disk.

    Args:
        folder: Folder with the trace's files.
        owner: What deletes the folder when the trace is no longer used, if anything.

    Attributes:
        meta: What the trace is of.
    """

    def __init__(self, folder: Path, owner: TemporaryDirectory[str] | None = None) -> None:
        self.folder = folder
        self.meta: TraceMeta = read_meta(folder)
        self._owner = owner
        self._finders: dict[int, Finder] = {}

    # ------------------------------------------------------------------ what is stored

    @cached_property
    def stored(self) -> pyarrow.Table:
        """The rows that were simulated, in order; columns as in `stallscope.traces.events`."""
        import pyarrow.parquet

        return pyarrow.parquet.read_table(self.folder / EVENTS)

    @cached_property
    def repeats(self) -> Repeats:
        """Which stored rows come again."""
        import pyarrow.parquet

        table = pyarrow.parquet.read_table(self.folder / REPEATS)
        repeats = [
            Repeat(number=number, **row | {"steps": np.array(row["steps"], dtype=np.int64)})
            for number, row in enumerate(table.to_pylist())
        ]
        return Repeats(repeats, self._column("end"))

    def _column(self, name: str) -> Numbers:
        """A column of whole numbers as stored; 0 where it is null."""
        from pyarrow import compute

        column = compute.fill_null(self.stored.column(name), 0)
        return np.asarray(column.to_numpy(), dtype=np.int64)

    @cached_property
    def unit_of(self) -> Numbers:
        """Number of every stored row's unit."""
        column = self.stored.column("unit").unify_dictionaries().combine_chunks()
        if hasattr(column, "chunks"):  # an empty column combines to no chunk or one
            column = column.chunk(0) if column.num_chunks else None
        if column is None:
            return np.zeros(0, dtype=np.int64)
        order = {unit.name: number for number, unit in enumerate(self.meta.units)}
        names = column.dictionary.to_pylist()
        numbers: Numbers = np.array([order[name] for name in names], dtype=np.int64)
        found: Numbers = numbers[column.indices.to_numpy()]
        return found

    @property
    def cycles(self) -> int:
        """Cycles of the run."""
        return self.meta.cycles

    @property
    def units(self) -> tuple[str, ...]:
        """Names of the units recorded, in unit order."""
        return self.meta.recorded

    def unit(self, name: str) -> TraceUnit:
        """Return what is known of a unit.

        Raises:
            SpecError: If no such unit was recorded.
        """
        for unit in self.meta.units:
            if unit.name == name and name in self.meta.recorded:
                return unit
        remedy = f"recorded: {', '.join(self.meta.recorded)}"
        rule = "is not a unit of the trace"
        raise SpecError([Fault(place="unit", value=name, rule=rule, remedy=remedy)])

    @cached_property
    def rows(self) -> int:
        """Rows of the expanded trace."""
        return int(self.repeats.weights().sum())

    # ------------------------------------------------------------------ windows

    def window(
        self, start: int = 0, end: int | None = None, *, units: Iterable[str] | None = None
    ) -> pyarrow.Table:
        """Return the expanded rows of every slice that touches cycles ``start`` to ``end`` - 1.

        Args:
            start: First cycle of the window.
            end: Cycle after its last; None: the end of the run.
            units: Names of the units wanted; None: all.

        Returns:
            One row per slice, whole even where it reaches out of the window, in the order in which
            slices end. Columns, units and nulls as in `stallscope.traces.events`; then
            ``repeat``: number of the repeat the row was expanded from, null if it was simulated.
            ``to_pandas()`` of it gives a pandas table.

        Raises:
            SpecError: If the window is not in the trace, or a unit is not.
        """
        last = self.cycles if end is None else end
        self._check_window(start, last)
        wanted = None if units is None else [self.unit(name).name for name in units]
        parts = list(self._window_parts(start, last, wanted))
        import pyarrow

        return pyarrow.concat_tables(parts) if parts else self._expand([])

    def batches(self, start: int = 0, end: int | None = None) -> Iterator[pyarrow.Table]:
        """Yield the rows of `window`, a bounded number at a time."""
        last = self.cycles if end is None else end
        self._check_window(start, last)
        yield from self._window_parts(start, last, None)

    def _check_window(self, start: int, end: int) -> None:
        low, high = self.meta.window or (0, self.cycles)
        high = max(min(high, self.cycles), low)
        if 0 <= start <= end and low <= start and (end <= high or end <= self.cycles == high):
            return
        rule = f"must lie within the cycles recorded, {low}:{high}"
        raise SpecError([Fault(place="window", value=f"{start}:{end}", rule=rule)])

    def _window_parts(
        self, start: int, end: int, units: Sequence[str] | None
    ) -> Iterator[pyarrow.Table]:
        """Rows that touch a window, in chunks."""
        waiting: list[Piece] = []
        rows = 0
        for piece in self.repeats.pieces(start, end):
            waiting.append(piece)
            rows += (piece.last - piece.first) * piece.times
            if rows >= _CHUNK:
                yield self._touching(waiting, start, end, units)
                waiting, rows = [], 0
        waiting += self._reaching_out(end)
        if waiting:
            yield self._touching(waiting, start, end, units)

    def _reaching_out(self, end: int) -> list[Piece]:
        """The first row of every unit that ends after a cycle: it may have begun before."""
        found = []
        for number in range(len(self.meta.units)):
            place = self.finder(number).after(end)
            if place is not None:
                # What ends in one cycle is of one period: stored in the order of execution.
                last = int(self.repeats.ends[place.row]) + place.shift
                found.append((last, place.row, number, place))
        growth = np.zeros(len(self.meta.units), dtype=np.int64)
        pieces = []
        for _, _, number, place in sorted(found, key=lambda entry: entry[:2]):
            steps = growth.copy()
            steps[number] = place.steps
            row = place.row
            pieces.append(Piece(row, row + 1, 1, place.shift, 0, steps, None, place.repeat))
        return pieces

    def finder(self, unit: int) -> Finder:
        """Return what finds rows of a unit, given by its number."""
        found = self._finders.get(unit)
        if found is None:
            found = Finder(self.repeats, unit, np.flatnonzero(self.unit_of == unit))
            self._finders[unit] = found
        return found

    def _touching(
        self, pieces: Sequence[Piece], start: int, end: int, units: Sequence[str] | None
    ) -> pyarrow.Table:
        """The expanded rows of pieces that touch a window."""
        import pyarrow
        from pyarrow import compute

        table = self._expand(pieces)
        begins, ends = table.column("start"), table.column("end")
        longest = compute.max_element_wise(ends, compute.add(begins, 1))
        keep = compute.and_(compute.less(begins, end), compute.greater(longest, start))
        if units is not None:
            names = table.column("unit").cast(pyarrow.string())
            keep = compute.and_(keep, compute.is_in(names, pyarrow.array(units)))
        return table.filter(keep)

    def _expand(self, pieces: Sequence[Piece]) -> pyarrow.Table:
        """The rows of pieces."""
        import pyarrow

        index, shift, further, source = _places(pieces, self.unit_of)
        table = self.stored.take(pyarrow.array(index))
        for name in _SHIFTED:
            table = _added(table, name, shift)
        table = _added(table, "step", further)
        numbers = pyarrow.array(source, mask=source == SIMULATED)
        return table.append_column("repeat", numbers)


def _added(table: pyarrow.Table, name: str, by: Numbers) -> pyarrow.Table:
    """The table with numbers added to a column; null stays null."""
    import pyarrow
    from pyarrow import compute

    at = table.column_names.index(name)
    column = table.column(name)
    moved = compute.add(column, pyarrow.chunked_array([pyarrow.array(by)], pyarrow.int64()))
    return table.set_column(at, table.schema.field(name), moved)


def _places(pieces: Sequence[Piece], unit_of: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Per expanded row: stored row, cycles later, steps further on, repeat."""
    none = np.zeros(0, dtype=np.int64)
    index, shift, further, source = [none], [none], [none], [none]
    for piece in pieces:
        rows = np.arange(piece.first, piece.last, dtype=np.int64)
        times = np.repeat(np.arange(piece.times, dtype=np.int64), len(rows))
        tiled = np.tile(rows, piece.times)
        units = unit_of[tiled]
        index.append(tiled)
        shift.append(piece.shift + times * piece.cycles)
        steps = np.zeros(len(tiled), dtype=np.int64)
        if piece.steps is not None:
            steps += piece.steps[units]
        if piece.growth is not None:
            steps += times * piece.growth[units]
        further.append(steps)
        source.append(np.full(len(tiled), piece.repeat, dtype=np.int64))
    joined = [np.concatenate(parts) for parts in (index, shift, further, source)]
    return joined[0], joined[1], joined[2], joined[3]


def read_trace(place: str | os.PathLike[str]) -> Trace:
    """Read the trace that a run wrote.

    Args:
        place: The run's ``--out`` folder, or the folder ``trace`` in it.

    Raises:
        SpecError: No trace there, or of another version.
    """
    folder = Path(place)
    inner = folder / _FOLDER
    return Trace(inner if (inner / META).exists() else folder)

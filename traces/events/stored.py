"""What a trace's folder stores: rows, repeats, and how to find rows of one unit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.columns import DELAY_NAME, EVENTS, REPEATS, TraceMeta, read_meta
from stallscope.traces.events.finding import Finder
from stallscope.traces.events.repeats import Repeat, Repeats

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Stored"]


class Stored:
    """The rows of a trace that were simulated, column by column, and their repeats.

    Args:
        folder: Folder with the trace's files.

    Attributes:
        meta: What the trace is of.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta: TraceMeta = read_meta(folder)
        self._columns: dict[str, Numbers] = {}
        self._finders: dict[int, Finder] = {}

    @cached_property
    def table(self) -> pyarrow.Table:
        """All of it, with the columns of `stallscope.traces.events.columns`."""
        return self._read(EVENTS)

    @cached_property
    def repeats(self) -> Repeats:
        """Which stored rows come again."""
        table = self._read(REPEATS)
        repeats = [
            Repeat(number=number, **row | {"steps": np.array(row["steps"], dtype=np.int64)})
            for number, row in enumerate(table.to_pylist())
        ]
        return Repeats(repeats, self.column("end"))

    def _read(self, name: str) -> pyarrow.Table:
        import pyarrow.parquet

        place = self.folder / name
        try:
            return pyarrow.parquet.read_table(place)
        except (pyarrow.ArrowException, OSError) as error:
            rule = f"is no whole Parquet file ({error})".splitlines()[0]
            fault = Fault(place="trace", value=str(place), rule=rule, remedy="record the run again")
            raise SpecError([fault]) from error

    def column(self, name: str) -> Numbers:
        """A column of whole numbers; 0 where it is null."""
        from pyarrow import compute

        if name not in self._columns:
            filled = compute.fill_null(self.table.column(name), 0)
            self._columns[name] = np.asarray(filled.to_numpy(), dtype=np.int64)
        return self._columns[name]

    def words_of(self, name: str, words: Iterable[str]) -> Numbers:
        """A column of text as places in ``words``; -1 where it is null."""
        place = {word: number for number, word in enumerate(words)}
        parts = [np.zeros(0, dtype=np.int64)]
        for chunk in self.table.column(name).chunks:
            known = np.array([place[word] for word in chunk.dictionary.to_pylist()] or [-1])
            index = np.asarray(chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False))
            parts.append(np.where(index < 0, -1, known[index]))
        return np.concatenate(parts)

    @cached_property
    def unit_of(self) -> Numbers:
        """Number of every row's unit."""
        return self.words_of("unit", (unit.name for unit in self.meta.units))

    @cached_property
    def awaited(self) -> Numbers:
        """Number of the counter that a row awaits; past the last: a delay; -1: it is no wait."""
        return self.words_of("awaits", (*(name for name, _ in self.meta.counters), DELAY_NAME))

    @property
    def is_wait(self) -> NDArray[np.bool_]:
        """Whether a row is a `WAIT`."""
        return self.awaited >= 0

    def finder(self, unit: int) -> Finder:
        """Return what finds rows of a unit, given by its number."""
        found = self._finders.get(unit)
        if found is None:
            found = Finder(self.repeats, unit, np.flatnonzero(self.unit_of == unit))
            self._finders[unit] = found
        return found

"""The file of a user's own flat program: CSV or Parquet, as rows of typed cells.

Which of the two it is follows from its first bytes. In CSV empty cells mean nothing is given, and
lines that begin with ``#`` are comments. Faults are collected, not raised, so that one run shows
all of them.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from stallscope.mappings.fields import nearest
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.flat import BATCH, COLUMNS, PROGRAM_KEY, is_flat
from stallscope.traces.rows.annotating import OWN_COLUMNS
from stallscope.traces.rows.notation import MAX_DIGITS
from stallscope.traces.storage import refuse

__all__ = ["Faults", "Row", "is_own", "rows_of"]

_COLUMNS = COLUMNS | OWN_COLUMNS
_REQUIRED = ("unit", "op", "words")
_MOST = 50
"""Faults that are shown one by one."""

Cell = int | str


@dataclass(frozen=True, slots=True)
class Row:
    """One instruction as it stands in the file.

    Attributes:
        number: Its number in the file, from 1; the heading does not count.
        source: The file, and in CSV the line.
        cells: What is given, by column.
        bad: Columns whose cells cannot be read; they are not among the cells.
    """

    number: int
    source: str
    cells: Mapping[str, Cell]
    bad: tuple[str, ...] = ()

    def text(self, column: str) -> str:
        """Text of a cell; empty if nothing is given."""
        return str(self.cells.get(column, ""))

    def whole(self, column: str) -> int | None:
        """Number in a cell; None if nothing is given."""
        found = self.cells.get(column)
        return found if isinstance(found, int) else None


class Faults:
    """Faults of one file, in the order in which they are found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.found: list[Fault] = []
        self._more = 0

    def row(self, row: Row, column: str, value: object, rule: str, remedy: str = "") -> None:
        """Add a fault of a cell."""
        place = f"row {row.number}, {column}"
        self._add(Fault(place=place, value=value, rule=rule, remedy=remedy, source=row.source))

    def file(self, place: str, value: object, rule: str, remedy: str = "") -> None:
        """Add a fault of the file as a whole."""
        self._add(Fault(place=place, value=value, rule=rule, remedy=remedy, source=self.name))

    def _add(self, fault: Fault) -> None:
        if len(self.found) < _MOST:
            self.found.append(fault)
        else:
            self._more += 1

    def check(self) -> None:
        """Raise SpecError if there are any."""
        if self._more:
            rule = f"and {self._more} more faults"
            self.found.append(Fault(place="file", value="", rule=rule, source=self.name))
        if self.found:
            raise SpecError(self.found)


def is_own(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a user's own flat program.

    That is Parquet without the looped program it was expanded from, or text whose first line (but
    comments) has a column of a flat program. False if the file cannot be read.
    """
    try:
        if is_flat(path):
            import pyarrow.parquet  # 0.2 s, and only flat programs need it

            with pyarrow.parquet.ParquetFile(path) as file:
                return PROGRAM_KEY not in (file.schema_arrow.metadata or {})
        with open(path, encoding="utf-8-sig", newline="") as text:
            heading = next((line for line in csv.reader(_code(text)) if any(line)), [])
    except (OSError, ValueError, csv.Error):
        return False
    return len(heading) > 1 and any(cell.strip() in _COLUMNS for cell in heading)


def rows_of(path: str | os.PathLike[str], faults: Faults) -> Iterator[Row]:
    """The rows of a file; faults of columns and cells go to ``faults``.

    Raises:
        SpecError: If there is no such file, or it cannot be read to its end.
    """
    name = os.fspath(path)
    try:
        yield from _parquet(name, faults) if is_flat(path) else _csv(name, faults)
    except UnicodeDecodeError as error:
        refuse(name, "file", "", "is not UTF-8 text", "save it as UTF-8", error)
    except csv.Error as error:
        refuse(name, "file", "", f"is not CSV ({error})", "separate cells by commas", error)
    except OSError as error:
        rule = f"cannot be read: {error.strerror or error}"
        refuse(name, "file", "", rule, "name a flat program", error)


def _code(text: TextIO) -> Iterator[str]:
    """Lines of CSV; comments as empty ones, so that the count of lines stays right."""
    return ("\n" if line.startswith("#") else line for line in text)


def _csv(name: str, faults: Faults) -> Iterator[Row]:
    with open(name, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(_code(text), skipinitialspace=True)
        heading: list[str] = []
        number = 0
        for line in reader:
            if not any(cell.strip() for cell in line):
                continue
            source = f"{name}:{reader.line_num}"
            if not heading:
                heading = [cell.strip() for cell in line]
                if not _has_columns(heading, faults):
                    return
                continue
            number += 1
            row = Row(number, source, {})
            if len(line) > len(heading):
                rule = f"has {len(line)} cells, the heading {len(heading)}"
                faults.row(row, "cells", len(line), rule, "put commas in quotes or drop them")
                continue
            cells = zip(heading, line, strict=False)
            yield _typed(Row(number, source, {key: cell for key, cell in cells if cell}), faults)


def _parquet(name: str, faults: Faults) -> Iterator[Row]:
    import pyarrow  # 0.2 s, and only flat programs need it
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(name) as file:
            if not _has_columns(file.schema_arrow.names, faults):
                return
            for batch in file.iter_batches(batch_size=BATCH):
                for cells in batch.to_pylist():
                    number += 1
                    given = {key: cell for key, cell in cells.items() if cell is not None}
                    yield _typed(Row(number, name, given), faults)
    except pyarrow.ArrowException as error:
        refuse(name, "file", "", f"is not a whole Parquet file ({error})", "write it again", error)


def _has_columns(names: list[str], faults: Faults) -> bool:
    """Check the heading; without its columns no row can be read."""
    before = len(faults.found)
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [name for name in names if name not in _COLUMNS]
    for name in missing:
        close = nearest(name, unknown) if unknown else ""
        faults.file("columns", name, "is missing", close or f"columns here: {', '.join(names)}")
    for name in unknown:
        rule = "is no column of a flat program"
        faults.file("columns", name, rule, nearest(name, _COLUMNS))
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.file("columns", name, "stands twice", "keep one")
    return len(faults.found) == before


def _typed(row: Row, faults: Faults) -> Row:
    """Read the numbers among the cells; one that is none is a fault, and left out."""
    typed: dict[str, Cell] = {}
    bad: list[str] = []
    for column, cell in row.cells.items():
        if _COLUMNS[column] == "string":
            text = str(cell).strip()
            if text:
                typed[column] = text
            continue
        number = _whole(cell)
        if number is None or not 0 <= number < 10**MAX_DIGITS:
            bad.append(column)
            rule = "must be a whole number of at least 0"
            if number is not None and number > 0:
                rule = f"must have at most {MAX_DIGITS} digits"
            faults.row(row, column, cell, rule)
        else:
            typed[column] = number
    return Row(row.number, row.source, typed, tuple(bad))


def _whole(cell: Any) -> int | None:  # Any: a cell of Parquet
    """A cell as a whole number, or None if it is none; 12.0 is 12."""
    try:
        number = int(cell) if not isinstance(cell, float) or cell.is_integer() else None
    except (TypeError, ValueError):
        return None
    return None if isinstance(cell, bool) else number

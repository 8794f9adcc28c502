"""Writing results: whole files or none, into a folder that was empty.

Every file is written under another name and then renamed, so a stopped run leaves no half file.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import tempfile
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stallscope.report.document import Document
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "Cell",
    "OutputFolder",
    "Row",
    "check_free",
    "json_text",
    "level_rows",
    "network_rows",
    "unit_rows",
    "write_file",
]

Cell = str | int | float | None
Row = Mapping[str, Cell]


def json_text(document: Document) -> str:
    """Return strict JSON: no NaN, plain ASCII, one document."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


class OutputFolder:
    """The folder of ``--out``; nothing is made before the first file is written.

    Args:
        path: The folder.
        force: Whether files in it may be replaced.

    Raises:
        SpecError: If it is a file, or not empty and ``force`` is not given.
    """

    def __init__(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise _refused(self.path, "is a file, not a folder", "name another folder")
        if self.path.is_dir() and not force and any(self.path.iterdir()):
            raise _refused(self.path, "is not empty", "name another folder or give --force")

    def write_json(self, name: str, document: Document) -> None:
        """Write one document."""
        self._write(name, json_text(document).encode())

    def write_table(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows as ``name.csv`` and ``name.parquet``; columns in the order of first use."""
        self.write_csv(f"{name}.csv", rows)
        self._write(f"{name}.parquet", _parquet(_columns(rows), rows))

    def write_csv(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows as one CSV file."""
        columns = _columns(rows)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.get(column) for column in columns] for row in rows)
        self._write(name, text.getvalue().encode())

    def _write(self, name: str, data: bytes) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_file(self.path / name, lambda partial: partial.write_bytes(data))


def check_free(path: Path, *, force: bool) -> None:
    """Check that a file may be written; SpecError if it exists and ``force`` is not given."""
    if path.exists() and (path.is_dir() or not force):
        rule = "is a folder" if path.is_dir() else "exists"
        remedy = "name a file" if path.is_dir() else "name another file or give --force"
        raise SpecError([Fault(place="--out", value=os.fspath(path), rule=rule, remedy=remedy)])


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file under another name, then give it its own.

    Args:
        path: The file.
        write: Writes the whole content to the path it is given.
    """
    handle, name = tempfile.mkstemp(prefix=".", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        write(partial)
        umask = os.umask(0)
        os.umask(umask)
        partial.chmod(0o666 & ~umask)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def level_rows(document: Document) -> list[Row]:
    """Return one row per level and tensor, analytical counts (if there are any) beside."""
    analytical = document["analytical"] or {"levels": []}
    estimates = {level["name"]: level["tensors"] for level in analytical["levels"]}
    rows: list[Row] = []
    for level in document["levels"]:
        for tensor, figures in level["tensors"].items():
            row: dict[str, Cell] = {
                "level": level["name"], "used_instances": level["used_instances"], "tensor": tensor,
            }  # fmt: skip
            estimate = estimates.get(level["name"], {}).get(tensor, {})
            beside = {
                f"analytical_{key}": estimate.get(key) for key in ("reads", "fills", "updates")
            }
            rows.append(row | figures | beside)
    return rows


def network_rows(document: Document) -> list[Row]:
    """Return one row per network and tensor; ``multicast`` as ``reach:words`` pairs."""
    rows: list[Row] = []
    for network in document["networks"]:
        for tensor, figures in network["tensors"].items():
            spread = " ".join(f"{reach}:{words}" for reach, words in figures["multicast"].items())
            row: dict[str, Cell] = {"network": network["name"], "tensor": tensor}
            rows.append(row | figures | {"multicast": spread})
    return rows


def unit_rows(document: Document) -> list[Row]:
    """Return one row per unit: its cycles by state, then by class."""
    rows: list[Row] = []
    for name, unit in document["units"].items():
        row: dict[str, Cell] = {"unit": name, "busy": unit["busy"], "idle": unit["idle"]}
        row |= {f"waiting_{state}": cycles for state, cycles in unit["waiting"].items()}
        rows.append(row | {f"{cause}_cycles": part for cause, part in unit["charged"].items()})
    return rows


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(column for row in rows for column in row))


def _parquet(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    import pyarrow  # 0.1 s, and only --out needs it
    import pyarrow.parquet

    table = pyarrow.table({name: _array([row.get(name) for row in rows]) for name in columns})
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _array(values: Sequence[Cell]) -> Any:  # Any: pyarrow has no types
    """Return a column: text, whole numbers, or numbers; null where there is no value.

    Made from buffers: `pyarrow.array` imports pandas, which costs 0.4 s.
    """
    import pyarrow

    known = [value for value in values if value is not None]
    if not known:
        return pyarrow.nulls(len(values))
    bits = bytearray(-(-len(values) // 8))
    for index, value in enumerate(values):
        bits[index // 8] |= (value is not None) << index % 8
    buffers = [pyarrow.py_buffer(bits)]
    if any(isinstance(value, str) for value in known):
        texts = [b"" if value is None else str(value).encode() for value in values]
        ends = array("i", itertools.accumulate(map(len, texts), initial=0))
        buffers += [pyarrow.py_buffer(ends), pyarrow.py_buffer(b"".join(texts))]
        return pyarrow.Array.from_buffers(pyarrow.string(), len(values), buffers)
    if all(isinstance(value, int) for value in known):
        kind, numbers = pyarrow.int64(), array("q", [int(value or 0) for value in values])
        return pyarrow.Array.from_buffers(kind, len(values), [*buffers, pyarrow.py_buffer(numbers)])
    kind, figures = pyarrow.float64(), array("d", [float(value or 0) for value in values])
    return pyarrow.Array.from_buffers(kind, len(values), [*buffers, pyarrow.py_buffer(figures)])


def _refused(path: Path, rule: str, remedy: str) -> SpecError:
    return SpecError([Fault(place="--out", value=os.fspath(path), rule=rule, remedy=remedy)])

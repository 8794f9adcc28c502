"""SCALE-Sim's topology tables: one layer per row, convolutions or matrix products.

    Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
    Layer, M, N, K,

Columns are read by position, as SCALE-Sim does; a last column may give the weights that are kept,
``2:4``. A first row of words is the header and may be missing, as may the comma that SCALE-Sim
wants at the end of a row. Rows without a value are skipped.

SCALE-Sim knows no padding: the input is as large as the table says. Its outputs are
ceil((input - filter + stride) / stride), so the last window may reach past the input; a layer of
which this is true says so. A layer with ``DP`` in its name is depthwise: SCALE-Sim runs it as one
layer per channel, here it is one convolution with a group per channel.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from stallscope.mappings.case import InputFile
from stallscope.mappings.layers import ConvLayer, GemmLayer, Layer, LayerNetwork
from stallscope.mappings.reading import PlainText, read_plain
from stallscope.mappings.scalesim_ignored import Ignored
from stallscope.mappings.spec import Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Form", "KeptWeights", "Topology", "read_topology"]


class Form(StrEnum):
    """What the rows of a table are."""

    CONV = "conv"
    GEMM = "gemm"


_COLUMNS = {
    Form.CONV: ("IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels",
                "Num Filter", "Strides"),
    Form.GEMM: ("M", "N", "K"),
}  # fmt: skip
_DEPTHWISE = "DP"
_MAX_DIGITS = 12
_MAX_NAME = 190


class KeptWeights(Spec):
    """The weights of a layer that are kept: ``kept`` of every ``of``."""

    layer: str
    kept: int
    of: int


class Topology(Spec):
    """A table as layers.

    Attributes:
        network: The layers; what is special about one is in its remarks, and in the notes.
        form: What the rows are.
        sparsity: Layers that do not keep all weights. Not modelled: they are run as dense.
        ignored: Columns that nothing is made of.
    """

    network: LayerNetwork
    form: Form
    sparsity: tuple[KeptWeights, ...] = ()
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """One row that has a value: its line, and its cells without blanks around them."""

    line: int
    cells: tuple[str, ...]

    @property
    def figures(self) -> int:
        """How many cells after the name are whole numbers, up to the first that is none."""
        count = 0
        for cell in self.cells[1:]:
            if not _is_whole(cell):
                break
            count += 1
        return count


@dataclass(slots=True)
class _Reader:
    """Reads rows of one form, and gathers what is found."""

    file: PlainText
    form: Form
    header: tuple[str, ...]
    layers: list[Layer] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sparsity: list[KeptWeights] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    extra: dict[int, list[_Row]] = field(default_factory=dict)

    def read(self, row: _Row) -> None:
        """Read one row: a layer, or faults."""
        columns = _COLUMNS[self.form]
        name = row.cells[0]
        before = len(self.faults)
        if not name or len(name) > _MAX_NAME:
            self._fault(row, "name", name[:40], "needs a name")
        figures = [self._figure(row, index + 1, column) for index, column in enumerate(columns)]
        kept = self._kept(row, len(columns) + 1)
        if len(self.faults) > before:
            return
        unique = self._unique(name)
        remarks: list[str] = []
        if self.form is Form.CONV:
            shape: ConvLayer | GemmLayer | None = self._conv(row, name, figures, remarks)
        else:
            shape = GemmLayer(M=figures[0], N=figures[1], K=figures[2])
        if shape is None:
            return
        if kept is not None and kept[0] < kept[1]:
            remarks.append(f"{kept[0]}:{kept[1]} sparsity of the weights is ignored: run as dense")
            self.sparsity.append(KeptWeights(layer=unique, kept=kept[0], of=kept[1]))
        if unique != name:
            self.notes.append(f"{self._at(row)}: {name} is there already, here it is {unique}")
        self.notes += [f"{self._at(row)}: {unique}: {remark}" for remark in remarks]
        self.layers.append(Layer(name=unique, shape=shape, remarks=tuple(remarks)))

    def ignored(self) -> tuple[Ignored, ...]:
        """Return the columns past those that SCALE-Sim reads."""
        found = []
        for index, rows in sorted(self.extra.items()):
            title = self.header[index] if index < len(self.header) else ""
            values = rows[0].cells[index] if len(rows) == 1 else f"{len(rows)} rows"
            why = f"past the columns that SCALE-Sim reads of a {self.form} table"
            found.append(Ignored(field=title or f"column {index + 1}", value=values, why=why,
                                 source=self._at(rows[0])))  # fmt: skip
        return tuple(found)

    def _conv(
        self, row: _Row, name: str, figures: list[int], remarks: list[str]
    ) -> ConvLayer | None:
        height, width, rows, columns, channels, filters, stride = figures
        outputs = [_outputs(*axis, stride) for axis in ((height, rows), (width, columns))]
        for size, filter_size, count, axis in (
            (height, rows, outputs[0], "Height"), (width, columns, outputs[1], "Width")
        ):  # fmt: skip
            if count < 1:
                rule = f"is larger than the input of {size}"
                self._fault(row, f"Filter {axis}", str(filter_size), rule, "enlarge the input")
        if min(outputs) < 1:
            return None
        groups = channels if _DEPTHWISE in name else 1
        shape = ConvLayer(
            C=channels, K=filters * groups, P=outputs[0], Q=outputs[1], R=rows, S=columns,
            stride=(stride, stride), groups=groups,
        )  # fmt: skip
        floor = [(size - filter_size) // stride + 1
                 for size, filter_size in ((height, rows), (width, columns))]  # fmt: skip
        if outputs != floor:
            past = (max(0, shape.input_rows - height), max(0, shape.input_columns - width))
            remarks.append(
                f"{outputs[0]}x{outputs[1]} outputs by SCALE-Sim's rule, which rounds up; rounding "
                f"down gives {floor[0]}x{floor[1]}. The last windows reach {past[0]} rows and "
                f"{past[1]} columns past the input, which are stored and moved"
            )
        if groups > 1:
            remarks.append(f"{_DEPTHWISE} in its name: {groups} groups of one channel, which "
                           f"SCALE-Sim runs as {groups} layers")  # fmt: skip
        return shape

    def _figure(self, row: _Row, index: int, column: str) -> int:
        text = row.cells[index] if index < len(row.cells) else ""
        if _is_whole(text) and int(text) >= 1:
            return int(text)
        if text:
            self._fault(row, column, text[:40], "needs a whole number >= 1")
        else:
            count = len(_COLUMNS[self.form])
            rule = f"is missing: a row of a {self.form} table has a name and {count} figures"
            self._fault(row, column, "", rule)
        return 1

    def _kept(self, row: _Row, index: int) -> tuple[int, int] | None:
        """Read the weights that are kept, and note the cells past them."""
        rest = [(at, cell) for at, cell in enumerate(row.cells) if at >= index and cell]
        kept = None
        for at, cell in rest:
            first, colon, second = (part.strip() for part in cell.partition(":"))
            if at == index and colon:
                if _is_whole(first) and _is_whole(second) and 1 <= int(first) <= int(second):
                    kept = (int(first), int(second))
                else:
                    rule = "needs N:M with 1 <= N <= M"
                    self._fault(row, "Sparsity", cell[:40], rule, "such as 2:4")
            else:
                self.extra.setdefault(at, []).append(row)
        return kept

    def _unique(self, name: str) -> str:
        """Return the name, with a number if a layer has it already."""
        count = self.names[name] = self.names.get(name, 0) + 1
        unique = name if count == 1 else f"{name} ({count})"
        if count > 1 and unique in self.names:
            return self._unique(name)
        if count > 1:
            self.names[unique] = 1
        return unique

    def _fault(self, row: _Row, column: str, value: str, rule: str, remedy: str = "") -> None:
        place = f"{row.cells[0][:40] or 'layer'}.{column}"
        self.faults.append(
            Fault(place=place, value=value, rule=rule, remedy=remedy, source=self._at(row))
        )

    def _at(self, row: _Row) -> str:
        return f"{self.file.path}:{row.line}"


def read_topology(path: str | os.PathLike[str], form: Form | None = None) -> Topology:
    """Read a topology table.

    Args:
        path: The file.
        form: What its rows are; None: what the header says, else the columns of the first row.

    Raises:
        SpecError: Every fault, with its line.
    """
    file = read_plain(path)
    rows = list(_rows(file))
    header = _Row(1, ())
    notes = []
    if rows and not rows[0].figures:
        header = rows.pop(0)
    elif rows:
        notes.append(f"{file.path}:{rows[0].line}: the first row is a layer, which SCALE-Sim would "
                     "take for a header")  # fmt: skip
    if not rows:
        raise _fault(file, 1, "has no layers", "give rows: conv1, 224, 224, 7, 7, 3, 64, 2,")
    chosen = form or _form(file, header.cells, rows[0])
    _check_order(file, header, chosen)
    reader = _Reader(file, chosen, header.cells, notes=notes)
    for row in rows:
        reader.read(row)
    if reader.faults:
        raise SpecError(reader.faults)
    ignored = reader.ignored()
    network = LayerNetwork(
        name=Path(path).stem, layers=tuple(reader.layers),
        files=(InputFile(path=file.path, sha256=file.sha256),),
        notes=(*reader.notes, *(one.sentence for one in ignored)),
    )  # fmt: skip
    return Topology(network=network, form=chosen, sparsity=tuple(reader.sparsity), ignored=ignored)


def _rows(file: PlainText) -> Iterator[_Row]:
    """Return the rows that have a value; comments begin with #."""
    reader = csv.reader(file.text.splitlines(), skipinitialspace=True)
    try:
        for cells in reader:
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped) and not stripped[0].startswith("#"):
                yield _Row(reader.line_num, stripped)
    except csv.Error as error:
        raise _fault(file, reader.line_num, f"is no table: {error}") from error


def _form(file: PlainText, header: tuple[str, ...], first: _Row) -> Form:
    """What the header says, else how many figures the first row has."""
    titles = [title.lower() for title in header]
    if {"m", "n", "k"} <= set(titles):
        return Form.GEMM
    if any("filter" in title or "ifmap" in title for title in titles):
        return Form.CONV
    if first.figures >= len(_COLUMNS[Form.CONV]):
        return Form.CONV
    if first.figures == len(_COLUMNS[Form.GEMM]):
        return Form.GEMM
    rule = f"row has {first.figures} figures: a convolution has 7, a matrix product M, N and K"
    remedy = "" if len(first.cells) > 1 else "separate columns with commas"
    raise _fault(file, first.line, rule, remedy)


def _check_order(file: PlainText, header: _Row, form: Form) -> None:
    """Refuse a header that names the columns of a matrix product in another order."""
    titles = [title.upper() for title in header.cells[1:4]]
    if form is Form.GEMM and sorted(titles) == ["K", "M", "N"] and titles != ["M", "N", "K"]:
        rule = f"the header says {', '.join(titles)}, SCALE-Sim reads M, N, K whatever it says"
        raise _fault(file, header.line, rule, "put columns and header in the order M, N, K")


def _outputs(size: int, filter_size: int, stride: int) -> int:
    return -(-(size - filter_size + stride) // stride)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS


def _fault(file: PlainText, line: int, rule: str, remedy: str = "") -> SpecError:
    source = f"{file.path}:{line}"
    return SpecError([Fault(place="file", value=None, rule=rule, remedy=remedy, source=source)])

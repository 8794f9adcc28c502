"""The units of a user's own flat program, gathered row by row, each row checked on its own."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.fields import nearest
from stallscope.traces.program import Op
from stallscope.traces.rows import notation
from stallscope.traces.rows.file import Faults, Row
from stallscope.traces.rows.notation import Buffer, Passage, Port

__all__ = ["Counted", "Gathered", "Kind", "Place", "Ragged", "UnitRows"]

Place = tuple[str, str]
"""A tensor at a level."""
Counted = tuple[str, str, str]
"""A counter: tensor, level, what it counts."""
Item = TypeVar("Item")
NO_WAIT = -1
"""Version of a refill that moves words and waits for no write-back."""
_FORM = "is not the name of a unit"
_FORMS = {
    "wait_for": "items such as `Weights GLB delivered 3`, between semicolons",
    "frees": "items such as `Weights GLB 8`, between semicolons",
    "finishes": "items such as `Outputs RF`, between semicolons",
    "ports": "items such as `GLB 4/16` (COMPUTE: `Weights RF 4/16`), between semicolons",
    "networks": "items such as `GLB in 4 reach 4:4 hops 10 longest 3`, between semicolons",
    "buffers": "items such as `Weights GLB 64 x2`, between semicolons",
    "instances": "items such as `RF 4`, between semicolons",
}
_KIND = ("words", "room", "cycles", "ports", "networks")
_COLUMNS_OF = {
    "frees": (Op.FILL, Op.COMPUTE),
    "finishes": (Op.DRAIN, Op.COMPUTE),
    "cycles": (Op.COMPUTE,),
    "room": (Op.FILL, Op.REFILL, Op.DRAIN),
}


class Ragged:
    """Lists of (code, amount) pairs, one list per step, in little memory."""

    def __init__(self) -> None:
        self._starts = array("q", [0])
        self._codes = array("i")
        self._amounts = array("q")

    def append(self, items: list[tuple[int, int]]) -> None:
        """Add the list of the next step."""
        for code, amount in items:
            self._codes.append(code)
            self._amounts.append(amount)
        self._starts.append(len(self._codes))

    def __getitem__(self, step: int) -> list[tuple[int, int]]:
        start, stop = self._starts[step], self._starts[step + 1]
        return list(zip(self._codes[start:stop], self._amounts[start:stop], strict=True))


@dataclass(frozen=True, slots=True)
class Kind:
    """What rows of a unit have in common; None where the file does not say."""

    words: int
    room: int | None
    cycles: int | None
    ports: tuple[Port, ...] | None
    networks: tuple[Passage, ...]

    @property
    def is_elided(self) -> bool:
        """Whether a refill starts at zero: it moves nothing and names no ports."""
        return not self.words and self.ports is None


@dataclass(slots=True)
class UnitRows:
    """The rows of one unit.

    Attributes:
        name: Its name.
        op: What it does.
        tensor: Tensor moved; empty for COMPUTE.
        outer, inner: Levels it moves between; empty for COMPUTE.
        kinds: Kinds of its rows.
        known: Number of every kind, by what its cells hold.
        firsts: First row of every kind.
        steps: Number of the kind of every row.
        versions: Of every refill, write-backs it waits for; 0: it starts at zero.
        waits, frees, finishes: Per row, by code of the counter.
    """

    name: str
    op: Op
    tensor: str
    outer: str
    inner: str
    kinds: list[Kind] = field(default_factory=list)
    known: dict[tuple[object, ...], int] = field(default_factory=dict)
    firsts: list[Row] = field(default_factory=list)
    steps: array[int] = field(default_factory=lambda: array("i"))
    versions: array[int] = field(default_factory=lambda: array("q"))
    waits: Ragged = field(default_factory=Ragged)
    frees: Ragged = field(default_factory=Ragged)
    finishes: Ragged = field(default_factory=Ragged)

    @property
    def place(self) -> Place:
        """The tensor at the inner level: the channel it serves."""
        return (self.tensor, self.inner)

    def counts(self) -> list[int]:
        """How many rows are of each kind."""
        counts = [0] * len(self.kinds)
        for kind in self.steps:
            counts[kind] += 1
        return counts


class Gathered:
    """All units, and what the rows say of counters and of the machine.

    Attributes:
        units: By name, in the order of their first rows.
        counters: Every counter that a row names, by its code.
        needed: Per code, the largest value waited for and the first row that does.
        given: Per code, what the rows add to it (frees, finishes), and a row that does.
        finishers: Per code of ``finished``, units whose rows raise it.
        buffers: What the column of that name says, with its row.
        instances: Likewise.
        is_whole: Whether every row could be given to a unit.
    """

    def __init__(self, architecture: Architecture, faults: Faults) -> None:
        self.architecture = architecture
        self.faults = faults
        self.levels = architecture.level_index
        self.units: dict[str, UnitRows] = {}
        self.counters: dict[Counted, int] = {}
        self.needed: dict[int, tuple[int, Row]] = {}
        self.given: dict[int, tuple[int, Row]] = {}
        self.finishers: dict[int, dict[str, None]] = {}
        self.buffers: list[tuple[Buffer, Row]] = []
        self.instances: list[tuple[str, int, Row]] = []
        self.is_whole = True

    def add(self, row: Row) -> None:
        """Take in one row."""
        unit = self._unit(row)
        if unit is None:
            self.is_whole = False
            return
        step = row.whole("step")
        if step is not None and step != len(unit.steps):
            rule = f"must count up from 0 per unit without a gap: {len(unit.steps)} is next"
            self.faults.row(row, "step", step, rule, "correct it, or leave the column out")
        for column, ops in _COLUMNS_OF.items():
            if column in row.cells and unit.op not in ops:
                rule = f"is for {', '.join(ops)} rows; {unit.op} has none"
                self.faults.row(row, column, row.cells[column], rule, "leave it empty")
        is_elided = self._kind(row, unit)
        self._links(row, unit, is_elided=is_elided)
        for buffer in self._read(row, "buffers", notation.read_buffers):
            self.buffers.append((buffer, row))
        for name, number in self._read(row, "instances", notation.read_instances):
            self.instances.append((name, number, row))

    # ------------------------------------------------------------------ units

    def _unit(self, row: Row) -> UnitRows | None:
        """The row's unit; a new one is checked by its name."""
        name, said = _plain(row.text("unit")), row.text("op")
        if said not in list(Op):
            self.faults.row(row, "op", said, f"must be one of {', '.join(Op)}", nearest(said, Op))
            return None
        unit = self.units.get(name) or self._new(row, name, Op(said).role)
        if unit is None:
            return None
        if unit.op is not Op(said).role:
            rule = f"all rows of {name} must be {unit.op}, as its first one is"
            self.faults.row(row, "op", said, rule)
        tensor = row.text("tensor")
        if tensor not in ("", unit.tensor):
            rule = f"the unit {name} moves {unit.tensor or 'no tensor'}"
            self.faults.row(row, "tensor", tensor, rule, "correct it, or leave it empty")
        return unit

    def _new(self, row: Row, name: str, op: Op) -> UnitRows | None:
        compute = self.architecture.compute.name
        if op is Op.COMPUTE:
            if name != compute:
                rule = "COMPUTE rows are those of the architecture's compute level"
                self.faults.row(row, "unit", name, rule, f"write {compute}")
                return None
            unit = UnitRows(name, op, "", "", "")
        else:
            ends = self._ends(row, name)
            if ends is None:
                return None
            tensor, source, target = ends
            is_up = self.levels[source] > self.levels[target]
            if is_up != (op is Op.DRAIN):
                rule = f"{op} goes {'down' if is_up else 'up'}, {source}->{target} the other way"
                self.faults.row(row, "op", op, rule, "write FILL or REFILL (down), DRAIN (up)")
                return None
            outer, inner = (target, source) if is_up else (source, target)
            unit = UnitRows(name, op, tensor, outer, inner)
        self.units[name] = unit
        return unit

    def _ends(self, row: Row, name: str) -> tuple[str, str, str] | None:
        """Tensor and levels of ``TENSOR LEVEL->LEVEL``."""
        left, arrow, target = (part.strip() for part in name.rpartition("->"))
        place = self.place(left)
        compute = self.architecture.compute.name
        form = f"write TENSOR LEVEL->LEVEL, or {compute} for COMPUTE"
        if not arrow or " " not in left:
            self.faults.row(row, "unit", name, _FORM, form)
            return None
        for level in () if place else (left.rpartition(" ")[2],):
            self._unknown(row, "unit", level)
        if target not in self.levels:
            self._unknown(row, "unit", target)
            return None
        if place is None:
            return None
        if place[1] == target:
            self.faults.row(row, "unit", name, "goes from a level to itself", form)
            return None
        return (*place, target)

    def _unknown(self, row: Row, column: str, level: str) -> None:
        remedy = nearest(level, self.levels)
        self.faults.row(row, column, level, "is no storage level of the architecture", remedy)

    def place(self, text: str) -> Place | None:
        """Tensor and level of ``TENSOR LEVEL``; None if it ends with no level."""
        for level in self.levels:
            tensor = text.removesuffix(f" {level}")
            if tensor != text and tensor.strip():
                return (tensor.strip(), level)
        return None

    # ------------------------------------------------------------------ counters

    def _links(self, row: Row, unit: UnitRows, *, is_elided: bool) -> None:
        """What the row waits for, what it frees and finishes."""
        waits, version = [], 0 if is_elided else NO_WAIT
        own = (*unit.place, "drained") if unit.op is Op.REFILL and not is_elided else None
        for head, what, value in self._read(row, "wait_for", notation.read_waits):
            code = self._code(row, "wait_for", head, what)
            if code is None:
                continue
            if value > self.needed.get(code, (-1, row))[0]:
                self.needed[code] = (value, row)
            if own is not None and self.counters.get(own) == code:
                version = max(version, value or NO_WAIT)
            else:
                waits.append((code, value))
        unit.waits.append(waits)
        unit.versions.append(version)
        frees = []
        for head, words in self._read(row, "frees", notation.read_frees):
            code = self._code(row, "frees", head, "released")
            if code is not None:
                frees.append((code, words))
                self._give(code, words, row)
        unit.frees.append(frees)
        finishes = []
        for head in self._read(row, "finishes", notation.read_finishes):
            code = self._code(row, "finishes", head, "finished")
            if code is not None:
                finishes.append((code, 1))
                self._give(code, 1, row)
                self.finishers.setdefault(code, {})[unit.name] = None
        unit.finishes.append(finishes)

    def _give(self, code: int, amount: int, row: Row) -> None:
        self.given[code] = (self.given.get(code, (0, row))[0] + amount, row)

    def _code(self, row: Row, column: str, head: str, what: str) -> int | None:
        place = self.place(head)
        if place is None:
            self._unknown(row, column, head.rpartition(" ")[2])
            return None
        return self.counters.setdefault((*place, what), len(self.counters))

    # ------------------------------------------------------------------ kinds

    def _kind(self, row: Row, unit: UnitRows) -> bool:
        """Find the row's kind; returns whether it is a refill that starts at zero."""
        words = row.whole("words")
        if words is None and "words" not in row.bad:
            self.faults.row(row, "words", "", "is missing")
        if words == 0 and unit.op is Op.COMPUTE:
            self.faults.row(row, "words", 0, "a COMPUTE row needs a multiply-accumulate")
        key = tuple(row.cells.get(column) for column in _KIND)
        number = unit.known.setdefault(key, len(unit.kinds))
        if number == len(unit.kinds):
            unit.firsts.append(row)
            ports = self._read(row, "ports", notation.read_ports)
            kind = Kind(
                words or 0,
                row.whole("room"),
                row.whole("cycles"),
                tuple(ports) if "ports" in row.cells else None,
                tuple(self._read(row, "networks", notation.read_networks)),
            )
            unit.kinds.append(kind)
        unit.steps.append(number)
        return unit.op is Op.REFILL and unit.kinds[number].is_elided

    def _read(self, row: Row, column: str, reader: Callable[[str], list[Item]]) -> list[Item]:
        """Items of a cell; one that cannot be read is a fault."""
        text = row.text(column)
        if not text:
            return []
        try:
            return reader(text)
        except ValueError as error:
            rule = f"`{error}` cannot be read"
            self.faults.row(row, column, text, rule, f"write {_FORMS[column]}")
            return []


def _plain(name: str) -> str:
    """A unit's name without needless blanks."""
    return "->".join(part.strip() for part in " ".join(name.split()).split("->"))

"""The event trace: what every unit did, slice by slice, and its columns.

    start, end      first cycle of the slice and the one after its last; equal where a transfer
                    began and ended within a cycle
    unit            who, as in a result; slices of one unit never overlap and come in order
    op              FILL, REFILL, DRAIN, COMPUTE: a step of the unit's stream, from the cycle in
                    which it asked for its servers; READ, WRITE: a chunk of a lane of main memory,
                    while it is the oldest under way; WAIT: what lay before it. Below a main memory
                    with a controller a step of a mover is a row per chunk. On a chip of crossbars
                    LOAD, PROGRAM, MVM, STORE: an update of weights is two rows of one step
    tensor          tensor moved or awaited; null for COMPUTE and delays
    step            step of the unit's stream, from 0; of a WAIT the step that waits
    words           words read from (DRAIN, STORE: written to) the parent level, all instances
                    together; 0 for what moves nothing; multiply-accumulates of a COMPUTE or MVM;
                    null for WAIT
    bytes           the same in bytes; null for COMPUTE, MVM and WAIT
    wait_class      class of the cycle stack that most of ``wait_cycles`` are charged to; null if
                    there are none
    wait_cycles     cycles lost: all of a WAIT, those beyond the unit's own work of the others
    delivered       cycle from which the outcome is visible where it went; null for WAIT
    awaits          counter that a WAIT waited for, "delay" if for none; null otherwise
    kind            kind of the step, which says what it read and wrote where (`TraceUnit.kinds`);
                    null for WAIT
    outcome         number of what the step changes (`TraceMeta.outcomes`); null for WAIT
    CLASS_cycles    per class, its part of ``wait_cycles``: they sum to it

Rows come in the order in which slices end, ties in the order of execution. What the fast-forward
skipped is not stored row by row: a table of **repeats** says which rows come again, how often, how
much later and how many steps further on; `Trace` expands them when asked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import Op
from stallscope.traces.reram.instructions import ChipOp

__all__ = [
    "COLUMNS",
    "DELAY_NAME",
    "EVENTS",
    "META",
    "MULTIPLYING",
    "REPEATS",
    "WAIT",
    "TraceKind",
    "TraceMeta",
    "TraceUnit",
    "Traffic",
    "class_column",
    "read_meta",
    "schema",
]

WAIT = "WAIT"
"""Operation of a slice in which a unit waited."""
DELAY_NAME = "delay"
"""What a wait of fixed length awaits."""
COLUMNS = {
    "start": "int64", "end": "int64", "unit": "text", "op": "text", "tensor": "text",
    "step": "int64", "words": "int64", "bytes": "int64", "wait_class": "text",
    "wait_cycles": "int64", "delivered": "int64", "awaits": "text", "kind": "int64",
    "outcome": "int64",
}  # fmt: skip
"""Columns and their types; ``text`` is a dictionary of strings. A column per class follows."""
EVENTS, REPEATS, META = "events.parquet", "repeats.parquet", "trace.json"
"""Files of a trace's folder; the last one is written when all is there."""
VERSION = 1
_HEADER = "stallscope_trace"


Traffic = tuple[str, str, str, int]
"""Component, action (read, write, update, enter, compute), tensor, words: what a step causes.

Components are storage levels, networks (``enter``: words that enter it) and the MACs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceKind:
    """One kind of step of a unit.

    Attributes:
        words: Words moved (multiply-accumulates), as in the column ``words``.
        room: Room that an instance of the child takes for it, in words or what `TraceUnit.room`
            says; 0 for drains and bursts.
        resource: What sets its pace: a port, a bank, the entry of a network, the MACs; None if
            nothing limits it.
        pace: Class of that.
        traffic: What it reads and writes where, all instances together.
        op: What it does, if not what its unit does else.
        word_bits: Bits of its words, if not those of its unit.
        is_tile: Whether it stands for a tile that comes where its unit brings tiles.
    """

    words: int
    room: int = 0
    resource: str | None = None
    pace: str | None = None
    traffic: tuple[Traffic, ...] = ()
    op: str | None = None
    word_bits: int | None = None
    is_tile: bool = True


MULTIPLYING = (Op.COMPUTE.value, Op.MATMUL.value, ChipOp.MVM.value)
"""Operations of the array."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceUnit:
    """One unit of the machine that was recorded: one lane of the trace.

    Attributes:
        name: Its name, as in a result.
        op: What its steps do: FILL, REFILL, DRAIN, COMPUTE, READ or WRITE; on a systolic array
            PRELOAD and MATMUL; on a chip of crossbars LOAD, PROGRAM, MVM, STORE.
        tensor: Tensor moved; None for the array.
        parent: Outer level of a mover; None for the array.
        child: Inner level of a mover; None for the array.
        word_bits: Bits of a word moved; None for the array.
        latency: Class of the way from the end of a step until its outcome is visible.
        kinds: The kinds of its steps.
        feeds: (tensor, place) of every buffer that it takes room in; empty: that of its tensor at
            its child, if it brings tiles there.
        room: What that room is counted in.
        group: Lanes that it is shown with; None: those between the same levels.
    """

    name: str
    op: str
    tensor: str | None
    parent: str | None
    child: str | None
    word_bits: int | None
    latency: str
    kinds: tuple[TraceKind, ...]
    feeds: tuple[tuple[str, str], ...] = ()
    room: str = "words"
    group: str | None = None

    @property
    def is_array(self) -> bool:
        """Whether it multiplies."""
        return self.op in MULTIPLYING

    @property
    def fed(self) -> tuple[tuple[str, str], ...]:
        """(tensor, place) of every buffer that it brings tiles to."""
        if self.op not in (Op.FILL, Op.REFILL, Op.PRELOAD) or self.tensor is None:
            return self.feeds
        return self.feeds or (() if self.child is None else ((self.tensor, self.child),))


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceMeta:
    """What a trace is of.

    Attributes:
        name: The case's name.
        stallscope: Version of the program that recorded it.
        inputs: (file, sha256) of every input file.
        seed: Seed of what was drawn; None: nothing was.
        cycles: Cycles of the run, or until it stopped.
        is_complete: False if the run ended in a deadlock.
        window: First cycle recorded and the one after the last; None: all.
        rows: Rows stored.
        repeats: Repeats stored.
        classes: Classes of the cycle stack that waits are charged to.
        counters: (name, tensor) of the counters waited for, by number.
        outcomes: By number, what a step changes: (counter, growth, when). From 0 on ``when`` is
            cycles after the slice's end; below 0: when it is delivered, its last word having moved
            -1 - ``when`` cycles after the slice's end.
        units: The units, in unit order.
        recorded: Names of the units recorded: all, without a filter.
        prices: (component, action, tensor, pJ per word) of all traffic that costs anything;
            energy of the run over words of the run. Empty without an energy table.
        leakage_pj_per_cycle: Energy per cycle that does not depend on traffic.
        clock_mhz: Base clock, or None when unknown.
        is_own: Whether rows of the user's own were executed.
    """

    name: str
    stallscope: str
    inputs: tuple[tuple[str, str], ...]
    seed: int | None
    cycles: int
    is_complete: bool
    window: tuple[int, int] | None
    rows: int
    repeats: int
    classes: tuple[str, ...]
    counters: tuple[tuple[str, str], ...]
    outcomes: tuple[tuple[tuple[int, int, int], ...], ...]
    units: tuple[TraceUnit, ...]
    recorded: tuple[str, ...]
    prices: tuple[tuple[str, str, str, float], ...]
    leakage_pj_per_cycle: float
    clock_mhz: float | None
    is_own: bool = False

    def to_text(self) -> str:
        """Return the content of `META`."""
        return json.dumps({_HEADER: VERSION} | asdict(self), indent=1) + "\n"


def class_column(name: str) -> str:
    """Column of the cycles charged to a class."""
    return f"{name}_cycles"


def schema(classes: Sequence[str]) -> Any:  # Any: pyarrow has no types
    """Return the Arrow schema of the rows."""
    import pyarrow  # 0.2 s, and only traces need it

    text = pyarrow.dictionary(pyarrow.int16(), pyarrow.string())
    number = pyarrow.int64()
    columns = [(name, text if kind == "text" else number) for name, kind in COLUMNS.items()]
    return pyarrow.schema([*columns, *((class_column(name), number) for name in classes)])


def read_meta(folder: Path) -> TraceMeta:
    """Read the metadata of a trace's folder.

    Raises:
        SpecError: No trace there, damaged, or of another version.
    """
    place = folder / META
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(folder, "holds no event trace") from error
    except ValueError as error:
        raise _refused(place, f"is not a trace's metadata ({error})") from error
    if not isinstance(document, dict) or document.pop(_HEADER, None) != VERSION:
        raise _refused(place, f"is not a trace of a version this release reads ({VERSION})")
    try:
        meta = TypeAdapter(TraceMeta).validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise _refused(place, f"is damaged: {where} {first['msg'].lower()}") from error
    if not meta.units or not {unit.name for unit in meta.units} >= set(meta.recorded):
        raise _refused(place, "is damaged: units and recorded do not fit")
    return meta


def _refused(place: Path, rule: str) -> SpecError:
    remedy = "name the --out folder of a run with --trace full or window"
    return SpecError([Fault(place="trace", value=str(place), rule=rule, remedy=remedy)])

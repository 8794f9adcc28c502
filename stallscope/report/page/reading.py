"""Reading a run's folder: the result document as checked, frozen objects, and its trace.

Only what the page shows is read; keys that later versions add are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.columns import META, schema
from stallscope.traces.events.trace import Trace, read_trace

__all__ = [
    "Analytical", "Level", "LevelTensor", "Line", "Network", "NetworkTensor", "Recorded", "Run",
    "Unit", "read_folder",
]  # fmt: skip

RESULT, TRACE = "result.json", "trace"
"""What a run's folder holds."""


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class LevelTensor(_Read):
    """Counts of a tensor at a level, words, all used instances."""

    tile_words: int
    reads: int
    fills: int
    updates: int
    link_transfers: int = 0
    peak_words: int
    energy_pj: float | None


class Rate(_Read):
    """Words per cycle of one used instance; null peak: unlimited."""

    achieved: float
    peak: float | None


class Level(_Read):
    """A storage level."""

    name: str
    instances: int
    used_instances: int
    capacity_words: int | None = None
    tensors: Mapping[str, LevelTensor]
    read_words_per_cycle: Rate
    write_words_per_cycle: Rate
    shared_words_per_cycle: Rate


class NetworkTensor(_Read):
    """Counts of a tensor in a network, words."""

    words_in: int
    deliveries: int
    reductions: int
    link_transfers: int = 0
    hops_average: float
    energy_pj: float | None


class Network(_Read):
    """A network between two levels."""

    name: str
    tensors: Mapping[str, NetworkTensor]


class Analytical(_Read):
    """The closed form's figures."""

    cycles: int = Field(gt=0)
    bound_by: str
    energy_pj: float | None
    levels: tuple[Level, ...]
    networks: tuple[Network, ...]


class Compute(_Read):
    """The array."""

    name: str
    instances: int
    used_instances: int


class Unit(_Read):
    """A unit's account, cycles."""

    busy: int
    idle: int
    waiting: Mapping[str, int]
    charged: Mapping[str, int]


class Line(_Read):
    """A line of the energy ledger."""

    component: str
    action: str
    tensor: str | None
    count: float
    pj_each: float
    pj: float


class Inputs(_Read):
    """The files that a run was made of."""

    files: tuple[str, ...]
    sha256: tuple[str, ...]


class Problem(_Read):
    """What was computed."""

    dims: Mapping[str, int]
    macs: int


class Simulation(_Read):
    """What the simulation itself took."""

    cpu_seconds: float
    events: int
    fast_forwarded_cycles: int


class Filling(_Read):
    """How a layer lies on crossbars."""

    column_steps: int
    loads: int
    cores_used: int
    least_updates: int


class Activity(_Read):
    """What crossbars did."""

    updates: int
    cells_written: int
    multiplies: int
    conversions: int


class Wear(_Read):
    """What that wears."""

    writes_max: float
    writes_mean: float
    runs_by_writes: int | None


class Reprogramming(_Read):
    """Writing beside computing, by the analytical model."""

    reprogram_per_compute: float
    hidden_share: float | None


class Written(_Read):
    """Writing as it was simulated."""

    hidden: float | None


class Crossbars(_Read):
    """A case on crossbars."""

    shown: str
    filling: Filling
    activity: Activity
    wear: Wear
    analytical: Reprogramming
    run: Written


class Sparsity(_Read):
    """What zeros made of the array's work."""

    mode: str
    pes: int = Field(gt=0)
    mesh: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    executed_macs: int
    active_macs: int
    gated_macs: int
    skipped_macs: int
    steps: tuple[int, ...]
    imbalance_cycles: float
    dense_cycles: int
    ideal_cycles: int

    @model_validator(mode="after")
    def _whole(self) -> Sparsity:
        if not len(self.steps) == len(self.places) == self.pes:
            raise ValueError("steps and places are not those of its PEs")
        rows, columns = self.mesh
        if not all(0 <= row < rows and 0 <= column < columns for row, column in self.places):
            raise ValueError("a place is outside the mesh")
        return self


class Run(_Read):
    """A result document (docs/formats.md), as far as the page shows it."""

    schema_version: Literal[1] = Field(alias="schema")
    stallscope: str
    name: str
    accelerator: str | None = None
    inputs: Inputs
    rules: Mapping[str, str | bool | None] | None
    problem: Problem
    cycles: int = Field(gt=0)
    seconds_at_clock: float | None
    analytical: Analytical
    utilization: float
    cycle_stack: Mapping[str, int]
    pe_stack: Mapping[str, int]
    fill_causes: Mapping[str, int] = {}
    drain_causes: Mapping[str, int] = {}
    levels: tuple[Level, ...]
    networks: tuple[Network, ...]
    compute: Compute
    units: Mapping[str, Unit]
    energy_pj: float | None
    ledger: tuple[Line, ...]
    assumptions: tuple[str, ...]
    simulation: Simulation
    reram: Crossbars | None = None
    sparsity: Sparsity | None = None

    @model_validator(mode="after")
    def _sums(self) -> Run:
        if sum(self.cycle_stack.values()) != self.cycles:
            raise ValueError("cycle_stack does not sum to cycles")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a folder holds.

    Attributes:
        run: The result; None if the run stopped in a deadlock, which leaves none.
        trace: The event trace; None if the run was not traced.
    """

    run: Run | None
    trace: Trace | None


def read_folder(folder: Path) -> Recorded:
    """Read the ``--out`` folder of a run.

    Raises:
        SpecError: No result of a simulated case there, damaged, or a trace of another run.
    """
    if not folder.is_dir():
        raise _refused(folder, "is not a folder", "name the --out folder of a run")
    has_trace = (folder / TRACE).exists()
    trace = read_trace(folder / TRACE) if has_trace and _is_trace(folder / TRACE) else None
    if trace is not None:
        _check_whole(trace)
    place = folder / RESULT
    if not place.exists():
        if trace is not None and not trace.meta.is_complete:
            return Recorded(run=None, trace=trace)
        raise _refused(
            folder, f"holds no {RESULT}", "name the --out folder of stallscope simulate or execute"
        )
    run = _read(place)
    if trace is not None:
        _check_same(run, trace, folder)
    return Recorded(run=run, trace=trace)


def _is_trace(folder: Path) -> bool:
    """Whether a trace is there; one that lost its metadata only is damaged."""
    if (folder / META).exists():
        return True
    if any(folder.iterdir()):
        raise _refused(folder, f"holds no {META}: the trace is not whole", "record the run again")
    return False


def _check_whole(trace: Trace) -> None:
    """Check that the rows are those the metadata speaks of."""
    import pyarrow  # 0.2 s, and only traces need it

    meta, folder = trace.meta, trace.folder
    try:
        table, repeats = trace.stored.table, len(trace.stored.repeats.repeats)
    except (OSError, KeyError, TypeError, pyarrow.ArrowException) as error:
        raise _refused(folder, f"is damaged: {error}", "record the run again") from error
    known = {unit.name for unit in meta.units}
    is_whole = (
        (table.num_rows, repeats) == (meta.rows, meta.repeats)
        and table.schema.names == schema(meta.classes).names
        and set(table.column("unit").unique().to_pylist()) <= known
    )
    if not is_whole:
        rule = "is damaged: its rows are not those of its metadata"
        raise _refused(folder, rule, "record the run again")


def _read(place: Path) -> Run:
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(place, f"cannot be read ({error})", "run stallscope again") from error
    try:
        return Run.model_validate_json(text)
    except ValidationError as error:
        raise SpecError(_faults(place, text, error)) from error


def _faults(place: Path, text: str, error: ValidationError) -> list[Fault]:
    remedy = "the page explains one simulated case: stallscope simulate FILE... --out DIR"
    found = error.errors(include_url=False, include_context=False)
    missing = [str(one["loc"][0]) for one in found if one["type"] == "missing"]
    if "cycle_stack" in missing:
        what = "a network's result" if '"layers"' in text else "no simulation's result"
        return [Fault(place=RESULT, value=str(place), rule=f"is {what}", remedy=remedy)]
    if "analytical" in {str(one["loc"][0]) for one in found if one["input"] is None}:
        rule = "is the result of rows of your own, which have no estimate to set beside"
        return [Fault(place=RESULT, value=str(place), rule=rule, remedy=remedy)]
    return [
        Fault(
            place=".".join([RESULT, *map(str, one["loc"])]),
            value=str(place),
            rule=f"is damaged: {one['msg'][:1].lower()}{one['msg'][1:]}",
            remedy="run stallscope again",
        )
        for one in found
    ]


def _check_same(run: Run, trace: Trace, folder: Path) -> None:
    """Figures of two runs on one page would mislead."""
    meta = trace.meta
    differs = [
        name
        for name, ours, theirs in (
            ("cycles", run.cycles, meta.cycles if meta.is_complete else run.cycles),
            ("name", run.name, meta.name),
            ("inputs", run.inputs.sha256, tuple(digest for _, digest in meta.inputs)),
        )
        if ours != theirs
    ]
    if differs:
        rule = f"is of another run than {RESULT}: {', '.join(differs)} differ"
        raise _refused(folder / TRACE, rule, "run again into an empty folder")


def _refused(place: Path, rule: str, remedy: str) -> SpecError:
    return SpecError([Fault(place="report", value=str(place), rule=rule, remedy=remedy)])

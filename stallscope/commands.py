"""What the commands about one case do, and the small ones; the command line only parses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stallscope import crossbars
from stallscope.catalog import ACCELERATORS, CROSSBARS, NETWORKS, preset
from stallscope.failures import OUTSIDE, not_built, note, warn
from stallscope.loading_options import LoadOptions
from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.loading import load
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.files import is_of_crossbars
from stallscope.options import Dataflows, ScheduleChoice, read_window
from stallscope.report.crossbars import crossbar_document, crossbar_estimate
from stallscope.report.document import Document, estimate_document, result_document
from stallscope.report.outputs import (
    OutputFolder,
    json_text,
    level_rows,
    network_rows,
    unit_rows,
)
from stallscope.simcore.errors import DeadlockError, Fault, SpecError
from stallscope.traces.events.columns import EVENTS, META, REPEATS

if TYPE_CHECKING:
    from stallscope.hw.result import Result
    from stallscope.hw.simulate import Tracing

__all__ = [
    "Events", "Output", "analyze_files", "announce", "deliver", "load_case", "load_options",
    "show_presets", "simulate_files", "tell_of_trace", "traced", "validate_name", "warn_of_energy",
    "write_result",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go: the folder or file of --out, --json, --force."""

    path: Path | None
    as_json: bool
    force: bool

    def folder(self) -> OutputFolder | None:
        """Return the folder of --out, or None; SpecError if it may not be written to."""
        return None if self.path is None else OutputFolder(self.path, force=self.force)


@dataclass(frozen=True, slots=True)
class Events:
    """What events a run records: --trace, --window, --unit as given."""

    level: str = "off"
    window: str | None = None
    units: tuple[str, ...] = ()

    def tracing(self, output: Output, *inside: str) -> Tracing:
        """Return what to record, and where below the output folder.

        Raises:
            SpecError: If the options do not go together.
        """
        from stallscope.hw.simulate import Tracing

        window = None if self.window is None else read_window(self.window)
        # A window alone says what is wanted.
        level = "window" if window is not None and self.level == "off" else self.level
        if self.units and level in ("off", "summary"):
            rule, remedy = "says what a trace records", "give --trace full or --window too"
            fault = Fault(place="--unit", value=", ".join(self.units), rule=rule, remedy=remedy)
            raise SpecError([fault])
        if level in ("off", "summary"):
            return Tracing(level=level, window=window, units=self.units or None)
        if output.path is None:
            rule = "needs a folder to write to"
            fault = Fault(place="--trace", value=level, rule=rule, remedy="give --out DIR")
            raise SpecError([fault])
        folder = output.path.joinpath(*inside)
        return Tracing(level=level, window=window, units=self.units or None, folder=folder)


def load_options(
    reuse: str | None,
    link_transfers: bool | None,
    first_read_elision: bool | None,
    settings: Sequence[str] | None,
    dataflow: Dataflows = Dataflows.AUTO,
    schedule: ScheduleChoice | None = None,
    records: Path | None = None,
) -> LoadOptions:
    """Gather what the command line says about loading."""
    return LoadOptions(
        dataflow=None if dataflow is Dataflows.AUTO else Dataflow(dataflow.value),
        reuse=None if reuse is None else str(reuse),
        link_transfers=link_transfers,
        first_read_elision=first_read_elision,
        overrides=tuple(settings or ()),
        schedule=schedule,
        records=records,
    )


def load_case(files: Sequence[str], options: LoadOptions) -> Case:
    """Load the case of a command's files; files of crossbars are refused."""
    crossbars.refuse_files(files, "use simulate, analyze, explore or run")
    return load(
        *files,
        reuse=options.reuse,
        link_transfers=options.link_transfers,
        first_read_elision=options.first_read_elision,
        overrides=options.overrides,
        check=options.check,
    )


def simulate_files(
    files: Sequence[str],
    options: LoadOptions,
    output: Output,
    events: Events,
    *,
    tensors: Path | None,
    fast_forward: bool,
    audit: bool,
) -> None:
    """Simulate one case and deliver its result."""
    folder = output.folder()
    if is_of_crossbars(files):
        chip_case = crossbars.load_case_to_run(files, options, tensors)
        tracing = events.tracing(output, "trace")
        announce(tracing, chip_case)
        with traced(tracing):
            result = crossbars.simulate_crossbar_case(
                chip_case, fast_forward=fast_forward, audit=audit, trace=tracing, tensors=tensors
            )
        tell_of_trace(result, output)
        deliver(crossbar_document(result, chip_case), folder, as_json=output.as_json)
        return
    crossbars.refuse_tensors(tensors)
    case = load_case(files, options)
    from stallscope.hw.simulate import simulate  # SimPy, and nothing before needs it

    tracing = events.tracing(output, "trace")
    announce(tracing, case)
    with traced(tracing):
        result = simulate(case, fast_forward=fast_forward, audit=audit, trace=tracing)
    tell_of_trace(result, output)
    deliver(result_document(result, case), folder, as_json=output.as_json)


@contextmanager
def traced(tracing: Tracing) -> Iterator[None]:
    """Say where the trace of a deadlock is."""
    try:
        yield
    except DeadlockError:
        if tracing.is_on:
            note(f"the trace until the deadlock is in {tracing.folder}")
        raise


def tell_of_trace(result: Result, output: Output) -> None:
    """Say if nothing was recorded; take the trace of an earlier run out of the folder."""
    trace = result.trace
    if trace is not None and trace.begin >= result.cycles:
        note(f"nothing was recorded: the run has {result.cycles:,} cycles")
    if trace is None and output.path is not None:
        for name in (META, EVENTS, REPEATS):
            (output.path / "trace" / name).unlink(missing_ok=True)


def announce(tracing: Tracing, case: Case | CrossbarCase) -> None:
    """Say how large a trace may get, before it is written."""
    if not tracing.is_on:
        return
    from stallscope.traces.compile import compile_case
    from stallscope.traces.events.recording import largest_bytes
    from stallscope.traces.flat import unit_streams
    from stallscope.traces.reram.program import compile_crossbars
    from stallscope.traces.reram.streams import chip_streams

    if isinstance(case, CrossbarCase):
        steps = sum(stream.steps for stream in chip_streams(compile_crossbars(case)))
    else:
        steps = sum(unit.steps for unit in unit_streams(compile_case(case)))
    size = largest_bytes(steps) / 1e6
    note(
        f"trace: {steps:,} steps and their waits, about {size:,.1f} MB if nothing repeats; "
        "what repeats is stored once"
    )


def analyze_files(files: Sequence[str], options: LoadOptions, output: Output) -> None:
    """Estimate one case and deliver the estimate."""
    folder = output.folder()
    if is_of_crossbars(files):
        chip_case = crossbars.load_case(files, options)
        document = crossbar_estimate(analyze_crossbars(chip_case), chip_case)
    else:
        case = load_case(files, options)
        document = estimate_document(analyze(case), case)
    deliver(document, folder, as_json=output.as_json)


def deliver(document: Document, folder: OutputFolder | None, *, as_json: bool) -> None:
    """Write a document to the folder, then to stdout as JSON or tables."""
    warn_of_energy(document)
    if folder is not None:
        write_result(document, folder)
    if as_json:
        typer.echo(json_text(document), nl=False)
        return
    from stallscope.report import tables

    console = tables.make_console()
    if "cycle_stack" in document:
        tables.print_result(console, document)
    else:
        tables.print_estimate(console, document)


def write_result(document: Document, folder: OutputFolder) -> None:
    """Write the document and its tables."""
    folder.write_table("levels", level_rows(document))
    folder.write_table("networks", network_rows(document))
    if "units" in document:
        folder.write_table("units", unit_rows(document))
    if document["ledger"]:
        folder.write_table("ledger", document["ledger"])
    folder.write_json("result.json", document)


def warn_of_energy(document: Document) -> None:
    """Warn once of energies that nobody gave, or gave as zero."""
    if document["energy_pj"] is None:
        warn("no energy table: energies are null")
        return
    unpriced = _unpriced(document)
    if unpriced:
        warn(f"no energy given, counted as 0 pJ: {', '.join(unpriced)}")
    zero = sorted(
        {
            f"{line['component']}.{line['action']}"
            for line in document["ledger"]
            if not line["pj_each"]
        }
    )
    if zero:
        warn(f"energy given as 0 pJ: {', '.join(zero)}")


def _unpriced(document: Document) -> list[str]:
    """Actions that were used and have no energy, as ``component.action``."""
    if document.get("reram") is not None:
        return list(document["reram"]["unpriced"])
    priced = {(line["component"], line["action"]) for line in document["ledger"]}
    unpriced = []
    memory = document.get("memory")
    by_command = memory["level"] if memory and memory["energy_pj"] is not None else None
    for level in document["levels"]:
        if level["name"] == by_command:
            continue
        figures = level["tensors"].values()
        actions = {"read": "reads", "write": "fills", "update": "updates"}
        unpriced += [
            f"{level['name']}.{action}"
            for action, key in actions.items()
            if any(tensor[key] for tensor in figures) and (level["name"], action) not in priced
        ]
    compute = document["compute"]["name"]
    return unpriced + ([] if (compute, "compute") in priced else [f"{compute}.compute"])


def validate_name(name: str, cases: Path | None, as_json: bool) -> None:
    """Validate against a reference set; exit 1 if a figure is outside its tolerance."""
    try:
        from stallscope.validation import validate
    except ImportError as error:
        raise not_built(f"stallscope validate {name}") from error
    report = validate(name, cases)
    document = report.to_json()
    if as_json:
        typer.echo(json_text(document), nl=False)
    else:
        from stallscope.report.accuracy import print_report
        from stallscope.report.tables import make_console

        print_report(make_console(), document)
    if not report.is_within:
        raise typer.Exit(OUTSIDE)


def show_presets(name: str | None, as_json: bool) -> None:
    """List the presets, or print the file of one."""
    if name is not None:
        typer.echo(preset(name).path.read_text(encoding="utf-8"), nl=False)
        return
    kinds = {"accelerators": ACCELERATORS, "crossbars": CROSSBARS, "networks": NETWORKS}
    if as_json:
        document = {
            kind: [{"name": entry.name, "summary": entry.summary, "network": entry.network,
                    "beside": entry.beside} for entry in entries]
            for kind, entries in kinds.items()
        }  # fmt: skip
        typer.echo(json_text(document), nl=False)
        return
    for kind, entries in kinds.items():
        typer.echo(f"{kind}:")
        for entry in entries:
            typer.echo(f"  {entry.name:<22} {entry.summary}")

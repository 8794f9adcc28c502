"""The commands that look at a recorded run, and why a run took as long as it did."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stallscope.failures import exit_codes
from stallscope.options import (
    Elision,
    Files,
    Force,
    Json,
    Links,
    NoFast,
    Reuse,
    Set,
    Units,
    Window,
    is_on,
)

__all__ = ["add_trace_commands"]


class ExportFormat(StrEnum):
    """Choices of --format."""

    PERFETTO = "perfetto"
    CHROME = "chrome"


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The --out folder of a run.")]
OutFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write.")]
Format = Annotated[
    ExportFormat | None,
    typer.Option("--format", help="Else chrome for a name ending in .json, perfetto for others."),
]

trace_app = typer.Typer(help="Look into a recorded run.", no_args_is_help=True)


@trace_app.command("info")
def trace_info(folder: Folder, as_json: Json = False) -> None:
    """Summarise a trace: what it is of, its units, what repeats."""
    with exit_codes():
        from stallscope import looking

        looking.info(folder, as_json)


@trace_app.command("head")
def trace_head(
    folder: Folder,
    window: Window = None,
    unit: Units = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Rows.")] = 20,
    as_json: Json = False,
) -> None:
    """List the first slices of a trace, or of a window of it."""
    with exit_codes():
        from stallscope import looking

        looking.head(folder, looking.Part(window, tuple(unit or ())), count, as_json)


@trace_app.command("expand")
def trace_expand(
    folder: Folder,
    out: OutFile,
    window: Window = None,
    unit: Units = None,
    force: Force = False,
) -> None:
    """Write every slice as a row of Parquet (or CSV, for a name ending in .csv)."""
    with exit_codes():
        from stallscope import looking

        looking.expand(folder, looking.Part(window, tuple(unit or ())), out, force)


@trace_app.command("occupancy")
def trace_occupancy(
    folder: Folder,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="A unit; `trace info` lists them.")],
    every: Annotated[
        int | None,
        typer.Option("--every", min=1, help="Cycles per row; else about 40 rows."),
    ] = None,
    window: Window = None,
    as_json: Json = False,
) -> None:
    """Show what a unit did in each interval of some cycles."""
    with exit_codes():
        from stallscope import looking

        looking.occupancy(folder, unit, every, looking.Part(window), as_json)


@trace_app.command("export")
def trace_export(
    folder: Folder,
    out: OutFile,
    file_format: Format = None,
    window: Window = None,
    force: Force = False,
) -> None:
    """Write a trace for the Perfetto viewer, or as Chrome JSON."""
    with exit_codes():
        from stallscope import looking

        chosen = None if file_format is None else file_format.value
        looking.export(folder, looking.Part(window), out, chosen, force)


def explain(
    folder: Folder,
    top: Annotated[int, typer.Option("--top", min=1, help="Stretches listed.")] = 12,
    as_json: Json = False,
) -> None:
    """Say in words what made a recorded run take as long as it did."""
    with exit_codes():
        from stallscope import looking

        looking.explain(folder, top, as_json)


def bottleneck(
    files: Files,
    as_json: Json = False,
    no_fast_forward: NoFast = False,
    reuse: Reuse = None,
    link_transfers: Links = None,
    first_read_elision: Elision = None,
    settings: Set = None,
) -> None:
    """Run a layer again with one thing ideal at a time; list the cycles that saves."""
    with exit_codes():
        from stallscope import looking
        from stallscope.commands import load_options

        options = load_options(reuse, is_on(link_transfers), is_on(first_read_elision), settings)
        looking.bottleneck(files, options, as_json, fast_forward=not no_fast_forward)


def convention(
    files: Files,
    to: Annotated[
        str, typer.Option("--to", help="Whose rules: scale-sim or stonne.")
    ] = "scale-sim",
    as_json: Json = False,
    settings: Set = None,
) -> None:
    """Walk from our cycles on a systolic array to another simulator's, rule by rule."""
    with exit_codes():
        from stallscope import folding
        from stallscope.commands import load_options

        folding.walk(files, load_options(None, None, None, settings), to, as_json)


def report(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="HTML file; else DIR/report.html.")] = None,
    window: Window = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Explain a run on one HTML page that needs nothing else."""
    with exit_codes():
        from stallscope.report import page

        place = page.report_folder(folder, out=out, window=window, force=force)
        typer.echo(f"Written to {place}, {place.stat().st_size:,} bytes")


def add_trace_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(trace_app, name="trace")
    app.command()(explain)
    app.command()(bottleneck)
    app.command()(convention)
    app.command()(report)

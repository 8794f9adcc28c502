"""The command line. Heavy parts are imported by the commands that need them.

Exit codes: 0 done, 1 outside a tolerance, 2 bad input, 3 deadlock or a broken law of ours.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

import stallscope
from stallscope.cli_crossbars import add_crossbar_commands
from stallscope.cli_networks import add_network_commands
from stallscope.cli_sparsity import add_sparsity_commands
from stallscope.cli_traces import add_trace_commands
from stallscope.failures import BROKEN, exit_codes, not_built
from stallscope.options import (
    Audit,
    Converters,
    Elision,
    Files,
    Force,
    Json,
    Links,
    NoFast,
    Out,
    ProgrammingSigma,
    ReadSigma,
    Reuse,
    Set,
    Tensors,
    Trace,
    TraceLevel,
    Units,
    Window,
    is_on,
)

__all__ = ["app", "main"]

app = typer.Typer(
    name="stallscope",
    help="Cycle-level simulation of DNN accelerators: exact counts, every cycle explained.",
    epilog="Exit codes: 0 done, 1 outside a tolerance, 2 bad input, 3 deadlock or broken law.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
program_app = typer.Typer(help="Look into a compiled program.", no_args_is_help=True)
app.add_typer(program_app, name="program")


def _fast(no_fast_forward: bool, audit: bool) -> None:
    """Refuse what cannot be combined."""
    if no_fast_forward and audit:
        raise typer.BadParameter("give either --no-fast-forward or --audit-fast-forward")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(stallscope.__version__)
        raise typer.Exit


@app.command()
def simulate(
    files: Files,
    out: Out = None,
    as_json: Json = False,
    trace: Trace = TraceLevel.OFF,
    window: Window = None,
    unit: Units = None,
    tensors: Tensors = None,
    no_fast_forward: NoFast = False,
    audit: Audit = False,
    reuse: Reuse = None,
    link_transfers: Links = None,
    first_read_elision: Elision = None,
    settings: Set = None,
    force: Force = False,
) -> None:
    """Simulate one mapped layer, cycle by cycle."""
    with exit_codes():
        _fast(no_fast_forward, audit)
        from stallscope import commands

        commands.simulate_files(
            files,
            commands.load_options(
                reuse, is_on(link_transfers), is_on(first_read_elision), settings
            ),
            commands.Output(out, as_json, force),
            commands.Events(trace.value, window, tuple(unit or ())),
            tensors=tensors,
            fast_forward=not no_fast_forward,
            audit=audit,
        )


@app.command()
def analyze(
    files: Files,
    out: Out = None,
    as_json: Json = False,
    reuse: Reuse = None,
    link_transfers: Links = None,
    first_read_elision: Elision = None,
    settings: Set = None,
    force: Force = False,
) -> None:
    """Estimate one mapped layer by the analytical model alone."""
    with exit_codes():
        from stallscope import commands

        commands.analyze_files(
            files,
            commands.load_options(
                reuse, is_on(link_transfers), is_on(first_read_elision), settings
            ),
            commands.Output(out, as_json, force),
        )


@app.command("compile")
def compile_(
    files: Files,
    out: Annotated[Path | None, typer.Option("--out", help="Program file to write.")] = None,
    as_json: Json = False,
    reuse: Reuse = None,
    link_transfers: Links = None,
    first_read_elision: Elision = None,
    settings: Set = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Compile one mapped layer into a program: one instruction stream per unit."""
    with exit_codes():
        from stallscope import programs
        from stallscope.commands import Output, load_options

        options = load_options(reuse, is_on(link_transfers), is_on(first_read_elision), settings)
        programs.compile_files(files, options, Output(out, as_json, force))


@program_app.command("head")
def program_head(
    file: Annotated[Path, typer.Argument(help="A program file.")],
    unit: Annotated[str | None, typer.Option("--unit", help="Only this unit.")] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Instructions per unit.")] = 20,
    as_json: Json = False,
) -> None:
    """List the first instructions of a program."""
    with exit_codes():
        from stallscope import programs

        programs.head(file, unit, count, as_json)


@program_app.command("info")
def program_info(
    file: Annotated[Path, typer.Argument(help="A program file.")], as_json: Json = False
) -> None:
    """Summarise a program."""
    with exit_codes():
        from stallscope import programs

        programs.info(file, as_json)


@program_app.command("expand")
def program_expand(
    file: Annotated[Path, typer.Argument(help="A program file.")],
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write every instruction of a program as a row of flat Parquet."""
    with exit_codes():
        from stallscope import programs

        programs.expand(file, out, force)


@app.command()
def execute(
    program: Annotated[
        Path, typer.Argument(help="A program file: looped, flat, or CSV of your own.")
    ],
    files: Annotated[
        list[str],
        typer.Argument(metavar="ARCHITECTURE...", help="The architecture, and energy tables."),
    ],
    out: Out = None,
    as_json: Json = False,
    trace: Trace = TraceLevel.OFF,
    window: Window = None,
    unit: Units = None,
    no_fast_forward: NoFast = False,
    audit: Audit = False,
    settings: Set = None,
    force: Force = False,
) -> None:
    """Execute a saved program, or rows of your own, on an architecture."""
    with exit_codes():
        _fast(no_fast_forward, audit)
        from stallscope import programs
        from stallscope.commands import Events, Output, load_options

        programs.execute(
            program,
            files,
            load_options(None, None, None, settings),
            Output(out, as_json, force),
            Events(trace.value, window, tuple(unit or ())),
            fast_forward=not no_fast_forward,
            audit=audit,
        )


@app.command()
def verify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Case files; or a program, and an architecture."),
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of what is drawn.")] = 0,
    tensors: Tensors = None,
    programming_sigma: ProgrammingSigma = None,
    read_sigma: ReadSigma = None,
    adc: Converters = False,
    as_json: Json = False,
    reuse: Reuse = None,
    link_transfers: Links = None,
    first_read_elision: Elision = None,
    settings: Set = None,
) -> None:
    """Execute a layer's program on integers and compare the output with NumPy, bit for bit."""
    with exit_codes():
        from stallscope import verifying
        from stallscope.commands import load_options

        verifying.verify_files(
            files,
            load_options(reuse, is_on(link_transfers), is_on(first_read_elision), settings),
            seed=seed,
            tensors=tensors,
            as_json=as_json,
            errors=verifying.Errors(
                programming_sigma=programming_sigma, read_sigma=read_sigma, has_converters=adc
            ),
        )


@app.command()
def validate(
    name: Annotated[str, typer.Argument(help="Reference set, such as timeloop.")],
    cases: Annotated[
        Path | None, typer.Option("--cases", help="Reference figures; else the project's own copy.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare with others' figures; exit 1 if one is outside its tolerance."""
    with exit_codes():
        from stallscope import commands

        commands.validate_name(name, cases, as_json)


@app.command()
def presets(
    name: Annotated[str | None, typer.Argument(help="Print this preset's file.")] = None,
    as_json: Json = False,
) -> None:
    """List the accelerators and networks that come with the package, or print one."""
    with exit_codes():
        from stallscope import commands

        commands.show_presets(name, as_json)


@app.command()
def schema(
    name: Annotated[
        str,
        typer.Argument(
            help="problem, architecture, dram_device, mapping, layout, energy, case, network, "
            "crossbars or reram_device."
        ),
    ],
) -> None:
    """Print the JSON schema of a kind of native file."""
    with exit_codes():
        from stallscope.mappings.schema import schema as schema_of
        from stallscope.report.outputs import json_text

        typer.echo(json_text(schema_of(name)), nl=False)


add_network_commands(app)
add_trace_commands(app)
add_crossbar_commands(app)
add_sparsity_commands(app)
_LATER = ("map", "sweep")


def _add_later(name: str) -> None:
    """Add a command of a later version: hidden, and it says so."""

    def later(_: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
        with exit_codes():
            raise not_built(f"stallscope {name}")

    ignoring = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command(name, hidden=True, context_settings=ignoring)(later)


for _name in _LATER:
    _add_later(_name)


def main() -> None:
    """Run the command line; the last guard against tracebacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without, say, µ shows ? for it
            stream.reconfigure(errors="replace")
    try:
        app()
    except Exception as error:  # whatever is not an error of the user is ours
        kind = type(error).__name__
        typer.echo(f"internal error, please report it: {kind}: {error}", err=True)
        sys.exit(BROKEN)

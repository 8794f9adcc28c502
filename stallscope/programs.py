"""What the commands about programs do: compile, execute, and looking into one.

A program file holds the streams only. ``compile --out`` therefore writes the problem and the
mapping it came from beside it, as ``PROGRAM.case.yaml`` (``expand`` copies it); ``execute`` needs
them for the analytical figures and takes them from there unless its files hold them. A flat program
of the user's own needs neither: it has no analytical figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stallscope.commands import Events, Output, announce, deliver, load_case, tell_of_trace, traced
from stallscope.crossbar_programs import refuse_program
from stallscope.crossbars import load_case as load_crossbar_case
from stallscope.crossbars import refuse_files
from stallscope.failures import not_built
from stallscope.loading_options import LoadOptions
from stallscope.mappings.case import Case, InputFile, Platform
from stallscope.mappings.loading import load_platform
from stallscope.mappings.native_writing import to_plain, to_yaml
from stallscope.mappings.reram.files import is_of_crossbars
from stallscope.report.outputs import check_free, json_text, write_file
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import Program

if TYPE_CHECKING:
    from stallscope.traces.flat import FlatProgram
    from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["compile_files", "execute", "expand", "head", "info", "open_program", "sidecar"]

_IN_THE_NAME = ("tensor", "parent", "child")
"""Columns that tables for people leave out: the name of the unit says it."""
_HEADER = b'"stallscope_program"'
_HEAD_BYTES = 64
"""First bytes of a file among which the first key of a program is."""


def compile_files(files: Sequence[str], options: LoadOptions, output: Output) -> None:
    """Compile a case; write the program, or say what it holds."""
    if output.path is not None:
        check_free(output.path, force=output.force)
    if is_of_crossbars(files):
        _compile_crossbars(files, options, output)
        return
    case = load_case(files, options)
    from stallscope.traces.compile import compile_case

    program = compile_case(case)
    if output.path is None:
        _print_info(program, output.as_json)
        return
    storage = _storage()
    output.path.parent.mkdir(parents=True, exist_ok=True)
    write_file(output.path, lambda partial: storage.save(program, partial))
    of_the_platform = ("architecture", "dram_device", "energy", "assumptions")
    text = to_yaml(
        {key: value for key, value in to_plain(case).items() if key not in of_the_platform}
    )
    write_file(sidecar(output.path), lambda partial: partial.write_text(text, encoding="utf-8"))
    if output.as_json:
        typer.echo(
            json_text({"program": str(output.path), "case": str(sidecar(output.path))}), nl=False
        )
    else:
        typer.echo(f"Written to {output.path}, problem and mapping to {sidecar(output.path)}")


def _compile_crossbars(files: Sequence[str], options: LoadOptions, output: Output) -> None:
    """Compile a case on crossbars; write the program, or say what it holds."""
    from stallscope.traces.reram.program import compile_crossbars
    from stallscope.traces.reram.storage import CROSSBAR_FORM

    program = compile_crossbars(load_crossbar_case(files, options))
    if output.path is None:
        _print_info(program, output.as_json)
        return
    output.path.parent.mkdir(parents=True, exist_ok=True)
    write_file(output.path, lambda partial: CROSSBAR_FORM.save(program, partial))
    if output.as_json:
        typer.echo(json_text({"program": str(output.path)}), nl=False)
    else:
        typer.echo(f"Written to {output.path}")


def info(file: Path, as_json: bool) -> None:
    """Summarise a program file."""
    _print_info(_read(file), as_json)


def head(file: Path, unit: str | None, count: int, as_json: bool) -> None:
    """List the first instructions of a program file."""
    program = _read(file)
    rows = _listing(program).head(program, unit=unit, count=count)
    if as_json:
        typer.echo(json_text({"rows": [_plain(row) for row in rows]}), nl=False)
        return
    from stallscope.report.tables import make_console, table

    if not rows:
        typer.echo("no instructions")
        return
    names = [name for name in rows[0] if name not in _IN_THE_NAME]
    cells = [["" if row.get(name) is None else str(row[name]) for name in names] for row in rows]
    is_number = {name: all(isinstance(row.get(name), int | None) for row in rows) for name in names}
    columns = [(name, "right" if is_number[name] else "left") for name in names]
    make_console().print(table(columns, cells, program.name))


def expand(file: Path, out: Path, force: bool) -> None:
    """Write a program as flat Parquet."""
    check_free(out, force=force)
    program = _read(file)
    listing = _listing(program)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_file(out, lambda partial: listing.expand(program, partial))
    if sidecar(file).exists():
        write_file(sidecar(out), lambda partial: partial.write_bytes(sidecar(file).read_bytes()))
    typer.echo(f"Written to {out}")


def execute(
    file: Path, files: Sequence[str], options: LoadOptions, output: Output, events: Events, *,
    fast_forward: bool, audit: bool,
) -> None:  # fmt: skip
    """Execute a program file on an architecture and deliver the result."""
    folder = output.folder()
    program, case = _program_and_case(file, files, options)
    digest = InputFile(path=str(file), sha256=sha256(file.read_bytes()).hexdigest())
    case = case.model_copy(update={"files": (*case.files, digest)})
    from stallscope.hw import simulate as hw
    from stallscope.report.document import result_document

    trace = events.tracing(output, "trace")
    if isinstance(case, Case):
        announce(trace, case)
    with traced(trace):
        result = hw.execute(program, case, fast_forward=fast_forward, audit=audit, trace=trace)
    tell_of_trace(result, output)
    deliver(result_document(result, case), folder, as_json=output.as_json)


def _program_and_case(
    file: Path, files: Sequence[str], options: LoadOptions
) -> tuple[Any, Platform]:  # Any: see _part
    """Read a program of any form, and what it runs on."""
    refuse_program(file, "simulate")
    refuse_files(files, "a program names storage levels: give an architecture")
    own = _part("rows.program")
    if own.is_own(file):
        name = file.stem
        platform = load_platform(*files, name=name, overrides=options.overrides)
        return own.read_rows(file, platform.architecture), platform
    flat = _flat(file)
    program = _read_looped(file) if flat is None else flat.program
    case = _case_of(file, files, replace(options, check=False))
    _check_fits(program, case)
    return (program if flat is None else flat), case


def _case_of(file: Path, files: Sequence[str], options: LoadOptions) -> Case:
    """Load the case; problem and mapping from beside the program unless the files have them."""
    try:
        return load_case(files, options)
    except SpecError as error:
        absent = [fault for fault in error.faults if fault.rule.startswith("no file has a ")
                  and fault.place in ("problem", "mapping")]  # fmt: skip
        if not absent:
            raise
        if not sidecar(file).exists():
            remedy = f"name problem and mapping files, or keep {sidecar(file).name} beside it"
            faults = [replace(fault, remedy=remedy) for fault in absent]
            raise SpecError(faults) from error
    return load_case([str(sidecar(file)), *files], options)


def _check_fits(program: Program, case: Case) -> None:
    faults = []
    if dict(program.dims) != case.problem.bounds:
        shown = " ".join(f"{name}={bound}" for name, bound in program.dims)
        faults.append(Fault(place="program.dims", value=shown, rule="differs from the problem's",
                            remedy="name the problem it was compiled from"))  # fmt: skip
    known = case.architecture.level_index
    needed = {name: None for mover in program.movers for name in (mover.parent, mover.child)}
    needed |= {plan.level: None for plan in program.buffers}
    for name in needed:
        if name not in known:
            remedy = f"known here: {', '.join(known)}"
            rule = "the architecture has no such level"
            faults.append(Fault(place="program", value=name, rule=rule, remedy=remedy))
    used = dict(program.used_instances)
    instances = {level.name: level.instances for level in case.architecture.levels}
    instances[case.architecture.compute.name] = case.architecture.compute.instances
    for name, number in used.items():
        if name in instances and number > instances[name]:
            rule = f"uses {number} instances, the architecture has {instances[name]}"
            faults.append(Fault(place=f"program.{name}", value=number, rule=rule))
    if not faults:
        faults += _other_mapping(program, case)
    if faults:
        raise SpecError(faults)


def _other_mapping(program: Program, case: Case) -> list[Fault]:
    """Whether the case's mapping gives other streams: its estimate would not be the program's."""
    from stallscope.traces.compile import compile_case

    own = compile_case(case)
    same = (
        [(m.tensor, m.parent, m.child, m.loops) for m in program.movers]
        == [(m.tensor, m.parent, m.child, m.loops) for m in own.movers]
        and program.compute.loops == own.compute.loops
        and program.buffers == own.buffers
        and program.fanouts == own.fanouts
    )
    rule = "the mapping is not the one the program was compiled from"
    remedy = "name that mapping, or compile this one"
    return [] if same else [Fault(place="mapping", value="", rule=rule, remedy=remedy)]


def _print_info(program: Program | CrossbarProgram, as_json: bool) -> None:
    facts = _plain(_listing(program).info(program))
    if as_json:
        typer.echo(json_text(facts), nl=False)
        return
    for name, value in facts.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            _print_rows(name, value)
        else:
            typer.echo(f"{name:<20} {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return _cell(value)


def _print_rows(name: str, rows: list[dict[str, Any]]) -> None:  # Any: a JSON tree
    from stallscope.report.tables import make_console, table

    names = [key for key in rows[0] if key not in _IN_THE_NAME]
    cells = [[_cell(row.get(key)) for key in names] for row in rows]
    columns = [(key, "right" if isinstance(rows[0].get(key), int) else "left") for key in names]
    make_console().print(table(columns, cells, name))


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return "" if value is None else str(value)
    if isinstance(value, dict):
        return _shown(value)
    return f"{value:,}" if isinstance(value, int) else json.dumps(value)


def _plain(row: Mapping[str, object]) -> dict[str, Any]:  # Any: a JSON tree
    """Return a row as JSON holds it; what JSON has no notation for becomes text."""
    tree: dict[str, Any] = json.loads(json.dumps(row, default=str))
    return tree


def open_program(file: Path) -> Program | FlatProgram | None:
    """Read a program file, looped or flat; None if the file is neither."""
    flat: FlatProgram | None = _flat(file)
    if flat is not None:
        return flat
    try:
        with file.open("rb") as stream:
            is_looped = _HEADER in stream.read(_HEAD_BYTES)
    except OSError:
        return None
    return _read_looped(file) if is_looped else None


def _read(file: Path) -> Program | CrossbarProgram:
    """Read a program file of either kind; see `_read_looped`."""
    on_crossbars: CrossbarProgram | None = _part("reram.listing").read_program(file)
    return _read_looped(file) if on_crossbars is None else on_crossbars


def _read_looped(file: Path) -> Program:
    """Read a program file; of a flat one the tables its rows refer to.

    Raises:
        SpecError: If it is none, or a flat one of the user's own: that has no tables.
    """
    if _part("rows.program").is_own(file):
        rule = "is a flat program without the looped one that it could be looked into by"
        remedy = "run it with `stallscope execute`; its rows are all there is"
        raise SpecError([Fault(place="file", value="", rule=rule, remedy=remedy, source=str(file))])
    flat = _flat(file)
    program: Program = _storage().read(file) if flat is None else flat.program
    return program


def _flat(file: Path) -> Any:  # Any: see _part
    """Read a flat program, or None if the file is not one."""
    reader = _part("flat")
    return reader.read_flat(file) if reader.is_flat(file) else None


def sidecar(file: Path) -> Path:
    """Return the file beside a program that holds its problem and mapping."""
    return file.with_name(file.name + ".case.yaml")


def _storage() -> Any:  # Any: see _part
    return _part("storage")


def _listing(program: Program | CrossbarProgram) -> Any:  # Any: see _part
    return _part("listing" if isinstance(program, Program) else "reram.listing")


def _part(name: str) -> Any:  # Any: a module
    from importlib import import_module

    try:
        return import_module(f"stallscope.traces.{name}")
    except ModuleNotFoundError as error:
        raise not_built("stallscope program") from error

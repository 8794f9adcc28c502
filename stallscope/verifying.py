"""What the command ``verify`` does: law L6 on a case or on a program file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stallscope.commands import load_case
from stallscope.crossbar_programs import refuse_program
from stallscope.failures import BROKEN
from stallscope.loading_options import LoadOptions
from stallscope.mappings.loading import load_architecture, load_problem
from stallscope.mappings.reram.files import is_of_crossbars
from stallscope.programs import open_program, sidecar
from stallscope.report.outputs import json_text
from stallscope.simcore.errors import Fault, SpecError
from stallscope.tensor_files import read_tensors
from stallscope.traces.rows.program import is_own
from stallscope.verifying_crossbars import Errors, verify_crossbars

if TYPE_CHECKING:
    from stallscope.mappings.architecture import Architecture
    from stallscope.mappings.problem import Problem
    from stallscope.traces.program import Program
    from stallscope.validation.function import Verification

__all__ = ["Errors", "verify_files"]


def verify_files(
    files: Sequence[str], options: LoadOptions, *, seed: int, tensors: Path | None, as_json: bool,
    errors: Errors,
) -> None:  # fmt: skip
    """Verify the case of some files, or a program file; exit 3 if a word differs."""
    given = None if tensors is None else read_tensors(tensors)
    for file in files:
        refuse_program(Path(file), "verify")
    if is_of_crossbars(files):
        verify_crossbars(
            files, options, seed=seed, tensors=given, as_json=as_json, errors=errors
        )  # fmt: skip
        return
    errors.refuse()
    if is_own(files[0]):
        rule = "rows of your own name no words of tensors: there is nothing to verify"
        fault = Fault(place="file", value=files[0], rule=rule, remedy="name a compiled program")
        raise SpecError([fault])
    program = open_program(Path(files[0]))
    from stallscope.traces.flat import FlatProgram
    from stallscope.validation import function

    assumptions: list[str] = []
    if program is None:
        found = function.verify(load_case(files, options), tensors=given, seed=seed)
    else:
        _refuse_options(options)
        looped = program.program if isinstance(program, FlatProgram) else program
        problem, architecture = _surroundings(looped, Path(files[0]), files[1:])
        if architecture is None:
            assumptions.append("no architecture is named: the levels' capacities are unbounded")
        found = function.verify_program(
            program, problem, architecture=architecture, tensors=given, seed=seed
        )
    drawn = f"drawn with seed {seed}" if tensors is None else f"from {tensors}"
    if as_json:
        source = {"seed": seed if tensors is None else None, "assumptions": assumptions}
        typer.echo(json_text(found.to_json() | source), nl=False)
    else:
        _print(found, drawn, assumptions)
    if not found.is_correct:
        raise typer.Exit(BROKEN)


def _surroundings(
    program: Program, file: Path, files: Sequence[str]
) -> tuple[Problem, Architecture | None]:
    """The problem of a program file, and the architecture if files name one."""
    beside = sidecar(file)
    if not beside.exists():
        rule = "is missing: it has the problem to compare with"
        remedy = f"keep it beside {file.name}, or verify the case files"
        raise SpecError([Fault(place=str(beside), value="", rule=rule, remedy=remedy)])
    problem = load_problem(beside)
    architecture = load_architecture(*files) if files else None
    faults = []
    if dict(program.dims) != problem.bounds:
        shown = " ".join(f"{name}={bound}" for name, bound in program.dims)
        rule = f"differs from the dimensions in {beside}"
        faults.append(Fault(place="program.dims", value=shown, rule=rule))
    ranks = {
        tensor.name: tuple(
            tuple((term.dimension, term.coefficient) for term in rank) for rank in tensor.ranks
        )
        for tensor in problem.tensors
    }
    if {layout.name: layout.ranks for layout in program.tensors} != ranks:
        rule = f"differ from those in {beside}"
        faults.append(Fault(place="program.tensors", value=", ".join(ranks), rule=rule))
    levels = [] if architecture is None else [level.name for level in architecture.levels]
    for plan in program.buffers:
        if architecture is not None and plan.level not in levels:
            remedy = f"known here: {', '.join(levels)}"
            rule = "the architecture has no such level"
            faults.append(Fault(place="program", value=plan.level, rule=rule, remedy=remedy))
    if faults:
        raise SpecError(list(dict.fromkeys(faults)))
    return problem, architecture


def _refuse_options(options: LoadOptions) -> None:
    """A program is compiled already: nothing about its case can be changed."""
    given = {
        "--reuse": options.reuse,
        "--link-transfers": options.link_transfers,
        "--first-read-elision": options.first_read_elision,
        "--set": ", ".join(options.overrides) or None,
    }
    faults = [
        Fault(place=name, value=value, rule="does not apply to a program: it is compiled already",
              remedy="name the case files instead")
        for name, value in given.items() if value is not None
    ]  # fmt: skip
    if faults:
        raise SpecError(faults)


def _print(found: Verification, drawn: str, assumptions: Sequence[str]) -> None:
    """Print what was executed, and the verdict."""
    from stallscope.report.tables import make_console, table

    execution = found.execution
    cells = [
        [one.unit, one.op.value, f"{one.steps:,}", f"{one.parent_words:,}", f"{one.child_words:,}"]
        for one in execution.transfers
    ]
    columns = [("mover", "left"), ("op", "left"), ("steps", "right"), ("words at parent", "right"),
               ("words at children", "right")]  # fmt: skip
    make_console().print(table(columns, cells, found.name))
    skipped = f", {execution.skipped:,} of them skipped," if execution.skipped else ""
    typer.echo(f"{found.macs:,} multiply-accumulates{skipped} in "
               f"{execution.instructions:,} instructions")  # fmt: skip
    held = ", ".join(f"{level} {words:,}" for level, words in execution.peak_words)
    typer.echo(f"most words in one instance: {held}")
    for assumption in assumptions:
        typer.echo(f"assumption: {assumption}")
    compared = f"{found.words:,} words of the output compared with NumPy, operands {drawn}"
    first = found.first
    if first is None:
        typer.echo(f"{compared}: all equal")
        return
    typer.echo(f"{compared}: {found.mismatches:,} differ")
    at = ", ".join(map(str, first.at))
    typer.echo(f"the first, at [{at}]: NumPy {first.expected:,}, the program {first.actual:,}")

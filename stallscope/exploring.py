"""What the command ``explore`` does, and the schedules that ``run`` looks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import RenderableType

import stallscope
from stallscope.crossbars import refuse_rules
from stallscope.failures import note
from stallscope.loading_options import LoadOptions
from stallscope.mappings.layers import Shape
from stallscope.mappings.native_writing import to_yaml
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.explore import (
    Candidate,
    Exploration,
    Objective,
    candidate_of,
    explore,
)
from stallscope.mappings.reram.files import CrossbarFiles, load_crossbars
from stallscope.mappings.reram.native_writing import schedule_to_plain
from stallscope.mappings.reram.records import keep_best, recorded
from stallscope.mappings.reram.row_by_row import row_by_row
from stallscope.mappings.reram.schedule import CrossbarSchedule, Filling
from stallscope.report.crossbars import plain_tree, schedule_text
from stallscope.report.document import SCHEMA_VERSION, Document, inputs_document
from stallscope.report.outputs import json_text
from stallscope.report.tables import energy, make_console, table, whole
from stallscope.simcore.errors import SpecError

__all__ = ["Search", "best_schedules", "explore_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for.

    Attributes:
        objective: What is to be small.
        fillings: Fillings to try; none: all.
        spill: Whether partial sums may leave a core before they are complete.
        top: Schedules listed.
        records: File that the best are kept in, or None.
    """

    objective: str
    fillings: tuple[str, ...] = ()
    spill: bool = False
    top: int = 5
    records: Path | None = None


def explore_files(
    files: Sequence[str], options: LoadOptions, search: Search, as_json: bool
) -> None:
    """Find the best schedules of a case's layer, and set its own beside them."""
    refuse_rules(options)
    case = load_crossbars(*files, overrides=options.overrides)
    found = explore(
        case.layer, case.chip, Objective(search.objective), energy=case.energy,
        fillings=tuple(map(Filling, search.fillings)) or tuple(Filling), spill=search.spill,
        inputs=case.schedule.inputs, keep=search.top,
    )  # fmt: skip
    kept = None
    if search.records is not None:
        kept = keep_best(search.records, case.layer, case.chip, found.objective, found.best[0],
                         energy=case.energy)  # fmt: skip
    beside = _Beside(given=_figures(case), row_by_row=_default(case), recorded=kept)
    if as_json:
        typer.echo(json_text(_document(case, found, beside)), nl=False)
        return
    _print(case, found, beside)


def best_schedules(
    files: CrossbarFiles, objective: str, records: Path | None = None
) -> Callable[[Shape], CrossbarSchedule]:  # fmt: skip
    """Return what finds the best schedule of a layer; equal layers are looked at once.

    Args:
        files: The chip and its energies.
        objective: What is to be small.
        records: File of records: what it knows is taken, what is found is kept in it.
    """
    goal = Objective(objective)
    known: dict[Shape, CrossbarSchedule] = {}

    def best(layer: Shape) -> CrossbarSchedule:
        if layer not in known:
            known[layer] = _best(layer, files, goal, records).schedule
        return known[layer]

    return best


def _best(layer: Shape, files: CrossbarFiles, goal: Objective, records: Path | None) -> Candidate:
    chip, table = files.chip, files.energy
    if records is not None:
        kept = recorded(records, layer, chip, goal, energy=table)
        if kept is not None:
            return kept
    found = explore(layer, chip, goal, energy=table, keep=1).best[0]
    if records is not None:
        return keep_best(records, layer, chip, goal, found, energy=table)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """Schedules to set beside what was found; None: does not fit, or is not asked for."""

    given: Candidate | None
    row_by_row: Candidate | None
    recorded: Candidate | None


def _figures(case: CrossbarCase) -> Candidate | None:
    """What the closed forms say of a case's own schedule; None if it does not fit."""
    try:
        return candidate_of(case)
    except SpecError:
        return None


def _default(case: CrossbarCase) -> Candidate | None:
    """The same of an output row at a time."""
    schedule = row_by_row(case.layer, case.chip)
    return _figures(case.model_copy(update={"schedule": schedule}))


def _document(case: CrossbarCase, found: Exploration, beside: _Beside) -> Document:
    return {
        "schema": SCHEMA_VERSION,
        "stallscope": stallscope.__version__,
        "name": case.name,
        "accelerator": case.chip.name,
        "inputs": inputs_document(case.files),
        "objective": found.objective.value,
        "scored": found.scored,
        "estimated": found.estimated,
        "best": [_candidate(one) for one in found.best],
        "given": _candidate(beside.given),
        "row_by_row": _candidate(beside.row_by_row),
        "recorded": _candidate(beside.recorded),
        "assumptions": list(case.assumptions),
    }


def _candidate(one: Candidate | None) -> Document | None:
    return (
        None
        if one is None
        else {
            "schedule": schedule_to_plain(one.schedule),
            "shown": schedule_text(one.schedule),
            "updates": one.updates,
            "cycles": one.cycles,
            "bound_by": one.bound_by,
            "energy_pj": one.energy_pj,
            "writes_of_a_cell": plain_tree(one.writes_max),
            "cells_written": one.cells_written,
        }
    )


def _print(case: CrossbarCase, found: Exploration, beside: _Beside) -> None:
    console = make_console()
    columns = [("schedule", "left"), ("updates", "right"), ("cycles", "right"),
               ("energy", "right"), ("writes of a cell", "right")]  # fmt: skip
    rows = [_row(one) for one in found.best] + [["---"]]
    for what, one in (
        ("an output row at a time: ", beside.row_by_row), ("the files': ", beside.given),
        ("recorded: ", beside.recorded),
    ):  # fmt: skip
        rows += [_row(one, what)] if one is not None else []
    title = f"{case.name} on {case.chip.name}: least {found.objective.value}"
    console.print(table(columns, rows, title))
    console.print(f"{whole(found.scored)} schedules fit and were bounded, {whole(found.estimated)} "
                  "estimated one by one. The best, for a file:\n")  # fmt: skip
    text = to_yaml({"schedule": schedule_to_plain(found.best[0].schedule)})
    console.print(text, markup=False, end="")
    if beside.given is None:
        note("the files' schedule does not fit: see stallscope analyze")


def _row(one: Candidate, before: str = "") -> list[RenderableType]:
    return [
        before + schedule_text(one.schedule), whole(one.updates), whole(one.cycles),
        energy(one.energy_pj), f"{float(one.writes_max):g}",
    ]  # fmt: skip

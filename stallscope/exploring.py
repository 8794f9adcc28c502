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
from stallscope.mappings.reram.counting import activity_of
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.explore import Candidate, Exploration, Objective, explore
from stallscope.mappings.reram.files import CrossbarFiles, load_crossbars
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.native_writing import schedule_to_plain
from stallscope.mappings.reram.row_by_row import row_by_row
from stallscope.mappings.reram.schedule import CrossbarSchedule, Filling
from stallscope.mappings.reram.wear import wear_of
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
    given, default = _figures(case), _default(case)
    document = _document(case, found, given, default)
    if as_json:
        typer.echo(json_text(document), nl=False)
        return
    _print(case, found, given, default)


def best_schedules(
    files: CrossbarFiles, objective: str
) -> Callable[[Shape], CrossbarSchedule]:  # fmt: skip
    """Return what finds the best schedule of a layer; equal layers are looked at once."""
    known: dict[Shape, CrossbarSchedule] = {}

    def best(layer: Shape) -> CrossbarSchedule:
        if layer not in known:
            goal = Objective(objective)
            found = explore(layer, files.chip, goal, energy=files.energy, keep=1)
            known[layer] = found.best[0].schedule
        return known[layer]

    return best


def _figures(case: CrossbarCase) -> Candidate | None:
    """What the closed forms say of a case's own schedule; None if it does not fit."""
    try:
        check_crossbars(case, has_weights=case.chip.writing.data_aware)
    except SpecError:
        return None
    activity, estimate = activity_of(case), analyze_crossbars(case)
    return Candidate(
        schedule=case.schedule, updates=activity.updates, cycles=estimate.cycles,
        bound_by=estimate.bound_by, energy_pj=estimate.energy_pj,
        writes_max=wear_of(case, activity).writes_max, cells_written=activity.cells_written,
    )  # fmt: skip


def _default(case: CrossbarCase) -> Candidate | None:
    """The same of an output row at a time."""
    schedule = row_by_row(case.layer, case.chip)
    return _figures(case.model_copy(update={"schedule": schedule}))


def _document(
    case: CrossbarCase, found: Exploration, given: Candidate | None, default: Candidate | None
) -> Document:
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
        "given": None if given is None else _candidate(given),
        "row_by_row": None if default is None else _candidate(default),
        "assumptions": list(case.assumptions),
    }


def _candidate(one: Candidate) -> Document:
    return {
        "schedule": schedule_to_plain(one.schedule),
        "shown": schedule_text(one.schedule),
        "updates": one.updates,
        "cycles": one.cycles,
        "bound_by": one.bound_by,
        "energy_pj": one.energy_pj,
        "writes_of_a_cell": plain_tree(one.writes_max),
        "cells_written": one.cells_written,
    }


def _print(
    case: CrossbarCase, found: Exploration, given: Candidate | None, default: Candidate | None
) -> None:
    console = make_console()
    columns = [("schedule", "left"), ("updates", "right"), ("cycles", "right"),
               ("energy", "right"), ("writes of a cell", "right")]  # fmt: skip
    rows = [_row(one) for one in found.best] + [["---"]]
    if default is not None:
        rows.append(_row(default, "an output row at a time: "))
    if given is not None:
        rows.append(_row(given, "the files': "))
    title = f"{case.name} on {case.chip.name}: least {found.objective.value}"
    console.print(table(columns, rows, title))
    console.print(f"{whole(found.scored)} schedules fit and were bounded, {whole(found.estimated)} "
                  "estimated one by one. The best, for a file:\n")  # fmt: skip
    text = to_yaml({"schedule": schedule_to_plain(found.best[0].schedule)})
    console.print(text, markup=False, end="")
    if given is None:
        note("the files' schedule does not fit: see stallscope analyze")


def _row(one: Candidate, before: str = "") -> list[RenderableType]:
    return [
        before + schedule_text(one.schedule), whole(one.updates), whole(one.cycles),
        energy(one.energy_pj), f"{float(one.writes_max):g}",
    ]  # fmt: skip

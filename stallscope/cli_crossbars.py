"""The commands that only crossbars have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stallscope.failures import exit_codes
from stallscope.options import Json, Records, Set

__all__ = ["add_crossbar_commands"]


class ObjectiveChoice(StrEnum):
    """Choices of --objective."""

    UPDATES = "updates"
    CYCLES = "cycles"
    ENERGY = "energy"
    WEAR = "wear"


class FillingChoice(StrEnum):
    """Choices of --filling."""

    STRICT = "strict"
    RIGID = "rigid"
    PACKED = "packed"


def explore(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="A chip of crossbars, a layer, and energies."),
    ],
    objective: Annotated[
        ObjectiveChoice, typer.Option("--objective", help="What is to be small.")
    ] = ObjectiveChoice.UPDATES,
    filling: Annotated[
        list[FillingChoice] | None,
        typer.Option("--filling", help="Only this filling; may be repeated."),
    ] = None,
    spill: Annotated[
        bool,
        typer.Option("--spill", help="Let partial sums leave a core unfinished, too."),
    ] = False,
    records: Records = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Schedules listed.")] = 5,
    as_json: Json = False,
    settings: Set = None,
) -> None:
    """Find the best schedules of a layer on a chip of crossbars."""
    with exit_codes():
        from stallscope import exploring
        from stallscope.commands import load_options

        exploring.explore_files(
            files,
            load_options(None, None, None, settings),
            exploring.Search(
                objective=objective.value,
                fillings=tuple(one.value for one in filling or ()),
                spill=spill,
                top=top,
                records=records,
            ),
            as_json,
        )


def add_crossbar_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(explore)

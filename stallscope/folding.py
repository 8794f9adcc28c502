"""What the command does that walks from our rules for folds to another simulator's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer

from stallscope.commands import load_case
from stallscope.loading_options import LoadOptions
from stallscope.mappings.fields import nearest
from stallscope.mappings.systolic import Convention
from stallscope.report.outputs import json_text
from stallscope.report.tables import Column, make_console, table, whole
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["walk"]

_COLUMNS: list[Column] = [("rule", "left"), ("cycles", "right"), ("added", "right")]


def walk(files: Sequence[str], options: LoadOptions, convention: str, as_json: bool) -> None:
    """Say what each rule of a convention adds to our cycles."""
    known = [one.value for one in Convention]
    if convention not in known:
        fault = Fault(place="--to", value=convention, rule="is no convention",
                      remedy=nearest(convention, known))  # fmt: skip
        raise SpecError([fault])
    case = load_case(files, options)
    from stallscope.hw.systolic.walk import walk_rules  # SimPy, and nothing before needs it

    steps = walk_rules(case, Convention(convention))
    if as_json:
        document = {"name": case.name, "convention": convention,
                    "steps": [asdict(one) for one in steps]}  # fmt: skip
        typer.echo(json_text(document), nl=False)
        return
    rows = [[one.meaning, whole(one.cycles), f"{one.added:+,}" if one.rule else ""]
            for one in steps]  # fmt: skip
    title = f"{case.name}: from our cycles to those by the rules of {convention}"
    make_console().print(table(_COLUMNS, rows, title))

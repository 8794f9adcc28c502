"""The command that looks at zeros alone."""

from __future__ import annotations

from typing import Annotated

import typer

from stallscope.failures import exit_codes
from stallscope.options import Json, Set

__all__ = ["add_sparsity_commands"]


def sparsity(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="A case whose operands have zeros."),
    ],
    depth: Annotated[
        list[int] | None,
        typer.Option("--depth", min=0, help="Depth of the PEs' FIFOs, tiles; may be repeated."),
    ] = None,
    as_json: Json = False,
    settings: Set = None,
) -> None:
    """Say what zeros bring, and what PEs lose by waiting for each other."""
    with exit_codes():
        from stallscope.commands import load_options
        from stallscope.sparsity import sparsity_files

        sparsity_files(files, load_options(None, None, None, settings), depth or (), as_json)


def add_sparsity_commands(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(sparsity)

"""What the command ``sparsity`` does: what zeros bring, and what waiting for each other costs."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from stallscope.commands import load_case
from stallscope.loading_options import LoadOptions
from stallscope.mappings.sparsity.imbalance import DEPTHS, imbalance
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.study import check_sparse
from stallscope.report.imbalance import imbalance_document, print_imbalance
from stallscope.report.outputs import json_text
from stallscope.report.tables import make_console

__all__ = ["sparsity_files"]


def sparsity_files(
    files: Sequence[str], options: LoadOptions, depths: Sequence[int], as_json: bool
) -> None:
    """Say what zeros bring to the case of some files.

    Args:
        files: Files of the case.
        options: How to load them.
        depths: Depths of FIFOs to look at beside the unlimited one; none: the usual ones.
        as_json: Whether to print a document.
    """
    case = load_case(files, options)
    check_sparse(case)
    found = masks(case.problem, case.sparsity)
    looked = (*sorted(set(depths)), None) if depths else DEPTHS
    document = imbalance_document(
        imbalance(case, found, depths=looked), case,
        {name: (mask.size, int(mask.sum())) for name, mask in found.items()},
    )  # fmt: skip
    if as_json:
        typer.echo(json_text(document), nl=False)
        return
    print_imbalance(make_console(), document)

"""What the command ``verify`` does with crossbars: their schedule, executed on integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from stallscope.crossbars import load_case
from stallscope.failures import BROKEN
from stallscope.loading_options import LoadOptions
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.report.document import Document
from stallscope.report.outputs import json_text
from stallscope.simcore.errors import Fault, SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["compared", "verify_crossbars"]

_OPERANDS = ("Weights", "Inputs")
_IDEAL = "cells and converters are ideal: every sum of a column is read as it is"


def verify_crossbars(
    files: Sequence[str],
    options: LoadOptions,
    *,
    seed: int,
    tensors: Mapping[str, Any] | None,
    as_json: bool,
) -> None:
    """Execute a case's schedule on integers; exit 3 if a word differs from NumPy's.

    Args:
        files: Files of the case.
        options: What the command line says about loading.
        seed: Seed of the operands, if none are given.
        tensors: Operands by name, or None.
        as_json: Whether to print a document.
    """
    case = load_case(files, options, has_weights=True)
    from stallscope.hw.reram.execution import execute_on_values  # NumPy
    from stallscope.validation.function import reference

    reading = case.chip.reading.model_copy(update={"adc_bits": None})
    ideal = case.model_copy(
        update={"chip": case.chip.model_copy(update={"reading": reading})}
    )  # fmt: skip
    operands = _drawn(ideal, seed) if tensors is None else _given(tensors)
    run = execute_on_values(ideal, operands["Weights"], operands["Inputs"])
    document = compared(reference(case.layer.problem(), operands), run.outputs) | {
        "name": case.name, "macs": case.layer.macs, "updates": run.updates,
        "multiplies": run.multiplies, "spilled_words": run.spilled_words,
        "refilled_words": run.refilled_words, "sum_bits": run.sum_bits,
        "seed": seed if tensors is None else None, "assumptions": [_IDEAL],
    }  # fmt: skip
    if as_json:
        typer.echo(json_text(document), nl=False)
    else:
        _print(document, case)
    if not document["correct"]:
        raise typer.Exit(BROKEN)


def compared(expected: Integers, actual: Integers) -> Document:
    """Return what a comparison says, word by word.

    Args:
        expected: NumPy's output.
        actual: The crossbars', of the same shape.
    """
    import numpy as np

    places = np.argwhere(expected != actual)
    first = None
    if len(places):
        at = tuple(int(one) for one in places[0])
        first = {"at": list(at), "expected": int(expected[at]), "actual": int(actual[at])}
    return {
        "correct": first is None, "words_compared": int(expected.size),
        "mismatches": len(places), "first_mismatch": first,
    }  # fmt: skip


def _drawn(case: CrossbarCase, seed: int) -> dict[str, Integers]:
    """Operands of all their bits, never 0, which would hide a missing product."""
    import numpy as np

    generator = np.random.default_rng(seed)
    problem = case.layer.problem()
    bits = {"Weights": case.chip.crossbar.weight_bits, "Inputs": case.chip.reading.input_bits}
    drawn: dict[str, Integers] = {}
    for tensor in problem.tensors:
        if tensor.name in bits:
            half = 1 << (bits[tensor.name] - 1)
            shape = tensor.tile_shape(problem.bounds)
            words = generator.integers(-half, half - 1, size=shape, dtype=np.int64)
            drawn[tensor.name] = words + (words >= 0)
    return drawn


def _given(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Operands of a file; SpecError if one is missing or there is another."""
    faults = [
        Fault(place="--tensors", value=name, rule="is missing", remedy="give Weights and Inputs")
        for name in _OPERANDS if name not in tensors
    ]  # fmt: skip
    faults += [
        Fault(place="--tensors", value=name, rule="is no operand", remedy="give Weights and Inputs")
        for name in tensors if name not in _OPERANDS
    ]  # fmt: skip
    if faults:
        raise SpecError(faults)
    return dict(tensors)


def _print(document: Document, case: CrossbarCase) -> None:
    from stallscope.report.tables import make_console, print_assumptions, whole

    console = make_console()
    console.print(f"[bold]{document['name']}[/bold] on {case.chip.name}")
    console.print(
        f"  {whole(document['updates'])} updates, {whole(document['multiplies'])} multiplies; "
        f"{whole(document['spilled_words'])} partial sums left and "
        f"{whole(document['refilled_words'])} came back; sums of {document['sum_bits']} bits"
    )
    first = document["first_mismatch"]
    words = whole(document["words_compared"])
    if first is None:
        console.print(f"  all {words} words of the output are NumPy's, bit for bit")
    else:
        console.print(
            f"  {whole(document['mismatches'])} of {words} words differ; the first at "
            f"{first['at']}: {first['actual']}, NumPy has {first['expected']}",
            markup=False,
        )  # fmt: skip
    print_assumptions(console, document["assumptions"])

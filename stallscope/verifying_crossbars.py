"""What the command ``verify`` does with crossbars: their schedule, executed on integers.

Cells and converters are ideal, and every word must be NumPy's; or they err as asked for, and how
far the output is off is reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from stallscope.crossbars import load_case
from stallscope.failures import BROKEN, warn
from stallscope.loading_options import LoadOptions
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.report.document import Document
from stallscope.report.outputs import json_text
from stallscope.simcore.errors import Fault, SpecError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from stallscope.hw.reram.execution import ValueRun
    from stallscope.hw.reram.values import Noise

    Integers = NDArray[np.int64]

__all__ = ["Errors", "compared", "normalised_rms_error", "verify_crossbars"]

_OPERANDS = ("Weights", "Inputs")
_IDEAL = "cells and converters are ideal: every sum of a column is read as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """How cells and converters err; None and False: not asked for.

    Attributes:
        programming_sigma: Standard deviation of what is written, a share of the largest
            conductance.
        read_sigma: The same, of every read.
        has_converters: Whether converters have the chip's ``adc_bits``, else they are ideal.
    """

    programming_sigma: float | None = None
    read_sigma: float | None = None
    has_converters: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Return what is asked for, by option."""
        given = {
            "--programming-sigma": self.programming_sigma, "--read-sigma": self.read_sigma,
            "--adc": self.has_converters or None,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}

    def refuse(self) -> None:
        """Refuse whatever is asked for, where there are no crossbars."""
        rule, remedy = "is about crossbars", "leave it out"
        faults = [
            Fault(place=name, value=value, rule=rule, remedy=remedy)
            for name, value in self.options.items()
        ]
        if faults:
            raise SpecError(faults)

    def check(self, case: CrossbarCase) -> None:
        """Raise SpecError if a share is none, or the chip's converters have no resolution."""
        faults = [
            Fault(place=name, value=value, rule="is no share of the largest conductance",
                  remedy="give a finite number of at least 0, as 0.01")
            for name, value in self.options.items()
            if name != "--adc" and not (math.isfinite(value) and value >= 0)
        ]  # fmt: skip
        if self.has_converters and case.chip.reading.adc_bits is None:
            rule = "the chip does not say how many bits its converters have"
            remedy = "give crossbars.reading.adc_bits"
            faults.append(Fault(place="--adc", value=True, rule=rule, remedy=remedy))
        if faults:
            raise SpecError(faults)

    def noise(self, seed: int) -> Noise:
        """Return how cells err."""
        from stallscope.hw.reram.values import Noise

        return Noise(
            programming_sigma=self.programming_sigma or 0.0, read_sigma=self.read_sigma or 0.0,
            seed=seed,
        )  # fmt: skip


_NO_ERRORS = Errors()


def verify_crossbars(
    files: Sequence[str],
    options: LoadOptions,
    *,
    seed: int,
    tensors: Mapping[str, Any] | None,
    as_json: bool,
    errors: Errors = _NO_ERRORS,
) -> None:
    """Execute a case's schedule on integers; exit 3 if a word differs and nothing may err.

    Args:
        files: Files of the case.
        options: What the command line says about loading.
        seed: Seed of the operands, if none are given, and of errors.
        tensors: Operands by name, or None.
        as_json: Whether to print a document.
        errors: How cells and converters err.
    """
    case = load_case(files, options, has_weights=True)
    errors.check(case)
    from stallscope.hw.reram.execution import execute_on_values  # NumPy
    from stallscope.validation.function import reference

    executed = case if errors.has_converters else _with_ideal_converters(case)
    operands = _drawn(case, seed) if tensors is None else _given(tensors)
    run = execute_on_values(
        executed, operands["Weights"], operands["Inputs"], noise=errors.noise(seed)
    )
    expected = reference(case.layer.problem(), operands)
    document = _figures(case, run) | {"seed": seed if tensors is None else None}
    if errors.options:
        document |= _off(expected, run, errors, executed, seed)
    else:
        document |= compared(expected, run.outputs) | {"assumptions": [_IDEAL]}
    if run.sum_bits > case.chip.partial_sum_bits:
        warn(f"partial sums need {run.sum_bits} bits and have partial_sum_bits = "
             f"{case.chip.partial_sum_bits}; they are computed without a limit")  # fmt: skip
    if as_json:
        typer.echo(json_text(document), nl=False)
    else:
        _print(document, case)
    if document.get("correct") is False:
        raise typer.Exit(BROKEN)


def _with_ideal_converters(case: CrossbarCase) -> CrossbarCase:
    reading = case.chip.reading.model_copy(update={"adc_bits": None})
    chip = case.chip.model_copy(update={"reading": reading})
    return case.model_copy(update={"chip": chip})


def _figures(case: CrossbarCase, run: ValueRun) -> Document:
    """What was executed."""
    return {
        "name": case.name, "macs": case.layer.macs, "updates": run.updates,
        "multiplies": run.multiplies, "spilled_words": run.spilled_words,
        "refilled_words": run.refilled_words, "sum_bits": run.sum_bits,
        "partial_sum_bits": case.chip.partial_sum_bits,
    }  # fmt: skip


def _off(
    expected: Integers, run: ValueRun, errors: Errors, case: CrossbarCase, seed: int
) -> Document:  # fmt: skip
    """How far an output is off, and what erred."""
    return {
        "words_compared": int(expected.size),
        "normalised_rms_error": normalised_rms_error(expected, run.outputs),
        "errors": {
            "programming_sigma": errors.programming_sigma or 0.0,
            "read_sigma": errors.read_sigma or 0.0,
            "adc_bits": case.chip.reading.adc_bits,
            "seed": seed,
        },
        "assumptions": [],
    }


def normalised_rms_error(expected: Integers, actual: NDArray[Any]) -> float | None:
    """Return the root-mean-square error over the root mean square of what is expected.

    Args:
        expected: NumPy's output.
        actual: The crossbars', of the same shape.

    Returns:
        None if all that is expected is 0.
    """
    import numpy as np

    exact = expected.astype(np.float64)
    power = float(np.mean(exact**2))
    return float(np.sqrt(np.mean((actual - exact) ** 2) / power)) if power else None


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
    if "errors" in document:
        _print_error(console, document)
    else:
        _print_verdict(console, document)
    print_assumptions(console, document["assumptions"])


def _print_error(console: Console, document: Document) -> None:
    """Print how far the output is off."""
    from stallscope.report.tables import whole

    errors, error = document["errors"], document["normalised_rms_error"]
    bits = errors["adc_bits"]
    console.print(
        f"  cells off by {errors['programming_sigma']:g} of the largest conductance when written "
        f"and {errors['read_sigma']:g} when read, "
        f"{'ideal converters' if bits is None else f'converters of {bits} bits'}, "
        f"seed {errors['seed']}"
    )
    shown = "none: all of NumPy's are 0" if error is None else f"{100 * error:.4g} %"
    console.print(f"  normalised rms error of {whole(document['words_compared'])} words: {shown}")


def _print_verdict(console: Console, document: Document) -> None:
    """Print whether all words are equal."""
    from stallscope.report.tables import whole

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

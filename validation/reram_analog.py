"""One analogue crossbar on real numbers: how far programming errors and converters put it off.

The conditions of the published accuracy figures of other tools: weights and inputs drawn evenly
from -1 to 1, weights as the difference of two conductances, subtracted before conversion, inputs
applied as they are. A converter covers what every row at its largest can add up to, either sign.

Not modelled: what `hw.reram.values` leaves out, and device models measured on chips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.hw.reram.values import Converter, converted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]  # Any: float64; NumPy's stubs call its sums any floating type

__all__ = ["AnalogStudy", "analog_error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalogStudy:
    """One setting.

    Attributes:
        rows, columns: Of the crossbar.
        vectors: Inputs that are multiplied.
        programming_sigma: Standard deviation of a conductance, as a share of the largest.
        adc_bits: Resolution of the converters; None: ideal.
        on_off_ratio: Largest over smallest conductance; None: the smallest is 0. Weights use
            what lies between.
        seed: Weights, inputs and errors are drawn from it, in this order.
    """

    rows: int = 64
    columns: int = 64
    vectors: int = 256
    programming_sigma: float = 0.0
    adc_bits: int | None = None
    on_off_ratio: float | None = None
    seed: int = 0


def analog_error(study: AnalogStudy) -> float:
    """Return the root-mean-square error of the products over their root mean square."""
    generator = np.random.default_rng(study.seed)
    weights = generator.uniform(-1.0, 1.0, (study.rows, study.columns))
    inputs = generator.uniform(-1.0, 1.0, (study.vectors, study.rows))
    least = 0.0 if study.on_off_ratio is None else 1.0 / study.on_off_ratio
    span = 1.0 - least
    cells: list[Floats] = []
    for part in (np.maximum(weights, 0.0), np.maximum(-weights, 0.0)):
        error = study.programming_sigma * generator.standard_normal(weights.shape)
        cells.append(least + span * part + error)
    sums: Floats = inputs @ (cells[0] - cells[1])
    if study.adc_bits is not None:
        full_scale = float(study.rows)
        code = 2.0 * full_scale / ((1 << study.adc_bits) - 1)
        sums = converted(sums, Converter(full_scale=full_scale, code=code))
    exact = inputs @ weights
    return float(np.sqrt(np.mean((sums / span - exact) ** 2) / np.mean(exact**2)))

"""What a description of zeros, or of sparse hardware, cannot be by itself."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.operands import Operand, Pattern, Sparsity

PATTERN = Pattern(shape=(2,), bits=b"\x80")


@pytest.mark.parametrize(
    ("figures", "rule"),
    [
        ({}, "needs a density"),
        ({"density": 1.1}, "less than or equal to 1"),
        ({"distribution": "structured", "n": 2, "m": 4}, "need n, m .* and along"),
        ({"distribution": "structured", "n": 5, "m": 4, "along": 0}, "n <= m"),
        ({"distribution": "per_channel", "density": 0.5}, "need along"),
        ({"distribution": "block", "density": 0.5}, "blocks need block"),
        ({"pattern": PATTERN, "density": 0.5}, "a pattern stands alone, without density"),
        ({"density": 0.5, "spread": 0.1, "block": (2,)}, "uniform have no spread, block"),
    ],
)
def test_an_operand_says_all_of_it_and_once(figures, rule):
    with pytest.raises(ValidationError, match=rule):
        Operand(tensor="W", **figures)


def test_what_is_said_again_as_it_is_by_default_does_no_harm():
    assert Operand(tensor="W", pattern=PATTERN, seed=0) == Operand(tensor="W", pattern=PATTERN)


def test_a_tensor_is_said_once():
    with pytest.raises(ValidationError, match="operands names a tensor twice"):
        Sparsity(operands=(Operand(tensor="W", density=1),) * 2)
    assert Sparsity().of("W") is None


@pytest.mark.parametrize(
    ("figures", "rule"),
    [
        ({"skips": ("W", "W")}, "skips names a tensor twice"),
        ({"gates": ("W", "W")}, "gates names a tensor twice"),
        ({"skips": ("W",), "gates": ("W",)}, "skips and gates both name W"),
        ({"skips": ("W",), "intersections_per_cycle": 1}, "needs two operands in skips"),
    ],
)
def test_an_array_does_one_thing_with_a_zero(figures, rule):
    with pytest.raises(ValidationError, match=rule):
        SparseArray(**figures)

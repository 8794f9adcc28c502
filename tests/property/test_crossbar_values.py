"""Law L6 on crossbars: executing a schedule on values gives NumPy's layer, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stallscope.hw.reram.execution import execute_on_values
from stallscope.mappings.reram.counting import activity_of
from stallscope.mappings.reram.updates import weight_updates
from stallscope.validation.function import reference
from tests.property.crossbars import crossbar_cases

QUICK = settings(max_examples=60, deadline=None, derandomize=True,
                 suppress_health_check=list(HealthCheck))  # fmt: skip
SLOW = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))


def operands(case, seed, *, signed=True):
    """Words over the whole range of their bits, its ends among them."""
    generator = np.random.default_rng(seed)
    problem = case.layer.problem()
    bits = {"Weights": (case.chip.crossbar.weight_bits, True),
            "Inputs": (case.chip.reading.input_bits, signed)}  # fmt: skip
    drawn = {}
    for tensor in problem.tensors:
        if not tensor.is_output:
            width, is_signed = bits[tensor.name]
            least = -(1 << width - 1) if is_signed else 0
            drawn[tensor.name] = generator.integers(
                least, least + (1 << width), size=tensor.tile_shape(problem.bounds)
            )
    return drawn


@QUICK
@given(case=crossbar_cases(), seed=st.integers(0, 2**32), signed=st.booleans())
def test_every_schedule_computes_the_layer(case, seed, signed):
    check(case, seed, signed)


@pytest.mark.slow
@SLOW
@given(case=crossbar_cases(), seed=st.integers(0, 2**32), signed=st.booleans())
def test_every_schedule_computes_the_layer_at_length(case, seed, signed):
    check(case, seed, signed)


def check(case, seed, signed):
    """Any order, blocking, filling, overlap, slicing and sign; what is spilled comes back."""
    drawn = operands(case, seed, signed=signed)
    run = execute_on_values(case, drawn["Weights"], drawn["Inputs"], signed_inputs=signed)
    assert run.outputs.dtype == np.int64
    assert np.array_equal(reference(case.layer.problem(), drawn), run.outputs)
    assert run.spilled_words == run.refilled_words
    # What was done on values is what is counted without them.
    assert run.updates == weight_updates(case.walk)
    assert run.multiplies == activity_of(case).multiplies

"""Skipping zeros never changes what a layer computes, and skips what has nothing to multiply."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.validation.function import draw, reference, verify, with_zeros
from tests.property import layers

SLOW = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
QUICK = settings(SLOW, max_examples=15, derandomize=True)


@st.composite
def sparse_layers(draw, longest):
    case = draw(layers.layers(longest=longest))
    names = [tensor.name for tensor in case.problem.tensors if not tensor.is_output]
    zeros = tuple(
        Operand(tensor=name, density=draw(st.sampled_from((0.0, 0.2, 0.5, 0.9, 1.0))), seed=at)
        for at, name in enumerate(names)
        if draw(st.booleans())
    )
    skips = tuple(name for name in names if draw(st.booleans()))
    compute = case.architecture.compute.model_copy(update={"sparse": SparseArray(skips=skips)})
    architecture = case.architecture.model_copy(update={"compute": compute})
    return case.model_copy(
        update={"architecture": architecture, "sparsity": Sparsity(operands=zeros)}
    )


def _keeps_its_function(case):
    found = verify(case, seed=3)
    assert found.is_correct, found.first
    zero = {name: values != 0 for name, values in _operands(case).items()}
    ones = {name: np.ones_like(values, dtype=np.int64) for name, values in zero.items()}
    skips = case.architecture.compute.sparse.skips
    kept = {name: zero[name].astype(np.int64) if name in skips else ones[name] for name in zero}
    # A layer of ones and zeros sums up the products of what is not zero.
    assert found.macs - found.execution.skipped == int(reference(case.problem, kept).sum())


def _operands(case):
    return with_zeros(draw(case.problem, 3), masks(case.problem, case.sparsity))


@QUICK
@given(case=sparse_layers(longest=1000))
def test_skipping_zeros_keeps_the_function(case):
    _keeps_its_function(case)


@pytest.mark.slow
@SLOW
@given(case=sparse_layers(longest=8000))
def test_skipping_zeros_keeps_the_function_of_many_layers(case):
    _keeps_its_function(case)

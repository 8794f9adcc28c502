"""The laws of arrays whose work depends on zeros, on random machines with random zeros."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.sparsity.hardware import Mode
from tests.property import laws, sparse_laws, trace_laws
from tests.property.sparse import run, sparse_cases

QUICK = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
FEW = settings(QUICK, max_examples=3)
SLOW = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
DENSE = {"modes": [Mode.BARRIER], "densities": st.just(1.0)}
IDEAL = {"limited": False, "max_levels": 3}


def _all_laws(case):
    result = run(case)
    sparse_laws.stacks_sum(case, result)
    laws.fast_forward_changes_nothing(case, result)
    simulate(case, audit=True)


@QUICK
@given(case=sparse_cases(longest=1500, fronts=True))
def test_laws_hold_on_sparse_machines(case):
    _all_laws(case)


@pytest.mark.slow
@SLOW
@given(case=sparse_cases(longest=20000, fronts=True))
def test_laws_hold_on_many_sparse_machines(case):
    _all_laws(case)


@QUICK
@given(case=sparse_cases(longest=1500, **DENSE))
def test_operands_without_zeros_are_dense_ones(case):
    sparse_laws.dense_operands_change_nothing(case)


@pytest.mark.slow
@SLOW
@given(case=sparse_cases(longest=20000, **DENSE))
def test_many_operands_without_zeros_are_dense_ones(case):
    sparse_laws.dense_operands_change_nothing(case)


@QUICK
@given(case=sparse_cases(longest=500))
def test_counts_are_those_of_all_iterations(case):
    sparse_laws.counts_are_those_of_all_iterations(case, run(case))


@pytest.mark.slow
@SLOW
@given(case=sparse_cases(longest=3000))
def test_many_counts_are_those_of_all_iterations(case):
    sparse_laws.counts_are_those_of_all_iterations(case, run(case))


@QUICK
@given(case=sparse_cases(**IDEAL))
def test_with_ideal_memory_modes_take_what_closed_forms_say(case):
    sparse_laws.modes_take_what_closed_forms_say(case, run(case))


@pytest.mark.slow
@SLOW
@given(case=sparse_cases(longest=20000, **IDEAL))
def test_with_ideal_memory_modes_of_many_take_what_closed_forms_say(case):
    sparse_laws.modes_take_what_closed_forms_say(case, run(case))


def _trace_laws(case, seed):
    run(case)
    trace_laws.all_trace_laws(case, seed)


@FEW
@given(case=sparse_cases(longest=300), seed=st.integers(0, 1 << 20))
def test_traces_of_sparse_machines_are_their_runs(case, seed):
    _trace_laws(case, seed)


@pytest.mark.slow
@SLOW
@given(case=sparse_cases(longest=4000), seed=st.integers(0, 1 << 20))
def test_traces_of_many_sparse_machines_are_their_runs(case, seed):
    _trace_laws(case, seed)

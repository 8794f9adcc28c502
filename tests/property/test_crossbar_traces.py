"""The event trace of a chip of crossbars says what happened, skipped or not."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.crossbar_machines import long_machines, machines
from tests.property.crossbar_traces import all_trace_laws
from tests.property.test_crossbar_machines import aware, drawn

QUICK = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(case=machines())
def test_traces_of_any_chip(case):
    all_trace_laws(case, 0)


@QUICK
@given(case=long_machines())
def test_traces_of_layers_that_repeat(case):
    all_trace_laws(case, 1)


@QUICK
@given(case=long_machines(), seed=st.integers(0, 9))
def test_traces_where_only_changes_are_written(case, seed):
    case = aware(case)
    all_trace_laws(case, 2, weights=drawn(case, seed))


@pytest.mark.slow
@SLOW
@given(case=machines())
def test_traces_of_many_chips(case):
    all_trace_laws(case, 0)


@pytest.mark.slow
@SLOW
@given(case=long_machines())
def test_traces_of_many_layers_that_repeat(case):
    all_trace_laws(case, 1)

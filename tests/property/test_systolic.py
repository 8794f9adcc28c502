"""The laws on systolic arrays."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.simulate import simulate
from stallscope.traces.compile import compile_case
from tests.property import laws
from tests.property.systolic import systolic_cases

QUICK = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))


def check(case):
    result = simulate(case)
    laws.counts_are_those_of_a_full_walk(case, result)
    laws.cycles_are_within_bounds(case, result)
    laws.stacks_sum(case, result)
    laws.fast_forward_changes_nothing(case, result)
    simulate(case, audit=True)
    machine = Machine(compile_case(case), case.architecture, FastForwardMode())
    assert machine.run() <= laws.one_after_another(machine)


@QUICK
@given(case=systolic_cases())
def test_laws_hold_on_systolic_arrays(case):
    check(case)


@pytest.mark.slow
@SLOW
@given(case=systolic_cases(longest=4000))
def test_laws_hold_on_many_systolic_arrays(case):
    check(case)

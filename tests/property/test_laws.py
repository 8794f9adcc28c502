"""The laws of design section 9 on random layers, machines and mappings."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.simulate import simulate
from stallscope.mappings.nest import Nest
from stallscope.traces.compile import compile_case
from tests.property import laws
from tests.property.strategies import cases

QUICK = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
FEW = settings(QUICK, max_examples=8)
SLOW = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))


def _all_laws(case):
    result = simulate(case)
    laws.counts_are_those_of_a_full_walk(case, result)
    laws.cycles_are_within_bounds(case, result)
    laws.stacks_sum(case, result)
    laws.fast_forward_changes_nothing(case, result)
    simulate(case, audit=True)


@QUICK
@given(case=cases())
def test_laws_hold_on_machines_with_contention(case):
    _all_laws(case)


@pytest.mark.slow
@SLOW
@given(case=cases(longest=20000))
def test_laws_hold_on_many_machines_with_contention(case):
    _all_laws(case)


@QUICK
@given(case=cases(limited=False))
def test_an_unlimited_machine_takes_the_compute_cycles(case):
    """L3: nothing but the multiply-accumulates of the busiest unit takes time."""
    result = simulate(case)
    assert result.cycles == Nest(case).walked
    assert result.cycle_stack == {"compute": result.cycles}


@pytest.mark.slow
@SLOW
@given(case=cases(limited=False, longest=20000))
def test_many_unlimited_machines_take_the_compute_cycles(case):
    result = simulate(case)
    assert result.cycles == Nest(case).walked


def _is_no_slower_than_one_after_another(case):
    machine = Machine(compile_case(case), case.architecture, FastForwardMode())
    assert machine.run() <= laws.one_after_another(machine)


@QUICK
@given(case=cases())
def test_no_machine_is_slower_than_one_thing_after_another(case):
    """L2, upper part: the sum over all transfers and bursts of occupancy and latency."""
    _is_no_slower_than_one_after_another(case)


@pytest.mark.slow
@SLOW
@given(case=cases(longest=20000))
def test_no_machine_of_many_is_slower_than_one_thing_after_another(case):
    _is_no_slower_than_one_after_another(case)


@FEW
@given(case=cases())
def test_the_same_case_gives_the_same_result(case):
    """L7 within one process; across processes and hash seeds see tests/end_to_end."""
    assert laws.figures(simulate(case)) == laws.figures(simulate(case))


@pytest.mark.slow
@SLOW
@given(case=cases())
def test_many_same_cases_give_the_same_result(case):
    assert laws.figures(simulate(case)) == laws.figures(simulate(case))

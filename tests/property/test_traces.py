"""The event trace says what happened, skipped or not, on random layers and machines."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.simulate import simulate
from stallscope.traces.events.recording import Recording
from tests.property import laws
from tests.property.compressed import compressed, result_of
from tests.property.seeded import seeded_case
from tests.property.strategies import cases
from tests.property.trace_laws import (
    all_trace_laws,
    repeats_expand_to_the_rows_of_the_full_run,
    traced,
)
from tests.sets import some

QUICK = settings(
    max_examples=3, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(case=cases(longest=1500))
def test_traces_of_random_machines(case):
    all_trace_laws(case, 0)


@settings(QUICK, max_examples=2)
@given(case=compressed(longest=400))
def test_traces_of_machines_with_compressed_tiles(case):
    result_of(case)
    all_trace_laws(case, 0)


@pytest.mark.slow
@SLOW
@given(case=compressed(longest=3000))
def test_traces_of_many_machines_with_compressed_tiles(case):
    result_of(case)
    all_trace_laws(case, 0)


@pytest.mark.slow
@SLOW
@given(case=cases(longest=6000))
def test_traces_of_many_random_machines(case):
    all_trace_laws(case, 0)


@pytest.mark.parametrize("seed", some([3, 420, 422], quick=[3, 422]))
def test_traces_of_machines_that_repeat(seed):
    assert all_trace_laws(seeded_case(seed), seed)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1200, 20))
def test_traces_of_many_machines_that_repeat(start):
    repeated = sum(all_trace_laws(seeded_case(seed), seed) for seed in range(start, start + 20))
    assert repeated > 8


@pytest.mark.slow
@pytest.mark.parametrize("start", range(2000, 3000, 100))
def test_stacks_sum_on_a_thousand_machines(start):
    for seed in range(start, start + 100):
        case = seeded_case(seed)
        laws.stacks_sum(case, simulate(case))


@pytest.mark.parametrize("wrong", ["times", "steps", "cycles"])
def test_a_wrong_repeat_is_seen_in_the_rows(wrong, monkeypatch):
    """What the laws above would not see they would not prove."""
    case = seeded_case(420)
    repeat = Recording.repeat

    def planted(self, first, last, start, cycles, times):
        if wrong == "steps":
            first = (*first[:2], tuple(step - 1 for step in first[2]))
        repeat(self, first, last, start, cycles + (wrong == "cycles"), times - (wrong == "times"))

    monkeypatch.setattr(Recording, "repeat", planted)
    with pytest.raises(AssertionError):
        repeats_expand_to_the_rows_of_the_full_run(*traced(case))

"""The laws on machines with DRAM timing, refresh, a clock ratio and links that are contended."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stallscope.hw.memory.component import Memory
from stallscope.hw.simulate import simulate
from stallscope.mappings.analytical import Walk, analyze
from stallscope.simcore.environment import FOREVER
from stallscope.simcore.errors import SimulationBug
from tests.property.detailed import MODELS, detailed_case, reads_memory_itself, with_models
from tests.property.laws import (
    cycles_are_within_bounds,
    executed_counts,
    figures,
    stacks_sum,
)
from tests.property.strategies import cases
from tests.property.trace_laws import all_trace_laws, rows_of, sums_are_the_accounts
from tests.sets import some

pytestmark = pytest.mark.usefixtures("dram_kernel")


def _without_hops(found):
    return {key: value for key, value in found.items() if "hops_total" not in key and value}


def _laws(case):
    """L1 (hops aside: those of links are not those of the closed form), L2, L4, L5, audit."""
    result = simulate(case)
    expected = executed_counts(analyze(case, walk=Walk.FULL).counts)
    assert _without_hops(expected) == _without_hops(executed_counts(result.counts))
    cycles_are_within_bounds(case, result)
    stacks_sum(case, result)
    assert figures(simulate(case, fast_forward=False)) == figures(result)
    simulate(case, audit=True)
    return result


def _lanes_show_the_words_they_moved(result, rows):
    """A step that brings nothing (an elided refill, a tile that stays) shows no words."""
    shown = Counter()
    for row in rows:
        if row["op"] in ("READ", "WRITE"):
            shown[row["tensor"], row["op"].lower()] += row["words"]
    moved = {(one.tensor, one.action): one.words for one in result.memory.streams}
    assert {key: shown[key] for key in moved} == moved


def _memory_sums(result):
    """Every channel's cycles sum to the run; every burst was a read or a write."""
    memory = result.memory
    for channel in memory.cycles:
        assert sum(channel.values()) == result.cycles
    commands = memory.commands
    bursts = sum(stream.bursts for stream in memory.streams)
    assert commands["reads"] + commands["writes"] + commands["merged"] + commands[
        "forwarded"
    ] == pytest.approx(bursts)
    for stream in memory.streams:
        assert 0 < stream.efficiency <= 1


@pytest.mark.parametrize("seed", range(3))
def test_laws_hold_with_all_models(seed):
    _memory_sums(_laws(detailed_case(seed)))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seed", some([100, 101, 106], quick=[101, 106]))
def test_laws_hold_with_one_model(seed, model):
    _laws(detailed_case(seed, (model,)))


@pytest.mark.parametrize("seed", some([200, 201, 204, 209], quick=[204, 209]))
def test_recorded_rows_are_those_of_the_full_run(seed):
    case = detailed_case(seed)
    on = simulate(case, trace="full")
    off = simulate(case, trace="full", fast_forward=False)
    rows = rows_of(off.trace.window())
    assert rows == rows_of(on.trace.window())
    sums_are_the_accounts(off, rows)
    _lanes_show_the_words_they_moved(off, rows)
    simulate(case, trace="full", audit=True)


@pytest.mark.parametrize("seed", range(210, 211))
def test_trace_laws_hold_with_all_models(seed):
    """With a main memory, too, a trace tells lifetimes, activity and the critical chain."""
    all_trace_laws(detailed_case(seed), seed)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(longest=300), st.integers(0, 2**32))
def test_laws_hold_where_networks_fan_out(case, seed):
    assume(not reads_memory_itself(case))
    _laws(with_models(case, Random(seed), MODELS))


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases(longest=1500), st.integers(0, 2**32))
def test_laws_hold_where_many_networks_fan_out(case, seed):
    assume(not reads_memory_itself(case))
    _laws(with_models(case, Random(seed), MODELS))


def test_some_machines_with_rows_are_skipped_in_part():
    cases_ = (detailed_case(seed, ("rows",)) for seed in range(104, 110))
    assert any(simulate(case).simulation.fast_forwarded_cycles for case in cases_)


def _state_alone(original):
    """A period with a refresh in it is taken for one without."""
    return lambda self, level, base: original(self, level, base)[0]


def _without_end(original):
    """Nothing falls due for refresh."""
    return lambda self, *args: FOREVER


@pytest.mark.parametrize(
    ("method", "patch"), [("relative", _state_alone), ("limit", _without_end)]
)  # fmt: skip
def test_an_omission_of_refresh_is_caught_and_without_it_nothing_is(method, patch, monkeypatch):
    case = detailed_case(221, ("refresh",))
    _laws(case)
    monkeypatch.setattr(Memory, method, patch(getattr(Memory, method)))
    with pytest.raises((AssertionError, SimulationBug)):
        _laws(case)


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1000, 1200, 20))
def test_laws_hold_on_two_hundred_machines_with_all_models(start):
    """On = off and a clean audit on 200 machines."""
    for seed in range(start, start + 20):
        _laws(detailed_case(seed))

"""Laws of chips of crossbars that run: counts, bounds, conservation, fast-forward."""

from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stallscope.hw.reram.machine import ChipMachine
from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    HTree,
    Overlap,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.counting import activity_of, counts_of
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.rewriting import Rewriting
from stallscope.mappings.reram.schedule import Axis
from stallscope.traces.reram.program import compile_crossbars
from tests.property.crossbar_machines import long_machines, machines
from tests.property.crossbars import changes, walked


def same(found):
    """A result without what differs between equal runs."""
    return replace(found, simulation=None)


def without_energy(counts):
    """Counts without energies and without what only a run knows."""
    return {
        "levels": [
            (level.name, level.instances, level.used_instances,
             {name: asdict(tensor) | {"peak_words": 0, "energy_pj": None}
              for name, tensor in level.tensors.items()})
            for level in counts.levels
        ],
        "networks": [
            (network.name, {name: asdict(tensor) | {"energy_pj": None}
                            for name, tensor in network.tensors.items()})
            for network in counts.networks
        ],
        "compute": asdict(counts.compute) | {"energy_pj": None},
    }  # fmt: skip


@settings(max_examples=30)
@given(case=machines())
def test_a_run_counts_what_the_closed_form_says(case):
    """Law L1: accesses, words and actions, with every limit in the way."""
    result = simulate_crossbars(case)

    assert result.reram.activity == activity_of(case)
    assert without_energy(result.counts) == without_energy(counts_of(case))


@settings(max_examples=30)
@given(case=machines())
def test_cycles_lie_between_the_bounds(case):
    """Law L2: at least the analytical bound, at most everything one after another."""
    machine = ChipMachine(compile_crossbars(case), case, fast_forward=False, audit=False)
    cycles = machine.run()
    machine.check(cycles)

    ticks = machine.binding.ports.cycle_ticks
    busy = sum(-(-server.held // ticks) for server in machine.arbiter.servers)
    states = sum(unit.account.states[unit.BUSY] for unit in machine.units)
    latencies = machine.binding.latencies
    steps = sum(unit.steps for unit in machine.units)
    waits = steps * (latencies.weights + latencies.inputs + latencies.results + latencies.tail + 1)
    assert cycles >= analyze_crossbars(case).cycles
    assert cycles <= busy + states + waits


@settings(max_examples=20)
@given(case=machines())
def test_without_limits_a_run_takes_the_analytical_time(case):
    """Law L3: free ports, links and buffers leave writing and multiplying.

    And, where a tile comes back that has just left, the pipeline that it drains from.
    """
    chip = case.chip
    overlap = Overlap.SHADOW if chip.overlap is Overlap.SHADOW else Overlap.NONE
    free = chip.model_copy(
        update={
            "overlap": overlap, "memory": TileMemory(), "htree": HTree(), "main_memory": None,
            "input_buffer": CoreBuffer(), "partial_sums": CoreBuffer(), "vector": VectorUnit(),
        }
    )  # fmt: skip
    case = case.model_copy(update={"chip": free})
    result = simulate_crossbars(case)

    visits = len(list(walked(case.walk, case.walk.outputs)))
    drained = visits * (result.reram.latency_cycles - result.reram.interval_cycles)
    waits = drained if compile_crossbars(case).spills else 0
    assert 0 <= result.reram.until - result.analytical.cycles <= waits


def agrees(case, weights=None):
    """Law L5: skipped, run and audited, all the same."""
    plain = simulate_crossbars(case, fast_forward=False, weights=weights)

    assert same(simulate_crossbars(case, weights=weights)) == same(plain)
    assert same(simulate_crossbars(case, audit=True, weights=weights)) == same(plain)


@settings(max_examples=10)
@given(case=machines())
def test_fast_forward_changes_nothing_on_any_machine(case):
    """Most of them do not repeat."""
    agrees(case)


@settings(max_examples=4)
@given(case=long_machines())
def test_fast_forward_changes_nothing_where_it_skips(case):
    """Layers that repeat."""
    agrees(case)


@pytest.mark.slow
@settings(max_examples=300)
@given(case=machines())
def test_fast_forward_changes_nothing_on_many_machines(case):
    agrees(case)


@pytest.mark.slow
@settings(max_examples=300)
@given(case=long_machines())
def test_fast_forward_changes_nothing_where_it_skips_much(case):
    agrees(case)


def aware(case):
    """The case writing only what changes, on chips with a time for every pulse."""
    writing = case.chip.writing.model_copy(update={"data_aware": True, "pulse_ns": Fraction(3)})
    return case.model_copy(update={"chip": case.chip.model_copy(update={"writing": writing})})


def drawn(case, seed):
    """Weights of the case's layer."""
    problem, bits = case.layer.problem(), case.chip.crossbar.weight_bits
    shape = problem.tensor("Weights").tile_shape(problem.bounds)
    low, high = -(1 << bits - 1), 1 << bits - 1
    return np.random.default_rng(seed).integers(low, high, shape)


@settings(max_examples=20)
@given(case=machines(), seed=st.integers(0, 9))
def test_only_what_changes_is_written(case, seed):
    """Cells, pulses and time are those of the changes of level, update by update."""
    case = aware(case)
    free = {"main_memory": None, "memory": TileMemory(), "htree": HTree(), "overlap": Overlap.NONE}
    case = case.model_copy(update={"chip": case.chip.model_copy(update=free)})
    assume(case.chip.tiles == 1)
    weights = drawn(case, seed)
    result = simulate_crossbars(case, weights=weights)

    rewriting, held = Rewriting(case, weights), {}
    costs = []
    for step in changes(case.walk, case.walk.weights, lambda s: (s.at[Axis.CO], s.at[Axis.KO])):
        after = (step.at[Axis.CO], step.at[Axis.KO])
        for core in range(case.chip.cores):
            if case.lowered.block(after[0], core) is not None:
                costs.append(rewriting.cost(held.get(core), after, core))
                held[core] = after
    activity = result.reram.activity
    assert activity.cells_written == sum(cost.cells_changed for cost in costs)
    assert activity.pulses == sum(cost.pulses for cost in costs)
    assert result.reram.until >= result.reram.writing_cycles // case.chip.cores


@settings(max_examples=4)
@given(case=long_machines(), seed=st.integers(0, 9))
def test_fast_forward_changes_nothing_where_only_changes_are_written(case, seed):
    """Updates take what the weights say."""
    case = aware(case)
    agrees(case, drawn(case, seed))


@pytest.mark.slow
@settings(max_examples=100)
@given(case=long_machines(), seed=st.integers(0, 9))
def test_fast_forward_changes_nothing_where_many_changes_are_written(case, seed):
    case = aware(case)
    agrees(case, drawn(case, seed))

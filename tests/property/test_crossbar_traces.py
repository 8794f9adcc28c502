"""The event trace of a chip of crossbars says what happened, skipped or not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    HTree,
    LogicalCrossbar,
    MainMemory,
    Overlap,
    Programming,
    Readout,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, ScheduleLoop
from stallscope.traces.events.recording import Recording
from tests.property.crossbar_machines import long_machines, machines
from tests.property.crossbar_traces import (
    all_trace_laws,
    repeats_expand_to_the_rows_of_the_full_run,
    traced,
)
from tests.property.test_crossbar_machines import aware, drawn
from tests.sets import some

QUICK = settings(
    max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
REPEATING = long_machines(rows=(40, 120), channels=8)
ACTIONS = {
    "main": ("read", "update"), "memory": ("read", "write", "update", "leak"), "h-tree": ("byte",),
    "input buffer": ("read", "write"), "partial sums": ("read", "write", "update"),
    "crossbars": ("dac", "cell_read", "sample_hold", "adc", "shift_add", "pulse", "verify"),
    "vector": ("add", "activation"),
}  # fmt: skip


def energies():
    """A table with an energy of its own for every action."""
    components, number = [], 0
    for name, actions in ACTIONS.items():
        priced = []
        for action in actions:
            number += 1
            priced.append(Action(name=action, energy_pj=number / 8))
        components.append(ComponentEnergy(component=name, actions=tuple(priced)))
    return EnergyTable(source="numbers", components=tuple(components))


def case_of(overlap, loops, **options):
    """Two tiles of two cores, with every limit that is in the way; a layer of many rows."""
    port = CoreBuffer(capacity_bytes=200, read_bytes_per_cycle=8, write_bytes_per_cycle=8)
    chip = CrossbarChip(
        tiles=2, cores=2, overlap=overlap,
        crossbar=LogicalCrossbar(
            rows=8, columns=4, per_core=4 if overlap is Overlap.SHADOW else 3, weight_bits=4
        ),
        reading=Readout(input_bits=2, read_ns=2, columns_per_adc=4, adc_gsps=1),
        writing=Programming(
            pulse_ns=7, crossbars_at_once=None if overlap is Overlap.SHADOW else 3
        ),
        memory=TileMemory(
            capacity_bytes=60, read_bytes_per_cycle=4, write_bytes_per_cycle=4, latency_cycles=3
        ),
        htree=HTree(root_bytes_per_cycle=4, branch_bytes_per_cycle=2, hop_latency_cycles=1),
        input_buffer=port, partial_sums=port,
        main_memory=MainMemory(bandwidth_bytes_per_cycle=Fraction(3), latency_cycles=20),
        vector=VectorUnit(adds_per_cycle=2, activations_per_cycle=1),
    )  # fmt: skip
    layer = ConvLayer(C=8, K=16, P=90, Q=2, R=3, S=2)
    schedule = CrossbarSchedule(loops=loops, **options)
    return CrossbarCase(layer=layer, chip=chip, schedule=schedule, energy=energies())


ROWS = ScheduleLoop(axis=Axis.H)
LOADS = ScheduleLoop(axis=Axis.KO)
"""Outermost: partial sums leave and come back."""


@pytest.mark.parametrize("overlap", some(Overlap, {Overlap.PARTIAL}))
@pytest.mark.parametrize("is_spilling", some((False, True), {True}))
def test_traces_of_chips_that_repeat(overlap, is_spilling):
    """All laws where periods are skipped, with energies, main memory and both forms of sums."""
    loops = (LOADS, ROWS) if is_spilling else (ROWS, LOADS)
    assert all_trace_laws(case_of(overlap, loops), 3)


@QUICK
@given(case=machines())
def test_traces_of_any_chip(case):
    all_trace_laws(case, 0)


@QUICK
@given(case=machines(), seed=st.integers(0, 9))
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
@given(case=REPEATING)
def test_traces_of_many_layers_that_repeat(case):
    all_trace_laws(case, 1)


@pytest.mark.parametrize("wrong", ["times", "steps", "cycles"])
def test_a_wrong_repeat_is_seen_in_the_rows(wrong, monkeypatch):
    """What the laws above would not see they would not prove."""
    case = case_of(Overlap.NONE, (ROWS, LOADS))
    repeat = Recording.repeat

    def planted(self, first, last, start, cycles, times):
        if wrong == "steps":
            first = (*first[:2], tuple(step - 1 for step in first[2]))
        repeat(self, first, last, start, cycles + (wrong == "cycles"), times - (wrong == "times"))

    monkeypatch.setattr(Recording, "repeat", planted)
    with pytest.raises(AssertionError):
        repeats_expand_to_the_rows_of_the_full_run(*traced(case))

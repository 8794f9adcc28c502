"""What holds of every mapping that the template of PEs with scratch pads makes."""

from __future__ import annotations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.templates import Dataflow, plan_on_pads, roles_of
from stallscope.simcore.errors import SpecError

from .pad_arrays import pad_arrays
from .systolic_layers import convolutions, products
from .test_templates import partial_sums_leave

LAYERS = st.one_of(products(), convolutions())
FLOWS = st.sampled_from([None, None, *Dataflow])


def planned(problem, architecture, flow=None):
    """Plan a layer; None where nothing fits."""
    try:
        return plan_on_pads(problem, architecture, dataflow=flow)
    except SpecError as error:
        if "no tile of the layer fits" not in str(error):
            raise
        event("refused")
        return None


def is_even(problem, mapping):
    """Whether no loop has a smaller last iteration."""
    spans = dict.fromkeys(problem.bounds, 1)
    for level in mapping.levels:
        for loop in level.temporal + level.spatial:
            spans[loop.dimension] *= loop.extent
    return spans == problem.bounds


def hold_laws(data):
    """Legal; the model's steps; no more words of main memory than promised, or exactly as many."""
    problem = data.draw(LAYERS)
    architecture = data.draw(pad_arrays(problem))
    plan = planned(problem, architecture, data.draw(FLOWS))
    if plan is None:
        return
    check_mapping(problem, architecture, plan.mapping)
    case = Case(problem=problem, architecture=architecture, mapping=plan.mapping)
    estimate = analyze(case)
    assert plan.steps == estimate.compute_cycles
    counts = estimate.counts.levels[0].tensors
    words = {name: count.reads + count.updates for name, count in counts.items()}
    assert all(words[name] <= plan.words[name] for name in words), (words, plan.words)
    multicasts = all(level.network.multicast for level in architecture.levels)
    if multicasts and is_even(problem, plan.mapping) and not roles_of(problem).is_strided:
        assert words == plan.words
    for outer, inner in partial_sums_leave(problem, architecture, plan.mapping):
        if inner < len(architecture.levels):
            assert architecture.levels[outer].word_bits >= architecture.levels[inner].word_bits


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_mappings_are_legal_and_move_what_the_estimate_says(data):
    hold_laws(data)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_many_mappings_are_legal_and_move_what_the_estimate_says(data):
    hold_laws(data)


@settings(max_examples=6, deadline=None)
@given(st.data())
def test_with_room_there_is_always_a_mapping_and_it_runs(data):
    problem = data.draw(LAYERS)
    architecture = data.draw(pad_arrays(problem, roomy=True))
    plan = plan_on_pads(problem, architecture)
    case = Case(problem=problem, architecture=architecture, mapping=plan.mapping)
    check_mapping(problem, architecture, plan.mapping)
    result = simulate(case)
    assert result.macs == problem.macs
    assert result.cycles >= plan.steps

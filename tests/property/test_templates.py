"""What holds of every mapping that a template makes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case
from stallscope.mappings.legality import check_mapping, tile_extents
from stallscope.mappings.templates import Dataflow, Im2col, plan_layer
from stallscope.mappings.templates.building import at_cell
from stallscope.mappings.templates.planning import SLACK, layers_of
from stallscope.simcore.errors import SpecError

from .systolic_layers import convolutions, products, systolic_arrays

LAYERS = st.one_of(products(), convolutions())
FLOWS = st.sampled_from([None, *Dataflow])


def planned(problem, architecture, **options):
    """Plan a layer; None where a buffer is too small or the array cannot run the data flow."""
    try:
        return plan_layer(problem, architecture, **options)
    except SpecError as error:
        text = str(error)
        known = ("need", "registers are loaded whole", "no buffer may hold", "narrower words",
                 "all buffers at once", "back to main memory")  # fmt: skip
        assert all(any(rule in line for rule in known) for line in text.splitlines()), text
        event("refused")
        return None


def partial_sums_leave(problem, architecture, mapping):
    """Pairs of levels between which partial sums, not only results, travel: (outer, inner).

    A tile of outputs leaves incomplete if, outside of it, a loop over the reduction has a loop
    over the outputs inside.
    """
    names = [level.level for level in mapping.levels]
    output = problem.output
    keepers = [at for at, level in enumerate(mapping.levels) if output.name in level.keep]
    found = []
    for outer, inner in zip(keepers, [*keepers[1:], len(names)], strict=True):
        loops = [loop for level in mapping.levels[:inner] for loop in level.temporal]
        moves = [loop.dimension in output.dimensions for loop in loops if loop.extent > 1]
        if inner == len(names):
            incomplete = not all(moves)  # every MAC's result leaves
        else:
            incomplete = any(not now and later for at, now in enumerate(moves)
                             for later in moves[at + 1 :])  # fmt: skip
        if incomplete:
            found.append((outer, inner))
    return found


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_every_mapping_is_legal_and_keeps_partial_sums_where_they_are_wide(data):
    problem = data.draw(LAYERS)
    architecture = data.draw(systolic_arrays(problem))
    plan = planned(problem, architecture, dataflow=data.draw(FLOWS))
    if plan is None:
        return
    check_mapping(problem, architecture, plan.mapping)
    for outer, inner in partial_sums_leave(problem, architecture, plan.mapping):
        assert outer > 0, "partial sums in main memory"
        if inner < len(architecture.levels):
            wide, narrow = architecture.levels[inner], architecture.levels[outer]
            assert narrow.word_bits >= wide.word_bits


def compare_words(data):
    """Two derivations of one count: a closed form over tiles, and a walk of the nest."""
    problem = data.draw(LAYERS)
    architecture = data.draw(systolic_arrays(problem))
    plan = planned(problem, architecture, dataflow=data.draw(FLOWS))
    if plan is None:
        return
    case = Case(problem=problem, architecture=architecture, mapping=plan.mapping)
    estimate = analyze(case)
    counts = estimate.counts.levels[0].tensors
    expected = {name: count.reads + count.updates for name, count in counts.items()}
    assert expected == plan.words
    assert counts[problem.output.name].reads == 0
    assert plan.array_cycles >= estimate.compute_cycles


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_words_of_main_memory_are_the_analytical_models(data):
    compare_words(data)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(st.data())
def test_words_of_main_memory_are_the_analytical_models_for_many(data):
    compare_words(data)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_no_blocking_that_was_tried_is_better(data):
    problem = data.draw(LAYERS)
    architecture = data.draw(systolic_arrays(problem))
    plan = planned(problem, architecture)
    if plan is None:
        return
    tried = [figures for layer in layers_of(problem, architecture) for figures in layer.figures()]
    least = min(figures.cycles.min() for figures in tried)
    assert plan.cycles <= math.ceil(least * (1 + SLACK))
    lightest, words = math.inf, []
    for figures in tried:
        fast = figures.cycles <= least * (1 + SLACK)
        traffic = np.broadcast_to(figures.traffic, figures.cycles.shape)
        lightest = min(lightest, traffic[fast].min(initial=math.inf))
        for cell in np.argwhere(fast):
            each = {name: int(at_cell(count, tuple(cell))) for name, count in figures.words.items()}
            words.append((traffic[tuple(cell)], each))
    assert plan.words in [each for traffic, each in words if traffic == lightest]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_blocking_is_honoured_or_refused(data):
    problem = data.draw(LAYERS)
    architecture = data.draw(systolic_arrays(problem))
    named = data.draw(st.sets(st.sampled_from(sorted(problem.bounds)), min_size=1, max_size=3))
    blocking = {name: data.draw(st.integers(1, problem.bounds[name])) for name in sorted(named)}
    plan = planned(problem, architecture, dataflow=data.draw(FLOWS), blocking=blocking)
    if plan is None:
        return
    check_mapping(problem, architecture, plan.mapping)
    sent = tile_extents(problem, plan.mapping)[1]
    assert blocking == {name: sent[name] for name in blocking}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_with_room_there_is_always_a_mapping(data):
    problem = data.draw(LAYERS)
    architecture = data.draw(systolic_arrays(problem, roomy=True))
    plan = plan_layer(problem, architecture)
    check_mapping(problem, architecture, plan.mapping)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_im2col_in_memory_is_a_product_with_the_same_work(data):
    problem = data.draw(convolutions())
    architecture = data.draw(systolic_arrays(problem))
    flow = data.draw(FLOWS)
    plan = planned(problem, architecture, dataflow=flow, im2col=Im2col.MEMORY)
    if plan is None:
        return
    assert plan.problem.macs == problem.macs
    assert all(len(rank) == 1 for tensor in plan.problem.tensors for rank in tensor.ranks)
    check_mapping(plan.problem, architecture, plan.mapping)
    assert plan.words["Inputs"] >= plan.problem.tensor("Inputs").tile_words(plan.problem.bounds)

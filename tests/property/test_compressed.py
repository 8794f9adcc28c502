"""Laws of what is moved compressed, on random machines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.case import Reuse
from stallscope.mappings.sparsity.hardware import Format
from stallscope.mappings.sparsity.masks import masks
from tests.property import laws
from tests.property.compressed import compressed, is_possible, plain
from tests.property.compressed_words import Unclear, Walk, movers

QUICK = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
WHOLE = compressed(metadata=False, rates=False, density=st.just(1.0))


def _is_the_plain_run(case):
    is_possible(case)
    assert laws.figures(simulate(plain(case))) == laws.figures(simulate(case))


@QUICK
@given(case=WHOLE)
def test_without_zeros_and_metadata_nothing_changes(case):
    _is_the_plain_run(case)


@pytest.mark.slow
@SLOW
@given(case=WHOLE)
def test_without_zeros_and_metadata_nothing_changes_on_many(case):
    _is_the_plain_run(case)


def _skipping_changes_nothing(case):
    is_possible(case)
    laws.fast_forward_changes_nothing(case, simulate(case))
    laws.stacks_sum(case, simulate(case))
    simulate(case, audit=True)


@QUICK
@given(case=compressed())
def test_skipping_changes_nothing(case):
    _skipping_changes_nothing(case)


@pytest.mark.slow
@SLOW
@given(case=compressed())
def test_skipping_changes_nothing_on_many(case):
    _skipping_changes_nothing(case)


def _counts_are_those_of_single_words(case):
    rules = {"reuse": Reuse.OVERLAP, "link_transfers": False}
    case = case.model_copy(update={"rules": case.rules.model_copy(update=rules)})
    is_possible(case)
    counts = simulate(case).counts
    drawn = masks(case.problem, case.sparsity)
    for name, parent, child in movers(case):
        shape = case.problem.tensor(name).tile_shape(case.problem.bounds)
        try:
            walk = Walk(case, name, parent, child, drawn.get(name, np.ones(shape, np.bool_)))
        except Unclear:
            assume(False)
        above, below = (counts.levels[at].tensors[name] for at in (parent, child))
        assert _pair(walk.reads) == (above.reads, above.metadata_reads)
        assert _pair(walk.fills) == (below.fills, below.metadata_fills)
        for at in range(parent, child):
            flow = counts.networks[at].tensors[name]
            assert _pair(walk.entering[at]) == (flow.words_in, flow.metadata_in)
            assert _pair(walk.arriving[at]) == (flow.deliveries, flow.metadata_deliveries)


def _pair(words):
    return words["data"] + words["metadata"], words["metadata"]


DATA = compressed(metadata=False, longest=300)
METADATA = compressed(kinds=[Format.BITMASK], longest=300)


@QUICK
@given(case=DATA)
def test_data_words_are_those_of_single_words(case):
    _counts_are_those_of_single_words(case)


@QUICK
@given(case=METADATA)
def test_metadata_words_are_those_of_single_words(case):
    _counts_are_those_of_single_words(case)


@pytest.mark.slow
@SLOW
@given(case=st.one_of(DATA, METADATA))
def test_words_are_those_of_single_words_on_many(case):
    _counts_are_those_of_single_words(case)

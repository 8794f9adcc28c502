"""Laws of what is moved compressed, on random machines."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stallscope.hw.simulate import execute, simulate
from stallscope.mappings.nest import Nest
from stallscope.mappings.sparsity.hardware import Format
from stallscope.mappings.sparsity.masks import masks
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import read_flat
from stallscope.traces.listing import expand
from tests.property import laws
from tests.property.arrays import arrays
from tests.property.compressed import compressed, plain, result_of, whole_sums
from tests.property.compressed_words import Unclear, Walk, is_told, movers, times_loaded

QUICK = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
ONES = {"metadata": False, "rates": False, "density": st.just(1.0)}


# ---------------------------------------------------------------------- no zeros, no metadata


def _is_the_plain_run(case):
    found, expected = (laws.figures(one) for one in (result_of(case), simulate(plain(case))))
    for figures in (found, expected):
        # They tell zeros where the estimate is not.
        del figures["estimate"]
    assert set(expected.pop("assumptions")) <= set(found.pop("assumptions"))
    networks = [level.network for level in case.architecture.levels]
    if Nest(case).bounds != _covered(case) and any(one.topologies for one in networks):
        found["counts"], expected["counts"] = (_hopless(f["counts"]) for f in (found, expected))
        del found["ledger"], expected["ledger"]
    assert expected == found


def _covered(case):
    """What the loops of a mapping cover of every dimension."""
    covered = dict.fromkeys(case.problem.bounds, 1)
    for level in case.mapping.levels:
        for loop in (*level.temporal, *level.spatial):
            covered[loop.dimension] *= loop.extent
    return covered


def _hopless(counts):
    """Counts without hops: with remainders, those of plain words are taken to be as many each."""
    return dataclasses.replace(
        counts,
        networks=tuple(
            dataclasses.replace(
                network,
                tensors={
                    name: dataclasses.replace(tensor, hops_total=0)
                    for name, tensor in network.tensors.items()
                },
            )
            for network in counts.networks
        ),
    )


@QUICK
@given(case=compressed(**ONES))
def test_without_zeros_and_metadata_nothing_changes(case):
    _is_the_plain_run(case)


@QUICK
@given(case=compressed(arrays(), **ONES))
def test_without_zeros_and_metadata_nothing_changes_on_arrays(case):
    _is_the_plain_run(case)


@pytest.mark.slow
@SLOW
@given(case=st.one_of(compressed(**ONES), compressed(arrays(), **ONES)))
def test_without_zeros_and_metadata_nothing_changes_on_many(case):
    _is_the_plain_run(case)


# ---------------------------------------------------------------------- the run


def _skipping_changes_nothing(case):
    result = result_of(case)
    laws.fast_forward_changes_nothing(case, result)
    laws.stacks_sum(case, result)
    assert laws.figures(simulate(case, audit=True)) == laws.figures(result)


@QUICK
@given(case=compressed(longest=800))
def test_skipping_changes_nothing(case):
    _skipping_changes_nothing(case)


@pytest.mark.slow
@SLOW
@given(case=st.one_of(compressed(), compressed(arrays())))
def test_skipping_changes_nothing_on_many(case):
    _skipping_changes_nothing(case)


@settings(QUICK, max_examples=3)
@given(case=compressed(longest=300))
def test_a_flat_program_carries_the_same(case, tmp_path_factory):
    looped = result_of(case)
    path = tmp_path_factory.mktemp("flat") / "flat.parquet"
    expand(compile_case(case), path)
    assert laws.figures(looped) == laws.figures(execute(read_flat(path), case))


def _words_are_kept(case):
    """What leaves a level for the next one arrives there, whoever passes it on."""
    result = result_of(case)
    for name, parent, child in movers(case):
        flows = [result.counts.networks[at].tensors[name] for at in range(parent, child)]
        for outer, inner in pairwise(flows):
            assert outer.deliveries == inner.words_in
            assert outer.metadata_deliveries == inner.metadata_in
        for flow in flows:
            assert sum(flow.multicast.values()) == flow.words_in
        below = result.counts.levels[child].tensors[name]
        formats = [_format(case, at, name) for at in (parent, child)]
        if formats[0] == formats[1] or formats[0] is None:
            arriving = (below.fills - below.link_transfers, below.metadata_fills)
            links = flows[-1].link_transfers == below.link_transfers
            assert links
            if not below.link_transfers:
                assert arriving == (flows[-1].deliveries, flows[-1].metadata_deliveries)


def _format(case, at, name):
    level = case.architecture.levels[at]
    found = next((form for form in level.formats if form.tensor == name), None)
    return found and (found.model_copy(update={"words_per_cycle": None}), level.word_bits)


@QUICK
@given(case=st.one_of(compressed(longest=600), compressed(arrays())))
def test_words_are_kept(case):
    _words_are_kept(case)


# ---------------------------------------------------------------------- outputs


def _whole_sums_are_written_once(case):
    result = result_of(case)
    ((name, mask),) = masks(case.problem, case.sparsity).items()
    for at, level in enumerate(case.architecture.levels[:2]):
        found = result.counts.levels[at].tensors[name]
        words = mask.sum() if level.formats else mask.size
        assert words == found.updates - found.metadata_updates
    laws.fast_forward_changes_nothing(case, result)
    laws.stacks_sum(case, result)
    simulate(case, audit=True)


@QUICK
@given(case=whole_sums())
def test_whole_sums_are_written_once(case):
    _whole_sums_are_written_once(case)


@pytest.mark.slow
@SLOW
@given(case=whole_sums())
def test_whole_sums_are_written_once_on_many(case):
    _whole_sums_are_written_once(case)


@QUICK
@given(case=whole_sums(metadata=False, density=st.just(1.0)))
def test_whole_sums_without_zeros_and_metadata_are_plain_ones(case):
    _is_the_plain_run(case)


# ---------------------------------------------------------------------- counts, word by word


def _counts_are_those_of_single_words(case):
    assume(is_told(case))
    counts = result_of(case).counts
    drawn = masks(case.problem, case.sparsity)
    for name, parent, child in movers(case):
        shape = case.problem.tensor(name).tile_shape(case.problem.bounds)
        try:
            walk = Walk(case, name, parent, child, drawn.get(name, np.ones(shape, np.bool_)))
        except Unclear:
            assume(False)
        above, below = (counts.levels[at].tensors[name] for at in (parent, child))
        assert _pair(walk.fills) == (below.fills, below.metadata_fills)
        if case.rules.link_transfers is not False:
            continue
        assert _pair(walk.reads) == (above.reads, above.metadata_reads)
        for at in range(parent, child):
            flow = counts.networks[at].tensors[name]
            assert _pair(walk.entering[at]) == (flow.words_in, flow.metadata_in)
            assert _pair(walk.arriving[at]) == (flow.deliveries, flow.metadata_deliveries)


def _pair(words):
    return words["data"] + words["metadata"], words["metadata"]


DATA = compressed(metadata=False, longest=300)
METADATA = compressed(kinds=[Format.BITMASK], longest=300)
ARRAYS = compressed(arrays(), metadata=False)


@QUICK
@given(case=DATA)
def test_data_words_are_those_of_single_words(case):
    _counts_are_those_of_single_words(case)


@QUICK
@given(case=METADATA)
def test_metadata_words_are_those_of_single_words(case):
    _counts_are_those_of_single_words(case)


def _data_words_have_a_closed_form(case):
    """Of tensors whose tiles do not overlap every word comes as often as its tile.

    That is once per iteration of the loops that the tensor does not depend on, outside the
    innermost one that it does; to every place along those dimensions, read once where the network
    reaches all of them.
    """
    assume(Nest(case).bounds == _covered(case))
    result = result_of(case)
    drawn = masks(case.problem, case.sparsity)
    for name, parent, child in movers(case):
        tensor = case.problem.tensor(name)
        if any(len(rank) > 1 for rank in tensor.ranks):
            continue
        loads, copies, reads = times_loaded(case, tensor, parent, child)
        shape = tensor.tile_shape(case.problem.bounds)
        words = {None: np.prod(shape)}
        words[True] = drawn[name].sum() if name in drawn else words[None]
        above, below = (result.counts.levels[at].tensors[name] for at in (parent, child))
        for level, found, times in ((child, below.fills, copies), (parent, above.reads, reads)):
            form = _format(case, level, name)
            if level == child or not below.link_transfers:
                assert words[True if form else None] * loads * times == found


@QUICK
@given(case=st.one_of(DATA, compressed(arrays(), metadata=False)))
def test_data_words_have_a_closed_form(case):
    _data_words_have_a_closed_form(case)


@pytest.mark.slow
@SLOW
@given(case=st.one_of(DATA, compressed(arrays(), metadata=False)))
def test_data_words_have_a_closed_form_on_many(case):
    _data_words_have_a_closed_form(case)


@settings(QUICK, max_examples=3)
@given(case=ARRAYS)
def test_data_words_of_arrays_are_those_of_single_words(case):
    _counts_are_those_of_single_words(case)


@pytest.mark.slow
@SLOW
@given(case=st.one_of(DATA, METADATA, ARRAYS))
def test_words_are_those_of_single_words_on_many(case):
    _counts_are_those_of_single_words(case)

"""Work of every PE in every pass, and how long it takes by who waits for whom."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.passes import PassWork, PeNest
from stallscope.mappings.sparsity.rebalancing import channels, rebalance, renumbered
from stallscope.mappings.sparsity.schedules import Queue, queue_cycles, together
from tests.property.strategies import cases


@st.composite
def sparse_cases(draw, longest=300):
    """A mapped layer whose PEs skip the zeros of one operand, two, or none; and its masks."""
    case = draw(cases(limited=False, longest=longest))
    skips = draw(st.sampled_from([("W",), ("W", "I"), ("W", "I"), ("I",), ()]))
    compute = case.architecture.compute.model_copy(update={"sparse": SparseArray(skips=skips)})
    architecture = case.architecture.model_copy(update={"compute": compute})
    case = case.model_copy(update={"architecture": architecture})
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    masks = {}
    for name in "WI":
        shape = case.problem.tensor(name).tile_shape(case.problem.bounds)
        masks[name] = np.asarray(generator.random(shape) < draw(st.sampled_from([0.2, 0.6, 1.0])))
    return case, masks


def steps_one_by_one(case, masks):
    """Per pass and PE the steps with something to do, found by walking all loops.

    Returns the work of the passes that exist, and per pass and tensor the place of its tile.
    """
    problem, levels = case.problem, case.architecture.levels
    own = len(levels) - 1
    while own > 1 and levels[own - 1].instances == levels[-1].instances:
        own -= 1
    groups = {"pass": [], "pe": [], "step": [], "lane": []}
    for at, level in enumerate(case.mapping.levels):
        groups["pass" if at < own else "step"] += level.temporal
        groups["pe" if at < own else "lane"] += level.spatial
    nested = [loop for level in case.mapping.levels for loop in (*level.temporal, *level.spatial)]
    step = dict.fromkeys(problem.bounds, 1)
    move = {}
    for loop in reversed(nested):
        move[id(loop)] = step[loop.dimension]
        step[loop.dimension] *= loop.extent

    def positions(loops):
        for index in product(*(range(loop.extent) for loop in loops)):
            at = dict.fromkeys(problem.bounds, 0)
            for loop, one in zip(loops, index, strict=True):
                at[loop.dimension] += one * move[id(loop)]
            yield at

    def is_effectual(*parts):
        at = {name: sum(part[name] for part in parts) for name in problem.bounds}
        return all(at[name] < bound for name, bound in problem.bounds.items()) and all(
            masks[name][problem.tensor(name).origin(at)]
            for name in case.architecture.compute.sparse.skips
        )

    work, tiles = [], []
    for outer in positions(groups["pass"]):
        if any(outer[name] >= bound for name, bound in problem.bounds.items()):
            continue
        work.append([
            sum(any(is_effectual(outer, pe, inner, lane) for lane in positions(groups["lane"]))
                for inner in positions(groups["step"]))
            for pe in positions(groups["pe"])
        ])  # fmt: skip
        tiles.append([
            tuple(outer[name] for name in sorted(one.dimensions)) for one in problem.tensors
        ])  # fmt: skip
    return work, tiles


@given(sparse_cases())
@settings(max_examples=15, deadline=None)
def test_every_pass_has_the_steps_found_one_by_one(drawn):
    """All loops, bounds that cut, lanes; and in the order in which the passes come."""
    check_passes(*drawn)


@pytest.mark.slow
@given(sparse_cases(longest=1000))
@settings(max_examples=600, deadline=None)
def test_many_passes_have_the_steps_found_one_by_one(drawn):
    check_passes(*drawn)


def check_passes(case, masks):
    expected, tiles = steps_one_by_one(case, masks)
    work = PassWork(case, masks)
    found = [(block.work[block.where], block.changes) for block in work.ordered()]
    assert expected == np.concatenate([rows for rows, _ in found]).tolist()
    assert (len(expected), len(expected[0])) == (work.count, work.nest.pes)
    changes = [
        [before is None or one != before[at] for at, one in enumerate(tile)]
        for before, tile in zip([None, *tiles], tiles, strict=False)
    ]
    assert changes == np.concatenate([changed for _, changed in found]).tolist()


@given(sparse_cases())
@settings(max_examples=12, deadline=None)
def test_the_schedules_of_passes_are_those_of_all_of_them_listed(drawn):
    """Distinct passes count as often as they come, however few are made at a time."""
    case, masks = drawn
    work = PassWork(case, masks)
    listed = np.concatenate([block.work[block.where] for block in work.ordered()])
    pes = listed.shape[1]
    found = together(work)
    assert listed.sum(axis=0).tolist() == found.per_pe.tolist()
    assert listed.max(axis=1).sum() == found.barrier
    assert sum(-(-int(one) // pes) for one in listed.sum(axis=1)) == found.packed
    assert found.ideal <= found.packed <= found.barrier
    assert found.unlimited == listed.sum(axis=0).max() <= found.barrier


@given(sparse_cases())
@settings(max_examples=8, deadline=None)
def test_passes_made_a_few_at_a_time_are_the_same(drawn):
    """Nothing is kept and two passes are listed at a time: the figures do not change."""
    at_once = figures(*drawn)
    with pytest.MonkeyPatch.context() as few:
        few.setattr("stallscope.mappings.sparsity.passes._KEPT_BYTES", 0)
        few.setattr("stallscope.mappings.sparsity.passes._AT_A_TIME", 7)
        few.setattr("stallscope.mappings.sparsity.passes._PASSES", 2)
        assert at_once == figures(*drawn)


def figures(case, masks):
    """All schedules of a case."""
    work = PassWork(case, masks)
    queue = Queue(work.nest.pes, work.count, [2, 1, 3])
    for block in work.ordered():
        queue.advance(block)
    sums = together(work)
    return queue.finish.tolist(), sums.per_pe.tolist(), sums.barrier, sums.packed


@st.composite
def pass_tables(draw):
    """Work of some passes, and which tensors' tiles change."""
    passes, pes, tensors = (draw(st.integers(1, most)) for most in (12, 4, 3))
    generator = np.random.default_rng(draw(st.integers(0, 999)))
    work = generator.integers(0, 9, (passes, pes))
    changes = generator.random((passes, tensors)) < draw(st.sampled_from([0.3, 0.7, 1.0]))
    changes[0] = True
    return work, changes


def queue_by_the_book(work, changes, held):
    """The recurrence as it is written: every tile's end by every PE, nothing forgotten."""
    passes, pes = work.shape
    tile = changes.cumsum(axis=0) - 1
    finish = np.zeros((passes + 1, pes), dtype=int)
    for at in range(passes):
        begin = 0
        for t, depth in enumerate(held):
            if depth is not None and tile[at, t] >= depth:
                last = max(j for j in range(passes) if tile[j, t] == tile[at, t] - depth)
                begin = max(begin, finish[last + 1].max())
        finish[at + 1] = np.maximum(finish[at], begin) + work[at]
    return int(finish[-1].max())


@given(pass_tables(), st.data())
@settings(max_examples=40, deadline=None)
def test_a_queue_keeps_its_recurrence_and_its_laws(table, data):
    work, changes = table
    passes, tensors = changes.shape
    depths = st.sampled_from([1, 1, 2, 3, 5, None])
    held = data.draw(st.lists(depths, min_size=tensors, max_size=tensors))
    cycles = queue_cycles(work, changes, held)
    assert queue_by_the_book(work, changes, held) == cycles
    barrier, unlimited = int(work.max(axis=1).sum()), int(work.sum(axis=0).max())
    assert unlimited == queue_cycles(work, changes, [None] * tensors)
    assert unlimited == queue_cycles(work, changes, [passes] * tensors)
    assert unlimited <= cycles <= barrier
    deeper = [None if one is None else one + 1 for one in held]
    assert queue_cycles(work, changes, deeper) <= cycles
    always = changes.copy()
    always[:, 0] = True
    assert barrier == queue_cycles(work, always, [1, *held[1:]])
    assert -(-int(work.sum()) // work.shape[1]) <= unlimited


@given(pass_tables())
@settings(max_examples=8, deadline=None)
def test_the_queue_is_the_same_as_plain_python(table):
    work, changes = table
    compiled = queue_cycles(work, changes, [2] * changes.shape[1])
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr("stallscope.mappings.sparsity.schedules.compiled", lambda kernel: kernel)
        assert compiled == queue_cycles(work, changes, [2] * changes.shape[1])


@given(sparse_cases())
@settings(max_examples=15, deadline=None)
def test_rebalancing_renumbers_channels_and_nothing_else(drawn):
    """The same words in another order: what channels are multiplied with what stays."""
    case, masks = drawn
    changed, order = rebalance(case, masks)
    assert set(order) <= set(channels(case.problem))
    for name, old in order.items():
        assert sorted(old.tolist()) == list(range(case.problem.bounds[name]))
    for name, mask in masks.items():
        assert mask.sum() == changed[name].sum()
        tensor = case.problem.tensor(name)
        back = {dimension: np.argsort(old) for dimension, old in order.items()}
        assert (renumbered(tensor, changed[name], back) == mask).all()
    before, after = together(PassWork(case, masks)), together(PassWork(case, changed))
    if not PeNest(case).lanes:
        assert before.total == after.total
    assert before.passes == after.passes
    assert after.barrier < before.barrier if order else after.barrier == before.barrier

"""Masks: how many words are kept, which, and what does not suit a tensor."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.masks import draw, kept_words, masks, pack, prune, unpack
from stallscope.mappings.sparsity.operands import Operand, Pattern, Sparsity
from stallscope.simcore.errors import SpecError

BOUNDS = {"K": 6, "C": 10, "R": 3}
WEIGHTS = Tensor(name="W", ranks=tuple((Term(dimension=name),) for name in "KCR"))
PROBLEM = Problem(
    dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in BOUNDS.items()),
    tensors=(
        WEIGHTS,
        Tensor(name="I", ranks=((Term(dimension="C"),), (Term(dimension="R"),))),
        Tensor(name="O", ranks=((Term(dimension="K"),),), is_output=True),
    ),
)


def drawn(**values):
    return draw(WEIGHTS, BOUNDS, Operand(tensor="W", **values))


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(0, 2**40))
def test_uniform_keeps_exactly_the_rounded_share(permille, seed):
    mask = drawn(density=permille / 1000, seed=seed)
    assert (mask.shape, mask.dtype) == ((6, 10, 3), np.bool_)
    assert mask.sum() == round(permille * 180 / 1000)


@settings(max_examples=40)
@given(
    st.integers(0, 1000),
    st.integers(0, 100),
    st.floats(0, 1),
    st.integers(0, 2),
)
def test_channels_together_keep_exactly_the_rounded_share(permille, seed, spread, along):
    mask = drawn(
        density=permille / 1000, seed=seed, distribution="per_channel", along=along, spread=spread
    )
    assert mask.sum() == round(permille * 180 / 1000)


def test_without_spread_channels_keep_the_same():
    mask = drawn(density=0.4, distribution="per_channel", along=1)
    assert mask.sum(axis=(0, 2)).tolist() == [8, 8] + [7] * 8


def test_with_spread_the_densities_of_channels_have_about_that_deviation():
    tensor = Tensor(name="W", ranks=((Term(dimension="K"),), (Term(dimension="C"),)))
    operand = Operand(
        tensor="W", density=0.5, distribution="per_channel", along=0, spread=0.1, seed=5
    )
    mask = draw(tensor, {"K": 2000, "C": 500}, operand)
    densities = mask.mean(axis=1)
    assert densities.mean() == 0.5
    # Of 2000 channels the deviation itself deviates by 1/sqrt(4000) = 1.6 %; four of those.
    assert abs(densities.std() / 0.1 - 1) < 0.065


@settings(max_examples=40)
@given(st.integers(0, 2), st.integers(1, 5), st.data())
def test_structured_keeps_n_of_every_m_and_the_share_of_a_shorter_last_group(along, m, data):
    n = data.draw(st.integers(0, m))
    mask = drawn(distribution="structured", n=n, m=m, along=along)
    lines = np.moveaxis(mask, along, -1).reshape(-1, mask.shape[along])
    for at in range(0, lines.shape[1], m):
        group = lines[:, at : at + m]
        assert set(group.sum(axis=1).tolist()) == {round(n * group.shape[1] / m)}


def test_structured_groups_are_drawn_one_by_one():
    first = drawn(distribution="structured", n=1, m=2, along=1)[:, ::2, :]
    assert 25 < first.sum() < 65  # of 90 fair coins, deviation 4.7; four of those


@settings(max_examples=40)
@given(st.integers(0, 100), st.tuples(*[st.integers(1, 4)] * 3), st.integers(0, 9))
def test_blocks_are_whole_and_their_rounded_share_is_kept(percent, block, seed):
    mask = drawn(density=percent / 100, distribution="block", block=block, seed=seed)
    assert mask.shape == (6, 10, 3)
    firsts = mask[:: block[0], :: block[1], :: block[2]]
    assert firsts.sum() == kept_words(percent / 100, firsts.size)
    for at in np.ndindex(mask.shape):
        assert mask[at] == firsts[tuple(i // size for i, size in zip(at, block, strict=True))]


def test_uniform_choices_are_equally_likely():
    hits = sum(drawn(density=0.2, seed=seed).astype(int) for seed in range(1000))
    # Each word is kept 200 times of 1000, deviation 12.6; the extreme of 180 words within 4.5.
    assert hits.min() > 200 - 57
    assert hits.max() < 200 + 57


def test_masks_are_the_same_on_every_machine_and_seeds_and_tensors_differ():
    """The digest was made once: a mask is part of a result, so it may not change."""
    mask = drawn(density=0.3, seed=7)
    digest = hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
    assert digest == "5b90ee23198c12fdaec38e7bb4535f83e9a4d30936764f479fd4af12eb66df0d"
    assert (mask != drawn(density=0.3, seed=8)).any()
    other = WEIGHTS.model_copy(update={"name": "V"})
    assert (mask != draw(other, BOUNDS, Operand(tensor="V", density=0.3, seed=7))).any()


@settings(max_examples=40)
@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=0, max_dims=4, max_side=7)))
def test_a_pattern_says_what_its_mask_says(mask):
    pattern = pack(mask, "here")
    assert (pattern.shape, len(pattern.bits)) == (mask.shape, -(-mask.size // 8))
    assert np.array_equal(unpack(pattern), mask)


@settings(max_examples=40)
@given(
    arrays.arrays(
        st.sampled_from([np.int8, np.float32, np.float64]),
        arrays.array_shapes(max_dims=3, max_side=9),
        elements={"min_value": -128, "max_value": 64},
    ),
    st.integers(0, 100),
)
def test_pruning_keeps_the_largest_magnitudes_and_the_first_of_equal_ones(values, percent):
    pruned = prune(values, percent / 100)
    flat = [float(value) for value in values.ravel()]
    order = sorted(range(len(flat)), key=lambda at: (-abs(flat[at]), at))
    kept = set(order[: kept_words(percent / 100, len(flat))])
    expected = [value if at in kept else 0 for at, value in enumerate(flat)]
    assert [float(value) for value in pruned.ravel()] == expected
    assert (pruned.dtype, pruned.shape) == (values.dtype, values.shape)


@pytest.mark.parametrize("values", [np.array([1.0, np.nan]), np.array([np.inf])])
def test_what_is_no_number_is_not_pruned(values):
    with pytest.raises(SpecError, match="not a finite number"):
        prune(values, 0.5)
    with pytest.raises(SpecError, match="between 0 and 1"):
        prune(np.ones(2), 1.5)


def test_masks_are_of_the_tensors_that_are_named():
    full = pack(np.ones((10, 3), dtype=np.bool_))
    found = masks(
        PROBLEM,
        Sparsity(
            operands=(Operand(tensor="I", pattern=full), Operand(tensor="W", density=0.5)),
        ),
    )
    assert list(found) == ["I", "W"]
    assert found["I"].all()
    assert found["W"].sum() == 90


def test_every_fault_is_found_at_once():
    sparsity = Sparsity(
        operands=(
            Operand(tensor="w", density=0.5),
            Operand(tensor="W", distribution="per_channel", density=0.5, along=3),
            Operand(tensor="I", pattern=Pattern(shape=(3, 10), bits=bytes(4), source="a.npz: x")),
            Operand(tensor="O", distribution="block", density=0.5, block=(2, 0)),
        )
    )
    with pytest.raises(SpecError) as caught:
        masks(PROBLEM, sparsity)
    assert [str(fault) for fault in caught.value.faults] == [
        "sparsity.w = w: is no tensor of the problem; did you mean W?",
        "sparsity.W.along = 3: W is stored as 6 x 10 x 3: no such rank; give a rank from 0 "
        "(outermost) to 2",
        "sparsity.I.pattern = 3 x 10 (a.npz: x): the tensor is stored as 10 x 3; bring its ranks "
        "into the problem's order",
        "sparsity.O.block = 2 x 0: O is stored as 6: needs words per rank, 1 of them; 1 is a rank "
        "whose words do not hang together",
        "sparsity.O.block = 2 x 0: needs at least 1 word per rank",
    ]


@pytest.mark.parametrize(
    ("operand", "rule"),
    [
        (Operand(tensor="I", pattern=Pattern(shape=(10, 3), bits=bytes(3))), "need 4 bytes"),
        (
            Operand(tensor="W", distribution="structured", n=2, m=4, along=0, density=0.4),
            "leave 2 of 4",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(operand, rule):
    with pytest.raises(SpecError, match=rule):
        masks(PROBLEM, Sparsity(operands=(operand,)))


def test_a_large_tensor_is_drawn_in_little_time_whole():
    tensor = Tensor(name="W", ranks=((Term(dimension="K"),), (Term(dimension="C"),)))
    mask = draw(tensor, {"K": 1000, "C": 1000}, Operand(tensor="W", density=0.123))
    assert mask.sum() == 123_000

"""Sizes of pieces: as large as they are when they are written down bit by bit."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stallscope.mappings.sparsity import sizes as module
from stallscope.mappings.sparsity.hardware import TensorFormat
from stallscope.mappings.sparsity.sizes import BoxCounts, PieceSizes
from tests.unit.mappings.sparsity.encoding import decode, encode, filled, read_runs, write_runs

WORD_BITS = st.sampled_from([1, 8, 16])


def form(name, **values):
    return TensorFormat(tensor="W", format=name, **values)


@st.composite
def pieces(draw):
    """A mask of up to four ranks, and boxes that may reach over its edges."""
    shape = draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=6))
    mask = draw(arrays.arrays(np.bool_, shape, fill=st.just(draw(st.booleans()))))
    count = draw(st.integers(1, 3))
    sides = st.tuples(*[st.integers(-2, size) for size in shape])
    lengths = st.tuples(*[st.integers(0, size + 2) for size in shape])
    origins = [draw(sides) for _ in range(count)]
    return mask, origins, [draw(lengths) for _ in range(count)]


def cut(mask, origin, shape):
    """The part of a box that lies within the mask."""
    return mask[
        tuple(
            slice(max(0, first), max(0, first + length))
            for first, length in zip(origin, shape, strict=True)
        )
    ]


@settings(max_examples=30)
@given(pieces(), WORD_BITS)
@pytest.mark.parametrize("name", ["bitmask", "coordinate", "csr", "csc", "csf"])
def test_a_piece_is_as_large_as_what_it_can_be_read_from(name, given_pieces, word_bits):
    mask, origins, shapes = given_pieces
    data, metadata = PieceSizes(mask, form(name), word_bits).of(origins, shapes)
    for at, (origin, shape) in enumerate(zip(origins, shapes, strict=True)):
        piece = cut(mask, origin, shape)
        bits = encode(name, piece) if piece.size else ""
        if piece.size:
            assert decode(name, bits, piece.shape, piece.sum()) == filled(piece)
        assert (data[at], metadata[at]) == (piece.sum(), math.ceil(len(bits) / word_bits))


@settings(max_examples=30)
@given(pieces(), WORD_BITS, st.integers(1, 4), st.sampled_from([None, 24, 40, 64]))
def test_runs_are_as_many_words_as_their_packs(given_pieces, word_bits, run_bits, pack_bits):
    mask, origins, shapes = given_pieces
    packing = form("run_length", run_bits=run_bits, pack_bits=pack_bits)
    data, metadata = PieceSizes(mask, packing, word_bits).of(origins, shapes)
    for at, (origin, shape) in enumerate(zip(origins, shapes, strict=True)):
        piece = cut(mask, origin, shape)
        bits = write_runs(piece, run_bits, word_bits, pack_bits)
        read = read_runs(bits, piece.shape, piece.sum(), run_bits, word_bits, pack_bits)
        assert read == filled(piece)
        assert data[at] == piece.sum()
        assert data[at] + metadata[at] == math.ceil(len(bits) / word_bits)


def test_three_pairs_of_eyeriss_are_four_words():
    """Runs of 5 bits and words of 16 in 64 bits: seven words are three packs, twelve words."""
    mask = np.zeros(200, dtype=np.bool_)
    mask[[0, 1, 2, 3, 4, 5, 38]] = True  # 32 zeros in between, one more than a run can be
    sizes = PieceSizes(mask, form("run_length"), 16)
    assert sizes.of([[0]], [200]) == (7, 12 - 7)
    assert sizes.of([[0]], [6]) == (6, 8 - 6)
    assert sizes.of([[7]], [31]) == (0, 0)  # zeros at the end are not coded


@settings(max_examples=20)
@given(pieces(), st.sampled_from(["uncompressed", None]))
def test_an_uncompressed_piece_is_its_words(given_pieces, name):
    mask, origins, shapes = given_pieces
    data, metadata = PieceSizes(mask, name and form(name), 16).of(origins, shapes)
    volumes = [cut(mask, *one).size for one in zip(origins, shapes, strict=True)]
    assert (data.tolist(), metadata.tolist()) == (volumes, [0] * len(volumes))


@settings(max_examples=20)
@given(pieces(), st.sampled_from(["bitmask", "coordinate", "csr", "csc", "csf", "run_length"]))
def test_without_metadata_only_words_that_are_not_zero_are_left(given_pieces, name):
    mask, origins, shapes = given_pieces
    data, metadata = PieceSizes(mask, form(name, metadata=False), 16).of(origins, shapes)
    assert data.tolist() == [cut(mask, *one).sum() for one in zip(origins, shapes, strict=True)]
    assert not metadata.any()


def test_a_scalar_is_a_piece_of_one_word():
    sizes = PieceSizes(np.array(True), form("bitmask"), 16)
    assert sizes.of(np.zeros((2, 0)), np.zeros(0)) == (
        pytest.approx([1, 1]),
        pytest.approx([1, 1]),
    )


def test_one_shape_may_be_that_of_all_pieces():
    mask = np.arange(24).reshape(4, 6) % 3 == 0
    sizes = PieceSizes(mask, form("coordinate"), 4)
    origins = [[0, 0], [2, 3], [3, 5]]
    each = sizes.of(origins, [[2, 3]] * 3)
    assert [one.tolist() for one in sizes.of(origins, [2, 3])] == [one.tolist() for one in each]


def test_sums_of_boxes_are_those_of_the_mask():
    generator = np.random.default_rng(1)
    mask = generator.random((5, 4, 3, 6)) < 0.4
    lows = np.array(generator.integers(0, 3, (50, 4)))
    highs = np.minimum(lows + generator.integers(0, 4, (50, 4)), mask.shape)
    expected = [
        mask[tuple(map(slice, low, high))].sum() for low, high in zip(lows, highs, strict=True)
    ]
    assert BoxCounts(mask).of(lows, highs).tolist() == expected


@pytest.mark.parametrize(
    "packing", [form("csf"), form("run_length", run_bits=2, pack_bits=None), form("run_length")]
)
def test_compiled_and_plain_python_count_the_same(packing, monkeypatch):
    mask = np.arange(7 * 9 * 11).reshape(7, 9, 11) % 7 < 2
    mask[3] = False
    origins = [[a, b, c] for a in range(-1, 7, 3) for b in range(9) for c in range(0, 11, 4)]
    sizes = PieceSizes(mask, packing, 8)
    compiled = sizes.of(origins, [3, 2, 5])[1].tolist()
    monkeypatch.setattr(module, "compiled", lambda kernel: kernel)
    assert sizes.of(origins, [3, 2, 5])[1].tolist() == compiled
    assert sum(compiled) > 0


@pytest.mark.parametrize("name", ["bitmask", "coordinate", "csr", "csc"])
def test_many_pieces_take_little_time(name):
    """A bound of CPU time four times what it takes on a slow machine, for what is no loop."""
    generator = np.random.default_rng(2)
    mask = generator.random((64, 64, 3, 3)) < 0.2
    origins = generator.integers(0, 60, (100_000, 4))
    sizes = PieceSizes(mask, form(name), 16)
    start = time.process_time()
    sizes.of(origins, [4, 4, 2, 2])
    assert time.process_time() - start < 1

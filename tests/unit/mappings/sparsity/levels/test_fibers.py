"""Metadata of tiles: the closed forms are the means over all ways to fill the tile."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.mappings.nest import Nest
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.levels import Dense, Hypergeometric, Rank, RankKind, Structured
from stallscope.mappings.sparsity.levels.fibers import fibers, metadata_bits, padding_pairs
from stallscope.mappings.sparsity.sizes import PieceSizes
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.sparsity.levels.enumeration import choices, encoded_bits
from tests.unit.mappings.sparsity.levels.matrices import product

NAMES = ("Memory", "Buffer")
CASE = product((), (("M", 3), ("K", 4)))


def bits_of(ranks, density, case=CASE, level=1):
    nest, tensor = Nest(case), case.problem.tensor("A")
    found = fibers(nest, NAMES, tensor, level, ranks)
    return metadata_bits(tensor, nest.extents(level), found, density, word_bits=8)


@pytest.mark.parametrize("nonzero", [1, 3, 6, 12])
@pytest.mark.parametrize("inner", ["uop", "cp", "b", "rle"])
@pytest.mark.parametrize("outer", ["uop", "cp", "b", "rle"])
def test_two_ranks_take_the_mean_over_all_choices(outer, inner, nonzero):
    ranks = (
        Rank(kind=RankKind(outer), dimension="M", bits=1),
        Rank(kind=RankKind(inner), dimension="K", bits=1),
    )
    found = [encoded_bits(mask, (outer, inner), (1, 1)) for mask in choices((3, 4), nonzero)]
    ours = bits_of(ranks, Hypergeometric(total=12, nonzero=nonzero)).total
    assert ours == pytest.approx(np.mean(found))


@pytest.mark.parametrize("run_bits", [1, 2])
def test_one_rank_of_all_loops_takes_the_pairs_that_are_written(run_bits):
    """Flattened, and counted by the sizes of drawn tiles, which the simulator moves."""
    ranks = (Rank(kind=RankKind.RUN_LENGTH, bits=run_bits),)
    form = TensorFormat(
        tensor="A", format=Format.RUN_LENGTH, run_bits=run_bits, pack_bits=None
    )  # fmt: skip
    found = []
    for mask in choices((3, 4), 3):
        data, metadata = PieceSizes(mask, form, 1).of(np.zeros((1, 2), int), (3, 4))
        found.append(data[0] + metadata[0])  # bits, for a word is one here
    case = product((), (("M", 3), ("K", 4)), word_bits=1)
    nest, tensor = Nest(case), case.problem.tensor("A")
    ours = metadata_bits(
        tensor, nest.extents(1), fibers(nest, NAMES, tensor, 1, ranks),
        Hypergeometric(total=12, nonzero=3), word_bits=1,
    )  # fmt: skip
    assert ours.total + 3 == pytest.approx(np.mean(found))


def test_bits_that_are_not_given_are_those_that_tell_the_positions_apart():
    ranks = (Rank(kind=RankKind.COORDINATES),)
    assert bits_of(ranks, Hypergeometric(total=12, nonzero=5)).total == pytest.approx(5 * 4)


def test_only_fibers_that_are_not_empty_have_a_bitmask():
    """4 of 12 words are not zero: 1 - C(8,4)/C(12,4) of the rows of 4 are there."""
    ranks = (Rank(kind=RankKind.BITMASK, dimension="K"),)
    expected = 3 * 4 * (1 - 70 / 495)
    assert bits_of(ranks, Hypergeometric(total=12, nonzero=4)).fixed == pytest.approx(expected)
    assert bits_of(ranks, Dense()).fixed == 12


def test_a_fiber_of_one_position_has_a_bit_per_word_that_is_not_zero():
    ranks = (Rank(kind=RankKind.BITMASK, positions=1),)
    assert bits_of(ranks, Structured(share=0.25)).fixed == pytest.approx(3)


def test_loops_that_no_rank_names_cost_nothing():
    """A rank of K, inside which M has loops of its own: a bit for each piece of 2 words."""
    case = product((), (("K", 4), ("M", 2)))
    ranks = (Rank(kind=RankKind.BITMASK, dimension="K"),)
    assert bits_of(ranks, Dense(), case).fixed == 4


def test_evenly_spread_words_need_no_padding():
    assert padding_pairs(Structured(share=1 / 3), (1,), 60, 2) == 0
    assert padding_pairs(Structured(share=1 / 8), (1,), 60, 2) > 0


def test_loops_apart_are_no_rank():
    case = product((), (("K", 2), ("M", 2), ("K", 2)))
    with pytest.raises(SpecError, match="follow each other"):
        bits_of((Rank(kind=RankKind.BITMASK, dimension="K"),), Dense(), case)

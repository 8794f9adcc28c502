"""Densities: what they say of a tile is what enumeration says."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest

from stallscope.mappings.sparsity.levels import (
    ActualData,
    Dense,
    Hypergeometric,
    PerIndex,
    Structured,
)
from stallscope.mappings.sparsity.levels.actions import mean_steps, mean_utilization
from stallscope.mappings.sparsity.levels.densities import Spread, all_nonzero
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.sparsity.levels.enumeration import choices


@pytest.mark.parametrize("nonzero", [0, 1, 4, 7, 8])
@pytest.mark.parametrize("tile", [(1, 1), (1, 3), (2, 2), (2, 4)])
def test_a_tile_of_words_anywhere_is_filled_as_all_choices_say(nonzero, tile):
    found = [int(mask[: tile[0], : tile[1]].sum()) for mask in choices((2, 4), nonzero)]
    numbers, times = np.unique(found, return_counts=True)
    density = Hypergeometric(total=8, nonzero=nonzero)
    spread = density.spread(tile)
    assert spread.words.tolist() == numbers.tolist()
    assert spread.chances == pytest.approx(times / len(found))
    assert density.empty(tile) == pytest.approx(np.mean(np.array(found) == 0))
    assert density.mean(tile) == pytest.approx(np.mean(found))
    assert density.largest(tile) == max(found)


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_steps_and_utilization_are_means_over_all_choices(lanes):
    found = [int(mask[0].sum()) for mask in choices((2, 5), 4)]
    spread = Hypergeometric(total=10, nonzero=4).spread((1, 5))
    steps = [ceil(words / lanes) for words in found]
    assert mean_steps(spread, lanes) == pytest.approx(np.mean(steps))
    busy = [words / lanes / ceil(words / lanes) for words in found if words]
    assert mean_utilization(spread, lanes) == pytest.approx(np.mean(busy))


def test_work_over_mean_utilization_is_not_the_mean_of_the_steps():
    """One word or five in lanes of four: 1 step or 2, on average 1.5. Of 3 words on average, 1.75
    lanes are busy: 1.71. That is the measure Sparseloop reports."""
    spread = Spread(np.array([1.0, 5.0]), np.array([0.5, 0.5]))
    assert mean_steps(spread, 4) == 1.5
    assert 0.75 / mean_utilization(spread, 4) == pytest.approx(0.75 / 0.4375)


def test_structured_words_are_as_even_as_whole_words_can_be():
    density = Structured(share=0.375)
    assert density.spread((8,)).words.tolist() == [3.0]
    odd = density.spread((3,))
    assert odd.words.tolist() == [1.0, 2.0]
    assert odd.words @ odd.chances == pytest.approx(3 * 0.375)
    assert [density.empty((n,)) for n in (1, 2, 3)] == pytest.approx([0.625, 0.25, 0.0])
    assert density.largest((3,)) == 2


def test_dense_tiles_are_full():
    assert Dense().spread((3, 4)).words.tolist() == [12.0]
    assert (Dense().mean((3, 4)), Dense().empty((3, 4)), Dense().largest((3, 4))) == (12, 0, 12)


def test_actual_data_are_counted_tile_by_tile():
    mask = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=bool)
    density = ActualData(mask)
    spread = density.spread((2, 2))  # tiles of 3, 0, 0, 0 words
    assert dict(zip(spread.words, spread.chances, strict=True)) == {0.0: 0.75, 3.0: 0.25}
    assert (density.share, density.empty((2, 2)), density.largest((2, 2))) == (3 / 9, 0.75, 3)
    with pytest.raises(SpecError, match="2 ranks"):
        density.mean((4,))


def test_operands_counted_over_one_dimension_are_not_independent():
    """Pairs that meet: the sum over channels of the product of both counts."""
    inputs = PerIndex("C", (4, 0, 2), each=4)
    weights = PerIndex("C", (3, 3, 1), each=3)
    pairs = sum(a * b for a, b in zip(inputs.counts, weights.counts, strict=True))
    assert all_nonzero([inputs, weights]) == pytest.approx(pairs / (3 * 4 * 3))
    apart = PerIndex("M", (3, 3, 1), each=3)
    assert all_nonzero([inputs, apart]) == pytest.approx(inputs.share * apart.share)
    with pytest.raises(SpecError, match="give the mask"):
        inputs.spread((2,))

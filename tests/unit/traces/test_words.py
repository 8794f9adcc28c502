"""Words, hops and neighbours of an array of 128 x 128 MACs, against sums done by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from stallscope.mappings.problem import Tensor, Term
from stallscope.traces.nest import Block, NestLoop
from stallscope.traces.words import BlockWords

SIDE = 128


def _loop(dimension, extent, *, step=1, is_y=False):
    return NestLoop(
        dimension=dimension, extent=extent, step=step, level=3, is_spatial=True, is_y=is_y
    )


def _block(*loops, width=SIDE, height=SIDE):
    return Block(level=3, loops=loops, width=width, height=height)


def _tensor(*ranks):
    return Tensor(
        name="T", ranks=tuple(tuple(Term(dimension=name) for name in rank) for rank in ranks)
    )


def _words(block, tensor, *, is_multicast=True, is_routed=False):
    return BlockWords(block, tensor, is_multicast=is_multicast, is_routed=is_routed)


STATIONARY = _block(_loop("K", SIDE, is_y=True), _loop("N", SIDE))


def _beside(rows):
    """Twice the links from half of 128 rows up and down to the outer ones of rows 0 to n - 1."""
    return 127 + max(0, 2 * (rows - 1) - 127)


def test_an_input_goes_along_its_row():
    """Row k is 127.5 - k or so away from half the height, for each of 128 columns."""
    tally = _words(STATIONARY, _tensor("M", "K")).tally({})
    assert (tally.words_in, tally.deliveries) == (128, 128 * 128)
    assert Counter({128: 128}) == tally.multicast
    assert 128 * 2 * 127 + 128 * sum(abs(127 - 2 * k) for k in range(128)) == tally.half_hops


def test_a_sum_comes_up_its_column():
    tally = _words(STATIONARY, _tensor("M", "N")).tally({})
    assert Counter({128: 128}) == tally.multicast
    assert sum(2 * n for n in range(128)) + 128 * _beside(128) == tally.half_hops


def test_a_remainder_of_19_rows_leaves_the_others_idle():
    tally = _words(STATIONARY, _tensor("M", "N")).tally({"K": (0, 19)})
    assert (tally.words_in, tally.deliveries) == (128, 19 * 128)
    assert Counter({19: 128}) == tally.multicast
    assert sum(2 * n for n in range(128)) + 128 * _beside(19) == tally.half_hops


def test_every_mac_has_a_weight_of_its_own():
    tally = _words(STATIONARY, _tensor("K", "N")).tally({"K": (0, 19), "N": (0, 3)})
    assert Counter({1: 57}) == tally.multicast
    expected = sum(2 * n + abs(127 - 2 * k) for n in range(3) for k in range(19))
    assert expected == tally.half_hops


def test_without_multicast_every_mac_has_a_copy():
    tally = _words(STATIONARY, _tensor("M", "K"), is_multicast=False).tally({"K": (0, 2)})
    assert Counter({1: 256}) == tally.multicast
    assert sum(2 * n + abs(127 - 2 * k) for n in range(128) for k in range(2)) == tally.half_hops


def test_what_is_idle_takes_nothing():
    tally = _words(STATIONARY, _tensor("K", "N")).tally({"K": (0, 0)})
    assert (0, 0, Counter(), 0) == (
        tally.words_in, tally.deliveries, tally.multicast, tally.half_hops,
    )  # fmt: skip


def test_rows_that_are_narrower_than_the_array_are_folded_over_it():
    """100 columns mapped on 128: the second row begins at column 100 of the first."""
    block = _block(_loop("K", 2, is_y=True), _loop("N", 100))
    tally = _words(block, _tensor("M", "K")).tally({})
    assert Counter({100: 2}) == tally.multicast
    first = 2 * 99 + 100 * 127
    second = 2 * 127 + 28 * 127 + 72 * (127 - 2)
    assert first + second == tally.half_hops


def test_a_diagonal_shares_its_word():
    """P + R: 7 words over 4 x 4 MACs, and where each is."""
    block = _block(_loop("R", 4, is_y=True), _loop("P", 4), width=4, height=4)
    tally = _words(block, _tensor("PR"), is_routed=True).tally({})
    assert Counter({1: 2, 2: 2, 3: 2, 4: 1}) == tally.multicast
    assert {(0,), (1, 4), (2, 5, 8), (3, 6, 9, 12), (7, 10, 13), (11, 14), (15,)} == {*tally.groups}


def test_a_neighbour_has_the_word_one_step_earlier():
    """When R steps, words move a column to the left: all but the last column are helped."""
    block = _block(_loop("P", 4), width=4, height=1)
    words = _words(block, _tensor("PR"))
    relieved = words.relieved((1,))
    assert (relieved.words_in, relieved.links) == (1, 3)
    assert words.relieved((4,)) is None


def _farthest(block):
    spots = [block.position(index) for index in range(block.count)]
    return max(-(-(2 * x + abs(2 * y - block.height + 1)) // 2) for x, y in spots)


def test_the_farthest_of_9_in_rows_of_4_is_the_end_of_the_first_row():
    """Of 5 rows the source is at the third: 3 to the right and 2 up."""
    assert _block(_loop("N", 9), width=4, height=5).longest == 5


@pytest.mark.parametrize("width", range(1, 7))
def test_the_farthest_is_that_of_all(width):
    for count in range(2, 31):
        for height in range(-(-count // width), 9):
            block = _block(_loop("N", count), width=width, height=height)
            assert _farthest(block) == block.longest

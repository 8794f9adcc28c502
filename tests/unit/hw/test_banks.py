"""Accesses per bank, counted by hand and against sets of blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.buffer.banks import Interleaving, Runs, accesses
from stallscope.hw.buffer.layout import runs_of


def counted(runs, **spread):
    """Accesses per bank of (start, words) pairs."""
    start, words = (np.array(part, dtype=np.int64) for part in zip(*runs, strict=True))
    return accesses(Runs.of(start, words), Interleaving(**spread)).tolist()


def test_a_row_takes_turns_between_banks():
    assert counted([(0, 8)], banks=4) == [2, 2, 2, 2]
    assert counted([(3, 6)], banks=4) == [2, 1, 1, 2]


def test_a_column_whose_stride_is_the_number_of_banks_lies_in_one_bank():
    assert counted([(4 * row, 1) for row in range(8)], banks=4) == [8, 0, 0, 0]
    assert counted([(1 + 4 * row, 1) for row in range(8)], banks=4) == [0, 8, 0, 0]


def test_one_word_of_padding_spreads_the_column():
    assert counted([(5 * row, 1) for row in range(8)], banks=4) == [2, 2, 2, 2]


def test_interleaving_by_more_words_keeps_neighbours_together():
    assert counted([(0, 8)], banks=4, interleave_words=4) == [4, 4, 0, 0]
    assert counted([(6, 12)], banks=2, interleave_words=4) == [6, 6]
    assert counted([(6, 3)], banks=2, interleave_words=4) == [1, 2]


def test_a_run_that_begins_inside_a_block_uses_a_part_of_it():
    assert counted([(0, 4)], banks=1, interleave_words=4, access_words=4) == [1]
    assert counted([(1, 4)], banks=1, interleave_words=4, access_words=4) == [2]
    assert counted([(3, 6)], banks=2, interleave_words=4, access_words=4) == [2, 1]
    assert counted([(7, 1)], banks=2, interleave_words=4, access_words=4) == [0, 1]


def test_runs_of_one_block_share_its_access():
    assert counted([(0, 1), (2, 1)], banks=1, interleave_words=4, access_words=4) == [1]
    assert counted([(0, 3), (5, 4)], banks=1, interleave_words=4, access_words=4) == [3]
    assert counted([(0, 6), (7, 1)], banks=1, interleave_words=4, access_words=4) == [2]


def test_a_word_that_is_moved_twice_is_accessed_twice():
    assert counted([(0, 4), (0, 4)], banks=1, interleave_words=4, access_words=4) == [2]
    assert counted([(0, 3), (2, 1)], banks=2) == [3, 1]


def test_no_words_need_no_access():
    assert accesses(Runs.single(0), Interleaving(banks=3)).tolist() == [0, 0, 0]
    assert accesses(Runs.single(5), Interleaving(banks=3)).tolist() == [2, 2, 1]


def test_rows_that_touch_are_one_run():
    runs = runs_of([((0, 2), (0, 3), (0, 4))], [12, 4, 1])
    assert (runs.start.tolist(), runs.words.tolist()) == ([0], [24])
    runs = runs_of([((1, 2), (0, 3), (1, 2))], [12, 4, 1])
    assert (runs.start.tolist(), runs.words.tolist()) == ([13, 17, 21, 25, 29, 33], [2] * 6)
    column_first = runs_of([((0, 2), (0, 1))], [1, 4])
    assert (column_first.start.tolist(), column_first.words.tolist()) == ([0], [2])


def test_a_scalar_is_a_word():
    assert runs_of([()], []).total == 1
    assert runs_of([], []).total == 0


RUNS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=12)


def by_sets(runs, *, banks, interleave_words, access_words):
    """Accesses per bank: in pass k the blocks of all words that are moved more than k times."""
    times = {}
    for start, words in runs:
        for word in range(start, start + words):
            times[word] = times.get(word, 0) + 1
    found = [0] * banks
    for number in range(max(times.values())):
        blocks = {word // access_words for word, count in times.items() if count > number}
        for block in blocks:
            found[block * access_words // interleave_words % banks] += 1
    return found


QUICK = settings(max_examples=80, deadline=None, derandomize=True)
SLOW = settings(max_examples=1000, deadline=None)
BANKED = {
    "runs": RUNS, "banks": st.integers(1, 7), "access": st.integers(1, 5),
    "times": st.integers(1, 4),
}  # fmt: skip


@QUICK
@given(**BANKED)
def test_accesses_are_the_blocks_that_words_lie_in(runs, banks, access, times):
    accesses_are_the_blocks_that_words_lie_in(runs, banks, access, times)


@pytest.mark.slow
@SLOW
@given(**BANKED)
def test_accesses_of_many_runs_are_the_blocks_that_words_lie_in(runs, banks, access, times):
    accesses_are_the_blocks_that_words_lie_in(runs, banks, access, times)


def accesses_are_the_blocks_that_words_lie_in(runs, banks, access, times):
    spread = {"banks": banks, "interleave_words": access * times, "access_words": access}
    assert counted(runs, **spread) == by_sets(runs, **spread)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(runs=RUNS, banks=st.integers(1, 7), interleave=st.integers(1, 6))
def test_words_of_all_banks_are_those_moved(runs, banks, interleave):
    words = sum(words for _, words in runs)
    assert sum(counted(runs, banks=banks, interleave_words=interleave)) == words


@settings(max_examples=100, deadline=None, derandomize=True)
@given(runs=RUNS, banks=st.integers(1, 7), access=st.integers(1, 6))
def test_blocks_hold_the_words_and_no_run_wastes_two_whole_ones(runs, banks, access):
    found = sum(counted(runs, banks=banks, interleave_words=access, access_words=access))
    words = sum(words for _, words in runs)
    assert found >= -(-words // access)
    assert found <= sum(-(-(words - 1) // access) + 1 for _, words in runs)


@pytest.mark.parametrize("shape", [(4,), (3, 5), (2, 3, 4), (3, 1, 4), (1, 1), (4, 1)])
def test_runs_of_a_box_are_the_addresses_of_its_words(shape):
    addresses = np.arange(np.prod(shape)).reshape(shape)
    strides = [int(np.prod(shape[rank + 1 :])) for rank in range(len(shape))]
    for low in np.ndindex(*shape):
        box = tuple((at, max(1, size - at - 1)) for at, size in zip(low, shape, strict=True))
        expected = addresses[tuple(slice(at, at + size) for at, size in box)].ravel().tolist()
        runs = runs_of([box], strides)
        pairs = zip(runs.start.tolist(), runs.words.tolist(), strict=True)
        assert [word for at, size in pairs for word in range(at, at + size)] == expected


@QUICK
@given(**BANKED, by=st.integers(0, 80))
def test_how_far_off_another_place_in_the_parents_tile_can_be(runs, banks, access, times, by):
    another_place_in_the_parents_tile_is_within_bounds(runs, banks, access, times, by)


@pytest.mark.slow
@SLOW
@given(**BANKED, by=st.integers(0, 80))
def test_how_far_off_many_places_in_the_parents_tile_can_be(runs, banks, access, times, by):
    another_place_in_the_parents_tile_is_within_bounds(runs, banks, access, times, by)


def another_place_in_the_parents_tile_is_within_bounds(runs, banks, access, times, by):
    """The bounds of docs/model_limits.md for steps that lie elsewhere than the first one."""
    spread = {"banks": banks, "interleave_words": access * times, "access_words": access}
    start, words = (np.array(part, dtype=np.int64) for part in zip(*runs, strict=True))
    single = Runs.of(start, words)
    here = counted(runs, **spread)

    def moved(words):
        return counted([(start + words, size) for start, size in runs], **spread)

    turned = by * access * times
    assert moved(turned) == list(np.roll(here, by % banks))
    for one, other in zip(here, moved(by * access), strict=True):
        assert abs(one - other) <= len(single.start) * times
    assert abs(sum(moved(by)) - sum(here)) <= len(single.start)

"""Boxes of words against plain sets of words."""

from __future__ import annotations

from collections import Counter
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.traces.boxes import coalesced, demand_words, difference, shift, volume

boxes = st.lists(st.tuples(st.integers(-4, 4), st.integers(1, 5)), min_size=0, max_size=3)


def words(box):
    return set(product(*(range(low, low + size) for low, size in box)))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_difference_is_the_set_difference_in_disjoint_boxes(data):
    new = tuple(data.draw(boxes))
    old = tuple(data.draw(st.tuples(st.integers(-4, 4), st.integers(1, 5))) for _ in new)
    parts = difference(new, old)
    assert set().union(*map(words, parts)) == words(new) - words(old)
    assert demand_words(parts) == len(words(new) - words(old))


def test_a_shifted_box_keeps_its_words():
    box = ((0, 2), (5, 3))
    assert shift(box, (1, -2)) == ((1, 2), (3, 3))
    assert volume(box) == volume(shift(box, (1, -2))) == 6


@given(boxes)
def test_coalesced_boxes_hold_the_same_words_as_often(listed):
    """Two ranks: every (low, size) of the list is used along both."""
    given_boxes = [(box, other) for box in listed for other in listed]
    merged = coalesced(given_boxes)
    assert _counted(given_boxes) == _counted(merged)
    assert len(merged) <= len(given_boxes)


def test_a_tile_cut_into_pieces_is_one_box_again():
    pieces = [((x, 1), (y, 2)) for x in range(4) for y in (0, 2, 4)]
    assert coalesced(pieces) == (((0, 4), (0, 6)),)


def _counted(found):
    return Counter(
        point for box in found for point in product(*(range(low, low + size) for low, size in box))
    )

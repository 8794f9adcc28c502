"""Repeats of rows, nested in each other: expansion, search, and sums over time by hand."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.traces.events.expansion import places
from stallscope.traces.events.finding import Finder
from stallscope.traces.events.profile import Measure, Profile
from stallscope.traces.events.repeats import SIMULATED, Repeat, Repeats


def repeat(number, rows, inside, start, cycles, times):
    return Repeat(
        number=number, first_row=rows[0], last_row=rows[1], first_repeat=inside, start=start,
        cycles=cycles, times=times, steps=np.array([rows[1] - rows[0]], dtype=np.int64),
    )  # fmt: skip


ENDS = np.array([2, 5, 9, 20, 50], dtype=np.int64)
"""Rows a b c d e end here. b c come twice more at once, 5 cycles apart; then b c and the repeats
of them, and d, come once more, 18 cycles later: a b c bc bc d  bc bc bc d  e."""
INNER = repeat(0, (1, 3), 0, 4, 5, 2)
OUTER = Repeat(
    number=1, first_row=1, last_row=4, first_repeat=0, start=4, cycles=18, times=1,
    steps=np.array([7], dtype=np.int64),
)  # fmt: skip
TRACE = Repeats([INNER, OUTER], ENDS)
EXPANDED = [
    ("a", 2), ("b", 5), ("c", 9), ("b", 10), ("c", 14), ("b", 15), ("c", 19), ("d", 20),
    ("b", 23), ("c", 27), ("b", 28), ("c", 32), ("b", 33), ("c", 37), ("d", 38), ("e", 50),
]  # fmt: skip


def expanded(repeats, since, until):
    at = places(repeats.pieces(since, until), None, np.zeros(len(ENDS), dtype=np.int64))
    ends = ENDS[at.row] + at.shift
    return list(zip(["abcde"[row] for row in at.row], ends.tolist(), strict=True)), at


def test_repeats_come_where_they_were_recorded():
    shown, at = expanded(TRACE, 0, 60)
    assert shown == EXPANDED
    assert at.repeat.tolist() == [SIMULATED] * 3 + [0] * 4 + [SIMULATED] + [1, 1, 0, 0, 0, 0, 1, -1]


def test_steps_go_on_from_repeat_to_repeat():
    _, at = expanded(TRACE, 0, 60)
    assert at.steps.tolist() == [0, 0, 0, 2, 2, 4, 4, 0, 7, 7, 9, 9, 11, 11, 7, 0]


@pytest.mark.parametrize(("since", "until"), [(0, 0), (9, 9), (10, 28), (15, 33), (38, 38)])
def test_a_part_is_the_rows_that_end_in_it(since, until):
    expected = [entry for entry in EXPANDED if since <= entry[1] <= until]
    assert expanded(TRACE, since, until)[0] == expected


def test_every_row_is_counted_as_often_as_it_comes():
    assert TRACE.weights().tolist() == [1, 6, 6, 2, 1]


def test_some_rows_alone_expand_alike():
    only = np.array([2, 4], dtype=np.int64)
    at = places(TRACE.of(only).pieces(0, 60), only, np.zeros(5, dtype=np.int64))
    assert (ENDS[at.row] + at.shift).tolist() == [9, 14, 19, 27, 32, 37, 50]


def test_rows_are_found_by_time_both_ways():
    """Only b and c: their ends ascend as in any one unit's rows."""
    rows = np.array([1, 2], dtype=np.int64)
    finder = Finder(TRACE, 0, rows)
    ends = [5, 9, 10, 14, 15, 19, 23, 27, 28, 32, 33, 37]
    for cycle in range(40):
        later = [end for end in ends if end > cycle]
        found = finder.after(cycle)
        assert (finder.end(found) if found else None) == (later[0] if later else None)
        earlier = [end for end in ends if end <= cycle]
        assert [finder.end(place) for place in finder.back(cycle)] == earlier[::-1]
    assert finder.last_end == 37


def test_a_place_says_which_time_of_which_repeat_it_is():
    place = Finder(TRACE, 0, np.array([1, 2])).after(29)
    assert place.path == ((1, 1, 22), (0, 1, 27))


def test_sums_over_time_are_those_of_the_expanded_rows():
    """Every row spreads 4 over the 2 cycles before its end."""
    rows = np.arange(5, dtype=np.int64)
    profile = Profile(TRACE, Measure(rows, ENDS - 2, ENDS, np.full(5, 4.0)))
    at = np.arange(45, dtype=np.int64)
    expected = [
        sum(4 * min(1, max(0, (cycle - end + 2) / 2)) for _, end in EXPANDED) for cycle in at
    ]
    assert expected == pytest.approx(profile.at(at).tolist())

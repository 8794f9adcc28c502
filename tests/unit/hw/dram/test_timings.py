"""Every timing: the command it holds back is refused a clock earlier and issued at its clock."""

from __future__ import annotations

import pytest

from stallscope.mappings.dram import DramController, RowPolicy
from tests.unit.hw.dram.under_test import Channel

T = 1000  # clock of the command that holds the next one back; all before is long over
LONG = 50


def opened(channel, *banks, row=1, op="R"):
    """Open a row in banks, long before T."""
    for bank in banks:
        channel.request(bank, row, op)
        channel.serve(10)
    return channel


# timings, banks opened before, requests before T, command at T, requests after it, what follows
COLUMNS = [
    ({"tCCD_S": LONG, "tCCD_L": LONG}, (0, 2), "R", 0, "R", 2, ("RD", LONG)),
    ({"tCCD_L": LONG}, (0, 2), "R", 0, "R", 2, ("RD", 4)),
    ({"tCCD_L": LONG}, (0, 1), "R", 0, "R", 1, ("RD", LONG)),
    ({"tCCD_L": LONG}, (0,), "R", 0, "R", 0, ("RD", LONG)),
    ({"tCCD_L": LONG}, (0, 1), "W", 0, "W", 1, ("WR", LONG)),
    ({"tCCD_L": LONG}, (0, 2), "W", 0, "W", 2, ("WR", 4)),
    ({"tRTRS": LONG}, (0, 2), "R", 0, "W", 2, ("WR", 11 + 4 - 9 + LONG)),
    ({"CL": LONG}, (0, 2), "R", 0, "W", 2, ("WR", LONG + 4 - 9 + 1)),
    ({"tWTR_L": LONG}, (0, 1), "W", 0, "R", 1, ("RD", 9 + 4 + LONG)),
    ({"tWTR_L": LONG}, (0, 2), "W", 0, "R", 2, ("RD", 9 + 4)),
    ({"tWTR_S": LONG, "tWTR_L": LONG}, (0, 2), "W", 0, "R", 2, ("RD", 9 + 4 + LONG)),
    ({"CWL": LONG}, (0, 2), "W", 0, "R", 2, ("RD", LONG + 4)),
    ({"ranks": 2, "tRTRS": LONG}, (0, 4), "R", 0, "R", 4, ("RD", 4 + LONG)),
    ({"ranks": 2, "tRTRS": LONG}, (0, 4), "W", 0, "W", 4, ("WR", 4 + LONG)),
    ({"ranks": 2, "tRTRS": LONG}, (0, 4), "R", 0, "W", 4, ("WR", 11 + 4 - 9 + LONG)),
    ({"ranks": 2, "tRTRS": LONG}, (0, 4), "W", 0, "R", 4, ("RD", 9 + 4 + LONG - 11)),
    ({"ranks": 2, "tWTR_L": LONG}, (0, 4), "W", 0, "R", 4, ("RD", 9 + 4 + 1 - 11)),
]


@pytest.mark.parametrize(("timings", "banks", "op", "bank", "then", "other", "expected"), COLUMNS)
def test_a_column_command_waits_for_the_one_before(timings, banks, op, bank, then, other, expected):
    channel = opened(Channel(**timings), *banks)
    channel.request(bank, 1, op)
    channel.issue(T)
    channel.request(other, 1, then)
    kind, gap = expected
    assert channel.earliest(T + 1) == (T + gap, kind, other)
    assert channel.probe(T + gap - 1) == []


@pytest.mark.parametrize(
    ("timings", "op", "expected"),
    [
        ({"tRCDRD": LONG}, "R", ("RD", LONG)),
        ({"tRCDWR": LONG}, "W", ("WR", LONG)),
        ({"tRCDRD": LONG, "AL": 3}, "R", ("RD", LONG - 3)),
    ],
)
def test_a_column_command_waits_for_its_row(timings, op, expected):
    channel = Channel(**timings)
    channel.request(0, 1, op)
    assert channel.issue(T) == (T, "ACT", 0)
    assert channel.earliest(T + 1) == (T + expected[1], expected[0], 0)


@pytest.mark.parametrize(
    ("timings", "other", "gap"),
    [
        ({"tRRD_L": LONG}, 1, LONG),
        ({"tRRD_L": LONG}, 2, 1),
        ({"tRRD_L": LONG, "tRRD_S": LONG - 1}, 2, LONG - 1),
        ({"ranks": 2, "tRRD_L": LONG, "tRRD_S": LONG}, 4, 1),
    ],
)
def test_an_activate_waits_for_the_one_before(timings, other, gap):
    channel = Channel(tRCDRD=300, **timings)
    channel.request(0, 1)
    channel.issue(T)
    channel.request(other, 1)
    assert channel.earliest(T + 1) == (T + gap, "ACT", other)


def test_the_fifth_activate_waits_for_the_window_of_four():
    channel = Channel(tFAW=LONG, tRCDRD=300, groups=4)
    for step in range(4):
        channel.request(step, 1)
        assert channel.issue(T + 2 * step) == (T + 2 * step, "ACT", step)
    channel.request(5, 1)
    assert channel.earliest(T + 8) == (T + LONG, "ACT", 5)


@pytest.mark.parametrize(
    ("timings", "op", "gap"),
    [({"tRTP": LONG}, "R", LONG), ({"tWR": LONG}, "W", 9 + 4 + LONG), ({"CWL": LONG}, "W", 55),
     ({"tRTP": LONG, "AL": 3}, "R", LONG + 3)],
)  # fmt: skip
def test_a_precharge_waits_for_the_column_command(timings, op, gap):
    channel = opened(Channel(**timings), 0)
    channel.request(0, 1, op)
    channel.issue(T)
    channel.request(0, 2)
    assert channel.earliest(T + 1) == (T + gap, "PRE", 0)


def test_a_precharge_waits_until_the_row_was_open_long_enough():
    channel = Channel(tRAS=LONG)
    channel.request(0, 1)
    channel.issue(T)
    channel.serve(T + 1)
    channel.request(0, 2)
    assert channel.earliest(T + 1) == (T + LONG, "PRE", 0)


def test_an_activate_waits_for_the_precharge():
    channel = opened(Channel(tRP=LONG), 0)
    channel.request(0, 2)
    assert channel.issue(T) == (T, "PRE", 0)
    assert channel.earliest(T + 1) == (T + LONG, "ACT", 0)


def test_a_precharge_waits_for_the_one_before_where_the_standard_says_so():
    channel = opened(Channel(tPPD=LONG), 0, 2)
    channel.request(0, 2)
    assert channel.issue(T) == (T, "PRE", 0)
    channel.request(2, 2)
    # The first bank's ACT comes before the second's PRE.
    assert channel.issue(T + 5) == (T + 5, "ACT", 0)
    assert channel.issue(T + 10) == (T + 10, "RD", 0)
    assert channel.earliest(T + 11) == (T + LONG, "PRE", 2)


def test_a_refresh_closes_the_banks_one_a_clock_and_holds_the_rank():
    channel = opened(Channel(tRFC=LONG), 0, 2)
    channel.request(0, 1)
    channel.refresh_due(T)
    # The pending hit of bank 0 is not served: the rank takes nothing but its refresh.
    assert channel.issue(T) == (T, "PRE for REF", 0)
    assert channel.issue(T + 1) == (T + 1, "PRE for REF", 2)
    assert channel.earliest(T + 2) == (T + 1 + 5, "REF", 0)
    channel.issue(T + 6)
    assert channel.earliest(T + 7) == (T + 6 + LONG, "ACT", 0)


def test_another_rank_works_during_a_refresh():
    channel = opened(Channel(ranks=2, tRFC=LONG), 0, 4)
    channel.refresh_due(T)
    channel.request(4, 1)
    assert channel.issue(T) == (T, "PRE for REF", 0)
    assert channel.earliest(T + 1) == (T + 1, "RD", 4)


def test_a_closed_row_policy_closes_after_the_last_hit():
    channel = Channel(options=DramController(row_policy=RowPolicy.CLOSED), tRTP=LONG, tRP=7)
    channel.request(0, 1)
    channel.request(0, 1)
    channel.issue(T)
    assert channel.issue(T + 5) == (T + 5, "RD", 0)
    assert len(channel.log(channel.s)) == 1  # a second hit is pending: the row stays open
    channel.issue(T + 9)
    assert channel.log(channel.s) == [(T + 9, "RD", 0), (T + 9 + LONG, "PRE by itself", 0)]
    channel.request(0, 1)
    assert channel.earliest(T + 10) == (T + 9 + LONG + 7, "ACT", 0)

"""Which of several legal commands is issued, and how requests reach the bank queues."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stallscope.hw.dram.controller import Controller
from stallscope.mappings.dram import DramController
from stallscope.simcore.errors import SimulationBug, SpecError
from tests.unit.hw.dram.under_test import Channel, small_device

T = 1000
STRIPE = 64 * 8 * 4  # bytes of a row in every bank: 8 bursts of 64 bytes, 4 banks


def controller(sources=1, ratio=Fraction(1), options=None, **device):
    return Controller(small_device(**device), options or DramController(), sources, ratio)


def finished(unit):
    """Complete everything; return [(cycle, source, batch)]."""
    done = []
    while (following := unit.next_completion()) is not None:
        done += unit.advance(following[0])
    return done


def reads(*addresses):
    return np.array(addresses, dtype=np.int64)


def test_banks_are_scanned_from_the_one_after_the_last_that_issued():
    channel = Channel(tRCDRD=300)
    for bank in (1, 0, 3, 2):
        channel.request(bank, 1)
    order = [channel.issue(T + step)[2] for step in range(4)]
    assert order == [1, 2, 3, 0]  # bank 0 counts as the last one before the first command


def test_a_hit_goes_before_the_oldest_request_of_another_row_only_so_often():
    channel = Channel()
    channel.request(0, 1)
    channel.serve(10)
    channel.request(0, 2)
    for _ in range(4):
        channel.request(0, 1)
    kinds = [channel.issue(channel.earliest(T)[0])[1] for _ in range(4)]
    # One column command was served when the row was opened: three more make four.
    assert kinds == ["RD", "RD", "RD", "PRE"]


def test_a_write_may_go_before_an_older_read_if_it_can_go_first():
    channel = Channel(tWTR_L=50)
    for op in "WRW":
        channel.request(0, 1, op)
    channel.issue(T)
    order = [channel.issue(channel.earliest(T)[0])[1] for _ in range(3)]
    assert order == ["WR", "WR", "RD"]


def test_a_read_of_an_address_that_is_being_written_is_served_from_the_queue():
    unit = controller()
    unit.submit(0, reads(0), True, 0)
    unit.submit(0, reads(0), False, 0)
    assert finished(unit) == [(2, 0, 1), (1 + 5 + 9 + 4, 0, 0)]
    assert (unit.counts()["forwarded"], unit.counts()["reads"]) == (1, 0)


def test_a_read_of_an_address_that_is_being_read_joins_it():
    unit = controller(sources=2)
    unit.submit(0, reads(0), False, 0)
    unit.submit(1, reads(0, 64), False, 0)
    assert finished(unit) == [(21, 0, 0), (25, 1, 1)]
    assert (unit.counts()["merged"], unit.counts()["reads"]) == (1, 2)


def test_a_write_does_not_overtake_a_read_of_its_address():
    unit = controller()
    unit.submit(0, reads(0), False, 0)
    unit.submit(0, reads(0), True, 0)
    assert finished(unit) == [(21, 0, 0), (6 + 7 + 13, 0, 1)]


def test_requests_are_accepted_round_robin_one_a_clock():
    unit = controller(sources=3, options=DramController(window=1024, bank_queue=1))
    for source in range(3):
        unit.submit(source, source * STRIPE * 8 + 64 * np.arange(8), False, 0)
    unit.advance(7)
    accepted = [int(row[0]) for row in unit_sources(unit)]
    assert accepted == [3, 2, 2]


def unit_sources(unit):
    """Requests accepted of every source, of its first channel."""
    from stallscope.hw.dram import layout as at

    channel = unit._channels[0]
    first = int(channel._c[at.SOURCES])
    return [
        channel.state[first + k * at.SOURCE :][: at.SOURCE]
        for k in range(int(channel._c[at.N_SOURCES]))
    ]


@pytest.mark.parametrize(
    ("posted", "op", "gap"),
    [(False, False, 21), (True, False, 21), (False, True, 19), (True, True, 1)],
)
def test_an_outstanding_limit_of_one_lets_the_next_in_after_the_end(posted, op, gap):
    options = DramController(outstanding=1, posted_writes=posted)
    unit = controller(options=options)
    unit.submit(0, reads(0, 64), op, 0)
    unit.advance(gap)
    assert unit.counts()["accepted"] == 1
    unit.advance(gap + 1)
    assert unit.counts()["accepted"] == 1
    unit.advance(gap + 2)
    assert unit.counts()["accepted"] == 2


def test_two_commands_of_a_clock_are_one_of_row_and_one_of_column():
    channel = Channel(dual=True)
    for bank in (0, 2):
        channel.request(bank, 1)
        channel.serve(10)
    channel.request(0, 1)
    channel.request(1, 1)
    channel.request(3, 1)
    assert channel.probe(T) == [(T, "ACT", 3), (T, "RD", 0)]


def test_a_second_command_of_the_same_kind_is_dropped():
    channel = Channel(dual=True, tRRD_L=1)
    channel.request(1, 1)
    channel.request(3, 1)
    assert channel.probe(T) == [(T, "ACT", 1)]


def test_channels_serve_their_share_of_a_batch_at_the_same_time():
    one, two = controller(), controller(channels=2)
    addresses = 64 * np.arange(64)
    for unit in (one, two):
        unit.submit(0, addresses, False, 0)
    (alone,), (shared,) = finished(one), finished(two)
    assert shared[0] < alone[0]
    assert one.counts()["reads"] == two.counts()["reads"] == 64


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(Fraction(1), 21), (Fraction(3, 2), 32), (Fraction(2, 3), 14), (Fraction(5), 105)],
)
def test_completions_round_up_to_base_cycles(ratio, expected):
    unit = controller(ratio=ratio)
    unit.submit(0, reads(0), False, 0)
    assert finished(unit) == [(expected, 0, 0)]  # 1 + tRCD + RL + BL/2 = 21 clocks


@pytest.mark.parametrize(
    ("ratio", "cycle", "start"),
    [(Fraction(5), 1, 5), (Fraction(5), 5, 5), (Fraction(2, 3), 1, 2)],
)
def test_a_batch_waits_for_the_next_clock_of_the_memory(ratio, cycle, start):
    unit = controller(ratio=ratio)
    unit.submit(0, reads(0), False, cycle)
    clock = start if ratio < 1 else start // 5
    assert finished(unit) == [(-(-(clock + 21) * ratio.numerator // ratio.denominator), 0, 0)]


def test_addresses_outside_or_within_bursts_are_refused():
    unit = controller()
    with pytest.raises(SpecError, match=r"dram.addresses = 65: .* multiples of a burst's 64 bytes"):
        unit.submit(0, reads(64, 65), False, 0)
    size = small_device().capacity_bytes
    with pytest.raises(SpecError, match=rf"must be in 0 \.\.\. {size - 1}"):
        unit.submit(0, reads(0, size), False, 0)
    with pytest.raises(SimulationBug, match="holds no burst"):
        unit.submit(0, reads(), False, 0)


def test_time_does_not_go_back():
    unit = controller()
    unit.advance(10)
    with pytest.raises(SimulationBug, match="at cycle 10, asked for 9"):
        unit.advance(9)


def test_a_source_may_have_more_batches_and_requests_than_there_was_room_for():
    unit = controller()
    for k in range(100):
        unit.submit(0, 64 * (k * 40 + np.arange(40)), False, 0)
    done = finished(unit)
    assert [batch for _, _, batch in done] == list(range(100))
    assert unit.counts()["reads"] == 4000


def test_a_device_has_as_many_banks_as_the_kernel_has_room_for():
    with pytest.raises(SpecError, match="at most 64 banks in 32 groups"):
        controller(ranks=8, groups=16)

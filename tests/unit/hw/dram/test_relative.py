"""The relative state leaves nothing out: what it does not show has no effect on what comes."""

from __future__ import annotations

import copy
from fractions import Fraction

import numpy as np
import pytest

from stallscope.hw.dram import layout as at
from stallscope.hw.dram.controller import Controller
from stallscope.mappings.dram import DramController, RowPolicy
from tests.unit.hw.dram.under_test import small_device

BANK_FIELDS = ("ACT_AT", "READ_AT", "WRITE_AT", "PRE_AT", "SERVED")
GROUP_FIELDS = ("READ_SAME", "READ_TURN", "WRITE_SAME", "WRITE_TURN", "GROUP_ACT")
RANK_FIELDS = ("REF_END", "RANK_PRE_AT", "FAW_0", "FAW_1", "FAW_2", "FAW_3")
SCALARS = ("LAST_BANK", "LAST_SOURCE", "DATA_SLOT_END", "DATA_END", "LAST_KIND")
PLACES = (
    [(name, getattr(at, name) + i) for name in BANK_FIELDS for i in range(8)]
    + [(name, getattr(at, name) + i) for name in GROUP_FIELDS for i in range(4)]
    + [(name, getattr(at, name) + i) for name in RANK_FIELDS for i in range(2)]
    + [(name, getattr(at, name)) for name in SCALARS]
)
SIZES = {"LAST_BANK": 8, "LAST_SOURCE": 2, "LAST_KIND": 3}


def stopped(policy, seed):
    """A controller in the middle of a stream of two sources."""
    device = small_device(
        ranks=2, tRAS=17, tRP=7, tWR=6, tWTR_L=5, tCCD_L=6, tRRD_S=3, tRRD_L=5, tFAW=31, tPPD=2
    )
    unit = Controller(device, DramController(row_policy=policy), 2, Fraction(1))
    rng = np.random.default_rng(seed)
    for source in range(2):
        for _ in range(3):
            rows = rng.integers(0, 3, 20) * 16
            addresses = (rows + rng.integers(0, 64, 20)) * device.burst_bytes
            unit.submit(source, addresses, bool(rng.integers(2)), 0)
    unit.advance(90)
    return unit


def rest(unit):
    done = []
    while (following := unit.next_completion()) is not None:
        done += unit.advance(following[0])
    counts = unit.counts()
    return done, counts, unit.accounts(2000).tolist()


@pytest.mark.parametrize("policy", RowPolicy)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_change_that_is_not_shown_has_no_effect(policy, seed):
    unit = stopped(policy, seed)
    shown, future = unit.relative(90, (0, 0)), rest(copy.deepcopy(unit))
    seen, unseen = set(), set()
    for name, place in PLACES:
        for step in (1, 4):
            other = copy.deepcopy(unit)
            state = other._channels[0].state
            state[place] = (state[place] + step) % SIZES.get(name, 1 << 60)
            if other.relative(90, (0, 0)) == shown:
                unseen.add(name)
                assert rest(other) == future, (name, place, step)
            else:
                seen.add(name)
    # The test has looked at both: what lies ahead is shown, what is past is not.
    assert {"READ_SAME", "LAST_BANK", "SERVED", "LAST_SOURCE"} <= seen
    assert {"ACT_AT", "READ_AT", "FAW_0"} <= unseen


def test_pending_requests_are_shown_with_their_order_and_batch():
    """The same addresses in another order, or in one batch instead of two, is another state."""
    states = set()
    for groups in ([[0, 64], [2048]], [[64, 0], [2048]], [[0], [64, 2048]], [[0, 64, 2048]]):
        unit = Controller(small_device(), DramController(), 1, Fraction(1))
        for addresses in groups:
            unit.submit(0, np.array(addresses, dtype=np.int64), False, 0)
        states.add(unit.relative(2, (0,)))
    assert len(states) == 4


def test_rows_are_shown_from_their_sources_origin():
    stripe = 64 * 8 * 4
    states = []
    for row, origin in ((3, 1), (7, 5), (7, 4)):
        unit = Controller(small_device(), DramController(), 1, Fraction(1))
        assert unit.stripe_bytes == stripe
        unit.submit(0, np.array([row * stripe, row * stripe + 64]), False, 0)
        states.append(unit.relative(4, (origin,)))
    assert states[0] == states[1] != states[2]

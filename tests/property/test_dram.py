"""Laws of the DRAM controller that hold for every device, option and stream of requests."""

from __future__ import annotations

import copy
import hashlib
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.dram.controller import Controller
from stallscope.mappings.dram import DramController, RowPolicy
from stallscope.mappings.dram_catalog import dram_device
from tests.property.dram_rules import violations
from tests.property.dram_streams import (
    RATIOS,
    REQUESTS,
    addresses,
    controller,
    devices,
    feed,
    finish,
    options,
)

pytestmark = pytest.mark.usefixtures("dram_kernel")

ONE = Fraction(1)
EXAMPLES = 30


@settings(max_examples=EXAMPLES, deadline=None)
@given(devices(), options(), REQUESTS)
def test_no_command_breaks_a_timing(device, chosen, requests):
    """The log, looked at pair by pair by a checker of its own; and nothing is lost."""
    unit = controller(device, chosen, ONE)
    channel = unit._channels[0]
    for number, request in enumerate(requests):
        where = addresses(request, device, unit.stripe_bytes)
        assert channel.submit(request.source, where, request.is_write, number) > 0
    log = channel.trace(sum(request.count for request in requests) * 150 + 2000, 10**9)
    dual = device.organisation.dual_command if chosen.dual_command is None else chosen.dual_command
    assert violations(device, log, dual) == []
    counts = unit.counts()
    columns = counts["reads"] + counts["writes"]
    total = sum(request.count for request in requests)
    assert total == columns + counts["merged"] + counts["forwarded"] == counts["accepted"]
    assert counts["activates"] == counts["row_misses"] + counts["row_conflicts"]
    assert columns >= counts["row_hits"] >= columns - counts["activates"]
    if chosen.row_policy is RowPolicy.OPEN:
        assert counts["activates"] >= columns - counts["row_hits"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(devices(), options(), REQUESTS, RATIOS, st.randoms(use_true_random=False))
def test_looking_and_stopping_anywhere_changes_nothing(device, chosen, requests, ratio, random):
    """Completions, counts and accounts are those of an undisturbed run; accounts sum to time."""
    ratio = Fraction(ratio)
    plain, watched = controller(device, chosen, ratio), controller(device, chosen, ratio)
    done, now = feed(plain, device, requests)
    done += finish(plain)
    seen, there = [], 0
    for request in requests:
        until = there + request.after
        while there < until:
            there = min(until, there + random.randint(1, 40))
            watched.next_completion()
            seen += watched.advance(there)
            assert watched.accounts(there).sum(axis=1).tolist() == [there]
        where = addresses(request, device, watched.stripe_bytes)
        watched.submit(request.source, where, request.is_write, there)
    assert there == now
    while watched.pending:
        before = [channel.state.tobytes() for channel in watched._channels]
        following = watched.next_completion()
        assert [channel.state.tobytes() for channel in watched._channels] == before
        there = min(following[0], there + random.randint(1, 300))
        seen += watched.advance(there)
    end = max(at for at, _, _ in done)
    assert sorted(done) == sorted(seen)
    plain.advance(end), watched.advance(end)
    assert plain.counts() == watched.counts()
    assert plain.accounts(end).tolist() == watched.accounts(end).tolist()
    assert plain.relative(end, (0, 40, 80)) == watched.relative(end, (0, 40, 80))


@settings(max_examples=EXAMPLES, deadline=None)
@given(devices(), options(refresh=False), REQUESTS, RATIOS, st.integers(0, 300),
       st.tuples(*[st.integers(0, 30)] * 3))  # fmt: skip
def test_a_stream_later_and_in_other_rows_runs_alike(
    device, chosen, requests, ratio, clocks, shifts
):
    ratio = Fraction(ratio)
    delay = clocks * ratio.numerator  # whole clocks, and the same phase
    first, second = controller(device, chosen, ratio), controller(device, chosen, ratio)
    shifts = (shifts[0], 40 + shifts[1], 80 + shifts[2])
    done, now = feed(first, device, requests)
    moved, there = feed(second, device, requests, delay=delay, shifts=shifts)
    assert there == now + delay
    origins = [7, 3, 11]
    rows = [origin + shift for origin, shift in zip(origins, shifts, strict=True)]
    assert first.relative(now, origins) == second.relative(there, rows)
    done += finish(first)
    moved += finish(second)
    assert [(at + delay, *rest) for at, *rest in done] == [tuple(entry) for entry in moved]


@settings(max_examples=EXAMPLES, deadline=None)
@given(devices(), options(refresh=False), REQUESTS, REQUESTS, RATIOS, st.integers(0, 10_000),
       st.tuples(*[st.integers(0, 30)] * 3))  # fmt: skip
def test_a_shifted_state_goes_on_as_the_unshifted_one(
    device, chosen, requests, rest, ratio, clocks, shifts
):
    ratio = Fraction(ratio)
    cycles = clocks * ratio.numerator
    shifts = (shifts[0], 40 + shifts[1], 80 + shifts[2])
    plain = controller(device, chosen, ratio)
    _, now = feed(plain, device, requests)
    moved = copy.deepcopy(plain)
    growth = [5] * len(moved.marks(now))
    marks = moved.marks(now)
    moved.shift(cycles, shifts, growth)
    assert [mark + 5 for mark in marks] == moved.marks(now + cycles)
    assert plain.relative(now, (1, 2, 3)) == moved.relative(
        now + cycles, tuple(i + shift for i, shift in zip((1, 2, 3), shifts, strict=True))
    )
    done, _ = feed(plain, device, rest, start=now)
    later, _ = feed(moved, device, rest, start=now, delay=cycles, shifts=shifts)
    done += finish(plain)
    later += finish(moved)
    assert [(at + cycles, *entry) for at, *entry in done] == [tuple(entry) for entry in later]


def test_a_shift_leaves_the_refresh_where_it_is():
    device = dram_device("ddr4-2400")
    unit = Controller(device, DramController(), 1, Fraction(83, 100))
    due = unit.refresh_deadline()
    assert due == -(-(9360 - 1) * 83 // 100)
    unit.shift(830, (0,))
    assert unit.refresh_deadline() == due
    unit.advance(due + 83 * 9)
    assert unit.counts()["refreshes"] == 1
    assert unit.refresh_deadline() == -(-(2 * 9360 - 1) * 83 // 100)


def digest():
    """Digest of logs, states and completions of fixed streams, in this process."""
    total = hashlib.sha256()
    for name in ("ddr4-2400", "lpddr4-2400", "hbm2"):
        for closed in (RowPolicy.OPEN, RowPolicy.CLOSED):
            rng = np.random.default_rng(5)
            device = dram_device(name)
            device = device.model_copy(
                update={"timings": device.timings.model_copy(update={"tREFI": 700})}
            )
            chosen = DramController(row_policy=closed, window=8, bank_queue=3, outstanding=40)
            unit = Controller(device, chosen, 2, Fraction(2, 3))
            for now in range(0, 120, 20):
                for source in range(2):
                    where = rng.integers(0, 600, 10) * device.burst_bytes
                    unit.submit(source, where, bool(rng.integers(2)), now)
                total.update(repr((unit.next_completion(), unit.advance(now))).encode())
                total.update(repr(unit.relative(now, (0, 0))).encode())
            total.update(repr((finish(unit), unit.counts())).encode())
            total.update(unit.accounts(3000).tobytes())
            total.update(unit._channels[0].state.tobytes())
    return total.hexdigest()


@pytest.mark.parametrize("jit", ["0", "1"])
def test_the_kernel_does_the_same_as_plain_python(jit):
    code = "from tests.property.test_dram import digest; print(digest())"
    environment = os.environ | {"NUMBA_DISABLE_JIT": jit, "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest()

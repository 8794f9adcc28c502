"""Random request streams for the DRAM tests, and both ways to run them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from stallscope.hw.dram.controller import Controller
from stallscope.mappings.dram import DramController, RowPolicy
from stallscope.mappings.dram_catalog import DEVICES, dram_device
from tests.unit.hw.dram.under_test import small_device


@dataclass(frozen=True)
class Request:
    """A batch: cycles after the one before, source, bursts (row, column step) and direction."""

    after: int
    source: int
    row: int
    first: int
    step: int
    count: int
    is_write: bool


REQUESTS = st.lists(
    st.builds(
        Request,
        after=st.sampled_from([0, 0, 1, 3, 17, 60, 400]),
        source=st.integers(0, 2),
        row=st.integers(0, 5),
        first=st.integers(0, 40),
        step=st.sampled_from([0, 1, 1, 3, 8, 33]),
        count=st.integers(1, 24),
        is_write=st.booleans(),
    ),
    min_size=1,
    max_size=12,
)
RATIOS = st.sampled_from(["1", "3/2", "2/3", "5", "1/4", "83/100"])


@st.composite
def devices(draw):
    """A device of the package, perhaps with two ranks, or a small one that is refreshed often."""
    if draw(st.booleans()):
        return small_device(
            ranks=draw(st.sampled_from([1, 2])), dual=draw(st.booleans()),
            tREFI=draw(st.sampled_from([150, 400, 100_000])), tRFC=40, tRAS=17, tRP=7, tWR=6,
            tWTR_S=2, tWTR_L=5, tCCD_L=6, tRRD_S=3, tRRD_L=5, tFAW=draw(st.sampled_from([0, 21])),
            tPPD=draw(st.sampled_from([0, 2])), AL=draw(st.sampled_from([0, 2])),
        )  # fmt: skip
    device = dram_device(draw(st.sampled_from(DEVICES)))
    ranks = draw(st.sampled_from([1, 2]))
    built = device.organisation.model_copy(update={"ranks": ranks})
    return device.model_copy(update={"organisation": built})


@st.composite
def options(draw, refresh=None):
    """Scheduling options; the row is the most significant field."""
    return DramController(
        row_policy=draw(st.sampled_from(RowPolicy)),
        address_map=draw(st.sampled_from(["rochrababgco", "rochrabacobg", "rocorababgch"])),
        window=draw(st.sampled_from([1, 4, 32])),
        bank_queue=draw(st.sampled_from([1, 3, 8])),
        outstanding=draw(st.sampled_from([None, None, 1, 5])),
        posted_writes=draw(st.booleans()),
        refresh=draw(st.booleans()) if refresh is None else refresh,
    )


def addresses(request, device, stripe, shift=0):
    """Byte addresses of a batch; every source has rows of its own."""
    bursts = request.first + request.step * np.arange(request.count)
    stripe_bursts = stripe // device.burst_bytes
    rows = 40 * request.source + request.row + bursts // stripe_bursts + shift
    return (rows * stripe + bursts % stripe_bursts * device.burst_bytes).astype(np.int64)


def feed(unit, device, requests, *, start=0, delay=0, shifts=(0, 0, 0)):
    """Submit a stream; return the completions in the meantime and the last cycle."""
    done, now = [], start + delay
    for request in requests:
        now += request.after
        done += unit.advance(now)
        shift = shifts[request.source]
        where = addresses(request, device, unit.stripe_bytes, shift)
        unit.submit(request.source, where, request.is_write, now)
    return done, now


def finish(unit):
    """Complete everything, one completion after the other."""
    done = []
    while (following := unit.next_completion()) is not None:
        done += unit.advance(following[0])
    return done


def controller(device, chosen, ratio, sources=3):
    return Controller(device, chosen, sources, ratio)

"""DRAM controller: requests per CPU second in batches, two under way; kernel compiled before."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from benchmarks.timing import interleaved
from stallscope.hw.dram.controller import Controller
from stallscope.mappings.dram import DramController
from stallscope.mappings.dram_catalog import dram_device

REQUESTS = 100_000
BATCH = 128
CYCLES_SEQUENTIAL = 511_226
CYCLES_RANDOM = 707_388


DEVICE = dram_device("ddr4-2400")


def streamed(addresses: np.ndarray) -> Controller:
    """Read all addresses in batches, the next submitted when one of two is complete."""
    unit = Controller(DEVICE, DramController(), 1, Fraction(1))
    now = under_way = sent = 0
    while sent < len(addresses) or under_way:
        while under_way < 2 and sent < len(addresses):
            unit.submit(0, addresses[sent : sent + BATCH], False, now)
            sent += BATCH
            under_way += 1
        following = unit.next_completion()
        assert following is not None
        now = following[0]
        under_way -= len(unit.advance(now))
    return unit


def measured(addresses: np.ndarray, shown: str, cycles: int) -> tuple[str, float, str]:
    """Millions of requests per CPU second; the run must take the cycles it always took."""

    def run() -> None:
        unit = streamed(addresses)
        assert unit.counts()["reads"] == REQUESTS
        assert unit.clocks() == cycles, unit.clocks()

    streamed(addresses[: 4 * BATCH])
    (seconds,) = interleaved([run], repeats=5)
    rate = REQUESTS / seconds / 1e6
    return f"DRAM, {shown}: million requests/s", rate, f"{seconds / REQUESTS * 1e6:.2f} us each"


def sequential_rate() -> tuple[str, float, str]:
    """(e) Requests in sequence: nearly all hit an open row."""
    return measured(np.arange(REQUESTS) * 64, "in sequence", CYCLES_SEQUENTIAL)


def random_rate() -> tuple[str, float, str]:
    """(f) Requests all over the memory: each opens a row."""
    rng = np.random.default_rng(1)
    return measured(rng.integers(0, 1 << 26, REQUESTS) * 64, "at random", CYCLES_RANDOM)

"""A memory whose timing fits in one line: a burst every so many cycles, in order of arrival.

It keeps the contract of `stallscope.hw.memory.component.Channels`, so that the streams below a main
memory can be tested against cycles worked out by hand.
"""

from __future__ import annotations

import numpy as np


class PlainChannels:
    """One burst per ``pace`` cycles, done ``latency`` cycles after it began."""

    rows_shift = True

    def __init__(self, pace: int, latency: int) -> None:
        self.pace, self.latency = pace, latency
        self.free = 0
        self.now = 0
        self.batches: list[tuple[int, int, int]] = []
        self.number = 0
        self.busy = 0
        self.log: list[tuple[int, int, bool, tuple[int, ...]]] = []

    def submit(self, source, addresses, is_write, cycle):
        self.accounts(cycle)
        self.free = max(self.free, cycle) + self.pace * len(addresses)
        self.number += 1
        self.batches.append((self.free + self.latency, source, self.number))
        self.log.append((cycle, source, is_write, tuple(addresses.tolist())))
        return self.number

    def next_completion(self):
        return min(self.batches)[:2] if self.batches else None

    def advance(self, cycle):
        done = sorted(batch for batch in self.batches if batch[0] <= cycle)
        self.batches = [batch for batch in self.batches if batch[0] > cycle]
        return done

    def accounts(self, cycle):
        self.busy += max(0, min(cycle, self.free) - self.now)
        self.now = max(self.now, cycle)
        return np.array([[self.busy, 0, 0, 0, 0, self.now - self.busy]])

    def relative(self, cycle, rows):
        batches = tuple((due - cycle, source) for due, source, _ in self.batches)
        return (max(0, self.free - cycle), batches)

    def refresh_deadline(self):
        return 1 << 62

    def shift(self, cycles, rows, growth):
        self.free += cycles
        self.batches = [(due + cycles, *rest) for due, *rest in self.batches]
        self.busy += growth[0]
        self.now += growth[1]

    def marks(self, cycle):
        self.accounts(cycle)
        return [self.busy, self.now]

    def counts(self):
        return dict.fromkeys(("reads", "writes"), 0)

    def source_counts(self, source):
        return dict.fromkeys(("activates", "row_hits", "row_conflicts"), 0)

    def clocks(self):
        return self.now

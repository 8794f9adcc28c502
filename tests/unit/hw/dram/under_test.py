"""A tiny device under test: one channel whose commands are issued one by one.

`earliest` tries clock after clock on a copy of the state: the clock it returns is one at which the
command is issued, and at every clock before it none was.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from stallscope.hw.dram import layout as at
from stallscope.hw.dram import queues, scheduling
from stallscope.hw.dram.jit import STAMP, entry
from stallscope.hw.dram.state import configuration, initial_state
from stallscope.mappings.dram import DramController, DramDevice, DramOrganisation, DramTimings

KINDS = {at.ACT: "ACT", at.PRE: "PRE", at.RD: "RD", at.WR: "WR", at.REF: "REF",
         at.PRE_REFRESH: "PRE for REF", at.PRE_AUTO: "PRE by itself"}  # fmt: skip
BASE = {
    "CL": 11, "CWL": 9, "AL": 0, "tRCDRD": 5, "tRCDWR": 5, "tRP": 5, "tRAS": 6, "tCCD_S": 4,
    "tCCD_L": 4, "tRRD_S": 1, "tRRD_L": 1, "tFAW": 0, "tWTR_S": 0, "tWTR_L": 0, "tRTP": 1,
    "tWR": 1, "tRTRS": 1, "tREFI": 100_000, "tRFC": 20, "tPPD": 0,
}  # fmt: skip
HORIZON = 400


def small_device(ranks=1, channels=1, groups=2, dual=False, **timings):
    """Two bank groups of two banks, bursts of 8 on 64 bits: 4 clocks, 64 bytes."""
    return DramDevice(
        name="under test",
        organisation=DramOrganisation(
            channels=channels, ranks=ranks, bank_groups=groups, banks_per_group=2, rows=1024,
            columns=64, device_width_bits=8, bus_width_bits=64, burst_length=8,
            dual_command=dual, source="this test",
        ),
        timings=DramTimings(tCK_ns=1, source="this test", **(BASE | timings)),
    )  # fmt: skip


def _entries(stamp):
    """Make entry points of the kernel's parts; the stamp is part of the key they are kept under."""

    @entry
    def bank_of(c, address):
        return queues.bank_of(c, address) if stamp else 0

    @entry
    def enqueue(s, c, address, is_write):
        return queues.enqueue(s, c, address, is_write, 0, 0) if stamp else None

    @entry
    def move(s, c):
        return queues.move(s, c) if stamp else 0

    @entry
    def plan(s, c):
        return scheduling.plan(s, c) if stamp else None

    @entry
    def issue(s, c, clock):
        return scheduling.issue(s, c, clock) if stamp else None

    @entry
    def due(s, c, clock):
        return scheduling.due(s, c, clock) if stamp else None

    return bank_of, enqueue, move, plan, issue, due


bank_of, enqueue, move, plan, issue, due = _entries(STAMP)


class Channel:
    """The device under test."""

    def __init__(self, options=None, **device):
        self.device = small_device(**device)
        self.options = options or DramController()
        self.c = configuration(
            self.device, self.options, sources=1, cycles_per_clock=Fraction(1), ring=16, fifo=16
        )
        self.s = initial_state(self.c)
        self.column = 0
        fifo = np.zeros((1, 16), dtype=np.int64)
        batch = int(self.c[at.BATCHES])
        self.s[batch + at.LEFT] = 1000
        self.fifo = fifo

    def request(self, bank, row, op="R"):
        """Put a request into its bank's queue; banks 0, 1 are group 0, 2, 3 group 1, 4.. rank 1."""
        groups = self.device.organisation.bank_groups
        rank, group, inner = bank // 2 // groups, bank // 2 % groups, bank % 2
        c = self.c
        self.column += 1  # a burst of its own: repeated addresses would join
        address = (
            (row << int(c[at.ROW_SHIFT])) | (rank << int(c[at.RANK_SHIFT]))
            | (group << int(c[at.GROUP_SHIFT])) | (inner << int(c[at.BANK_SHIFT]))
            | self.column % 8
        )  # fmt: skip
        assert bank_of(c, address) == bank
        enqueue(self.s, c, address, int(op == "W"))
        assert move(self.s, c) == bank
        plan(self.s, c)

    def probe(self, clock):
        """Commands that would be issued at a clock; nothing changes."""
        copy = self.s.copy()
        issue(copy, self.c, clock)
        return self.log(copy)

    def log(self, s):
        rows = [s[at.LOGGED + i * at.LOG :][: at.LOG] for i in range(int(s[at.N_COMMANDS]))]
        return [(int(row[0]), KINDS[int(row[1])], int(row[2])) for row in rows]

    def earliest(self, start):
        """First command that is issued from a clock on."""
        for clock in range(start, start + HORIZON):
            found = self.probe(clock)
            if found:
                return found[0]
        raise AssertionError("no command")

    def issue(self, clock):
        """Issue what can be at a clock; strict: something must be."""
        issue(self.s, self.c, clock)
        found = self.log(self.s)
        assert found, f"nothing can be issued at clock {clock}"
        return found[0]

    def serve(self, start):
        """Issue all that is pending, each as early as it can; return the last command."""
        last = None
        while self.s[at.N_BANKED]:
            last = self.issue(self.earliest(start)[0])
        return last

    def refresh_due(self, clock):
        """Let rank 0's refresh fall due."""
        self.s[at.REF_DUE] = clock
        due(self.s, self.c, clock)

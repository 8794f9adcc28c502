"""Where the figures of one DRAM channel stand in two arrays of integers.

The kernel works on two flat int64 arrays: ``c`` (what the channel is: timings, sizes, address
map; never written) and ``s`` (its state). A state is copied with one memory copy. ``c`` also holds
where the records of banks, queues and batches begin in ``s``; a record's fields are below.
"""

from __future__ import annotations

from enum import IntEnum

FOREVER = 1 << 60
"""Later than anything."""
LONG_AGO = -(1 << 40)
"""Before anything that could still matter."""
BLOOM = 1024
"""Counters that say in one look that no pending request has an address."""
MARGIN = 4
"""Column commands a row may serve while another row's request is the oldest of its bank."""


class Account(IntEnum):
    """What a clock of a channel went to; each clock is in exactly one class."""

    BANDWIDTH = 0
    TURNAROUND = 1
    ROW = 2
    REFRESH = 3
    LATENCY = 4
    IDLE = 5


ACCOUNTS = tuple(member.name.lower() for member in Account)
"""Names of the classes, in the order of the state."""
(BANDWIDTH, TURNAROUND, ROW_WAIT, REFRESH, LATENCY, IDLE) = range(6)

# Configuration: ``c``.
(
    CYCLES, CLOCKS, DATA, READ_END, WRITE_END,
    READ_READ_L, READ_READ_S, READ_READ_R, READ_WRITE, READ_WRITE_R,
    WRITE_WRITE_L, WRITE_WRITE_S, WRITE_WRITE_R, WRITE_READ_L, WRITE_READ_S, WRITE_READ_R,
    ACT_READ, ACT_WRITE, ACT_PRE, PRE_ACT, ACT_ACT, ACT_ACT_L, ACT_ACT_S, FAW,
    READ_PRE, WRITE_PRE, PRE_PRE, REF_ACT, REF_INTERVAL,
    N_RANKS, N_GROUPS, N_BANKS, RANK_GROUPS, GROUP_BANKS,
    BURST_SHIFT, CHANNEL_SHIFT, CHANNEL_MASK, RANK_SHIFT, RANK_MASK, GROUP_SHIFT, GROUP_MASK,
    BANK_SHIFT, BANK_MASK, ROW_SHIFT, ROW_MASK, CAPACITY,
    WINDOW, DEPTH, N_SOURCES, CREDITS, IS_POSTED, IS_DUAL, IS_CLOSED,
    RING_MASK, FIFO_MASK, N_WAITERS, N_FLIGHTS,
    SOURCES, BATCHES, QUEUE, BANK_QUEUES, SLOTS, WAITERS, FLIGHTS, FILTER,
    SIZE, CONFIG,
) = range(67)  # fmt: skip

# State: scalars of ``s``, then counts and accounts.
(
    NOW, DONE_AT, LAST_BANK, LAST_SOURCE, N_QUEUED, N_BANKED, N_MOVABLE, FREE_SLOT, FREE_WAITER,
    DATA_SLOT_END, DATA_END, LAST_CLASS, LAST_KIND, REF_DUE, REF_RANK, NEXT_ISSUE,
    FLYING, ACCEPTED_AT, N_COMMANDS, N_WAITING, AT_CYCLE,
) = range(21)  # fmt: skip
(
    ACTIVATES, PRECHARGES, READS, WRITES, REFRESHES, HITS, MISSES, CONFLICTS, TURNS, MERGED,
    FORWARDED, ACTIVE_CLOCKS, ACCEPTED,
) = range(24, 37)  # fmt: skip
COUNTS = (
    "activates", "precharges", "reads", "writes", "refreshes", "row_hits", "row_misses",
    "row_conflicts", "turnarounds", "merged", "forwarded", "active_rank_clocks", "accepted",
)  # fmt: skip
"""Names of the counts, in the order of the state."""
ACCOUNT = 40
LOGGED = 48

(LOGGED_AT, LOGGED_KIND, LOGGED_BANK) = range(3)
LOG = 3

# What every rank, bank group and bank has: one column of ``s`` per figure, at a fixed place, since
# the kernel looks at little else.
MAX_RANKS, MAX_GROUPS, MAX_BANKS = 8, 32, 64
(WAITING, REF_END, RANK_QUEUED, RANK_OPEN, RANK_PRE_AT, FAW_0, FAW_1, FAW_2, FAW_3) = range(
    64, 64 + 9 * MAX_RANKS, MAX_RANKS
)
(READ_SAME, READ_TURN, WRITE_SAME, WRITE_TURN, GROUP_ACT, GROUP_RANK) = range(
    136, 136 + 6 * MAX_GROUPS, MAX_GROUPS
)
(
    ROW, OWNER, ACT_AT, READ_AT, WRITE_AT, PRE_AT, SERVED, LENGTH, BEHIND, HIT_READ, HIT_WRITE,
    READY, HIT_READY, WAS_CLOSED_FOR_ROW, BANK_RANK, BANK_GROUP,
) = range(328, 328 + 16 * MAX_BANKS, MAX_BANKS)  # fmt: skip
HEADER = 328 + 16 * MAX_BANKS

# Records, which begin where ``c`` says.
(
    HEAD, TAIL, SENDING, FIRST_BATCH, LAST_BATCH, OUTSTANDING, SOURCE_ACTIVATES, SOURCE_HITS,
    SOURCE_CONFLICTS,
) = range(9)  # fmt: skip
SOURCE = 10
SOURCE_COUNTS = ("activates", "row_hits", "row_conflicts")
"""Names of a source's own counts, in the order of its record."""
(LEFT, UNSENT, IS_WRITE, END, IS_TAKEN, NUMBER) = range(6)
BATCH = 6
(ADDRESS, SLOT_BANK, SLOT_ROW, SLOT_WRITE, SLOT_SOURCE, SLOT_BATCH, SLOT_WAITER) = range(7)
SLOT = 8
(WAITER_SOURCE, WAITER_BATCH, WAITER_COUNT, WAITER_NEXT) = range(4)
WAITER = 4
(FLIGHT_END, FLIGHT_SOURCE, FLIGHT_COUNT) = range(3)
FLIGHT = 3

# Commands, as the log shows them.
(NONE, ACT, PRE, RD, WR, REF, PRE_REFRESH, PRE_AUTO) = range(8)

FULL, BAD = -1, -2
"""Why a batch was not queued."""

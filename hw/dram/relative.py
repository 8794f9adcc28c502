"""A channel's state in relative terms, and the same state moved in time and rows.

What the channel will do depends on "not before" clocks as far as they lie ahead, on open rows and
addresses relative to their source's origin, on the order in queues and batches, on round robin
pointers. That, in one canonical order, is what `write_relative` returns; equal rows of integers
behave alike until the next refresh falls due. Of addresses of different sources only the banks
are compared: sources must not share rows.
"""

# ruff: noqa: F403, F405  # the names are the fields of the arrays, all in one place

from __future__ import annotations

from stallscope.hw.dram.jit import Ints, helper
from stallscope.hw.dram.layout import *
from stallscope.hw.dram.queues import batch_place, filter_of

__all__ = ["move_state", "write_relative"]

SLOT_INTS = 5
"""Integers per pending request: address, direction, source, batch, joiners."""
BATCH_INTS = 5
"""Integers per batch under way."""


@helper
def ahead(t: int, now: int) -> int:
    """How far a clock lies ahead; all of the past is alike."""
    return max(t - now, 0)


@helper
def write_relative(s: Ints, c: Ints, fifo: Ints, origins: Ints, out: Ints) -> int:
    """Write the relative state to ``out``, long enough; return how many integers it is.

    ``origins`` has, per source, the row its addresses are counted from.
    """
    now = s[NOW]
    out[0] = s[LAST_BANK]
    out[1] = s[LAST_SOURCE]
    out[2] = s[N_QUEUED]
    out[3] = ahead(s[DATA_SLOT_END], now)
    out[4] = ahead(s[DATA_END], now)
    out[5] = s[LAST_KIND]
    out[6] = s[REF_RANK]
    out[7] = s[LAST_CLASS]
    n = write_ranks(s, c, now, out, 8)
    n = write_banks(s, c, origins, now, out, n)
    for i in range(s[N_QUEUED]):
        n = write_slot(s, c, s[c[QUEUE] + i], origins, out, n)
    for i in range(s[FLYING]):
        o = c[FLIGHTS] + i * FLIGHT
        out[n] = s[o + FLIGHT_END] - now
        out[n + 1] = s[o + FLIGHT_SOURCE]
        out[n + 2] = s[o + FLIGHT_COUNT]
        n += 3
    return write_sources(s, c, fifo, origins, now, out, n)


@helper
def write_ranks(s: Ints, c: Ints, now: int, out: Ints, n: int) -> int:
    """Write ranks and bank groups."""
    for rank in range(c[N_RANKS]):
        out[n] = s[WAITING + rank]
        out[n + 1] = ahead(s[REF_END + rank], now)
        out[n + 2] = ahead(s[RANK_PRE_AT + rank], now)
        out[n + 3] = ahead(s[FAW_0 + rank] + c[FAW], now)
        out[n + 4] = ahead(s[FAW_1 + rank] + c[FAW], now)
        out[n + 5] = ahead(s[FAW_2 + rank] + c[FAW], now)
        out[n + 6] = ahead(s[FAW_3 + rank] + c[FAW], now)
        n += 7
    for group in range(c[N_GROUPS]):
        out[n] = ahead(s[READ_SAME + group], now)
        out[n + 1] = ahead(s[READ_TURN + group], now)
        out[n + 2] = ahead(s[WRITE_SAME + group], now)
        out[n + 3] = ahead(s[WRITE_TURN + group], now)
        out[n + 4] = ahead(s[GROUP_ACT + group], now)
        n += 5
    return n


@helper
def write_banks(s: Ints, c: Ints, origins: Ints, now: int, out: Ints, n: int) -> int:
    """Write banks and their queues; of a closed bank only when it may be opened matters."""
    for bank in range(c[N_BANKS]):
        is_open = s[ROW + bank] >= 0
        out[n] = ahead(s[ACT_AT + bank], now)
        out[n + 1] = s[WAS_CLOSED_FOR_ROW + bank]
        out[n + 2] = s[LENGTH + bank]
        out[n + 3] = s[OWNER + bank] if is_open else -1
        n += 4
        if is_open:
            out[n] = s[ROW + bank] - origins[s[OWNER + bank]]
            out[n + 1] = ahead(s[READ_AT + bank], now)
            out[n + 2] = ahead(s[WRITE_AT + bank], now)
            out[n + 3] = ahead(s[PRE_AT + bank], now)
            out[n + 4] = min(s[SERVED + bank], MARGIN)
            out[n + 5] = (s[HIT_READ + bank] + 1) * (c[DEPTH] + 1) + s[HIT_WRITE + bank]
            n += 6
        first = c[BANK_QUEUES] + bank * c[DEPTH]
        for i in range(s[LENGTH + bank]):
            n = write_slot(s, c, s[first + i], origins, out, n)
    return n


@helper
def nth_batch(s: Ints, c: Ints, source: int, batch: int) -> int:
    """Which of its source's batches under way a batch is."""
    return batch - s[c[SOURCES] + source * SOURCE + FIRST_BATCH]


@helper
def write_slot(s: Ints, c: Ints, slot: int, origins: Ints, out: Ints, n: int) -> int:
    """Write a pending request and those that joined it."""
    o = c[SLOTS] + slot * SLOT
    source = s[o + SLOT_SOURCE]
    out[n] = s[o + ADDRESS] - (origins[source] << c[ROW_SHIFT])
    out[n + 1] = s[o + SLOT_WRITE]
    out[n + 2] = source
    out[n + 3] = nth_batch(s, c, source, s[o + SLOT_BATCH])
    at = n + 4
    n += SLOT_INTS
    waiter = s[o + SLOT_WAITER]
    joined = 0
    while waiter >= 0:
        w = c[WAITERS] + waiter * WAITER
        out[n] = s[w + WAITER_SOURCE]
        out[n + 1] = nth_batch(s, c, s[w + WAITER_SOURCE], s[w + WAITER_BATCH])
        out[n + 2] = s[w + WAITER_COUNT]
        n += 3
        joined += 1
        waiter = s[w + WAITER_NEXT]
    out[at] = joined
    return n


@helper
def write_sources(s: Ints, c: Ints, fifo: Ints, origins: Ints, now: int, out: Ints, n: int) -> int:
    """Write what each source has under way and not accepted yet."""
    for source in range(c[N_SOURCES]):
        o = c[SOURCES] + source * SOURCE
        out[n] = s[o + OUTSTANDING]
        out[n + 1] = s[o + LAST_BATCH] - s[o + FIRST_BATCH]
        out[n + 2] = s[o + TAIL] - s[o + HEAD]
        n += 3
        for i in range(s[o + FIRST_BATCH], s[o + LAST_BATCH]):
            b = batch_place(c, source, i)
            out[n] = s[b + LEFT]
            out[n + 1] = s[b + UNSENT]
            out[n + 2] = s[b + IS_WRITE]
            out[n + 3] = ahead(s[b + END], now)
            out[n + 4] = s[b + IS_TAKEN]
            n += BATCH_INTS
        origin = origins[source] << c[ROW_SHIFT]
        for i in range(s[o + HEAD], s[o + TAIL]):
            out[n] = fifo[source, i & c[FIFO_MASK]] - origin
            n += 1
    return n


@helper
def move_state(s: Ints, c: Ints, fifo: Ints, clocks: int, rows: Ints) -> None:
    """Move the state ``clocks`` on and each source's addresses by its ``rows``.

    When refreshes fall due stays as it is. Accounts and counts stay, too.
    """
    for field in (NOW, DATA_SLOT_END, DATA_END, ACCEPTED_AT):
        s[field] += clocks
    s[DONE_AT] = min(s[DONE_AT] + clocks, FOREVER)
    s[AT_CYCLE] = s[NOW] * c[CYCLES] // c[CLOCKS]
    move_columns(s, clocks)
    for i in range(c[N_BANKS]):
        if s[ROW + i] >= 0:
            s[ROW + i] += rows[s[OWNER + i]]
        for k in range(s[LENGTH + i]):
            move_slot(s, c, s[c[BANK_QUEUES] + i * c[DEPTH] + k], rows)
    for i in range(s[N_QUEUED]):
        move_slot(s, c, s[c[QUEUE] + i], rows)
    for i in range(s[FLYING]):
        s[c[FLIGHTS] + i * FLIGHT + FLIGHT_END] += clocks
    move_sources(s, c, fifo, clocks, rows)
    refill_filter(s, c)


@helper
def move_columns(s: Ints, clocks: int) -> None:
    """Move the "not before" clocks of all ranks, groups and banks, those that are not there too."""
    for i in range(MAX_RANKS):
        for field in (REF_END, RANK_PRE_AT, FAW_0, FAW_1, FAW_2, FAW_3):
            s[field + i] += clocks
    for i in range(MAX_GROUPS):
        for field in (READ_SAME, READ_TURN, WRITE_SAME, WRITE_TURN, GROUP_ACT):
            s[field + i] += clocks
    for i in range(MAX_BANKS):
        for field in (ACT_AT, READ_AT, WRITE_AT, PRE_AT):
            s[field + i] += clocks


@helper
def move_slot(s: Ints, c: Ints, slot: int, rows: Ints) -> None:
    """Move a pending request by its source's rows."""
    o = c[SLOTS] + slot * SLOT
    s[o + ADDRESS] += rows[s[o + SLOT_SOURCE]] << c[ROW_SHIFT]
    s[o + SLOT_ROW] += rows[s[o + SLOT_SOURCE]]


@helper
def move_sources(s: Ints, c: Ints, fifo: Ints, clocks: int, rows: Ints) -> None:
    """Move batches in time and what is not accepted yet in rows."""
    for source in range(c[N_SOURCES]):
        o = c[SOURCES] + source * SOURCE
        for i in range(s[o + FIRST_BATCH], s[o + LAST_BATCH]):
            s[batch_place(c, source, i) + END] += clocks
        for i in range(s[o + HEAD], s[o + TAIL]):
            fifo[source, i & c[FIFO_MASK]] += rows[source] << c[ROW_SHIFT]


@helper
def refill_filter(s: Ints, c: Ints) -> None:
    """Count the pending addresses anew."""
    for i in range(BLOOM):
        s[c[FILTER] + i] = 0
    for i in range(s[N_QUEUED]):
        s[filter_of(c, s[c[SLOTS] + s[c[QUEUE] + i] * SLOT + ADDRESS])] += 1
    for bank in range(c[N_BANKS]):
        for i in range(s[LENGTH + bank]):
            slot = s[c[BANK_QUEUES] + bank * c[DEPTH] + i]
            s[filter_of(c, s[c[SLOTS] + slot * SLOT + ADDRESS])] += 1

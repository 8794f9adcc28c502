"""Requests on their way through a channel: accepted, queued by bank, served, their batch ended.

Each clock at most one request is accepted, round robin among the sources that offer one; at most
one moves from the transaction queue to its bank's queue (the oldest whose bank queue has room). A
request to an address that has a request pending joins it: a read joins a pending read and is
served by a pending write; a write joins a pending write.
"""

# ruff: noqa: F403, F405  # the names are the fields of the arrays, all in one place

from __future__ import annotations

from stallscope.hw.dram.jit import Ints, helper
from stallscope.hw.dram.layout import *

__all__ = [
    "accept",
    "bank_of",
    "batch_place",
    "complete",
    "filter_of",
    "hits",
    "land",
    "move",
    "next_offer",
]


@helper
def bank_of(c: Ints, address: int) -> int:
    """Bank queue of a burst address: banks of a group, groups of a rank, ranks."""
    rank = (address >> c[RANK_SHIFT]) & c[RANK_MASK]
    group = (address >> c[GROUP_SHIFT]) & c[GROUP_MASK]
    bank = (address >> c[BANK_SHIFT]) & c[BANK_MASK]
    return (rank * c[RANK_GROUPS] + group) * c[GROUP_BANKS] + bank


@helper
def batch_place(c: Ints, source: int, batch: int) -> int:
    """Where the record of a source's batch is; batches are counted from the source's first."""
    return c[BATCHES] + (source * (c[RING_MASK] + 1) + (batch & c[RING_MASK])) * BATCH


@helper
def filter_of(c: Ints, address: int) -> int:
    """Counter of the filter that an address falls on."""
    return c[FILTER] + ((address ^ (address >> 10) ^ (address >> 20)) & (BLOOM - 1))


@helper
def offering(s: Ints, c: Ints) -> int:
    """Return the source whose request is taken next, or -1 if none offers one."""
    for step in range(1, c[N_SOURCES] + 1):
        source = s[LAST_SOURCE] + step
        if source >= c[N_SOURCES]:
            source -= c[N_SOURCES]
        o = c[SOURCES] + source * SOURCE
        if s[o + TAIL] > s[o + HEAD] and (c[CREDITS] == 0 or s[o + OUTSTANDING] < c[CREDITS]):
            return source
    return -1


@helper
def next_offer(s: Ints, c: Ints, t: int) -> int:
    """Clock after ``t`` at which a request can be accepted next, as far as is known."""
    if s[N_QUEUED] >= c[WINDOW]:
        return FOREVER
    if offering(s, c) >= 0:
        return t + 1
    at = FOREVER
    for i in range(s[FLYING]):
        at = min(at, s[c[FLIGHTS] + i * FLIGHT + FLIGHT_END] + 1)
    return max(at, t + 1)


@helper
def fly(s: Ints, c: Ints, end: int, source: int, count: int) -> None:
    """Give the credit of ``count`` requests back after clock ``end``."""
    if c[CREDITS]:
        o = c[FLIGHTS] + s[FLYING] * FLIGHT
        s[o + FLIGHT_END] = end
        s[o + FLIGHT_SOURCE] = source
        s[o + FLIGHT_COUNT] = count
        s[FLYING] += 1


@helper
def land(s: Ints, c: Ints, t: int) -> None:
    """Take back the credits of requests that ended before clock ``t``."""
    kept = 0
    for i in range(s[FLYING]):
        o = c[FLIGHTS] + i * FLIGHT
        if s[o + FLIGHT_END] < t:
            source = c[SOURCES] + s[o + FLIGHT_SOURCE] * SOURCE
            s[source + OUTSTANDING] -= s[o + FLIGHT_COUNT]
        else:
            k = c[FLIGHTS] + kept * FLIGHT
            for field in range(FLIGHT):
                s[k + field] = s[o + field]
            kept += 1
    s[FLYING] = kept


@helper
def finish(s: Ints, c: Ints, source: int, batch: int, count: int, end: int) -> None:
    """Book the end of the data of ``count`` requests of a batch."""
    o = batch_place(c, source, batch)
    s[o + LEFT] -= count
    s[o + END] = max(s[o + END], end)
    if s[o + LEFT] == 0:
        s[DONE_AT] = min(s[DONE_AT], s[o + END])


@helper
def accept(s: Ints, c: Ints, fifo: Ints, t: int) -> None:
    """Accept one request at clock ``t``, if a source offers one and there is room."""
    if s[FLYING]:
        land(s, c, t)
    if s[N_QUEUED] >= c[WINDOW]:
        return
    source = offering(s, c)
    if source < 0:
        return
    s[LAST_SOURCE] = source
    s[ACCEPTED_AT] = t
    s[ACCEPTED] += 1
    o = c[SOURCES] + source * SOURCE
    address = fifo[source, s[o + HEAD] & c[FIFO_MASK]]
    s[o + HEAD] += 1
    batch = s[o + SENDING]
    b = batch_place(c, source, batch)
    is_write = s[b + IS_WRITE]
    s[b + UNSENT] -= 1
    if s[b + UNSENT] == 0:
        s[o + SENDING] += 1
    if c[CREDITS]:
        s[o + OUTSTANDING] += 1
        if is_write and c[IS_POSTED]:
            fly(s, c, t + 1, source, 1)
    if s[filter_of(c, address)] == 0 or not join(s, c, address, is_write, source, batch, t):
        enqueue(s, c, address, is_write, source, batch)


@helper
def enqueue(s: Ints, c: Ints, address: int, is_write: int, source: int, batch: int) -> None:
    """Put a request at the end of the transaction queue."""
    slot = s[FREE_SLOT]
    o = c[SLOTS] + slot * SLOT
    s[FREE_SLOT] = s[o]
    bank = bank_of(c, address)
    s[o + ADDRESS] = address
    s[o + SLOT_BANK] = bank
    s[o + SLOT_ROW] = (address >> c[ROW_SHIFT]) & c[ROW_MASK]
    s[o + SLOT_WRITE] = is_write
    s[o + SLOT_SOURCE] = source
    s[o + SLOT_BATCH] = batch
    s[o + SLOT_WAITER] = -1
    s[filter_of(c, address)] += 1
    s[c[QUEUE] + s[N_QUEUED]] = slot
    s[N_QUEUED] += 1
    s[BEHIND + bank] += 1
    if s[LENGTH + bank] < c[DEPTH]:
        s[N_MOVABLE] += 1


@helper
def pending(s: Ints, c: Ints, address: int, is_write: int) -> int:
    """Slot of the pending read or write to an address, or -1."""
    bank = bank_of(c, address)
    queue = c[BANK_QUEUES] + bank * c[DEPTH]
    for i in range(s[LENGTH + bank]):
        o = c[SLOTS] + s[queue + i] * SLOT
        if s[o + ADDRESS] == address and s[o + SLOT_WRITE] == is_write:
            return s[queue + i]
    for i in range(s[N_QUEUED]):
        o = c[SLOTS] + s[c[QUEUE] + i] * SLOT
        if s[o + ADDRESS] == address and s[o + SLOT_WRITE] == is_write:
            return s[c[QUEUE] + i]
    return -1


@helper
def join(s: Ints, c: Ints, address: int, is_write: int, source: int, batch: int, t: int) -> bool:
    """Let a request join a pending one to its address; False if there is none to join."""
    slot = pending(s, c, address, 1)
    if slot >= 0 and not is_write:
        s[FORWARDED] += 1
        finish(s, c, source, batch, 1, t + 1)
        fly(s, c, t + 1, source, 1)
        return True
    if slot < 0 and not is_write:
        slot = pending(s, c, address, 0)
    if slot < 0:
        return False
    o = c[SLOTS] + slot * SLOT
    last = s[o + SLOT_WAITER]
    w = c[WAITERS] + last * WAITER
    if last >= 0 and s[w + WAITER_SOURCE] == source and s[w + WAITER_BATCH] == batch:
        s[w + WAITER_COUNT] += 1
    elif s[FREE_WAITER] < 0:
        return False  # too many joined: it is served on its own
    else:
        new = s[FREE_WAITER]
        w = c[WAITERS] + new * WAITER
        s[FREE_WAITER] = s[w + WAITER_NEXT]
        s[w + WAITER_SOURCE] = source
        s[w + WAITER_BATCH] = batch
        s[w + WAITER_COUNT] = 1
        s[w + WAITER_NEXT] = last
        s[o + SLOT_WAITER] = new
    s[MERGED] += 1
    return True


@helper
def move(s: Ints, c: Ints) -> int:
    """Move the oldest transaction whose bank queue has room; return the bank, or -1."""
    if s[N_MOVABLE] == 0:
        return -1
    q = c[QUEUE]
    i = 0
    while s[LENGTH + s[c[SLOTS] + s[q + i] * SLOT + SLOT_BANK]] >= c[DEPTH]:
        i += 1
    slot = s[q + i]
    s[N_QUEUED] -= 1
    for j in range(i, s[N_QUEUED]):
        s[q + j] = s[q + j + 1]
    bank = s[c[SLOTS] + slot * SLOT + SLOT_BANK]
    s[c[BANK_QUEUES] + bank * c[DEPTH] + s[LENGTH + bank]] = slot
    s[LENGTH + bank] += 1
    s[BEHIND + bank] -= 1
    s[N_MOVABLE] -= 1
    if s[LENGTH + bank] == c[DEPTH]:
        s[N_MOVABLE] -= s[BEHIND + bank]
    s[N_BANKED] += 1
    s[RANK_QUEUED + s[BANK_RANK + bank]] += 1
    hits(s, c, bank)
    return bank


@helper
def hits(s: Ints, c: Ints, bank: int) -> None:
    """Find the first read and the first write of a bank queue that hit the open row.

    A write may not overtake a read of its address.
    """
    first = c[BANK_QUEUES] + bank * c[DEPTH]
    row = s[ROW + bank]
    s[HIT_READ + bank] = -1
    s[HIT_WRITE + bank] = -1
    for i in range(s[LENGTH + bank]):
        o = c[SLOTS] + s[first + i] * SLOT
        if s[o + SLOT_ROW] != row:
            continue
        if not s[o + SLOT_WRITE]:
            if s[HIT_READ + bank] < 0:
                s[HIT_READ + bank] = i
        elif s[HIT_WRITE + bank] < 0 and not overtakes(s, c, first, i):
            s[HIT_WRITE + bank] = i


@helper
def overtakes(s: Ints, c: Ints, first: int, i: int) -> bool:
    """Whether a write of a bank queue has an older read of its address before it."""
    address = s[c[SLOTS] + s[first + i] * SLOT + ADDRESS]
    same = 0
    for j in range(i):
        same += s[c[SLOTS] + s[first + j] * SLOT + ADDRESS] == address
    return same > 0


@helper
def complete(s: Ints, c: Ints, bank: int, index: int, end: int) -> None:
    """Take a served request out of its bank queue; its data and its joiners' end at ``end``."""
    first = c[BANK_QUEUES] + bank * c[DEPTH]
    slot = s[first + index]
    if s[LENGTH + bank] == c[DEPTH]:
        s[N_MOVABLE] += s[BEHIND + bank]
    s[LENGTH + bank] -= 1
    s[N_BANKED] -= 1
    s[RANK_QUEUED + s[BANK_RANK + bank]] -= 1
    for j in range(index, s[LENGTH + bank]):
        s[first + j] = s[first + j + 1]
    o = c[SLOTS] + slot * SLOT
    s[filter_of(c, s[o + ADDRESS])] -= 1
    has_credit = not (s[o + SLOT_WRITE] and c[IS_POSTED])
    served(s, c, s[o + SLOT_SOURCE], s[o + SLOT_BATCH], 1, end, has_credit)
    waiter = s[o + SLOT_WAITER]
    while waiter >= 0:
        w = c[WAITERS] + waiter * WAITER
        batch, count = s[w + WAITER_BATCH], s[w + WAITER_COUNT]
        served(s, c, s[w + WAITER_SOURCE], batch, count, end, has_credit)
        following = s[w + WAITER_NEXT]
        s[w + WAITER_NEXT] = s[FREE_WAITER]
        s[FREE_WAITER] = waiter
        waiter = following
    s[o] = s[FREE_SLOT]
    s[FREE_SLOT] = slot


@helper
def served(
    s: Ints, c: Ints, source: int, batch: int, count: int, end: int, has_credit: bool
) -> None:
    """Book served requests at their batch and, unless it is back already, their credit."""
    finish(s, c, source, batch, count, end)
    if has_credit:
        fly(s, c, end, source, count)

"""The compiled heart of the DRAM model: one channel from event to event.

Clock by clock, in this order: refreshes fall due; one request is accepted; one command is issued;
one transaction moves to its bank queue. Clocks at which none of that can happen are jumped over.
"""

# ruff: noqa: F403, F405  # the names are the fields of the arrays, all in one place

from __future__ import annotations

from typing import Any

from stallscope.hw.dram.jit import STAMP, Ints, entry, helper
from stallscope.hw.dram.layout import *
from stallscope.hw.dram.queues import accept, batch_place, move, next_offer
from stallscope.hw.dram.relative import move_state, write_relative
from stallscope.hw.dram.scheduling import due, earliest_hit, issue, plan, plan_bank

__all__ = ["relative", "run", "shift", "submit", "take_done", "trace"]


@helper
def step(s: Ints, c: Ints, fifo: Ints, t: int) -> int:
    """Let clock ``t`` happen; return the next clock at which something can."""
    due(s, c, t)
    accept(s, c, fifo, t)
    issue(s, c, t)
    bank = move(s, c)
    if bank >= 0:
        s[NEXT_ISSUE] = min(s[NEXT_ISSUE], plan_bank(s, bank))
    if s[N_MOVABLE] or s[NEXT_ISSUE] <= t + 1:
        return t + 1
    return min(s[NEXT_ISSUE], s[REF_DUE], next_offer(s, c, t))


@helper
def classify(s: Ints, c: Ints, t: int) -> tuple[int, int]:
    """Class of clock ``t``, and until when it lasts if nothing happens."""
    if t < s[DATA_SLOT_END]:
        return BANDWIDTH, s[DATA_SLOT_END]
    if s[N_BANKED] == 0:
        return classify_waiting(s, c, t)
    if s[NEXT_ISSUE] <= t and s[N_COMMANDS] == 0:
        # A request has just come to its bank queue: its first command is the next clock's.
        return LATENCY, t + 1
    hit_at, holding = earliest_hit(s, c)
    if hit_at < FOREVER:
        # A column command that could go now has lost the clock to another command.
        return ROW_WAIT if hit_at <= t else holding, max(hit_at, t + 1)
    until = FOREVER
    for rank in range(c[N_RANKS]):
        if s[RANK_QUEUED + rank] == 0 or s[WAITING + rank]:
            continue
        if s[REF_END + rank] <= t:
            return ROW_WAIT, FOREVER
        until = min(until, s[REF_END + rank])
    return REFRESH, until


@helper
def classify_waiting(s: Ints, c: Ints, t: int) -> tuple[int, int]:
    """Class of clock ``t`` with nothing in the bank queues."""
    if s[N_QUEUED] or t < s[DATA_END]:
        return LATENCY, FOREVER if s[N_QUEUED] else s[DATA_END]
    for source in range(c[N_SOURCES]):
        o = c[SOURCES] + source * SOURCE
        if s[o + TAIL] > s[o + HEAD]:
            return LATENCY, FOREVER
    return IDLE, FOREVER


@helper
def account(s: Ints, c: Ints, t: int, end: int) -> None:
    """Book the clocks from ``t`` to ``end``, between which nothing happens."""
    for rank in range(c[N_RANKS]):
        if s[RANK_OPEN + rank]:
            s[ACTIVE_CLOCKS] += end - t
    while t < end:
        kind, until = classify(s, c, t)
        until = min(until, end)
        cycle = until * c[CYCLES]
        if c[CLOCKS] > 1:
            cycle //= c[CLOCKS]
        s[ACCOUNT + kind] += cycle - s[AT_CYCLE]
        s[AT_CYCLE] = cycle
        s[LAST_CLASS] = kind
        t = until


@helper
def advance(s: Ints, c: Ints, fifo: Ints, limit: int) -> None:
    """Process clocks until ``limit``, or until the first batch not taken yet has ended."""
    plan(s, c)
    t = s[NOW]
    while t < limit and t < s[DONE_AT]:
        following = min(step(s, c, fifo, t), limit, s[DONE_AT])
        following = max(following, t + 1)
        account(s, c, t, following)
        t = following
        s[NOW] = t


@helper
def take(s: Ints, c: Ints, upto: int, done: Ints) -> int:
    """Take the batches that have ended by clock ``upto``; rows of ``done``: end, source, number."""
    found = 0
    s[DONE_AT] = FOREVER
    for source in range(c[N_SOURCES]):
        o = c[SOURCES] + source * SOURCE
        for i in range(s[o + FIRST_BATCH], s[o + LAST_BATCH]):
            b = batch_place(c, source, i)
            if s[b + LEFT] == 0 and not s[b + IS_TAKEN]:
                if s[b + END] <= upto and found < len(done):
                    s[b + IS_TAKEN] = 1
                    done[found, 0] = s[b + END]
                    done[found, 1] = source
                    done[found, 2] = s[b + NUMBER]
                    found += 1
                else:
                    s[DONE_AT] = min(s[DONE_AT], s[b + END])
            if s[b + IS_TAKEN] and i == s[o + FIRST_BATCH]:
                s[o + FIRST_BATCH] += 1
    return found


@helper
def record(s: Ints, c: Ints, fifo: Ints, limit: int, log: Ints) -> int:
    """As `advance`, one clock at a time, noting each command; rows: clock, kind, bank."""
    plan(s, c)
    count = 0
    while s[NOW] < limit and s[NOW] < s[DONE_AT] and count + LOG < len(log):
        t = s[NOW]
        step(s, c, fifo, t)
        for i in range(s[N_COMMANDS]):
            for field in range(LOG):
                log[count, field] = s[LOGGED + i * LOG + field]
            count += 1
        account(s, c, t, t + 1)
        s[NOW] = t + 1
    return count


@helper
def push(
    s: Ints,
    c: Ints,
    fifo: Ints,
    source: int,
    addresses: Ints,
    is_write: int,
    number: int,
    channel: int,
) -> int:
    """Queue the requests of a batch that fall on a channel.

    Returns:
        Requests queued; else nothing was queued: FULL if the ring of batches or the queue is, BAD
        if an address is outside the memory or within a burst.
    """
    count = 0
    within = (1 << c[BURST_SHIFT]) - 1
    for address in addresses:
        burst = address >> c[BURST_SHIFT]
        if address & within or burst < 0 or burst >= c[CAPACITY]:
            return BAD
        count += (burst >> c[CHANNEL_SHIFT]) & c[CHANNEL_MASK] == channel
    o = c[SOURCES] + source * SOURCE
    if s[o + TAIL] - s[o + HEAD] + count > c[FIFO_MASK] + 1:
        return FULL
    if s[o + LAST_BATCH] - s[o + FIRST_BATCH] > c[RING_MASK]:
        return FULL
    if count == 0:
        return 0
    for address in addresses:
        burst = address >> c[BURST_SHIFT]
        if (burst >> c[CHANNEL_SHIFT]) & c[CHANNEL_MASK] == channel:
            fifo[source, s[o + TAIL] & c[FIFO_MASK]] = burst
            s[o + TAIL] += 1
    b = batch_place(c, source, s[o + LAST_BATCH])
    s[b + LEFT] = count
    s[b + UNSENT] = count
    s[b + IS_WRITE] = is_write
    s[b + END] = 0
    s[b + IS_TAKEN] = 0
    s[b + NUMBER] = number
    s[o + LAST_BATCH] += 1
    return count


def _entries(stamp: int) -> tuple[Any, ...]:
    """Make the entry points; the stamp is part of the key under which they are kept."""

    @entry
    def run(s: Ints, c: Ints, fifo: Ints, limit: int) -> None:
        if stamp:
            advance(s, c, fifo, limit)

    @entry
    def take_done(s: Ints, c: Ints, upto: int, done: Ints) -> int:
        return take(s, c, upto, done) if stamp else 0

    @entry
    def trace(s: Ints, c: Ints, fifo: Ints, limit: int, log: Ints) -> int:
        return record(s, c, fifo, limit, log) if stamp else 0

    @entry
    def submit(
        s: Ints,
        c: Ints,
        fifo: Ints,
        source: int,
        addresses: Ints,
        is_write: int,
        number: int,
        channel: int,
    ) -> int:
        return push(s, c, fifo, source, addresses, is_write, number, channel) if stamp else 0

    @entry
    def relative(s: Ints, c: Ints, fifo: Ints, origins: Ints, out: Ints) -> int:
        return write_relative(s, c, fifo, origins, out) if stamp else 0

    @entry
    def shift(s: Ints, c: Ints, fifo: Ints, clocks: int, rows: Ints) -> None:
        if stamp:
            move_state(s, c, fifo, clocks, rows)

    return run, take_done, trace, submit, relative, shift


run, take_done, trace, submit, relative, shift = _entries(STAMP)

"""From a device and options to the arrays the kernel works on."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from stallscope.hw.dram import layout as at
from stallscope.hw.dram.jit import Ints
from stallscope.mappings.dram import (
    AddressField,
    DramController,
    DramDevice,
    RowPolicy,
    address_fields,
)

__all__ = ["configuration", "grown", "initial_state", "relative_ints"]

WAITERS = 256
"""Runs of requests that joined pending ones; one more is served on its own."""


def configuration(
    device: DramDevice,
    options: DramController,
    *,
    sources: int,
    cycles_per_clock: Fraction,
    ring: int,
    fifo: int,
) -> Ints:
    """Return the configuration of one channel.

    ``ring`` and ``fifo``, powers of two, are the batches and the requests not accepted yet that a
    source has room for at first.
    """
    c = np.zeros(at.CONFIG, dtype=np.int64)
    c[at.CYCLES], c[at.CLOCKS] = cycles_per_clock.numerator, cycles_per_clock.denominator
    _set_columns(c, device)
    _set_rows(c, device, options)
    _set_addresses(c, device, options)
    c[at.WINDOW], c[at.DEPTH] = options.window, options.bank_queue
    c[at.N_SOURCES], c[at.CREDITS] = sources, options.outstanding or 0
    c[at.IS_POSTED] = options.posted_writes
    dual = options.dual_command
    c[at.IS_DUAL] = device.organisation.dual_command if dual is None else dual
    c[at.IS_CLOSED] = options.row_policy is RowPolicy.CLOSED
    c[at.RING_MASK], c[at.FIFO_MASK], c[at.N_WAITERS] = ring - 1, fifo - 1, WAITERS
    # A column command, a joiner and a forwarded read a clock at most, each until its data have
    # ended; and all joiners that waited when the first of them did.
    flights = 3 * max(c[at.READ_END], c[at.WRITE_END]) + 8 + WAITERS
    c[at.N_FLIGHTS] = flights if c[at.CREDITS] else 0
    _set_places(c)
    return c


def _set_columns(c: Ints, device: DramDevice) -> None:
    """Clocks from column command to column command, and to the end of data."""
    timings, data = device.timings, device.burst_clocks
    read_end, write_end = device.read_latency + data, device.write_latency + data
    short, long = max(data, timings.tCCD_S), max(data, timings.tCCD_L)
    other_rank = data + timings.tRTRS
    c[at.DATA], c[at.READ_END], c[at.WRITE_END] = data, read_end, write_end
    c[at.READ_READ_L] = c[at.WRITE_WRITE_L] = long
    c[at.READ_READ_S] = c[at.WRITE_WRITE_S] = short
    c[at.READ_READ_R] = c[at.WRITE_WRITE_R] = other_rank
    c[at.READ_WRITE] = c[at.READ_WRITE_R] = device.tRTW
    c[at.WRITE_READ_L] = write_end + timings.tWTR_L
    c[at.WRITE_READ_S] = write_end + timings.tWTR_S
    c[at.WRITE_READ_R] = max(write_end + timings.tRTRS - device.read_latency, 1)


def _set_rows(c: Ints, device: DramDevice, options: DramController) -> None:
    """Clocks from and to row commands, and refresh."""
    timings, built = device.timings, device.organisation
    c[at.ACT_READ], c[at.ACT_WRITE] = timings.tRCDRD - timings.AL, timings.tRCDWR - timings.AL
    c[at.ACT_PRE], c[at.PRE_ACT] = timings.tRAS, timings.tRP
    c[at.ACT_ACT] = timings.tRAS + timings.tRP
    c[at.ACT_ACT_L], c[at.ACT_ACT_S], c[at.FAW] = timings.tRRD_L, timings.tRRD_S, timings.tFAW
    c[at.READ_PRE] = timings.AL + timings.tRTP
    c[at.WRITE_PRE] = c[at.WRITE_END] + timings.tWR
    c[at.PRE_PRE], c[at.REF_ACT] = timings.tPPD, timings.tRFC
    # Ranks take turns, so that one of them falls due every interval.
    interval = max(timings.tREFI // built.ranks, 1)
    c[at.REF_INTERVAL] = interval if options.refresh else at.FOREVER
    c[at.N_RANKS], c[at.RANK_GROUPS] = built.ranks, built.bank_groups
    c[at.GROUP_BANKS] = built.banks_per_group
    c[at.N_GROUPS] = built.ranks * built.bank_groups
    c[at.N_BANKS] = c[at.N_GROUPS] * built.banks_per_group


def _set_addresses(c: Ints, device: DramDevice, options: DramController) -> None:
    places = {
        AddressField.CHANNEL: (at.CHANNEL_SHIFT, at.CHANNEL_MASK),
        AddressField.RANK: (at.RANK_SHIFT, at.RANK_MASK),
        AddressField.BANK_GROUP: (at.GROUP_SHIFT, at.GROUP_MASK),
        AddressField.BANK: (at.BANK_SHIFT, at.BANK_MASK),
        AddressField.ROW: (at.ROW_SHIFT, at.ROW_MASK),
    }
    for field, (low, bits) in address_fields(device, options).items():
        if field in places:
            shift, mask = places[field]
            c[shift], c[mask] = low, (1 << bits) - 1
    c[at.BURST_SHIFT] = device.burst_bytes.bit_length() - 1
    c[at.CAPACITY] = device.capacity_bytes // device.burst_bytes


def _set_places(c: Ints) -> None:
    """Lay out the records of the state one after the other."""
    slots = c[at.WINDOW] + c[at.N_BANKS] * c[at.DEPTH]
    sizes = (
        (at.SOURCES, c[at.N_SOURCES] * at.SOURCE),
        (at.QUEUE, c[at.WINDOW]),
        (at.BANK_QUEUES, c[at.N_BANKS] * c[at.DEPTH]),
        (at.SLOTS, slots * at.SLOT),
        (at.WAITERS, c[at.N_WAITERS] * at.WAITER),
        (at.FLIGHTS, c[at.N_FLIGHTS] * at.FLIGHT),
        (at.FILTER, at.BLOOM),
        (at.BATCHES, c[at.N_SOURCES] * (c[at.RING_MASK] + 1) * at.BATCH),
    )
    place = at.HEADER
    for name, size in sizes:
        c[name] = place
        place += int(size)
    c[at.SIZE] = place


def initial_state(c: Ints) -> Ints:
    """Return the state of a channel at clock 0: all banks closed, nothing pending."""
    s = np.zeros(int(c[at.SIZE]), dtype=np.int64)
    s[at.DONE_AT] = s[at.NEXT_ISSUE] = at.FOREVER
    # The clock of the first acceptance is the first that the refresh counter counts.
    s[at.REF_DUE] = c[at.REF_INTERVAL] - 1
    s[at.LAST_BANK], s[at.LAST_SOURCE] = 0, c[at.N_SOURCES] - 1
    s[at.LAST_CLASS] = at.Account.IDLE
    s[at.FAW_0 : at.FAW_3 + at.MAX_RANKS] = at.LONG_AGO
    groups, banks = np.arange(int(c[at.N_GROUPS])), np.arange(int(c[at.N_BANKS]))
    s[at.GROUP_RANK + groups] = groups // c[at.RANK_GROUPS]
    s[at.BANK_GROUP + banks] = banks // c[at.GROUP_BANKS]
    s[at.BANK_RANK + banks] = banks // c[at.GROUP_BANKS] // c[at.RANK_GROUPS]
    for field, value in (
        (at.ROW, -1),
        (at.HIT_READ, -1),
        (at.HIT_WRITE, -1),
        (at.READY, at.FOREVER),
        (at.HIT_READY, at.FOREVER),
    ):
        s[field : field + at.MAX_BANKS] = value
    _chain(s, int(c[at.SLOTS]), at.SLOT, 0, int(c[at.WINDOW] + c[at.N_BANKS] * c[at.DEPTH]))
    _chain(s, int(c[at.WAITERS]), at.WAITER, at.WAITER_NEXT, int(c[at.N_WAITERS]))
    s[at.FREE_SLOT] = s[at.FREE_WAITER] = 0
    return s


def _chain(s: Ints, place: int, record: int, link: int, count: int) -> None:
    """Link free records to a list, -1 at its end."""
    ends = place + link + record * np.arange(count)
    s[ends] = np.arange(1, count + 1)
    s[ends[-1]] = -1


def relative_ints(c: Ints) -> int:
    """Return the most integers a relative state can have."""
    built = 16 + 9 * c[at.N_RANKS] + 5 * c[at.N_GROUPS] + 10 * c[at.N_BANKS]
    pending = 5 * (c[at.WINDOW] + c[at.N_BANKS] * c[at.DEPTH])
    joined = 3 * (c[at.N_WAITERS] + c[at.N_FLIGHTS])
    queued = c[at.N_SOURCES] * (3 + 5 * (c[at.RING_MASK] + 1) + c[at.FIFO_MASK] + 1)
    return int(built + pending + joined + queued)


def grown(c: Ints, s: Ints, fifo: Ints, source: int, count: int) -> tuple[Ints, Ints, Ints]:
    """Return configuration, state and queue with room for ``count`` more requests of a source."""
    o = int(c[at.SOURCES]) + source * at.SOURCE
    waiting = int(s[o + at.TAIL] - s[o + at.HEAD])
    ring, size = int(c[at.RING_MASK]) + 1, int(c[at.FIFO_MASK]) + 1
    while size < waiting + count:
        size *= 2
    if s[o + at.LAST_BATCH] - s[o + at.FIRST_BATCH] >= ring:
        ring *= 2
    new_c = c.copy()
    new_c[at.RING_MASK], new_c[at.FIFO_MASK] = ring - 1, size - 1
    _set_places(new_c)
    new_s = np.zeros(int(new_c[at.SIZE]), dtype=np.int64)
    new_s[: c[at.BATCHES]] = s[: c[at.BATCHES]]  # the batches come last
    new_fifo = np.zeros((len(fifo), size), dtype=np.int64)
    for k in range(len(fifo)):
        o = int(c[at.SOURCES]) + k * at.SOURCE
        queued = np.arange(s[o + at.HEAD], s[o + at.TAIL])
        new_fifo[k, queued % size] = fifo[k, queued & c[at.FIFO_MASK]]
        for batch in range(int(s[o + at.FIRST_BATCH]), int(s[o + at.LAST_BATCH])):
            old = _batch_place(c, k, batch)
            new = _batch_place(new_c, k, batch)
            new_s[new : new + at.BATCH] = s[old : old + at.BATCH]
    return new_c, new_s, new_fifo


def _batch_place(c: Ints, source: int, batch: int) -> int:
    ring = int(c[at.RING_MASK]) + 1
    return int(c[at.BATCHES]) + (source * ring + batch % ring) * at.BATCH

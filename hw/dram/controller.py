"""The memory controllers of a DRAM device, as the machine sees them: batches in, completions out.

A source (a mover) submits a batch of bursts at a base cycle; the batch is complete when the data
of all its bursts have ended. State is committed up to the last cycle anyone asked for; the next
completion is found on a copy, which becomes the state if nothing is submitted before it.

Not modelled: coupling between channels. A source has a queue, and its outstanding limit, in every
channel.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stallscope.hw.dram.channel import Channel
from stallscope.hw.dram.jit import Ints
from stallscope.hw.dram.layout import BAD, COUNTS, FOREVER, MAX_BANKS, MAX_GROUPS, SOURCE_COUNTS
from stallscope.mappings.dram import AddressField, DramController, DramDevice, address_fields
from stallscope.simcore.errors import Fault, SimulationBug, SpecError

__all__ = ["Completion", "Controller"]

Completion = tuple[int, int, int]
"""Base cycle, source and number of a batch that is complete."""

MAX_RATIO = 1 << 20
"""Largest term of the clock ratio: products with clocks stay within 64 bits."""


@dataclass(slots=True)
class _Pending:
    """A batch under way: its source, the channels that still serve it (bits), its latest end."""

    source: int
    channels: int
    end: int = 0


class Controller:
    """All channels of a device.

    Args:
        device: The memory.
        options: How each channel schedules.
        sources: Number of requesters; they are numbered from 0.
        cycles_per_clock: Base cycles per clock of the memory.

    Raises:
        SpecError: If the device has more banks than a channel can have, or the ratio of clocks has
            no small terms.
    """

    def __init__(
        self,
        device: DramDevice,
        options: DramController,
        sources: int,
        cycles_per_clock: Fraction,
    ) -> None:
        _check(device, cycles_per_clock)
        self._p, self._q = cycles_per_clock.numerator, cycles_per_clock.denominator
        self._capacity = device.capacity_bytes
        self._burst_bytes = device.burst_bytes
        self._sources = sources
        self._channels = [
            Channel(device, options, sources, cycles_per_clock, number)
            for number in range(device.organisation.channels)
        ]
        self._cycle = 0
        self._submitted = 0
        self._pending: dict[int, _Pending] = {}
        self._done: list[Completion] = []
        self._next: tuple[int, int] | None = None
        self._is_known = True
        low, _ = address_fields(device, options)[AddressField.ROW]
        self._stripe_bytes = device.burst_bytes << low
        self._rows_shift = options.rows_shift

    @property
    def rows_shift(self) -> bool:
        """Whether adding `stripe_bytes` to an address changes its row only."""
        return self._rows_shift

    @property
    def stripe_bytes(self) -> int:
        """Step of an address that changes its row by one and nothing else, bytes."""
        return self._stripe_bytes

    @property
    def pending(self) -> int:
        """Batches under way, as far as is committed."""
        return len(self._pending)

    def submit(self, source: int, addresses: Ints, is_write: bool, cycle: int) -> int:
        """Queue a batch of bursts at a base cycle.

        Args:
            source: Who asks.
            addresses: Byte addresses of the bursts, in order; int64 array, shape (bursts,).
            is_write: Whether all of them are written, else read.
            cycle: Now; not before any cycle given earlier.

        Returns:
            Number of the batch.

        Raises:
            SpecError: If an address is not aligned to bursts or outside the memory.
        """
        self._commit(cycle)
        number = self._submitted
        self._submitted += 1
        channels = 0
        for index, channel in enumerate(self._channels):
            count = channel.submit(source, addresses, is_write, number)
            if count == BAD:
                raise self._bad_addresses(addresses)
            if count:
                channels |= 1 << index
        if not channels:
            raise SimulationBug("a DRAM batch holds no burst")
        self._pending[number] = _Pending(source, channels)
        self._is_known = False
        return number

    def next_completion(self) -> tuple[int, int] | None:
        """Return base cycle and source of the earliest completion, if nothing else is submitted.

        Nothing is committed. None if no batch is under way.
        """
        if self._done:
            return min(self._done)[:2]
        if not self._is_known:
            self._next = self._find_next()
            self._is_known = True
        return self._next

    def advance(self, cycle: int) -> list[Completion]:
        """Commit up to a base cycle; return the batches complete by then, in order."""
        self._commit(cycle)
        done, self._done = sorted(self._done), []
        return done

    def accounts(self, cycle: int) -> Ints:
        """Return where each channel's cycles went up to a base cycle, which is committed.

        Returns:
            Cycles, shape (channels, classes); classes as in `ACCOUNTS`. A row sums to ``cycle``.
        """
        self._commit(cycle)
        return np.array([channel.accounts(cycle) for channel in self._channels])

    def counts(self) -> dict[str, int]:
        """Return the counts of all channels together, by the names of `COUNTS`."""
        total = np.sum([channel.counts() for channel in self._channels], axis=0)
        return dict(zip(COUNTS, map(int, total), strict=True))

    def source_counts(self, source: int) -> dict[str, int]:
        """Return what is counted per source, by the names of `SOURCE_COUNTS`."""
        total = np.sum([channel.source_counts(source) for channel in self._channels], axis=0)
        return dict(zip(SOURCE_COUNTS, map(int, total), strict=True))

    def clocks(self) -> int:
        """Return the clocks committed, per channel."""
        return self._channels[0].now

    def relative(self, cycle: int, rows_of_source: Sequence[int]) -> Hashable:
        """Return all that future behaviour depends on, relative to now and to sources' rows.

        Args:
            cycle: Now; it is committed.
            rows_of_source: Per source the row, in stripes, that its addresses are counted from.

        When the next refresh falls due is not part of it (`refresh_deadline`).
        """
        self._commit(cycle)
        origins = np.asarray(rows_of_source, dtype=np.int64)
        now = self._channels[0].now
        batches = tuple(
            (batch.source, batch.channels, max(batch.end - now, 0))
            for batch in self._pending.values()
        )
        done = tuple((at - cycle, source) for at, source, _ in self._done)
        phase = now * self._p - cycle * self._q
        return phase, batches, done, *(channel.relative(origins) for channel in self._channels)

    def refresh_deadline(self) -> int:
        """Return the base cycle before which no refresh falls due."""
        due = min(channel.refresh_due for channel in self._channels)
        return FOREVER if due >= FOREVER >> 1 else self._cycle_of(due)

    def shift(
        self, cycles: int, row_shift_of_source: Sequence[int], growth: Sequence[int] = ()
    ) -> None:
        """Move everything on by a time and by rows, but for when refreshes fall due.

        Args:
            cycles: Base cycles; a whole number of clocks.
            row_shift_of_source: Stripes to add to each source's addresses.
            growth: What to add to the marks.

        Raises:
            SimulationBug: If the cycles are no whole number of clocks, or rows do not shift.
        """
        clocks, rest = divmod(cycles * self._q, self._p)
        if rest:
            raise SimulationBug(f"DRAM cannot be shifted by {cycles} cycles: no whole clocks")
        rows = np.asarray(row_shift_of_source, dtype=np.int64)
        if rows.any() and not self._rows_shift:
            raise SimulationBug("DRAM rows cannot be shifted: other fields of an address lie above")
        share = len(growth) // len(self._channels)
        for index, channel in enumerate(self._channels):
            channel.shift(clocks, rows, growth[index * share : (index + 1) * share])
        self._cycle += cycles
        for batch in self._pending.values():
            batch.end += clocks if batch.end else 0
        self._done = [(at + cycles, source, number) for at, source, number in self._done]
        self._is_known = False

    def marks(self, cycle: int) -> list[int]:
        """Return the integers that grow linearly, per channel: accounts, counts, sources' counts.

        Accounts are those of the clocks committed.
        """
        self._commit(cycle)
        return [mark for channel in self._channels for mark in channel.marks()]

    def _commit(self, cycle: int) -> None:
        if cycle < self._cycle:
            raise SimulationBug(f"DRAM is at cycle {self._cycle}, asked for {cycle}")
        if cycle == self._cycle and self._channels[0].now * self._p >= cycle * self._q:
            return
        self._cycle = cycle
        limit, upto = -(-cycle * self._q // self._p), cycle * self._q // self._p
        for index, channel in enumerate(self._channels):
            for end, source, number in channel.advance(limit, upto):
                batch = self._pending[number]
                batch.end = max(batch.end, end)
                batch.channels &= ~(1 << index)
                if not batch.channels:
                    self._done.append((self._cycle_of(batch.end), source, number))
                    del self._pending[number]
        if self._done:
            self._is_known = False

    def _find_next(self) -> tuple[int, int] | None:
        """Merge the channels' ends in time until a batch has no channel left."""
        if not self._pending:
            return None
        parts = [channel.look_ahead(is_first=True) for channel in self._channels]
        if len(parts) == 1:
            end, source, _ = min(parts[0])
            return self._cycle_of(end), source
        left = {number: batch.channels for number, batch in self._pending.items()}
        while any(parts):
            index = min(
                (i for i in range(len(parts)) if parts[i]), key=lambda i: parts[i][0][0]
            )  # fmt: skip
            end, source, number = parts[index].pop(0)
            left[number] &= ~(1 << index)
            if not left[number]:
                return self._cycle_of(end), source
            if not parts[index]:
                parts[index] = self._channels[index].look_ahead(is_first=False)
        raise SimulationBug("a DRAM batch is under way and no channel serves it")

    def _cycle_of(self, clock: int) -> int:
        """First base cycle at or after the beginning of a clock."""
        return -(-clock * self._p // self._q)

    def _bad_addresses(self, addresses: Ints) -> SpecError:
        low, high = int(addresses.min()), int(addresses.max())
        if low < 0 or high >= self._capacity:
            rule = f"addresses must be in 0 ... {self._capacity - 1}, the memory's bytes"
            remedy = "more channels, ranks or rows, or place the tensors lower"
            shown = f"{low} ... {high}"
        else:
            rule = f"addresses must be multiples of a burst's {self._burst_bytes} bytes"
            remedy = "round them down"
            shown = str(next(int(one) for one in addresses if one % self._burst_bytes))
        return SpecError([Fault(place="dram.addresses", value=shown, rule=rule, remedy=remedy)])


def _check(device: DramDevice, ratio: Fraction) -> None:
    built = device.organisation
    faults = []
    banks = built.ranks * built.bank_groups * built.banks_per_group
    groups = built.ranks * built.bank_groups
    if banks > MAX_BANKS or groups > MAX_GROUPS:
        rule = f"a channel has at most {MAX_BANKS} banks in {MAX_GROUPS} groups, over all ranks"
        faults.append(Fault(place=f"{device.name}.organisation", value=banks, rule=rule))
    if max(ratio.numerator, ratio.denominator) > MAX_RATIO:
        rule = f"terms of the clock ratio must not exceed {MAX_RATIO}"
        remedy = "give clocks as short decimals"
        faults.append(Fault(place="dram.cycles_per_clock", value=ratio, rule=rule, remedy=remedy))
    if faults:
        raise SpecError(faults)

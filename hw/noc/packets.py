"""A network of links that packets reserve: multicast, reduction, contention in order of arrival.

Every packet follows its delivery, a route or a tree, link by link. A head that comes to a link
gets it from then on, or from when it is free; the link is held for the packet's words, or longer
if they come in more slowly; the head goes on after the link's delay. At a fork the branches go on
independently. Where partial sums meet, the combined head leaves when the last one has come.
A *blocking* packet reserves all its links together, so that each is free when its head comes.

Order at a link: the head that comes first; then the packet submitted first; then the order of the
branches in the delivery. So every packet's times are known as soon as its heads have come, and
later ones cannot change them: the network advances lazily, event by event and not by cycle.

Not modelled: finite buffers inside the network, virtual channels, words of different packets
interleaved on a link (``routers`` has these, for unicast), arbiters that prefer another than the
first to come.
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from math import lcm
from typing import Generic, TypeVar

import numpy as np

from stallscope.hw.noc.reservation import NEVER, Ints, Lanes, Wiring, push, reserve_until
from stallscope.hw.noc.topology import Delivery, Geometry, fault

__all__ = ["PacketNetwork"]

_Owner = TypeVar("_Owner", bound=Hashable)

_PER_PACKET = ("words", "open", "done", "first")
_TIMES = ("ready", "tail", "done", "heap_tick")


class _Shape:
    """A delivery as arrays, lanes counted from its first; it keeps the delivery alive."""

    def __init__(self, delivery: Delivery, cycle_ticks: int, is_blocking: bool) -> None:
        self.delivery = delivery
        branches, counts = delivery.branches, [len(fed) for fed in delivery.fed]
        self.link = _ints([branch.link for branch in branches])
        self.awaited = _ints([0 if is_blocking else len(branch.feeders) for branch in branches])
        depths = [branch.depth * cycle_ticks if is_blocking else -1 for branch in branches]
        self.depth = _ints(depths)
        self.fed = _ints([place for fed in delivery.fed for place in fed])
        self.fed_last = _ints(counts).cumsum()
        self.fed_first = self.fed_last - _ints(counts)


class PacketNetwork(Generic[_Owner]):
    """The packets of one network and the times for which they hold its links.

    Args:
        geometry: The network.
        padded: Whether a packet holds a link for whole cycles (its last flit is not shared);
            else words of successive packets share a cycle.
    """

    def __init__(self, geometry: Geometry, *, padded: bool = True) -> None:
        self.geometry = geometry
        widths = [link.words_per_cycle for link in geometry.links]
        self.cycle_ticks = lcm(*(width.numerator for width in widths))
        word = [self.cycle_ticks * w.denominator // w.numerator for w in widths]
        delay = [self.cycle_ticks * link.delay_cycles for link in geometry.links]
        count = len(widths)
        self._wiring = Wiring(
            word=_ints(word), delay=_ints(delay), free=_zeros(count), held=_zeros(count),
            carried=_zeros(count), cycle=_ints([self.cycle_ticks]),
            whole=_ints([self.cycle_ticks if padded else 1]),
        )  # fmt: skip
        self._lanes = _room(64, 16)
        self._used = self._fed = 0
        self._owners: list[_Owner] = []
        self._pending: list[int] = []
        self._shapes: dict[int, _Shape] = {}
        self.now = 0

    # ------------------------------------------------------------------ packets

    def submit(self, delivery: Delivery, words: int, cycle: int, owner: _Owner) -> int:
        """Send a packet.

        Args:
            delivery: Its way, of this network's geometry.
            words: Its length; of a reduction, that of one partial sum.
            cycle: When it is at the source (of a reduction: at all of them); not before ``now``.
            owner: Whom its end is reported to.

        Returns:
            The packet's place among those not yet reported; smaller ones were submitted earlier.

        Raises:
            SpecError: If it has no words, or begins in the past.
        """
        if words < 1:
            raise fault("packet.words", words, "needs at least one word")
        if cycle < self.now:
            raise fault("packet.cycle", cycle, f"the network is at cycle {self.now} already")
        self._make_room(len(delivery.branches))
        lanes, packet, base = self._lanes, len(self._owners), self._used
        tick = cycle * self.cycle_ticks
        lanes.words[packet], lanes.open[packet] = words, len(delivery.branches)
        lanes.done[packet], lanes.first[packet] = tick, base
        self._owners.append(owner)
        self._pending.append(packet)
        self._lay(delivery, packet, tick)
        lanes.first[packet + 1] = self._used
        if delivery.branches:
            starts = [base] if self._blocks else base + np.flatnonzero(
                lanes.awaited[base : self._used] == 0
            )  # fmt: skip
            for lane in starts:
                push(int(lane), lanes)
        return packet

    @property
    def _blocks(self) -> bool:
        return self.geometry.spec.blocking

    def _lay(self, delivery: Delivery, packet: int, tick: int) -> None:
        """Add the lanes of a packet."""
        lanes, base, count = self._lanes, self._used, len(delivery.branches)
        shape = self._shapes.get(id(delivery))
        if shape is None or shape.delivery is not delivery:
            shape = self._shapes[id(delivery)] = _Shape(delivery, self.cycle_ticks, self._blocks)
        here, fed = slice(base, base + count), slice(self._fed, self._fed + len(shape.fed))
        lanes.link[here], lanes.packet[here] = shape.link, packet
        lanes.awaited[here], lanes.depth[here] = shape.awaited, shape.depth
        lanes.ready[here] = lanes.tail[here] = tick
        lanes.fed_first[here] = shape.fed_first + self._fed
        lanes.fed_last[here] = shape.fed_last + self._fed
        lanes.fed[fed] = shape.fed + base
        self._used, self._fed = base + count, fed.stop

    # ------------------------------------------------------------------ time

    def next_completion(self) -> tuple[int, _Owner] | None:
        """Return when the next packet ends, and its owner, if no other packet is submitted.

        Of packets that end in the same cycle the one submitted first; None without packets. The
        state is left alone.
        """
        lanes = Lanes(*(array.copy() for array in self._lanes))
        wiring = Wiring(*(array.copy() for array in self._wiring))
        known = [lanes.done[p] for p in self._pending if not lanes.open[p]]
        first = reserve_until(wiring, lanes, NEVER, int(min(known, default=NEVER)))
        if first == NEVER:
            return None
        cycle = self._cycle(first)
        # Heads that come within that cycle may let another packet end in it.
        reserve_until(wiring, lanes, cycle * self.cycle_ticks, -1)
        owner = next(
            self._owners[packet]
            for packet in self._pending
            if not lanes.open[packet] and self._cycle(lanes.done[packet]) == cycle
        )
        return cycle, owner

    def advance(self, cycle: int) -> list[tuple[int, _Owner]]:
        """Bring the network to the beginning of a cycle.

        Returns:
            (cycle, owner) of the packets that have ended by then and were not reported before,
            in order of their ends, then of submission.
        """
        self._bring(cycle)
        lanes = self._lanes
        ended = [
            (self._cycle(lanes.done[packet]), packet)
            for packet in self._pending
            if not lanes.open[packet] and lanes.done[packet] <= cycle * self.cycle_ticks
        ]
        if ended:
            gone = {packet for _, packet in ended}
            self._pending = [packet for packet in self._pending if packet not in gone]
        return [(at, self._owners[packet]) for at, packet in sorted(ended)]

    def _bring(self, cycle: int) -> None:
        if cycle < self.now:
            raise fault("advance", cycle, f"the network is at cycle {self.now} already")
        reserve_until(self._wiring, self._lanes, cycle * self.cycle_ticks, -1)
        self.now = cycle

    def _cycle(self, tick: int) -> int:
        return int(-(-tick // self.cycle_ticks))

    def clear_cycle(self, delivery: Delivery) -> int:
        """Return the first cycle in which a packet that starts would find a whole way free.

        The packets submitted so far are taken to the end; the state is left alone.
        """
        lanes = Lanes(*(array.copy() for array in self._lanes))
        wiring = Wiring(*(array.copy() for array in self._wiring))
        reserve_until(wiring, lanes, NEVER, -1)
        return max(
            (self._cycle(wiring.free[b.link]) - b.depth for b in delivery.branches),
            default=self.now,
        )

    # ------------------------------------------------------------------ accounts

    @property
    def carried_words(self) -> dict[int, int]:
        """Words that each link has carried or is reserved for, by its number; none are left out."""
        return {link: int(words) for link, words in enumerate(self._wiring.carried) if words}

    @property
    def held_cycles(self) -> dict[int, Fraction]:
        """Cycles for which each link has been reserved, by its number; none are left out."""
        return {
            link: Fraction(int(ticks), self.cycle_ticks)
            for link, ticks in enumerate(self._wiring.held)
            if ticks
        }

    # ------------------------------------------------------------------ fast-forward

    def relative(self, cycle: int) -> Hashable:
        """Return everything that future ends depend on, in ticks from the beginning of a cycle.

        What lies in the past is alike. The network is brought to that cycle.
        """
        self._bring(cycle)
        lanes, base = self._lanes, cycle * self.cycle_ticks
        free = tuple(np.maximum(self._wiring.free - base, 0).tolist())
        packets = []
        for packet in self._pending:
            first, last = lanes.first[packet], lanes.first[packet + 1]
            state = [
                (int(lanes.link[lane]), int(lanes.awaited[lane]),
                 max(0, int(lanes.ready[lane]) - base), max(0, int(lanes.tail[lane]) - base),
                 int(lanes.depth[lane]),
                 tuple((lanes.fed[lanes.fed_first[lane]:lanes.fed_last[lane]] - first).tolist()))
                for lane in range(first, last)
            ]  # fmt: skip
            packets.append((self._owners[packet], int(lanes.words[packet]),
                            int(lanes.open[packet]), int(lanes.done[packet]) - base,
                            tuple(state)))  # fmt: skip
        heads = tuple(
            sorted(
                (int(lanes.heap_tick[place]) - base, int(lanes.heap_lane[place]) - self._origin())
                for place in range(lanes.size[0])
            )
        )
        return free, tuple(packets), heads

    def _origin(self) -> int:
        """First lane of the first packet not reported."""
        return int(self._lanes.first[self._pending[0]]) if self._pending else 0

    def shift(self, cycles: int) -> None:
        """Move all times on by so many cycles."""
        ticks = cycles * self.cycle_ticks
        for name in _TIMES:
            getattr(self._lanes, name)[:] += ticks
        self._wiring.free[:] += ticks
        self.now += cycles

    # ------------------------------------------------------------------ room

    def _make_room(self, count: int) -> None:
        """Forget reported packets where that gives room, else grow."""
        lanes = self._lanes
        if self._used + count <= len(lanes.link) and len(self._owners) < len(lanes.words):
            return
        keep = self._pending
        used = sum(int(lanes.first[p + 1] - lanes.first[p]) for p in keep)
        room = max(64, 2 * (used + count))
        fresh = _room(room, 2 * (len(keep) + 8))
        self._move(keep, fresh)

    def _move(self, keep: list[int], fresh: Lanes) -> None:
        old = self._lanes
        moved = np.full(self._used + 1, -1, dtype=np.int64)
        at = fed = 0
        for place, packet in enumerate(keep):
            first, last = int(old.first[packet]), int(old.first[packet + 1])
            moved[first:last] = np.arange(at, at + last - first)
            fresh.first[place] = at
            for name in ("link", "awaited", "ready", "tail", "depth"):
                getattr(fresh, name)[at : at + last - first] = getattr(old, name)[first:last]
            fresh.packet[at : at + last - first] = place
            for name in ("words", "open", "done"):
                getattr(fresh, name)[place] = getattr(old, name)[packet]
            if last > first:
                begin, end = int(old.fed_first[first]), int(old.fed_last[last - 1])
                fresh.fed[fed : fed + end - begin] = old.fed[begin:end] - first + at
                fresh.fed_first[at : at + last - first] = old.fed_first[first:last] - begin + fed
                fresh.fed_last[at : at + last - first] = old.fed_last[first:last] - begin + fed
                fed += end - begin
                at += last - first
        fresh.first[len(keep)] = at
        size = int(old.size[0])
        # The order of lanes is kept, so a heap stays one.
        fresh.heap_tick[:size] = old.heap_tick[:size]
        fresh.heap_lane[:size] = moved[old.heap_lane[:size]]
        fresh.size[0] = size
        self._lanes, self._used, self._fed = fresh, at, fed
        self._owners = [self._owners[packet] for packet in keep]
        self._pending = list(range(len(keep)))


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _zeros(count: int) -> Ints:
    return np.zeros(count, dtype=np.int64)


def _room(lanes: int, packets: int) -> Lanes:
    """Return room for so many lanes and packets; a lane feeds or is fed by one at most."""
    sizes = dict.fromkeys(Lanes._fields, lanes) | dict.fromkeys(_PER_PACKET, packets)
    sizes |= {"first": packets + 1, "size": 1}
    return Lanes(**{name: _zeros(size) for name, size in sizes.items()})

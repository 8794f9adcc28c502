"""Kernel of the packet network: links reserved packet by packet, in order of arrival.

A *lane* is one link of one packet's way. When the head of the packet (of every partial sum, where
several meet) has come to a link, the link is reserved from then, or from when it is free, until
the packet's last word has passed. Times are ticks, parts of a cycle in which every link moves
words in whole numbers of ticks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stallscope.hw.noc.compiled import kernel

__all__ = ["NEVER", "Ints", "Lanes", "Wiring", "push", "reserve_until"]

Ints = NDArray[np.int64]

NEVER = 2**62
"""A tick after every other."""


class Wiring(NamedTuple):
    """Figures per link, shape (links,) each, and the state of the links.

    Attributes:
        word: Ticks a word takes.
        delay: Ticks from a link's near end to the far one.
        free: Tick from which the link may be reserved.
        held: Ticks it has been reserved.
        carried: Words it has carried.
        cycle: Ticks of a cycle; one value.
        whole: Packets hold links for multiples of so many ticks; one value.
    """

    word: Ints
    delay: Ints
    free: Ints
    held: Ints
    carried: Ints
    cycle: Ints
    whole: Ints


class Lanes(NamedTuple):
    """Lanes, in order of submission and of the branches of a delivery; shape (capacity,) each.

    Attributes:
        link: Its link.
        packet: Place of its packet.
        awaited: Feeding lanes that have not been reserved yet.
        ready: Tick at which the head is there, as far as known.
        tail: Tick at which the last word is there, as far as known.
        depth: Ticks from the first word's start to this link; -1 unless the packet is blocking.
        fed_first: First place in ``fed`` of the lanes it feeds.
        fed_last: The place after the last.
        fed: Lanes.
        words: Per packet: its words.
        open: Per packet: lanes not reserved yet.
        done: Per packet: tick at which its last word has arrived, as far as known.
        first: Per packet: its first lane; shape (capacity + 1,).
        heap_tick: Lanes whose heads are known to come, as a binary heap by tick, then lane.
        heap_lane: The lane of each.
        size: How many are in the heap; one value.
    """

    link: Ints
    packet: Ints
    awaited: Ints
    ready: Ints
    tail: Ints
    depth: Ints
    fed_first: Ints
    fed_last: Ints
    fed: Ints
    words: Ints
    open: Ints
    done: Ints
    first: Ints
    heap_tick: Ints
    heap_lane: Ints
    size: Ints


@kernel
def reserve_until(wiring: Wiring, lanes: Lanes, until: int, first_done: int) -> int:
    """Reserve links for the heads that come before a tick.

    Args:
        wiring: The links; changed.
        lanes: The packets; changed.
        until: Heads that come at this tick or later are left.
        first_done: Tick of the first packet known to end, NEVER if none is known, or -1: do not
            stop before ``until``.

    Returns:
        The tick of the first packet to end, if asked for: heads that come later cannot change it.
    """
    while lanes.size[0] and lanes.heap_tick[0] < until:
        if first_done >= 0 and lanes.heap_tick[0] >= first_done:
            break
        lane = pop(lanes)
        packet = lanes.packet[lane]
        if lanes.depth[lane] >= 0:
            _reserve_all(packet, wiring, lanes)
        else:
            _reserve(lane, wiring, lanes)
        if first_done >= 0 and not lanes.open[packet] and lanes.done[packet] < first_done:
            first_done = lanes.done[packet]
    return first_done


@kernel
def _reserve(lane: int, wiring: Wiring, lanes: Lanes) -> None:
    """Reserve the link of one lane; tell the lanes that it feeds."""
    link, packet = lanes.link[lane], lanes.packet[lane]
    start = max(lanes.ready[lane], wiring.free[link])
    end = max(start + _hold(link, lanes.words[packet], wiring), lanes.tail[lane])
    _book(link, packet, start, end, wiring, lanes)
    # Clocked: what passes within a cycle is at the next link at the same time.
    head = start - start % wiring.cycle[0] + wiring.delay[link]
    for place in range(lanes.fed_first[lane], lanes.fed_last[lane]):
        fed = lanes.fed[place]
        lanes.ready[fed] = max(lanes.ready[fed], head)
        lanes.tail[fed] = max(lanes.tail[fed], end + wiring.delay[link])
        lanes.awaited[fed] -= 1
        if not lanes.awaited[fed]:
            push(fed, lanes)


@kernel
def _reserve_all(packet: int, wiring: Wiring, lanes: Lanes) -> None:
    """Reserve all links of a blocking packet, so that nothing waits on the way.

    It starts in the first cycle in which every link has something left when its head comes; its
    words come to all of them as fast as the slowest lets them.
    """
    first, last = lanes.first[packet], lanes.first[packet + 1]
    cycle = wiring.cycle[0]
    start = lanes.ready[first]
    slowest = 0
    for lane in range(first, last):
        link = lanes.link[lane]
        start = max(start, wiring.free[link] - wiring.free[link] % cycle - lanes.depth[lane])
        slowest = max(slowest, _hold(link, lanes.words[packet], wiring))
    for lane in range(first, last):
        link = lanes.link[lane]
        begin = max(start + lanes.depth[lane], wiring.free[link])
        _book(link, packet, begin, begin + _hold(link, lanes.words[packet], wiring), wiring, lanes)
        ended = start + lanes.depth[lane] + slowest + wiring.delay[link]
        lanes.done[packet] = max(lanes.done[packet], ended)


@kernel
def _hold(link: int, words: int, wiring: Wiring) -> int:
    whole = wiring.whole[0]
    return int(-(-words * wiring.word[link] // whole) * whole)


@kernel
def _book(link: int, packet: int, start: int, end: int, wiring: Wiring, lanes: Lanes) -> None:
    wiring.free[link] = end
    wiring.held[link] += end - start
    wiring.carried[link] += lanes.words[packet]
    lanes.open[packet] -= 1
    lanes.done[packet] = max(lanes.done[packet], end + wiring.delay[link])


@kernel
def push(lane: int, lanes: Lanes) -> None:
    """Put a lane into the heap by the tick at which its head comes."""
    tick = lanes.ready[lane]
    place = lanes.size[0]
    lanes.size[0] = place + 1
    while place:
        above = (place - 1) // 2
        if not _before(tick, lane, lanes.heap_tick[above], lanes.heap_lane[above]):
            break
        lanes.heap_tick[place] = lanes.heap_tick[above]
        lanes.heap_lane[place] = lanes.heap_lane[above]
        place = above
    lanes.heap_tick[place] = tick
    lanes.heap_lane[place] = lane


@kernel
def pop(lanes: Lanes) -> int:
    """Take the first lane out of the heap."""
    first = int(lanes.heap_lane[0])
    size = lanes.size[0] - 1
    lanes.size[0] = size
    tick, lane = lanes.heap_tick[size], lanes.heap_lane[size]
    place = 0
    below = 1
    while below < size:
        other = below + 1
        if other < size and _before(
            lanes.heap_tick[other], lanes.heap_lane[other],
            lanes.heap_tick[below], lanes.heap_lane[below],
        ):  # fmt: skip
            below = other
        if not _before(lanes.heap_tick[below], lanes.heap_lane[below], tick, lane):
            break
        lanes.heap_tick[place] = lanes.heap_tick[below]
        lanes.heap_lane[place] = lanes.heap_lane[below]
        place, below = below, 2 * below + 1
    lanes.heap_tick[place] = tick
    lanes.heap_lane[place] = lane
    return first


@kernel
def _before(tick: int, lane: int, other_tick: int, other_lane: int) -> bool:
    return tick < other_tick or (tick == other_tick and lane < other_lane)

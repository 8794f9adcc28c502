"""Input-queued routers with virtual channels, flit by flit.

A router of the kind of Dally and Towles, *Principles and Practices of Interconnection Networks*
(2004), chapters 16 to 19: a flit that arrives waits in its channel's buffer; the head of a packet
asks for a channel of the next link, then every flit for the switch and for a free place in the
far buffer (credits); allocation, switch traversal and the wire are pipelined. Of a node's packets
one is sent at a time; a node takes what arrives.

Within a cycle: what is under way lands (flits, credits), heads at a front are routed, channels are
allocated, flits cross switches, nodes send. Routers do not see each other's cycle.

Not modelled: several flits of a link per cycle, multicast and reduction (``packets`` has those),
adaptive routes, priorities, output buffers.
"""

from __future__ import annotations

from typing import NamedTuple

from stallscope.hw.noc.allocation import allocate_channels, match_switch
from stallscope.hw.noc.compiled import kernel
from stallscope.hw.noc.router_state import IDLE, WAITING, Ints, Router, Wires

__all__ = ["Traffic", "run_routers"]


class Traffic(NamedTuple):
    """Packets, each node's own in its order of sending.

    Attributes:
        first: First packet of a node; shape (nodes + 1,).
        following: Next packet a node sends; shape (nodes,).
        source: Node that sends a packet; per packet, as are the following.
        destination: Node it goes to.
        created: Cycle in which it exists.
        flits: Its length.
        sent: Cycle in which its head entered the network, or -1.
        done: Cycle by which its tail has left it, or -1.
        left: How many packets have, in ``[0]``.
    """

    first: Ints
    following: Ints
    source: Ints
    destination: Ints
    created: Ints
    flits: Ints
    sent: Ints
    done: Ints
    left: Ints


@kernel
def run_routers(
    wires: Wires, state: Router, traffic: Traffic, cycle: int, until: int, enough: int
) -> int:
    """Advance the network.

    Args:
        wires: The network.
        state: Its state at the beginning of ``cycle``; changed.
        traffic: The packets; ``following``, ``sent``, ``done`` and ``left`` are changed.
        cycle: First cycle.
        until: Cycle to stop before.
        enough: Packets after whose arrival to stop.

    Returns:
        The cycle reached: ``until``, or the one after the arrival of the last packet wanted.
    """
    nodes = len(wires.entry)
    while cycle < until and traffic.left[0] < enough:
        _land(cycle, wires, state, traffic)
        for node in range(nodes):
            if state.flits_in[node]:
                allocate_channels(node, cycle, wires, state)
                for index in range(match_switch(node, cycle, wires, state)):
                    _cross(state.crossing[index], node, cycle, wires, state, traffic)
        for node in range(nodes):
            packet = traffic.following[node]
            if packet < traffic.first[node + 1] and traffic.created[packet] <= cycle:
                _send(node, packet, cycle, wires, state, traffic)
        cycle += 1
    return cycle


@kernel
def _land(cycle: int, wires: Wires, state: Router, traffic: Traffic) -> None:
    """Credits and flits that are due arrive."""
    slot = cycle % len(state.pending)
    for index in range(state.pending[slot]):
        state.credits[state.returning[slot, index]] += 1
    state.pending[slot] = 0
    slot = cycle % len(state.due)
    for index in range(state.due[slot]):
        channel, flit = state.landing_channel[slot, index], state.landing[slot, index]
        node = wires.end[channel // wires.channels]
        if node < 0:
            _return_credit(channel, cycle, wires, state)
            if flit % 2:
                # The node's own cycle to take it ends the packet's time in the network.
                traffic.done[flit // 2] = cycle + 1
                traffic.left[0] += 1
        else:
            place = (state.head[channel] + state.waiting[channel]) % wires.depth
            state.buffer[channel, place] = flit
            state.waiting[channel] += 1
            state.flits_at[channel // wires.channels] += 1
            state.flits_in[node] += 1
            if state.phase[channel] == IDLE:
                _route(channel, node, cycle, wires, state, traffic)
    state.due[slot] = 0


@kernel
def _route(
    channel: int, node: int, cycle: int, wires: Wires, state: Router, traffic: Traffic
) -> None:
    """The front flit of a channel is a head: it begins to ask."""
    packet = state.buffer[channel, state.head[channel]] // 2
    state.phase[channel] = WAITING
    state.ready[channel] = cycle + wires.routing_cycles
    state.out_link[channel] = wires.table[node, traffic.destination[packet]]


@kernel
def _cross(
    number: int, node: int, cycle: int, wires: Wires, state: Router, traffic: Traffic
) -> None:
    """The front flit of a channel leaves for the next link."""
    link = number // wires.channels
    out = state.out_channel[number]
    flit = state.buffer[number, state.head[number]]
    state.head[number] = (state.head[number] + 1) % wires.depth
    state.waiting[number] -= 1
    state.flits_at[link] -= 1
    state.flits_in[node] -= 1
    state.credits[out] -= 1
    _fly(out, flit, cycle + wires.flight_cycles, wires, state)
    _return_credit(number, cycle, wires, state)
    if flit % 2:
        state.held[out] = 0
        state.phase[number] = IDLE
        if state.waiting[number]:
            _route(number, node, cycle + 1, wires, state, traffic)


@kernel
def _fly(channel: int, flit: int, arrival: int, wires: Wires, state: Router) -> None:
    slot = arrival % len(state.due)
    index = state.due[slot]
    state.landing[slot, index] = flit
    state.landing_channel[slot, index] = channel
    state.due[slot] = index + 1
    state.carried[channel // wires.channels] += 1


@kernel
def _return_credit(channel: int, cycle: int, wires: Wires, state: Router) -> None:
    slot = (cycle + wires.credit_cycles) % len(state.pending)
    index = state.pending[slot]
    state.returning[slot, index] = channel
    state.pending[slot] = index + 1


@kernel
def _send(
    node: int, packet: int, cycle: int, wires: Wires, state: Router, traffic: Traffic
) -> None:
    """A node sends one flit of its packet, if the router has room for it."""
    base = wires.entry[node] * wires.channels
    if state.sending[node] == 0:
        for step in range(wires.channels):
            channel = base + (state.turn_in[node] + step) % wires.channels
            room = state.credits[channel]
            if room == wires.depth or (room and not wires.waits_for_tail):
                state.source_channel[node] = channel
                state.turn_in[node] = (channel - base + 1) % wires.channels
                break
        else:
            return
    channel = state.source_channel[node]
    if not state.credits[channel]:
        return
    if state.sending[node] == 0:
        traffic.sent[packet] = cycle
    state.credits[channel] -= 1
    state.sending[node] += 1
    is_tail = state.sending[node] == traffic.flits[packet]
    _fly(channel, 2 * packet + is_tail, cycle + 1, wires, state)
    if is_tail:
        state.sending[node] = 0
        traffic.following[node] = packet + 1

"""State of a network of input-queued routers, as plain arrays that a kernel can compile.

A link's *channel* is one of its virtual channels: a queue at the router (or node) where the link
ends, of ``depth`` flits. Channel ``c`` of link ``l`` has number ``l * channels + c``, both as the
buffer at the far end and as the credits at the near end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVE", "IDLE", "WAITING", "Ints", "Router", "Wires", "empty_state"]

Ints = NDArray[np.int64]

IDLE, WAITING, ACTIVE = 0, 1, 2
"""A channel's phase: no packet at its front, one without a next channel, one with."""


class Wires(NamedTuple):
    """What does not change: the graph, the routes, the pipeline.

    Attributes:
        table: int array, shape (nodes, nodes): link to take at a node for a destination.
        start: Node where a link begins; shape (links,). A node's own source and sink are links
            of their own: ``entry`` (start -1) and ``exit`` (end -1).
        end: Node where a link ends.
        entry: Link from a node's source into its router; shape (nodes,).
        in_first: First place in ``in_links`` of a router's inputs; shape (nodes + 1,).
        in_links: Links into the routers, router by router.
        out_first: The same of the outputs.
        out_links: Links out of the routers.
        out_place: Position of a link among the outputs of its router.
        channels: Virtual channels per link.
        depth: Flits a channel's buffer holds.
        turns: Places of a router's round robin over its input channels.
        routing_cycles: From a head at the front of a buffer to its first request.
        allocation_cycles: From a granted channel to the first request of the switch.
        flight_cycles: From a granted switch to the far buffer: allocation, traversal, channel.
        credit_cycles: From a flit leaving a buffer to its credit at the near end.
        waits_for_tail: Whether a channel is given away only when its buffer is known to be empty.
    """

    table: Ints
    start: Ints
    end: Ints
    entry: Ints
    in_first: Ints
    in_links: Ints
    out_first: Ints
    out_links: Ints
    out_place: Ints
    channels: int
    depth: int
    turns: int
    routing_cycles: int
    allocation_cycles: int
    flight_cycles: int
    credit_cycles: int
    waits_for_tail: bool


class Router(NamedTuple):
    """What changes. Arrays per channel unless said otherwise.

    Attributes:
        buffer: Flits waiting, shape (channels, depth): 2 x packet + (1 for a tail).
        head: Place of the front flit in ``buffer``.
        waiting: Flits in ``buffer``.
        phase: IDLE, WAITING or ACTIVE.
        ready: Cycle of the front packet's next request.
        out_link: Next link of the front packet.
        out_channel: Channel it holds there.
        credits: Free places of the far buffer, as known at the near end.
        held: Whether a packet holds the channel at the near end.
        grant_turn: Next in turn when the channel is granted.
        accept_turn: Next in turn when a channel is accepted.
        switch_turn: Per link: next input in turn.
        input_turn: Per link: next output in turn.
        channel_turn: Per link: next channel of an input in turn.
        flits_at: Per link: flits in its buffers.
        flits_in: Per node: flits in its buffers.
        carried: Per link: flits that crossed it.
        landing: Flits under way by slot of arrival, shape (slots, links); ``due`` of them count.
        landing_channel: The channel of each.
        due: Flits landing per slot.
        returning: Channels of credits under way, shape (slots, links).
        pending: Credits returning per slot.
        turn_in: Per node: next channel of the node's own source.
        sending: Per node: flits of its packet already sent.
        source_channel: Per node: channel that packet holds.
        asking: Scratch of the allocators, as are the following.
    """

    buffer: Ints
    head: Ints
    waiting: Ints
    phase: Ints
    ready: Ints
    out_link: Ints
    out_channel: Ints
    credits: Ints
    held: Ints
    grant_turn: Ints
    accept_turn: Ints
    switch_turn: Ints
    input_turn: Ints
    channel_turn: Ints
    flits_at: Ints
    flits_in: Ints
    carried: Ints
    landing: Ints
    landing_channel: Ints
    due: Ints
    returning: Ints
    pending: Ints
    turn_in: Ints
    sending: Ints
    source_channel: Ints
    asking: Ints
    granted_to: Ints
    granted_key: Ints
    wanted: Ints
    winner: Ints
    crossing: Ints


def empty_state(wires: Wires) -> Router:
    """Return a network without a flit."""
    links, nodes = len(wires.start), len(wires.entry)
    channels = links * wires.channels
    flight = wires.flight_cycles + 2
    back = wires.credit_cycles + 2
    ports = int(max(np.diff(wires.in_first).max(), np.diff(wires.out_first).max()))

    def zeros(*shape: int) -> Ints:
        return np.zeros(shape, dtype=np.int64)

    return Router(
        buffer=zeros(channels, wires.depth), head=zeros(channels), waiting=zeros(channels),
        phase=zeros(channels), ready=zeros(channels), out_link=zeros(channels),
        out_channel=zeros(channels), credits=zeros(channels) + wires.depth, held=zeros(channels),
        grant_turn=zeros(channels), accept_turn=zeros(channels), switch_turn=zeros(links),
        input_turn=zeros(links), channel_turn=zeros(links), flits_at=zeros(links),
        flits_in=zeros(nodes), carried=zeros(links), landing=zeros(flight, links),
        landing_channel=zeros(flight, links), due=zeros(flight), returning=zeros(back, links),
        pending=zeros(back), turn_in=zeros(nodes), sending=zeros(nodes),
        source_channel=zeros(nodes), asking=zeros(ports * wires.channels),
        granted_to=zeros(channels) - 1, granted_key=zeros(channels), wanted=zeros(ports, ports),
        winner=zeros(ports), crossing=zeros(ports),
    )  # fmt: skip

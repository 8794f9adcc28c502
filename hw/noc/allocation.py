"""One router's allocators: which head gets a virtual channel, which flit crosses the switch.

Both are separable and take one iteration: every output grants one of its requests, every input
accepts one of its grants, round robin on both sides; a pointer moves on only when its grant is
accepted (the iSLIP rule: McKeown, IEEE/ACM Trans. Networking 7(2), 1999). A request that loses
comes again next cycle.
"""

from __future__ import annotations

from stallscope.hw.noc.compiled import kernel
from stallscope.hw.noc.router_state import ACTIVE, WAITING, Router, Wires

__all__ = ["allocate_channels", "match_switch"]


@kernel
def allocate_channels(node: int, cycle: int, wires: Wires, state: Router) -> None:
    """Give heads that wait at a router a virtual channel of their next link.

    A head asks for every channel of its link that no other packet holds.
    """
    channels = wires.channels
    asking = place = 0
    for index in range(wires.in_first[node], wires.in_first[node + 1]):
        link = wires.in_links[index]
        if state.flits_at[link]:
            for number in range(link * channels, (link + 1) * channels):
                if state.phase[number] == WAITING and state.ready[number] <= cycle:
                    _ask(place + number - link * channels, number, wires, state)
                    state.asking[asking] = number
                    asking += 1
        place += channels
    for index in range(asking):
        _take(state.asking[index], cycle, wires, state)
    for index in range(asking):
        base = state.out_link[state.asking[index]] * channels
        state.granted_to[base : base + channels] = -1


@kernel
def _ask(place: int, number: int, wires: Wires, state: Router) -> None:
    """Every free channel of the link keeps the request nearest behind its pointer."""
    channels = wires.channels
    base = state.out_link[number] * channels
    turns = wires.turns
    for channel in range(base, base + channels):
        if state.held[channel] or (wires.waits_for_tail and state.credits[channel] < wires.depth):
            continue
        key = place - state.grant_turn[channel]
        if key < 0:
            key += turns
        if state.granted_to[channel] < 0 or key < state.granted_key[channel]:
            state.granted_to[channel] = number
            state.granted_key[channel] = key


@kernel
def _take(number: int, cycle: int, wires: Wires, state: Router) -> None:
    """A head accepts one of the channels granted to it."""
    channels = wires.channels
    base = state.out_link[number] * channels
    turn = state.accept_turn[number]
    for step in range(turn, turn + channels):
        channel = base + (step if step < channels else step - channels)
        if state.granted_to[channel] == number and not state.held[channel]:
            state.held[channel] = 1
            state.out_channel[number] = channel
            state.phase[number] = ACTIVE
            state.ready[number] = cycle + wires.allocation_cycles
            place = (state.grant_turn[channel] + state.granted_key[channel]) % wires.turns
            state.grant_turn[channel] = (place + 1) % wires.turns
            state.accept_turn[number] = (channel - base + 1) % channels
            return


@kernel
def match_switch(node: int, cycle: int, wires: Wires, state: Router) -> int:
    """Match a router's inputs and outputs for one cycle.

    Returns:
        How many flits cross; their input channels are the first of ``state.crossing``.
    """
    first, last = wires.in_first[node], wires.in_first[node + 1]
    low, high = wires.out_first[node], wires.out_first[node + 1]
    if not _requests(node, cycle, wires, state):
        return 0
    for out in range(low, high):
        state.winner[out - low] = _grant(wires.out_links[out], out - low, last - first, state)
    crossing = 0
    for port in range(last - first):
        link = wires.in_links[first + port]
        out = _accept(link, port, high - low, state)
        if out >= 0:
            number = state.wanted[port, out]
            state.crossing[crossing] = number
            crossing += 1
            state.switch_turn[wires.out_links[low + out]] = (port + 1) % (last - first)
            state.input_turn[link] = (out + 1) % (high - low)
            state.channel_turn[link] = (number % wires.channels + 1) % wires.channels
    return crossing


@kernel
def _requests(node: int, cycle: int, wires: Wires, state: Router) -> bool:
    """Fill ``wanted``: per input and output the channel that asks, the next in turn if several."""
    channels = wires.channels
    first, last = wires.in_first[node], wires.in_first[node + 1]
    found = False
    for port in range(last - first):
        link = wires.in_links[first + port]
        for out in range(wires.out_first[node + 1] - wires.out_first[node]):
            state.wanted[port, out] = -1
        if not state.flits_at[link]:
            continue
        turn = state.channel_turn[link]
        for step in range(turn, turn + channels):
            number = link * channels + (step if step < channels else step - channels)
            if (
                state.phase[number] == ACTIVE
                and state.ready[number] <= cycle
                and state.waiting[number]
                and state.credits[state.out_channel[number]]
            ):
                out = wires.out_place[state.out_link[number]]
                if state.wanted[port, out] < 0:
                    state.wanted[port, out] = number
                    found = True
    return found


@kernel
def _grant(link: int, out: int, ports: int, state: Router) -> int:
    turn = state.switch_turn[link]
    for step in range(turn, turn + ports):
        port = step if step < ports else step - ports
        if state.wanted[port, out] >= 0:
            return port
    return -1


@kernel
def _accept(link: int, port: int, outs: int, state: Router) -> int:
    turn = state.input_turn[link]
    for step in range(turn, turn + outs):
        out = step if step < outs else step - outs
        if state.winner[out] == port:
            return out
    return -1

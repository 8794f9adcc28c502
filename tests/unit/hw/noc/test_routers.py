"""Routers with virtual channels, to the cycle: pipeline, credits, head-of-line blocking."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.router_network import RouterNetwork, packets
from stallscope.mappings.topology import Mesh, RouterPipeline
from stallscope.simcore.errors import SpecError

FOREVER = 10**6


def network(columns, rows=1, **stages):
    """4 channels of 8 flits; 4 cycles per router unless said otherwise."""
    base = {"channels": 4, "buffer_flits": 8, "routing_cycles": 0, "channel_allocation_cycles": 1,
            "switch_allocation_cycles": 1, "traversal_cycles": 1, "credit_cycles": 2}  # fmt: skip
    pipeline = RouterPipeline(**(base | stages))
    mesh = Mesh(words_per_cycle=1, router_delay_cycles=pipeline.router_delay_cycles)
    return RouterNetwork(build(mesh, columns, rows), pipeline)


def run(routers, sent):
    """Send (source, destination, cycle, flits) packets; return the cycles of their ends."""
    source, destination, created, flits = (np.array(column) for column in zip(*sent, strict=True))
    order = np.lexsort((created, source))
    traffic = packets(routers.geometry, source, destination, created, flits)
    routers.run(traffic, FOREVER, enough=len(sent))
    ends = np.empty(len(sent), dtype=int)
    ends[order] = traffic.done
    return ends.tolist()


@pytest.mark.parametrize(
    ("stages", "router"),
    [
        ({}, 4),
        ({"routing_cycles": 2}, 6),
        ({"channel_allocation_cycles": 3}, 6),
        ({"switch_allocation_cycles": 2}, 5),
        ({"traversal_cycles": 2}, 5),
        ({"speculative": True}, 3),
        ({"wire_cycles": 3}, 6),
    ],
)
@pytest.mark.parametrize("flits", [1, 4, 11])
@pytest.mark.parametrize("hops", [0, 1, 5])
def test_a_packet_alone_takes_this_long(stages, router, flits, hops):
    """Two cycles for the ports, a pipeline per router, a cycle per further flit."""
    stages = stages | {"buffer_flits": 32}
    (end,) = run(network(6, **stages), [(0, hops, 5, flits)])
    assert end - 5 == 2 + router * (hops + 1) + flits - 1


def test_a_hotspot_is_served_at_one_flit_a_cycle():
    """Sixteen nodes send 16 packets each to node 5; its port is busy from cycle 5 on."""
    sent = [(node, 5, 0, 1) for node in range(16) for _ in range(16)]
    assert max(run(network(4, 4), sent)) == 5 + 256


@pytest.mark.parametrize(("buffer", "credit"), [(1, 2), (2, 2), (4, 2), (6, 2), (4, 0), (3, 5)])
def test_one_channel_moves_a_buffer_of_flits_per_credit_round_trip(buffer, credit):
    """Round trip: 3 cycles to the next buffer, then 1 + 1 + credit cycles back."""
    flits = 600
    (end,) = run(network(3, channels=1, buffer_flits=buffer, credit_cycles=credit),
                 [(0, 2, 0, flits)])  # fmt: skip
    round_trip = 3 + 2 + credit
    assert end == pytest.approx(flits * max(1.0, round_trip / buffer), abs=40)


def test_a_blocked_head_blocks_its_channel_and_no_other():
    """Node 1's packets to 3 wait for a long one; one behind them to 2's port gets by only through
    another channel.
    """
    long, blocked, behind = (2, 3, 0, 300), (0, 3, 0, 4), (0, 1, 8, 4)
    one = run(network(4, channels=1, buffer_flits=4), [long, blocked, behind])
    two = run(network(4, channels=2, buffer_flits=4), [long, blocked, behind])
    assert two[2] < 40
    assert one[2] <= two[2] + 20  # at router 1 they part
    # at router 1 both want the link to router 2, where the first one waits
    chain = [(2, 3, 0, 300), (1, 3, 0, 8), (0, 2, 20, 4)]
    assert run(network(4, channels=1, buffer_flits=4), chain)[2] > 300
    assert run(network(4, channels=4, buffer_flits=4), chain)[2] < 60


def test_a_channel_that_waits_for_its_tail_is_given_away_later():
    """With one channel a second packet may follow at once, or only when the buffer is empty."""
    sent = [(0, 2, 0, 1), (0, 2, 0, 1)]
    at_once = run(network(3, channels=1), sent)
    waiting = run(network(3, channels=1, waits_for_tail=True), sent)
    assert at_once == [14, 16]  # the second head asks a cycle after the first has left
    assert waiting[0] == 14
    assert waiting[1] > 16


def test_inputs_of_a_router_take_turns():
    """Nodes 0 and 2 send 40 flits each to node 1: the port alternates, so both end together."""
    ends = run(network(3), [(0, 1, 0, 40), (2, 1, 0, 40)])
    assert sorted(ends) == [9 + 79, 9 + 80]


def test_flits_are_neither_lost_nor_made():
    rng = np.random.Generator(np.random.PCG64(7))
    sent = [(int(rng.integers(9)), int(rng.integers(9)), int(rng.integers(200)),
             int(rng.integers(1, 7))) for _ in range(400)]  # fmt: skip
    routers = network(3, 3, channels=2, buffer_flits=3)
    ends = run(routers, sent)
    assert min(end - packet[2] for end, packet in zip(ends, sent, strict=True)) >= 6
    assert routers.waiting_flits == 0
    carried: dict[str, int] = {}
    mesh = routers.geometry
    for source, destination, _, flits in sent:
        out = mesh.link_between(mesh.router(destination), destination)
        entry = mesh.link_between(source, mesh.router(source))
        route = mesh.route(source, destination)
        for link in route or (entry, out):
            name = mesh.links[link].name
            carried[name] = carried.get(name, 0) + flits
    assert {name: flits for name, flits in routers.link_flits.items() if flits} == carried


def test_a_mesh_of_another_delay_is_refused():
    pipeline = network(2).pipeline
    mesh = build(Mesh(words_per_cycle=1, router_delay_cycles=5), 2, 1)
    with pytest.raises(SpecError, match=r"router_delay_cycles = 5: is not that of the routers'"):
        RouterNetwork(mesh, pipeline)

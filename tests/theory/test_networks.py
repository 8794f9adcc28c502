"""Networks with a known answer: queues at a port, adder trees, the fill of a pipeline."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.hw.noc.router_network import RouterNetwork, packets
from stallscope.hw.noc.topology import Direction
from stallscope.hw.noc.traffic import bernoulli
from stallscope.mappings.topology import Mesh, RouterPipeline, Tree

PACKETS = 8_000


def geo_d_1_wait(chance, length):
    """Mean wait of a queue that gets a packet with this chance per cycle, served in ``length``.

    Source: discrete-time Geo/G/1, E[W] = p E[S (S - 1)] / (2 (1 - p E[S])), S = length (Takagi,
    Queueing Analysis 3, 1993).
    """
    return chance * length * (length - 1) / (2 * (1 - chance * length))


@pytest.mark.parametrize(("load", "length"), [(0.3, 4), (0.7, 4), (0.5, 12)])
def test_a_ports_queue_is_geo_d_1(load, length):
    """5 %: the error of a mean over so many packets, which wait in clusters."""
    chance = load / length
    cycles = int(PACKETS / chance)
    _, created = bernoulli(1, cycles, chance, np.random.Generator(np.random.PCG64(11)))
    mesh = build(Mesh(words_per_cycle=1, router_delay_cycles=4), 2, 1)
    way = mesh.multicast(0, [1])
    alone = 1 + 2 * 4 + length
    network, waits = PacketNetwork(mesh), []
    for cycle in created.tolist():
        waits += [end - begun - alone for end, begun in network.advance(cycle)]
        network.submit(way, length, cycle, cycle)
    waits += [end - begun - alone for end, begun in network.advance(10 * cycles)]
    assert np.mean(waits) == pytest.approx(geo_d_1_wait(chance, length), rel=0.05)


@pytest.mark.parametrize(("load", "length"), [(0.3, 4), (0.7, 4)])
def test_a_nodes_own_queue_is_geo_d_1(load, length):
    """The same queue before a router with virtual channels, which sends a flit a cycle."""
    chance = load / length
    cycles = int(PACKETS / chance)
    source, created = bernoulli(1, cycles, chance, np.random.Generator(np.random.PCG64(11)))
    pipeline = RouterPipeline(channels=4, buffer_flits=8, routing_cycles=0,
                              channel_allocation_cycles=1, switch_allocation_cycles=1,
                              traversal_cycles=1, credit_cycles=2)  # fmt: skip
    mesh = build(Mesh(words_per_cycle=1, router_delay_cycles=4), 2, 1)
    to, flits = np.full_like(source, 1), np.full_like(source, length)
    traffic = packets(mesh, source, to, created, flits)
    RouterNetwork(mesh, pipeline).run(traffic, 10 * cycles, enough=len(source))
    waits = traffic.sent - traffic.created
    assert waits.mean() == pytest.approx(geo_d_1_wait(chance, length), rel=0.05)


def test_many_sources_of_a_port_are_m_d_1():
    """Single words of 15 children of a 4 x 4 mesh to the parent: nearly Poisson arrivals at its
    port. M/D/1 waits rho / (2 (1 - rho)) services; other links, much emptier, add a little.
    """
    rho, nodes, cycles = 0.8, 15, 12_000
    source, created = bernoulli(nodes, cycles, rho / nodes, np.random.Generator(np.random.PCG64(2)))
    mesh = build(Mesh(words_per_cycle=1, router_delay_cycles=1), 4, 4)
    ways = [mesh.multicast(child, [15]) for child in range(nodes)]
    network: PacketNetwork[int] = PacketNetwork(mesh)
    order = np.argsort(created, kind="stable")
    latencies = []

    def note(cycle):
        for end, number in network.advance(cycle):
            node = source[order[number]]
            latencies.append(end - created[order[number]] - ways[node].latency_cycles - 1)

    for number, packet in enumerate(order.tolist()):
        if number % 50 == 0:
            note(int(created[packet]))
        network.submit(ways[source[packet]], 1, int(created[packet]), number)
    note(10 * cycles)
    wait = rho / (2 * (1 - rho))
    # an arrival of 15 Bernoulli sources has 1 / 15 less variance than Poisson's
    assert 0.85 * wait <= np.mean(latencies) <= 1.4 * wait


@pytest.mark.parametrize("leaves", [2, 8, 64])
def test_an_adder_tree_gives_a_sum_a_cycle_after_its_levels(leaves):
    """n sums of all leaves: log2(leaves) cycles of fill, then one sum per cycle."""
    tree = build(Tree(root_words_per_cycle=1, leaf_words_per_cycle=1), leaves, 1)
    way = tree.reduction(range(leaves), tree.parent)
    network = PacketNetwork(tree)
    for number in range(10):
        network.submit(way, 1, 0, number)
    levels = leaves.bit_length() - 1
    assert network.advance(1000) == [(levels + 1 + number, number) for number in range(10)]
    assert tree.latency(range(leaves), Direction.UP) == levels


def test_a_long_multicast_fills_its_tree_once():
    """n words to all of a k x k mesh: the port's n cycles, after one way to the far corner."""
    mesh = build(Mesh(words_per_cycle=1, router_delay_cycles=3), 4, 4)
    network = PacketNetwork(mesh)
    network.submit(mesh.multicast(mesh.parent, range(16)), 1000, 0, "all")
    assert network.advance(10_000) == [(1 + 3 * 7 + 1000, "all")]
    assert set(network.carried_words.values()) == {1000}
    assert len(network.carried_words) == 1 + 15 + 16


def test_unicasts_of_a_multicasts_words_take_as_many_times_longer():
    spec = {"words_per_cycle": 1, "router_delay_cycles": 3}
    single = build(Mesh(**spec, multicast=False), 4, 4)
    groups = [(100, range(16))]
    assert single.cycles(single.loads(groups)) == 1600
    assert build(Mesh(**spec), 4, 4).cycles(build(Mesh(**spec), 4, 4).loads(groups)) == 100

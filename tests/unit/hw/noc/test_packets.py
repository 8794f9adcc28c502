"""Packets reserve links: who waits for whom, to the cycle."""

from __future__ import annotations

import pytest

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.mappings.topology import Bus, Mesh, Tree, XyBus
from stallscope.simcore.errors import SpecError

LONG = 10_000


def mesh(columns=4, rows=1, *, width=1, **options):
    """A port takes 1 cycle, a router 2."""
    spec = Mesh(words_per_cycle=width, router_delay_cycles=2, **options)
    return build(spec, columns, rows)


def ends(network):
    return network.advance(LONG)


def test_a_packet_alone_takes_its_way_and_its_words():
    """Port 1, routers 0 to 3: 4 x 2, 5 words."""
    geometry = mesh()
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(geometry.parent, [3]), 5, 7, "a")
    assert network.next_completion() == (7 + 1 + 8 + 5, "a")
    assert ends(network) == [(21, "a")]


def test_the_second_at_a_link_waits_for_the_firsts_words():
    geometry = mesh()
    network = PacketNetwork(geometry)
    for owner in "ab":
        network.submit(geometry.multicast(geometry.parent, [0]), 5, 0, owner)
    assert ends(network) == [(3 + 5, "a"), (3 + 10, "b")]


def test_the_head_that_comes_first_goes_first_whoever_was_submitted_first():
    """From child 0 to 2 passes link 1-2 at cycle 5; from child 1 at cycle 3."""
    geometry = mesh()
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(0, [2]), 4, 0, "far")
    network.submit(geometry.multicast(1, [2]), 4, 0, "near")
    # near: 1-2 at 1, port at 3, done 5 + 4; far: 1-2 at 3 waits to 5, port waits to 7, done 9 + 4
    assert ends(network) == [(9, "near"), (13, "far")]


def test_equal_arrivals_go_in_order_of_submission():
    geometry = mesh(3)
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(2, [1]), 4, 0, "right")
    network.submit(geometry.multicast(0, [1]), 4, 0, "left")
    assert ends(network) == [(5 + 4, "right"), (5 + 8, "left")]


def test_branches_of_a_multicast_go_on_independently():
    """Child 1's port is taken from 3 to 13; the multicast's branch to child 3 is not held up."""
    geometry = mesh(4, inject_x=1)
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(0, [1]), 10, 0, "first")
    network.submit(geometry.multicast(geometry.parent, [1, 3]), 2, 3, "both")
    network.submit(geometry.multicast(2, [3]), 2, 6, "last")
    # first: 0-1 at 1, port(1,0) at 3, done 5 + 10. both: 1-2 and port(1,0) at 4, where it waits
    # to 13, done 15 + 2; 2-3 from 6 to 8, port(3,0) at 8. last: 2-3 at 7, waits to 8, done 12 + 2.
    assert ends(network) == [(14, "last"), (15, "first"), (17, "both")]


def test_a_blocking_multicast_holds_nothing_until_all_ways_are_free():
    """Listeners of a bus take a word together; a tap that is taken delays all."""
    geometry = build(XyBus(words_per_cycle=1, delay_cycles=1), 2, 2)
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(geometry.parent, [0]), 6, 0, "one")
    network.submit(geometry.multicast(geometry.parent, [0, 1, 2, 3]), 1, 0, "all")
    assert ends(network) == [(1 + 6, "one"), (1 + 7, "all")]


def test_blocking_packets_on_a_mesh_wait_at_the_source():
    """b is at link 1-2 at 3, so a starts at 3 to be there at 4; c may be there at 14: from 11."""
    spec = {"blocking": True}
    geometry = mesh(4, **spec)
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(1, [2]), 10, 2, "a")
    network.submit(geometry.multicast(0, [3]), 1, 0, "b")
    network.submit(geometry.multicast(0, [3]), 1, 2, "c")
    assert ends(network) == [(10, "b"), (3 + 5 + 10, "a"), (11 + 9 + 1, "c")]


def test_a_combined_sum_leaves_when_the_last_has_come():
    """Sums of children 0 and 2 meet at router 1; child 2's port is taken until 20."""
    geometry = mesh(3, inject_x=1)
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(2, [1]), 20, 0, "busy")
    network.submit(geometry.reduction([0, 2], geometry.parent), 3, 0, "sum")
    # busy: 2-1 at 1, port(1,0) at 3, done 5 + 20. 2's sum enters at 20, is at router 2 at 21 (when
    # 2-1 is free), at router 1 at 23, at the parent at 25 + 3
    assert ends(network) == [(25, "busy"), (28, "sum")]
    out = geometry.link_between(geometry.router(1), geometry.parent)
    assert network.carried_words[out] == 3


def test_a_narrow_link_holds_the_links_behind_it_longer():
    """The parent's port has half a word per cycle: 4 words come in 8 cycles everywhere."""
    geometry = mesh(2, entry_words_per_cycle="1/2")
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(geometry.parent, [1]), 4, 0, "slow")
    network.submit(geometry.multicast(0, [1]), 4, 0, "late")
    # late comes to 0-1 at 1 as slow does, but was submitted later: waits until slow's tail at 9
    assert ends(network) == [(1 + 4 + 8, "slow"), (9 + 4 + 4, "late")]


@pytest.mark.parametrize(("padded", "second"), [(True, 4), (False, 3)])
def test_a_flit_is_not_shared_between_packets(padded, second):
    """Links of 2 words: 3 words take 2 cycles of whole flits; unpadded, 6 words take 3."""
    geometry = build(Bus(words_per_cycle=2), 1, 1)
    network = PacketNetwork(geometry, padded=padded)
    for owner in "ab":
        network.submit(geometry.multicast(geometry.parent, [0]), 3, 0, owner)
    assert ends(network) == [(2, "a"), (second, "b")]


def test_words_of_a_cycle_cross_a_wide_port_together():
    """Sixteen words to sixteen leaves in one cycle, then the switches' cycle."""
    spec = Tree(root_words_per_cycle=16, leaf_words_per_cycle=1, levels_per_cycle=None,
                blocking=True)  # fmt: skip
    geometry = build(spec, 64, 1)
    network = PacketNetwork(geometry, padded=False)
    for leaf in range(0, 64, 4):
        network.submit(geometry.multicast(geometry.parent, [leaf]), 1, 0, leaf)
    network.submit(geometry.multicast(geometry.parent, [1]), 1, 0, "next")
    assert ends(network) == [(2, leaf) for leaf in range(0, 64, 4)] + [(3, "next")]


def test_the_clear_cycle_is_when_the_next_would_not_wait():
    geometry = mesh()
    network = PacketNetwork(geometry)
    way = geometry.multicast(geometry.parent, [3])
    assert network.clear_cycle(way) == 0
    network.submit(way, 5, 7, "a")
    clear = network.clear_cycle(way)
    assert clear == 12
    network.submit(way, 5, clear, "b")
    assert ends(network) == [(21, "a"), (clear + 14, "b")]


def test_an_empty_way_ends_at_once():
    geometry = mesh()
    network = PacketNetwork(geometry)
    network.submit(geometry.multicast(2, [2]), 1, 5, "a")
    network.submit(geometry.multicast(geometry.parent, []), 3, 4, "nowhere")
    assert network.next_completion() == (4, "nowhere")
    assert ends(network) == [(4, "nowhere"), (5, "a")]


def test_nothing_ends_in_an_empty_network():
    network = PacketNetwork(mesh())
    assert network.next_completion() is None
    assert (network.advance(5), network.carried_words, network.held_cycles) == ([], {}, {})


def test_the_past_is_refused():
    geometry = mesh()
    network = PacketNetwork(geometry)
    network.advance(5)
    with pytest.raises(SpecError, match=r"packet.cycle = 4: the network is at cycle 5 already"):
        network.submit(geometry.multicast(geometry.parent, [0]), 1, 4, "a")
    with pytest.raises(SpecError, match=r"advance = 4: the network is at cycle 5 already"):
        network.advance(4)
    with pytest.raises(SpecError, match=r"packet.words = 0: needs at least one word"):
        network.submit(geometry.multicast(geometry.parent, [0]), 0, 5, "a")

"""Laws of networks: of their geometry, and of packets that reserve links."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.hw.noc.topology import Direction
from stallscope.mappings.topology import Mesh
from tests.property.networks import geometries, groups, loaded, traffic

QUICK = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
LONG = 100_000


# ---------------------------------------------------------------------- geometry


def every_link_has_a_partner_and_the_graph_is_sound(data):
    geometry = data.draw(geometries())
    names = [link.name for link in geometry.links]
    assert len(set(names)) == len(names)
    for number, link in enumerate(geometry.links):
        partner = geometry.links[number ^ 1]
        assert (partner.start, partner.end) == (link.end, link.start)
        assert partner.words_per_cycle == link.words_per_cycle
        assert geometry.link_between(link.start, link.end) == number


def a_multicast_is_a_connected_tree_of_its_routes(data):
    geometry = data.draw(geometries())
    group = data.draw(groups(geometry))
    delivery = geometry.multicast(geometry.parent, group)
    routes = {node: geometry.route(geometry.parent, node) for node in group}
    assert set(delivery.links) == {link for route in routes.values() for link in route}
    assert len(set(delivery.links)) == len(delivery.links)
    entered = {geometry.parent}
    for branch in delivery.branches:
        link = geometry.links[branch.link]
        assert link.start in entered  # what feeds it came before
        assert link.end not in entered  # and nothing comes twice
        entered.add(link.end)
        for feeder in branch.feeders:
            above = delivery.branches[feeder]
            assert geometry.links[above.link].end == link.start
            assert branch.depth == above.depth + geometry.links[above.link].delay_cycles
    reached = dict(delivery.arrivals)
    assert sorted(reached) == sorted(group)
    for node, route in routes.items():
        assert reached[node] == sum(geometry.links[link].delay_cycles for link in route)


def a_multicast_to_one_is_the_route(data):
    geometry = data.draw(geometries())
    (node,) = data.draw(groups(geometry).map(lambda group: group[:1]))
    delivery = geometry.multicast(geometry.parent, [node])
    assert delivery.links == geometry.route(geometry.parent, node)
    assert all(len(branch.feeders) == (place > 0) for place, branch in enumerate(delivery.branches))


def a_reduction_is_the_mirror_of_the_multicast(data):
    geometry = data.draw(geometries())
    group = data.draw(groups(geometry))
    there = geometry.multicast(geometry.parent, group)
    back = geometry.reduction(group, geometry.parent)
    assert [link ^ 1 for link in reversed(there.links)] == list(back.links)
    count = len(there.branches)
    for place, branch in enumerate(there.branches):
        for feeder in branch.feeders:
            assert count - 1 - place in back.branches[count - 1 - feeder].feeders
    for branch in back.branches:
        assert branch.depth == max(
            (
                back.branches[feeder].depth
                + geometry.links[back.branches[feeder].link].delay_cycles
                for feeder in branch.feeders
            ),
            default=0,
        )


def loads_are_the_words_of_all_deliveries(data):
    geometry = data.draw(geometries())
    direction = data.draw(st.sampled_from(Direction))
    work = data.draw(st.lists(st.tuples(st.integers(1, 9), groups(geometry)), max_size=4))
    network = PacketNetwork(geometry)
    for words, group in work:
        for delivery in geometry.deliveries(group, direction):
            network.submit(delivery, words, 0, 0)
    network.advance(LONG)
    assert geometry.loads(work, direction) == network.carried_words


@QUICK
@given(data=st.data())
def test_a_mesh_reaches_its_children_at_their_manhattan_distance(data):
    columns, rows = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    x, y = data.draw(st.integers(0, columns - 1)), data.draw(st.integers(0, rows - 1))
    spec = Mesh(words_per_cycle=1, router_delay_cycles=1, port_delay_cycles=0, inject_x=x,
                inject_y=y)  # fmt: skip
    mesh = build(spec, columns, rows)
    for node, cycles in mesh.multicast(mesh.parent, range(mesh.children)).arrivals:
        distance = abs(node % columns - x) + abs(node // columns - y)
        assert cycles == 1 + distance
        assert mesh.hops(1, [node]) == distance


# ---------------------------------------------------------------------- packets


def splitting_an_advance_changes_nothing(data):
    case = data.draw(traffic())
    whole = loaded(case).advance(LONG)
    network, found = loaded(case), []
    for cycle in sorted(data.draw(st.lists(st.integers(0, 120), max_size=6))):
        found += network.advance(cycle)
    assert whole == found + network.advance(LONG)


def packets_may_be_submitted_when_they_come(data):
    """Advancing to a packet's cycle before it is submitted changes nothing either."""
    geometry, padded, packets = case = data.draw(traffic())
    network, found = PacketNetwork(geometry, padded=padded), []
    for owner, (delivery, words, cycle) in enumerate(packets):
        found += network.advance(cycle)
        network.submit(delivery, words, cycle, owner)
    assert loaded(case).advance(LONG) == found + network.advance(LONG)


def the_next_completion_leaves_the_state_alone_and_is_the_next(data):
    network = loaded(data.draw(traffic()))
    network.advance(data.draw(st.integers(0, 40)))
    while True:
        before = network.relative(network.now)
        expected = network.next_completion()
        assert network.relative(network.now) == before
        if expected is None:
            break
        assert network.advance(max(network.now, expected[0] - 1)) == []
        assert network.advance(max(network.now, expected[0]))[0] == expected
    assert network.advance(LONG) == []


def later_packets_end_later_by_the_same(data):
    case, late = data.draw(traffic()), data.draw(st.integers(0, 50))
    delayed = loaded(case, late=late).advance(LONG + late)
    assert [(cycle + late, owner) for cycle, owner in loaded(case).advance(LONG)] == delayed


def a_shifted_network_goes_on_as_before(data):
    case = data.draw(traffic())
    at, by = data.draw(st.integers(0, 60)), data.draw(st.integers(0, 1000))
    network, shifted = loaded(case), loaded(case)
    assert network.advance(at) == shifted.advance(at)
    shifted.shift(by)
    assert network.relative(at) == shifted.relative(at + by)
    later = [(cycle + by, owner) for cycle, owner in network.advance(LONG)]
    assert later == shifted.advance(LONG + by)


def equal_relative_states_have_equal_futures(data):
    """A network with a past and one without, if they look alike, go on alike."""
    geometry, padded, packets = case = data.draw(traffic())
    old = PacketNetwork(geometry, padded=padded)
    for delivery, words, _ in packets:
        old.submit(delivery, words, 0, "gone")
    old.advance(LONG)
    for owner, (delivery, words, cycle) in enumerate(packets):
        old.submit(delivery, words, LONG + cycle, owner)
    new = loaded(case)
    at = data.draw(st.integers(0, 60))
    old.advance(LONG + at)
    new.advance(at)
    assert old.relative(LONG + at) == new.relative(at)
    assert [(cycle - LONG, owner) for cycle, owner in old.advance(2 * LONG)] == new.advance(LONG)


def every_link_carries_its_words_and_no_more_than_its_width(data):
    """Words out = words in on each link; the time they need fits between first and last."""
    case = data.draw(traffic())
    network = loaded(case)
    geometry, _, packets = case
    expected: dict[int, int] = {}
    for delivery, words, _ in packets:
        for link in delivery.links:
            expected[link] = expected.get(link, 0) + words
    last = max(cycle for cycle, _ in network.advance(LONG))
    assert network.carried_words == expected
    first = min(cycle for _, _, cycle in packets)
    for link, words in expected.items():
        needed = words / geometry.links[link].words_per_cycle
        assert needed <= network.held_cycles[link] <= last - first


def no_packet_is_faster_than_alone(data):
    geometry, padded, packets = case = data.draw(traffic())
    together = {owner: cycle for cycle, owner in loaded(case).advance(LONG)}
    for owner, packet in enumerate(packets):
        ((alone, _),) = loaded((geometry, padded, [packet])).advance(LONG)
        assert together[owner] >= alone
        assert alone >= packet[2] + packet[0].latency_cycles


LAWS = [
    every_link_has_a_partner_and_the_graph_is_sound,
    a_multicast_is_a_connected_tree_of_its_routes,
    a_multicast_to_one_is_the_route,
    a_reduction_is_the_mirror_of_the_multicast,
    loads_are_the_words_of_all_deliveries,
    splitting_an_advance_changes_nothing,
    packets_may_be_submitted_when_they_come,
    the_next_completion_leaves_the_state_alone_and_is_the_next,
    later_packets_end_later_by_the_same,
    a_shifted_network_goes_on_as_before,
    equal_relative_states_have_equal_futures,
    every_link_carries_its_words_and_no_more_than_its_width,
    no_packet_is_faster_than_alone,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@QUICK
@given(data=st.data())
def test_law(law, data):
    law(data)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@SLOW
@given(data=st.data())
def test_law_on_many_networks(law, data):
    law(data)

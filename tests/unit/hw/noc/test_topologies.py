"""Bus, X/Y bus, tree, ring, neighbour links, clusters: links, widths, delays, what they refuse."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.topology import Direction
from stallscope.mappings.topology import (
    Bus,
    Clusters,
    Mesh,
    Neighbour,
    Ring,
    Tree,
    XyBus,
)
from stallscope.simcore.errors import SpecError


def names(geometry, links):
    return [geometry.links[link].name for link in links]


def named(geometry, loads):
    return {geometry.links[link].name: words for link, words in loads.items()}


def test_a_bus_carries_a_word_once_for_all_listeners():
    bus = build(Bus(words_per_cycle=2, delay_cycles=1), 3, 1)
    assert named(bus, bus.loads([(6, [0, 2]), (4, [1])])) == {
        "bus": 10, "tap[0]": 6, "tap[1]": 4, "tap[2]": 6
    }  # fmt: skip
    assert bus.cycles(bus.loads([(6, [0, 2])])) == 3
    assert (bus.latency([0, 1, 2]), bus.hops(6, [0, 2])) == (1, 6)


def test_a_bus_without_multicast_carries_a_word_per_listener():
    bus = build(Bus(words_per_cycle=2, multicast=False), 3, 1)
    assert named(bus, bus.loads([(6, [0, 2])]))["bus"] == 12


def test_a_bus_does_not_add():
    bus = build(Bus(words_per_cycle=1), 3, 1)
    up = bus.loads([(6, [0, 2])], Direction.UP)
    assert named(bus, up) == {"bus back": 12, "tap[0] back": 6, "tap[2] back": 6}


def test_children_of_a_bus_do_not_reach_each_other():
    for spec in (Bus(words_per_cycle=1), XyBus(words_per_cycle=1)):
        with pytest.raises(SpecError, match=r"topology.route = 0 to 2: a bus connects the parent"):
            build(spec, 3, 2).route(0, 2)


def test_only_the_x_buses_of_matching_rows_carry_a_word():
    """Eyeriss: 12 rows of 14; columns 0 and 1 of rows 2 and 5: the Y bus and two X buses."""
    grid = build(XyBus(words_per_cycle=4), 14, 12)
    children = [grid.child(x, y) for y in (2, 5) for x in (0, 1)]
    assert named(grid, grid.loads([(8, children)])) == {
        "y bus": 8, "x bus[2]": 8, "tap[0,2]": 8, "tap[1,2]": 8, "x bus[5]": 8, "tap[0,5]": 8,
        "tap[1,5]": 8,
    }  # fmt: skip
    assert (grid.latency(children), grid.hops(8, children)) == (1, 24)
    assert names(grid, grid.route(children[3], grid.parent)) == [
        "tap[1,5] back", "x bus[5] back", "y bus back"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "widths"), [("thin", [1, 1, 1]), ("fat", [4, 2, 1]), ("chubby", [2, 1, 1])]
)
def test_a_trees_links_are_this_wide(shape, widths):
    """Eight leaves of one word per cycle below a root of four."""
    tree = build(Tree(root_words_per_cycle=4, leaf_words_per_cycle=1, shape=shape), 8, 1)
    assert [tree.level_width(level) for level in (1, 2, 3)] == widths
    route = tree.route(tree.parent, 5)
    assert names(tree, route) == ["root", "level 1[1]", "level 2[2]", "level 3[5]"]
    assert [tree.links[link].words_per_cycle for link in route] == [4, *widths]


@pytest.mark.parametrize(
    ("root", "per_cycle", "cycles"),
    # 64 leaves: a port of 16 words divides in 4 levels of wires; 2 levels of switches remain.
    [(16, 1, 2), (16, 2, 1), (16, None, 1), (4, 1, 4), (4, 3, 2), (64, 1, 0), (64, None, 0),
     (1, 1, 6), (1, 4, 2)],
)  # fmt: skip
def test_levels_with_switches_take_cycles_and_wires_none(root, per_cycle, cycles):
    spec = Tree(root_words_per_cycle=root, leaf_words_per_cycle=1, levels_per_cycle=per_cycle)
    assert build(spec, 64, 1).latency(range(64)) == cycles


def test_adders_take_a_cycle_per_level_and_each_link_carries_a_sum_once():
    tree = build(Tree(root_words_per_cycle=1, leaf_words_per_cycle=1, adder_cycles=2), 2, 2)
    assert tree.latency(range(4), Direction.UP) == 4
    loads = named(tree, tree.loads([(3, range(4))], Direction.UP))
    assert loads == {
        "root back": 3, "level 1[0] back": 3, "level 2[0] back": 3, "level 2[1] back": 3,
        "level 1[1] back": 3, "level 2[2] back": 3, "level 2[3] back": 3,
    }  # fmt: skip


def test_a_tree_of_six_leaves_has_no_links_to_leaves_that_are_not_there():
    tree = build(Tree(root_words_per_cycle=1, leaf_words_per_cycle=1), 6, 1)
    assert tree.levels == 3
    assert len(tree.links) == 2 * (1 + 2 + 3 + 6)
    assert names(tree, tree.route(1, 4)) == [
        "level 3[1] back", "level 2[0] back", "level 1[0] back", "level 1[1]", "level 2[2]",
        "level 3[4]",
    ]  # fmt: skip


def test_a_tree_of_one_leaf_is_a_wire():
    tree = build(Tree(root_words_per_cycle=3, leaf_words_per_cycle=1), 1, 1)
    assert names(tree, tree.route(tree.parent, 0)) == ["root"]


def test_a_ring_goes_the_shorter_way():
    ring = build(Ring(words_per_cycle=1, delay_cycles=3, port_delay_cycles=2), 6, 1)
    assert names(ring, ring.route(0, 2)) == ["port(0,0) back", "0-1", "1-2", "port(2,0)"]
    assert names(ring, ring.route(0, 3)) == ["port(0,0) back", "0-1", "1-2", "2-3", "port(3,0)"]
    assert names(ring, ring.route(0, 4)) == [
        "port(0,0) back", "5-0 back", "4-5 back", "port(4,0)"
    ]  # fmt: skip
    assert ring.latency(range(6)) == 2 + 3 * 4  # three hops and out of the ring


def test_two_children_of_a_ring_have_one_connection():
    ring = build(Ring(words_per_cycle=1), 2, 1)
    assert [link.name for link in ring.links if link.is_hop] == ["0-1", "0-1 back"]


def test_neighbour_links_pass_a_word_down_the_row():
    rows = build(Neighbour(axis="x", words_per_cycle=1), 4, 2)
    loads = named(rows, rows.loads([(5, [0, 1, 2, 3]), (2, [6])]))
    assert loads == {
        "entry[0]": 5, "0-1": 5, "1-2": 5, "2-3": 5, "entry[1]": 2, "4-5": 2, "5-6": 2
    }  # fmt: skip
    assert rows.latency(range(8)) == 4


def test_neighbour_links_along_y_chain_the_columns():
    columns = build(Neighbour(axis="y", words_per_cycle=1, hop_cycles=2), 3, 4)
    assert names(columns, columns.route(columns.parent, 7)) == ["entry[1]", "1-4", "4-7"]
    assert names(columns, columns.route(10, 4)) == ["7-10 back", "4-7 back"]
    assert columns.latency(range(12), Direction.UP) == 8


def test_neighbour_links_do_not_leave_their_row():
    rows = build(Neighbour(axis="x", words_per_cycle=1), 4, 2)
    with pytest.raises(SpecError, match="neighbour links do not leave their row or column; use a"):
        rows.route(0, 5)


def test_clusters_are_a_mesh_of_buses():
    """Eyeriss v2: 2 x 8 clusters of 4 x 3; the far cluster is 1 + 7 hops away."""
    spec = Clusters(columns=4, rows=3, between=Mesh(words_per_cycle=3, router_delay_cycles=1),
                    inside=Bus(words_per_cycle=3))  # fmt: skip
    grid = build(spec, 8, 24)
    far = grid.child(7, 23)
    assert names(grid, grid.route(grid.parent, far)) == [
        "between entry", "between (0,0)-(1,0)",
        *(f"between (1,{y})-(1,{y + 1})" for y in range(7)),
        "between port(1,7)", "cluster 15 bus", "cluster 15 tap[11]",
    ]  # fmt: skip
    assert grid.latency([far]) == 1 + 9
    # 15 links between clusters and 16 buses
    assert grid.hops(1, range(192)) == 31


def test_a_child_reaches_another_cluster_through_both_networks():
    mesh = Mesh(words_per_cycle=1, router_delay_cycles=1)
    grid = build(Clusters(columns=2, rows=2, between=mesh, inside=mesh), 4, 4)
    assert names(grid, grid.route(grid.child(1, 1), grid.child(2, 0))) == [
        "cluster 0 port(1,1) back", "cluster 0 (0,1)-(1,1) back", "cluster 0 (0,0)-(0,1) back",
        "cluster 0 entry back", "between port(0,0) back", "between (0,0)-(1,0)",
        "between port(1,0)", "cluster 1 entry", "cluster 1 port(0,0)",
    ]  # fmt: skip


def test_clusters_add_only_where_both_networks_do():
    adds = Mesh(words_per_cycle=1, router_delay_cycles=1)
    spec = Clusters(columns=2, rows=1, between=adds, inside=Bus(words_per_cycle=1))
    assert (spec.multicast, spec.reduces, spec.blocking) == (True, False, True)
    grid = build(spec, 4, 1)
    assert named(grid, grid.loads([(1, range(4))], Direction.UP))["between entry back"] == 4


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        (Mesh(words_per_cycle=1, router_delay_cycles=1, inject_x=4),
         r"topology.inject_x = 4: the grid has 4 there; 0 to 3"),
        (Mesh(words_per_cycle=1, router_delay_cycles=1, inject_y=2),
         r"topology.inject_y = 2: the grid has 2 there; 0 to 1"),
        (Ring(words_per_cycle=1, inject=8), r"topology.inject = 8: the ring has 8 children"),
        (Clusters(columns=3, rows=1, between=Bus(words_per_cycle=1),
                  inside=Bus(words_per_cycle=1)),
         r"topology.columns = 3: does not divide the grid's 4"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_grid_is_refused(spec, rule):
    with pytest.raises(SpecError, match=rule):
        build(spec, 4, 2)


def test_an_empty_grid_is_refused():
    with pytest.raises(SpecError, match=r"topology.grid = 0 x 2: needs at least one child"):
        build(Bus(words_per_cycle=1), 0, 2)


def test_the_busiest_link_sets_the_pace_exactly():
    tree = build(Tree(root_words_per_cycle="3/2", leaf_words_per_cycle="1/3"), 2, 1)
    assert tree.cycles(tree.loads([(4, [0]), (1, [1])])) == Fraction(16, 3)

"""Multicast and reduction trees on meshes, written out link by link by hand.

A router is its column and row: ``30`` is at the right end of the top row. ``in`` and ``out`` are
the parent's port, ``12>`` leaves router 12 into its child, ``>12`` the other way, ``12>22`` is a
link between routers. Beside each link is its depth: when the first word (of a reduction the last
of the sums) is there. A port into a router takes 1 cycle, a router 2.
"""

from __future__ import annotations

import pytest

from stallscope.hw.noc.clusters import build
from stallscope.mappings.topology import Mesh

PORT, ROUTER = 1, 2

# columns, rows, the parent's router, destinations, {link: depth}
MULTICASTS = {
    # P-00 10     the parent is at the top left
    #   01 11
    "its own router": (2, 2, "00", "00", {"in": 0, "00>": 1}),
    "one hop": (2, 2, "00", "10", {"in": 0, "00>10": 1, "10>": 3}),
    # 00--10
    #      |      x before y
    #     11
    "a corner": (2, 2, "00", "11", {"in": 0, "00>10": 1, "10>11": 3, "11>": 5}),
    # 00--10
    # |    |
    # 01  11
    "all of 2 x 2": (2, 2, "00", "00 10 01 11", {
        "in": 0, "00>": 1, "00>10": 1, "10>": 3, "00>01": 1, "01>": 3, "10>11": 3, "11>": 5}),
    # 00
    # |
    # 01--P11
    "from the middle to a corner": (3, 3, "11", "00", {
        "in": 0, "11>01": 1, "01>00": 3, "00>": 5}),
    # 00      20
    # |        |
    # 01--P11--21
    # |        |
    # 02      22
    "from the middle to all corners": (3, 3, "11", "00 20 02 22", {
        "in": 0, "11>01": 1, "11>21": 1, "01>00": 3, "01>02": 3, "21>20": 3, "21>22": 3,
        "00>": 5, "02>": 5, "20>": 5, "22>": 5}),
    # 01--P11--21
    "the middle row": (3, 3, "11", "01 11 21", {
        "in": 0, "11>": 1, "11>01": 1, "01>": 3, "11>21": 1, "21>": 3}),
    "the middle column": (3, 3, "11", "10 11 12", {
        "in": 0, "11>": 1, "11>10": 1, "10>": 3, "11>12": 1, "12>": 3}),
    # P00--10--20--30
    #              |
    #              31
    #              |
    #              32
    #              |
    #              33
    "the far corner of 4 x 4": (4, 4, "00", "33", {
        "in": 0, "00>10": 1, "10>20": 3, "20>30": 5, "30>31": 7, "31>32": 9, "32>33": 11,
        "33>": 13}),
    "both ends of the last column": (4, 4, "00", "30 33", {
        "in": 0, "00>10": 1, "10>20": 3, "20>30": 5, "30>": 7, "30>31": 7, "31>32": 9,
        "32>33": 11, "33>": 13}),
    "the first column": (4, 4, "00", "00 01 02 03", {
        "in": 0, "00>": 1, "00>01": 1, "01>": 3, "01>02": 3, "02>": 5, "02>03": 5, "03>": 7}),
    # P00--10--20--30
    #      |   |   |
    #     11  21  31
    #          |   |
    #         22  32
    #              |
    #             33
    "the diagonal": (4, 4, "00", "00 11 22 33", {
        "in": 0, "00>": 1, "00>10": 1, "10>11": 3, "11>": 5, "10>20": 3, "20>21": 5, "21>22": 7,
        "22>": 9, "20>30": 5, "30>31": 7, "31>32": 9, "32>33": 11, "33>": 13}),
    # 00--10--20--P30
    # |
    # 01
    # |
    # 02
    "leftwards": (4, 4, "30", "00 02", {
        "in": 0, "30>20": 1, "20>10": 3, "10>00": 5, "00>": 7, "00>01": 7, "01>02": 9,
        "02>": 11}),
    # 00           30
    # |             |
    # 01--P11--21--31
    "both ends of a flat grid": (4, 2, "11", "00 30", {
        "in": 0, "11>01": 1, "01>00": 3, "00>": 5, "11>21": 1, "21>31": 3, "31>30": 5,
        "30>": 7}),
    "a column alone": (1, 4, "00", "00 03", {
        "in": 0, "00>": 1, "00>01": 1, "01>02": 3, "02>03": 5, "03>": 7}),
    "one child alone": (1, 1, "00", "00", {"in": 0, "00>": 1}),
}  # fmt: skip
# columns, rows, the child that sends, destinations, {link: depth}
FROM_CHILDREN = {
    #            30
    #             |
    #            31
    #             |
    #   >12--22--32
    "child to child": (4, 4, "12", "30", {
        ">12": 0, "12>22": 1, "22>32": 3, "32>31": 5, "31>30": 7, "30>": 9}),
    #      20
    #       |
    #      21
    #       |
    # 02--12--22<
    "child to two": (4, 4, "22", "02 20", {
        ">22": 0, "22>12": 1, "12>02": 3, "02>": 5, "22>21": 1, "21>20": 3, "20>": 5}),
}  # fmt: skip
# columns, rows, the parent's router, sources, {link: depth}
REDUCTIONS = {
    "its own router": (2, 2, "00", "00", {">00": 0, "out": 1}),
    "a corner": (2, 2, "00", "11", {">11": 0, "11>10": 1, "10>00": 3, "out": 5}),
    # P00--10
    # |    |      10 adds its own and 11's; 00 adds its own, 10's and 01's
    # 01  11
    "all of 2 x 2": (2, 2, "00", "00 10 01 11", {
        ">00": 0, ">10": 0, ">01": 0, ">11": 0, "11>10": 1, "10>00": 3, "01>00": 1, "out": 5}),
    "all corners to the middle": (3, 3, "11", "00 20 02 22", {
        ">00": 0, ">20": 0, ">02": 0, ">22": 0, "00>01": 1, "02>01": 1, "20>21": 1, "22>21": 1,
        "01>11": 3, "21>11": 3, "out": 5}),
    "the middle row": (3, 3, "11", "01 11 21", {
        ">01": 0, ">11": 0, ">21": 0, "01>11": 1, "21>11": 1, "out": 3}),
    # P00--10--20--30    30 waits for 33's sum
    #              |
    #             31
    #              |
    #             32
    #              |
    #             33
    "both ends of the last column": (4, 4, "00", "30 33", {
        ">30": 0, ">33": 0, "33>32": 1, "32>31": 3, "31>30": 5, "30>20": 7, "20>10": 9,
        "10>00": 11, "out": 13}),
    "the diagonal": (4, 4, "00", "00 11 22 33", {
        ">00": 0, ">11": 0, ">22": 0, ">33": 0, "33>32": 1, "32>31": 3, "31>30": 5, "30>20": 7,
        "22>21": 1, "21>20": 3, "20>10": 9, "11>10": 1, "10>00": 11, "out": 13}),
    "both ends of a flat grid": (4, 2, "11", "00 30", {
        ">00": 0, "00>01": 1, "01>11": 3, ">30": 0, "30>31": 1, "31>21": 3, "21>11": 5,
        "out": 7}),
    "the first column": (4, 4, "00", "00 01 02 03", {
        ">00": 0, ">01": 0, ">02": 0, ">03": 0, "03>02": 1, "02>01": 3, "01>00": 5, "out": 7}),
    "leftwards": (4, 4, "30", "00 02", {
        ">00": 0, ">02": 0, "02>01": 1, "01>00": 3, "00>10": 5, "10>20": 7, "20>30": 9,
        "out": 11}),
}  # fmt: skip
# columns, rows, the child that receives, sources, {link: depth}
TO_CHILDREN = {
    # 00          30
    # |            |
    # 01          31
    # |            |
    # 02-12<--22--32
    "two to a child": (4, 4, "12", "00 30", {
        ">00": 0, "00>01": 1, "01>02": 3, "02>12": 5, ">30": 0, "30>31": 1, "31>32": 3,
        "32>22": 5, "22>12": 7, "12>": 9}),
}  # fmt: skip


def mesh(columns, rows, at="00"):
    spec = Mesh(words_per_cycle=1, router_delay_cycles=ROUTER, port_delay_cycles=PORT,
                inject_x=int(at[0]), inject_y=int(at[1]))  # fmt: skip
    return build(spec, columns, rows)


def nodes(geometry, text):
    return [geometry.child(int(place[0]), int(place[1])) for place in text.split()]


def written(geometry, delivery):
    """A delivery in the notation above."""
    place = [f"{x}{y}" for y in range(geometry.rows) for x in range(geometry.columns)]
    names = {}
    for link in geometry.links:
        ends = []
        for node in (link.start, link.end):
            ends.append("" if node < geometry.parent else "P" if node == geometry.parent
                        else place[node - geometry.parent - 1])  # fmt: skip
        names[link.name] = ">".join(ends)
    short = {"P": {0: "in", 1: "out"}}
    found = {}
    for branch in delivery.branches:
        name = names[geometry.links[branch.link].name]
        if name.startswith("P>"):
            name = short["P"][0]
        elif name.endswith(">P"):
            name = short["P"][1]
        assert name not in found
        found[name] = branch.depth
    return found


@pytest.mark.parametrize("case", MULTICASTS)
def test_a_multicast_takes_these_links(case):
    columns, rows, at, destinations, expected = MULTICASTS[case]
    geometry = mesh(columns, rows, at)
    delivery = geometry.multicast(geometry.parent, nodes(geometry, destinations))
    assert expected == written(geometry, delivery)


@pytest.mark.parametrize("case", FROM_CHILDREN)
def test_a_child_sends_over_these_links(case):
    columns, rows, sender, destinations, expected = FROM_CHILDREN[case]
    geometry = mesh(columns, rows)
    (source,) = nodes(geometry, sender)
    assert expected == written(geometry, geometry.multicast(source, nodes(geometry, destinations)))


@pytest.mark.parametrize("case", REDUCTIONS)
def test_a_reduction_takes_these_links(case):
    columns, rows, at, sources, expected = REDUCTIONS[case]
    geometry = mesh(columns, rows, at)
    delivery = geometry.reduction(nodes(geometry, sources), geometry.parent)
    assert expected == written(geometry, delivery)


@pytest.mark.parametrize("case", TO_CHILDREN)
def test_sums_come_to_a_child_over_these_links(case):
    columns, rows, receiver, sources, expected = TO_CHILDREN[case]
    geometry = mesh(columns, rows)
    (sink,) = nodes(geometry, receiver)
    assert expected == written(geometry, geometry.reduction(nodes(geometry, sources), sink))


def test_loads_of_two_groups_add_on_the_links_they_share():
    """5 words to the top row and 3 to the left column of 2 x 2 share the port and child 00's."""
    geometry = mesh(2, 2)
    loads = geometry.loads([(5, nodes(geometry, "00 10")), (3, nodes(geometry, "00 01"))])
    named = {geometry.links[link].name: words for link, words in loads.items()}
    assert named == {
        "entry": 8, "port(0,0)": 8, "(0,0)-(1,0)": 5, "port(1,0)": 5, "(0,0)-(0,1)": 3,
        "port(0,1)": 3,
    }  # fmt: skip
    assert geometry.cycles(loads) == 8


def test_ports_are_no_hops():
    """5 words to all of 2 x 2: three links between routers."""
    geometry = mesh(2, 2)
    assert geometry.hops(5, range(4)) == 15
    assert geometry.latency(range(4)) == PORT + 3 * ROUTER

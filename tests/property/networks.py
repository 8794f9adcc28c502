"""Networks, groups of children and packets for Hypothesis."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.mappings.topology import (
    Bus,
    Clusters,
    Mesh,
    Neighbour,
    Ring,
    Tree,
    XyBus,
)

WIDTHS = st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 2), Fraction(3, 2), Fraction(4)])


@st.composite
def flat(draw, columns, rows):
    """A topology of one level that fits a grid."""
    width, delay = draw(WIDTHS), draw(st.integers(0, 3))
    common = {"blocking": draw(st.booleans()), "multicast": draw(st.booleans()),
              "reduces": draw(st.booleans())}  # fmt: skip
    x, y = draw(st.integers(0, columns - 1)), draw(st.integers(0, rows - 1))
    return draw(
        st.sampled_from(
            [
                Bus(words_per_cycle=width, delay_cycles=delay, **common),
                XyBus(words_per_cycle=width, delay_cycles=delay, **common),
                Tree(root_words_per_cycle=width, leaf_words_per_cycle=draw(WIDTHS),
                     shape=draw(st.sampled_from(["thin", "fat", "chubby"])),
                     levels_per_cycle=draw(st.sampled_from([None, 1, 2])),
                     adder_cycles=delay, **common),
                Mesh(words_per_cycle=width, router_delay_cycles=delay, inject_x=x, inject_y=y,
                     **common),
                Ring(words_per_cycle=width, delay_cycles=delay, inject=y * columns + x, **common),
                Neighbour(axis=draw(st.sampled_from("xy")), words_per_cycle=width,
                          hop_cycles=delay + 1, **common),
            ]
        )
    )  # fmt: skip


@st.composite
def geometries(draw):
    """Any topology over a small grid."""
    columns, rows = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    if draw(st.integers(0, 3)):
        return build(draw(flat(columns, rows)), columns, rows)
    inside = draw(flat(columns, rows))
    x, y = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    between = draw(flat(x, y))
    spec = Clusters(columns=columns, rows=rows, between=between, inside=inside)
    return build(spec, columns * x, rows * y)


def groups(geometry):
    """Some of the children."""
    children = st.integers(0, geometry.children - 1)
    return st.lists(children, min_size=1, max_size=geometry.children, unique=True)


@st.composite
def traffic(draw):
    """(geometry, padded, packets): each packet a delivery, words, cycle; in order of time."""
    geometry = draw(geometries())
    packets = []
    for _ in range(draw(st.integers(1, 8))):
        group = draw(groups(geometry))
        if draw(st.booleans()):
            delivery = geometry.multicast(geometry.parent, group)
        else:
            delivery = geometry.reduction(group, geometry.parent)
        packets.append((delivery, draw(st.integers(1, 9)), draw(st.integers(0, 30))))
    packets.sort(key=lambda packet: packet[2])
    return geometry, draw(st.booleans()), packets


def loaded(case, *, late=0):
    """A network with all packets, each later by so many cycles; owners are their places."""
    geometry, padded, packets = case
    network = PacketNetwork(geometry, padded=padded)
    for owner, (delivery, words, cycle) in enumerate(packets):
        network.submit(delivery, words, cycle + late, owner)
    return network

"""A mesh of input-queued routers, and traffic through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from stallscope.hw.noc.grids import MeshGeometry
from stallscope.hw.noc.router_state import Ints, Wires, empty_state
from stallscope.hw.noc.routers import Traffic, run_routers
from stallscope.hw.noc.topology import fault
from stallscope.mappings.topology import RouterPipeline

__all__ = ["PORT_CYCLES", "RouterNetwork", "packets"]

PORT_CYCLES = 2
"""A packet's cycles outside of routers: from its source into the first, and taken by its node."""


class RouterNetwork:
    """Routers of one kind on a mesh, each with the port of its child; flits of a link's width.

    The parent takes no part. Messages are one packet each, of whole flits.

    Args:
        geometry: The mesh.
        pipeline: The routers; their delay is the mesh's.

    Raises:
        SpecError: If the delays differ.
    """

    def __init__(self, geometry: MeshGeometry, pipeline: RouterPipeline) -> None:
        delay = {link.delay_cycles for link in geometry.links if link.is_hop}
        if delay - {pipeline.router_delay_cycles}:
            raise fault("router_delay_cycles", delay.pop(), "is not that of the routers' pipeline",
                        str(pipeline.router_delay_cycles))  # fmt: skip
        self.geometry, self.pipeline = geometry, pipeline
        self._wires = _wires(geometry, pipeline)
        self._state = empty_state(self._wires)
        self.now = 0

    def run(self, traffic: Traffic, until: int, enough: int | None = None) -> int:
        """Advance to a cycle, or until so many packets have arrived.

        Args:
            traffic: From ``packets``; what arrives is noted there.
            until: Cycle to stop before.
            enough: Packets; None: until the cycle.

        Returns:
            The cycle reached.
        """
        most = np.iinfo(np.int64).max if enough is None else enough
        self.now = run_routers(self._wires, self._state, traffic, self.now, until, most)
        return self.now

    @property
    def link_flits(self) -> dict[str, int]:
        """Flits that each link has carried, by its name; ports included."""
        return dict(zip(_names(self.geometry), self._state.carried.tolist(), strict=True))

    @property
    def waiting_flits(self) -> int:
        """Flits in the routers' buffers."""
        return int(self._state.waiting.sum())


def packets(
    geometry: MeshGeometry, source: Ints, destination: Ints, created: Ints, flits: Ints
) -> Traffic:
    """Make traffic of packets; a node sends its own in order of creation, then as given.

    Args:
        geometry: The mesh.
        source: Child that sends; int array, shape (packets,), like the following.
        destination: Child that receives.
        created: Cycle.
        flits: Length, >= 1.

    Returns:
        The packets, sorted by source.
    """
    order = np.lexsort((created, source))
    nodes = np.arange(geometry.children + 1)
    first = np.searchsorted(source[order], nodes).astype(np.int64)
    never = np.full(len(order), -1, dtype=np.int64)
    return Traffic(
        first=first, following=first[:-1].copy(), source=_ints(source[order]),
        destination=_ints(destination[order]), created=_ints(created[order]),
        flits=_ints(flits[order]), sent=never, done=never.copy(), left=_ints([0]),
    )  # fmt: skip


def _ints(values: Sequence[int] | Ints) -> Ints:
    return np.array(values, dtype=np.int64)


def _names(geometry: MeshGeometry) -> list[str]:
    """Names of the kernel's links: those between routers, then each child's port in and out."""
    names = [link.name for link in geometry.links if link.is_hop]
    for node in range(geometry.children):
        out = geometry.link_between(geometry.router(node), node)
        names += [geometry.links[out ^ 1].name, geometry.links[out].name]
    return names


def _wires(geometry: MeshGeometry, pipeline: RouterPipeline) -> Wires:
    nodes, base = geometry.children, geometry.router(0)
    ends = [(link.start - base, link.end - base) for link in geometry.links if link.is_hop]
    number = {pair: index for index, pair in enumerate(ends)}
    entry = [len(ends) + 2 * node for node in range(nodes)]
    ends += [end for node in range(nodes) for end in ((-1, node), (node, -1))]
    ins, outs = _grouped(ends, nodes, 1), _grouped(ends, nodes, 0)
    place = np.zeros(len(ends), dtype=np.int64)
    for links in outs:
        place[links] = np.arange(len(links))
    ports = max(len(links) for links in ins)
    return Wires(
        table=_table(nodes, lambda here, goal: (
            entry[here] + 1 if here == goal
            else number[here, geometry.step(base + here, goal) - base]
        )),
        start=_ints([start for start, _ in ends]), end=_ints([end for _, end in ends]),
        entry=_ints(entry),
        in_first=_firsts(ins), in_links=_ints([link for links in ins for link in links]),
        out_first=_firsts(outs), out_links=_ints([link for links in outs for link in links]),
        out_place=place, channels=pipeline.channels, depth=pipeline.buffer_flits,
        turns=ports * pipeline.channels, routing_cycles=pipeline.routing_cycles,
        allocation_cycles=0 if pipeline.speculative else pipeline.channel_allocation_cycles,
        flight_cycles=pipeline.flight_cycles,
        credit_cycles=1 + pipeline.wire_cycles + pipeline.credit_cycles,
        waits_for_tail=pipeline.waits_for_tail,
    )  # fmt: skip


def _table(nodes: int, link: Callable[[int, int], int]) -> Ints:
    return _ints([link(here, goal) for here in range(nodes) for goal in range(nodes)]).reshape(
        nodes, nodes
    )


def _grouped(ends: Sequence[tuple[int, int]], nodes: int, side: int) -> list[list[int]]:
    """Links by the node at one of their ends."""
    groups: list[list[int]] = [[] for _ in range(nodes)]
    for link, pair in enumerate(ends):
        if pair[side] >= 0:
            groups[pair[side]].append(link)
    return groups


def _firsts(groups: Sequence[Sequence[int]]) -> Ints:
    return _ints([0, *np.cumsum([len(group) for group in groups]).tolist()])

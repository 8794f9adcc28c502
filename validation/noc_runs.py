"""Runs of meshes of routers: a steady load, or a batch; and what arithmetic alone would say."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.grids import MeshGeometry
from stallscope.hw.noc.packets import PacketNetwork
from stallscope.hw.noc.router_network import PORT_CYCLES, RouterNetwork, packets
from stallscope.hw.noc.router_state import Ints
from stallscope.hw.noc.routers import Traffic
from stallscope.hw.noc.topology import Delivery
from stallscope.hw.noc.traffic import bernoulli, destinations
from stallscope.mappings.topology import Mesh
from stallscope.validation.noc_cases import MeshCase

__all__ = [
    "Load", "batch_bound", "reserve_batch", "run_batch", "run_load", "zero_load_cycles",
]  # fmt: skip

PACKETS = 10_000
"""Packets measured, about: so many that a second seed moves the mean by less than 1 %."""
MOST_CYCLES = 400_000
TAIL_CYCLES = 3_000
"""Traffic goes on so long after the measurement, while the measured packets arrive."""
_SAMPLES = 4
_ACCEPTED = 0.98
_FOREVER = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a steady load found.

    Attributes:
        latency_cycles: Average from a packet's creation to its tail's arrival.
        hops: Average number of routers passed.
        packets: Packets measured.
        is_saturated: Whether less than 98 % of what was offered arrived in the measured time, or
            the latency is above the case's limit.
    """

    latency_cycles: float
    hops: float
    packets: int
    is_saturated: bool


def run_load(case: MeshCase, seed: int | None = None) -> Load:
    """Run a load of so many flits per node and cycle.

    Args:
        case: Its ``rate`` is given.
        seed: Another one than the case's.

    Raises:
        SpecError: If its pattern is not known.
    """
    network = _network(case)
    nodes = case.side**2
    chance = (case.rate or 0.0) / case.flits
    cycles = int(min(MOST_CYCLES, max(_SAMPLES * case.period, PACKETS / (chance * nodes))))
    warm = max(case.warm_cycles, cycles // 4)
    generator = np.random.Generator(np.random.PCG64(case.seed if seed is None else seed))
    source, created = bernoulli(nodes, warm + cycles + TAIL_CYCLES, chance, generator)
    traffic = _traffic(case, network, source, created, generator)
    measured = (traffic.created >= warm) & (traffic.created < warm + cycles)
    network.run(traffic, warm + cycles)
    # Of a run that the reference gave up only the share accepted is wanted.
    last = warm + cycles + (TAIL_CYCLES if case.latency is not None else 0)
    while (traffic.done[measured] < 0).any() and network.now < last:
        network.run(traffic, network.now + 200)
    arrived = measured & (traffic.done >= 0)
    latency = float((traffic.done - traffic.created)[arrived].mean())
    in_time = (traffic.done >= warm) & (traffic.done < warm + cycles)
    accepted = in_time.sum() / measured.sum()
    return Load(
        latency_cycles=latency, hops=float(_hops(case, traffic)[arrived].mean()),
        packets=int(arrived.sum()),
        is_saturated=bool(accepted < _ACCEPTED or latency > case.latency_limit),
    )  # fmt: skip


def run_batch(case: MeshCase) -> int:
    """Run a batch: every node has its packets at cycle 0 and sends as fast as it can.

    Returns:
        Cycles until the last tail has arrived, that cycle included.
    """
    network = _network(case)
    traffic = _batch_traffic(case, network)
    network.run(traffic, _FOREVER, enough=len(traffic.created))
    return int(traffic.done.max()) + 1


def reserve_batch(case: MeshCase) -> int:
    """Run a batch over links that packets reserve, without buffers or channels."""
    geometry = _network(case).geometry
    network: PacketNetwork[int] = PacketNetwork(geometry)
    # Ports are shared fairly: the nodes' first packets come first.
    source = np.tile(np.arange(case.side**2), case.packets or 0)
    generator = np.random.Generator(np.random.PCG64(case.seed))
    targets = destinations(case.traffic, case.side, source, generator)
    ways: dict[tuple[int, int], Delivery] = {}
    for ends in zip(source.tolist(), targets.tolist(), strict=True):
        if ends not in ways:
            ways[ends] = geometry.along(_route(geometry, *ends))
        network.submit(ways[ends], case.flits, 0, 0)
    return max(cycle for cycle, _ in network.advance(_FOREVER)) + 1


def zero_load_cycles(case: MeshCase, hops: float) -> float:
    """Latency without contention, for packets that pass so many routers on average."""
    return PORT_CYCLES + hops * case.pipeline.router_delay_cycles + case.flits - 1


def batch_bound(case: MeshCase) -> int:
    """Least cycles of a batch: the busiest link carries its flits one by one.

    Before the first of them is the shortest way to that link, after the last the shortest from it.
    """
    network = _network(case)
    traffic, geometry = _batch_traffic(case, network), network.geometry
    loads: dict[int, tuple[int, int, int]] = {}
    flows = Counter(zip(traffic.source.tolist(), traffic.destination.tolist(), strict=True))
    for (source, destination), count in flows.items():
        before, route = 0, _route(geometry, source, destination)
        total = sum(geometry.links[link].delay_cycles for link in route)
        for link in route:
            held, head, rest = loads.get(link, (0, total, total))
            loads[link] = held + count * case.flits, min(head, before), min(rest, total - before)
            before += geometry.links[link].delay_cycles
    # One more cycle takes the tail, and the cycles are counted from 0.
    return max(head + held - 1 + rest for held, head, rest in loads.values()) + 2


def _route(geometry: MeshGeometry, source: int, destination: int) -> tuple[int, ...]:
    """Links of a packet; one to its own node goes through the router too."""
    if source == destination:
        out = geometry.link_between(geometry.router(source), source)
        return out ^ 1, out
    return geometry.route(source, destination)


def _network(case: MeshCase) -> RouterNetwork:
    mesh = Mesh(words_per_cycle=Fraction(1), router_delay_cycles=case.pipeline.router_delay_cycles)
    geometry = cast(MeshGeometry, build(mesh, case.side, case.side))
    return RouterNetwork(geometry, case.pipeline)


def _batch_traffic(case: MeshCase, network: RouterNetwork) -> Traffic:
    source = np.repeat(np.arange(case.side**2), case.packets or 0)
    generator = np.random.Generator(np.random.PCG64(case.seed))
    return _traffic(case, network, source, np.zeros_like(source), generator)


def _traffic(
    case: MeshCase,
    network: RouterNetwork,
    source: Ints,
    created: Ints,
    generator: np.random.Generator,
) -> Traffic:
    targets = destinations(case.traffic, case.side, source, generator)
    return packets(network.geometry, source, targets, created, np.full_like(source, case.flits))


def _hops(case: MeshCase, traffic: Traffic) -> Ints:
    """Routers that each packet passes."""
    ways = [(ends % case.side, ends // case.side) for ends in (traffic.source, traffic.destination)]
    (x, y), (to_x, to_y) = ways
    hops: Ints = np.abs(x - to_x) + np.abs(y - to_y) + 1
    return hops

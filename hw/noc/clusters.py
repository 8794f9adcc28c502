"""Clusters: one network between clusters and one inside each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from stallscope.hw.noc.buses import BusGeometry, XyBusGeometry
from stallscope.hw.noc.grids import MeshGeometry, NeighbourGeometry, RingGeometry
from stallscope.hw.noc.topology import Geometry, fault
from stallscope.hw.noc.trees import TreeGeometry
from stallscope.mappings.topology import (
    Bus,
    Clusters,
    Mesh,
    Neighbour,
    Ring,
    Topology,
    Tree,
    XyBus,
)

__all__ = ["ClustersGeometry", "build"]

_Numbering = Callable[[int], int]


class ClustersGeometry(Geometry):
    """Both networks' links, those between clusters first; a cluster is its network's parent."""

    def __init__(self, spec: Clusters, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        self._width, self._height = spec.columns, spec.rows
        for name, size, whole in (("columns", spec.columns, columns), ("rows", spec.rows, rows)):
            if whole % size:
                raise fault(name, size, f"does not divide the grid's {whole}")
        self._across = columns // spec.columns
        self.between = build(spec.between, self._across, rows // spec.rows)
        self.inside = build(spec.inside, spec.columns, spec.rows)
        self._outer_size, self._inner_size = _nodes(self.between), _nodes(self.inside)
        for link in self.between.links[::2]:
            self._copy("between", link.start, link.end, self.between, self._outer)
        for cluster in range(self.between.children):
            for link in self.inside.links[::2]:
                self._copy(f"cluster {cluster}", link.start, link.end, self.inside,
                           partial(self._inner, cluster))  # fmt: skip

    def _copy(self, name: str, start: int, end: int, part: Geometry, to_global: _Numbering) -> None:
        one, back = (part.links[part.link_between(*ends)] for ends in ((start, end), (end, start)))
        self._pair(f"{name} {one.name}", to_global(start), to_global(end), one.words_per_cycle,
                   one.delay_cycles, back.delay_cycles, one.is_hop)  # fmt: skip

    def _outer(self, node: int) -> int:
        """Our number of a node between clusters; clusters themselves come first."""
        if node == self.between.parent:
            return self.parent
        return self.parent + 1 + node

    def _inner(self, cluster: int, node: int) -> int:
        """Our number of a node inside a cluster; its parent is the cluster."""
        if node == self.inside.parent:
            return self._outer(cluster)
        if node < self.inside.children:
            x = cluster % self._across * self._width + node % self._width
            y = cluster // self._across * self._height + node // self._width
            return self.child(x, y)
        return self.parent + 1 + self._outer_size + cluster * self._inner_size + node

    def _local(self, node: int) -> tuple[int, int]:
        """Cluster of one of our inner nodes (-1: none), and its number there."""
        if node < self.children:
            x, y = node % self.columns, node // self.columns
            cluster = y // self._height * self._across + x // self._width
            return cluster, y % self._height * self._width + x % self._width
        rest = node - self.parent - 1 - self._outer_size
        return (-1, 0) if rest < 0 else divmod(rest, self._inner_size)

    def step(self, node: int, destination: int) -> int:
        """A step inside the cluster or between clusters."""
        cluster, place = self._local(node)
        goal, inner = self._local(destination)
        if cluster >= 0:
            target = inner if goal == cluster else self.inside.parent
            return self._inner(cluster, self.inside.step(place, target))
        outer = self.between.parent if node == self.parent else node - self.parent - 1
        if outer == goal:
            return self._inner(goal, self.inside.step(self.inside.parent, inner))
        if destination == self.parent:
            goal = self.between.parent
        elif goal < 0:
            goal = destination - self.parent - 1
        return self._outer(self.between.step(outer, goal))


def build(spec: Topology, columns: int, rows: int) -> Geometry:
    """Build the network of a topology over a grid of children.

    Args:
        spec: The topology.
        columns: Children along X.
        rows: Children along Y.

    Raises:
        SpecError: If it does not fit the grid.
    """
    match spec:
        case Bus():
            return BusGeometry(spec, columns, rows)
        case XyBus():
            return XyBusGeometry(spec, columns, rows)
        case Tree():
            return TreeGeometry(spec, columns, rows)
        case Mesh():
            return MeshGeometry(spec, columns, rows)
        case Ring():
            return RingGeometry(spec, columns, rows)
        case Neighbour():
            return NeighbourGeometry(spec, columns, rows)
        case Clusters():
            return ClustersGeometry(spec, columns, rows)


def _nodes(geometry: Geometry) -> int:
    return 1 + max(max(link.start, link.end) for link in geometry.links)

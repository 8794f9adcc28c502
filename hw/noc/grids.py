"""Mesh, ring and neighbour links: children connected with each other."""

from __future__ import annotations

from stallscope.hw.noc.topology import Geometry, fault
from stallscope.mappings.specs.topology import Axis, Mesh, Neighbour, Ring

__all__ = ["MeshGeometry", "NeighbourGeometry", "RingGeometry"]


class MeshGeometry(Geometry):
    """A router per child; the parent enters at one of them.

    The delay of a link is that of the router (or, for the parent's link, of the first router) to
    which a head has come: a word over d hops passes d + 1 routers.
    """

    def __init__(self, spec: Mesh, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        for name, at, size in (("inject_x", spec.inject_x, columns),
                               ("inject_y", spec.inject_y, rows)):  # fmt: skip
            if at >= size:
                raise fault(name, at, f"the grid has {size} there", f"0 to {size - 1}")
        self._entry = self.child(spec.inject_x, spec.inject_y)
        delay, width = spec.router_delay_cycles, spec.words_per_cycle
        entry = spec.entry_words_per_cycle or width
        self._pair("entry", self.parent, self._entry, entry, delay, is_hop=False)
        for y in range(rows):
            for x in range(columns):
                for dx, dy in ((1, 0), (0, 1)):
                    if x + dx < columns and y + dy < rows:
                        name = f"({x},{y})-({x + dx},{y + dy})"
                        ends = self.child(x, y), self.child(x + dx, y + dy)
                        self._pair(name, *ends, width, delay)

    def step(self, node: int, destination: int) -> int:
        """X first, then Y."""
        if node == self.parent:
            return self._entry
        if destination == self.parent:
            if node == self._entry:
                return self.parent
            destination = self._entry
        x, goal = node % self.columns, destination % self.columns
        if x != goal:
            return node + (1 if goal > x else -1)
        return node + (self.columns if destination > node else -self.columns)


class RingGeometry(Geometry):
    """Children in row order on a ring of two directions; a word takes the shorter, up if equal."""

    def __init__(self, spec: Ring, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        if spec.inject >= self.children:
            raise fault("inject", spec.inject, f"the ring has {self.children} children",
                        f"0 to {self.children - 1}")  # fmt: skip
        self._entry = spec.inject
        delay, width = spec.delay_cycles, spec.words_per_cycle
        self._pair("entry", self.parent, self._entry, width, delay, is_hop=False)
        # Two children have one connection, not two.
        for node in range(self.children if self.children > 2 else self.children - 1):
            following = (node + 1) % self.children
            self._pair(f"{node}-{following}", node, following, width, delay)

    def step(self, node: int, destination: int) -> int:
        """The shorter way round."""
        if node == self.parent:
            return self._entry
        if destination == self.parent:
            if node == self._entry:
                return self.parent
            destination = self._entry
        ahead = (destination - node) % self.children
        way = 1 if 2 * ahead <= self.children else -1
        return (node + way) % self.children


class NeighbourGeometry(Geometry):
    """Chains along one axis; the parent has a link to the first child of each.

    A word reaches a child through all children before it, so a multicast to a whole chain costs
    each link once; partial sums come back the same way, one addition per child.
    """

    def __init__(self, spec: Neighbour, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        along_x = spec.axis is Axis.X
        self._length, self._chains = (columns, rows) if along_x else (rows, columns)
        self._stride = 1 if along_x else columns
        delay, width = spec.hop_cycles, spec.words_per_cycle
        for chain in range(self._chains):
            first = self._at(chain, 0)
            self._pair(f"entry[{chain}]", self.parent, first, width, delay, is_hop=False)
            for place in range(self._length - 1):
                ends = self._at(chain, place), self._at(chain, place + 1)
                self._pair(f"{ends[0]}-{ends[1]}", *ends, width, delay)

    def _at(self, chain: int, place: int) -> int:
        return self.child(place, chain) if self._stride == 1 else self.child(chain, place)

    def _place(self, node: int) -> tuple[int, int]:
        x, y = node % self.columns, node // self.columns
        return (y, x) if self._stride == 1 else (x, y)

    def step(self, node: int, destination: int) -> int:
        """Along the chain."""
        if node == self.parent:
            return self._at(self._place(destination)[0], 0)
        chain, place = self._place(node)
        if destination == self.parent:
            return self.parent if place == 0 else self._at(chain, place - 1)
        other, goal = self._place(destination)
        if chain != other:
            rule = "neighbour links do not leave their row or column"
            raise fault("route", f"{node} to {destination}", rule, "use a mesh")
        return self._at(chain, place + (1 if goal > place else -1))

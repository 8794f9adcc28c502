"""Mesh, ring and neighbour links: children connected with each other."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction

from stallscope.hw.noc.topology import Geometry, fault
from stallscope.mappings.topology import Axis, Mesh, Neighbour, Ring

__all__ = ["MeshGeometry", "NeighbourGeometry", "RingGeometry"]


class _Ported(Geometry):
    """Routers of which each has a port for its child; the parent has one at the router ``at``."""

    def _ports(self, at: int, widths: tuple[Fraction, Fraction], delay: int, port: int) -> None:
        """Add the ports; a link out of a router delays by ``delay``, one into it by ``port``."""
        self._entry = self.router(at)
        self._pair("entry", self.parent, self._entry, widths[0], port, back=delay, is_hop=False)
        for node in range(self.children):
            name = f"port({node % self.columns},{node // self.columns})"
            self._pair(name, self.router(node), node, widths[1], delay, back=port, is_hop=False)

    def router(self, child: int) -> int:
        """Return the router of a child."""
        return self.parent + 1 + child

    def step(self, node: int, destination: int) -> int:
        """From the port, between routers, out of the port."""
        if node <= self.parent:
            return self._entry if node == self.parent else self.router(node)
        goal = self._entry if destination == self.parent else destination
        goal = self.router(goal) if goal < self.parent else goal
        if node == goal:
            return destination
        return self.router(self._between(node - self.parent - 1, goal - self.parent - 1))

    @abstractmethod
    def _between(self, here: int, goal: int) -> int:
        """Return the next of the routers, which are numbered like their children."""


class MeshGeometry(_Ported):
    """A router per child; a word over d hops between routers passes d + 1 of them."""

    def __init__(self, spec: Mesh, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        for name, at, size in (("inject_x", spec.inject_x, columns),
                               ("inject_y", spec.inject_y, rows)):  # fmt: skip
            if at >= size:
                raise fault(name, at, f"the grid has {size} there", f"0 to {size - 1}")
        delay, width = spec.router_delay_cycles, spec.words_per_cycle
        widths = spec.entry_words_per_cycle or width, width
        self._ports(self.child(spec.inject_x, spec.inject_y), widths, delay, spec.port_delay_cycles)
        for y in range(rows):
            for x in range(columns):
                for dx, dy in ((1, 0), (0, 1)):
                    if x + dx < columns and y + dy < rows:
                        name = f"({x},{y})-({x + dx},{y + dy})"
                        ends = self.child(x, y), self.child(x + dx, y + dy)
                        self._pair(name, self.router(ends[0]), self.router(ends[1]), width, delay)

    def _between(self, here: int, goal: int) -> int:
        x, to = here % self.columns, goal % self.columns
        if x != to:
            return here + (1 if to > x else -1)
        return here + (self.columns if goal > here else -self.columns)


class RingGeometry(_Ported):
    """Children in row order on a ring of two directions; a word takes the shorter, up if equal."""

    def __init__(self, spec: Ring, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        if spec.inject >= self.children:
            raise fault("inject", spec.inject, f"the ring has {self.children} children",
                        f"0 to {self.children - 1}")  # fmt: skip
        delay, width = spec.delay_cycles, spec.words_per_cycle
        self._ports(spec.inject, (width, width), delay, spec.port_delay_cycles)
        # Two children have one connection, not two.
        for node in range(self.children if self.children > 2 else self.children - 1):
            following = (node + 1) % self.children
            ends = self.router(node), self.router(following)
            self._pair(f"{node}-{following}", *ends, width, delay)

    def _between(self, here: int, goal: int) -> int:
        ahead = (goal - here) % self.children
        return (here + (1 if 2 * ahead <= self.children else -1)) % self.children


class NeighbourGeometry(Geometry):
    """Chains along one axis; the parent has a link to the first child of each.

    A word reaches a child through all children before it, so a multicast to a whole chain costs
    each link once; partial sums come back the same way, one addition per child.
    """

    def __init__(self, spec: Neighbour, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        self._along_x = spec.axis is Axis.X
        self._length, self._chains = (columns, rows) if self._along_x else (rows, columns)
        delay, width = spec.hop_cycles, spec.words_per_cycle
        for chain in range(self._chains):
            first = self._at(chain, 0)
            self._pair(f"entry[{chain}]", self.parent, first, width, delay, is_hop=False)
            for place in range(self._length - 1):
                ends = self._at(chain, place), self._at(chain, place + 1)
                self._pair(f"{ends[0]}-{ends[1]}", *ends, width, delay)

    def _at(self, chain: int, place: int) -> int:
        return self.child(place, chain) if self._along_x else self.child(chain, place)

    def _place(self, node: int) -> tuple[int, int]:
        x, y = node % self.columns, node // self.columns
        return (y, x) if self._along_x else (x, y)

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

"""Buses: one medium, or a Y bus with an X bus per row (Eyeriss's multicast network)."""

from __future__ import annotations

from stallscope.hw.noc.topology import Geometry, fault
from stallscope.mappings.topology import Bus, XyBus

__all__ = ["BusGeometry", "XyBusGeometry"]


class BusGeometry(Geometry):
    """The parent drives one medium; each child has a tap of the same width."""

    def __init__(self, spec: Bus, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        self._medium = self.parent + 1
        width = spec.words_per_cycle
        self._pair("bus", self.parent, self._medium, width, spec.delay_cycles)
        for node in range(self.children):
            self._pair(f"tap[{node}]", self._medium, node, width, 0, is_hop=False)

    def step(self, node: int, destination: int) -> int:
        """The medium, or what hangs on it."""
        if node == self._medium:
            return destination
        if self.parent not in (node, destination):
            raise _between(node, destination)
        return self._medium


class XyBusGeometry(Geometry):
    """The parent drives the Y bus, which drives one X bus per row; each child has a tap.

    Only the buses of matching rows carry a word (the others are gated), so a word costs one hop
    on the Y bus and one on each X bus that it takes.
    """

    def __init__(self, spec: XyBus, columns: int, rows: int) -> None:
        super().__init__(spec, columns, rows)
        self._medium = self.parent + 1
        width = spec.words_per_cycle
        self._pair("y bus", self.parent, self._medium, width, spec.delay_cycles)
        for y in range(rows):
            self._pair(f"x bus[{y}]", self._medium, self._row(y), width, 0)
            for x in range(columns):
                node = self.child(x, y)
                self._pair(f"tap[{x},{y}]", self._row(y), node, width, 0, is_hop=False)

    def _row(self, y: int) -> int:
        return self._medium + 1 + y

    def step(self, node: int, destination: int) -> int:
        """Down over the Y bus and one X bus, up the same way."""
        if self.parent not in (node, destination) and node < self.parent:
            raise _between(node, destination)
        if node == self.parent:
            return self._medium
        if node == self._medium:
            if destination == self.parent:
                return destination
            return self._row(destination // self.columns)
        if node > self._medium:
            return self._medium if destination == self.parent else destination
        return self._row(node // self.columns)


def _between(node: int, destination: int) -> Exception:
    return fault("route", f"{node} to {destination}", "a bus connects the parent and its children",
                 "children exchange words over a mesh, ring or neighbour links")  # fmt: skip

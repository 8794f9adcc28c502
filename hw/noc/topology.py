"""Geometry of networks: links, routes, multicast and reduction trees. No time but fixed delays.

A network connects one parent with ``columns`` x ``rows`` children. Nodes are numbers: children in
row order from 0, then the parent, then whatever the kind needs inside. Links come in pairs, one
per direction: the partner of link ``n`` is ``n ^ 1``.

A kind says how to take one step towards a destination; everything else follows. A reduction is
the mirror of the multicast to the same nodes: a partial sum waits at a node for those that come
through the other links of the tree, and each link carries every combined word once.

Not modelled here: contention (``packets`` and ``routers``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property

from stallscope.mappings.topology import Topology
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Branch", "Delivery", "Direction", "Geometry", "Link", "fault"]


class Direction(Enum):
    """Which way words go between the parent and its children."""

    DOWN = "down"
    """From the parent: to several children at once where the network multicasts."""
    UP = "up"
    """To the parent: the children's partial sums, added on the way where the network can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One direction of a connection between two nodes.

    Attributes:
        name: Unique name.
        start: Node where it begins.
        end: Node where it ends.
        words_per_cycle: Width.
        delay_cycles: From a word's arrival at ``start`` to its arrival at ``end``.
        is_hop: Whether a word over it counts as a hop (energy).
    """

    name: str
    start: int
    end: int
    words_per_cycle: Fraction
    delay_cycles: int
    is_hop: bool = True


@dataclass(frozen=True, slots=True)
class Branch:
    """One link of a delivery.

    Attributes:
        link: Its number.
        feeders: Branches (by position in the delivery) whose words it carries on; several where
            partial sums meet, none where words enter.
        depth: Cycles from the first word's start until the first word reaches this link.
    """

    link: int
    feeders: tuple[int, ...]
    depth: int


@dataclass(frozen=True)
class Delivery:
    """The way of a multicast, or of a reduction: branches, those that feed before those fed.

    Attributes:
        branches: Every link once.
        arrivals: (node, cycles from the first word's start until the first word is there) of each
            destination, in order of the nodes.
        is_reduction: Whether partial sums meet on the way.
    """

    branches: tuple[Branch, ...]
    arrivals: tuple[tuple[int, int], ...]
    is_reduction: bool = False

    @cached_property
    def links(self) -> tuple[int, ...]:
        """Numbers of the links."""
        return tuple(branch.link for branch in self.branches)

    @cached_property
    def fed(self) -> tuple[tuple[int, ...], ...]:
        """Per branch the branches that carry its words on."""
        found: list[list[int]] = [[] for _ in self.branches]
        for place, branch in enumerate(self.branches):
            for feeder in branch.feeders:
                found[feeder].append(place)
        return tuple(tuple(places) for places in found)

    @property
    def latency_cycles(self) -> int:
        """Cycles until the first word is at the farthest destination."""
        return max((cycles for _, cycles in self.arrivals), default=0)


class Geometry(ABC):
    """A topology over a grid of children.

    Args:
        spec: The topology.
        columns: Children along X.
        rows: Children along Y.
    """

    def __init__(self, spec: Topology, columns: int, rows: int) -> None:
        if columns < 1 or rows < 1:
            raise fault("grid", f"{columns} x {rows}", "needs at least one child")
        self.spec = spec
        self.columns, self.rows = columns, rows
        self.children = columns * rows
        self.parent = self.children
        self.links: list[Link] = []
        self._number: dict[tuple[int, int], int] = {}

    # ------------------------------------------------------------------ what a kind says

    @abstractmethod
    def step(self, node: int, destination: int) -> int:
        """Return the node after ``node`` on the way to ``destination`` (another one).

        Raises:
            SpecError: If the network does not lead there.
        """

    def _pair(
        self,
        name: str,
        start: int,
        end: int,
        width: Fraction,
        delay: int,
        back: int | None = None,
        is_hop: bool = True,
    ) -> None:
        """Add a link away from the parent and its partner; ``back``: the partner's delay."""
        for label, one, other, cycles in (
            (name, start, end, delay),
            (f"{name} back", end, start, delay if back is None else back),
        ):
            self._number[one, other] = len(self.links)
            link = Link(name=label, start=one, end=other, words_per_cycle=width,
                        delay_cycles=cycles, is_hop=is_hop)  # fmt: skip
            self.links.append(link)

    # ------------------------------------------------------------------ routes and trees

    def child(self, x: int, y: int) -> int:
        """Return the node of the child in column ``x`` of row ``y``."""
        return y * self.columns + x

    def link_between(self, start: int, end: int) -> int:
        """Return the number of the link between two adjacent nodes; KeyError if there is none."""
        return self._number[start, end]

    def route(self, source: int, destination: int) -> tuple[int, ...]:
        """Return the links from one node to another, in order."""
        links = []
        while source != destination:
            following = self.step(source, destination)
            links.append(self._number[source, following])
            source = following
        return tuple(links)

    def multicast(self, source: int, destinations: Iterable[int]) -> Delivery:
        """Return the tree of the routes to all destinations: each link once.

        Args:
            source: Where the words are.
            destinations: Nodes; duplicates count once.

        Raises:
            SpecError: If a route does not exist.
        """
        branches: list[Branch] = []
        # Per node reached: the branches that carry its words on are fed by, and when they come.
        reached: dict[int, tuple[tuple[int, ...], int]] = {source: ((), 0)}
        wanted = sorted(set(destinations))
        # Backwards, since in a chain the later ones pass the others.
        for destination in reversed(wanted):
            node = source
            while destination not in reached:
                following = self.step(node, destination)
                if following not in reached:
                    feeders, depth = reached[node]
                    link = self._number[node, following]
                    branches.append(Branch(link, feeders, depth))
                    arrival = depth + self.links[link].delay_cycles
                    reached[following] = ((len(branches) - 1,), arrival)
                node = following
        return Delivery(tuple(branches), tuple((node, reached[node][1]) for node in wanted))

    def along(self, links: Sequence[int]) -> Delivery:
        """Return the delivery of one route, given link by link."""
        branches, depth = [], 0
        for place, link in enumerate(links):
            branches.append(Branch(link, (place - 1,) if place else (), depth))
            depth += self.links[link].delay_cycles
        arrivals = ((self.links[links[-1]].end, depth),) if links else ()
        return Delivery(tuple(branches), arrivals)

    def reduction(self, sources: Iterable[int], destination: int) -> Delivery:
        """Return the mirror of the multicast from ``destination`` to ``sources``.

        The depth of a branch is when the last of its partial sums is there.
        """
        tree = self.multicast(destination, sources)
        count = len(tree.branches)
        branches: list[Branch] = []
        latest = 0
        for branch, carried_on in zip(reversed(tree.branches), reversed(tree.fed), strict=True):
            fed = tuple(sorted(count - 1 - place for place in carried_on))
            depth = max((self._after(branches[feeder]) for feeder in fed), default=0)
            branches.append(Branch(branch.link ^ 1, fed, depth))
            if not branch.feeders:
                latest = max(latest, self._after(branches[-1]))
        arrivals = ((destination, latest),) if tree.arrivals else ()
        return Delivery(tuple(branches), arrivals, is_reduction=True)

    def _after(self, branch: Branch) -> int:
        return branch.depth + self.links[branch.link].delay_cycles

    # ------------------------------------------------------------------ what the machine asks

    def deliveries(
        self, destinations: Sequence[int], direction: Direction = Direction.DOWN
    ) -> tuple[Delivery, ...]:
        """Return the ways of one group's words: one, or one per child where it must be.

        Args:
            destinations: Children that get the same words, or whose sums belong together.
            direction: Away from the parent or towards it.
        """
        if direction is Direction.DOWN:
            groups = [destinations] if self.spec.multicast else [[node] for node in destinations]
            return tuple(self.multicast(self.parent, group) for group in groups)
        groups = [destinations] if self.spec.reduces else [[node] for node in destinations]
        return tuple(self.reduction(group, self.parent) for group in groups)

    def loads(
        self,
        groups: Sequence[tuple[int, Sequence[int]]],
        direction: Direction = Direction.DOWN,
    ) -> dict[int, int]:
        """Words that each link carries, by its number; links without words are left out.

        Args:
            groups: (words, children) pairs: the words go to all these children, or are the sums
                of theirs.
            direction: Away from the parent or towards it.
        """
        words_on: dict[int, int] = {}
        for words, destinations in groups:
            for delivery in self.deliveries(destinations, direction):
                for link in delivery.links:
                    words_on[link] = words_on.get(link, 0) + words
        return dict(sorted(words_on.items()))

    def cycles(self, loads: dict[int, int]) -> Fraction:
        """Cycles in which the busiest link carries its words."""
        return max(
            (words / self.links[link].words_per_cycle for link, words in loads.items()),
            default=Fraction(0),
        )

    def latency(self, destinations: Sequence[int], direction: Direction = Direction.DOWN) -> int:
        """Cycles between the first word's start and its arrival at the farthest end."""
        ways = self.deliveries(destinations, direction)
        return max((way.latency_cycles for way in ways), default=0)

    def hops(
        self, words: int, destinations: Sequence[int], direction: Direction = Direction.DOWN
    ) -> int:
        """Links that count as a hop, times words: what the network's energy is charged for."""
        return words * sum(
            self.links[link].is_hop
            for way in self.deliveries(destinations, direction)
            for link in way.links
        )


def fault(place: str, value: object, rule: str, remedy: str = "") -> SpecError:
    """Make an error of one fault in a topology."""
    where = f"topology.{place}"
    return SpecError([Fault(place=where, value=value, rule=rule, remedy=remedy)])

"""Networks with a topology: what a transfer holds of their links, how long it travels, its hops.

Below one instance of the outer level lies one network; what is held is that of the busiest one.
The words of a step hold every link on their way, each for its own words over its own width, and
the whole way at once: nothing waits inside the network (docs/networks.md). A link that is as wide
as one nearer to the source never holds anything up: all its words have come over that one. Such
links are counted, not held.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from stallscope.hw.noc.clusters import build
from stallscope.hw.noc.topology import Direction, Geometry, Link
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import Crossing

__all__ = ["Direction", "Fabrics"]

_Key = tuple[str, str]
"""Outer level, and the tensor that has the network alone (or ``""``)."""

_Groups = tuple[tuple[int, tuple[int, ...]], ...]
_Place = tuple[_Key, Direction, _Groups]
"""A network, a direction on it, and where a step's words go."""


class Fabrics:
    """The networks of an architecture that have a topology.

    Attributes:
        geometries: The networks below each outer level: of one tensor, or (``""``) the others'.
        narrow: Per network, numbers of the links that can hold words up.
    """

    def __init__(self, architecture: Architecture) -> None:
        self.geometries: dict[_Key, Geometry] = {}
        self.narrow: dict[_Key, frozenset[int]] = {}
        self._loads: dict[_Place, list[tuple[str, int]]] = {}
        self._latencies: dict[_Place, int] = {}
        self._lanes = {level.name: level.network.lane for level in architecture.levels}
        below_it: list[StorageLevel | ComputeLevel] = [*architecture.levels[1:]]
        below_it.append(architecture.compute)
        for level, below in zip(architecture.levels, below_it, strict=True):
            width, height = max(1, below.x // level.x), max(1, below.y // level.y)
            for tensor, topology in level.network.topologies.items():
                geometry = build(topology, width, height)
                self.geometries[level.name, tensor] = geometry
                self.narrow[level.name, tensor] = _narrow(geometry)

    def widths(self) -> Iterable[tuple[str, Fraction]]:
        """Name and words per cycle of every link that can hold words up."""
        for key, geometry in self.geometries.items():
            for number in sorted(self.narrow[key]):
                link = geometry.links[number]
                yield _named(key, link), link.words_per_cycle

    def find(self, level: str, tensor: str) -> _Key | None:
        """The network a tensor travels on below a level, if it has a topology."""
        key = (level, self._lanes[level](tensor))
        return key if key in self.geometries else None

    def loads(
        self, key: _Key, crossing: Crossing, direction: Direction
    ) -> list[tuple[str, int]]:  # fmt: skip
        """Links of a network that a step's words hold, by name, and the words on each."""
        geometry, place = self.geometries[key], (key, direction, _groups(crossing))
        if place not in self._loads:
            loads = geometry.loads(_groups(crossing), direction)
            self._loads[place] = [
                (_named(key, geometry.links[link]), words)
                for link, words in loads.items()
                if link in self.narrow[key]
            ]
        return self._loads[place]

    def latency(self, key: _Key, crossing: Crossing, direction: Direction) -> int:
        """Cycles from the first word's start to its arrival at the farthest destination."""
        geometry, place = self.geometries[key], (key, direction, _groups(crossing))
        if place not in self._latencies:
            ways = (geometry.latency(who, direction) for _, who in _groups(crossing))
            self._latencies[place] = max(ways, default=0)
        return self._latencies[place]

    def hops(self, key: _Key, crossing: Crossing, direction: Direction) -> Fraction:
        """Hops of a step's words, below all instances of the outer level.

        With remainders some instances get fewer words than the busiest one: their hops are taken
        to be as many per word.
        """
        geometry = self.geometries[key]
        groups = _groups(crossing)
        hops = sum(geometry.hops(words, who, direction) for words, who in groups)
        return Fraction(hops * crossing.words_in, crossing.busiest_words or 1)


def _named(key: _Key, link: Link) -> str:
    """Name of a link among all servers."""
    level, tensor = key
    return f"{level}.network {tensor} {link.name}" if tensor else f"{level}.network {link.name}"


def _narrow(geometry: Geometry) -> frozenset[int]:
    """Links narrower than all those before them on the way from the source, in both directions."""
    tree = geometry.multicast(geometry.parent, range(geometry.children))
    least: list[Fraction] = []
    kept = set()
    for branch in tree.branches:
        before = [least[feeder] for feeder in branch.feeders]
        width = geometry.links[branch.link].words_per_cycle
        if not before or width < min(before):
            kept |= {branch.link, branch.link ^ 1}
        least.append(min([width, *before]))
    return frozenset(kept)


def _groups(crossing: Crossing) -> _Groups:
    """Where a step's words go.

    Raises:
        SpecError: If the program does not say.
    """
    if crossing.busiest_words and not crossing.groups:
        rule = "has a topology, and the program does not say where words go on it"
        remedy = "compile the program for this architecture"
        place = f"architecture.{crossing.network}.network.topology"
        raise SpecError([Fault(place=place, value=crossing.network, rule=rule, remedy=remedy)])
    return crossing.groups

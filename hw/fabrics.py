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
from stallscope.hw.noc.topology import Direction, Geometry
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import Crossing

__all__ = ["Direction", "Fabrics"]


class Fabrics:
    """The networks of an architecture that have a topology.

    Attributes:
        geometries: Per outer level, its network.
        narrow: Per outer level, numbers of the links that can hold words up.
    """

    def __init__(self, architecture: Architecture) -> None:
        self.geometries: dict[str, Geometry] = {}
        self.narrow: dict[str, frozenset[int]] = {}
        below_it: list[StorageLevel | ComputeLevel] = [*architecture.levels[1:]]
        below_it.append(architecture.compute)
        for level, below in zip(architecture.levels, below_it, strict=True):
            if level.network.topology is not None:
                width, height = max(1, below.x // level.x), max(1, below.y // level.y)
                geometry = build(level.network.topology, width, height)
                self.geometries[level.name] = geometry
                self.narrow[level.name] = _narrow(geometry)

    def widths(self) -> Iterable[tuple[str, Fraction]]:
        """Name and words per cycle of every link that can hold words up."""
        for level, geometry in self.geometries.items():
            for number in sorted(self.narrow[level]):
                link = geometry.links[number]
                yield f"{level}.network {link.name}", link.words_per_cycle

    def loads(self, crossing: Crossing, direction: Direction) -> list[tuple[str, int]]:
        """Links that a step's words hold, by name, and the words on each."""
        geometry = self.geometries[crossing.network]
        loads = geometry.loads(_groups(crossing), direction)
        return [
            (f"{crossing.network}.network {geometry.links[link].name}", words)
            for link, words in loads.items()
            if link in self.narrow[crossing.network]
        ]

    def latency(self, crossing: Crossing, direction: Direction) -> int:
        """Cycles from the first word's start to its arrival at the farthest destination."""
        geometry = self.geometries[crossing.network]
        ways = (geometry.latency(who, direction) for _, who in _groups(crossing))
        return max(ways, default=0)

    def hops(self, crossing: Crossing, direction: Direction) -> Fraction:
        """Hops of a step's words, below all instances of the outer level.

        With remainders some instances get fewer words than the busiest one: their hops are taken
        to be as many per word.
        """
        geometry = self.geometries[crossing.network]
        groups = _groups(crossing)
        hops = sum(geometry.hops(words, who, direction) for words, who in groups)
        return Fraction(hops * crossing.words_in, crossing.busiest_words or 1)


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


def _groups(crossing: Crossing) -> tuple[tuple[int, tuple[int, ...]], ...]:
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

"""The spatial blocks between two levels, and what a step puts on their networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from stallscope.mappings.architecture import Network
from stallscope.mappings.case import Case, Reuse
from stallscope.mappings.problem import Tensor
from stallscope.traces.boxes import Demand, demand_words
from stallscope.traces.nest import Nest
from stallscope.traces.program import Crossing
from stallscope.traces.sharing import Shared, group, linked, unite
from stallscope.traces.steps import Origin

__all__ = ["Chain", "Leaf", "Tally", "has_links", "plus"]

Leaf = Callable[[Origin], Demand]
"""Demand of the child at an origin."""


@dataclass(slots=True)
class Tally:
    """What one step puts on one network, summed over the instances of the outer level.

    ``sources`` says which neighbour an instance takes its words from; it is the same below every
    outer instance. ``groups`` are the words at the busiest one, by the destinations they reach.
    """

    words_in: int = 0
    busiest: int = 0
    deliveries: int = 0
    multicast: Counter[int] = field(default_factory=Counter)
    half_hops: int = 0
    links: int = 0
    sources: dict[int, int] = field(default_factory=dict)
    groups: Counter[tuple[int, ...]] = field(default_factory=Counter)

    def add(self, shared: Shared) -> None:
        """Add one instance."""
        self.words_in += shared.words_in
        if shared.words_in > self.busiest:
            self.busiest = shared.words_in
            self.groups = Counter(shared.groups)
        self.deliveries += shared.deliveries
        self.multicast.update(shared.multicast)
        self.half_hops += shared.half_hops

    def merge(self, other: Tally, times: int = 1) -> None:
        """Add another tally of the same network, that of ``times`` alike outer instances."""
        self.words_in += other.words_in * times
        if other.busiest > self.busiest:
            self.busiest = other.busiest
            self.groups = other.groups
        self.deliveries += other.deliveries * times
        for size, words in other.multicast.items():
            self.multicast[size] += words * times
        self.half_hops += other.half_hops * times
        self.links += other.links * times
        self.sources.update(other.sources)

    def repeat(self, other: Tally, times: int) -> None:
        """Add ``times`` steps like another to a sum of steps."""
        self.words_in += other.words_in * times
        self.busiest += other.busiest * times
        self.deliveries += other.deliveries * times
        self.half_hops += other.half_hops * times
        self.links += other.links * times
        for size, words in other.multicast.items():
            self.multicast[size] += words * times
        for who, words in other.groups.items():
            self.groups[who] += words * times

    @staticmethod
    def alone(words: int, busiest: int) -> Tally:
        """Words that all go to the one instance below each outer one, ``busiest`` at one."""
        groups: Counter[tuple[int, ...]] = Counter({(0,): busiest} if busiest else {})
        multicast = Counter({1: words} if words else {})
        return Tally(words, busiest, words, multicast, groups=groups)

    def crossing(self, network: str, times: int, longest: int, *, is_routed: bool) -> Crossing:
        """Freeze, for ``times`` alike instances of the outermost level involved.

        Where words go is kept where the network has a topology.
        """
        return Crossing(
            network=network,
            words_in=self.words_in * times,
            busiest_words=self.busiest,
            deliveries=(self.deliveries + self.links) * times,
            multicast=tuple(
                (size, words * times) for size, words in sorted(self.multicast.items())
            ),
            hops=Fraction(self.half_hops * times, 2),
            links=self.links * times,
            longest=longest,
            groups=tuple((words, who) for who, words in sorted(self.groups.items()))
            if is_routed
            else (),
        )


class Chain:
    """The spatial blocks between two levels, and how demands are shared across them."""

    def __init__(self, nest: Nest, tensor: Tensor, parent: int, child: int) -> None:
        case = nest.case
        self.nest = nest
        self.parent = parent
        self.child = child
        self.blocks = [nest.block(level) for level in range(parent, child)]
        self.names = tuple(nest.level_name(level) for level in range(parent, child))
        # Partial sums combine on every network (as Timeloop): one word leaves a block.
        self.is_multicast = [
            tensor.is_output or case.architecture.levels[level].network.multicast
            for level in range(parent, child)
        ]
        self.is_routed = [
            _network(case, level).lane(tensor.name) in _network(case, level).topologies
            for level in range(parent, child)
        ]
        self._is_overlap = case.rules.reuse is Reuse.OVERLAP
        self._offsets: dict[int, tuple[Origin, ...]] = {}

    def share(
        self, tallies: list[Tally], leaf: Leaf, base: Origin, before: Leaf | None = None
    ) -> Demand:
        """Share the leaves' demands under one parent instance at ``base``; returns its supply.

        Args:
            tallies: One per block, added to.
            leaf: Demand of the child at an origin.
            base: Origin of the parent instance.
            before: What the child at an origin got in the step before, if neighbours of the
                innermost block pass words on.
        """
        plain = [Tally() for _ in self.blocks]
        supply = self._supply(0, plain, leaf, base, None)
        if before is not None:
            relieved = [Tally() for _ in self.blocks]
            less = self._supply(0, relieved, leaf, base, before)
            # Links are used only if they save words: of the parent, or (Timeloop) of the block.
            judge = 0 if self._is_overlap else -1
            if relieved[judge].words_in < plain[judge].words_in:
                plain, supply = relieved, less
        for tally, one in zip(tallies, plain, strict=True):
            tally.merge(one)
        return supply

    def share_block(self, index: int, demands: list[Demand]) -> Shared:
        """Share demands across one block."""
        block, is_multicast = self.blocks[index], self.is_multicast[index]
        if not self._is_overlap:
            return group(block, demands, is_multicast)
        if not is_multicast:
            # A copy for each destination: told apart from here on by one more rank.
            demands = [
                tuple(((number, 1), *box) for box in demand)
                for number, demand in enumerate(demands)
            ]
        return unite(block, demands, is_multicast)

    def _supply(
        self, index: int, tallies: list[Tally], leaf: Leaf, base: Origin, before: Leaf | None
    ) -> Demand:
        if index == len(self.blocks):
            return leaf(base)
        if index not in self._offsets:
            self._offsets[index] = tuple(self.blocks[index].offsets())
        origins = [plus(base, offset) for offset in self._offsets[index]]
        demands = [self._supply(index + 1, tallies, leaf, at, before) for at in origins]
        if before is not None and index == len(self.blocks) - 1:
            takers = linked(self.blocks[index], demands, [before(at) for at in origins])
            tallies[index].sources.update(takers)
            tallies[index].links += sum(demand_words(demands[taker]) for taker in takers)
            demands = [() if at in takers else demand for at, demand in enumerate(demands)]
        shared = self.share_block(index, demands)
        tallies[index].add(shared)
        return shared.demand

    def parents(self) -> list[Origin]:
        """Origins of the used parent instances."""
        bases: list[Origin] = [{}]
        for level in range(self.parent):
            offsets = list(self.nest.block(level).offsets())
            bases = [plus(base, offset) for base in bases for offset in offsets]
        return bases


def _network(case: Case, level: int) -> Network:
    return case.architecture.levels[level].network


def plus(base: Origin, offset: Origin) -> Origin:
    """Add two origins."""
    if not offset:
        return base
    total = dict(base)
    for name, by in offset.items():
        total[name] = total.get(name, 0) + by
    return total


def has_links(case: Case, level: int) -> bool:
    """Whether the instances below ``level`` pass words to their neighbours."""
    asked = case.rules.link_transfers
    if asked is None:
        assumed = case.rules.reuse is Reuse.TIMELOOP
        return assumed or case.architecture.levels[level].network.links
    return asked

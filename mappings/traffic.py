"""Words of one tensor on every network and at every level, from the reuse rule and the nest.

Two roads. *Direct*: one stream per pair of consecutive levels that keep the tensor, crossing
bypassed levels. *Collapsed* (Timeloop's default walk): one stream per pair of neighbouring levels
as if nothing were bypassed, then bypassed levels are taken out, inner to outer, by scaling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise

from stallscope.mappings.architecture import ComputeLevel, StorageLevel
from stallscope.mappings.arrays import array_loads
from stallscope.mappings.boxes import Vector
from stallscope.mappings.case import Case, Reuse
from stallscope.mappings.children import BlockChildren, is_disjoint
from stallscope.mappings.multicast import Clip, Crossing, Destinations, Load
from stallscope.mappings.nest import Nest, NestLoop, offsets, starts_between
from stallscope.mappings.problem import Tensor
from stallscope.mappings.reuse import Automaton, Retention
from stallscope.mappings.walk import Pass, Walk

__all__ = ["Traffic", "is_exact", "traffic"]

_STAY = NestLoop(dimension="", extent=2, span=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Totals over the used instances, words.

    Attributes:
        loads: Load of the network below every level; absent above the outermost keeping level.
        accesses: Per keeping level, words exchanged with the next inner keeping level.
        shares: Per keeping level but the outermost, words exchanged with the next outer one.
        links: Per keeping level, words taken from neighbours.
    """

    loads: Mapping[int, Load]
    accesses: Mapping[int, Fraction]
    shares: Mapping[int, Fraction]
    links: Mapping[int, Fraction]


def is_exact(case: Case, nest: Nest, walk: Walk) -> bool:
    """Whether counts are those of a full walk (else: as Timeloop's default prints them)."""
    timeloop = case.rules.reuse is Reuse.TIMELOOP
    return walk is Walk.FULL or not timeloop or bool(nest.ragged)


def traffic(case: Case, nest: Nest, tensor: Tensor, *, exact: bool) -> Traffic:
    """Work out the traffic of one tensor.

    Args:
        case: The case.
        nest: Its resolved nest.
        tensor: The tensor; at least one level keeps it.
        exact: Whether every iteration is walked; see :func:`is_exact`.
    """
    kept = [
        at
        for at, level in enumerate(case.architecture.levels)
        if tensor.name in case.mapping.by_level[level.name].keep
    ]
    stream = _Stream(case, nest, tensor, shortcut=not exact)
    return _direct(stream, kept) if exact else _collapsed(stream, kept)


def _direct(stream: _Stream, kept: list[int]) -> Traffic:
    loads: dict[int, Load] = {}
    shares: dict[int, Fraction] = {}
    links: dict[int, Fraction] = {}
    inner = len(stream.nest.blocks)
    for parent, child in pairwise([*kept, inner]):
        loads.update(zip(range(parent, child), stream.loads(parent, child), strict=True))
        if child != inner:
            shares[child] = loads[child - 1].deliveries
            links[child] = Fraction(loads[child - 1].links)
    accesses = {at: loads[at].entering for at in kept}
    return Traffic(loads=loads, accesses=accesses, shares=shares, links=links)


def _collapsed(stream: _Stream, kept: list[int]) -> Traffic:
    inner = len(stream.nest.blocks)
    loads = {at: stream.loads(at, at + 1)[0] for at in range(inner)}
    shares = {at: loads[at - 1].deliveries for at in kept[1:]}
    for at in range(inner - 1, 0, -1):
        if at in kept:
            continue
        outer = loads[at - 1]
        outer.scale(loads[at].entering / outer.deliveries)
        outer.links = 0
    for at in range(kept[0]):
        del loads[at]
    links = {at: Fraction(loads[at - 1].links) for at in kept[1:]}
    accesses = {at: loads[at].entering for at in kept}
    return Traffic(loads=loads, accesses=accesses, shares=shares, links=links)


class _Stream:
    """Streams of one tensor between two levels."""

    def __init__(self, case: Case, nest: Nest, tensor: Tensor, *, shortcut: bool) -> None:
        self.nest = nest
        self._tensor = tensor
        self._rules = case.rules
        self._shortcut = shortcut
        self._levels = case.architecture.levels
        self._below: list[StorageLevel | ComputeLevel] = [
            *case.architecture.levels[1:],
            case.architecture.compute,
        ]

    def loads(self, parent: int, child: int) -> list[Load]:
        """Load of every network crossed, totals over the used instances of its outer level."""
        crossings = [self._crossing(at) for at in range(parent, child)]
        links = self._has_links(child - 1)
        if child == len(self._levels):
            counted = array_loads(
                self.nest, self._tensor, parent, crossings, links=links, shortcut=self._shortcut
            )
            if counted is not None:
                return counted
        totals = [Load() for _ in crossings]
        for base, times in self._bases(parent, child).items():
            there = self._children(child, crossings, base, links)
            for event, number in self._pass(child, there).events().items():
                loads, factor = there.loads(event)
                for total, load in zip(totals, loads, strict=True):
                    total.add(load, number * times * factor)
        return totals

    def _children(
        self, child: int, crossings: Sequence[Crossing], base: Vector, links: bool
    ) -> Destinations | BlockChildren:
        clips, per_word = self._clips(child), self._rules.reuse is Reuse.OVERLAP
        listed = partial(
            Destinations, self._tensor, crossings, clips=clips, base=base, per_word=per_word,
            links=links,
        )  # fmt: skip
        if not is_disjoint(self._tensor, crossings, self.nest.extents(child)):
            return listed()
        return BlockChildren(
            self._tensor, crossings, clips=clips, base=base, links=links, listed=listed
        )

    def _clips(self, child: int) -> tuple[Clip, ...]:
        nest, loops = self.nest, self._loops(child)
        spatial = [loop for block in nest.blocks[:child] for loop in block.spatial]
        clips = []
        for dimension in nest.ragged:
            bound, span = nest.bounds[dimension], nest.spans(child)[dimension]
            # Nothing is clipped where more is left than all children together span.
            reach = offsets(spatial, dimension)[-1] + span
            own = [loop for loop in loops if loop.dimension == dimension]
            lefts = {bound - start for start in starts_between(own, bound - reach, bound)}
            if bound > reach:
                lefts.add(reach)
            clips.append(Clip(dimension=dimension, span=span, lefts=tuple(sorted(lefts))))
        return tuple(clips)

    def _pass(self, child: int, there: Destinations | BlockChildren) -> Pass:
        nest, spans = self.nest, self.nest.spans(child)
        reach = tuple(
            max(offset[axis] for offset in there.classes) + spans[dimension]
            for axis, dimension in enumerate(nest.ragged)
        )
        automaton = Automaton(
            self._tensor,
            spans=spans,
            ragged=nest.ragged,
            classes=there.classes,
            retention=self._retention(child),
            recalls=there.linked,
        )
        return Pass(
            self._tensor,
            self._loops(child),
            bounds=nest.bounds,
            ragged=nest.ragged,
            reach=reach,
            automaton=automaton,
            shortcut=self._shortcut,
        )

    def _retention(self, child: int) -> Retention:
        if child == len(self._levels):
            return Retention.NOTHING
        if self._rules.reuse is Reuse.OVERLAP:
            return Retention.OVERLAP
        return Retention.SAME_MOVEMENT

    def _loops(self, child: int) -> tuple[NestLoop, ...]:
        """Temporal loops outside the child; trailing ones that do not move the tile are one stay.

        Words shared one by one do not care how long a tile stays; Timeloop's rule does, because
        staying put is a change of movement.
        """
        loops = list(self.nest.temporal(child))
        if child == len(self._levels):
            return tuple(loops)
        count = len(loops)
        while loops and loops[-1].dimension not in self._tensor.dimensions:
            loops.pop()
        if len(loops) < count and self._rules.reuse is Reuse.TIMELOOP:
            loops.append(_STAY)
        return tuple(loops)

    def _has_links(self, at: int) -> bool:
        """Not modelled: links in a mapping with remainders (docs/model_limits.md)."""
        if self.nest.ragged:
            return False
        wanted = self._rules.link_transfers
        if wanted is None:
            return self._rules.reuse is Reuse.TIMELOOP or self._levels[at].network.links
        return wanted

    def _crossing(self, at: int) -> Crossing:
        outer, inner, network = self._levels[at], self._below[at], self._levels[at].network
        merges = network.multicast or self._tensor.is_output  # partial sums always combine
        return Crossing(
            spatial=self.nest.blocks[at].spatial,
            width=max(1, inner.x // outer.x),
            height=max(1, inner.y // outer.y),
            merges=merges,
        )

    def _bases(self, parent: int, child: int) -> Mapping[Vector, int]:
        """Offsets of the parent's used instances in the ragged dimensions, and how many.

        Instances whose children are clipped alike at every step count as one.
        """
        spatial = [
            [loop for block in self.nest.blocks[start:stop] for loop in block.spatial]
            for start, stop in ((0, parent), (parent, child))
        ]
        bases: Counter[Vector] = Counter({(): self.nest.used_instances(parent)})
        for clip in self._clips(child):
            starts = offsets(spatial[0], clip.dimension)
            reach = max(offsets(spatial[1], clip.dimension)) + clip.span
            whole = Clip(dimension=clip.dimension, span=reach, lefts=clip.lefts)
            alike: dict[Vector, int] = {}
            number = Counter(alike.setdefault(whole.extents(start), start) for start in starts)
            bases = Counter(
                {
                    (*base, start): times * count // len(starts)
                    for base, times in bases.items()
                    for start, count in number.items()
                }
            )
        return bases

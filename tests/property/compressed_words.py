"""Words that movers carry, counted word by word: no boxes, no tables, nothing of the program.

Every step of every mover is walked, every child's tile is a set of coordinates. Data words of a
compressed tensor are those of the set that are not zero. Metadata is only told where the words
that go to the same children fill a box: then that box is a piece.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise, product
from math import ceil, prod

from stallscope.mappings.case import Reuse
from stallscope.mappings.sparsity.hardware import Format


class Unclear(Exception):
    """The words of a piece do not fill a box."""


def _loops(case):
    """(level, dimension, extent, step, is_spatial) of all loops, outermost first."""
    step = dict.fromkeys(case.problem.bounds, 1)
    found = []
    for at, level in reversed(list(enumerate(case.mapping.levels))):
        for kind, loops in (("x", level.spatial_x), ("y", level.spatial_y), ("t", level.temporal)):
            for loop in reversed(loops):
                found.append((at, loop.dimension, loop.extent, step[loop.dimension], kind != "t"))
                step[loop.dimension] *= loop.extent
    return list(reversed(found))


def _indices(loops, bounds):
    """Origins of all iterations in order, those past a bound left out."""
    for index in product(*(range(extent) for _, _, extent, _, _ in loops)):
        origin = dict.fromkeys(bounds, 0)
        for at, (_, name, _, step, _) in zip(index, loops, strict=True):
            origin[name] += at * step
        if all(origin[name] < bound for name, bound in bounds.items()):
            yield index, origin


def _tile(tensor, origin, spans, bounds):
    """Coordinates of the words of a tile's bounding box."""
    left = {name: min(span, bounds[name] - origin[name]) for name, span in spans.items()}
    if min(left.values()) <= 0:
        return frozenset()
    ranges = []
    for rank in tensor.ranks:
        low = sum(term.coefficient * origin[term.dimension] for term in rank)
        size = 1 + sum(term.coefficient * (left[term.dimension] - 1) for term in rank)
        ranges.append(range(low, low + size))
    return frozenset(product(*ranges))


class Walk:
    """One operand between two levels: what moves, summed over all steps.

    Attributes:
        reads: Words read from all parents, as (data, metadata).
        fills: Words that arrive at all children.
        entering: Per network, words that enter.
        arriving: Per network, words that arrive.
    """

    def __init__(self, case, name, parent, child, mask):
        self.case, self.tensor = case, case.problem.tensor(name)
        self.levels = case.architecture.levels
        self.parent, self.child = parent, child
        self.mask = mask
        self.forms = {at: self._form(at) for at in (parent, child)}
        self.sent = self.forms[parent] or self.forms[child]
        self.reads, self.fills = Counter(), Counter()
        self.entering, self.arriving = defaultdict(Counter), defaultdict(Counter)
        self._walk()

    def _form(self, at):
        found = [
            (form, self.levels[at].word_bits)
            for form in self.levels[at].formats
            if form.tensor == self.tensor.name and form.format is not Format.UNCOMPRESSED
        ]
        return found[0] if found else None

    def _words(self, words, form):
        """(data, metadata) words of a piece."""
        if form is None or not words:
            return len(words), 0
        data = sum(bool(self.mask[at]) for at in words)
        if not form[0].metadata:
            return data, 0
        sizes = [max(c) - min(c) + 1 for c in zip(*words, strict=True)]
        if prod(sizes) != len(words):
            raise Unclear
        assert form[0].format is Format.BITMASK
        return data, ceil(len(words) / form[1])

    def _walk(self):
        bounds = self.case.problem.bounds
        loops = _loops(self.case)
        spans = dict.fromkeys(bounds, 1)
        for at, name, extent, _, _ in loops:
            spans[name] *= extent if at >= self.child else 1
        spans = {name: min(span, bounds[name]) for name, span in spans.items()}
        own = {term.dimension for rank in self.tensor.ranks for term in rank}
        outside = [one for one in loops if one[0] < self.child and not one[4] and one[2] > 1]
        while outside and outside[-1][1] not in own:
            outside.pop()
        spatial = [one for one in loops if one[0] < self.child and one[4] and one[2] > 1]
        places = list(product(*(range(one[2]) for one in spatial)))
        self.inside = [one for one in loops if one[0] < self.child and not one[4]][len(outside) :]
        before = last = None
        for _, origin in _indices(outside, bounds):
            keeps = before is not None and self._keeps(outside, origin, last)
            tiles, new = {}, {}
            for place in places:
                at = dict(origin)
                for digit, (_, name, _, step, _) in zip(place, spatial, strict=True):
                    at[name] += digit * step
                tiles[place] = _tile(self.tensor, at, spans, bounds)
                new[place] = tiles[place] - (before[place] if keeps else frozenset())
            self._share(new, spatial)
            before, last = tiles, origin

    def _keeps(self, outside, origin, last):
        """Whether children keep what the next tile shares with the last one."""
        if self.case.rules.reuse is Reuse.OVERLAP:
            return True
        # Timeloop: only what moves as the innermost loop does, along one rank.
        moved = [
            sum(term.coefficient * (origin[term.dimension] - last[term.dimension]) for term in rank)
            for rank in self.tensor.ranks
        ]
        _, name, _, step, _ = outside[-1]
        idle = prod(one[2] for one in self.inside)
        usual = [
            sum(term.coefficient * step for term in rank if term.dimension == name)
            if idle == 1 else 0 for rank in self.tensor.ranks
        ]  # fmt: skip
        return moved == usual and sum(map(bool, moved)) <= 1

    def _share(self, new, spatial):
        """One step: what every child gets."""
        if self.case.rules.reuse is Reuse.TIMELOOP:
            self._group(new, spatial)
        else:
            self._unite(new, spatial)

    def _group(self, new, spatial):
        """Children share whole deliveries that are equal, block by block."""
        for words in new.values():
            self._add(self.fills, words, self.forms[self.child])
        below = {place: (frozenset(words),) for place, words in new.items()}
        for level in reversed(range(self.parent, self.child)):
            above = defaultdict(list)
            groups = defaultdict(list)
            for place, demand in below.items():
                if not any(demand):
                    continue
                outer = self._outer(place, spatial, level)
                mine = None if self.levels[level].network.multicast else place
                groups[outer, demand, mine].append(place)
            for (outer, demand, _), members in groups.items():
                above[outer] += demand
                for words in demand:
                    self._add(self.entering[level], words, self.sent)
                    self._add(self.arriving[level], words, self.sent, len(members))
            below = {self._fill(outer, spatial): tuple(sorted(demand, key=sorted))
                     for outer, demand in above.items()}  # fmt: skip
        for demand in below.values():
            for words in demand:
                self._add(self.reads, words, self.forms[self.parent])

    @staticmethod
    def _fill(outer, spatial):
        """The first child below an outer instance."""
        return outer + (0,) * (len(spatial) - len(outer))

    def _unite(self, new, spatial):
        """Children share every word that several of them get."""
        sharers = defaultdict(set)
        for place, words in new.items():
            key = self._apart(place, spatial)
            for word in words:
                sharers[key, word].add(place)
        pieces = defaultdict(set)
        for (key, word), who in sharers.items():
            pieces[key, frozenset(who)].add(word)
        for (_, who), words in pieces.items():
            self._add(self.fills, words, self.forms[self.child], len(who))
            self._add(self.reads, words, self.forms[self.parent])
            for at in range(self.parent, self.child):
                # One word enters for each copy below each outer instance.
                outer = {(self._outer(p, spatial, at), self._copy(p, spatial, at)) for p in who}
                inner = {
                    (self._outer(p, spatial, at + 1), self._copy(p, spatial, at + 1)) for p in who
                }
                self._add(self.entering[at], words, self.sent, len(outer))
                self._add(self.arriving[at], words, self.sent, len(inner))

    def _apart(self, place, spatial):
        """What two children that can share words have in common."""
        return self._outer(place, spatial, self.parent), self._copy(place, spatial, self.parent)

    def _outer(self, place, spatial, level):
        return tuple(d for d, one in zip(place, spatial, strict=True) if one[0] < level)

    def _copy(self, place, spatial, level):
        """Digits that networks from a level inward cannot bridge."""
        return tuple(
            d
            for d, one in zip(place, spatial, strict=True)
            if one[0] >= level and not self.levels[one[0]].network.multicast
        )

    def _add(self, into, words, form, times=1):
        data, metadata = self._words(words, form)
        into["data"] += times * data
        into["metadata"] += times * metadata


def is_told(case):
    """Whether what is moved can be told: under Timeloop's rule not with remainders."""
    covered = dict.fromkeys(case.problem.bounds, 1)
    for _, name, extent, _, _ in _loops(case):
        covered[name] *= extent
    return case.rules.reuse is Reuse.OVERLAP or covered == case.problem.bounds


def movers(case):
    """(tensor, parent, child) of every operand's movers."""
    for tensor in case.problem.tensors:
        keepers = [at for at, level in enumerate(case.mapping.levels) if tensor.name in level.keep]
        if not tensor.is_output:
            yield from ((tensor.name, parent, child) for parent, child in pairwise(keepers))


def times_loaded(case, tensor, parent, child):
    """How often tiles are loaded without remainders; for how many children, read how often.

    Only of tensors whose tiles do not overlap.
    """
    own = {term.dimension for rank in tensor.ranks for term in rank}
    outside = [one for one in _loops(case) if one[0] < child and one[2] > 1]
    temporal = [one for one in outside if not one[4]]
    while temporal and temporal[-1][1] not in own:
        temporal.pop()
    loads = prod(extent for _, name, extent, _, _ in temporal if name not in own)
    others = [one for one in outside if one[4] and one[1] not in own]
    alone = [
        extent for at, _, extent, _, _ in others
        if at < parent or not case.architecture.levels[at].network.multicast
    ]  # fmt: skip
    return loads, prod(one[2] for one in others), prod(alone)

"""Does ``walk=FULL`` count what a walk over every step and every word counts?

The oracle below shares no code with the model: it lists every iteration and every child, holds
tiles as sets of words, and adds up what is delivered. It is slow and only for tiny cases.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from fractions import Fraction
from math import prod

import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.case import Reuse
from tests.unit.mappings.walk_cases import cases


class Oracle:
    """Everything counted step by step."""

    def __init__(self, case):
        self.case = case
        self.bounds = case.problem.bounds
        self.levels = case.architecture.levels
        self.depth = len(self.levels)
        reached = dict.fromkeys(self.bounds, 1)
        self.temporal, self.spatial, self.span = [], [], [dict(reached)]
        for level in reversed(self.levels):
            entry = case.mapping.by_level[level.name]
            block = []
            for loops in (entry.spatial, entry.temporal):
                resolved = []
                for loop in reversed(loops):
                    resolved.insert(0, (loop.dimension, loop.extent, reached[loop.dimension]))
                    reached[loop.dimension] *= loop.extent
                block.append(resolved)
            self.spatial.insert(0, block[0])
            self.temporal.insert(0, block[1])
            self.span.insert(0, dict(reached))

    def positions(self, loops):
        """All index combinations of some loops, in order, as positions per dimension."""
        out = []
        for indices in itertools.product(*(range(extent) for _, extent, _ in loops)):
            at = Counter()
            for (dimension, _, span), index in zip(loops, indices, strict=True):
                at[dimension] += index * span
            out.append(at)
        return out

    def words(self, tensor, at, span):
        """Words of a clipped tile at a position; None when it is past a bound."""
        extent = {}
        for d, bound in self.bounds.items():
            extent[d] = min(span[d], bound - at[d])
            if extent[d] <= 0:
                return None
        origin = tensor.origin(at)
        shape = tensor.tile_shape(extent)
        return frozenset(
            itertools.product(*(range(o, o + n) for o, n in zip(origin, shape, strict=True)))
        )

    def stream(self, tensor, child):
        """Temporal positions of the stream into ``child``; True marks a stay."""
        loops = [loop for block in self.temporal[:child] for loop in block]
        idle = 1
        while child < self.depth and loops and loops[-1][0] not in tensor.dimensions:
            idle *= loops.pop()[1]
        stays = idle > 1 and self.case.rules.reuse is Reuse.TIMELOOP
        for at in self.positions(loops):
            if all(at[d] < bound for d, bound in self.bounds.items()):
                yield at
                if stays:
                    yield at

    def deliver(self, tensor, held, tile, moved, last):
        """Words to deliver and the movement remembered, by the rule of reuse."""
        if self.case.rules.reuse is Reuse.OVERLAP:
            return tile - (held or frozenset()), None
        if held is None:
            return tile, None
        if last is not None and last != moved:
            return tile, None
        new = tile - held
        if new:
            box = prod(max(c) - min(c) + 1 for c in zip(*new, strict=True))
            new = new if box == len(new) else tile
        return new, moved

    def merges(self, tensor, at):
        # Partial sums combine on every network.
        return tensor.is_output or self.levels[at].network.multicast

    def links_on(self, at):
        if any(self.span[0][name] != bound for name, bound in self.case.problem.bounds.items()):
            return False
        wanted = self.case.rules.link_transfers
        if wanted is None:
            if self.case.rules.reuse is Reuse.TIMELOOP:
                return True
            return self.levels[at].network.links
        return wanted

    def width_height(self, at):
        inner = self.levels[at + 1] if at + 1 < self.depth else self.case.architecture.compute
        return inner.x // self.levels[at].x, inner.y // self.levels[at].y

    def hops(self, at, group):
        if not self.spatial[at]:
            return Fraction(0)
        width, height = self.width_height(at)
        total, centre = Fraction(max(i % width for i in group)), Fraction(height - 1, 2)
        for x in {i % width for i in group}:
            rows = [i // width for i in group if i % width == x]
            total += max(0, centre - min(rows)) + max(0, max(rows) - centre)
        return total

    def tally(self, tensor, crossed, delta, parts):
        """Per crossed network: words by reach, and hops."""
        sets = defaultdict(set)
        overlap = self.case.rules.reuse is Reuse.OVERLAP
        for child, words in delta.items():
            for word in words:
                for n, at in enumerate(crossed):
                    copies = tuple(
                        child[m]
                        for m in range(n, len(crossed))
                        if not self.merges(tensor, crossed[m])
                    )
                    same = word if overlap else (word, words, tuple(parts[child][n:-1]))
                    sets[at, child[:n], copies, same].add(child[n])
        reach, hops = {at: Counter() for at in crossed}, Counter()
        for (at, *_), group in sets.items():
            reach[at][len(group)] += 1
            hops[at] += self.hops(at, group)
        return reach, hops

    def relieve(self, tensor, crossed, delta, before):
        """Take words from neighbours, if that lowers what is read."""
        last = crossed[-1]
        width, height = self.width_height(last)
        place = {(*c[:-1], c[-1] % width, c[-1] // width): c for c in before}
        linked = set()
        for child, words in delta.items():
            x, y = child[-1] % width, child[-1] // width
            for a, b in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                if 0 <= a < width and 0 <= b < height:
                    other = place.get((*child[:-1], a, b))
                    if words and other is not None and before[other] == words:
                        linked.add(child)
        return linked

    def pair(self, tensor, parent, child):
        """Words by reach, hops, links per crossed network, totals over parent instances."""
        crossed = list(range(parent, child))
        total = {at: [Counter(), Fraction(0), 0] for at in crossed}
        outer = [loop for block in self.spatial[:parent] for loop in block]
        choices = [self.positions(self.spatial[at]) for at in crossed]
        children = list(itertools.product(*(range(len(c)) for c in choices)))
        for base in self.positions(outer):
            held, last = dict.fromkeys(children), dict.fromkeys(children)
            before, previous = {}, None
            for at in self.stream(tensor, child):
                origin = tensor.origin(at)
                moved = previous and tuple(a - b for a, b in zip(origin, previous, strict=True))
                previous = origin
                delta, parts = {}, {}
                for one in children:
                    offsets = [c[i] for c, i in zip(choices, one, strict=True)]
                    parts[one] = [tensor.origin(o) for o in offsets]
                    where = sum(offsets, Counter(base))
                    where.update(at)
                    tile = self.words(tensor, where, self.span[child])
                    if tile is None:
                        relevant = any(where[d] >= self.bounds[d] for d in tensor.dimensions)
                        stays = tensor.is_output and not relevant and not any(moved or ())
                        if not stays:
                            held[one] = last[one] = None
                        delta[one] = frozenset()
                        continue
                    if child == self.depth:
                        delta[one] = tile
                    else:
                        delta[one], last[one] = self.deliver(
                            tensor, held[one], tile, moved, last[one]
                        )
                    held[one] = tile
                self.account(tensor, crossed, delta, before, parts, total)
                before = delta
        return total

    def account(self, tensor, crossed, delta, before, parts, total):
        reach, hops = self.tally(tensor, crossed, delta, parts)
        links = 0
        if self.links_on(crossed[-1]) and before:
            linked = self.relieve(tensor, crossed, delta, before)
            rest = {c: w for c, w in delta.items() if c not in linked}
            less, fewer_hops = self.tally(tensor, crossed, rest, parts)
            overlap = self.case.rules.reuse is Reuse.OVERLAP
            judge = crossed[0] if overlap else crossed[-1]
            if less[judge].total() < reach[judge].total():
                reach, hops = less, fewer_hops
                links = sum(len(delta[c]) for c in linked)
        for at in crossed:
            total[at][0].update(reach[at])
            total[at][1] += hops[at]
        total[crossed[-1]][2] += links

    def touched(self, tensor):
        """Distinct words each instance works on, summed per level; and the number of MACs."""
        seen = [defaultdict(set) for _ in self.levels]
        macs = 0
        times = self.positions([loop for block in self.temporal for loop in block])
        places = [self.positions(block) for block in self.spatial]
        for indices in itertools.product(*(range(len(p)) for p in places)):
            there = sum((p[i] for p, i in zip(places, indices, strict=True)), Counter())
            for time in times:
                at = Counter(there)
                at.update(time)
                if any(at[d] >= bound for d, bound in self.bounds.items()):
                    continue
                macs += 1
                for level in range(self.depth):
                    seen[level][indices[:level]].add(tensor.origin(at))
        return [sum(len(words) for words in level.values()) for level in seen], macs

    def figures(self):
        """The same figures as an estimate's counts, as plain dictionaries."""
        levels, networks = {}, {}
        for tensor in self.case.problem.tensors:
            kept = [
                at
                for at, level in enumerate(self.levels)
                if tensor.name in self.case.mapping.by_level[level.name].keep
            ]
            first, macs = self.touched(tensor)
            if not (tensor.is_output and self.case.rules.first_read_elision):
                first = [0] * self.depth
            arrive = {}
            for parent, child in itertools.pairwise([*kept, self.depth]):
                for at, (reach, hops, links) in self.pair(tensor, parent, child).items():
                    reach = {k: v for k, v in reach.items() if v}
                    networks[at, tensor.name] = (reach, hops, links)
                reach, _, links = networks[child - 1, tensor.name]
                arrive[child] = (sum(k * v for k, v in reach.items()), links)
            for at in kept:
                share, peer = arrive.get(at, (0, 0))
                out = sum(networks[at, tensor.name][0].values())
                fills = share + peer - first[at] if at != kept[0] else 0
                updates = out if tensor.is_output else 0
                levels[at, tensor.name] = (out + peer - first[at], fills, updates, peer)
        return levels, networks, macs


def modelled(case):
    counts = analyze(case, walk=Walk.FULL).counts
    levels = {
        (at, name): (t.reads, t.fills, t.updates, t.link_transfers)
        for at, level in enumerate(counts.levels)
        for name, t in level.tensors.items()
    }
    networks = {}
    for at, network in enumerate(counts.networks):
        outer = case.architecture.levels[at]
        both_ways = not outer.reduces
        for name, t in network.tensors.items():
            reach = {k: v for k, v in t.multicast.items() if v}
            if both_ways and case.problem.tensor(name).is_output:
                reach = None
            networks[at, name] = (reach, t.hops_total, t.link_transfers)
    return levels, networks, counts.compute.computes


def agree(case):
    levels, networks, macs = Oracle(case).figures()
    modelled_levels, modelled_networks, computes = modelled(case)
    assert macs == computes
    assert levels == modelled_levels
    for key, (reach, *rest) in modelled_networks.items():
        expected_reach, *expected_rest = networks[key]
        assert expected_rest == rest, key
        assert reach is None or expected_reach == reach, key


QUICK = settings(max_examples=18, deadline=None, suppress_health_check=list(HealthCheck))
SLOW = settings(QUICK, max_examples=400)


@QUICK
@given(case=cases())
def test_a_full_walk_counts_what_visiting_every_step_and_word_counts(case):
    """Strides, dilations, one to three levels, bypass, X and Y, remainders, both rules."""
    agree(case)


@pytest.mark.slow
@SLOW
@given(case=cases())
def test_a_full_walk_counts_the_same_in_many_cases(case):
    agree(case)


SLIDING = {"over": "PR", "steps": 1, "depth": 2, "inner": 0, "keep": "I"}


"""P and R alone: halos, diagonals and neighbour links into storage levels are common."""


@QUICK
@given(case=cases(**SLIDING))
def test_windows_that_slide_past_each_other_share_and_pass_on_the_same_words(case):
    agree(case)


@pytest.mark.slow
@SLOW
@given(case=cases(**SLIDING))
def test_many_windows_that_slide_past_each_other_share_the_same_words(case):
    agree(case)

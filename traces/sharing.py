"""Who shares a word: multicast groups, unions over destinations, hops, neighbour links.

Below one instance of a level stand the destinations of its spatial loops, each with a demand.
Under the rule ``timeloop`` destinations with equal demands form a group, in every spatial block
separately; under the rule ``overlap`` every word is shared by all destinations that need it.
Either way one member of the result is read once at the source if the network multicasts.

Hops are counted as Timeloop v3 does: injection at the left edge at half height, along X to the
furthest column used, in every column used up and down to the outermost rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.traces.boxes import Box, Demand, demand_words, volume
from stallscope.traces.nest import Block

__all__ = ["Shared", "group", "half_hops", "linked", "unite"]


@dataclass(frozen=True, slots=True)
class Shared:
    """Words entering one network below one instance, and where they go.

    Attributes:
        demand: What the outer side must supply, as one demand.
        words_in: Words entering.
        deliveries: Words arriving.
        multicast: Words entering by destinations reached.
        half_hops: Twice the sum of hops over words entering.
        groups: Words entering by the destinations they reach.
    """

    demand: Demand
    words_in: int
    deliveries: int
    multicast: Counter[int]
    half_hops: int
    groups: Mapping[tuple[int, ...], int]


def half_hops(block: Block, members: Sequence[int]) -> int:
    """Twice the links one word crosses to reach ``members`` (half height may lie between rows)."""
    if block.count == 1:
        return 0
    columns: dict[int, tuple[int, int]] = {}
    for index in members:
        x, y = block.position(index)
        low, high = columns.get(x, (y, y))
        columns[x] = (min(low, y), max(high, y))
    centre = block.height - 1
    twice = 2 * max(columns)
    for low, high in columns.values():
        twice += max(centre - 2 * low, 0) + max(2 * high - centre, 0)
    return twice


def group(block: Block, demands: Sequence[Demand], is_multicast: bool) -> Shared:
    """Share equal demands (rule ``timeloop``); destinations without a demand take no part."""
    if len(demands) == 1:
        words = demand_words(demands[0])
        alone = Counter({1: words} if words else {})
        return Shared(demands[0], words, words, alone, 0, {(0,): words} if words else {})
    groups: dict[object, list[int]] = {}
    for index, demand in enumerate(demands):
        if demand:
            groups.setdefault(demand if is_multicast else index, []).append(index)
    multicast: Counter[int] = Counter()
    supply: list[Box] = []
    total = 0
    reached: dict[tuple[int, ...], int] = {}
    for members in groups.values():
        demand = demands[members[0]]
        words = demand_words(demand)
        reached[tuple(members)] = words
        supply.extend(demand)
        multicast[len(members)] += words
        total += words * half_hops(block, members)
    return Shared(
        demand=tuple(supply),
        words_in=sum(multicast.values()),
        deliveries=sum(size * words for size, words in multicast.items()),
        multicast=multicast,
        half_hops=total,
        groups=reached,
    )


def unite(block: Block, demands: Sequence[Demand], is_multicast: bool) -> Shared:
    """Share every word among all destinations that need it (rule ``overlap``)."""
    needed = [index for index, demand in enumerate(demands) if demand]
    if not is_multicast or len(needed) <= 1 or len(set(demands)) == 1:
        return group(block, demands, is_multicast)
    members, supply = _cells(demands)
    multicast: Counter[int] = Counter()
    total = 0
    for who, words in members.items():
        multicast[len(who)] += words
        total += words * half_hops(block, who)
    return Shared(
        demand=supply,
        words_in=sum(multicast.values()),
        deliveries=sum(size * words for size, words in multicast.items()),
        multicast=multicast,
        half_hops=total,
        groups=members,
    )


def _cells(demands: Sequence[Demand]) -> tuple[dict[tuple[int, ...], int], Demand]:
    """Words by the destinations that need them, and all of them as disjoint boxes.

    The boxes' edges cut the ranks into intervals; a cell of that grid is wanted by the same
    destinations throughout.
    """
    boxes = [box for demand in demands for box in demand]
    ranks = len(boxes[0])
    edges = [
        sorted({edge for box in boxes for edge in (box[rank][0], sum(box[rank]))})
        for rank in range(ranks)
    ]
    place = [{edge: index for index, edge in enumerate(cuts)} for cuts in edges]
    shape = tuple(len(cuts) - 1 for cuts in edges)
    wanted: NDArray[np.bool_] = np.zeros((len(demands), *shape), dtype=np.bool_)
    for index, demand in enumerate(demands):
        for box in demand:
            where: list[int | slice] = [index]
            for rank, (low, size) in enumerate(box):
                where.append(slice(place[rank][low], place[rank][low + size]))
            wanted[tuple(where)] = True
    cells = np.argwhere(wanted.any(axis=0))
    members: dict[tuple[int, ...], int] = {}
    supply: list[Box] = []
    for cell in cells.tolist():
        box = tuple(
            (edges[rank][at], edges[rank][at + 1] - edges[rank][at]) for rank, at in enumerate(cell)
        )
        column: list[int | slice] = [slice(None), *cell]
        who = tuple(np.flatnonzero(wanted[tuple(column)]).tolist())
        members[who] = members.get(who, 0) + volume(box)
        supply.append(box)
    return members, tuple(supply)


def linked(block: Block, demands: Sequence[Demand], before: Sequence[Demand]) -> dict[int, int]:
    """Destinations that can take their words from a neighbour, and that neighbour.

    A destination can when its demand equals what a neighbour left, right, up or down got in the
    step before; the first such neighbour gives.
    """
    place = {block.position(index): index for index in range(block.count)}
    takers = {}
    for index, demand in enumerate(demands):
        x, y = block.position(index)
        around = ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1))
        givers = [place[at] for at in around if at in place and before[place[at]] == demand]
        if demand and givers:
            takers[index] = givers[0]
    return takers

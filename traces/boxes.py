"""Boxes of words: the bounding box of a tile, and what of it is new.

A box is a tuple of (low, size) per rank of the tensor; a demand is a tuple of disjoint boxes.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

__all__ = ["Box", "Demand", "coalesced", "demand_words", "difference", "shift", "volume"]

Box = tuple[tuple[int, int], ...]
Demand = tuple[Box, ...]


def volume(box: Box) -> int:
    """Words of a box; 1 for a scalar."""
    return prod(size for _, size in box)


def demand_words(demand: Iterable[Box]) -> int:
    """Words of disjoint boxes."""
    return sum(volume(box) for box in demand)


def shift(box: Box, offset: tuple[int, ...]) -> Box:
    """The box moved by ``offset`` words per rank."""
    return tuple((low + by, size) for (low, size), by in zip(box, offset, strict=True))


def difference(new: Box, old: Box) -> Demand:
    """Words of ``new`` that ``old`` does not hold, as disjoint boxes.

    Rank by rank the parts below and above the common interval are cut off; what remains after
    the last rank is held already.
    """
    for (low, size), (low0, size0) in zip(new, old, strict=True):
        if low + size <= low0 or low0 + size0 <= low:
            return (new,)
    parts: list[Box] = []
    rest = list(new)
    for rank, (low0, size0) in enumerate(old):
        low, size = rest[rank]
        if low < low0:
            parts.append((*rest[:rank], (low, low0 - low), *rest[rank + 1 :]))
        if low + size > low0 + size0:
            above = (low0 + size0, low + size - low0 - size0)
            parts.append((*rest[:rank], above, *rest[rank + 1 :]))
        common = max(low, low0)
        rest[rank] = (common, min(low + size, low0 + size0) - common)
    return tuple(parts)


def coalesced(boxes: Iterable[Box]) -> Demand:
    """The same words in fewer boxes, sorted: neighbours along one rank become one box.

    Boxes that are equal, or overlap, stay apart: their words are counted twice.
    """
    found = sorted(boxes)
    ranks = len(found[0]) if found else 0
    for rank in reversed(range(ranks)):
        found = _merged(found, rank)
    return tuple(sorted(found))


def _merged(boxes: list[Box], rank: int) -> list[Box]:
    """Merge boxes that differ only along one rank, where the next begins as one ends."""
    open_: dict[tuple[object, int], list[tuple[int, int]]] = {}
    made: list[Box] = []
    for box in sorted(boxes, key=lambda one: one[rank]):
        low, size = box[rank]
        rest = (*box[:rank], *box[rank + 1 :])
        waiting = open_.get((rest, low))
        if waiting:
            start, length = waiting.pop()
        else:
            start, length = low, 0
        open_.setdefault((rest, low + size), []).append((start, length + size))
    for (rest_, _), spans in open_.items():
        assert isinstance(rest_, tuple)
        made += [(*rest_[:rank], span, *rest_[rank:]) for span in spans]
    return made

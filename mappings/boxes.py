"""Boxes of words: per rank a half-open interval; sets of words as disjoint boxes."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

__all__ = ["Box", "Boxes", "Vector", "subtract", "translate", "volume"]

Vector = tuple[int, ...]
Box = tuple[tuple[int, int], ...]
Boxes = tuple[Box, ...]


def volume(boxes: Iterable[Box]) -> int:
    """Words in disjoint boxes."""
    return sum(prod(high - low for low, high in box) for box in boxes)


def translate(boxes: Boxes, move: Vector) -> Boxes:
    """The same boxes ``move`` words further along each rank."""
    if not boxes or not any(move):
        return boxes
    return tuple(
        [
            tuple([(low + by, high + by) for (low, high), by in zip(box, move, strict=True)])
            for box in boxes
        ]
    )


def subtract(box: Box, other: Box) -> Boxes:
    """Words of ``box`` that are not in ``other``, as disjoint boxes (none, or 1 per face)."""
    pairs = list(zip(box, other, strict=True))
    if any(high <= low2 or high2 <= low for (low, high), (low2, high2) in pairs):
        return (box,)
    pieces: list[Box] = []
    middle = list(box)
    for rank, ((low, high), (low2, high2)) in enumerate(pairs):
        if low < low2:
            pieces.append((*middle[:rank], (low, low2), *middle[rank + 1 :]))
        if high2 < high:
            pieces.append((*middle[:rank], (high2, high), *middle[rank + 1 :]))
        middle[rank] = (max(low, low2), min(high, high2))
    return tuple(pieces)

"""Recounting what a step reads from the parent: words, not boxes, and not the compiler's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Delivery", "supplied"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Words that go to the children of every parent.

    Attributes:
        places: Per child its parent's number, then its place in every block on the way; shape
            (1 + blocks, children).
        multicast: Per block, whether one word that enters reaches several instances.
        words: Offset of every child in words, shape (children, ranks).
        coordinates: Per rank the coordinate of every word of a tile, shape (ranks, words).
        new: Which words go, shape (children, words).
    """

    places: Numbers
    multicast: tuple[bool, ...]
    words: Numbers
    coordinates: Numbers
    new: NDArray[np.bool_]


def supplied(delivery: Delivery, *, shares_words: bool) -> Numbers:
    """Return the words read per parent.

    Args:
        delivery: What goes where.
        shares_words: Whether single words are read once for all who need them; else only whole
            deliveries that are equal are, block by block.
    """
    parents = int(delivery.places[0].max()) + 1
    rows, columns = np.nonzero(delivery.new)
    names = _names(delivery, rows, columns)
    if shares_words:
        return _distinct(delivery, rows, names, parents)
    counts = delivery.new.sum(axis=1)
    cuts = np.split(names, np.cumsum(counts)[:-1])
    demands: list[_Demand] = [((cut.tobytes(), len(cut)),) if len(cut) else () for cut in cuts]
    for block in reversed(range(len(delivery.multicast))):
        size = int(delivery.places[block + 1].max()) + 1
        is_multicast = delivery.multicast[block]
        demands = [
            _merged(demands[at : at + size], is_multicast) for at in range(0, len(demands), size)
        ]
    return np.array([sum(words for _, words in demand) for demand in demands], dtype=np.int64)


_Demand = tuple[tuple[object, int], ...]
"""Deliveries asked for: (which words, how many)."""


def _merged(demands: list[_Demand], is_multicast: bool) -> _Demand:
    """Deliveries that enter a block: equal ones once if it multicasts."""
    if is_multicast:
        demands = list(dict.fromkeys(demands))
    return tuple(delivery for demand in demands for delivery in demand)


def _names(delivery: Delivery, rows: Numbers, columns: Numbers) -> Numbers:
    """A number for every word, the same for the same coordinates."""
    names = np.zeros(len(rows), dtype=np.int64)
    for rank in range(len(delivery.coordinates)):
        at = delivery.coordinates[rank][columns] + delivery.words[rows, rank]
        size = int(at.max()) + 1 if len(at) else 1
        names = names * size + at
    return names


def _distinct(delivery: Delivery, rows: Numbers, names: Numbers, parents: int) -> Numbers:
    """Distinct words per parent; a block without multicast asks for a copy per instance."""
    tags = delivery.places[0]
    for block, is_multicast in enumerate(delivery.multicast):
        place = delivery.places[block + 1]
        if not is_multicast:
            tags = tags * (int(place.max()) + 1) + place
    _, tags = np.unique(tags, return_inverse=True)
    size = int(names.max()) + 1 if len(names) else 1
    tagged, first = np.unique(tags.reshape(-1)[rows] * size + names, return_index=True)
    del tagged
    return np.bincount(delivery.places[0][rows[first]], minlength=parents)

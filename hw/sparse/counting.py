"""Accesses of levels and networks that a mover of a compressed tensor makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from stallscope.hw.sparse.amounts import Totals

__all__ = ["Crossed", "Ends", "crossed", "ends"]


@dataclass(frozen=True, slots=True)
class Ends:
    """Words at the two ends, (all, metadata of them) each.

    Attributes:
        parent: Read from (written to) the parent.
        child: Arriving at the children, neighbours' included.
        links: Passed on by neighbours.
    """

    parent: tuple[int, int]
    child: tuple[int, int]
    links: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Crossed:
    """Words on one network.

    Attributes:
        entering: All words that enter, and metadata of them.
        arriving: All that arrive, likewise.
        hops: Sum of hops over all words.
        multicast: All words that enter, by the instances that they reach.
    """

    entering: tuple[int, int]
    arriving: tuple[int, int]
    hops: Fraction
    multicast: Counter[int]


def ends(layout: Totals, words: Sequence[int]) -> Ends:
    """Read what is counted at the ends out of the columns of `Totals`."""
    return Ends(*(_pair(words, at) for at in (layout.PARENT, layout.CHILD, layout.LINKS)))


def crossed(layout: Totals, words: Sequence[int]) -> Iterator[Crossed]:
    """The same of the networks, outermost first."""
    for at in layout.blocks:
        yield Crossed(
            entering=_pair(words, at.entering),
            arriving=_pair(words, at.arriving),
            hops=Fraction(words[at.half_hops], 2),
            multicast=Counter({size: words[column] for size, column in at.multicast}),
        )


def _pair(words: Sequence[int], at: int) -> tuple[int, int]:
    return words[at] + words[at + 1], words[at + 1]

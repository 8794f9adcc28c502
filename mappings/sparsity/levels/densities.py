"""How many words of a tile are not zero, as a random number.

A density answers three questions about a tile of a shape: how many of its words are not zero on
average, how likely it is to hold none, and how likely each number is. Where the words lie matters
only to `ActualData` and `PerIndex`; to the others a shape is its number of words.

Two operands are taken to be independent unless both are `PerIndex`: what trained layers have in
common (a channel that is busy in the input and in the weights) is lost otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, floor, lgamma, prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "ActualData",
    "Dense",
    "Density",
    "Hypergeometric",
    "PerIndex",
    "Spread",
    "Structured",
    "all_nonzero",
    "any_nonzero",
]

Shape = Sequence[int]


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of numbers of words.

    Attributes:
        words: Numbers of words that are not zero, ascending, shape (n,).
        chances: Probability of each, sums to 1, shape (n,).
    """

    words: NDArray[np.float64]
    chances: NDArray[np.float64]


class Density(Protocol):
    """What is known of the words of one tensor that are not zero.

    Contract: ``share`` is the mean over the whole tensor; ``mean`` of a shape is at most its
    words; ``empty`` is the probability that a tile of that shape holds nothing, and ``spread``
    agrees with both.
    """

    @property
    def share(self) -> float:
        """Share of the tensor's words that are not zero."""

    def mean(self, shape: Shape) -> float:
        """Words of a tile that are not zero, on average."""

    def empty(self, shape: Shape) -> float:
        """Probability that all words of a tile are zero."""

    def spread(self, shape: Shape) -> Spread:
        """How many words of a tile are not zero."""

    def largest(self, shape: Shape) -> int:
        """Most words of a tile that may be not zero."""


@dataclass(frozen=True, slots=True)
class Dense:
    """No word is zero."""

    @property
    def share(self) -> float:
        """Share of the tensor's words that are not zero."""
        return 1.0

    def mean(self, shape: Shape) -> float:
        """Words of a tile."""
        return float(prod(shape))

    def empty(self, shape: Shape) -> float:
        """Probability that all words of a tile are zero."""
        return 0.0

    def spread(self, shape: Shape) -> Spread:
        """One number: the tile's words."""
        return _point(float(prod(shape)))

    def largest(self, shape: Shape) -> int:
        """Words of a tile."""
        return prod(shape)


@dataclass(frozen=True, slots=True)
class Structured:
    """Every tile holds its share of the words, as evenly as whole words can: n of m, pruned.

    Attributes:
        share: Share of the words that are not zero, 0 to 1.
    """

    share: float

    def mean(self, shape: Shape) -> float:
        """Words of a tile that are not zero."""
        return self.share * prod(shape)

    def empty(self, shape: Shape) -> float:
        """Probability that a tile, too small for one word of its own, holds none."""
        return max(0.0, 1.0 - self.mean(shape))

    def spread(self, shape: Shape) -> Spread:
        """The whole number of words, or the two next to it."""
        mean = self.mean(shape)
        low = floor(mean)
        if mean == low:
            return _point(mean)
        return Spread(np.array([low, low + 1.0]), np.array([1 - (mean - low), mean - low]))

    def largest(self, shape: Shape) -> int:
        """Words of a tile that are not zero, rounded up."""
        return int(self.spread(shape).words[-1])


@dataclass(frozen=True, slots=True)
class Hypergeometric:
    """A given number of words, all choices of them equally likely.

    Attributes:
        total: Words of the tensor.
        nonzero: How many of them are not zero.
    """

    total: int
    nonzero: int

    @property
    def share(self) -> float:
        """Share of the tensor's words that are not zero."""
        return self.nonzero / self.total

    def mean(self, shape: Shape) -> float:
        """Words of a tile that are not zero, on average."""
        return prod(shape) * self.nonzero / self.total

    def empty(self, shape: Shape) -> float:
        """Probability that all words of a tile are zero."""
        words, zeros = prod(shape), self.total - self.nonzero
        if words > zeros:
            return 0.0
        return exp(_choices(zeros, words) - _choices(self.total, words))

    def spread(self, shape: Shape) -> Spread:
        """The hypergeometric distribution."""
        words, zeros = prod(shape), self.total - self.nonzero
        numbers = range(max(0, words - zeros), min(words, self.nonzero) + 1)
        ways = _choices(self.total, words)
        chances = [
            exp(_choices(self.nonzero, n) + _choices(zeros, words - n) - ways) for n in numbers
        ]
        # The logarithms of large factorials leave the sum a few parts in 10^9 off.
        shares = np.array(chances) / sum(chances)
        return Spread(np.array(numbers, dtype=np.float64), shares)

    def largest(self, shape: Shape) -> int:
        """Words of a tile, or all that are not zero if those are fewer."""
        return min(prod(shape), self.nonzero)


@dataclass(frozen=True, slots=True)
class PerIndex:
    """Given numbers of words per index of one rank; within an index any words, equally likely.

    What a layer's statistics per channel tell. Two operands counted over the same ``dimension``
    are not independent: see `all_nonzero`.

    Attributes:
        dimension: The problem's dimension that is the rank.
        counts: Words that are not zero, per index.
        each: Words per index.
    """

    dimension: str
    counts: tuple[int, ...]
    each: int

    @property
    def share(self) -> float:
        """Share of the tensor's words that are not zero."""
        return sum(self.counts) / (self.each * len(self.counts))

    def mean(self, shape: Shape) -> float:
        """Words of a tile that are not zero, on average over all tiles."""
        return self.share * prod(shape)

    def empty(self, shape: Shape) -> float:
        """Probability that a single word is zero; 0 for more: the counts do not tell."""
        return 1.0 - self.share if prod(shape) == 1 else 0.0

    def spread(self, shape: Shape) -> Spread:
        """Of a single word only.

        Raises:
            SpecError: For a larger tile: numbers per index do not tell.
        """
        if prod(shape) != 1:
            rule = "numbers per index do not tell how a tile is filled"
            raise SpecError(
                [Fault(place="density", value=str(tuple(shape)), rule=rule, remedy="give the mask")]
            )
        return Spread(np.array([0.0, 1.0]), np.array([1.0 - self.share, self.share]))

    def largest(self, shape: Shape) -> int:
        """Words of a tile, or all that are not zero if those are fewer."""
        return min(prod(shape), sum(self.counts))


class ActualData:
    """The zeros themselves: averages are over the aligned tiles that cover the tensor.

    Args:
        mask: Boolean array, True where a word is not zero.
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self._mask = mask
        self.share = float(mask.mean())

    def mean(self, shape: Shape) -> float:
        """Words of a tile that are not zero, on average."""
        return float(self._filled(shape).mean())

    def empty(self, shape: Shape) -> float:
        """Share of the tiles that hold none."""
        return float((self._filled(shape) == 0).mean())

    def spread(self, shape: Shape) -> Spread:
        """How often each number of words occurs."""
        numbers, times = np.unique(self._filled(shape), return_counts=True)
        return Spread(numbers.astype(np.float64), times / times.sum())

    def largest(self, shape: Shape) -> int:
        """Words that are not zero in the fullest tile."""
        return int(self._filled(shape).max())

    def _filled(self, shape: Shape) -> NDArray[np.int64]:
        """Words that are not zero of every tile; those at the far edges are smaller."""
        filled = self._mask.astype(np.int64)
        if len(shape) != filled.ndim:
            rule = f"a tile of a mask of {filled.ndim} ranks needs as many"
            raise SpecError(
                [
                    Fault(
                        place="density", value=str(tuple(shape)), rule=rule, remedy="give the shape"
                    )
                ]
            )
        for rank, length in enumerate(shape):
            starts = np.arange(0, filled.shape[rank], length)
            filled = np.add.reduceat(filled, starts, axis=rank)
        return filled.reshape(-1)


def all_nonzero(densities: Sequence[Density]) -> float:
    """Probability that a word of each operand, taken where they meet, is not zero.

    Independent, but for those counted per index of the same dimension: there it is the mean over
    the indices of the product of their shares.
    """
    counted: dict[str, NDArray[np.float64]] = {}
    chance = 1.0
    for one in densities:
        if isinstance(one, PerIndex):
            shares = np.array(one.counts) / one.each
            counted[one.dimension] = counted.get(one.dimension, 1.0) * shares
        else:
            chance *= one.share
    return chance * prod(float(shares.mean()) for shares in counted.values())


def any_nonzero(densities: Sequence[Density], shapes: Sequence[Shape], steps: int) -> float:
    """Probability that some of several steps finds no operand zero.

    Exact for one operand, and for two whose words meet one to one and lie anywhere; else the steps
    are taken to be independent.

    Args:
        densities: Of the operands.
        shapes: Words of each that the steps use.
        steps: How many there are.
    """
    if len(densities) == 1:
        return 1 - densities[0].empty(shapes[0])
    plain = all(isinstance(one, Dense | Structured | Hypergeometric) for one in densities)
    if len(densities) == 2 and plain and all(prod(shape) == steps for shape in shapes):
        spread = densities[0].spread(shapes[0])
        # So many words of one are not zero: those of the other at their places must all be.
        none = [densities[1].empty((int(words),)) if words else 1.0 for words in spread.words]
        return 1 - float(np.array(none) @ spread.chances)
    return float(1 - (1 - all_nonzero(densities)) ** steps)


def _point(words: float) -> Spread:
    return Spread(np.array([words]), np.array([1.0]))


def _choices(n: int, k: int) -> float:
    """Logarithm of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

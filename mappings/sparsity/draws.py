"""Distributions of whole numbers, and the expected largest of several independent draws.

A distribution is its values, rising, and the share of draws up to each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draws", "expected_largest", "hypergeometric", "normal", "some_of"]

Floats = NDArray[np.float64]

_GRID = 2001
"""Points that stand for a continuous distribution."""
_WIDTH = 8.0
"""Standard deviations to either side of the mean that matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """A distribution, and how many independent draws there are of it.

    Attributes:
        values: Rising, shape (values,).
        below: Share of draws up to each value, shape (values,); 1 at the last.
        mean: Their mean.
        count: Draws.
    """

    values: Floats
    below: Floats
    mean: float
    count: int = 1

    def times(self, each: int, count: int) -> Draws:
        """Several draws of something that counts more than one."""
        values, mean = self.values * each, self.mean * each
        return Draws(values=values, below=self.below, mean=mean, count=count)

    def up_to(self, at: Floats) -> Floats:
        """Share of single draws up to some values."""
        place = np.searchsorted(self.values, at, side="right")
        padded: Floats = np.concatenate([np.zeros(1), self.below])
        return padded[place]


def hypergeometric(total: int, marked: int, drawn: int) -> Draws:
    """Marked ones among those drawn from a whole without returning any.

    Args:
        total: How many there are.
        marked: How many of them are marked.
        drawn: How many are drawn.
    """
    low, high = max(0, drawn - (total - marked)), min(drawn, marked)
    found = np.arange(low, high, dtype=np.float64)
    # The ratio of each probability to the one before: no factorial of a whole tensor.
    ratios = (marked - found) * (drawn - found)
    ratios /= (found + 1) * (total - marked - drawn + found + 1)
    return _by_ratios(np.arange(low, high + 1), ratios, drawn * marked / total)


def some_of(groups: int, chance: float) -> Draws:
    """Groups in which something is found, each with the same chance by itself (binomial)."""
    if chance in (0.0, 1.0):
        only = np.full(1, groups * chance)
        return Draws(values=only, below=np.ones(1), mean=float(only[0]))
    found = np.arange(groups, dtype=np.float64)
    ratios = (groups - found) / (found + 1) * (chance / (1 - chance))
    return _by_ratios(np.arange(groups + 1), ratios, groups * chance)


def normal(mean: float, variance: float, largest: float) -> Draws:
    """A normal distribution cut off at 0 and at the largest value there can be."""
    deviation = sqrt(max(0.0, variance))
    if deviation == 0.0:
        return Draws(values=np.full(1, mean), below=np.ones(1), mean=mean)
    low, high = max(0.0, mean - _WIDTH * deviation), min(largest, mean + _WIDTH * deviation)
    values = np.linspace(low, high, _GRID)
    # A value stands for those half a step around it.
    ends = values + (values[1] - values[0]) / 2
    below = np.array([(1 + erf((end - mean) / (deviation * sqrt(2)))) / 2 for end in ends])
    below[-1] = 1.0
    return Draws(values=values, below=below, mean=mean)


def expected_largest(draws: Sequence[Draws]) -> float:
    """Expected largest of independent draws from some distributions."""
    values = np.unique(np.concatenate([one.values for one in draws]))
    all_below = np.ones(len(values))
    for one in draws:
        all_below *= one.up_to(values) ** one.count
    return float(values[0] + (np.diff(values) * (1 - all_below[:-1])).sum())


def _by_ratios(values: NDArray[np.int64], ratios: Floats, mean: float) -> Draws:
    with np.errstate(divide="ignore"):
        logarithms = np.concatenate([np.zeros(1), np.cumsum(np.log(ratios))])
    shares = np.exp(logarithms - logarithms.max())
    below = np.cumsum(shares) / shares.sum()
    below[-1] = 1.0
    return Draws(values=values.astype(np.float64), below=below, mean=mean)

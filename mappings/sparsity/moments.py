"""Mean and variance of the products that are not zero, with words drawn from whole tensors.

A product counts if the words of all tensors are not zero. Two products of one tensor's same word
go together; of two different words, both are there a little less often than each by itself, since
exactly so many are drawn from the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np

from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.tiling import Integers

__all__ = ["Drawn", "moments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Words of a tensor of which some, drawn at random, are not zero."""

    tensor: Tensor
    words: int
    nonzeros: int

    @property
    def density(self) -> float:
        """Chance of one word."""
        return self.nonzeros / self.words

    @property
    def both(self) -> float:
        """Chance of two different words together."""
        if self.words == 1:
            return self.density
        return self.density * max(0, self.nonzeros - 1) / (self.words - 1)


def moments(drawn: Sequence[Drawn], sets: Mapping[str, Integers]) -> tuple[float, float]:
    """Mean and variance of the products of some iterations.

    Args:
        drawn: The tensors.
        sets: Indices of every dimension that any of them depends on; all combinations are done.
    """
    alike = {name: _alike(one) for name, one in sets.items()}
    mean = prod(len(one) for one in sets.values()) * prod(one.density for one in drawn)
    square = 0.0
    for size in range(len(drawn) + 1):
        for same in combinations(drawn, size):
            chance = prod(
                one.density - one.both if one in same else one.both for one in drawn
            )  # fmt: skip
            square += chance * _pairs([one.tensor for one in same], alike)
    return mean, square - mean * mean


def _alike(indices: Integers) -> Integers:
    """Pairs of indices by their distance, from the least to the greatest; 0 in the middle."""
    there = np.zeros(indices[-1] - indices[0] + 1)
    there[indices - indices[0]] = 1
    found: Integers = np.rint(np.correlate(there, there, "full")).astype(np.int64)
    return found


def _pairs(same: Sequence[Tensor], alike: Mapping[str, Integers]) -> float:
    """Ordered pairs of iterations that use the same word of every tensor in ``same``."""
    ranks = [
        {term.dimension: term.coefficient for term in rank} for one in same for rank in one.ranks
    ]
    apart = {name for rank in ranks for name in rank}
    total = float(prod(int(one.sum()) for name, one in alike.items() if name not in apart))
    fixed: set[str] = set()
    while alone := {n for r in ranks for n in r if len(r.keys() - fixed) == 1} - fixed:
        fixed |= alone
    total *= prod(int(alike[name][len(alike[name]) // 2]) for name in fixed)
    left = [{n: c for n, c in rank.items() if n not in fixed} for rank in ranks]
    for names, together in _connected([rank for rank in left if rank]):
        total *= _coinciding(names, together, alike)
    return total


def _connected(
    ranks: Sequence[Mapping[str, int]],
) -> list[tuple[list[str], list[Mapping[str, int]]]]:
    """Ranks that have dimensions in common, with all their dimensions."""
    groups: list[tuple[list[str], list[Mapping[str, int]]]] = []
    for rank in ranks:
        met = [group for group in groups if set(group[0]) & rank.keys()]
        names = dict.fromkeys([*rank, *(name for group in met for name in group[0])])
        groups = [group for group in groups if group not in met]
        groups.append(([*names], [rank, *(one for group in met for one in group[1])]))
    return groups


def _coinciding(
    names: Sequence[str], ranks: Sequence[Mapping[str, int]], alike: Mapping[str, Integers]
) -> float:
    """Pairs at all distances at which no rank differs."""
    shape = tuple(len(alike[name]) for name in names)
    distances = {
        name: np.arange(size).reshape([-1 if at == axis else 1 for at in range(len(names))])
        - size // 2
        for axis, (name, size) in enumerate(zip(names, shape, strict=True))
    }
    stays = np.ones(shape, dtype=np.bool_)
    weight = np.ones(shape)
    for rank in ranks:
        stays &= sum(coefficient * distances[name] for name, coefficient in rank.items()) == 0
    for name in names:
        weight = weight * alike[name][distances[name] + len(alike[name]) // 2]
    return float(weight[stays].sum())

"""What imbalance to expect from densities alone, without any mask.

The words that are not zero are taken to be anywhere in a tensor, all choices of them equally
likely, and those of two tensors to be independent. Then a tile of one tensor has a hypergeometric
number of them, and the slowest PE of a pass is the largest of as many draws as there are different
tiles. Draws of different PEs are taken to be independent: those of one tensor are slightly less
likely to be large together (fewer words are left), which makes this a little too low where few
PEs share all of a tensor; with zeros in two tensors, PEs that share the tile of one are more
alike than that, which makes it too high (by 7 % in the worst of the tests).

Exact up to that with zeros in one tensor whose ranks are plain. Otherwise (windows, two tensors)
the number of products has its exact mean and variance and is taken to be normal. Lanes across the
dimensions of one plain tensor make groups of words, each taken to be empty by itself.

Not modelled: zeros in structure (n of m, blocks, channels of unequal density): see the masks
for those. Queues of limited depth. Lanes across dimensions of windows, or of two tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from stallscope.mappings.case import Case
from stallscope.mappings.sparsity.draws import (
    Draws,
    expected_largest,
    hypergeometric,
    normal,
    some_of,
)
from stallscope.mappings.sparsity.moments import Drawn, moments
from stallscope.mappings.sparsity.passes import PeNest
from stallscope.mappings.sparsity.regions import Shares, shares_of_passes, shares_of_run
from stallscope.mappings.sparsity.tiling import Integers

__all__ = ["Expected", "expected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Expected cycles, by who waits for whom.

    Attributes:
        barrier_cycles: All PEs begin a pass together.
        unlimited_cycles: No PE waits for another.
        ideal_cycles: The work is spread evenly.
    """

    barrier_cycles: float
    unlimited_cycles: float
    ideal_cycles: float


def expected(case: Case, nonzeros: Mapping[str, int]) -> Expected | None:
    """Expect the cycles of an array that skips zeros.

    Args:
        case: The case.
        nonzeros: Words that are not zero, per sparse tensor; those not named have no zeros.

    Returns:
        Expected cycles; None where lanes lie across what they are not modelled for.
    """
    nest = PeNest(case)
    chances = _Chances(_drawn(case, nonzeros), nest)
    if not chances.is_modelled:
        return None
    barrier = sum(
        passes * expected_largest(chances.draws(shares))
        for shares, passes in shares_of_passes(nest)
    )
    run = shares_of_run(nest)
    return Expected(
        barrier_cycles=barrier,
        unlimited_cycles=expected_largest(chances.draws(run)),
        ideal_cycles=chances.total(run) / nest.pes,
    )


def _drawn(case: Case, nonzeros: Mapping[str, int]) -> list[Drawn]:
    """The tensors that rule steps out."""
    sparse = case.architecture.compute.sparse
    found = []
    for name in sparse.skips if sparse is not None else ():
        tensor = case.problem.tensor(name)
        words = tensor.tile_words(case.problem.bounds)
        if nonzeros.get(name, words) < words:
            found.append(Drawn(tensor=tensor, words=words, nonzeros=nonzeros[name]))
    return found


class _Chances:
    """Distribution of the steps that PEs have, given the indices that they work on."""

    def __init__(self, drawn: Sequence[Drawn], nest: PeNest) -> None:
        self._drawn = drawn
        self._nest = nest
        touched = {name for one in drawn for name in one.tensor.dimensions}
        self._touched = [name for name in nest.bounds if name in touched]
        self._free = [name for name in nest.bounds if name not in touched]
        self._lanes = dict.fromkeys(nest.bounds, 1)
        for name, extent, _ in nest.lanes:
            self._lanes[name] *= extent
        self._in_step = prod(self._lanes[name] for name in self._touched)
        self._known: dict[tuple[bytes, ...], Draws] = {}

    @property
    def _is_plain(self) -> bool:
        """Whether every iteration over one tensor's dimensions has a word of its own."""
        if len(self._drawn) > 1:
            return False
        named = [term for one in self._drawn for rank in one.tensor.ranks for term in rank]
        ranks = [rank for one in self._drawn for rank in one.tensor.ranks if rank]
        return len(named) == len(ranks) == len({term.dimension for term in named})

    @property
    def is_modelled(self) -> bool:
        """Whether there is an expectation."""
        return self._is_plain or self._in_step == 1

    def draws(self, shares: Mapping[str, Shares]) -> list[Draws]:
        """What the slowest PE is the largest of: PEs with the same words are one draw."""
        steps, kinds, same = self._steps(shares), self._kinds(shares), self._same()
        alike: dict[int, int] = {}
        for pe in range(self._nest.pes):
            best = alike.setdefault(int(same[pe]), pe)
            if steps[pe] > steps[best]:
                alike[int(same[pe])] = pe
        counted = Counter((tuple(kinds[pe]), int(steps[pe])) for pe in alike.values())
        return [
            self._one(kind, shares).times(each, count) for (kind, each), count in counted.items()
        ]

    def total(self, shares: Mapping[str, Shares]) -> float:
        """Expected steps of all PEs."""
        steps, kinds = self._steps(shares), self._kinds(shares)
        sums: Counter[tuple[int, ...]] = Counter()
        for pe in range(self._nest.pes):
            sums[tuple(kinds[pe])] += int(steps[pe])
        return sum(self._one(kind, shares).mean * count for kind, count in sums.items())

    def _steps(self, shares: Mapping[str, Shares]) -> Integers:
        """Steps of every PE over the dimensions that no tensor with zeros depends on."""
        found = np.ones(self._nest.pes, dtype=np.int64)
        for name in self._free:
            sizes = [self._groups(name, one) for one in shares[name].sets]
            found *= np.array(sizes, dtype=np.int64)[shares[name].which]
        return found

    def _groups(self, name: str, indices: Integers) -> int:
        return len(np.unique(indices // self._lanes[name]))

    def _kinds(self, shares: Mapping[str, Shares]) -> list[list[int]]:
        columns = [shares[name].which for name in self._touched]
        empty = np.zeros((self._nest.pes, 0), dtype=np.int64)
        found: list[list[int]] = (np.stack(columns, axis=1) if columns else empty).tolist()
        return found

    def _same(self) -> Integers:
        """A number per PE, the same for those that work on the same words."""
        offsets = self._nest.offsets()
        zeros = np.zeros(self._nest.pes, dtype=np.int64)
        columns = [zeros, *(offsets.get(name, zeros) for name in self._touched)]
        found: Integers = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1]
        return found.ravel()

    def _one(self, kind: Sequence[int], shares: Mapping[str, Shares]) -> Draws:
        """Steps of one kind of tile, over the dimensions of the tensors with zeros."""
        sets = {name: shares[name].sets[at] for name, at in zip(self._touched, kind, strict=True)}
        key = tuple(one.tobytes() for one in sets.values())
        if key not in self._known:
            self._known[key] = self._made(sets)
        return self._known[key]

    def _made(self, sets: Mapping[str, Integers]) -> Draws:
        iterations = prod(len(one) for one in sets.values())
        if not self._drawn or not iterations:
            return some_of(iterations, 1.0)
        if not self._is_plain:
            mean, variance = moments(self._drawn, sets)
            return normal(mean, variance, iterations)
        (one,) = self._drawn
        if self._in_step == 1:
            return hypergeometric(one.words, one.nonzeros, iterations)
        groups = prod(self._groups(name, indices) for name, indices in sets.items())
        zeros = one.words - one.nonzeros
        empty = prod(max(0, zeros - at) / (one.words - at) for at in range(self._in_step))
        return some_of(groups, 1.0 - empty)

"""The iterations that each PE does in a pass, or in a whole run, dimension by dimension."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from stallscope.mappings.sparsity.passes import PeNest
from stallscope.mappings.sparsity.tiling import Integers

__all__ = ["Shares", "shares_of_passes", "shares_of_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The indices of one dimension that the PEs work on.

    Attributes:
        sets: Different sets of indices, each rising; where they begin does not matter.
        which: Number of every PE's set, shape (PEs,).
    """

    sets: tuple[Integers, ...]
    which: Integers


def shares_of_passes(nest: PeNest) -> Iterator[tuple[Mapping[str, Shares], int]]:
    """Passes that differ in how tiles are clipped, and how many there are of each."""
    patterns = {name: list(_patterns(nest, name)) for name in nest.bounds}
    for choice in product(*patterns.values()):
        shares = {name: one for name, (one, _) in zip(patterns, choice, strict=True)}
        yield shares, prod(count for _, count in choice)


def shares_of_run(nest: PeNest) -> Mapping[str, Shares]:
    """What the PEs work on from the first pass to the last."""
    found = {}
    for name, bound in nest.bounds.items():
        starts, apart = _starts(nest, name), _apart(nest, name)
        offsets, which = np.unique(apart, return_inverse=True)
        each = (starts[:, None] + np.arange(nest.spans[name])).ravel()
        sets = tuple(np.unique(each[each < bound - offset]) for offset in offsets)
        found[name] = Shares(sets=sets, which=which)
    return found


def _patterns(nest: PeNest, name: str) -> Iterator[tuple[Shares, int]]:
    starts, apart, span = _starts(nest, name), _apart(nest, name), nest.spans[name]
    starts = starts[starts < nest.bounds[name]]
    if name not in nest.ragged:
        whole = Shares(sets=(np.arange(span),), which=np.zeros(nest.pes, dtype=np.int64))
        yield whole, len(starts)
        return
    extents = np.clip(nest.bounds[name] - starts[:, None] - apart, 0, span)
    rows, counts = np.unique(extents, axis=0, return_counts=True)
    for row, count in zip(rows, counts, strict=True):
        sizes, which = np.unique(row, return_inverse=True)
        yield Shares(sets=tuple(np.arange(size) for size in sizes), which=which), int(count)


def _starts(nest: PeNest, name: str) -> Integers:
    """First index of every pass at the first PE, over the loops of one dimension."""
    starts = np.zeros(1, dtype=np.int64)
    for loop in nest.passes:
        if loop.dimension == name:
            starts = (starts[:, None] + np.arange(loop.extent) * loop.span).ravel()
    return starts


def _apart(nest: PeNest, name: str) -> Integers:
    """Distance of every PE's first index from that of the first PE."""
    return nest.offsets().get(name, np.zeros(nest.pes, dtype=np.int64))

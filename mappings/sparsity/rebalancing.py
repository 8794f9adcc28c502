"""Dealing the indices of channels to the PEs anew, by how much there is to multiply.

A dimension that stands alone in every rank it occurs in only names channels: its indices may be
renumbered, in all tensors alike, and the layer computes the same up to that numbering. The next
layer takes its channels in the new order.

Greedy: each such dimension by itself, its indices from the one with most effectual
multiply-accumulates to the one with least, each to the tile that has least so far and room left
(longest processing time first, equal counts); between equal tiles the one that is worked on first.
It need not be the best order. Where PEs behind a barrier would take no fewer cycles with it, as
may be with zeros that are spread evenly, the channels stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.case import Case
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.passes import PassWork, PeNest
from stallscope.mappings.sparsity.schedules import together
from stallscope.mappings.sparsity.tiling import Integers
from stallscope.mappings.sparsity.work import EffectualMacs

__all__ = ["channels", "rebalance", "renumbered"]

Masks = Mapping[str, NDArray[np.bool_]]
_Word = TypeVar("_Word", bound=np.generic)


def channels(problem: Problem) -> tuple[str, ...]:
    """Dimensions whose indices only name channels."""
    paired = {
        term.dimension for tensor in problem.tensors for rank in tensor.ranks if len(rank) > 1
        for term in rank
    }  # fmt: skip
    return tuple(name for name in problem.bounds if name not in paired)


def rebalance(case: Case, masks: Masks) -> tuple[dict[str, NDArray[np.bool_]], dict[str, Integers]]:
    """Deal the channels to the PEs anew.

    Args:
        case: The case.
        masks: Per sparse tensor, True where a word is not zero.

    Returns:
        The masks in the new order, and per dimension that was renumbered the old index of every
        new one; the masks as they are and none if that is not better.
    """
    sparse = case.architecture.compute.sparse
    skips = sparse.skips if sparse is not None else ()
    given = {name: masks[name] for name in skips if name in masks and not masks[name].all()}
    problem, nest = case.problem, PeNest(case)
    touched = {name for one in given for name in problem.tensor(one).dimensions}
    order: dict[str, Integers] = {}
    for name in channels(problem):
        if name in touched and nest.spans[name] < problem.bounds[name]:
            dealt = _dealt(_weights(problem, given, name), nest, name)
            if (dealt != np.arange(len(dealt))).any():
                order[name] = dealt
    changed = {one: renumbered(problem.tensor(one), mask, order) for one, mask in masks.items()}
    if order and _barrier(case, changed) >= _barrier(case, masks):
        return dict(masks), {}
    return changed, order


def renumbered(
    tensor: Tensor, words: NDArray[_Word], order: Mapping[str, Integers]
) -> NDArray[_Word]:
    """A tensor, or its mask, with its channels in another order.

    Args:
        tensor: The tensor.
        words: Its words.
        order: Old index of every new one, per dimension that is renumbered.
    """
    for axis, rank in enumerate(tensor.ranks):
        if len(rank) == 1 and rank[0].dimension in order:
            old = order[rank[0].dimension]
            # Words between those that the dimension names stay where they are.
            source = np.arange(words.shape[axis])
            source[np.arange(len(old)) * rank[0].coefficient] = old * rank[0].coefficient
            words = np.take(words, source, axis=axis)
    return words


def _barrier(case: Case, masks: Masks) -> int:
    return together(PassWork(case, masks)).barrier


def _weights(problem: Problem, masks: Masks, dimension: str) -> Integers:
    """Effectual multiply-accumulates of every index of a dimension."""
    each = EffectualMacs(problem, masks, {**problem.bounds, dimension: 1})
    return each.of({dimension: np.arange(problem.bounds[dimension])})


def _dealt(weights: Integers, nest: PeNest, dimension: str) -> Integers:
    """Old index of every new one."""
    span, bound = nest.spans[dimension], len(weights)
    members: dict[int, list[int]] = {tile: [] for tile in _tiles(nest, dimension)}
    heap = [(0, rank, tile) for rank, tile in enumerate(members)]
    heapify(heap)
    for index in np.argsort(-weights, kind="stable"):
        load, rank, tile = heappop(heap)
        members[tile].append(int(index))
        if len(members[tile]) < min(span, bound - tile * span):
            heappush(heap, (load + int(weights[index]), rank, tile))
    return np.array([index for tile in sorted(members) for index in sorted(members[tile])])


def _tiles(nest: PeNest, dimension: str) -> list[int]:
    """Tiles of a dimension in the order in which they are worked on: by pass, then by PE."""
    span, bound = nest.spans[dimension], nest.bounds[dimension]
    starts = np.zeros(1, dtype=np.int64)
    for loop in (*nest.passes, *nest.across):
        if loop.dimension == dimension:
            starts = (starts[:, None] + np.arange(loop.extent) * loop.span).ravel()
    return [int(start) // span for start in starts if start < bound]

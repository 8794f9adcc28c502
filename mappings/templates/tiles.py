"""How a dimension is cut: across the array, and into tiles that buffers hold.

A tile is cut evenly: into n pieces of the same size, the last one smaller. A size that divides
the bound is preferred where one is near, since a layer without remainders is simpler to run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

__all__ = ["Cut", "cuts", "pieces", "spread"]

_COUNTS = tuple(sorted({base << shift for base in (2, 3) for shift in range(40)} | {1}))
"""Numbers of pieces that are tried: each a half or a third more than the one before."""
_NEAR = 1.25
"""A divisor at most so many times the even size stands for it."""
_SEVERAL = (2, 4)
"""Tiles of sums that a tile of main memory spans at least, besides one and all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Tiles of some dimensions: per dimension loops from the array outward.

    Attributes:
        inner: Iterations of the array's extent in the tile that partial sums gather in.
        middle: Such tiles in one that main memory sends.
    """

    inner: tuple[int, ...]
    middle: tuple[int, ...]


@lru_cache(maxsize=4096)
def pieces(whole: int) -> tuple[int, ...]:
    """Sizes to cut a number of iterations into, largest first; the first is all of it.

    Args:
        whole: Iterations, >= 1.
    """
    found = []
    divisors = _divisors(whole)
    for count in _COUNTS:
        even = -(-whole // count)
        near = next(size for size in divisors if size >= even)
        found.append(near if near <= _NEAR * even else even)
        if even == 1:
            break
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def spread(extents: tuple[tuple[int, int | None], ...], limit: int) -> tuple[int, ...]:
    """Extents across one side of the array that need the fewest folds, then the fewest PEs.

    Args:
        extents: Per dimension its bound, and the extent of its tile where that is given: what is
            put across the array divides it.
        limit: PEs of the side.
    """
    if not extents:
        return ()
    choices = [
        tuple(size for size in _sizes(bound, given) if size <= limit) for bound, given in extents
    ]
    best: tuple[tuple[int, ...], tuple[int, ...]] = (
        (limit + math.prod(b for b, _ in extents),),
        (),
    )
    for tried in product(*choices[1:]):
        room = limit // math.prod(tried)
        if not room:
            continue
        sizes = (_even(choices[0], room, extents[0][0]), *tried)
        folds = math.prod(-(-bound // size)
                          for size, (bound, _) in zip(sizes, extents, strict=True))  # fmt: skip
        # Of equals, whole inner dimensions: their words lie side by side.
        rank = (folds, math.prod(sizes), *(-size for size in reversed(sizes)))
        if rank < best[0]:
            best = (rank, sizes)
    return best[1]


def cuts(
    dimensions: tuple[str, ...],
    across: Mapping[str, int],
    bounds: Mapping[str, int],
    given: Mapping[str, int],
    *,
    nests: bool,
) -> tuple[Cut, ...]:
    """Every way to tile some dimensions together that is tried.

    Inner dimensions are whole before an outer one is more than the array's extent.

    Args:
        dimensions: The dimensions, outermost first.
        across: Extent of each across the array; 1 if it is in time alone.
        bounds: Bound of each.
        given: Extents of tiles that main memory sends, where they are given.
        nests: Whether these may be larger than the tiles that partial sums gather in.
    """
    sizes = tuple((across.get(name, 1), bounds[name], given.get(name)) for name in dimensions)
    return _cuts(sizes, nests)


@lru_cache(maxsize=4096)
def _cuts(sizes: tuple[tuple[int, int, int | None], ...], nests: bool) -> tuple[Cut, ...]:
    wholes = tuple(-(-(bound if given is None else given) // across)
                   for across, bound, given in sizes)  # fmt: skip
    fixed = tuple(given is not None and given < bound for _, bound, given in sizes)
    options = tuple(
        _fixed_pieces(whole, nests) if is_fixed else pieces(whole)
        for whole, is_fixed in zip(wholes, fixed, strict=True)
    )
    chain = [tuple(tried[0] for tried in options)]
    for at in range(len(options)):
        outer = tuple(tried[-1] for tried in options[:at])
        inner = tuple(tried[0] for tried in options[at + 1 :])
        chain += [(*outer, size, *inner) for size in options[at]]
    found = [
        Cut(inner=inner, middle=middle)
        for inner in dict.fromkeys(chain)
        for middle in _middles(inner, wholes, sizes, fixed, nests)
    ]
    return tuple(dict.fromkeys(found))


def _middles(
    inner: tuple[int, ...],
    wholes: tuple[int, ...],
    sizes: tuple[tuple[int, int, int | None], ...],
    fixed: tuple[bool, ...],
    nests: bool,
) -> list[tuple[int, ...]]:
    """How many tiles of sums a tile of main memory spans: one, some, all of them."""
    most = [-(-whole // size) for whole, size in zip(wholes, inner, strict=True)]
    # A tile whose extent is given is filled; so is one that is told to be all of its dimension.
    full = [is_fixed or given is not None
            for is_fixed, (_, _, given) in zip(fixed, sizes, strict=True)]  # fmt: skip
    least = tuple(count if filled else 1 for count, filled in zip(most, full, strict=True))
    if not nests:
        return [least] if math.prod(least) == 1 else []
    found = [least, tuple(most)]
    for wanted in _SEVERAL:
        counts = list(least)
        for at in reversed(range(len(counts))):
            counts[at] = max(counts[at], min(wanted, most[at]))
            wanted = -(-wanted // counts[at])
        found.append(tuple(counts))
    return found


def _even(sizes: tuple[int, ...], room: int, bound: int) -> int:
    """The smallest extent that needs no more folds than the largest one that fits."""
    fitting = [size for size in sizes if size <= room]
    folds = -(-bound // fitting[0])
    return min(size for size in fitting if -(-bound // size) == folds)


def _sizes(bound: int, given: int | None) -> tuple[int, ...]:
    """Extents that a dimension may have across the array, largest first."""
    if given is not None and given < bound:
        return _divisors(given)[::-1]
    return tuple(sorted(_even_sizes(bound), reverse=True))


@lru_cache(maxsize=4096)
def _even_sizes(whole: int) -> frozenset[int]:
    """All sizes of pieces into which a number can be cut evenly."""
    root = math.isqrt(whole)
    sizes = {-(-whole // count) for count in range(1, root + 1)}
    return frozenset(sizes | set(range(1, min(root + 1, whole) + 1)))


def _fixed_pieces(whole: int, nests: bool) -> tuple[int, ...]:
    return _divisors(whole)[::-1] if nests else (whole,)


@lru_cache(maxsize=4096)
def _divisors(whole: int) -> tuple[int, ...]:
    root = math.isqrt(whole)
    small = [size for size in range(1, root + 1) if whole % size == 0]
    return tuple(dict.fromkeys(small + [whole // size for size in reversed(small)]))

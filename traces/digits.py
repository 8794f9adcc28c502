"""Origins of one dimension as numbers whose digits are the iterations of the loops over it.

A loop's step is a multiple of what the loops inside it span, so that different digits make
different origins, and the outermost loop's digit counts most: as in decimal notation, how many
origins lie below a number follows digit by digit, without listing them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod

from stallscope.traces.nest import NestLoop

__all__ = ["below", "by_dimension", "nth", "offsets", "positions"]


def by_dimension(loops: Iterable[NestLoop]) -> dict[str, list[NestLoop]]:
    """The loops over each dimension, outermost first."""
    found: dict[str, list[NestLoop]] = {}
    for loop in loops:
        found.setdefault(loop.dimension, []).append(loop)
    return found


def offsets(loops: Iterable[NestLoop]) -> list[int]:
    """All origins of one dimension's loops, outermost first, ascending."""
    found = [0]
    for loop in loops:
        found = [at + digit * loop.step for at in found for digit in range(loop.extent)]
    return found


def below(loops: Sequence[NestLoop], limit: int) -> int:
    """How many origins of one dimension's loops, outermost first, lie below ``limit``."""
    if limit <= 0:
        return 0
    inside = prod(loop.extent for loop in loops)
    count, rest = 0, limit - 1
    for loop in loops:
        digit, rest = divmod(rest, loop.step)
        if digit >= loop.extent:
            return count + inside
        inside //= loop.extent
        count += digit * inside
    return count + 1


def nth(loops: Sequence[NestLoop], number: int) -> int:
    """The origin that ``number`` others lie below; there must be as many."""
    origin = 0
    for loop in reversed(loops):
        number, digit = divmod(number, loop.extent)
        origin += digit * loop.step
    return origin


def positions(loops: Iterable[NestLoop], left: Mapping[str, int]) -> int:
    """Positions along one axis at which some instance has work; 1 without loops.

    Args:
        loops: The spatial loops along the axis, outermost first.
        left: Iterations from the first instance's origin to the bound, in dimensions with
            remainders; in the others every instance has work.
    """
    return prod(
        below(own, left[name]) if name in left else prod(loop.extent for loop in own)
        for name, own in by_dimension(loops).items()
    )

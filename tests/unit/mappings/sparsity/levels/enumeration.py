"""All ways to choose the words of a tensor that are not zero, one by one; and a fiber tree."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

import numpy as np


def choices(shape: tuple[int, ...], nonzero: int) -> Iterator[np.ndarray]:
    words = prod(shape)
    for chosen in combinations(range(words), nonzero):
        mask = np.zeros(words, dtype=bool)
        mask[list(chosen)] = True
        yield mask.reshape(shape)


def encoded_bits(mask: np.ndarray, kinds: tuple[str, ...], bits: tuple[int, ...]) -> int:
    """Metadata of a tree with a rank per axis; only fibers that are not empty exist.

    Run lengths: a pair that only carries on takes a zero word of 8 bits, too.
    """
    if not mask.any():
        return 0
    filled = [bool(part.any()) for part in mask]
    total = 0
    if kinds[0] == "uop":
        total += (len(filled) + 1) * bits[0]
    elif kinds[0] == "cp":
        total += sum(filled) * bits[0]
    elif kinds[0] == "b":
        total += len(filled)
    elif kinds[0] == "rle":
        run = 0
        for one in filled:
            if one:
                padding = run // 2 ** bits[0]
                total += bits[0] + padding * (bits[0] + 8)
                run = 0
            else:
                run += 1
    if len(kinds) > 1:
        total += sum(encoded_bits(part, kinds[1:], bits[1:]) for part in mask)
    return total

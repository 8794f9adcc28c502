"""What only a walk over the words of a piece can tell: runs of zeros, and fibers with anything.

Kernels over plain arrays, which allocate nothing; they also run as plain Python. A mask's words
follow each other in row-major order (``flat``), a piece is where it begins and how long it is in
every rank (``lows``, ``sizes``, shape (pieces, ranks)), and ``at`` is room for a place in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["count_nodes", "count_pairs"]

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def count_pairs(
    flat: Flags,
    strides: Integers,
    lows: Integers,
    sizes: Integers,
    longest: int,
    at: Integers,
    pairs: Integers,
) -> None:
    """Count the pairs of a run of zeros and a word, by piece.

    A run longer than ``longest`` takes a pair of its longest run and a word that is zero; zeros
    after the last word that is not zero take none.
    """
    ranks = strides.size
    for piece in range(lows.shape[0]):
        start = 0
        for rank in range(ranks):
            start += lows[piece, rank] * strides[rank]
            at[rank] = 0
        run = 0
        outer = 0
        while outer >= 0:
            for word in range(start, start + sizes[piece, ranks - 1]):
                if flat[word]:
                    pairs[piece] += run // (longest + 1) + 1
                    run = 0
                else:
                    run += 1
            outer = ranks - 2
            while outer >= 0:  # to the next line of the piece
                at[outer] += 1
                start += strides[outer]
                if at[outer] < sizes[piece, outer]:
                    break
                start -= strides[outer] * sizes[piece, outer]
                at[outer] = 0
                outer -= 1


def count_nodes(
    flat: Flags,
    strides: Integers,
    lows: Integers,
    sizes: Integers,
    at: Integers,
    nodes: Integers,
) -> None:
    """Count the nodes of the tree of coordinates, by piece and rank.

    A node of a rank is a coordinate in it, and those in the ranks outside it, at which there is
    any word that is not zero.
    """
    ranks = strides.size
    for piece in range(lows.shape[0]):
        start = 0
        for rank in range(ranks):
            start += lows[piece, rank] * strides[rank]
            at[rank] = 0
        new = 0  # outermost rank whose coordinate moved since the last word that is not zero
        outer = 0
        while outer >= 0:
            for word in range(start, start + sizes[piece, ranks - 1]):
                if flat[word]:
                    for rank in range(new, ranks):
                        nodes[piece, rank] += 1
                    new = ranks - 1
            outer = ranks - 2
            while outer >= 0:  # to the next line of the piece
                at[outer] += 1
                start += strides[outer]
                if at[outer] < sizes[piece, outer]:
                    break
                start -= strides[outer] * sizes[piece, outer]
                at[outer] = 0
                outer -= 1
            new = min(new, max(outer, 0))

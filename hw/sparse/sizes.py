"""Words of compressed pieces, looked up: a box of a tensor is compressed once, however often it
is moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.sparsity.hardware import TensorFormat
from stallscope.mappings.sparsity.sizes import PieceSizes

__all__ = ["StoredWords"]

_Ints = NDArray[np.int64]

_MOST_PLACES = 1 << 25
"""Words of a tensor above which boxes are not remembered by their first word."""

_SPARSE = 16
"""Words of a tensor per new box from which on sorting the boxes is quicker."""


@dataclass(slots=True)
class _Known:
    """What is known of boxes of one shape, by the number of their first word in the tensor."""

    is_known: NDArray[np.bool_]
    data: NDArray[np.int32]
    metadata: NDArray[np.int32]


class StoredWords:
    """Words that boxes of a tensor take in one format.

    Args:
        mask: Which words of the tensor are not zero.
        form: The format; None: as they are.
        word_bits: Bits of a word where they are stored.
    """

    def __init__(
        self, mask: NDArray[np.bool_], form: TensorFormat | None, word_bits: int
    ) -> None:  # fmt: skip
        self._sizes = PieceSizes(mask, form, word_bits)
        self._shape = mask.shape
        self._known: dict[tuple[int, ...], _Known] = {}

    @staticmethod
    def _new(flat: _Ints, known: _Known) -> _Ints:
        """Places that are not known yet, each once."""
        new = flat[~known.is_known[flat]]
        if len(new) * _SPARSE < len(known.is_known):
            return np.unique(new)
        # Sorting many is slower than marking them.
        wanted = np.zeros(len(known.is_known), dtype=np.bool_)
        wanted[new] = True
        return np.flatnonzero(wanted)

    def of(self, lows: _Ints, shape: tuple[int, ...]) -> tuple[_Ints, _Ints]:
        """Words of data and of metadata of boxes of one shape.

        Args:
            lows: First word per rank, shape (boxes, ranks).
            shape: Words per rank.
        """
        places = int(np.prod(self._shape, dtype=np.int64))
        size = np.array(shape, dtype=np.int64)
        if places > _MOST_PLACES or not len(self._shape):
            return self._sizes.of(lows, size)
        if shape not in self._known:
            self._known[shape] = _Known(
                np.zeros(places, np.bool_), np.zeros(places, np.int32), np.zeros(places, np.int32)
            )
        known = self._known[shape]
        flat = np.zeros(len(lows), dtype=np.int64)
        for rank, words in enumerate(self._shape):
            flat = flat * words + lows[:, rank]
        new = self._new(flat, known)
        if len(new):
            origins = np.stack(np.unravel_index(new, self._shape), axis=1).astype(np.int64)
            known.data[new], known.metadata[new] = self._sizes.of(origins, size)
            known.is_known[new] = True
        return known.data[flat].astype(np.int64), known.metadata[flat].astype(np.int64)

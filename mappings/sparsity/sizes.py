"""Words that pieces of a tensor take in a format: those that are not zero, and metadata.

A piece is a box of the tensor, a tile or the part of one that is new; it is compressed by itself,
its words in row-major order. Its data words are those that are not zero, its metadata everything
else, rounded up to whole words. With V words of which n are not zero, and s words in a rank, the
metadata of a piece in bits are

* bitmask: V.
* coordinate: n times the sum over the ranks of log2(s), each rounded up.
* csr: s + 1 pointers of log2(V + 1) bits for the outermost rank, and n coordinates of log2(V / s).
* csc: the same with the innermost rank.
* csf: per rank of more than one word, a coordinate of log2(s) per node, and a pointer per node of
  the rank outside it and one more, each of log2(1 + the most nodes there could be).
* run_length: whole packs of ``pack_bits``, less the words that are not zero (`TensorFormat`).

That is enough to write the piece down again, for who knows its shape and how many words came; it
takes no more than that to find a piece's end. A piece without words takes nothing.

Not modelled: descriptors and headers of a piece; words that are shorter for being small.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stallscope.mappings.sparsity.compiled import compiled
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.walking import count_nodes, count_pairs

__all__ = ["BoxCounts", "PieceSizes"]

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class BoxCounts:
    """Counts the words that are not zero in boxes, by a table of sums.

    Args:
        mask: Boolean array, True where a word is not zero.
    """

    def __init__(self, mask: Flags) -> None:
        kind = np.int32 if mask.size < 2**31 else np.int64
        sums: NDArray[np.signedinteger] = np.zeros([size + 1 for size in mask.shape], dtype=kind)
        inside = sums[(slice(1, None),) * mask.ndim]
        inside[...] = mask
        for rank in range(mask.ndim):
            np.cumsum(inside, axis=rank, out=inside)
        self._sums = sums.reshape(-1)
        self._strides = [stride // sums.itemsize for stride in sums.strides]

    def of(self, lows: Integers, highs: Integers) -> Integers:
        """Count the words in boxes.

        Args:
            lows: First word per rank, shape (boxes, ranks).
            highs: One past the last, likewise; all within the tensor.

        Returns:
            Words that are not zero, shape (boxes,).
        """
        counts = np.zeros(len(lows), dtype=np.int64)
        for corner in itertools.product((0, 1), repeat=lows.shape[1]):
            at = np.zeros(len(lows), dtype=np.int64)
            for rank, is_high in enumerate(corner):
                at += (highs if is_high else lows)[:, rank] * self._strides[rank]
            found = self._sums[at].astype(np.int64)
            if (len(corner) - sum(corner)) % 2:
                counts -= found
            else:
                counts += found
        return counts


class PieceSizes:
    """Sizes of pieces of one tensor in one format.

    Args:
        mask: Boolean array of the tensor's shape, True where a word is not zero.
        form: The format; None is uncompressed.
        word_bits: Bits of a word where it is stored.
    """

    def __init__(self, mask: Flags, form: TensorFormat | None, word_bits: int) -> None:
        self._mask = mask if mask.ndim else mask.reshape(1)  # a scalar is one word of one rank
        self._form = form
        self._word_bits = word_bits
        self._is_plain = form is None or form.format is Format.UNCOMPRESSED
        self._counts = None if self._is_plain else BoxCounts(self._mask)

    def of(self, origins: ArrayLike, shapes: ArrayLike) -> tuple[Integers, Integers]:
        """Sizes of pieces.

        Args:
            origins: First word per rank, shape (pieces, ranks).
            shapes: Words per rank, shape (pieces, ranks) or (ranks,) for all of them. What lies
                outside the tensor is no part of a piece.

        Returns:
            Data words and metadata words, each of shape (pieces,).
        """
        lows, sizes = self._clipped(np.asarray(origins, np.int64), np.asarray(shapes, np.int64))
        volumes = sizes.prod(axis=1)
        if self._counts is None or self._form is None:
            return volumes, np.zeros_like(volumes)
        words = self._counts.of(lows, lows + sizes)
        if not self._form.metadata:
            return words, np.zeros_like(words)
        bits = self._bits(self._form, lows, sizes, volumes, words)
        metadata = np.where(volumes > 0, -(-bits // self._word_bits), 0)
        return words, metadata

    def _clipped(self, origins: Integers, shapes: Integers) -> tuple[Integers, Integers]:
        """Where the pieces begin within the tensor, and how long they are there."""
        ends = np.array(self._mask.shape)
        if origins.shape[1] == 0:
            origins, shapes = np.zeros((len(origins), 1), np.int64), np.ones(1, np.int64)
        lows = np.clip(origins, 0, ends)
        highs = np.clip(origins + shapes, 0, ends)
        return lows, np.maximum(highs - lows, 0)

    def _bits(
        self,
        form: TensorFormat,
        lows: Integers,
        sizes: Integers,
        volumes: Integers,
        words: Integers,
    ) -> Integers:
        """Bits of metadata, shape (pieces,)."""
        match form.format:
            case Format.UNCOMPRESSED:
                return np.zeros_like(volumes)
            case Format.BITMASK:
                return volumes
            case Format.COORDINATE:
                each: Integers = _bits_for(sizes).sum(axis=1)
                return words * each
            case Format.CSR:
                return _compressed_rank(sizes[:, 0], volumes, words)
            case Format.CSC:
                return _compressed_rank(sizes[:, -1], volumes, words)
            case Format.CSF:
                return self._tree(lows, sizes)
            case Format.RUN_LENGTH:
                return self._runs(form, lows, sizes) - words * self._word_bits
        assert_never(form.format)

    def _runs(self, form: TensorFormat, lows: Integers, sizes: Integers) -> Integers:
        """Bits of all packs, shape (pieces,): whole words, but for pairs packed without gaps."""
        pairs: Integers = np.zeros(len(lows), dtype=np.int64)
        longest = 2**form.run_bits - 1
        self._walk(count_pairs, lows, sizes, longest, counted=pairs)
        pair_bits = form.run_bits + self._word_bits
        if form.pack_bits is None:
            return pairs * pair_bits
        packs: Integers = -(-pairs // (form.pack_bits // pair_bits))
        return packs * form.pack_bits

    def _tree(self, lows: Integers, sizes: Integers) -> Integers:
        """Bits of a tree of coordinates, shape (pieces,)."""
        nodes = np.zeros(sizes.shape, dtype=np.int64)
        self._walk(count_nodes, lows, sizes, counted=nodes)
        most = sizes.cumprod(axis=1)
        outside = np.ones_like(nodes)
        outside[:, 1:] = nodes[:, :-1]  # a rank of one word has as many nodes as the one outside it
        bits = nodes * _bits_for(sizes) + (outside + 1) * _bits_for(most + 1)
        summed: Integers = np.where(sizes > 1, bits, 0).sum(axis=1)
        return summed

    def _walk(
        self,
        kernel: Callable[..., None],
        lows: Integers,
        sizes: Integers,
        *figures: int,
        counted: Integers,
    ) -> None:
        """Walk over the words of the pieces that have any; what is counted starts at 0."""
        flat = np.ascontiguousarray(self._mask)
        strides = np.array(flat.strides, dtype=np.int64)  # an element is a byte
        some = sizes.all(axis=1)
        found = np.zeros_like(counted[some])
        at = np.zeros(strides.size, dtype=np.int64)
        compiled(kernel)(
            flat.reshape(-1), strides, lows[some], sizes[some], *figures, at, found
        )  # fmt: skip
        counted[some] = found


def _compressed_rank(rows: Integers, volumes: Integers, words: Integers) -> Integers:
    """Bits of pointers to rows and of coordinates within them, shape (pieces,)."""
    return (rows + 1) * _bits_for(volumes + 1) + words * _bits_for(volumes // np.maximum(rows, 1))


def _bits_for(choices: Integers) -> Integers:
    """Bits that tell so many things apart: the binary logarithm, rounded up; none for none."""
    return np.frexp(np.maximum(choices - 1, 0).astype(np.float64))[1].astype(np.int64)

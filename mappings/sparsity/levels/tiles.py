"""Metadata of whole tiles in the formats that machines are described with, on average.

The sizes are those of `stallscope.mappings.sparsity.sizes`, which counts them on given zeros; here
they are means. Exact for words that lie anywhere with equal chance, whole words included, but for
run lengths and trees: the last pack, or word, of each tile counts as far as it is filled.
"""

from __future__ import annotations

from math import prod
from typing import assert_never

import numpy as np

from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.levels.densities import Density
from stallscope.mappings.sparsity.levels.fibers import padding_pairs

__all__ = ["tile_metadata_words"]


def tile_metadata_words(
    form: TensorFormat, shape: tuple[int, ...], density: Density, word_bits: int
) -> float:
    """Words of a tile's metadata on average.

    Args:
        form: The format.
        shape: Words of the tile per rank.
        density: Which of its words are not zero.
        word_bits: Bits of a word.
    """
    if not form.metadata:
        return 0.0
    words = prod(shape)
    match form.format:
        case Format.UNCOMPRESSED:
            return 0.0
        case Format.BITMASK:
            return -(-words // word_bits)
        case Format.COORDINATE:
            return _whole(0, sum(_bits_for(size) for size in shape), shape, density, word_bits)
        case Format.CSR | Format.CSC:
            rows = shape[0] if form.format is Format.CSR else shape[-1]
            pointers = (rows + 1) * _bits_for(words + 1)
            return _whole(pointers, _bits_for(words // rows), shape, density, word_bits)
        case Format.CSF:
            return _tree_bits(shape, density) / word_bits
        case Format.RUN_LENGTH:
            return _run_bits(form, shape, density, word_bits) / word_bits
    assert_never(form.format)


def _whole(
    fixed: int, each: int, shape: tuple[int, ...], density: Density, word_bits: int
) -> float:
    """Mean of whole words of so many bits, and so many more per word that is not zero."""
    spread = density.spread(shape)
    needed = np.ceil((fixed + each * spread.words) / word_bits)
    return float(needed @ spread.chances)


def _tree_bits(shape: tuple[int, ...], density: Density) -> float:
    """Per rank of more than one word: coordinates of its nodes, pointers of the nodes outside."""
    bits, outside, most = 0.0, 1.0, 1
    for rank, size in enumerate(shape):
        most *= size
        below = (*(1 for _ in shape[: rank + 1]), *shape[rank + 1 :])
        nodes = most * (1 - density.empty(below))
        if size > 1:
            bits += nodes * _bits_for(size) + (outside + 1) * _bits_for(most + 1)
        outside = nodes
    return bits


def _run_bits(
    form: TensorFormat, shape: tuple[int, ...], density: Density, word_bits: int
) -> float:
    """Bits of all pairs with their share of the packs, less the words that are not zero."""
    pair_bits: float = form.run_bits + word_bits
    if form.pack_bits is not None:
        pair_bits = form.pack_bits / (form.pack_bits // (form.run_bits + word_bits))
    nonzero = density.mean(shape)
    one = (1,) * len(shape)
    pairs = nonzero + padding_pairs(density, one, prod(shape), form.run_bits)
    return pairs * pair_bits - nonzero * word_bits


def _bits_for(choices: int) -> int:
    """Bits that tell so many things apart; none for none."""
    return max(choices - 1, 0).bit_length()

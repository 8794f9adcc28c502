"""Words that tiles take where they are stored in a format, for tiles without a zero.

None is larger: what has zeros takes fewer words in every format, metadata included. So what the
template finds room for fits whatever the zeros are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.templates.pads.table import Integers, ceil_div

__all__ = ["stored_words"]


def stored_words(form: TensorFormat, shapes: Sequence[Integers], word_bits: int) -> Integers:
    """Data and metadata words of tiles that have no zero (`stallscope.mappings.sparsity.sizes`).

    Args:
        form: The format.
        shapes: Words along each rank, each of shape (rows,).
        word_bits: Bits of a word of the level.

    Returns:
        Shape (rows,).
    """
    sizes = np.stack(list(shapes))
    volumes: Integers = np.prod(sizes, axis=0)
    if not form.metadata:
        return volumes
    bits = _bits(form, sizes, volumes, word_bits)
    return volumes + ceil_div(bits, np.array(word_bits, dtype=np.int64))


def _bits(form: TensorFormat, sizes: Integers, volumes: Integers, word_bits: int) -> Integers:
    """Bits of metadata, shape (rows,)."""
    match form.format:
        case Format.UNCOMPRESSED:
            return np.zeros_like(volumes)
        case Format.BITMASK:
            return volumes
        case Format.COORDINATE:
            each: Integers = _bits_for(sizes).sum(axis=0)
            return volumes * each
        case Format.CSR:
            return _compressed_rank(sizes[0], volumes)
        case Format.CSC:
            return _compressed_rank(sizes[-1], volumes)
        case Format.CSF:
            nodes = np.cumprod(sizes, axis=0)
            outside = np.vstack([np.ones_like(nodes[:1]), nodes[:-1]])
            tree = nodes * _bits_for(sizes) + (outside + 1) * _bits_for(nodes + 1)
            summed: Integers = np.where(sizes > 1, tree, 0).sum(axis=0)
            return summed
        case Format.RUN_LENGTH:
            pair = form.run_bits + word_bits
            if form.pack_bits is None:
                return volumes * form.run_bits
            packs = ceil_div(volumes, np.array(form.pack_bits // pair, dtype=np.int64))
            return packs * form.pack_bits - volumes * word_bits
    assert_never(form.format)


def _compressed_rank(rows: Integers, volumes: Integers) -> Integers:
    return (rows + 1) * _bits_for(volumes + 1) + volumes * _bits_for(volumes // rows)


def _bits_for(choices: Integers) -> Integers:
    """Bits that tell so many things apart."""
    return np.frexp(np.maximum(choices - 1, 0).astype(np.float64))[1].astype(np.int64)

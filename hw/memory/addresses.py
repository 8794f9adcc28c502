"""Which bursts of main memory a step of a stream reads or writes.

A step's boxes become **segments**, runs of consecutive words; a segment touches every burst it
overlaps, and a burst that two neighbouring segments share is moved once. A step moves in
**chunks**: the memory says of a whole chunk that it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from stallscope.traces.program import MoverStream, Record, TensorLayout

__all__ = ["Addresses", "in_chunks", "segments"]

_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Segments of a step, cut where chunks end; words relative to the step's origin.

    Attributes:
        start: First word of each piece.
        words: Words of each piece.
        chunk: Chunk of each piece.
        segments: Segments before they were cut.
    """

    start: _Numbers
    words: _Numbers
    chunk: _Numbers
    segments: int


class Addresses:
    """The addresses of one stream below main memory.

    Args:
        stream: The stream.
        layout: Where its tensor lives; its base is not used.
        base_bits: Bit of main memory at which the tensor begins.
        word_bits: Bits of a word.
        burst_bits: Bits of a burst.
        chunk_words: Words of a chunk.

    Attributes:
        steps: Bits that the origin moves per iteration of each loop.
        segments: Per record, segments of one step.
        chunks: Per record, chunks of one step.
        none: No bursts.
        kinds: Per record, the number of its first chunk among those of all records; then that of a
            step that moves nothing.
    """

    def __init__(
        self, stream: MoverStream, layout: TensorLayout, base_bits: int, word_bits: int,
        burst_bits: int, chunk_words: int,
    ) -> None:  # fmt: skip
        self._base = base_bits
        self._word_bits = word_bits
        self._burst_bits = burst_bits
        self.steps = tuple(loop.address_words * word_bits for loop in stream.loops)
        self._pieces = [_cut(record, layout.strides, chunk_words) for record in stream.records]
        self.segments = tuple(pieces.segments for pieces in self._pieces)
        self.chunks = tuple(
            len(in_chunks(record.busiest_parent, chunk_words)) for record in stream.records
        )
        self.none: _Numbers = np.zeros(0, dtype=np.int64)
        self.kinds = tuple(accumulate(self.chunks, initial=0))
        self._known: dict[tuple[int, int], tuple[_Numbers, ...]] = {}

    def origin(self, index: Sequence[int]) -> int:
        """Bit at which the tile of the step at ``index`` begins."""
        origin = self._base
        for at, step in zip(index, self.steps, strict=True):
            origin += at * step
        return origin

    def kind(self, record: int, chunk: int) -> int:
        """Number of a chunk among those of all records."""
        return self.kinds[record] + chunk

    def bursts(self, record: int, origin: int) -> list[_Numbers]:
        """Bursts of every chunk of a step, in the order in which they are asked for.

        Args:
            record: Number of the step's record.
            origin: Bit at which its tile begins.

        Returns:
            Per chunk the numbers of its bursts, counted from address 0; a burst that the chunk
            before has moved already is left out.
        """
        first, within = divmod(origin, self._burst_bits)
        key = (record, within)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._expand(self._pieces[record], self.chunks[record],
                                                    within)  # fmt: skip
        return [chunk + first for chunk in known]

    def _expand(self, pieces: _Pieces, chunks: int, within: int) -> tuple[_Numbers, ...]:
        low = (within + pieces.start * self._word_bits) // self._burst_bits
        high = (within + (pieces.start + pieces.words) * self._word_bits - 1) // self._burst_bits
        counts = high - low + 1
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        numbers = np.arange(total) - np.repeat(ends - counts, counts) + np.repeat(low, counts)
        chunk = np.repeat(pieces.chunk, counts)
        is_new = np.ones(total, dtype=np.bool_)
        is_new[1:] = numbers[1:] != numbers[:-1]
        numbers, chunk = numbers[is_new], chunk[is_new]
        return tuple(numbers[chunk == number] for number in range(chunks))


def in_chunks(words: int, chunk_words: int) -> tuple[int, ...]:
    """Words of the chunks of a transfer; one chunk of none if it has no words."""
    return tuple(min(chunk_words, words - at) for at in range(0, max(words, 1), chunk_words))


def segments(record: Record, strides: Sequence[int]) -> tuple[_Numbers, _Numbers]:
    """First word, relative to the step's origin, and words of every segment of a step.

    Boxes are taken in their order, the words of one by address; runs that touch are one.

    Args:
        record: A record of a stream below main memory.
        strides: Words from one coordinate of each rank to the next.
    """
    starts: list[_Numbers] = []
    words: list[_Numbers] = []
    ranks = sorted(range(len(strides)), key=lambda rank: (-strides[rank], rank))
    for box in record.supply:
        run = 1
        outer = list(ranks)
        if outer and strides[outer[-1]] == 1:
            run = box[outer.pop()][1]
        at = np.array([sum(low * by for (low, _), by in zip(box, strides, strict=True))])
        for rank in outer:
            at = (at[:, None] + np.arange(box[rank][1]) * strides[rank]).ravel()
        starts.append(at)
        words.append(np.full(len(at), run))
    return _joined(_all(starts), _all(words))


def _all(parts: list[_Numbers]) -> _Numbers:
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)


def _joined(start: _Numbers, words: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Runs of which each begins where the one before ends, made one."""
    if not len(start):
        return start, words
    is_first = np.ones(len(start), dtype=np.bool_)
    is_first[1:] = start[1:] != start[:-1] + words[:-1]
    return start[is_first], np.add.reduceat(words, np.flatnonzero(is_first))


def _cut(record: Record, strides: Sequence[int], chunk_words: int) -> _Pieces:
    """The segments of a record, cut where chunks end."""
    start, words = segments(record, strides)
    ends = np.cumsum(words)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.union1d(ends, np.arange(chunk_words, total, chunk_words))
    before = np.concatenate(([0], cuts[:-1])) if len(cuts) else cuts
    whole = np.searchsorted(ends, before, side="right")
    return _Pieces(
        start=start[whole] + before - (ends - words)[whole] if total else start,
        words=cuts - before,
        chunk=before // chunk_words,
        segments=len(start),
    )

"""Banks that are interleaved by address: how many accesses of each a transfer needs.

An access reads or writes a whole block of ``access_words`` words that begins at a multiple of
them: a run of words that begins or ends inside a block uses a part of that access. Blocks lie in
bank after bank, ``interleave_words`` words in each before the next.

Not modelled: in which order the accesses of a transfer come (only how many each bank gets), and a
buffer of the last block that outlives a transfer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interleaving", "Runs", "accesses"]

_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interleaving:
    """How addresses are spread over banks.

    Attributes:
        banks: Banks.
        interleave_words: Consecutive words in one bank; a multiple of ``access_words``.
        access_words: Words of one access.
    """

    banks: int
    interleave_words: int = 1
    access_words: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The words that a transfer moves at one memory, as runs of consecutive addresses.

    In one pass over the memory every word comes once, by address; a word that is moved k times
    takes part in k passes. What one access brings serves one pass.

    Attributes:
        start: First word of every run, by pass, then by address; shape (runs,).
        words: Words of every run, at least 1; runs of a pass do not touch.
        number: Pass of every run.
    """

    start: _Numbers
    words: _Numbers
    number: _Numbers

    @property
    def total(self) -> int:
        """Words of all runs."""
        return int(self.words.sum())

    @staticmethod
    def single(words: int) -> Runs:
        """One run from address 0; none if there are no words."""
        count = 1 if words else 0
        return Runs(
            start=np.zeros(count, dtype=np.int64),
            words=np.full(count, words, dtype=np.int64),
            number=np.zeros(count, dtype=np.int64),
        )

    @staticmethod
    def of(start: _Numbers, words: _Numbers) -> Runs:
        """Any runs, in any order, overlapping or not.

        Args:
            start: First word of every run, >= 0.
            words: Words of every run, >= 0.
        """
        edges, which = np.unique(np.concatenate((start, start + words)), return_inverse=True)
        steps = np.zeros(len(edges), dtype=np.int64)
        np.add.at(steps, which[: len(start)], 1)
        np.subtract.at(steps, which[len(start) :], 1)
        # How often each word from an edge to the next is moved.
        times = np.cumsum(steps)
        starts, lengths, numbers = [], [], []
        for number in range(int(times.max(initial=0))):
            change = np.diff((times > number).astype(np.int64), prepend=0)
            first, last = edges[change > 0], edges[change < 0]
            starts.append(first)
            lengths.append(last - first)
            numbers.append(np.full(len(first), number))
        return Runs(start=_joined(starts), words=_joined(lengths), number=_joined(numbers))


def accesses(runs: Runs, spread: Interleaving) -> _Numbers:
    """Accesses that each bank gets.

    Args:
        runs: Words of one transfer.
        spread: Banks and blocks.

    Returns:
        Shape (banks,). A block that two runs of a pass touch is accessed once. With accesses of
        one word these are the words in each bank.
    """
    low = runs.start // spread.access_words
    end = (runs.start + runs.words - 1) // spread.access_words + 1
    # Only the run before can have touched a run's first block already.
    is_same = runs.number[1:] == runs.number[:-1]
    low[1:] = np.where(is_same, np.maximum(low[1:], end[:-1]), low[1:])
    blocks = spread.interleave_words // spread.access_words
    return _up_to(end, blocks, spread.banks) - _up_to(low, blocks, spread.banks)


def _up_to(ends: _Numbers, blocks: int, banks: int) -> _Numbers:
    """Blocks before each of ``ends`` per bank, summed; ``blocks`` in one bank before the next."""
    rounds, left = np.divmod(ends, blocks * banks)
    bank, part = np.divmod(left, blocks)
    whole = np.zeros(banks, dtype=np.int64)
    ending = np.zeros(banks, dtype=np.int64)
    np.add.at(whole, bank, 1)
    np.add.at(ending, bank, part)
    # Banks before the one in which an end lies have a whole share of its round.
    beyond = len(ends) - np.cumsum(whole)
    return (int(rounds.sum()) + beyond) * blocks + ending


def _joined(parts: list[_Numbers]) -> _Numbers:
    return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)

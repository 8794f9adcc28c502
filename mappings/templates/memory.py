"""Cycles of main memory for the words it sends: at its widths, or in bursts and rows of a device.

A tile is made of runs of words that lie side by side (tensors are stored densely, ranks in the
problem's order). A device moves whole bursts and opens rows, so short runs cost more than their
words: a run that begins anywhere in a burst touches (length - 1) / burst + 1 of them on average,
and runs close to each other share bursts. A channel opens a row at most every tFAW / 4.

Not modelled: what streams do to each other's rows, turnarounds, the controller's queues.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.movement import Integers
from stallscope.mappings.templates.stores import Width

__all__ = ["Cycles", "Device", "Memory", "Plain", "Tile", "blocks_touched"]

Cycles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Tiles of a tensor that main memory sends.

    Attributes:
        tensor: The tensor.
        lengths: Words of the tile per rank; arrays over the blockings.
        shape: Words of the tensor per rank.
        words: Words of the tile.
    """

    tensor: Tensor
    lengths: Sequence[Integers]
    shape: Sequence[int]
    words: Integers


class Memory(Protocol):
    """What main memory takes.

    Contract: pure functions of the words; arrays that broadcast over the blockings.
    """

    def cycles(self, words: Mapping[str, Integers]) -> Cycles:
        """Cycles of a whole run, words by tensor."""
        ...

    def tile_cycles(self, tensor: str, words: Integers) -> Cycles:
        """Cycles of some words of one tensor, as if alone."""
        ...

    def traffic(self, words: Mapping[str, Integers]) -> Cycles:
        """Words that pass the bus in a whole run, those that nobody asked for included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A main memory that is a bandwidth.

    Attributes:
        width: Words per cycle.
        output: The tensor that is written; all others are read.
    """

    width: Width
    output: str

    def cycles(self, words: Mapping[str, Integers]) -> Cycles:
        """See `Memory`."""
        taken = words[self.output]
        total = self.traffic(words)
        busiest = np.maximum((total - taken) / self.width.read, taken / self.width.write)
        return np.maximum(busiest, total / self.width.shared)

    def tile_cycles(self, tensor: str, words: Integers) -> Cycles:
        """See `Memory`."""
        own = self.width.write if tensor == self.output else self.width.read
        return words / min(own, self.width.shared)

    def traffic(self, words: Mapping[str, Integers]) -> Cycles:
        """See `Memory`."""
        total = np.zeros(())
        for count in words.values():
            total = total + count
        return total


@dataclass(frozen=True, kw_only=True)
class Device:
    """A main memory with a device.

    Attributes:
        memory: Device and controller.
        clock_mhz: Clock of the core.
        word_bits: Bits of a word.
        tiles: Tiles by tensor.
    """

    memory: MainMemory
    clock_mhz: float
    word_bits: int
    tiles: Mapping[str, Tile]

    @cached_property
    def _burst_words(self) -> float:
        return self.memory.device.burst_bytes * 8 / self.word_bits

    @cached_property
    def _row_words(self) -> float:
        built = self.memory.device.organisation
        return built.columns * built.bus_width_bits / self.word_bits

    @cached_property
    def _paces(self) -> tuple[float, float]:
        """Cycles of the core per burst and per row, all channels together, refresh included."""
        device, timings = self.memory.device, self.memory.device.timings
        built = device.organisation
        clock = float(self.memory.clock_cycles(self.clock_mhz)) / built.channels
        if self.memory.controller.refresh:
            clock *= timings.tREFI / (timings.tREFI - timings.tRFC)
        banks = built.ranks * built.bank_groups * built.banks_per_group
        burst = max(device.burst_clocks, timings.tCCD_S)
        row = max(timings.tFAW / 4, timings.tRRD_S, (timings.tRAS + timings.tRP) / banks)
        return burst * clock, row * clock

    @cached_property
    def _per_word(self) -> dict[str, tuple[Cycles, Cycles]]:
        """Bursts and rows per word of every tensor."""
        return {
            name: (
                blocks_touched(tile, self._burst_words) / tile.words,
                blocks_touched(tile, self._row_words) / tile.words,
            )
            for name, tile in self.tiles.items()
        }

    def cycles(self, words: Mapping[str, Integers]) -> Cycles:
        """See `Memory`."""
        bursts, rows = np.zeros(()), np.zeros(())
        for name, count in words.items():
            by_burst, by_row = self._per_word[name]
            bursts, rows = bursts + count * by_burst, rows + count * by_row
        return np.maximum(bursts * self._paces[0], rows * self._paces[1])

    def tile_cycles(self, tensor: str, words: Integers) -> Cycles:
        """See `Memory`."""
        by_burst, by_row = self._per_word[tensor]
        each: Cycles = np.maximum(by_burst * self._paces[0], by_row * self._paces[1])
        return each * words

    def traffic(self, words: Mapping[str, Integers]) -> Cycles:
        """See `Memory`."""
        total = np.zeros(())
        for name, count in words.items():
            total = total + count * self._per_word[name][0] * self._burst_words
        return total


def blocks_touched(tile: Tile, block_words: float) -> Cycles:
    """Blocks of main memory that a tile touches: on average over where it begins in one.

    A run that is a whole number of blocks, or a whole suffix of ranks, begins where a block does
    if the steps of the ranks outside are whole numbers of blocks.

    Args:
        tile: The tile.
        block_words: Words of a block: a burst, or a row.
    """
    blocks: Cycles = np.ones(())
    span: Cycles = np.ones(())
    for at in reversed(range(len(tile.lengths))):
        count, whole = tile.lengths[at], prod(tile.shape[at:])
        span = (count - 1) * (whole // tile.shape[at]) + span
        together = (span - 1) / block_words + 1
        if at == 0 or whole % block_words == 0 or prod(tile.shape[:at]) == 1:
            even = (span % block_words == 0) | (span == whole)
            together = np.where(even, np.ceil(span / block_words), together)
        blocks = np.minimum(count * blocks, together.astype(np.float64))
    return blocks

"""Where a layer's tensors are, and what bursts of the tile's memory make of them."""

from __future__ import annotations

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip

__all__ = ["input_map_words", "maps_stay", "memory_bytes", "output_map_words"]


def input_map_words(case: CrossbarCase) -> int:
    """Input words of the layer, padding included."""
    layer = case.layer
    if isinstance(layer, ConvLayer):
        return layer.N * layer.input_rows * layer.input_columns * layer.C
    return layer.batch * layer.M * layer.K


def output_map_words(case: CrossbarCase) -> int:
    """Output words of the layer."""
    layer = case.layer
    if isinstance(layer, ConvLayer):
        return layer.N * layer.P * layer.Q * layer.K
    return layer.batch * layer.M * layer.N


def maps_stay(case: CrossbarCase) -> bool:
    """Whether inputs and results are in the tiles' memories before and after.

    They are where there is no main memory, or where both fit into one tile's memory.
    """
    chip = case.chip
    if chip.main_memory is None or chip.memory.capacity_bytes is None:
        return True
    bits = input_map_words(case) * chip.reading.input_bits
    bits += output_map_words(case) * chip.output_bits
    return bits <= 8 * chip.memory.capacity_bytes


def memory_bytes(chip: CrossbarChip, words: int, runs: int, bits: int) -> int:
    """Bytes that a tile's memory moves for words in runs of equal length: whole bursts."""
    burst = chip.memory.burst_bytes
    each = -(-words // max(1, runs))
    return runs * -(-each * bits // (8 * burst)) * burst

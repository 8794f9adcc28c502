"""A chip of crossbars as a platform of storage levels: capacities and widths for reports.

Main memory and the tile's memory hold words of different widths: their words here are bytes unless
inputs, weights and results have one width. A core's buffers and crossbars count words of what they
hold. `bits_moved` says what a level's ports carried, every word with its own width.

Not modelled: nothing runs on this platform; it is the chip seen from a report.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from stallscope.mappings.architecture import (
    Architecture,
    ComputeLevel,
    LevelKind,
    Network,
    StorageLevel,
)
from stallscope.mappings.case import Platform
from stallscope.mappings.counts import LevelCounts, LevelTensor
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CoreBuffer, CrossbarChip

__all__ = ["MovedBits", "bits_moved", "platform_of"]

_BYTE = 8


def platform_of(case: CrossbarCase) -> Platform:
    """Return the levels of a chip: main (if there is one), memory, buffers, crossbars."""
    chip = case.chip
    shared = _shared_bits(chip)
    levels = [
        StorageLevel(
            name="memory", instances=chip.tiles, word_bits=shared,
            capacity_words=_words(chip.memory.capacity_bytes, shared),
            read_words_per_cycle=_rate(chip.memory.read_bytes_per_cycle, shared),
            write_words_per_cycle=_rate(chip.memory.write_bytes_per_cycle, shared),
            read_latency_cycles=chip.memory.latency_cycles,
            network=Network(words_per_cycle=_rate(chip.htree.root_bytes_per_cycle, shared)),
        ),
        _buffer("input buffer", chip, chip.input_buffer, chip.reading.input_bits),
        _buffer("partial sums", chip, chip.partial_sums, chip.partial_sum_bits),
        StorageLevel(
            name="crossbars", instances=chip.all_cores, mesh_x=chip.cores,
            word_bits=chip.crossbar.weight_bits,
            capacity_words=chip.crossbar.per_core * chip.crossbar.rows * chip.crossbar.columns,
        ),
    ]  # fmt: skip
    if chip.main_memory is not None:
        main = StorageLevel(
            name="main", kind=LevelKind.DRAM, word_bits=shared,
            shared_words_per_cycle=_rate(chip.main_memory.bandwidth_bytes_per_cycle, shared),
            read_latency_cycles=chip.main_memory.latency_cycles,
        )  # fmt: skip
        levels.insert(0, main)
    return Platform(
        name=case.name,
        architecture=Architecture(
            name=chip.name, clock_mhz=chip.clock_mhz, levels=tuple(levels),
            # Levels need names of their own; reports call both "crossbars".
            compute=ComputeLevel(name="multiplies", instances=chip.all_cores, mesh_x=chip.cores),
        ),
        energy=case.energy,
        assumptions=case.assumptions,
        files=case.files,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedBits:
    """Bits that passed the ports of a level, all used instances together."""

    read: int
    written: int


def bits_moved(case: CrossbarCase, level: LevelCounts, results: int) -> MovedBits:
    """Return what passed a level's ports, every word with its own width.

    Args:
        case: The widths.
        level: Accesses of the level.
        results: Words of the output that left as results; others leave as partial sums.
    """
    chip = case.chip
    bits = {"Inputs": chip.reading.input_bits, "Weights": chip.crossbar.weight_bits,
            "Outputs": chip.partial_sum_bits}  # fmt: skip
    read = sum(tensor.reads * bits[name] for name, tensor in level.tensors.items())
    written = sum((one.fills + one.updates) * bits[name] for name, one in level.tensors.items())
    outputs = level.tensors.get("Outputs")
    if level.name in ("main", "memory") and outputs is not None:
        narrower = results * (chip.partial_sum_bits - chip.output_bits)
        written -= narrower  # updates: what leaves the cores
        if _passes_on(level, outputs, results):
            read -= narrower
    return MovedBits(read=read, written=written)


def _passes_on(level: LevelCounts, outputs: LevelTensor, results: int) -> bool:
    """Whether results go on from a tile's memory to main memory.

    Everything that leaves a core is read again then: unfinished words as they return, and all on
    their way out.
    """
    returning = outputs.updates - results
    return level.name == "memory" and outputs.reads > returning


def _shared_bits(chip: CrossbarChip) -> int:
    """Width of the words of a memory that holds all tensors."""
    widths = {chip.reading.input_bits, chip.crossbar.weight_bits, chip.output_bits}
    return widths.pop() if len(widths) == 1 else _BYTE


def _buffer(name: str, chip: CrossbarChip, buffer: CoreBuffer, bits: int) -> StorageLevel:
    return StorageLevel(
        name=name, instances=chip.all_cores, mesh_x=chip.cores, word_bits=bits,
        capacity_words=_words(buffer.capacity_bytes, bits),
        read_words_per_cycle=_rate(buffer.read_bytes_per_cycle, bits),
        write_words_per_cycle=_rate(buffer.write_bytes_per_cycle, bits),
    )  # fmt: skip


def _words(size_bytes: int | None, bits: int) -> int | None:
    """Whole words in some bytes; at least one, since a level holds something."""
    return None if size_bytes is None else max(1, size_bytes * _BYTE // bits)


def _rate(bytes_per_cycle: Fraction | None, bits: int) -> Fraction | None:
    return None if bytes_per_cycle is None else bytes_per_cycle * _BYTE / bits

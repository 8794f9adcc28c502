"""The cycles that crossbars, write drivers and every limited port need at least.

Each is what its busiest instance must do, one thing after another without a gap. Tile 0 and its
core 0 hold a block whenever any does, so they compute and are written longest; words differ by
block, so ports are compared.

Not modelled: waiting of any kind, latencies, the first fill and the last drain. Where the pulses
depend on the weights, writing is taken to need no time at all: the least it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, Overlap
from stallscope.mappings.reram.counting import Flows, has_maps_on_chip
from stallscope.mappings.reram.lowering import Load, LoweredLayer
from stallscope.mappings.reram.spread import Ints
from stallscope.mappings.reram.stretches import Stretches, stretches_of
from stallscope.mappings.reram.timing import (
    at_once,
    cycles_of,
    multiply_timing,
    shares_drivers,
    write_ns,
)

__all__ = [
    "Limits", "compute_cycles", "core_write_cycles", "limits_of", "overlapped", "port_bits",
    "port_cycles", "vector_cycles", "write_cycles",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a run, cycles.

    Attributes:
        compute: Multiplies of the busiest core.
        reprogram: Writing that its crossbars, or the drivers of its tile, are busy with.
        together: What the two come to under the chip's overlap.
        ports: Every limited port by name, such as ``memory read bandwidth``.
    """

    compute: int
    reprogram: int
    together: int
    ports: Mapping[str, int]


def limits_of(case: CrossbarCase, flows: Flows) -> Limits:
    """Return the bounds of a run."""
    compute = compute_cycles(case.lowered, case.chip)
    writes = write_cycles(case.lowered, case.chip)
    reprogram = _summed(flows, writes)
    match case.chip.overlap:
        case Overlap.NONE:
            together = compute + reprogram
        case Overlap.PARTIAL:
            # A core's own crossbars compute or are written; the drivers serve all its tile's cores.
            own = _summed(flows, core_write_cycles(case.lowered, case.chip))
            together = max(compute + own, reprogram)
        case Overlap.SHADOW:
            interval = multiply_timing(case.chip).in_cycles(case.chip).interval
            together = ceil(overlapped(stretches_of(case.walk, writes), interval))
    return Limits(
        compute=compute, reprogram=reprogram, together=together, ports=port_cycles(case, flows)
    )


def overlapped(stretches: Stretches, interval: Fraction, kind: Fraction | int = 1) -> Fraction:
    """Time of a run that writes the next weights beside the present ones.

    The first weights are waited for; then every stretch takes as long as its multiplies or as the
    writing of the weights after it, whichever is longer.

    Args:
        stretches: Pixels between updates, whose kind is how long they take, in units of ``kind``.
        interval: Time from one multiply to the next.
        kind: The unit of the stretches' kinds.
    """
    pairs = stretches.between.items()
    beside = sum(count * max(pixels * interval, length * kind) for (pixels, length), count in pairs)
    return (stretches.first or 0) * kind + beside + stretches.tail * interval


def compute_cycles(layer: LoweredLayer, chip: CrossbarChip) -> int:
    """Cycles of the multiplies of the busiest core."""
    interval = multiply_timing(chip).in_cycles(chip).interval
    multiplies = layer.images * layer.pixels * layer.column_steps * len(layer.loads)
    return ceil(multiplies * interval)


def write_cycles(layer: LoweredLayer, chip: CrossbarChip) -> Ints:
    """Cycles that an update keeps the drivers of tile 0 busy.

    Returns:
        Cycles, shape (steps of co, loads); all 0 where they depend on the weights.
    """
    cores = [layer.cores_at_work(step, chip.cores) for step in range(layer.column_steps)]
    # Core by core: what one leaves of the drivers, the next does not take.
    in_turn = chip.overlap is Overlap.PARTIAL and shares_drivers(chip, layer, cores[0])
    rows = {
        count: [_tile_cycles(chip, load, count, in_turn=in_turn) for load in layer.loads]
        for count in dict.fromkeys(cores)
    }
    return np.array([rows[count] for count in cores], dtype=np.int64)


def core_write_cycles(layer: LoweredLayer, chip: CrossbarChip) -> Ints:
    """The same for core 0 alone."""
    cycles = [_rounds(chip, _crossbars(chip, load)) * _each(chip, load) for load in layer.loads]
    return np.array([cycles] * layer.column_steps, dtype=np.int64)


def _summed(flows: Flows, cycles: Ints) -> int:
    return int((flows.updates * cycles).sum())


def _tile_cycles(chip: CrossbarChip, load: Load, cores: int, *, in_turn: bool) -> int:
    """Cycles to write some cores of a tile."""
    own = _crossbars(chip, load)
    rounds = cores * _rounds(chip, own) if in_turn else _rounds(chip, own * cores)
    return rounds * _each(chip, load)


def _crossbars(chip: CrossbarChip, load: Load) -> int:
    """Physical crossbars of one core's load."""
    return len(load.slots) * chip.crossbar.slices


def _rounds(chip: CrossbarChip, crossbars: int) -> int:
    """Times that the drivers write, as many crossbars at a time as they can."""
    drivers = at_once(chip)
    return 1 if drivers is None else -(-crossbars // drivers)


def _each(chip: CrossbarChip, load: Load) -> int:
    """Cycles to write one physical crossbar, the one with most rows."""
    if chip.writing.data_aware:
        return 0
    rows = chip.crossbar.rows if chip.writing.whole_crossbars else max(load.slots)
    return cycles_of(write_ns(chip, rows), chip)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bits:
    """Bits that move, by instance; shape (tiles used) or (cores used)."""

    weights: Ints
    inputs: Ints
    leaving: Ints
    refilled: Ints

    @property
    def down(self) -> Ints:
        return self.weights + self.inputs + self.refilled


def port_cycles(case: CrossbarCase, flows: Flows) -> dict[str, int]:
    """Cycles that the busiest instance of every limited port, or vector unit, needs."""
    needs = {
        f"{name} bandwidth": ceil(Fraction(int(bits.max()), 8) / width)
        for name, width, bits in port_bits(case, flows)
    }
    return needs | vector_cycles(case, flows)


def port_bits(case: CrossbarCase, flows: Flows) -> list[tuple[str, Fraction, Ints]]:
    """Return every limited port: its name, its bytes per cycle, and bits by instance."""
    chip = case.chip
    cores = _core_bits(case, flows)
    by_tile = {
        name: flows.spread.by_tile(getattr(cores, name), chip.cores)
        for name in ("weights", "leaving", "refilled")
    }
    # What several cores of a tile need is read once.
    inputs = flows.inputs @ flows.spread.bundles * chip.reading.input_bits
    tiles = _Bits(inputs=inputs, **by_tile)
    needs = _memory_needs(case, tiles) + _buffer_needs(case, flows, cores)
    needs += [
        ("h-tree root down", chip.htree.root_bytes_per_cycle, tiles.down),
        ("h-tree root up", chip.htree.root_bytes_per_cycle, tiles.leaving),
        ("h-tree branch down", chip.htree.branch_bytes_per_cycle, cores.down),
        ("h-tree branch up", chip.htree.branch_bytes_per_cycle, cores.leaving),
    ]
    return [(name, width, bits) for name, width, bits in needs if width is not None]


_Need = tuple[str, Fraction | None, Ints]
"""A port, its bytes per cycle, and the bits that every instance moves."""


def _core_bits(case: CrossbarCase, flows: Flows) -> _Bits:
    chip, spread = case.chip, flows.spread
    results = flows.pixels * spread.columns.sum(axis=0)
    unfinished = results * (flows.passes - 1) * chip.partial_sum_bits
    return _Bits(
        weights=flows.weights @ spread.columns * chip.crossbar.weight_bits,
        inputs=flows.inputs @ spread.has_block * chip.reading.input_bits,
        leaving=results * chip.output_bits + unfinished,
        refilled=unfinished,
    )


def _memory_needs(case: CrossbarCase, tiles: _Bits) -> list[_Need]:
    """Main memory, and both ports of a tile's memory."""
    chip, passing = case.chip, 0 if has_maps_on_chip(case) else 1
    maps = passing * (tiles.inputs + tiles.refilled)
    reads = tiles.down + passing * tiles.leaving
    writes = maps + tiles.leaving
    needs: list[_Need] = []
    if chip.main_memory is not None:
        writes = writes + tiles.weights
        outside = (maps + tiles.weights + passing * tiles.leaving).sum(keepdims=True)
        needs.append(("main", chip.main_memory.bandwidth_bytes_per_cycle, outside))
    return [
        *needs,
        ("memory read", chip.memory.read_bytes_per_cycle, reads),
        ("memory write", chip.memory.write_bytes_per_cycle, writes),
    ]


def _buffer_needs(case: CrossbarCase, flows: Flows, cores: _Bits) -> list[_Need]:
    """The ports of a core's buffers; results are read from theirs as they leave."""
    chip, layer = case.chip, case.lowered
    multiplies = flows.pixels * flows.spread.has_block.sum(axis=0)
    read = multiplies * sum(load.rows for load in layer.loads) * chip.reading.input_bits
    sums = flows.pixels * flows.spread.columns.sum(axis=0) * chip.partial_sum_bits
    loads = len(layer.loads)
    inputs, partial = chip.input_buffer, chip.partial_sums
    return [
        ("input buffer read", inputs.read_bytes_per_cycle, read),
        ("input buffer write", inputs.write_bytes_per_cycle, cores.inputs),
        ("partial sums read", partial.read_bytes_per_cycle, sums * (loads - 1) + cores.leaving),
        ("partial sums write", partial.write_bytes_per_cycle, sums * loads + cores.refilled),
    ]


def vector_cycles(case: CrossbarCase, flows: Flows) -> dict[str, int]:
    """Return the cycles of the additions and activations of the busiest core."""
    vector = case.chip.vector
    results = flows.pixels * int(flows.spread.columns.sum(axis=0).max())
    slots = sum(len(load.slots) for load in case.lowered.loads)
    needs = (
        ("vector adds", vector.adds_per_cycle, results * (slots - 1)),
        ("vector activations", vector.activations_per_cycle, results),
    )
    return {name: ceil(count / rate) for name, rate, count in needs if rate is not None}

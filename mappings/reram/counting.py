"""What a run on crossbars does, in closed form: actions, accesses and words.

Not modelled: which cells change their level (``data_aware``): pulses are then left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stallscope.mappings.counts import (
    ComputeCounts,
    Counts,
    LevelCounts,
    LevelTensor,
    NetworkCounts,
    NetworkTensor,
)
from stallscope.mappings.layers import ConvLayer, Shape
from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.lowering import Load, LoweredLayer
from stallscope.mappings.reram.schedule import Axis, InputForm
from stallscope.mappings.reram.spread import Ints, Spread, spread_of
from stallscope.mappings.reram.timing import multiply_timing
from stallscope.mappings.reram.updates import Visits, input_visits, leaf_sizes, weight_visits
from stallscope.mappings.reram.walk import ScheduleWalk, walk_of

__all__ = [
    "Flows", "activity_from", "activity_of", "counts_from", "counts_of", "flows_of",
    "has_maps_on_chip", "input_map_words", "inputs_at_once_words", "output_passes", "weight_rows",
]  # fmt: skip


def input_map_words(layer: Shape) -> int:
    """Words of a layer's inputs as they are stored: all images, all channels, padding."""
    if isinstance(layer, ConvLayer):
        return layer.N * layer.C * layer.input_rows * layer.input_columns
    return layer.batch * layer.M * layer.K


def has_maps_on_chip(case: CrossbarCase) -> bool:
    """Whether inputs and results stay in the tile's memory, or pass it from and to main memory."""
    capacity = case.chip.memory.capacity_bytes
    if case.chip.main_memory is None or capacity is None:
        return True
    bits = input_map_words(case.layer) * case.chip.reading.input_bits
    bits += _results(case.lowered) * case.chip.output_bits
    return bits <= 8 * capacity


def output_passes(walk: ScheduleWalk) -> int:
    """Times that an output tile leaves a core: once, or once per part of its sum."""
    steps = [loop.step for loop in walk.loops[: walk.outputs] if loop.axis is Axis.KO]
    return -(-walk.bounds[Axis.KO] // steps[-1]) if steps else 1


def inputs_at_once_words(case: CrossbarCase) -> int:
    """Words that an input buffer holds at most: the largest window, or one pixel's inputs."""
    layer, tile = case.lowered, case.walk.tile
    if not case.walk.by_window:
        return max(load.rows for load in layer.loads)
    return max(layer.window_words(load, tile[Axis.H], tile[Axis.W]) for load in layer.loads)


def weight_rows(layer: LoweredLayer, load: Load) -> int:
    """Weights of a load per column of a block."""
    if layer.bundle > 1:
        return layer.group_channels * (load.kernel[1] - load.kernel[0])
    return load.rows


@dataclass(frozen=True, kw_only=True)
class Flows:
    """How often every piece moves, and what that comes to.

    Attributes:
        spread: Where blocks lie.
        updates: Times that weights are written, shape (steps of co, loads).
        weights: Words written per column of a block, by step of co.
        visits: Times that inputs are brought, as ``input_visits`` says.
        inputs: Words of a bundle brought, by step of co.
        passes: Times that an output tile leaves.
        pixels: Output pixels of all images.
    """

    spread: Spread
    updates: Visits
    weights: Ints
    visits: Visits
    inputs: Ints
    passes: int
    pixels: int


def flows_of(case: CrossbarCase) -> Flows:
    """Return what moves in a run."""
    layer, walk = case.lowered, case.walk
    updates = weight_visits(walk)
    rows = np.array([weight_rows(layer, load) for load in layer.loads], dtype=np.int64)
    words = layer.window_words if walk.by_window else _pixel_words
    visits = _input_visits(layer, walk)
    return Flows(
        spread=spread_of(layer, case.chip),
        updates=updates,
        weights=updates @ rows,
        visits=visits,
        inputs=_brought(layer, walk, visits, words),
        passes=output_passes(walk),
        pixels=layer.images * layer.pixels,
    )


def activity_of(case: CrossbarCase) -> Activity:
    """Return the actions of a run; pulses are None where they depend on the weights."""
    return activity_from(case, flows_of(case))


def activity_from(case: CrossbarCase, flows: Flows) -> Activity:
    """Return the same for what is known to move."""
    layer, chip = case.lowered, case.chip
    slots = np.array([len(load.slots) for load in layer.loads], dtype=np.int64)
    rows = np.array([load.rows for load in layer.loads], dtype=np.int64)
    cores = flows.spread.has_block.sum(axis=1)
    columns = flows.spread.columns.sum(axis=1)
    slices, steps = chip.crossbar.slices, multiply_timing(chip).steps
    written, cells = flows.updates @ rows, flows.updates @ rows * columns
    if chip.writing.whole_crossbars:
        written = flows.updates @ slots * chip.crossbar.rows
        cells = written * cores * chip.crossbar.columns
    count, width = len(layer.blocks), sum(layer.blocks)
    pixels, loads = flows.pixels, len(layer.loads)
    per_cell = chip.writing.iterations * chip.writing.passes
    return Activity(
        updates=int(flows.updates.sum()),
        core_loads=int(flows.updates.sum(axis=1) @ cores),
        crossbar_loads=int(flows.updates @ slots @ cores),
        rows_written=slices * int(written @ cores),
        cells_written=slices * int(cells.sum()),
        pulses=None if chip.writing.data_aware else slices * int(cells.sum()) * per_cell,
        multiplies=pixels * count * loads,
        rows_driven=pixels * count * int(rows.sum()) * steps,
        cells_read=pixels * width * int(rows.sum()) * slices * steps,
        conversions=pixels * width * int(slots.sum()) * slices * steps,
        adds=pixels * width * (int(slots.sum()) - 1),
        activations=pixels * width,
        window_runs=_window_runs(case, flows),
        pixel_runs=_pixel_runs(case, flows),
    )


def counts_of(case: CrossbarCase) -> Counts:
    """Return the accesses of every level and the words of the network, without energies."""
    return counts_from(case, flows_of(case))


def counts_from(case: CrossbarCase, flows: Flows) -> Counts:
    """Return the same for what is known to move."""
    layer, chip, spread = case.lowered, case.chip, flows.spread
    weights = int(flows.weights @ spread.columns.sum(axis=1))
    inputs = int(flows.inputs @ spread.bundles.sum(axis=1))
    delivered = int(flows.inputs @ spread.has_block.sum(axis=1))
    leaving, refilled = _results(layer) * flows.passes, _results(layer) * (flows.passes - 1)
    fanout = min(chip.cores, layer.used_cores)
    network = NetworkCounts(
        name="memory <==> cores",
        tensors={
            "Inputs": NetworkTensor(
                words_in=inputs, deliveries=delivered, fanout=fanout, multicast=_multicast(flows)
            ),
            "Weights": NetworkTensor(
                words_in=weights, deliveries=weights, fanout=fanout, multicast={1: weights}
            ),
            "Outputs": NetworkTensor(
                words_in=leaving + refilled, deliveries=refilled, fanout=fanout,
                multicast={1: leaving + refilled},
            ),
        },
    )  # fmt: skip
    moved = _Moved(inputs, delivered, weights, leaving, refilled)
    levels = (*_memories(case, moved), *_core_levels(case, flows, moved))
    compute = ComputeCounts(
        name="crossbars", instances=chip.all_cores, used_instances=layer.used_cores,
        computes=case.layer.macs,
    )  # fmt: skip
    return Counts(levels=levels, networks=(network,), compute=compute)


@dataclass(frozen=True, slots=True)
class _Moved:
    """Words that moved, totals."""

    inputs: int
    delivered: int
    weights: int
    leaving: int
    refilled: int


def _memories(case: CrossbarCase, moved: _Moved) -> list[LevelCounts]:
    """Main memory, if there is one, and the tiles' memory."""
    chip, layer = case.chip, case.lowered
    stays, has_main = has_maps_on_chip(case), chip.main_memory is not None
    maps = {"Inputs": input_map_words(case.layer), "Outputs": _results(layer)}
    held = maps if stays else dict.fromkeys(maps, 0)
    # What passes is written first: inputs as often as they are read, partial sums when they return.
    passing = 0 if stays else 1
    tensors = {
        "Inputs": _tensor(held["Inputs"], reads=moved.inputs, fills=passing * moved.inputs),
        "Weights": _tensor(
            0 if has_main else case.layer.weights,
            reads=moved.weights, fills=moved.weights if has_main else 0,
        ),
        "Outputs": _tensor(
            held["Outputs"], reads=moved.refilled + passing * moved.leaving,
            fills=passing * moved.refilled, updates=moved.leaving,
        ),
    }  # fmt: skip
    tiles = -(-layer.used_cores // chip.cores)
    levels = [
        LevelCounts(name="memory", instances=chip.tiles, used_instances=tiles, tensors=tensors)
    ]
    if has_main:
        outside = {"Weights": _tensor(case.layer.weights, reads=moved.weights)}
        if not stays:
            outside = {
                "Inputs": _tensor(maps["Inputs"], reads=moved.inputs),
                **outside,
                "Outputs": _tensor(
                    maps["Outputs"], reads=moved.refilled, updates=moved.leaving
                ),
            }  # fmt: skip
        levels.insert(0, LevelCounts(name="main", instances=1, used_instances=1, tensors=outside))
    return levels


def _core_levels(case: CrossbarCase, flows: Flows, moved: _Moved) -> list[LevelCounts]:
    """The buffers and crossbars of the cores."""
    chip, layer = case.chip, case.lowered
    rows = sum(load.rows for load in layer.loads)
    added = _results(layer) * (len(layer.loads) - 1)
    held = {
        "input buffer": (
            "Inputs",
            _tensor(
                inputs_at_once_words(case),
                reads=flows.pixels * len(layer.blocks) * rows, fills=moved.delivered,
            ),
        ),
        "partial sums": (
            "Outputs",
            _tensor(
                case.walk.tile_pixels * max(layer.blocks),
                reads=added + moved.leaving, fills=moved.refilled,
                updates=_results(layer) * len(layer.loads), temporal_reductions=added,
            ),
        ),
        "crossbars": (
            "Weights",
            _tensor(
                max(layer.blocks) * max(weight_rows(layer, load) for load in layer.loads),
                fills=moved.weights,
            ),
        ),
    }  # fmt: skip
    return [
        LevelCounts(
            name=name, instances=chip.all_cores, used_instances=layer.used_cores,
            tensors={tensor: accesses},
        )
        for name, (tensor, accesses) in held.items()
    ]  # fmt: skip


def _tensor(
    held: int, *, reads: int = 0, fills: int = 0, updates: int = 0, temporal_reductions: int = 0
) -> LevelTensor:
    return LevelTensor(
        tile_words=held, peak_words=held, reads=reads, fills=fills, updates=updates,
        temporal_reductions=temporal_reductions,
    )  # fmt: skip


def _results(layer: LoweredLayer) -> int:
    """Words of all outputs."""
    return layer.images * layer.pixels * sum(layer.blocks)


def _multicast(flows: Flows) -> dict[int, int]:
    """Words of inputs by the number of cores that each reaches."""
    words: dict[int, int] = {}
    for brought, reach in zip(flows.inputs, flows.spread.reach, strict=True):
        for cores, bundles in reach.items():
            words[cores] = words.get(cores, 0) + int(brought) * bundles
    return {cores: words[cores] for cores in sorted(words) if words[cores]}


_Measure = Callable[[Load, int, int], int]


def _pixel_words(load: Load, rows: int, columns: int) -> int:
    return load.rows


def _input_visits(layer: LoweredLayer, walk: ScheduleWalk) -> Visits:
    return input_visits(walk, by_bundle=len(set(layer.owners)) > 1)


def _brought(layer: LoweredLayer, walk: ScheduleWalk, visits: Visits, measure: _Measure) -> Ints:
    """A measure of a bundle's inputs, summed over all that are brought, by step of co."""
    rows, columns = leaf_sizes(walk, Axis.H), leaf_sizes(walk, Axis.W)
    sizes = np.array(
        [
            [[measure(load, high, wide) if high and wide else 0 for wide in columns]
             for high in rows]
            for load in layer.loads
        ],
        dtype=np.int64,
    )  # fmt: skip
    brought: Ints = np.tensordot(visits, sizes, axes=3)
    return brought


def _window_runs(case: CrossbarCase, flows: Flows) -> int | None:
    """Transactions of inputs by windows, whatever the schedule's own form and the buffer's room."""
    if any(loop.axis is Axis.P for loop in case.schedule.loops):
        return None
    return _runs(case, flows, InputForm.WINDOW, case.lowered.window_runs)


def _pixel_runs(case: CrossbarCase, flows: Flows) -> int:
    """Transactions of inputs by pixels, likewise."""
    layer = case.lowered
    return _runs(case, flows, InputForm.PIXEL, lambda load, high, wide: layer.pixel_runs(load))


def _runs(case: CrossbarCase, flows: Flows, form: InputForm, measure: _Measure) -> int:
    layer, walk, visits = case.lowered, case.walk, flows.visits
    if walk.by_window != (form is InputForm.WINDOW):
        schedule = case.schedule.model_copy(update={"inputs": form})
        walk = walk_of(schedule, layer, case.chip)
        visits = _input_visits(layer, walk)
    runs = _brought(layer, walk, visits, measure)
    return int(runs @ flows.spread.bundles.sum(axis=1))

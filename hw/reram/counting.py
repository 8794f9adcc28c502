"""Executed counts of a chip: what its units did, as actions, accesses and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from stallscope.hw.reram.core import Core
from stallscope.hw.reram.kinds import NETWORK
from stallscope.hw.reram.loading import InputLoader, Programmer
from stallscope.hw.reram.machine import ChipMachine
from stallscope.hw.reram.results import Store
from stallscope.hw.reram.stepping import Stepping
from stallscope.mappings.counts import (
    ComputeCounts,
    Counts,
    LevelCounts,
    LevelTensor,
    NetworkCounts,
    NetworkTensor,
)
from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.counting import activity_of, input_map_words
from stallscope.mappings.reram.timing import multiply_timing

__all__ = ["count", "executed"]


def executed(machine: ChipMachine) -> Activity:
    """Actions of a machine that has run.

    Transactions of the inputs are counted in the form that they came in; those of the other form
    are what the closed form says of it.
    """
    case, walk = machine.case, machine.program.walk
    other = activity_of(case)
    runs = _sum(machine.loaders, InputLoader.RUNS)
    steps, slices = multiply_timing(case.chip).steps, case.chip.crossbar.slices
    return Activity(
        updates=machine.programmers[0].tally[Programmer.UPDATES],
        core_loads=_sum(machine.programmers, Programmer.CORES),
        crossbar_loads=_sum(machine.programmers, Programmer.CROSSBARS),
        rows_written=_sum(machine.programmers, Programmer.ROWS),
        cells_written=_sum(machine.programmers, Programmer.CELLS),
        pulses=_sum(machine.programmers, Programmer.PULSES),
        multiplies=_sum(machine.cores, Core.MULTIPLIES),
        rows_driven=_sum(machine.cores, Core.ROWS) * steps,
        cells_read=_sum(machine.cores, Core.CELLS) * slices * steps,
        conversions=_sum(machine.cores, Core.COLUMNS) * slices * steps,
        adds=_sum(machine.cores, Core.ADDS),
        activations=_sum(machine.stores, Store.RESULTS),
        window_runs=runs if walk.by_window else other.window_runs,
        pixel_runs=other.pixel_runs if walk.by_window else runs,
    )


def count(machine: ChipMachine) -> Counts:
    """Accesses of every level and words of the network, without energies."""
    case, layer = machine.case, machine.program.layer
    chip, cores = case.chip, machine.cores
    return Counts(
        levels=(*_memories(machine), *_core_levels(machine)),
        networks=(_network(machine),),
        compute=ComputeCounts(
            name="crossbars", instances=chip.all_cores, used_instances=layer.used_cores,
            computes=_sum(cores, Core.MACS),
        ),
    )  # fmt: skip


def _network(machine: ChipMachine) -> NetworkCounts:
    inputs = _sum(machine.loaders, InputLoader.WORDS)
    weights = _sum(machine.programmers, Programmer.WORDS)
    refilled = _sum(machine.refills, 0)
    moved = _leaving(machine) + refilled
    fanout = min(machine.case.chip.cores, machine.program.layer.used_cores)
    reach: Counter[int] = Counter()
    for loader in machine.loaders:
        reach.update(dict(enumerate(loader.tally[InputLoader.REACH :])))
    return NetworkCounts(
        name=NETWORK,
        tensors={
            "Inputs": NetworkTensor(
                words_in=inputs, fanout=fanout,
                deliveries=_sum(machine.loaders, InputLoader.DELIVERED),
                multicast={cores: reach[cores] for cores in sorted(reach) if reach[cores]},
            ),
            "Weights": NetworkTensor(
                words_in=weights, deliveries=weights, fanout=fanout, multicast={1: weights}
            ),
            "Outputs": NetworkTensor(
                words_in=moved, deliveries=refilled, fanout=fanout, multicast={1: moved}
            ),
        },
    )  # fmt: skip


def _memories(machine: ChipMachine) -> list[LevelCounts]:
    """Main memory, if there is one, and the tiles' memory."""
    case, chip = machine.case, machine.case.chip
    has_main, stays = chip.main_memory is not None, machine.binding.stays
    inputs, weights = (_sum(machine.loaders, InputLoader.WORDS),
                       _sum(machine.programmers, Programmer.WORDS))  # fmt: skip
    leaving, refilled = _leaving(machine), _sum(machine.refills, 0)
    maps = (input_map_words(case.layer), _sum(machine.stores, Store.RESULTS))
    held = maps if stays else (0, 0)
    tensors = {
        "Inputs": _tensor(held[0], reads=inputs, fills=0 if stays else inputs),
        "Weights": _tensor(
            0 if has_main else case.layer.weights, reads=weights,
            fills=weights if has_main else 0,
        ),
        "Outputs": _tensor(
            held[1], reads=refilled + (0 if stays else leaving),
            fills=0 if stays else refilled, updates=leaving,
        ),
    }  # fmt: skip
    found = [
        LevelCounts(
            name="memory", instances=chip.tiles, used_instances=machine.binding.places.tiles,
            tensors=tensors,
        )
    ]  # fmt: skip
    if has_main:
        outside = {"Weights": _tensor(case.layer.weights, reads=weights)}
        if not stays:
            outside = {
                "Inputs": _tensor(maps[0], reads=inputs),
                **outside,
                "Outputs": _tensor(maps[1], reads=refilled, updates=leaving),
            }
        found.insert(0, LevelCounts(name="main", instances=1, used_instances=1, tensors=outside))
    return found


def _core_levels(machine: ChipMachine) -> list[LevelCounts]:
    """The buffers and crossbars of the cores."""
    chip, added = machine.case.chip, _sum(machine.cores, Core.ADDED)
    words = chip.reading.input_bits
    inputs = max(site.inputs.peak for site in machine.sites) * 8 // words
    sums = max(site.sums.peak for site in machine.sites) * 8 // chip.partial_sum_bits
    weights = max(unit.largest for unit in machine.programmers)
    held: dict[str, tuple[str, LevelTensor]] = {
        "input buffer": (
            "Inputs",
            _tensor(
                max(loader.largest for loader in machine.loaders), peak=inputs,
                reads=_sum(machine.cores, Core.ROWS),
                fills=_sum(machine.loaders, InputLoader.DELIVERED),
            ),
        ),
        "partial sums": (
            "Outputs",
            _tensor(
                max(store.largest for store in machine.stores), peak=sums,
                reads=added + _leaving(machine), fills=_sum(machine.refills, 0),
                updates=_sum(machine.cores, Core.RESULTS), temporal_reductions=added,
            ),
        ),
        "crossbars": (
            "Weights",
            _tensor(
                weights, peak=weights * max(site.weights.peak for site in machine.sites),
                fills=_sum(machine.programmers, Programmer.WORDS),
            ),
        ),
    }  # fmt: skip
    used = machine.program.layer.used_cores
    return [
        LevelCounts(
            name=name, instances=chip.all_cores, used_instances=used, tensors={tensor: accesses}
        )
        for name, (tensor, accesses) in held.items()
    ]


def _tensor(held: int, *, peak: int | None = None, **accesses: int) -> LevelTensor:
    counts: Mapping[str, int] = accesses
    return LevelTensor(tile_words=held, peak_words=held if peak is None else peak, **counts)


def _leaving(machine: ChipMachine) -> int:
    """Words that left the cores, results and partial sums."""
    return _sum(machine.stores, Store.RESULTS) + _sum(machine.stores, Store.SUMS)


def _sum(units: Sequence[Stepping], number: int) -> int:
    return sum(unit.tally[number] for unit in units)

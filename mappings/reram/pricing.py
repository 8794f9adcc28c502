"""Energy of a run on crossbars: actions and accesses times the figures of the energy table.

Components and actions: every level by its name (read, write, update, leak), ``h-tree`` (byte, at
its root), ``crossbars`` (dac, cell_read, sample_hold, adc, shift_add, pulse, verify, leak) and
``vector`` (add, activation). Writing crossbars is pulses and verifies (one per pulse, where they
take time), not words.

Not modelled: branches of the H-tree apart from its root. Pulses whose number depends on the weights
have no energy in a closed form; they are then among what is missing.
"""

from __future__ import annotations

from dataclasses import replace

from stallscope.mappings.counts import Counts, LevelCounts, LevelTensor, NetworkCounts
from stallscope.mappings.pricing import Book, Priced, priced_level
from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.case import CrossbarCase

__all__ = ["price_crossbars"]

CROSSBARS = "crossbars"


def price_crossbars(
    case: CrossbarCase, counts: Counts, activity: Activity, cycles: int
) -> Priced:  # fmt: skip
    """Price the counts and actions of a run, estimated or simulated.

    Args:
        case: The energy table and the widths of words.
        counts: Accesses and words, totals over used instances.
        activity: Actions of the chip.
        cycles: Cycles of the run, for leakage.

    Returns:
        The same counts with energies, pJ, or without any if there is no table. Energy of multiplies
        is that of the compute level, energy of writing that of the crossbars' weights; additions
        and activations stand in the ledger only.
    """
    if case.energy is None:
        return Priced(counts=counts, ledger=(), energy_pj=None, missing=())
    book = Book(case.energy)
    is_verified = case.chip.writing.verify_ns > 0
    levels = tuple(
        _level(book, level, activity, cycles, is_verified=is_verified) for level in counts.levels
    )
    networks = tuple(_tree(case, book, network, activity) for network in counts.networks)
    computing = _enter(
        book, CROSSBARS, "",
        dac=activity.rows_driven, cell_read=activity.cells_read,
        sample_hold=activity.conversions, adc=activity.conversions,
        shift_add=activity.conversions,
    )  # fmt: skip
    _enter(book, "vector", "Outputs", add=activity.adds, activation=activity.activations)
    return Priced(
        counts=Counts(
            levels=levels, networks=networks, compute=replace(counts.compute, energy_pj=computing)
        ),
        ledger=tuple(book.lines),
        energy_pj=sum(line.pj for line in book.lines),
        missing=tuple(book.missing),
    )


def _level(
    book: Book, level: LevelCounts, activity: Activity, cycles: int, *, is_verified: bool
) -> LevelCounts:
    """Energy of one level's accesses, its leakage and area."""
    tensors = {}
    for name, tensor in level.tensors.items():
        pj = _accesses(book, level.name, name, tensor, activity, is_verified=is_verified)
        tensors[name] = replace(tensor, energy_pj=pj)
    return priced_level(book, level, tensors, cycles)


def _accesses(
    book: Book, level: str, name: str, tensor: LevelTensor, activity: Activity, *,
    is_verified: bool,
) -> float:  # fmt: skip
    if level == CROSSBARS:
        if activity.pulses is None:
            book.missing[f"{CROSSBARS}.pulse"] = None
        pulses = activity.pulses or 0
        verifies = pulses if is_verified else 0
        return _enter(book, level, name, pulse=pulses, verify=verifies)
    return _enter(book, level, name, read=tensor.reads, write=tensor.fills) + book.enter(
        level, "update", name, tensor.updates, instead="write"
    )


def _tree(
    case: CrossbarCase, book: Book, network: NetworkCounts, activity: Activity
) -> NetworkCounts:  # fmt: skip
    """Energy of the bytes that pass an H-tree's root."""
    chip, words = case.chip, {name: one.words_in for name, one in network.tensors.items()}
    # Results leave with the width of an output, all that is unfinished with that of a partial sum.
    partial = words["Outputs"] - activity.activations
    bits = {
        "Inputs": words["Inputs"] * chip.reading.input_bits,
        "Weights": words["Weights"] * chip.crossbar.weight_bits,
        "Outputs": activity.activations * chip.output_bits + partial * chip.partial_sum_bits,
    }
    tensors = {}
    for name, tensor in network.tensors.items():
        each = book.table.energy_pj("h-tree", "byte")
        if each is None and bits[name]:
            book.missing["h-tree.byte"] = None
        energy = 0.0
        if each is not None and bits[name]:
            energy = book.add("h-tree", "byte", name, bits[name] / 8, each)
        tensors[name] = replace(tensor, energy_pj=energy)
    return replace(network, tensors=tensors)


def _enter(book: Book, component: str, tensor: str, **counts: int) -> float:
    """Enter several actions of one component; their energy together."""
    return sum(book.enter(component, action, tensor, count) for action, count in counts.items())

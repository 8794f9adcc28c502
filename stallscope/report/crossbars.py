"""Documents of cases on crossbars: the common keys, and ``reram`` (docs/reram.md).

Levels say beside their counts how wide their words are (``word_bits``): rates of memories that hold
tensors of several widths are in words of that width, every word counted with its own bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from stallscope.hw.result import CrossbarAccount, Result
from stallscope.mappings.analytical import Estimate
from stallscope.mappings.counts import Counts
from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.counting import activity_of, flows_of
from stallscope.mappings.reram.limits import limits_of
from stallscope.mappings.reram.native_writing import schedule_to_plain
from stallscope.mappings.reram.platform import bits_moved, platform_of
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule
from stallscope.mappings.reram.wear import runs_until, wear_of
from stallscope.report.document import Document, estimate_document, result_document
from stallscope.report.outputs import Row

__all__ = [
    "crossbar_columns", "crossbar_document", "crossbar_estimate", "crossbar_totals",
    "schedule_text",
]  # fmt: skip


def crossbar_document(result: Result, case: CrossbarCase) -> Document:
    """Return the document of a simulation.

    Args:
        result: What the simulation found.
        case: The case it ran.
    """
    platform = platform_of(case)
    document = result_document(result, platform)
    _with_rates(document["levels"], result.counts, case, result.cycles)
    _estimated_rates(document, result.analytical, case)
    account = _account(result)
    run = plain_tree(account)
    del run["activity"]  # it stands beside
    facts = _facts(case, account.activity, result.analytical)
    return document | {"reram": facts | {"run": run}}


def crossbar_estimate(estimate: Estimate, case: CrossbarCase) -> Document:
    """Return the document of an estimate: the same keys, without what only runs have."""
    document = estimate_document(estimate, platform_of(case), case.layer.problem())
    _with_rates(document["levels"], estimate.counts, case, estimate.cycles)
    _estimated_rates(document, estimate, case)
    return document | {"reram": _facts(case, activity_of(case), estimate) | {"run": None}}


def _account(result: Result) -> CrossbarAccount:
    """What a chip did; every run on crossbars has it."""
    if result.reram is None:
        raise ValueError(f"{result.name} did not run on crossbars")
    return result.reram


def schedule_text(schedule: CrossbarSchedule) -> str:
    """Return a schedule in a line, as ``strict: co, h 4, ko, snake``."""
    tiles = (Axis.H, Axis.W, Axis.P)
    loops = [loop.axis.value + (f" {loop.step}" if loop.step > 1 or loop.axis in tiles else "")
             for loop in schedule.loops]  # fmt: skip
    turns = ["snake"] if schedule.snake else []
    return f"{schedule.filling.value}: {', '.join([*loops, *turns]) or 'one tile'}"


def plain_tree(value: object) -> Any:  # Any: a JSON tree
    """Return dataclasses, enums and exact ratios as what JSON holds."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain_tree(asdict(value))
    if isinstance(value, Mapping):
        return {str(plain_tree(key)): plain_tree(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_tree(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value


def _facts(case: CrossbarCase, activity: Activity, estimate: Estimate) -> Document:
    """What follows from the case and from what was counted."""
    layer, walk, limits = case.lowered, case.walk, limits_of(case, flows_of(case))
    excess = limits.together - limits.compute
    hidden = 1 - excess / limits.reprogram if limits.reprogram else None
    plain: Document = {"filling": case.schedule.filling.value, "inputs": case.schedule.inputs.value,
             "snake": case.schedule.snake, "loops": []}  # fmt: skip
    return {
        "schedule": plain | schedule_to_plain(case.schedule),
        "shown": schedule_text(case.schedule),
        "filling": {
            "column_blocks": len(layer.blocks), "column_steps": layer.column_steps,
            "loads": len(layer.loads), "cores_used": layer.used_cores,
            "least_updates": layer.column_steps * len(layer.loads),
        },
        "tile": {axis.value: walk.tile[axis] for axis in walk.tile},
        "inputs_by_window": walk.by_window,
        "overlap": case.chip.overlap.value,
        "activity": plain_tree(activity),
        "wear": plain_tree(wear_of(case, activity)),
        "analytical": {
            "compute_cycles": limits.compute, "reprogram_cycles": limits.reprogram,
            "together_cycles": limits.together,
            "reprogram_per_compute": limits.reprogram / limits.compute,
            "hidden_share": hidden,
        },
        "unpriced": list(estimate.missing),
    }  # fmt: skip


def _with_rates(
    levels: Sequence[Document], counts: Counts, case: CrossbarCase, cycles: int
) -> None:
    """Give levels the width of their words, and rates by the bits that moved."""
    architecture = platform_of(case).architecture
    results = _results(case)
    for document, level in zip(levels, counts.levels, strict=True):
        bits = architecture.level(level.name).word_bits
        moved = bits_moved(case, level, results)
        document["word_bits"] = bits
        parts = {"read": moved.read, "write": moved.written, "shared": moved.read + moved.written}
        for port, amount in parts.items():
            words = amount / bits / level.used_instances / cycles if cycles else 0.0
            document[f"{port}_words_per_cycle"]["achieved"] = words


def _estimated_rates(document: Document, estimate: Estimate, case: CrossbarCase) -> None:
    """The same for the levels of the estimate."""
    levels = document["analytical"]["levels"]
    _with_rates(levels, estimate.counts, case, estimate.cycles)


def _results(case: CrossbarCase) -> int:
    """Words of the output."""
    return case.lowered.images * case.lowered.pixels * sum(case.lowered.blocks)


def crossbar_columns(result: Result, case: CrossbarCase) -> Row:
    """Return what a layer's line of ``layers.csv`` has on crossbars only."""
    facts = _facts(case, _account(result).activity, result.analytical)
    analytical, wear = facts["analytical"], facts["wear"]
    return {
        "schedule": facts["shown"],
        "loads": facts["filling"]["loads"],
        "column_steps": facts["filling"]["column_steps"],
        "updates": facts["activity"]["updates"],
        "least_updates": facts["filling"]["least_updates"],
        "cells_written": facts["activity"]["cells_written"],
        "reprogram_analytical_cycles": analytical["reprogram_cycles"],
        "reprogram_per_compute": analytical["reprogram_per_compute"],
        "hidden": _account(result).hidden,
        "writes_of_a_cell": float(wear["writes_max"]),
        "runs_by_writes": wear["runs_by_writes"],
    }


def crossbar_totals(runs: Sequence[tuple[Result, CrossbarCase, int]]) -> Document:
    """Return what a network's total has on crossbars only; nothing without such layers.

    Args:
        runs: Results, their cases, and how often each stands in the network.

    Returns:
        ``utilization`` and ``reram``. A crossbar's wear adds up from layer to layer: all layers
        share the chip, and what is written most is the first cell of core 0 in every one of them.
    """
    if not runs:
        return {}
    facts = [(_facts(case, _account(result).activity, result.analytical), result, times)
             for result, case, times in runs]  # fmt: skip
    cycles = sum(result.cycles * times for _, result, times in facts)
    used = sum(result.utilization * result.cycles * times for _, result, times in facts)
    compute, reprogram = (
        sum(one["analytical"][f"{part}_cycles"] * times for one, _, times in facts)
        for part in ("compute", "reprogram")
    )
    writing, waiting = (
        sum(getattr(_account(result), f"{part}_cycles") * times for _, result, times in facts)
        for part in ("writing", "waiting")
    )
    writes = sum(Fraction(str(one["wear"]["writes_max"])) * times for one, _, times in facts)
    endurance = runs[0][1].chip.writing.endurance_writes
    return {
        "utilization": used / cycles if cycles else 0.0,
        "reram": {
            "updates": sum(one["activity"]["updates"] * times for one, _, times in facts),
            "least_updates": sum(one["filling"]["least_updates"] * t for one, _, t in facts),
            "cells_written": sum(one["activity"]["cells_written"] * t for one, _, t in facts),
            "compute_cycles": compute,
            "reprogram_cycles": reprogram,
            "reprogram_per_compute": reprogram / compute if compute else None,
            "hidden": 1 - waiting / writing if writing else None,
            "writes_of_a_cell": plain_tree(writes),
            "runs_by_writes": runs_until(endurance, writes),
        },
    }

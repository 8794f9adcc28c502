"""Results and estimates as JSON documents (docs/formats.md lists every key).

All counts are words, totals over the used instances; energies pJ, areas square micrometres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import stallscope
from stallscope.hw.result import Result
from stallscope.mappings.analytical import Estimate
from stallscope.mappings.bandwidth import port_widths
from stallscope.mappings.case import Case, InputFile, Platform
from stallscope.mappings.counts import Counts, LevelCounts, NetworkTensor
from stallscope.mappings.pricing import LedgerLine
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.study import estimate_assumptions

__all__ = [
    "SCHEMA_VERSION", "Document", "estimate_document", "inputs_document", "result_document",
]  # fmt: skip

SCHEMA_VERSION = 1
"""Version of the result document, the value of ``schema``."""

Document = dict[str, Any]  # a JSON tree is open


def result_document(result: Result, case: Platform) -> Document:
    """Return the document of a simulation.

    Args:
        result: What the simulation found.
        case: The case it ran, or what it ran on, for the widths of the ports.
    """
    energy, estimate = result.energy_pj, result.estimate
    problem = {"dims": dict(result.dims), "macs": result.macs}
    return _head(case, result.name, problem) | {
        "cycles": result.cycles,
        "seconds_at_clock": result.seconds_at_clock,
        "analytical": None if estimate is None else _analytical(estimate, case),
        "utilization": result.utilization,
        "cycle_stack": dict(result.cycle_stack),
        "pe_stack": dict(result.pe_stack),
        "fill_causes": dict(result.fill_causes),
        "drain_causes": dict(result.drain_causes),
        "levels": _levels(result.counts, case, result.cycles),
        "networks": _networks(result.counts),
        "compute": _compute(result.counts),
        "memory": None if result.memory is None else asdict(result.memory),
        "systolic": None if result.systolic is None else asdict(result.systolic),
        "sparsity": None if result.sparsity is None else asdict(result.sparsity),
        "units": {
            name: {
                "busy": unit.busy,
                "idle": unit.idle,
                "waiting": dict(unit.waiting),
                "charged": dict(unit.charged),
            }
            for name, unit in result.units.items()
        },
        "energy_pj": energy,
        "edp_pj_cycles": None if energy is None else energy * result.cycles,
        "ledger": [_line(line) for line in result.ledger],
        "assumptions": list(result.assumptions),
        "simulation": {
            "cpu_seconds": result.simulation.cpu_seconds,
            "events": result.simulation.events,
            "fast_forwarded_cycles": result.simulation.fast_forwarded_cycles,
            "peak_memory_bytes": result.simulation.peak_memory_bytes,
        },
    }


def estimate_document(
    estimate: Estimate, case: Platform, problem: Problem | None = None
) -> Document:
    """Return the document of an analytical estimate: the same keys, without what only runs have.

    Args:
        estimate: What the analytical model says.
        case: The case, or the platform that it is on.
        problem: What is computed; None: the case says it.
    """
    energy, clock = estimate.energy_pj, case.architecture.clock_mhz
    if problem is None:
        if not isinstance(case, Case):
            raise ValueError("a platform needs a problem beside it")
        problem = case.problem
    shown = {"dims": dict(problem.bounds), "macs": problem.macs}
    return _head(case, case.name, shown) | {
        "cycles": estimate.cycles,
        "seconds_at_clock": estimate.cycles / (clock * 1e6) if clock else None,
        "analytical": _analytical(estimate, case),
        "utilization": estimate.utilization,
        "levels": _levels(estimate.counts, case, estimate.cycles),
        "networks": _networks(estimate.counts),
        "compute": _compute(estimate.counts),
        "energy_pj": energy,
        "edp_pj_cycles": None if energy is None else energy * estimate.cycles,
        "ledger": [_line(line) for line in estimate.ledger],
        "assumptions": [*case.assumptions, *estimate_assumptions(case)],
    }


def inputs_document(files: Sequence[InputFile]) -> Document:
    """Return the names of input files and, in the same order, their digests."""
    return {"files": [file.path for file in files], "sha256": [file.sha256 for file in files]}


def _head(case: Platform, name: str, problem: Document) -> Document:
    rules = case.rules if isinstance(case, Case) else None
    return {
        "schema": SCHEMA_VERSION,
        "stallscope": stallscope.__version__,
        "name": name,
        "accelerator": case.architecture.name,
        "inputs": inputs_document(case.files),
        "rules": None
        if rules is None
        else {
            "reuse": rules.reuse.value,
            "link_transfers": rules.link_transfers,
            "first_read_elision": rules.first_read_elision,
        },
        "problem": problem,
    }


def _analytical(estimate: Estimate, case: Platform) -> Document:
    return {
        "cycles": estimate.cycles,
        "compute_cycles": estimate.compute_cycles,
        "bound_by": estimate.bound_by,
        "energy_pj": estimate.energy_pj,
        "utilization": estimate.utilization,
        "level_cycles": dict(estimate.level_cycles),
        "levels": _levels(estimate.counts, case, estimate.cycles),
        "networks": _networks(estimate.counts),
    }


def _levels(counts: Counts, case: Platform, cycles: int) -> list[Document]:
    documents = []
    for level in counts.levels:
        spec = case.architecture.level(level.name)
        widths = port_widths(case.architecture, spec)
        tensors = level.tensors.values()
        read = sum(tensor.reads for tensor in tensors)
        written = sum(tensor.fills + tensor.updates for tensor in tensors)
        documents.append(
            {
                "name": level.name,
                "instances": level.instances,
                "used_instances": level.used_instances,
                "capacity_words": spec.capacity_words,
                "area_um2": level.area_um2,
                "leakage_pj": level.leakage_pj,
                "tensors": {name: _level_tensor(level, name) for name in level.tensors},
                "read_words_per_cycle": _rate(read, level, cycles, widths["read"]),
                "write_words_per_cycle": _rate(written, level, cycles, widths["write"]),
                "shared_words_per_cycle": _rate(read + written, level, cycles, widths["shared"]),
            }
        )
    return documents


def _level_tensor(level: LevelCounts, name: str) -> Document:
    tensor = level.tensors[name]
    return {
        "tile_words": tensor.tile_words,
        "reads": tensor.reads,
        "fills": tensor.fills,
        "updates": tensor.updates,
        "link_transfers": tensor.link_transfers,
        "temporal_reductions": tensor.temporal_reductions,
        "peak_words": tensor.peak_words,
        "metadata_reads": tensor.metadata_reads,
        "metadata_fills": tensor.metadata_fills,
        "metadata_updates": tensor.metadata_updates,
        "energy_pj": tensor.energy_pj,
    }


def _rate(words: int, level: LevelCounts, cycles: int, peak: Fraction | None) -> Document:
    """Words per cycle of one used instance, on average; null peak: unlimited."""
    achieved = words / (level.used_instances * cycles) if cycles else 0.0
    return {"achieved": achieved, "peak": None if peak is None else float(peak)}


def _networks(counts: Counts) -> list[Document]:
    return [
        {
            "name": network.name,
            "tensors": {name: _network_tensor(tensor) for name, tensor in network.tensors.items()},
        }
        for network in counts.networks
    ]


def _network_tensor(tensor: NetworkTensor) -> Document:
    multicast: Mapping[int, int] = tensor.multicast
    return {
        "words_in": tensor.words_in,
        "deliveries": tensor.deliveries,
        "fanout": tensor.fanout,
        "multicast": {str(reach): multicast[reach] for reach in sorted(multicast)},
        "reductions": tensor.reductions,
        "link_transfers": tensor.link_transfers,
        "hops_total": float(tensor.hops_total),
        "hops_average": tensor.hops_average,
        "metadata_in": tensor.metadata_in,
        "metadata_deliveries": tensor.metadata_deliveries,
        "energy_pj": tensor.energy_pj,
    }


def _compute(counts: Counts) -> Document:
    compute = counts.compute
    return {
        "name": compute.name,
        "instances": compute.instances,
        "used_instances": compute.used_instances,
        "computes": compute.computes,
        "energy_pj": compute.energy_pj,
    }


def _line(line: LedgerLine) -> Document:
    return {
        "component": line.component,
        "action": line.action,
        "tensor": line.tensor,
        "count": line.count,
        "pj_each": line.pj_each,
        "pj": line.pj,
    }

"""The cycles that compute and the bandwidth of every storage level allow at best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stallscope.mappings.architecture import Architecture, StorageLevel
from stallscope.mappings.case import Case, Reuse
from stallscope.mappings.counts import Counts, LevelCounts

__all__ = ["Limit", "bound", "port_widths"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The largest of all bounds, which one it is, and every level's own."""

    cycles: int
    bound_by: str
    level_cycles: Mapping[str, int]


def port_widths(architecture: Architecture, level: StorageLevel) -> dict[str, Fraction | None]:
    """Words per cycle that the ports of one instance of a level move at most.

    Args:
        architecture: The architecture, for its clock.
        level: One of its levels; main memory with a device moves what the device's channels do.

    Returns:
        Widths of ``read``, ``write`` and ``shared`` (both together); None is unlimited.
    """
    shared = level.widths.shared
    if level.memory is not None:
        assert architecture.clock_mhz is not None  # the architecture's own check
        shared = level.memory.peak_bits_per_cycle(architecture.clock_mhz) / level.word_bits
    return {
        "read": level.widths.read,
        "write": level.widths.write,
        "shared": shared,
    }


def bound(case: Case, counts: Counts, compute_cycles: int) -> Limit:
    """Find the slowest of compute and storage levels.

    Each level needs the words per instance over its bandwidth, separately for reads, writes
    (fills and updates) and both. Fixed network latencies are added at the end.

    Args:
        case: The architecture's bandwidths, words per cycle and instance, and the rule: with
            ``timeloop`` the arithmetic is Timeloop's, in binary floating point.
        counts: Totals over used instances.
        compute_cycles: Cycles of the MACs alone.

    Source: reference/timeloop/SEMANTICS.md, section 8.
    """
    cycles, bound_by = compute_cycles, "compute"
    level_cycles: dict[str, int] = {}
    cycles_needed = _timeloop_cycles if case.rules.reuse is Reuse.TIMELOOP else _exact_cycles
    order = [tensor.name for tensor in case.problem.tensors]
    for level, figures in zip(case.architecture.levels, counts.levels, strict=True):
        slowest = compute_cycles
        widths = port_widths(case.architecture, level)
        for port, words in _needs(figures, order).items():
            bandwidth = widths[port]
            if bandwidth is None or not any(words):
                continue
            slowest = max(slowest, cycles_needed(words, bandwidth, compute_cycles))
            if slowest > cycles:
                cycles, bound_by = slowest, f"{level.name} {port} bandwidth"
        level_cycles[level.name] = slowest
    latencies = [level.network for level in case.architecture.levels]
    cycles += sum(n.fill_latency_cycles + n.drain_latency_cycles for n in latencies)
    return Limit(cycles=cycles, bound_by=bound_by, level_cycles=level_cycles)


_Words = list[Fraction]


def _needs(figures: LevelCounts, order: list[str]) -> dict[str, _Words]:
    """Per port the words of each tensor per used instance."""
    used = figures.used_instances
    tensors = [figures.tensors[name] for name in order if name in figures.tensors]
    reads = [Fraction(tensor.reads, used) for tensor in tensors]
    writes = [Fraction(tensor.fills + tensor.updates, used) for tensor in tensors]
    return {"read": reads, "write": writes, "shared": reads + writes}


def _exact_cycles(words: _Words, bandwidth: Fraction, compute_cycles: int) -> int:
    return max(compute_cycles, ceil(sum(words) / bandwidth))


def _timeloop_cycles(words: _Words, bandwidth: Fraction, compute_cycles: int) -> int:
    """Timeloop's way: demand per tensor, slowdown and cycles in doubles, then rounded up."""
    demand = 0.0
    for one in words:
        demand += float(one) / compute_cycles
    return ceil(compute_cycles / min(1.0, float(bandwidth) / demand))

"""Validation of systolic arrays: SCALE-Sim and STONNE, each by its own rules, and RTL by ours.

Every figure of the reference simulators is met in its own convention (`FoldRules`), so that what
differs from ours is known rule by rule. SCALE-Sim reports the index of the last cycle, one less
than their number; its output-stationary ofmap count has rows + columns words a fold too many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from stallscope.hw.result import Result
from stallscope.hw.simulate import simulate
from stallscope.mappings.systolic import Convention
from stallscope.validation.points import Excluded, Limit, Point, Report
from stallscope.validation.systolic_cases import MeshCase, RtlCase, ScaleSimCase, read_cases
from stallscope.validation.systolic_runs import BUFFER, behind_memory, on_array

__all__ = ["LIMITS", "validate_systolic"]

CALC = "scale-sim"
OVERCOUNT = "scale-sim os ofmap, counted rows + columns a fold too high"
SPARSE = "scale-sim N:M sparse"
STALLS = "scale-sim with stalls, our tiles"
ITS_WORDS = "scale-sim with stalls, its words over its bandwidth"
MESH = "stonne os mesh"
NARROW = "stonne os mesh, fewer ports"
RTL = "rtl n x n x n"
OURS = "our convention beside "

LIMITS = {NARROW: Limit(worst_pct=2.0)}
"""Classes judged by an error in percent; the others must be exact, or are reported."""

_RTL_CYCLES = 3.0  # read off a figure, and the RTL's own registers at its edges are not known
_READS = {"ifmap_reads": "Inputs", "filter_reads": "Weights"}


def validate_systolic(cases: str | os.PathLike[str] | None = None) -> Report:
    """Compare with SCALE-Sim's, STONNE's and RTL figures.

    Args:
        cases: A JSON file or a folder of them (see `systolic_cases`); None for the project's own.

    Returns:
        The report. Exact: SCALE-Sim without stalls (cycles, counts, utilisations) and STONNE's
        mesh with all ports; within ``LIMITS``: its mesh with fewer; within 3 cycles: the RTL.
        Reported: SCALE-Sim with stalls, and every case of both in our convention.

    Raises:
        SpecError: If a file is not in the known form.
    """
    read = read_cases(cases)
    points: list[Point] = []
    for layer in read.scalesim:
        points += _stalling(layer) if layer.read_words_per_cycle is not None else _calc(layer)
    for mesh in read.meshes:
        points += _mesh(mesh)
    points += [_rtl(case) for case in read.rtl]
    excluded = tuple(Excluded(case=name, why=why) for name, why in read.left_out)
    kinds = {point.kind for point in points}
    limits = {kind: limit for kind, limit in LIMITS.items() if kind in kinds}
    return Report(validation="systolic", points=tuple(points), excluded=excluded, limits=limits)


def _point(
    name: str, kind: str, metric: str, figures: tuple[float, float, float | None], *,
    tolerance: float = 0.0, is_scored: bool = True,
) -> Point:  # fmt: skip
    reference, simulated, analytical = figures
    return Point(
        case=name, where="", kind=kind, metric=metric, reference=reference, simulated=simulated,
        analytical=analytical, tolerance=tolerance, scored="simulated" if is_scored else "",
    )  # fmt: skip


def _calc(layer: ScaleSimCase) -> Iterator[Point]:
    """One layer that never waits for memory."""
    case = on_array(layer.shape, layer.array, layer.dataflow, Convention.SCALE_SIM)
    result = simulate(case)
    expected, kind = layer.figures, SPARSE if layer.is_sparse else CALC
    found = {"total_cycles": result.cycles - 1} | (
        {} if layer.is_sparse else _counts(layer, result) | _utilization(layer, result)
    )
    analytical = {"total_cycles": result.analytical.cycles}
    for metric, value in found.items():
        is_over = metric == "ofmap_writes" and layer.dataflow == "os"
        figures = (expected[metric], value, analytical.get(metric))
        yield _point(layer.name, OVERCOUNT if is_over else kind, metric, figures)
    if not layer.is_sparse:
        own = simulate(on_array(layer.shape, layer.array, layer.dataflow, Convention.STALLSCOPE))
        figures = (expected["total_cycles"], own.cycles, None)
        yield _point(layer.name, OURS + kind, "total_cycles", figures, is_scored=False)


def _counts(layer: ScaleSimCase, result: Result) -> dict[str, float]:
    """Accesses of the buffer; the ofmap's with what SCALE-Sim counts too much."""
    tensors = next(level for level in result.levels if level.name == BUFFER).tensors
    found: dict[str, float] = {metric: tensors[name].reads for metric, name in _READS.items()}
    found["ofmap_writes"] = tensors["Outputs"].updates
    if layer.dataflow == "os":
        assert result.systolic is not None
        found["ofmap_writes"] += result.systolic.folds * sum(layer.array)
    return found


def _utilization(layer: ScaleSimCase, result: Result) -> dict[str, float]:
    """Its three utilisations, per cent.

    The compute one is over the lines of its request matrices; weight- and input-stationary ones
    have columns - 1 lines a fold more than the fold has cycles.
    """
    assert result.systolic is not None
    array = result.systolic
    lines = result.cycles
    if layer.dataflow != "os":
        lines += array.folds * (array.columns - 1)
    units = array.rows * array.columns
    return {
        "overall_utilization_pct": 100.0 * result.macs / (units * (result.cycles - 1)),
        "mapping_efficiency_pct": 100.0 * array.mapped,
        "compute_utilization_pct": 100.0 * result.macs / (units * lines),
    }


def _mesh(mesh: MeshCase) -> Iterator[Point]:
    widths = (mesh.in_words_per_cycle, mesh.out_words_per_cycle)
    result = simulate(on_array(mesh.shape, mesh.array, "os", Convention.STONNE, widths))
    kind = MESH if mesh.is_full else NARROW
    tensors = next(level for level in result.levels if level.name == BUFFER).tensors
    # Rows are M: STONNE's weights are the M x K operand, its inputs the K x N one.
    found = {
        "cycles": result.cycles,
        "input_reads": tensors["Inputs"].reads,
        "weight_reads": tensors["Weights"].reads,
        "output_writes": tensors["Outputs"].updates,
    }
    for metric, value in found.items():
        analytical = result.analytical.cycles if metric == "cycles" else None
        yield _point(mesh.name, kind, metric, (mesh.figures[metric], value, analytical))
    own = simulate(on_array(mesh.shape, mesh.array, "os", Convention.STALLSCOPE, widths))
    figures = (mesh.figures["cycles"], own.cycles, None)
    yield _point(mesh.name, OURS + kind, "cycles", figures, is_scored=False)


def _rtl(case: RtlCase) -> Point:
    """From the first operand's entry to the last multiplication: the series is without a drain."""
    n = case.n
    result = simulate(on_array((n, n, n), (n, n), "os", Convention.STALLSCOPE))
    assert result.systolic is not None
    figures = (case.cycles, result.systolic.multiplied_until, result.analytical.cycles)
    return _point(f"n={n}", RTL, "compute_cycles", figures, tolerance=_RTL_CYCLES)


def _stalling(layer: ScaleSimCase) -> Iterator[Point]:
    """One layer behind buffers and main memory of limited bandwidth: reported, in three lines.

    Its cycles without stalls are the formula's. Its words of main memory are more than a tile
    needs to be fetched for its use: its prefetcher fetches by the half buffer, and again what has
    left its window. With its own words the longest of array and ports is close to its total. Ours
    is the same machine with our tiles: what it gains is words not fetched twice.
    """
    widths = (layer.read_words_per_cycle or 0, layer.write_words_per_cycle or 0)
    total = layer.figures["total_cycles"]
    array = simulate(on_array(layer.shape, layer.array, layer.dataflow, Convention.SCALE_SIM))
    without = (total - layer.figures["stall_cycles"], array.cycles - 1, None)
    yield _point(layer.name, CALC, "unstalled_cycles", without)
    ports = (layer.dram[0] / widths[0], layer.dram[1] / widths[0], layer.dram[2] / widths[1])
    by_its_words = max(float(array.cycles - 1), *ports)
    yield _point(layer.name, ITS_WORDS, "total_cycles", (total, by_its_words, None),
                 is_scored=False)  # fmt: skip
    case = behind_memory(layer.shape, layer.array, layer.dataflow, layer.sram_kb, widths)
    result = simulate(case)
    figures = (total, result.cycles - 1, result.analytical.cycles)
    yield _point(layer.name, STALLS, "total_cycles", figures, is_scored=False)
    tensors = result.levels[0].tensors
    ours = {"ifmap": tensors["Inputs"].reads, "filter": tensors["Weights"].reads,
            "ofmap": tensors["Outputs"].updates}  # fmt: skip
    for (name, words), theirs in zip(ours.items(), layer.dram, strict=True):
        yield _point(layer.name, f"{STALLS}, words of main memory", f"{name}_words",
                     (theirs, words, None), is_scored=False)  # fmt: skip

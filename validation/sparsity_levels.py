"""Sparsity per level, by expectation, beside Sparseloop's published runs (docs/sparsity_levels.md).

Layer cycles, cycles of each level, multiply-accumulates, words per level and tensor, words per
cycle with metadata. What they depend on is read from the run (levels, bandwidths, mapping, which
tensors are compressed, densities) and from the designs (`sparsity_levels_designs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, prod

from stallscope.mappings.sparsity.levels import (
    Density,
    Design,
    Structured,
    estimate_levels,
)
from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.documents import Json, own_copy
from stallscope.validation.points import Excluded, Limit, Point
from stallscope.validation.sparsity_levels_cases import (
    built,
    gemm_tensors,
    is_compressed,
    of_words,
)
from stallscope.validation.sparsity_levels_designs import (
    dual_side_core,
    format_comparison,
    picks,
    tensor_core,
)
from stallscope.validation.sparsity_levels_eyeriss import (
    UNIFORM,
    dram_points,
    pe_points,
)
from stallscope.validation.sparsity_levels_points import run_points

__all__ = ["LIMITS", "SECTIONS", "levels_points"]

FORMATS = "formats"
CORES = "tensor cores"
MEASURED = "dual-side core, times read off"

SECTIONS = (
    "eyeriss_v2_PE_mobilenet0.5", "format_comparison_spMspM", "tensor_core_case_study",
    "eyeriss_v1_alexnet_dram_compression", "DSTC_gemm_ground_truth",
)  # fmt: skip
"""Parts of a document; any of them makes it one of this kind."""

LIMITS = {
    UNIFORM: Limit(worst_pct=0.001),
}
"""Classes in which a point is not exact, and how far off it may be (docs/sparsity_levels.md)."""

_DIGITS = 5
"""Digits of a density 2 / H in the artifact's problems."""
_TIMES = "A_density_to_B_density_to_cycles_us_units_not_stated"


def levels_points(document: Json | None = None) -> tuple[list[Point], list[Excluded]]:
    """Compare with published figures of sparse designs.

    Args:
        document: Any of `SECTIONS`; None for the project's own copy.

    Returns:
        Points (the closed form is scored; of the Eyeriss v2 PE with given zeros the executed
        steps are; times of the dual-side core and real run lengths are reported only), and the
        cases left out, with reasons.

    Raises:
        SpecError: If a case is not in the known form.
    """
    given = own_copy("sparsity_levels") if document is None else document
    points: list[Point] = []
    excluded: list[Excluded] = []
    try:
        for found in _compared(given):
            if isinstance(found, Point):
                points.append(found)
            else:
                excluded.append(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        rule = f"a case is not in the known form: {error!r}"
        raise SpecError([Fault(place="sparsity", value="", rule=rule)]) from error
    return points, excluded


def _compared(document: Json) -> Iterator[Point | Excluded]:
    pes, formats, cores, runs, measured = (document.get(name) for name in SECTIONS)
    if pes:
        yield from pe_points(pes)
    for case in formats["cases"] if formats else ():
        yield from _format_points(case)
    for case in cores["cases"] if cores else ():
        yield from _core_points(case)
    if runs:
        yield from dram_points(runs)
    if measured:
        yield from _measured_points(measured)


def _format_points(run: Json) -> Iterator[Point]:
    case = built(run, gemm_tensors(), word_bits=8)
    density = Structured(_stated_share(run))
    ours = estimate_levels(
        case, format_comparison(run["format"]), {"A": density, "B": density}, whole_words=True
    )
    name = f"128^3 {run['format']} {run['density']}"
    yield from run_points(run, ours, name, FORMATS)


def _stated_share(run: Json) -> float:
    """Density of a run: as named, or what the words that the outermost level holds say.

    Some problems are written in 256ths (0.1 as 26/256), and named by the rounded figure.
    """
    held = run["levels"]["BackingStorage"]["tensors"]["A"]
    words, filled = held["partition"], held["max_utilised_words"]
    named: float = run["density"]
    return named if ceil(named * words - 1e-6) == filled else filled / words


def _core_points(run: Json) -> Iterator[Point | Excluded]:
    name = (
        f"{run['design']} {run['M']} x {run['K']} x {run['N']}, "
        f"A {run['weight_density']}, B {run['input_density']}"
    )
    case = built(run, gemm_tensors(), word_bits=8)
    shares = {"A": run["weight_density"], "B": run["input_density"]}
    design = _core_design(run, shares)
    if design is None:
        why = f"{run['design']} is none of TC, STC, STC_flexible (dualCompress, RLE), DSTC"
        yield Excluded(case=name, why=why)
        return
    outermost = run["levels"]["DRAM"]["tensors"]
    densities: dict[str, Density] = {
        tensor: of_words(
            outermost[tensor]["density_distribution"],
            share,
            case.problem.tensor(tensor).tile_words(case.problem.bounds),
        )
        for tensor, share in shares.items()
        if is_compressed(run["levels"], tensor)
    }
    ours = estimate_levels(case, design, densities, whole_words=True)
    yield from run_points(run, ours, name, CORES)


def _core_design(run: Json, shares: dict[str, float]) -> Design | None:
    """The design by its name; weights pruned to its structure change their share in place."""
    family = run["design"].split("-")[0]
    if family == "TC":
        return Design(fills_results=True, work_over_use=True)
    if family == "DSTC":
        return dual_side_core(run["levels"])
    if family not in ("STC", "STC_flexible", "STC_flexible_dualCompress"):
        return None
    picked = picks(shares["A"], flexible=family != "STC")
    shares["A"] = int(2 / picked * 10**_DIGITS) / 10**_DIGITS
    rows = prod(
        loop["bound"]
        for level in run["mapping_outer_to_inner"]
        for loop in level["loops_outer_to_inner"]
        if loop.get("spatial") and loop["dim"] == "M"
    )
    return tensor_core(run["levels"], picked, rows)


def _measured_points(section: Json) -> Iterator[Point]:
    """Speed-up over dense operands of the dual-side core, whose times are in units unknown."""
    times = section[_TIMES]
    sizes: Json = section["problem"]
    dense = max(time for by in times.values() for time in by.values())
    ours = {
        (a, b): _dual_side_steps(sizes, float(a), float(b)) for a, by in times.items() for b in by
    }
    slowest = max(ours.values())
    for a, by in times.items():
        for b, time in by.items():
            figure = slowest / ours[a, b]
            yield Point(
                case=f"DSTC, A {a}, B {b}", where="", kind=MEASURED, metric="speed_up",
                reference=dense / time, simulated=figure, analytical=figure, tolerance=0.0,
                scored="",
            )  # fmt: skip


def _dual_side_steps(sizes: Json, share_a: float, share_b: float) -> float:
    """Steps of the dual-side core's MACs on average, each pass rounded up."""
    held: Json = {"A": {"format": "b b"}, "B": {"format": "b b"}}
    kept: dict[str, Json] = {
        "MAC": {}, "LRF": held, "RF": {"Z": {}}, "SMEM": held, "DRAM": {"Z": {}, **held}
    }  # fmt: skip
    levels = {name: {"tensors": tensors} for name, tensors in kept.items()}
    loops: dict[str, list[tuple[str, int, str | None]]] = {
        "DRAM": [("M", sizes["M"] // 128, None), ("N", sizes["N"] // 64, None)],
        "SMEM": [("M", 2, "Y"), ("N", 2, "Y")],
        "RF": [("K", sizes["K"], None)],
        "LRF": [("M", 4, None), ("N", 2, None), ("M", 16, "Y"), ("N", 16, "X")],
    }
    mapping = [
        {"level": level, "loops_outer_to_inner": [
            {"dim": dim, "bound": bound, "spatial": axis} for dim, bound, axis in listed
        ]}
        for level, listed in loops.items()
    ]  # fmt: skip
    run = {"levels": levels, "mapping_outer_to_inner": mapping}
    case = built(run, gemm_tensors(), word_bits=8)
    densities = {
        tensor: of_words(
            "hypergeometric", share, case.problem.tensor(tensor).tile_words(case.problem.bounds)
        )
        for tensor, share in (("A", share_a), ("B", share_b))
    }
    return estimate_levels(case, dual_side_core(levels), densities).compute.steps

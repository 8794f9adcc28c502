"""Layers of which every weight is known to be zero or not: executed, and by closed form.

The reference's PEs have memories that never stall them: what counts is how many weights that are
not zero each has in a pass, and who waits for whom. They do not wait for partial sums either that
other PEs have a part in: those of every pass go to words of their own (`layer_case`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stallscope.hw.result import Result
from stallscope.hw.simulate import simulate
from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case
from stallscope.mappings.sparsity.hardware import Mode
from stallscope.mappings.sparsity.passes import PassWork
from stallscope.mappings.sparsity.schedules import Together, together
from stallscope.simcore.errors import SpecError
from stallscope.validation.documents import Json
from stallscope.validation.points import Excluded, Point
from stallscope.validation.sparsity_cases import WEIGHTS, given_work, layer_case, sparse
from stallscope.validation.sparsity_masks import described_mask

__all__ = ["given_points", "masked_points"]

MASKED = "masked layers"
GIVEN = "given weights per PE"


def masked_points(case: Json, definitions: Mapping[str, str]) -> Iterator[Point | Excluded]:
    """Compare a layer with a mask.

    Args:
        case: ``layer``, ``mask``, ``weight_shape_RSCM``, ``mapping_outer_to_inner``, and figures.
        definitions: Masks by name.
    """
    name = f"{case['layer']} {case['mask']}"
    dense = layer_case(name, case["mapping_outer_to_inner"], is_apart=True)
    try:
        mask = _mask(case, definitions)
    except SpecError as error:
        yield Excluded(case=name, why=str(error))
        return
    if mask.shape != dense.problem.tensor(WEIGHTS).tile_shape(dense.problem.bounds):
        why = f"the mapping covers another layer than one with weights of {mask.shape}"
        yield Excluded(case=name, why=why)
        return
    sums, results = _run(dense, mask)
    barrier, ahead = results
    macs, estimate = barrier.counts.compute.computes, analyze(dense)
    figures = {
        "dense_cycles": (simulate(dense).cycles, estimate.compute_cycles),
        "nonzero_macs": (macs, sums.total),
        "balanced_cycles": (macs // sums.pes, sums.total // sums.pes),
        "slowest_PE_cycles": (barrier.cycles, sums.barrier),
        "async_queue_cycles": (ahead.cycles, sums.unlimited),
    }
    for metric, roads in figures.items():
        if metric in case:
            yield _point(name, MASKED, metric, case[metric], roads)
    if "passes" in case:
        yield _point(name, MASKED, "passes", case["passes"], (sums.passes, sums.passes))


def given_points(entries: Iterable[Json], rows: Sequence[Json]) -> Iterator[Point | Excluded]:
    """Compare layers of which the weights per PE and pass are given.

    Args:
        entries: ``distinct_pass_vectors`` and how often each comes, ``times``.
        rows: Figures of layers; those of the same block, kind, passes and cycles are compared too.
    """
    for at, entry in enumerate(entries):
        name = f"given weights {at + 1}: block {entry['block']} {entry['kind']}"
        steps = np.repeat(
            np.array(entry["distinct_pass_vectors"], dtype=np.int64), entry["times"], axis=0
        )
        if steps.shape != (entry["passes"], entry["PEs"]):
            why = f"has {len(steps)} passes of {steps.shape[1]} PEs, and says otherwise"
            yield Excluded(case=name, why=why)
            continue
        sums, (barrier, ahead) = _run(*given_work(name, steps))
        reference = entry["slowest_PE_cycles"]
        roads = (barrier.cycles, sums.barrier)
        yield _point(name, GIVEN, "slowest_PE_cycles", reference, roads)
        row = _row_of(entry, rows, int(steps.sum()))
        if row is not None:
            roads = (ahead.cycles, sums.unlimited)
            yield _point(name, GIVEN, "async_queue_cycles", row["async_no_barrier_cycles"], roads)
            uneven = float((steps.max(axis=1) / steps.mean(axis=1)).mean())
            reference = row["max_over_mean_per_pass"]
            yield _point(name, GIVEN, "max_over_mean_per_pass", reference, (uneven, uneven), 5e-5)


def _row_of(entry: Json, rows: Sequence[Json], total: int) -> Json | None:
    """A layer of the same weights, as far as its figures tell."""
    same = ("block", "kind", "PEs", "passes", "slowest_PE_cycles")
    return next(
        (row for row in rows
         if all(row[key] == entry[key] for key in same) and row["nonzero_macs"] == total
         and "async_no_barrier_cycles" in row
         and row["distinct_passes"] == len(entry["distinct_pass_vectors"])),
        None,
    )  # fmt: skip


def _run(dense: Case, mask: NDArray[np.bool_]) -> tuple[Together, tuple[Result, Result]]:
    """A case by closed form, and executed with a barrier and with queues."""
    barrier, ahead = (
        sparse(dense, mask, mode, "the reference") for mode in (Mode.BARRIER, Mode.QUEUE)
    )
    sums = together(PassWork(barrier, {WEIGHTS: mask}))
    return sums, (simulate(barrier), simulate(ahead))


def _mask(case: Json, definitions: Mapping[str, str]) -> NDArray[np.bool_]:
    """The mask in the order of the tensor: channels in and out, then the window."""
    sizes = case["weight_shape_RSCM"]
    names = "rscm" if len(sizes) == 4 else "rsm"
    text = definitions.get(case["mask"], case["mask"])
    mask = described_mask(text, dict(zip(names, sizes, strict=True)))
    return mask.transpose(2, 3, 0, 1) if mask.ndim == 4 else mask.transpose(2, 0, 1)[None]


def _point(
    case: str, kind: str, metric: str, reference: float, roads: tuple[float, float],
    tolerance: float = 0.0,
) -> Point:  # fmt: skip
    simulated, analytical = roads
    return Point(case=case, where="", kind=kind, metric=metric, reference=reference,
                 simulated=simulated, analytical=analytical, tolerance=tolerance)  # fmt: skip

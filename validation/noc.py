"""Validation of networks: BookSim's meshes of routers, STONNE's distribution and adder trees.

Random traffic is drawn anew, so an average latency is compared at the reference's own average
number of routers passed: ours is moved by the difference in hops times the cycles of one router,
the slope that it has without contention (a control variate). What is left of the drawing is
contention. Batches are deterministic where their destinations are.
"""

from __future__ import annotations

import os

from stallscope.hw.noc.traffic import RANDOM_PATTERNS
from stallscope.simcore.errors import SpecError
from stallscope.validation.noc_cases import MeshCase, TreeCase, read_cases
from stallscope.validation.noc_runs import (
    batch_bound,
    reserve_batch,
    run_batch,
    run_load,
    zero_load_cycles,
)
from stallscope.validation.noc_tree import one_neuron_formula, run_tree
from stallscope.validation.points import Excluded, Limit, Point, Report

__all__ = ["LIMITS", "validate_noc"]

ZERO_LOAD = "zero load"
PARAMETERS = "router parameters"
SLOW_SWITCH = "switch traversal of several cycles"
UNIFORM = "uniform below 60 % of saturation"
CURVES = "load curves"
CHANNELS = "vc and buffers"
BATCH = "batch"
COMPLEMENT = "bit-complement batch"
DRAWN = "batch of drawn destinations"
RESERVED = "links reserved: "
ONE_NEURON = "stonne tree"
NEURONS = "stonne tree, several neurons"

LIMITS = {
    ZERO_LOAD: Limit(worst_pct=0.5),
    PARAMETERS: Limit(worst_pct=0.5),
    UNIFORM: Limit(worst_pct=10.0),
    BATCH: Limit(worst_pct=2.0),
    ONE_NEURON: Limit(worst_pct=0.0),
}
"""Classes that are judged; the others are reported."""

_PRINTED = 0.0005  # averages are printed with six digits
_SHARE = 0.6


def validate_noc(cases: str | os.PathLike[str] | None = None) -> Report:
    """Compare with BookSim's and STONNE's figures.

    Args:
        cases: A JSON file in the form of ``data/noc.json``; None for that.

    Returns:
        The report. Judged by ``LIMITS``: ``zero load``, ``router parameters``, ``uniform below
        60 % of saturation`` (of the bound on an XY mesh's throughput), ``batch``, ``stonne tree``.
        Reported: ``load curves``, ``vc and buffers``, ``bit-complement batch``, ``batch of drawn
        destinations``, ``switch traversal of several cycles``, ``stonne tree, several neurons``;
        and batches over links that packets reserve (``links reserved: batch`` and so on).

    Raises:
        SpecError: If the file is not in the known form.
    """
    read = read_cases(cases)
    points: list[Point] = []
    excluded = [Excluded(case=name, why=why) for name, why in read.left_out]
    for case in read.meshes:
        if case.unknown:
            why = f"not modelled: {case.unknown}"
            excluded.append(Excluded(case=case.name, why=why))
            continue
        try:
            points += _batch(case) if case.packets is not None else [_load(case)]
        except SpecError as error:
            excluded.append(Excluded(case=case.name, why=str(error)))
    points += [_tree(tree) for tree in read.trees]
    kinds = {point.kind for point in points}
    limits = {kind: limit for kind, limit in LIMITS.items() if kind in kinds}
    return Report(validation="noc", points=tuple(points), excluded=tuple(excluded), limits=limits)


def _point(
    case: MeshCase | TreeCase,
    kind: str,
    metric: str,
    figures: tuple[float, float, float | None],
    tolerance: float = 0.0,
) -> Point:
    reference, simulated, analytical = figures
    return Point(case=case.name, where="", kind=kind, metric=metric, reference=reference,
                 simulated=simulated, analytical=analytical, tolerance=tolerance,
                 scored="simulated" if kind in LIMITS else "")  # fmt: skip


def _load(case: MeshCase) -> Point:
    load = run_load(case)
    if case.latency is None:
        return _point(case, _load_kind(case), "saturated", (1.0, float(load.is_saturated), None))
    hop = case.pipeline.router_delay_cycles
    simulated = load.latency_cycles + (case.hops - load.hops) * hop
    figures = (case.latency, simulated, zero_load_cycles(case, case.hops))
    return _point(case, _load_kind(case), "packet_latency_cycles", figures, _PRINTED)


def _load_kind(case: MeshCase) -> str:
    if case.pipeline.traversal_cycles > 1:
        return SLOW_SWITCH
    match case.table:
        case "zero_load":
            return ZERO_LOAD
        case "router_parameter_effect":
            return PARAMETERS
    if {"num_vcs", "vc_buf_size"} & set(case.changed):
        return CHANNELS
    # Channels that wait for their tail saturate far below the bound that the class refers to.
    is_judged = case.traffic == "uniform" and not case.pipeline.waits_for_tail
    if is_judged and case.latency is not None and case.rate is not None:
        return UNIFORM if case.rate <= _SHARE * _bound(case.side) else CURVES
    return CURVES


def _bound(side: int) -> float:
    """Uniform traffic that fills the middle links of an XY mesh, flits per node and cycle.

    Source: Dally and Towles (2004), section 3.3: k / 4 flits of a node's pass the busiest link
    (k even), (k - 1/k) / 4 (k odd).
    """
    return 4.0 / (side if side % 2 == 0 else side - 1.0 / side)


def _batch(case: MeshCase) -> list[Point]:
    """By routers, and by links that packets reserve; beside both what the busiest link needs."""
    kind, bound = _batch_kind(case), float(batch_bound(case))
    runs = [(kind, run_batch(case))]
    if kind != DRAWN:
        runs.append((RESERVED + kind, reserve_batch(case)))
    return [
        _point(case, kind, "batch_cycles", (case.duration or 0.0, float(cycles), bound))
        for kind, cycles in runs
    ]


def _batch_kind(case: MeshCase) -> str:
    if case.traffic == "bitcomp":
        return COMPLEMENT
    is_one_node = case.traffic.startswith("hotspot") and "," not in case.traffic
    is_drawn = case.traffic.startswith(RANDOM_PATTERNS) and not is_one_node
    return DRAWN if is_drawn else BATCH


def _tree(case: TreeCase) -> Point:
    kind = ONE_NEURON if case.is_one_neuron else NEURONS
    formula = float(one_neuron_formula(case)) if case.is_one_neuron else None
    return _point(case, kind, "cycles", (case.cycles, float(run_tree(case)), formula))

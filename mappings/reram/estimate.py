"""The analytical model of crossbars: counts, cycles and energy of a case, without running it."""

from __future__ import annotations

from fractions import Fraction

from stallscope.mappings.analytical import Estimate
from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.counting import activity_from, counts_from, flows_of
from stallscope.mappings.reram.limits import Limits, limits_of
from stallscope.mappings.reram.pricing import price_crossbars
from stallscope.mappings.reram.timing import multiply_timing

__all__ = ["analyze_crossbars", "analyze_with_activity"]


def analyze_crossbars(case: CrossbarCase) -> Estimate:
    """Estimate a case.

    Cycles are the largest of what compute and writing come to under the chip's overlap, and of what
    every limited port needs (``limits``). ``bound_by`` is ``compute``, ``reprogram`` or a port:
    where writing and computing exclude each other, the longer of the two. Utilization is the share
    of the multiply-accumulates that all crossbars could have done in these cycles.
    ``level_cycles`` has the limited ports.

    Args:
        case: A legal case (``check_crossbars``).
    """
    return analyze_with_activity(case)[0]


def analyze_with_activity(case: CrossbarCase) -> tuple[Estimate, Activity]:
    """Return the estimate of a case, and the actions that it is made of."""
    flows = flows_of(case)
    limits = limits_of(case, flows)
    cycles, bound_by = _largest(limits)
    counts, activity = counts_from(case, flows), activity_from(case, flows)
    priced = price_crossbars(case, counts, activity, cycles)
    estimate = Estimate(
        counts=priced.counts,
        cycles=cycles,
        compute_cycles=limits.compute,
        bound_by=bound_by,
        energy_pj=priced.energy_pj,
        ledger=priced.ledger,
        missing=priced.missing,
        utilization=_utilization(case, cycles),
        level_cycles={name: max(limits.compute, need) for name, need in limits.ports.items()},
    )
    return estimate, activity


def _largest(limits: Limits) -> tuple[int, str]:
    cycles = limits.together
    bound_by = "compute" if limits.compute >= limits.reprogram else "reprogram"
    for name, need in limits.ports.items():
        if need > cycles:
            cycles, bound_by = need, name
    return cycles, bound_by


def _utilization(case: CrossbarCase, cycles: int) -> float:
    crossbar = case.chip.crossbar
    macs = case.chip.all_cores * crossbar.per_core * crossbar.rows * crossbar.columns
    interval = multiply_timing(case.chip).in_cycles(case.chip).interval
    return float(Fraction(case.layer.macs) * interval / (macs * cycles)) if cycles else 0.0

"""What the zeros of one case bring: masks drawn or unpacked, and summed up."""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.mappings.case import Case, Platform
from stallscope.mappings.sparsity.imbalance import DEPTHS, Imbalance, imbalance
from stallscope.mappings.sparsity.masks import masks
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["DENSE_ESTIMATE", "check_sparse", "estimate_assumptions", "study"]

DENSE_ESTIMATE = "zeros: the analytical estimate takes them as words like the others"
"""The named assumption of estimates where hardware makes something of zeros."""


def study(case: Case, *, depths: Sequence[int | None] = DEPTHS) -> Imbalance:
    """Say what the zeros of a case bring on its PEs, in closed form.

    Tiles are taken to be there as soon as FIFOs and buffers have room for them: what memories and
    networks add is the simulation's to say.

    Args:
        case: A case whose compute level says what its PEs do about zeros.
        depths: FIFOs to look at, in tiles beyond those the buffers hold; None is unlimited.

    Raises:
        SpecError: If its PEs do nothing about zeros.
    """
    check_sparse(case)
    return imbalance(case, masks(case.problem, case.sparsity), depths=depths)


def estimate_assumptions(case: Platform) -> tuple[str, ...]:
    """Named assumptions of the analytical estimate of a case about its zeros."""
    if not isinstance(case, Case) or not case.sparsity.operands:
        return ()
    uses = any(level.formats for level in case.architecture.levels)
    return (DENSE_ESTIMATE,) if uses or case.architecture.compute.sparse is not None else ()


def check_sparse(case: Case) -> None:
    """Raise SpecError if the PEs of a case do nothing about zeros."""
    if case.architecture.compute.sparse is None:
        compute = case.architecture.compute.name
        place, rule = f"architecture.{compute}.sparse", "is missing: its PEs do nothing about zeros"
        remedy = "say what they skip, as in sparse: {skips: [Weights]}"
        raise SpecError([Fault(place=place, value="", rule=rule, remedy=remedy)])

"""What the zeros of one case bring: masks drawn or unpacked, and summed up."""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.mappings.case import Case, Platform
from stallscope.mappings.sparsity.imbalance import DEPTHS, Imbalance, imbalance
from stallscope.mappings.sparsity.masks import masks
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "DENSE_ESTIMATE",
    "DENSE_HARDWARE",
    "check_sparse",
    "estimate_assumptions",
    "minds_zeros",
    "study",
]

DENSE_ESTIMATE = "zeros: the analytical estimate takes them as words like the others"
"""The named assumption of estimates where hardware makes something of zeros."""
DENSE_HARDWARE = "zeros: no level stores them in a format, no PE skips or gates them"
"""The named assumption where zeros are given, and hardware makes nothing of them."""


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


def minds_zeros(case: Platform) -> bool:
    """Whether the hardware of a case stores some tensor in a format, or its PEs mind zeros."""
    formats = any(level.formats for level in case.architecture.levels)
    return formats or case.architecture.compute.sparse is not None


def estimate_assumptions(case: Platform) -> tuple[str, ...]:
    """Named assumptions about the zeros of a case: of its estimate, or of estimate and run."""
    if not isinstance(case, Case) or not case.sparsity.operands:
        return ()
    return (DENSE_ESTIMATE if minds_zeros(case) else DENSE_HARDWARE,)


def check_sparse(case: Case) -> None:
    """Raise SpecError if the PEs of a case do nothing about zeros."""
    if case.architecture.compute.sparse is None:
        compute = case.architecture.compute.name
        place, rule = f"architecture.{compute}.sparse", "is missing: its PEs do nothing about zeros"
        remedy = "say what they skip, as in sparse: {skips: [Weights]}"
        raise SpecError([Fault(place=place, value="", rule=rule, remedy=remedy)])

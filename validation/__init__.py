"""Validation: analytical, simulated and reference figures side by side; law L6."""

from __future__ import annotations

import os

from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.comparison import Comparison, ComparisonRow, compare
from stallscope.validation.function import Verification, verify
from stallscope.validation.points import Excluded, Limit, Point, Report
from stallscope.validation.timeloop import validate_timeloop

__all__ = [
    "NAMES",
    "Comparison",
    "ComparisonRow",
    "Excluded",
    "Limit",
    "Point",
    "Report",
    "Verification",
    "compare",
    "validate",
    "verify",
]

NAMES = (
    "timeloop", "dram", "noc", "systolic", "gemmini", "sparsity", "dmazerunner", "reram", "eyeriss",
)  # fmt: skip
"""Reference sets; see docs for which are built."""

_BUILT = ("timeloop", "dram", "noc", "systolic", "reram", "sparsity")


def validate(name: str, cases: str | os.PathLike[str] | None = None) -> Report:
    """Validate against a reference set.

    Args:
        name: One of NAMES.
        cases: A file or folder in the set's form; None for the project's own copy of its figures.

    Raises:
        SpecError: If there is no such set, it is not built yet, or ``cases`` is not in its form.
    """
    if name == "timeloop":
        return validate_timeloop(cases)
    if name == "dram":
        from stallscope.validation.dram import validate_dram  # numba: 0.25 s nobody else needs

        return validate_dram(cases)
    if name == "noc":
        from stallscope.validation.noc import validate_noc  # as above

        return validate_noc(cases)
    if name == "systolic":
        from stallscope.validation.systolic import validate_systolic  # pydantic models, SimPy

        return validate_systolic(cases)
    if name == "reram":
        from stallscope.validation.reram import validate_reram  # pydantic models

        return validate_reram(cases)
    if name == "sparsity":
        from stallscope.validation.sparsity import validate_sparsity  # pydantic models, numba

        return validate_sparsity(cases)
    rule = "is not built yet" if name in NAMES else "is no reference set"
    remedy = f"built: {', '.join(_BUILT)}"
    raise SpecError([Fault(place="validate", value=name, rule=rule, remedy=remedy)])

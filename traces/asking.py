"""What may be asked of a program's listing."""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.simcore.errors import Fault, SpecError

__all__ = ["check_asked"]


def check_asked(units: Sequence[str], unit: str | None, count: int) -> None:
    """Check what is asked of a listing: one of its units or all, and how many rows.

    Raises:
        SpecError: If there is no such unit, or a negative count.
    """
    if unit is not None and unit not in units:
        rule, remedy = "is not a unit of the program", f"units: {', '.join(units)}"
        raise SpecError([Fault(place="unit", value=unit, rule=rule, remedy=remedy)])
    if count < 0:
        raise SpecError([Fault(place="count", value=count, rule="must not be negative")])

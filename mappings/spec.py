"""The base of every spec: frozen, strict about unknown keys, exact about ratios."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

__all__ = ["MAX_LATENCY_CYCLES", "Name", "Nanoseconds", "Rate", "Spec"]

MAX_LATENCY_CYCLES = 10**12
"""Longest latency of anything, cycles: times stay far below the engine's end of time."""


class Spec(BaseModel):
    """A frozen, hashable description checked once when it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a variant; what was derived from the fields is derived anew."""
        copy = super().model_copy(update=update, deep=deep)
        for name in [name for name in copy.__dict__ if name not in type(self).model_fields]:
            del copy.__dict__[name]
        return copy


def _exact(value: object) -> Fraction:
    """Read a ratio without a detour over binary floating point (0.1 is 1/10)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Fraction)):
        raise ValueError("must be a number")
    try:
        return Fraction(str(value)) if not isinstance(value, Fraction) else value
    except ValueError as error:
        raise ValueError("must be a finite number") from error


def _shown(value: Fraction) -> int | float | str:
    if value.denominator == 1:
        return int(value)
    return float(value) if Fraction(str(float(value))) == value else str(value)


Rate = Annotated[
    Fraction,
    BeforeValidator(_exact),
    Field(gt=0),
    PlainSerializer(_shown, return_type=int | float | str),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]
"""A positive exact ratio, such as words per cycle."""

Nanoseconds = Annotated[
    Fraction,
    BeforeValidator(_exact),
    Field(ge=0),
    PlainSerializer(_shown, return_type=int | float | str),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]
"""An exact time that may be 0, nanoseconds."""

Name = Annotated[str, Field(min_length=1, max_length=200)]

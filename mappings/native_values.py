"""Figures of a spec in the native notation: which quantity a key is, and its spellings.

Keys are the names of the specs' fields. A key's unit may be left out (``capacity`` for
``capacity_words``, ``read_bandwidth`` for ``read_words_per_cycle``) and a value may carry one
(``capacity: 108 KiB``); which quantity a key is follows from its unit.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Any, get_args

from stallscope.mappings.fields import Fields, plain
from stallscope.mappings.quantities import (
    QuantityError,
    cycles,
    megahertz,
    picojoules,
    size_bytes,
    square_micrometres,
    words,
    words_per_cycle,
)
from stallscope.mappings.reading import Node
from stallscope.mappings.spec import Spec

__all__ = ["Quantity", "keys_of", "quantity_of", "read_clock", "read_values"]


class Quantity(Enum):
    """What a key measures; the value is the suffix of its field and the shorter spelling."""

    RATE = ("_words_per_cycle", "_bandwidth")
    WORDS = ("_words", "")
    CYCLES = ("_cycles", "")
    BYTES = ("_bytes", "")
    CLOCK = ("_mhz", "")
    ENERGY = ("_pj", "")
    AREA = ("_um2", "")


def quantity_of(field: str) -> Quantity | None:
    """Return what a field measures by its name, or None for a plain value."""
    for quantity in Quantity:
        if field.endswith(quantity.value[0].removeprefix("_")):
            return quantity
    return None


def keys_of(field: str) -> tuple[str, ...]:
    """Return the spellings of a field: its name, then the one without the unit."""
    quantity = quantity_of(field)
    if quantity is None:
        return (field,)
    suffix, short = quantity.value
    stem = field.removesuffix(suffix) if field.endswith(suffix) else ""
    return (field, (stem + short).strip("_"))


def read_clock(fields: Fields) -> float | None:
    """Take the clock, MHz; None if none is given, or what is given is none (then a fault)."""
    node = fields.node_of(*keys_of("clock_mhz"))
    if node is None:
        return None
    try:
        return megahertz(node.text)
    except QuantityError as error:
        fields.findings.add(node, fields.at("clock_mhz"), error.rule, error.remedy)
        return None


def read_values(
    fields: Fields, spec: type[Spec], special: set[str], bits: int, clock: float | None
) -> dict[str, Any]:  # Any: pydantic checks the types
    """Take every field of ``spec`` that is given, in the field's own unit.

    Args:
        fields: The keys of the mapping.
        spec: The spec whose fields are taken.
        special: Fields that are not.
        bits: Bits of a word.
        clock: Clock, MHz, or None.
    """
    taken: dict[str, Any] = {}
    for field in spec.model_fields:
        if field in special:
            continue
        node = fields.node_of(*keys_of(field))
        if node is None:
            continue
        try:
            taken[field] = _value(spec, field, node, bits, clock)
        except QuantityError as error:
            fields.findings.add(node, fields.at(field), error.rule, error.remedy)
    return taken


def _value(spec: type[Spec], field: str, node: Node, bits: int, clock: float | None) -> object:
    quantity = quantity_of(field)
    if quantity is None:
        return _plain(field, node, is_flag=_is_flag(spec, field))
    if isinstance(node.value, (bool, tuple, dict)) or node.value is None:
        raise QuantityError(f"needs a number, has {node.kind}")
    match quantity:
        case Quantity.RATE:
            return words_per_cycle(node.text, bits, clock)
        case Quantity.WORDS:
            return words(node.text, bits)
        case Quantity.CYCLES:
            return cycles(node.text, clock)
        case Quantity.BYTES:
            return size_bytes(node.text)
        case Quantity.CLOCK:
            return megahertz(node.text)
        case Quantity.ENERGY:
            return picojoules(node.text)
        case Quantity.AREA:
            return square_micrometres(node.text)


def _is_flag(spec: type[Spec], field: str) -> bool:
    kind = spec.model_fields[field].annotation
    return kind is bool or bool in get_args(kind)


def _plain(field: str, node: Node, *, is_flag: bool) -> Any:  # Any: as above
    """Return a value without unit; what pydantic would coerce silently is refused here."""
    if node.value is None:
        raise QuantityError("is empty", f"leave {field} out for its default")
    if isinstance(node.value, bool) is not is_flag:
        if isinstance(node.value, bool):
            raise QuantityError("needs a number or word, has true or false")
        if is_flag:
            raise QuantityError(f"needs true or false, has {node.kind}")
    if isinstance(node.value, float):
        if node.value != node.value or abs(node.value) == float("inf"):
            raise QuantityError("needs a finite number")
        return Fraction(node.text) if field == "multiple_buffering" else node.value
    return plain(node)

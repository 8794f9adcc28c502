"""The native notation of an architecture: levels outermost first, then the compute level.

Keys are the names of the specs' fields. A key's unit may be left out (``capacity`` for
``capacity_words``, ``read_bandwidth`` for ``read_words_per_cycle``) and a value may carry one
(``capacity: 108 KiB``); which quantity a key is follows from its unit.
"""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Any

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.fields import AnySpec, Fields, Findings, plain
from stallscope.mappings.quantities import (
    QuantityError,
    cycles,
    megahertz,
    picojoules,
    square_micrometres,
    words,
    words_per_cycle,
)
from stallscope.mappings.reading import Node
from stallscope.mappings.spec import Spec

__all__ = ["Quantity", "keys_of", "quantity_of", "read_architecture"]

DEFAULT_WORD_BITS: int = StorageLevel.model_fields["word_bits"].default


class Quantity(Enum):
    """What a key measures; the value is the suffix of its field and the shorter spelling."""

    RATE = ("_words_per_cycle", "_bandwidth")
    WORDS = ("_words", "")
    CYCLES = ("_cycles", "")
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


def read_architecture(node: Node, findings: Findings) -> Architecture | None:
    """Read the ``architecture:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "architecture", findings)
    clock = _clock(fields)
    values: dict[str, Any] = {"clock_mhz": clock}  # Any: pydantic checks the types
    name = fields.text("name")
    if name is not None:
        values["name"] = name
    values["levels"] = _levels(fields.required("levels"), clock, findings)
    values["compute"] = _compute(fields.required("compute"), clock, findings)
    special = {"name", "clock_mhz", "levels", "compute"}
    values |= _values(fields, Architecture, special, DEFAULT_WORD_BITS, clock)
    fields.close()
    if len(findings.faults) > before:
        return None
    return findings.build(Architecture, values, "architecture", node)


def _clock(fields: Fields) -> float | None:
    node = fields.node_of(*keys_of("clock_mhz"))
    if node is None:
        return None
    try:
        return megahertz(node.text)
    except QuantityError as error:
        fields.findings.add(node, fields.at("clock_mhz"), error.rule, error.remedy)
        return None


def _levels(
    node: Node | None, clock: float | None, findings: Findings
) -> tuple[StorageLevel | None, ...]:
    if node is None:
        return ()
    if not isinstance(node.value, tuple) or not node.value:
        findings.add(node, "architecture.levels", "needs a list of levels, outermost first")
        return ()
    return tuple(_level(item, index, clock, findings) for index, item in enumerate(node.value))


def _level(node: Node, index: int, clock: float | None, findings: Findings) -> StorageLevel | None:
    fields = Fields(node, _place(node, f"levels[{index}]"), findings)
    values: dict[str, Any] = {"name": fields.required_text("name")}  # Any: as above
    bits = fields.whole("word_bits") or DEFAULT_WORD_BITS
    values["word_bits"] = bits
    network = fields.node_of("network")
    if network is not None:
        inner = Fields(network, fields.at("network"), findings)
        figures = _values(inner, Network, set(), bits, clock)
        inner.close()
        values["network"] = findings.build(Network, figures, inner.place, network)
    values |= _values(fields, StorageLevel, {"name", "word_bits", "network"}, bits, clock)
    return _finished(StorageLevel, fields, values, findings)


def _compute(node: Node | None, clock: float | None, findings: Findings) -> ComputeLevel | None:
    if node is None:
        return None
    fields = Fields(node, _place(node, "compute"), findings)
    values: dict[str, Any] = {"name": fields.required_text("name")}  # Any: as above
    bits = fields.whole("word_bits") or DEFAULT_WORD_BITS
    values["word_bits"] = bits
    values |= _values(fields, ComputeLevel, {"name", "word_bits"}, bits, clock)
    return _finished(ComputeLevel, fields, values, findings)


def _finished(
    spec: type[AnySpec],
    fields: Fields,
    values: dict[str, Any],
    findings: Findings,
) -> AnySpec | None:
    fields.close()
    if values["name"] is None or (values.get("network", ...) is None):
        return None
    return findings.build(spec, values, fields.place, fields.node)


def _place(node: Node, otherwise: str) -> str:
    if isinstance(node.value, dict) and "name" in node.value and node.value["name"].text:
        return f"architecture.{node.value['name'].text}"
    return f"architecture.{otherwise}"


def _values(
    fields: Fields, spec: type[Spec], special: set[str], bits: int, clock: float | None
) -> dict[str, Any]:  # Any: as above
    """Take every field of ``spec`` that is given, in the field's own unit."""
    taken: dict[str, Any] = {}
    for field in spec.model_fields:
        if field in special:
            continue
        node = fields.node_of(*keys_of(field))
        if node is None:
            continue
        try:
            taken[field] = _value(field, node, bits, clock)
        except QuantityError as error:
            fields.findings.add(node, fields.at(field), error.rule, error.remedy)
    return taken


def _value(field: str, node: Node, bits: int, clock: float | None) -> object:
    quantity = quantity_of(field)
    if quantity is None:
        return _plain(field, node)
    if isinstance(node.value, (bool, tuple, dict)) or node.value is None:
        raise QuantityError(f"needs a number, has {node.kind}")
    match quantity:
        case Quantity.RATE:
            return words_per_cycle(node.text, bits, clock)
        case Quantity.WORDS:
            return words(node.text, bits)
        case Quantity.CYCLES:
            return cycles(node.text, clock)
        case Quantity.CLOCK:
            return megahertz(node.text)
        case Quantity.ENERGY:
            return picojoules(node.text)
        case Quantity.AREA:
            return square_micrometres(node.text)


def _plain(field: str, node: Node) -> Any:  # Any: as above
    """Return a value without unit; what pydantic would coerce silently is refused here."""
    if node.value is None:
        raise QuantityError("is empty", f"leave {field} out for its default")
    flags = {"multicast", "links", "can_reduce"}
    if isinstance(node.value, bool) is not (field in flags):
        if isinstance(node.value, bool):
            raise QuantityError("needs a number or word, has true or false")
        if field in flags:
            raise QuantityError(f"needs true or false, has {node.kind}")
    if isinstance(node.value, float):
        if node.value != node.value or abs(node.value) == float("inf"):
            raise QuantityError("needs a finite number")
        return Fraction(node.text) if field == "multiple_buffering" else node.value
    return plain(node)

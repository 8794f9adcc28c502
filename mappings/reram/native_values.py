"""Figures of crossbar specs in the native notation: which quantity a key is, and its spellings.

Keys are the names of the specs' fields. A key's unit may be left out (``pulse`` for ``pulse_ns``,
``read_bandwidth`` for ``read_bytes_per_cycle``, ``adc_rate`` for ``adc_gsps``) and a value may
carry one (``pulse: 50 ns``, ``read_bandwidth: 32 B/cycle``, ``adc_rate: 1.28 GS/s``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, get_args, get_origin

from stallscope.mappings.fields import Fields, Findings, nearest, whole
from stallscope.mappings.quantities import (
    QuantityError,
    cycles,
    megahertz,
    number,
    picojoules,
    size_bytes,
    words_per_cycle,
)
from stallscope.mappings.reading import Node
from stallscope.mappings.spec import Spec

__all__ = ["Values", "figure_of", "keys_of", "kind_of", "needed", "read_figures"]

Values = dict[str, Any]
"""Figures by field, nested as the specs are; pydantic checks them. None: one that has a fault."""

_NANOSECONDS = {"": Fraction(1), "ns": Fraction(1), "ps": Fraction(1, 10**3),
                "us": Fraction(10**3), "µs": Fraction(10**3), "ms": Fraction(10**6)}  # fmt: skip
_GIGASAMPLES = {"": Fraction(1), "GS/s": Fraction(1), "MS/s": Fraction(1, 10**3),
                "kS/s": Fraction(1, 10**6)}  # fmt: skip
_MILLIWATTS = {"": Fraction(1), "mW": Fraction(1), "uW": Fraction(1, 10**3),
               "µW": Fraction(1, 10**3), "W": Fraction(10**3)}  # fmt: skip
_WRITES = {"": Fraction(1), "writes": Fraction(1)}

_SHORT = {
    "_bytes_per_cycle": "_bandwidth", "_bytes": "", "_cycles": "", "_ns": "", "_mhz": "",
    "_gsps": "_rate", "_mw": "", "_writes": "", "_pj": "_energy",
}  # fmt: skip
"""Ending of a field and what stands for it in the spelling without the unit."""


def keys_of(field: str) -> tuple[str, ...]:
    """Return the spellings of a field: its name, then the one without the unit."""
    ending = _ending(field)
    if ending is None:
        return (field,)
    stem = field.removesuffix(ending)
    short = stem if stem.endswith("bandwidth") else stem + _SHORT[ending]
    return (field, short)


def kind_of(spec: type[Spec], field: str) -> type:
    """Return what a field holds: a number's type, an enum or a spec, whether optional or not."""
    given = spec.model_fields[field].annotation
    for kind in (given, *get_args(given)):
        plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        if isinstance(plain, type) and plain is not type(None):
            return plain
    raise TypeError(f"{spec.__name__}.{field} has no plain type")


def read_figures(
    fields: Fields, spec: type[Spec], clock: float, without: tuple[str, ...] = ()
) -> Values:
    """Take every field of ``spec`` that is given, and those of the specs inside it.

    Args:
        fields: The keys of the mapping; all are taken, others are faults.
        spec: The spec whose fields are taken.
        clock: Clock that times and bandwidths per second become cycles by, MHz.
        without: Fields that are read elsewhere.
    """
    taken: Values = {}
    for field in spec.model_fields:
        if field in without:
            continue
        node = fields.node_of(*keys_of(field))
        if node is not None:
            taken[field] = _value(fields, spec, field, node, clock)
    fields.close()
    return taken


def figure_of(
    spec: type[Spec], field: str, node: Node, place: str, findings: Findings, clock: float
) -> Any:  # Any: as above
    """Read one number with its unit; a fault is recorded and None returned."""
    ending = _ending(field)
    if kind_of(spec, field) is int and ending is None:
        bounds = [getattr(rule, "ge", None) for rule in spec.model_fields[field].metadata]
        return whole(node, place, findings, next((least for least in bounds if least), 0))
    try:
        if isinstance(node.value, (bool, tuple, dict)) or node.value is None:
            raise QuantityError(f"needs a number, has {node.kind}")
        return _READERS[ending](node.text, clock)
    except QuantityError as error:
        findings.add(node, place, error.rule, error.remedy)
        return None


def needed(
    spec: type[Spec],
    values: Values,
    place: str,
    node: Node,
    findings: Findings,
    remedies: Mapping[str, str],
) -> None:
    """Record every field that must be there and is not.

    Args:
        spec: The spec that ``values`` are of.
        values: What was read.
        place: Path of the spec.
        node: The mapping that it was read from.
        findings: Where faults go.
        remedies: What to do about a missing figure, by its field.
    """
    for field, about in spec.model_fields.items():
        kind = kind_of(spec, field)
        inside = values.get(field)
        if field not in values and about.is_required():
            findings.add(node, place, f"needs {field}", remedies.get(field, ""))
        elif issubclass(kind, Spec) and isinstance(inside, dict):
            key = next((key for key in keys_of(field) if key in _table(node)), None)
            below = node if key is None else _table(node)[key]
            needed(kind, inside, f"{place}.{field}", below, findings, remedies)


def _table(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _value(
    fields: Fields, spec: type[Spec], field: str, node: Node, clock: float
) -> Any:  # Any: as above
    kind, place, findings = kind_of(spec, field), fields.at(field), fields.findings
    if issubclass(kind, Spec):
        before = len(findings.faults)
        inside = read_figures(Fields(node, place, findings), kind, clock)
        is_mapping = isinstance(node.value, dict)
        return inside if is_mapping or len(findings.faults) == before else None
    if node.value is None:
        findings.add(node, place, "is empty", f"leave {field} out for its default")
        return None
    if issubclass(kind, Enum):
        return _choice(kind, node, place, findings)
    if kind is bool:
        if not isinstance(node.value, bool):
            findings.add(node, place, f"needs true or false, has {node.kind}")
            return None
        return node.value
    if kind is str:
        if isinstance(node.value, (tuple, dict)):
            findings.add(node, place, f"needs a name, has {node.kind}")
            return None
        return node.text
    return figure_of(spec, field, node, place, findings, clock)


def _choice(kind: type[Enum], node: Node, place: str, findings: Findings) -> str | None:
    """Read one word of a closed set."""
    words = [str(member.value) for member in kind]
    if isinstance(node.value, str) and node.text in words:
        return node.text
    remedy = nearest(node.text, words) if node.text else ""
    findings.add(node, place, "needs one of " + ", ".join(words), remedy)
    return None


def _ending(field: str) -> str | None:
    return next((ending for ending in _SHORT if field.endswith(ending)), None)


def _bytes_per_cycle(text: str, clock: float) -> Fraction:
    unit = number(text)[1]
    if unit.partition("/")[0] in ("word", "words"):
        raise QuantityError(f"unknown unit {unit}", "known here: B/cycle, b/cycle, GB/s, Gb/s")
    return words_per_cycle(text, 8, clock)


def _in(units: dict[str, Fraction], least: Fraction | None = None) -> Callable[..., Fraction]:
    """Return a reader of numbers in one of some units; above 0 if there is no ``least``."""

    def read(text: str, _clock: float) -> Fraction:
        value, unit = number(text)
        if unit not in units:
            known = ", ".join(one for one in units if one)
            raise QuantityError(f"unknown unit {unit}", f"known here: {known}")
        if value <= 0 and least is None:
            raise QuantityError("needs a figure above 0")
        if least is not None and value < least:
            raise QuantityError(f"needs a figure >= {least}")
        return value * units[unit]

    return read


_READERS: dict[str | None, Callable[[str, float], Any]] = {  # Any: as above
    "_bytes_per_cycle": _bytes_per_cycle,
    "_bytes": lambda text, _clock: size_bytes(text),
    "_cycles": cycles,
    "_ns": _in(_NANOSECONDS, Fraction(0)),
    "_mhz": lambda text, _clock: megahertz(text),
    "_gsps": _in(_GIGASAMPLES),
    "_mw": _in(_MILLIWATTS),
    "_writes": _in(_WRITES),
    "_pj": lambda text, _clock: picojoules(text),
    None: _in({"": Fraction(1)}),
}

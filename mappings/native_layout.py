"""The native notation of a layout: where tensors live in main memory.

    layout:
      Inputs: {order: [N, P, Q, C], row: 32 words, base: 1 MiB}

Sizes are words of the outermost level, or carry a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.layout import Layout
from stallscope.mappings.quantities import QuantityError, words
from stallscope.mappings.reading import Node

__all__ = ["LayoutDraft", "read_layout"]

LayoutDraft = Callable[[Architecture], Layout | None]
"""What remains to be done once the architecture is known; None after a fault."""

_SIZES = {"row_words": 1, "base_words": 0}  # and the least of each


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A tensor's place whose sizes wait for the width of a word."""

    tensor: str
    fields: Fields
    order: tuple[str, ...] | None
    sizes: dict[str, Node]


def read_layout(node: Node, findings: Findings) -> LayoutDraft | None:
    """Read the ``layout:`` section; None if it has faults."""
    before = len(findings.faults)
    places = []
    for name, value in Fields(node, "layout", findings).rest().items():
        fields = Fields(value, f"layout.{name}", findings)
        order = fields.texts("order")
        given = {key: fields.node_of(key, key.removesuffix("_words")) for key in _SIZES}
        sizes = {key: size for key, size in given.items() if size is not None}
        fields.close()
        places.append(_Place(tensor=name, fields=fields, order=order, sizes=sizes))
    if len(findings.faults) > before:
        return None

    def resolve(architecture: Architecture) -> Layout | None:
        bits = architecture.levels[0].word_bits
        known = len(findings.faults)
        values = [_values(place, bits) for place in places]
        if len(findings.faults) > known:
            return None
        return findings.build(Layout, {"tensors": values}, "layout", node)

    return resolve


def _values(place: _Place, bits: int) -> dict[str, Any]:  # Any: pydantic checks the types
    """The values of a place; faults are recorded."""
    values: dict[str, Any] = {"tensor": place.tensor, "order": place.order}
    for key, node in place.sizes.items():
        try:
            if isinstance(node.value, (bool, tuple, dict)) or node.value is None:
                raise QuantityError(f"needs a number, has {node.kind}")
            values[key] = words(node.text, bits, _SIZES[key])
        except QuantityError as error:
            fields = place.fields
            fields.findings.add(node, fields.at(key), error.rule, error.remedy)
    return values

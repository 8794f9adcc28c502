"""The native notation of formats, and of what PEs do about zeros.

    levels:
      - {name: GLB, formats: {Weights: bitmask, Inputs: {format: run_length, run_bits: 5}}}
    compute: {name: MAC, sparse: {skips: [Weights], mode: queue, fifo_depth: unlimited}}

Keys are the names of the specs' fields.
"""

from __future__ import annotations

from typing import Any

from stallscope.mappings.fields import Fields, Findings, whole
from stallscope.mappings.native_values import read_values
from stallscope.mappings.quantities import QuantityError, words_per_cycle
from stallscope.mappings.reading import Node
from stallscope.mappings.sparsity.hardware import Format, Mode, SparseArray, TensorFormat

__all__ = ["NO_PACKS", "UNLIMITED", "read_formats", "read_sparse"]

UNLIMITED = "unlimited"
"""The word for a FIFO without an end."""
NO_PACKS = "none"
"""The word for pairs that are packed without gaps."""


def read_formats(
    node: Node, place: str, bits: int, clock: float | None, findings: Findings
) -> tuple[TensorFormat, ...]:
    """Read the ``formats:`` of a level: those without faults.

    Args:
        node: A mapping from tensors to formats, or to their figures.
        place: Its path, for faults.
        bits: Bits of a word of the level.
        clock: Clock, MHz, or None.
        findings: Where faults go.
    """
    found = []
    for tensor, value in Fields(node, place, findings).rest().items():
        figures = value
        if isinstance(value.value, str):
            figures = Node({"format": value}, "", value.file, value.line)
        fields = Fields(figures, f"{place}.{tensor}", findings)
        form = fields.one_of([one.value for one in Format], "format")
        if isinstance(figures.value, dict) and "format" not in figures.value:
            fields.required("format")
        # Any: pydantic checks the types. Without a format there is a fault.
        values: dict[str, Any] = {"tensor": tensor, "format": form or Format.UNCOMPRESSED}
        packs = fields.node_of("pack_bits")
        if packs is not None:
            values["pack_bits"] = (
                None if packs.text == NO_PACKS else whole(packs, fields.at("pack_bits"), findings)
            )
        values |= read_values(fields, TensorFormat, {"tensor", "format", "pack_bits"}, bits, clock)
        fields.close()
        made = findings.build(TensorFormat, values, fields.place, figures)
        found += [made] if made is not None else []
    return tuple(found)


def read_sparse(
    node: Node, place: str, bits: int, clock: float | None, findings: Findings
) -> SparseArray | None:
    """Read the ``sparse:`` of the compute level; None if it has faults. Arguments as above."""
    fields = Fields(node, place, findings)
    values: dict[str, Any] = {  # Any: pydantic checks the types
        "skips": fields.texts("skips"),
        "gates": fields.texts("gates"),
        "mode": fields.one_of([one.value for one in Mode], "mode"),
        "rebalance": fields.flag("rebalance"),
    }
    values = {name: value for name, value in values.items() if value is not None}
    depth = fields.node_of("fifo_depth")
    if depth is not None:
        values["fifo_depth"] = (
            None if depth.text == UNLIMITED else whole(depth, fields.at("fifo_depth"), findings, 0)
        )
    decoders = fields.node_of("decoders")
    if decoders is not None:
        values["decoders"] = _rates(decoders, fields.at("decoders"), bits, clock, findings)
    special = {*SparseArray.model_fields} - {"intersections_per_cycle"}
    values |= read_values(fields, SparseArray, special, bits, clock)
    fields.close()
    return findings.build(SparseArray, values, place, node)


def _rates(
    node: Node, place: str, bits: int, clock: float | None, findings: Findings
) -> tuple[dict[str, Any], ...]:  # Any: as above
    found = []
    for tensor, value in Fields(node, place, findings).rest().items():
        findings.written(f"{place}.{tensor}", value)
        try:
            if isinstance(value.value, (bool, tuple, dict)) or value.value is None:
                raise QuantityError(f"needs words per cycle, has {value.kind}")
            rate = words_per_cycle(value.text, bits, clock)
            found.append({"tensor": tensor, "words_per_cycle": rate})
        except QuantityError as error:
            findings.add(value, f"{place}.{tensor}", error.rule, error.remedy)
    return tuple(found)

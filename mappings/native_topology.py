"""The native notation of a topology: what connects a level with the instances below it.

    network:
      topology: {kind: mesh, bandwidth: 1, router_delay: 2}

``kind`` chooses; the other keys are the names of that kind's fields, with or without their units.
"""

from __future__ import annotations

from typing import Any

from stallscope.mappings.fields import Fields, Findings, nearest
from stallscope.mappings.native_values import keys_of, read_values
from stallscope.mappings.reading import Node
from stallscope.mappings.spec import Spec
from stallscope.mappings.topology import (
    Bus,
    Clusters,
    Mesh,
    Neighbour,
    Ring,
    Topology,
    Tree,
    XyBus,
)
from stallscope.simcore.errors import Fault

__all__ = ["KINDS", "PARTS", "read_topology_node"]

KINDS: dict[str, type[Spec]] = {
    kind.model_fields["kind"].default: kind
    for kind in (Bus, XyBus, Tree, Mesh, Ring, Neighbour, Clusters)
}
"""Specs of topologies by the word that chooses them."""
PARTS = ("between", "inside")
"""Fields of clusters that are topologies themselves, of any kind but clusters."""


def read_topology_node(
    node: Node, place: str, bits: int, clock: float | None, findings: Findings
) -> Topology | None:
    """Read a topology; None if it has faults.

    Args:
        node: The mapping.
        place: Its path, for faults.
        bits: Bits of a word of the level above.
        clock: Clock, MHz, or None.
        findings: Where faults go.
    """
    found: Any = _read(node, place, bits, clock, findings, tuple(KINDS))  # Any: one of KINDS
    topology: Topology | None = found
    return topology


def _read(
    node: Node, place: str, bits: int, clock: float | None, findings: Findings,
    kinds: tuple[str, ...],
) -> Spec | None:  # fmt: skip
    before = len(findings.faults)
    fields = Fields(node, place, findings)
    spec = _kind(fields, kinds)
    if spec is None:
        return None
    values = read_values(fields, spec, {"kind", *PARTS}, bits, clock)
    flat = tuple(kind for kind in kinds if KINDS[kind] is not Clusters)
    for part in PARTS if spec is Clusters else ():
        inner = fields.required(part)
        if inner is not None:
            values[part] = _read(inner, fields.at(part), bits, clock, findings, flat)
    for name, field in spec.model_fields.items():
        if field.is_required() and name not in PARTS and fields.at(name) not in findings.sources:
            rule = f"a topology of this kind needs {keys_of(name)[-1]}"
            findings.faults.append(Fault(place=place, value="", rule=rule, source=node.source))
    fields.close()
    if len(findings.faults) > before:
        return None
    return findings.build(spec, values, place, node)


def _kind(fields: Fields, kinds: tuple[str, ...]) -> type[Spec] | None:
    """Take the word that chooses."""
    node = fields.required("kind")
    if node is None:
        return None
    if isinstance(node.value, str) and node.value in kinds:
        return KINDS[node.value]
    rule = "needs one of " + ", ".join(kinds)
    fields.findings.add(node, fields.at("kind"), rule, nearest(node.text, kinds))
    return None

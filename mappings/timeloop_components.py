"""Timeloop's components: a class and attributes become a storage level or the compute level.

Dashes and underscores are alike in attributes. ``width``, ``block-size``, ``word-bits`` and
``cluster-size`` must agree and give each other; ``depth`` counts blocks, ``entries`` words.

Not modelled: attributes of the energy estimators (technology, n_banks, ...); they are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any

from stallscope.mappings.architecture import ComputeLevel, LevelKind, Network, StorageLevel
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.quantities import QuantityError, number
from stallscope.mappings.reading import Node

__all__ = ["Element", "Role", "compute_level", "elements_unused", "role_of", "storage_level"]

_STORAGE = (
    "dram", "sram", "regfile", "smartbuffer", "storage", "register", "buffer", "memory",
    "scratchpad", "spad", "fifo",
)  # fmt: skip
_COMPUTE = ("mac", "compute", "alu")
_SIZES = {"depth", "memory_depth", "data_storage_depth", "entries", "sizeKB", "block_size"}


class Role(Enum):
    """What a component is to a mapping."""

    STORAGE = "storage"
    COMPUTE = "compute"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """A component with its place in the hierarchy.

    Attributes:
        name: Without the range.
        kind: Its class.
        instances: Copies in the whole accelerator by the tree.
        mesh_x: Copies along X if the tree says so.
        attributes: Its attributes, or an empty mapping.
        node: Where it stands.
    """

    name: str
    kind: str
    instances: int
    mesh_x: int | None
    attributes: Node
    node: Node


def role_of(element: Element) -> Role:
    """Return what a component is, by its class as Timeloop does, then by its attributes."""
    kind = element.kind.rpartition(".")[2].lower()
    if any(word in kind for word in _STORAGE):
        return Role.STORAGE
    if any(word in kind for word in _COMPUTE):
        return Role.COMPUTE
    table = element.attributes.value
    if isinstance(table, dict) and any(key.replace("-", "_") in _SIZES for key in table):
        return Role.STORAGE
    return Role.OTHER


def storage_level(element: Element, findings: Findings) -> StorageLevel | None:
    """Make a storage level; None if it has faults."""
    before = len(findings.faults)
    place = f"architecture.{element.name}"
    fields = Fields(element.attributes, place, findings, loose=True)
    bits, block, cluster = _widths(fields)
    technology = _same(fields, "technology")
    is_dram = "dram" in element.kind.lower() or (
        technology is not None and technology.text == "DRAM"
    )
    capacity = _capacity(fields, bits, block)
    read, write = _rate(fields, "read_bandwidth"), _rate(fields, "write_bandwidth")
    both = _rate(fields, "bandwidth")
    values: dict[str, Any] = {  # Any: pydantic checks the types
        "name": element.name,
        "kind": LevelKind.DRAM if is_dram else LevelKind.BUFFER,
        "word_bits": bits, "block_words": block, "cluster_size": cluster,
        "capacity_words": None if is_dram else capacity,
        "read_words_per_cycle": read or (both / 2 if both else None),
        "write_words_per_cycle": write or (both / 2 if both else None),
        "shared_words_per_cycle": _rate(fields, "shared_bandwidth"),
        "multiple_buffering": _rate(fields, "multiple_buffering") or Fraction(1),
        "min_utilization": fields.number("min_utilization") or 0.0,
        "can_reduce": fields.flag("reduction_supported"),
        "network": _network(fields),
    }  # fmt: skip
    values |= _mesh(fields, element)
    _unused(fields, element, findings, technology)
    if len(findings.faults) > before:
        return None
    return findings.build(StorageLevel, values, place, element.node)


def compute_level(element: Element, findings: Findings) -> ComputeLevel | None:
    """Make the compute level; None if it has faults."""
    before = len(findings.faults)
    place = f"architecture.{element.name}"
    fields = Fields(element.attributes, place, findings, loose=True)
    bits = _count(fields, "word_bits", "word_width", "datawidth", "data_width")
    values: dict[str, Any] = {"name": element.name, "word_bits": bits or 16}  # Any: as above
    values |= _mesh(fields, element)
    _unused(fields, element, findings, None)
    if len(findings.faults) > before:
        return None
    return findings.build(ComputeLevel, values, place, element.node)


def _unused(fields: Fields, element: Element, findings: Findings, technology: Node | None) -> None:
    names = [f"{element.name}.{key}" for key in fields.rest()]
    if technology is not None and technology.text != "DRAM":
        names.append(f"{element.name}.technology")
    for name in names:
        findings.unused.setdefault(name, None)


def _widths(fields: Fields) -> tuple[int, int, int]:
    """Return word bits, words per block and cluster size, which the width ties together."""
    bits = _count(fields, "word_bits", "word_width", "datawidth", "data_width") or 16
    block = _count(fields, "block_size", "n_words")
    cluster = _count(fields, "cluster_size")
    width_node = _same(fields, "width", "memory_width", "data_storage_width")
    if width_node is None:
        return bits, block or 1, cluster or 1
    width = _whole(fields, width_node, "width")
    if width is None:
        return bits, 1, 1
    known = bits * (block or 1) * (cluster or 1)
    exact = known == width if block and cluster else width % known == 0
    if not exact:
        rule = f"width {width} must be word-bits {bits} x block-size {block or '?'} x "
        rule += f"cluster-size {cluster or '?'}"
        fields.findings.add(width_node, fields.at("width"), rule)
        return bits, block or 1, cluster or 1
    if block is None:
        return bits, width // known, cluster or 1
    return bits, block, cluster or width // known


def _capacity(fields: Fields, bits: int, block: int) -> int | None:
    depth = _count(fields, "depth", "memory_depth", "data_storage_depth")
    entries = _count(fields, "entries")
    size = _rate(fields, "sizeKB", "size_KB")
    given = [value for value in (depth, entries, size) if value is not None]
    if len(given) > 1:
        rule = "gives its size more than once"
        fields.findings.add(fields.node, fields.place, rule, "keep one of depth, entries, sizeKB")
    if entries is not None:
        return entries
    if depth is not None:
        return depth * block
    return None if size is None else int(size * 1024 * 8 / bits)


def _network(fields: Fields) -> Network:
    return Network(
        fill_latency_cycles=fields.whole("network_fill_latency", least=0) or 0,
        drain_latency_cycles=fields.whole("network_drain_latency", least=0) or 0,
        energy_per_hop_pj=fields.number("energy_per_hop"),
        router_energy_pj=fields.number("router_energy"),
        ingress_energy_pj=fields.number("energy_per_ingress"),
    )


def _mesh(fields: Fields, element: Element) -> dict[str, int]:
    """Return instances and width: attributes are absolute and come before the tree's."""
    given = _count(fields, "instances")
    x, y = _count(fields, "meshX"), _count(fields, "meshY")
    tree_x = element.mesh_x if given is None and y is None else None
    instances = given if given is not None else element.instances
    if x and y and x * y != instances:
        rule = f"meshX {x} x meshY {y} must be the {instances} instances"
        fields.findings.add(element.node, fields.at("meshX"), rule)
        return {"instances": x * y, "mesh_x": x}
    if y and instances % y:
        rule = f"meshY must divide the {instances} instances"
        fields.findings.add(element.node, fields.at("meshY"), rule)
        return {"instances": instances, "mesh_x": instances}
    width = x or tree_x or (instances // y if y else instances)
    if instances % width:
        rule = f"meshX {width} must divide the {instances} instances"
        fields.findings.add(element.node, fields.at("meshX"), rule)
        width = instances
    return {"instances": instances, "mesh_x": width}


def _same(fields: Fields, *names: str) -> Node | None:
    """Take a value that may be spelt in several ways, if they agree."""
    found: Node | None = None
    for name in names:
        node = fields.node_of(name)
        if node is not None and found is not None and node.text != found.text:
            rule = f"is not the {found.text} of {names[0]}, which is the same attribute"
            fields.findings.add(node, fields.at(name), rule)
        found = found or node
    return found


def _count(fields: Fields, *names: str) -> int | None:
    node = _same(fields, *names)
    return None if node is None else _whole(fields, node, names[0])


def _whole(fields: Fields, node: Node, name: str) -> int | None:
    try:
        value, unit = number(node.text)
    except QuantityError:
        value, unit = Fraction(0), "?"
    if unit or value.denominator != 1 or value < 1 or isinstance(node.value, bool):
        remedy = "expressions are not evaluated: write the value" if node.text else ""
        fields.findings.add(node, fields.at(name), "needs a whole number >= 1", remedy)
        return None
    return int(value)


def _rate(fields: Fields, *names: str) -> Fraction | None:
    node = _same(fields, *names)
    if node is None:
        return None
    try:
        value, unit = number(node.text)
    except QuantityError:
        value, unit = Fraction(0), "?"
    if unit or value <= 0 or isinstance(node.value, bool):
        fields.findings.add(node, fields.at(names[0]), "needs a number above 0")
        return None
    return value


def elements_unused(elements: Sequence[Element], findings: Findings) -> None:
    """List the components that are neither storage nor compute, once."""
    for element in elements:
        findings.assume(
            f"component {element.name} of class {element.kind or '(none)'} is neither storage "
            "nor MAC: not modelled"
        )

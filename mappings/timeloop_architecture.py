"""Timeloop's architecture: trees (``subtree``/``local``, 0.2 and 0.3) and node lists (0.4).

Trees: a range ``name[0..n]`` stands for n + 1 copies; a subtree's range multiplies everything
below it, a component's range only itself. Components are outermost first.

Node lists: ``spatial: {meshX, meshY}`` or a range multiplies the node and every node after it in
the same list; in a ``!Parallel`` list each branch stands by itself. A container's attributes are
inherited by what it contains.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.reading import Node
from stallscope.mappings.timeloop_components import (
    Element,
    Role,
    compute_level,
    elements_unused,
    role_of,
    storage_level,
)

__all__ = ["Fanout", "Layout", "bare_name", "read_architecture"]

_RANGE = re.compile(r"(.*?)\s*\[\s*([0-9]{1,9})\s*\.\.\s*([0-9]{1,9})\s*\]\s*\Z", re.DOTALL)
_IGNORED = (
    "constraints", "required_actions", "area_scale", "energy_scale", "power_gated_at",
    "sparse_optimizations", "n_parallel_instances",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """A named spatial fan-out of a node list: below which storage level it stands, and how."""

    outer: str | None
    mesh_x: int
    mesh_y: int


@dataclass(slots=True)
class Layout:
    """What a mapping needs of an architecture file beside the levels.

    Attributes:
        fanouts: Containers and components with a fan-out of their own, outermost first.
    """

    fanouts: dict[str, Fanout] = field(default_factory=dict)


def read_architecture(node: Node, findings: Findings) -> tuple[Architecture | None, Layout]:
    """Read Timeloop's ``architecture:`` section; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, "architecture", findings, loose=True)
    fields.node_of("version")
    layout = Layout()
    nodes, subtree = fields.node_of("nodes"), fields.node_of("subtree")
    local = fields.node_of("local")
    name, attributes = fields.text("name"), fields.node_of("attributes")
    fields.close()
    if (nodes is None) is (subtree is None and local is None):
        findings.add(node, "architecture", "needs subtree (0.2, 0.3) or nodes (0.4)")
        return None, layout
    if nodes is not None:
        walk = _Nodes(findings, layout)
        walk.list_of(nodes, "architecture.nodes", 1, 1, _table(attributes))
        elements = walk.elements
    else:
        elements = _tree(subtree, local, findings)
        _note(attributes, name or "architecture", findings)
    return _architecture(elements, node, before, findings), layout


def bare_name(text: str) -> tuple[str, int]:
    """Split ``PE[0..167]`` into the name and the number of copies (1 without a range)."""
    match = _RANGE.match(text)
    if match is None:
        return text, 1
    return match[1], int(match[3]) - int(match[2]) + 1


def _architecture(
    elements: list[Element], node: Node, before: int, findings: Findings
) -> Architecture | None:
    roles = [(role_of(element), element) for element in elements]
    levels = [storage_level(element, findings) for role, element in roles if role is Role.STORAGE]
    macs = [element for role, element in roles if role is Role.COMPUTE]
    elements_unused([element for role, element in roles if role is Role.OTHER], findings)
    if len(macs) != 1:
        shown = ", ".join(element.name for element in macs) or "none"
        rule = f"needs exactly one compute component (class with mac or compute), has {shown}"
        findings.add(node, "architecture", rule)
    compute = compute_level(macs[0], findings) if macs else None
    if not levels and len(findings.faults) == before:
        findings.add(node, "architecture", "has no storage component")
    if len(findings.faults) > before:
        return None
    values = {"levels": tuple(levels), "compute": compute}
    return findings.build(Architecture, values, "architecture", node)


def _tree(subtree: Node | None, local: Node | None, findings: Findings) -> list[Element]:
    elements = _locals(local, "architecture", 1, findings)
    copies, place = 1, "architecture"
    while subtree is not None:
        place += ".subtree"
        if not isinstance(subtree.value, tuple) or len(subtree.value) != 1:
            findings.add(subtree, place, "needs a list of one subtree")
            break
        fields = Fields(subtree.value[0], f"{place}[0]", findings, loose=True)
        name, count = _named(fields)
        copies *= count
        elements += _locals(fields.node_of("local"), f"{place}[0]", copies, findings)
        _note(fields.node_of("attributes"), name, findings)
        subtree = fields.node_of("subtree")
        fields.close()
    return elements


def _locals(node: Node | None, place: str, copies: int, findings: Findings) -> list[Element]:
    if node is None:
        return []
    if not isinstance(node.value, tuple):
        findings.add(node, f"{place}.local", "needs a list of components")
        return []
    found = []
    for index, item in enumerate(node.value):
        fields = Fields(item, f"{place}.local[{index}]", findings, loose=True)
        name, count = _named(fields)
        kind, attributes = fields.required_text("class"), fields.node_of("attributes")
        fields.close()
        findings.written(f"architecture.{name}", item)
        found.append(
            Element(name=name, kind=kind or "", instances=copies * count, mesh_x=None,
                    attributes=attributes or _empty(item), node=item)
        )  # fmt: skip
    return found


def _named(fields: Fields) -> tuple[str, int]:
    text = fields.required_text("name")
    name, count = bare_name(text or "?")
    if count < 1 or not name:
        fields.findings.add(fields.node, fields.at("name"), f"{text} is not a name and a range",
                            "write name[0..n]")  # fmt: skip
    return name or "?", max(1, count)


def _empty(node: Node) -> Node:
    return Node({}, "", node.file, node.line)


def _table(node: Node | None) -> dict[str, Node]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


def _note(attributes: Node | None, owner: str, findings: Findings) -> None:
    for key in _table(attributes):
        findings.unused.setdefault(f"{owner}.{key}", None)


class _Nodes:
    """Walks a node list, multiplying fan-outs on the way."""

    def __init__(self, findings: Findings, layout: Layout) -> None:
        self.elements: list[Element] = []
        self._findings, self._layout = findings, layout
        self._outer: str | None = None

    def list_of(
        self, node: Node, place: str, x: int, y: int, inherited: dict[str, Node],
        *, parallel: bool = False,
    ) -> None:  # fmt: skip
        """Walk one list; ``x`` and ``y`` are the copies of what stands in it."""
        if not isinstance(node.value, tuple):
            self._findings.add(node, place, "needs a list of nodes")
            return
        for index, item in enumerate(node.value):
            state = self._node(item, f"{place}[{index}]", x, y, inherited)
            if not parallel:
                x, y, inherited = state

    def _node(
        self, node: Node, place: str, x: int, y: int, inherited: dict[str, Node]
    ) -> tuple[int, int, dict[str, Node]]:
        fields = Fields(node, place, self._findings, loose=True)
        tag = node.tag.lstrip("!").lower()
        if tag not in ("", "component", "container", "parallel", "hierarchical"):
            self._findings.add(
                node,
                place,
                f"unknown node tag {node.tag}",
                "known here: !Component, !Container, !Parallel, !Hierarchical",
            )
        inside = fields.node_of("nodes")
        if inside is not None or tag in ("parallel", "hierarchical"):
            fields.text("name")
            fields.close()
            self.list_of(inside or _empty(node), f"{place}.nodes", x, y, inherited,
                         parallel=tag == "parallel")  # fmt: skip
            return x, y, inherited
        name, count = _named(fields)
        more_x, more_y = self._spatial(fields.node_of("spatial"), place)
        kind = fields.text("class") or fields.text("subclass")
        fields.node_of("subclass")
        attributes = {
            key.replace("-", "_"): value
            for key, value in _table(fields.node_of("attributes")).items()
        }
        self._ignored(fields, name)
        fields.close()
        more_x *= count
        if more_x * more_y > 1:
            self._layout.fanouts[name] = Fanout(outer=self._outer, mesh_x=more_x, mesh_y=more_y)
        x, y = x * more_x, y * more_y
        self._findings.written(f"architecture.{name}", node)
        if tag == "container" or (tag == "" and kind is None):
            return x, y, inherited | attributes
        self._component(node, name, kind, x, y, inherited | attributes)
        return x, y, inherited

    def _component(
        self, node: Node, name: str, kind: str | None, x: int, y: int, table: dict[str, Node]
    ) -> None:
        attributes = Node(table, "", node.file, node.line)
        element = Element(name=name, kind=kind or "", instances=x * y, mesh_x=x,
                          attributes=attributes, node=node)  # fmt: skip
        self.elements.append(element)
        if role_of(element) is Role.STORAGE:
            self._outer = name

    def _spatial(self, node: Node | None, place: str) -> tuple[int, int]:
        if node is None:
            return 1, 1
        fields = Fields(node, f"{place}.spatial", self._findings)
        x, y = fields.whole("meshX"), fields.whole("meshY")
        fields.close()
        return x or 1, y or 1

    def _ignored(self, fields: Fields, name: str) -> None:
        for key in _IGNORED:
            if fields.node_of(key) is not None:
                self._findings.assume(f"architecture.{name}.{key} is not used")
        if fields.flag("enabled") is False:
            self._findings.assume(f"architecture.{name}.enabled is not used")

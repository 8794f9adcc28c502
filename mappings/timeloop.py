"""Timeloop's YAML, dialects 0.2, 0.3 and 0.4: sections into the parts of a case.

Only ``attributes:`` is open; what is not used of it is listed once among the assumptions. Any
other unknown key is a fault. Sections that steer other tools (mapper, constraints) are named
among the assumptions and otherwise left alone.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.assembly import Parts
from stallscope.mappings.case import Reuse, Rules
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.reading import Node
from stallscope.mappings.timeloop_architecture import Layout, read_architecture
from stallscope.mappings.timeloop_energy import read_tables, resolve_tables
from stallscope.mappings.timeloop_mapping import read_mapping
from stallscope.mappings.timeloop_problem import read_problem

__all__ = ["SECTIONS", "TIMELOOP_RULES", "is_timeloop", "read_sections", "sections_of"]

SECTIONS = ("problem", "architecture", "mapping", "ERT", "ART")
"""Timeloop's top-level sections that make a case."""

TIMELOOP_RULES = Rules(reuse=Reuse.TIMELOOP, link_transfers=True, first_read_elision=True)
"""The counting rules of Timeloop 3."""

_IGNORED = (
    "mapper", "mapspace", "mapspace_constraints", "architecture_constraints", "constraints",
    "sparse_optimizations", "variables", "globals", "components", "compound_components",
    "primitive_components", "ERT_summary", "ART_summary", "flattened_architecture", "layout",
)  # fmt: skip


def is_timeloop(root: Node) -> bool:
    """Whether a file without ``stallscope:`` looks like one of Timeloop's."""
    table = root.value if isinstance(root.value, dict) else {}
    for name, inside in (
        ("problem", ("shape", "instance")),
        ("architecture", ("subtree", "nodes", "local", "version")),
    ):
        section = table[name].value if name in table else None
        if isinstance(section, dict) and any(key in section for key in inside):
            return True
    if "mapping" in table and isinstance(table["mapping"].value, tuple):
        return True
    return any(name in table for name in ("ERT", "ART", *_IGNORED))


def sections_of(root: Node, findings: Findings) -> dict[str, Node]:
    """Return the sections of one Timeloop file; unknown ones are faults."""
    fields = Fields(root, "file", findings)
    found = {name: node for name in SECTIONS if (node := fields.node_of(name)) is not None}
    for name in _IGNORED:
        node = fields.node_of(name)
        if node is not None:
            findings.assume(f"{name} of {node.file} is not used")
    fields.close()
    return found


def read_sections(sections: AbstractMapping[str, Node], parts: Parts, findings: Findings) -> None:
    """Read Timeloop's sections into ``parts``; faults and assumptions go to ``findings``."""
    layout = Layout()
    if "problem" in sections:
        parts.problem = read_problem(sections["problem"], findings)
    if "architecture" in sections:
        parts.architecture, layout = read_architecture(sections["architecture"], findings)
        if findings.unused:
            listed = ", ".join(findings.unused)
            findings.assume(f"architecture attributes not used: {listed}")
    if "mapping" in sections:
        parts.mapping = read_mapping(sections["mapping"], layout, findings)
    if "ERT" in sections or "ART" in sections:
        _energy(sections.get("ERT"), sections.get("ART"), parts, findings)


def _energy(ert: Node | None, art: Node | None, parts: Parts, findings: Findings) -> None:
    table = read_tables(ert, art, findings)
    source = " and ".join(node.file for node in (ert, art) if node is not None)

    def resolve(architecture: Architecture) -> EnergyTable:
        return resolve_tables(table, architecture, source, findings)

    parts.energy = resolve

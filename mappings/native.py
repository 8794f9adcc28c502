"""The native format: YAML 1.2 files that start with ``stallscope: 1``.

A file holds any of the sections ``problem:``, ``architecture:``, ``dram_device:``, ``mapping:``,
``layout:``, ``sparsity:``, ``energy:`` and ``rules:``; a case may be split over files in any way.
``read`` and ``dump`` are each other's inverse, but for the record of files.
"""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.assembly import Parts, assemble, assemble_platform
from stallscope.mappings.case import Case, Platform, Reuse, Rules
from stallscope.mappings.dram_catalog import Devices, read_devices
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.native_architecture import read_architecture
from stallscope.mappings.native_energy import read_energy
from stallscope.mappings.native_header import (
    FORMAT_VERSION,
    read_assumptions,
    take_version,
)
from stallscope.mappings.native_layout import read_layout
from stallscope.mappings.native_mapping import read_mapping
from stallscope.mappings.native_problem import read_problem
from stallscope.mappings.native_writing import dump
from stallscope.mappings.reading import Node, read_text
from stallscope.mappings.sparsity.native_operands import read_sparsity
from stallscope.simcore.errors import Fault

__all__ = [
    "FORMAT_VERSION", "LISTED", "OF_CROSSBARS", "SECTIONS", "dump", "read", "read_sections",
    "sections_of",
]  # fmt: skip

SECTIONS = (
    "name", "problem", "architecture", "dram_device", "mapping", "layout", "sparsity", "energy",
    "rules", "assumptions",
)  # fmt: skip
"""The top-level keys of native files, beside ``stallscope``."""
OF_CROSSBARS = ("crossbars", "layer", "schedule", "reram_device")
"""Top-level keys of files of crossbars, which are no case on storage levels."""
LISTED = ("dram_device",)
"""Sections of which every file may have one of its own."""


def read(text: str, name: str = "<text>", devices: Devices | None = None) -> Case:
    """Read a whole case from native YAML text.

    Args:
        text: The YAML text.
        name: Name shown in faults.
        devices: DRAM devices that it may name beside its own and the package's.

    Raises:
        SpecError: Every fault, with its line.
    """
    findings = Findings()
    sections = sections_of(read_text(text, name), findings)
    parts = Parts(given=set(sections), devices=devices)
    read_sections(sections, parts, findings)
    return assemble(parts, findings, shown=name)


def read_platform(text: str, name: str = "<text>", devices: Devices | None = None) -> Platform:
    """Read an architecture and its energies from native YAML text; SpecError as `read`."""
    findings = Findings()
    sections = sections_of(read_text(text, name), findings)
    parts = Parts(given=set(sections), devices=devices)
    read_sections(sections, parts, findings)
    return assemble_platform(parts, findings, shown=name)


def sections_of(root: Node, findings: Findings) -> dict[str, Node]:
    """Return the sections of one native file; unknown ones and a bad version are faults."""
    fields = Fields(root, "file", findings)
    take_version(fields)
    found = {name: node for name in SECTIONS if (node := fields.node_of(name)) is not None}
    for name in OF_CROSSBARS:
        node = fields.node_of(name)
        if node is not None:
            rule = "has no place in files of storage levels"
            remedy = "load crossbars by load_crossbars; simulate, analyze and explore take them"
            fault = Fault(place=name, value="", rule=rule, remedy=remedy, source=node.source)
            findings.faults.append(fault)
    fields.close()
    return found


def read_sections(sections: AbstractMapping[str, Node], parts: Parts, findings: Findings) -> None:
    """Read native sections into ``parts``; faults and assumptions go to ``findings``."""
    parts.devices = devices = read_devices(sections.get("dram_device"), findings, parts.devices)
    for name, node in sections.items():
        match name:
            case "name":
                parts.name = node.text
            case "problem":
                parts.problem = read_problem(node, findings)
            case "architecture":
                parts.architecture = read_architecture(node, findings, devices)
                _say_devices(parts, devices, findings)
            case "energy":
                _energy(read_energy(node, findings), node, parts, findings)
            case "assumptions":
                read_assumptions(node, findings)
            case _:
                _read_case(name, node, parts, findings)


def _read_case(name: str, node: Node, parts: Parts, findings: Findings) -> None:
    """Read a section that is about what is computed, and how."""
    match name:
        case "mapping":
            parts.mapping = read_mapping(node, findings)
        case "layout":
            parts.layout = read_layout(node, findings)
        case "sparsity":
            parts.sparsity = read_sparsity(node, findings)
        case "rules":
            parts.rules = _rules(node, findings)


def _energy(table: EnergyTable | None, node: Node, parts: Parts, findings: Findings) -> None:
    def resolve(architecture: Architecture) -> EnergyTable | None:
        known = {*architecture.level_index, architecture.compute.name}
        for component in table.components if table is not None else ():
            if component.component not in known:
                findings.assume(f"energy of {component.component} is not used: no such level")
        return table

    parts.energy = resolve


def _say_devices(parts: Parts, devices: Devices, findings: Findings) -> None:
    """Name what became of the case's own devices."""
    if parts.architecture is not None:
        memory = parts.architecture.levels[0].memory
        for sentence in devices.assumptions(memory.device.name if memory is not None else None):
            findings.assume(sentence)


def _rules(node: Node, findings: Findings) -> Rules | None:
    fields = Fields(node, "rules", findings)
    reuse = fields.one_of([member.value for member in Reuse], "reuse")
    links = fields.flag("link_transfers")
    elision = fields.flag("first_read_elision")
    fields.close()
    return Rules(
        reuse=Reuse(reuse) if reuse else Rules().reuse,
        link_transfers=links,
        first_read_elision=True if elision is None else elision,
    )

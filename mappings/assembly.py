"""Putting the parts of a case together, whatever notation each was read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case, InputFile, Platform, Rules
from stallscope.mappings.dram_catalog import Devices
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Findings
from stallscope.mappings.layout import Layout, check_layout
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.native_layout import LayoutDraft
from stallscope.mappings.native_mapping import MappingDraft
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.native_operands import SparsityDraft
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["EnergyDraft", "Parts", "assemble", "assemble_platform"]

EnergyDraft = Callable[[Architecture], EnergyTable | None]
"""A table of energies whose component names wait for the architecture."""


@dataclass(slots=True)
class Parts:
    """What the files of a case held.

    Attributes:
        given: Sections that were there, with or without faults.
        devices: DRAM devices that the files describe.
    """

    given: set[str]
    name: str | None = None
    problem: Problem | None = None
    architecture: Architecture | None = None
    mapping: MappingDraft | None = None
    energy: EnergyDraft | None = None
    rules: Rules | None = None
    layout: LayoutDraft | None = None
    sparsity: SparsityDraft | None = None
    devices: Devices | None = None


def assemble(
    parts: Parts,
    findings: Findings,
    *,
    files: tuple[InputFile, ...] = (),
    shown: str = "",
    check: bool = True,
) -> Case:
    """Make the case and check its mapping.

    Args:
        parts: What was read.
        findings: The faults so far; more are added.
        files: The files, for the record.
        check: Whether to check the mapping against problem and architecture.
        shown: Names of the files, for a section that is missing.

    Raises:
        SpecError: Every fault of all parts.
    """
    _missing(parts, findings, shown, ("problem", "architecture", "mapping"))
    problem, architecture = parts.problem, parts.architecture
    mapping = None
    if problem and architecture and parts.mapping:
        mapping = parts.mapping(problem, architecture)
    energy = parts.energy(architecture) if architecture and parts.energy else None
    zeros = parts.sparsity(problem) if problem and parts.sparsity else None
    sparsity, arrays = zeros or (Sparsity(), ())
    if check and problem and architecture and mapping:
        try:
            check_mapping(problem, architecture, mapping, sparsity)
        except SpecError as error:
            findings.take(error)
    layout = _layout(parts, findings)
    findings.check()
    if problem is None or architecture is None or mapping is None:
        raise SpecError([Fault(place="case", value="", rule="is incomplete")])
    return Case(
        name=parts.name if parts.name is not None else "case", problem=problem,
        architecture=architecture, mapping=mapping, energy=energy,
        rules=parts.rules or Rules(), layout=layout, sparsity=sparsity,
        assumptions=tuple(findings.assumptions), files=files + arrays,
    )  # fmt: skip


def _layout(parts: Parts, findings: Findings) -> Layout:
    """The layout, checked against the problem; faults are recorded."""
    layout = None
    if parts.layout is not None and parts.architecture is not None:
        layout = parts.layout(parts.architecture)
    if layout is None:
        return Layout()
    if parts.problem is not None:
        try:
            check_layout(parts.problem, layout)
        except SpecError as error:
            findings.take(error)
    return layout


def assemble_platform(
    parts: Parts, findings: Findings, *, files: tuple[InputFile, ...] = (), shown: str = ""
) -> Platform:
    """Make the platform alone; arguments and errors as for `assemble`."""
    _missing(parts, findings, shown, ("architecture",))
    architecture = parts.architecture
    energy = parts.energy(architecture) if architecture and parts.energy else None
    findings.check()
    if architecture is None:
        raise SpecError([Fault(place="architecture", value="", rule="is incomplete")])
    return Platform(
        name=parts.name if parts.name is not None else "case", architecture=architecture,
        energy=energy, assumptions=tuple(findings.assumptions), files=files,
    )  # fmt: skip


def _missing(parts: Parts, findings: Findings, shown: str, sections: tuple[str, ...]) -> None:
    for section in sections:
        if section not in parts.given:
            fault = Fault(
                place=section,
                value="",
                rule=f"no file has a {section}: section",
                remedy="name one more file",
                source=shown,
            )
            findings.faults.append(fault)

"""Loading a case from files: native or Timeloop, in any split over files.

Which notation a file is in follows from its content: native files start with ``stallscope: 1``.
Sections of both may be combined, but a section is of one notation and stands once. Everything
wrong in any file is reported in one error.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from stallscope.mappings import native, timeloop
from stallscope.mappings.architecture import Architecture
from stallscope.mappings.assembly import Parts, assemble, assemble_platform
from stallscope.mappings.case import Case, InputFile, Platform, Reuse, Rules
from stallscope.mappings.dram_catalog import Devices
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Findings, nearest
from stallscope.mappings.overrides import UNATTRIBUTED, override, override_platform
from stallscope.mappings.problem import Problem
from stallscope.mappings.reading import Document, Node, read_file
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "join_sections", "load", "load_architecture", "load_energy", "load_platform", "load_problem",
    "read_parts", "ruled",
]  # fmt: skip

PathLike = str | os.PathLike[str]
Part = TypeVar("Part", Problem, Architecture)
_NATIVE_HEADER = "stallscope"


def load(
    *paths: PathLike,
    name: str | None = None,
    reuse: Reuse | str | None = None,
    link_transfers: bool | None = None,
    first_read_elision: bool | None = None,
    overrides: Sequence[str] = (),
    check: bool = True,
) -> Case:
    """Load a case: problem, architecture, mapping and, if given, energies.

    Args:
        paths: YAML files, native or Timeloop, in any split.
        check: Whether the mapping must be legal on the architecture. A compiled program need not
            be: it runs, or ends in a deadlock that says who waits for what.
        name: Name of the case; else the files', else ``case``.
        reuse: Rule of reuse; else the files', else Timeloop's for a Timeloop mapping.
        link_transfers: Rule of neighbour links, likewise.
        first_read_elision: Whether first touches of outputs are not read, likewise.
        overrides: ``path=value`` in the native notation, applied in order after reading:
            ``architecture.GLB.read_words_per_cycle=16``, ``mapping.GLB.buffering.Inputs=1``.

    Raises:
        SpecError: Every fault of every file, with file, line, path, value, rule and remedy.
    """
    findings = Findings()
    parts, documents = read_parts(paths, findings)
    files = tuple(InputFile(path=doc.path, sha256=doc.sha256) for doc in documents)
    shown = ", ".join(os.fspath(path) for path in paths)
    if not paths:
        raise SpecError([Fault(place="files", value="", rule="no file is named",
                               remedy="name problem, architecture and mapping files")])  # fmt: skip
    if findings.faults and len(documents) < len(paths):
        parts.given |= {"problem", "architecture", "mapping"}  # may be in the unreadable file
    # With overrides the mapping is checked once they are in: they may be what makes it legal.
    case = assemble(parts, findings, files=files, shown=shown, check=check and not overrides)
    if overrides:
        case = _overridden(case, overrides, findings, parts.devices)
    rules = ruled(case.rules, reuse, link_transfers, first_read_elision)
    return case.model_copy(update={"name": name or case.name, "rules": rules})


def load_platform(
    *paths: PathLike, name: str | None = None, overrides: Sequence[str] = ()
) -> Platform:
    """Load what a program of one's own runs on: the architecture and, if given, energies.

    Args:
        paths: YAML files, native or Timeloop, in any split; what they say of a problem or a
            mapping is checked and otherwise ignored.
        name: Name of the run; else the files', else ``case``.
        overrides: ``path=value`` in the native notation, as for `load`.

    Raises:
        SpecError: Every fault of every file.
    """
    findings = Findings()
    parts, documents = read_parts(paths, findings)
    if findings.faults and len(documents) < len(paths):
        parts.given.add("architecture")  # may be in the unreadable file
    files = tuple(InputFile(path=doc.path, sha256=doc.sha256) for doc in documents)
    shown = ", ".join(os.fspath(path) for path in paths)
    platform = assemble_platform(parts, findings, files=files, shown=shown)
    if overrides:
        platform = override_platform(platform, overrides, parts.devices)
    return platform.model_copy(update={"name": name or platform.name})


def _overridden(
    case: Case, overrides: Sequence[str], findings: Findings, devices: Devices | None
) -> Case:
    try:
        return override(case, overrides, devices)
    except SpecError as error:
        located = [
            findings.located(replace(fault, source="")) if fault.source == UNATTRIBUTED else fault
            for fault in error.faults
        ]
        raise SpecError(located) from error


def load_problem(*paths: PathLike) -> Problem:
    """Load the problem alone; SpecError with every fault of the files."""
    findings = Findings()
    problem = read_parts(paths, findings)[0].problem
    return _found(problem, "problem", paths, findings)


def load_architecture(*paths: PathLike) -> Architecture:
    """Load the architecture alone; SpecError with every fault of the files."""
    findings = Findings()
    architecture = read_parts(paths, findings)[0].architecture
    return _found(architecture, "architecture", paths, findings)


def load_energy(architecture: Architecture, *paths: PathLike) -> EnergyTable | None:
    """Load the energies for an architecture, or None if no file has any.

    Raises:
        SpecError: Every fault of the files.
    """
    findings = Findings()
    parts, _ = read_parts(paths, findings)
    table = parts.energy(architecture) if parts.energy is not None else None
    findings.check()
    return table


def _found(
    part: Part | None,
    section: str,
    paths: Sequence[PathLike],
    findings: Findings,
) -> Part:
    findings.check()
    if part is None:
        shown = ", ".join(os.fspath(path) for path in paths)
        raise SpecError([Fault(place=section, value="", rule=f"no file has a {section}: section",
                               remedy="name one more file", source=shown)])  # fmt: skip
    return part


def read_parts(paths: Sequence[PathLike], findings: Findings) -> tuple[Parts, list[Document]]:
    """Read all files and their sections; faults go to ``findings``."""
    documents: list[Document] = []
    for path in paths:
        try:
            documents.append(read_file(path))
        except SpecError as error:
            findings.take(error)
    ours: dict[str, Node] = {}
    theirs: dict[str, Node] = {}
    for document in documents:
        root = document.root
        if isinstance(root.value, dict) and _NATIVE_HEADER in root.value:
            join_sections(ours, native.sections_of(root, findings), findings)
        elif timeloop.is_timeloop(root):
            join_sections(theirs, timeloop.sections_of(root, findings), findings)
        else:
            _unrecognised(root, findings)
    for section in sorted(set(ours) & set(theirs)):
        rule = f"is native in {ours[section].file} and Timeloop's here"
        findings.add(theirs.pop(section), section, rule, "keep one of the two")
    parts = Parts(given=set(ours) | set(theirs))
    if "mapping" in theirs:
        parts.rules = timeloop.TIMELOOP_RULES
    timeloop.read_sections(theirs, parts, findings)
    native.read_sections(ours, parts, findings)
    return parts, documents


def join_sections(sections: dict[str, Node], more: dict[str, Node], findings: Findings) -> None:
    """Add a file's sections; one that is split over files is joined key by key."""
    for name, node in more.items():
        first = sections.get(name)
        if first is None:
            sections[name] = node
        elif name in native.LISTED:
            items = tuple(
                item
                for part in (first, node)
                for item in (part.value if isinstance(part.value, tuple) else (part,))
            )
            sections[name] = Node(items, "", first.file, first.line, first.tag)
        elif isinstance(first.value, dict) and isinstance(node.value, dict):
            for key in [key for key in node.value if key in first.value and key != "version"]:
                rule = f"is given in {first.source} too"
                findings.add(node.value[key], f"{name}.{key}", rule, "keep one of the two")
            sections[name] = Node(node.value | first.value, "", first.file, first.line, first.tag)
        else:
            findings.add(node, name, f"is given in {first.source} too", "keep one of the two")


def _unrecognised(root: Node, findings: Findings) -> None:
    keys = list(root.value) if isinstance(root.value, dict) else []
    known = (*native.SECTIONS, *timeloop.SECTIONS)
    if any(key in native.SECTIONS for key in keys):
        rule, remedy = "is no Timeloop file and does not say its format", ""
        remedy = "start a native file with stallscope: 1"
    else:
        rule = f"has no section of a case, only {', '.join(keys[:6])}"
        remedy = nearest(keys[0], known) if keys else ""
    fault = Fault(place="file", value="", rule=rule, remedy=remedy, source=root.source)
    findings.faults.append(fault)


def ruled(
    rules: Rules,
    reuse: Reuse | str | None,
    link_transfers: bool | None,
    first_read_elision: bool | None,
) -> Rules:
    """Return the rules with those that the caller gives; SpecError if one is unknown."""
    words = [member.value for member in Reuse]
    if reuse is not None and str(Reuse(reuse).value if isinstance(reuse, Reuse) else reuse) not in (
        words
    ):
        raise SpecError([Fault(place="rules.reuse", value=reuse, rule="needs " + " or ".join(words),
                               remedy=nearest(str(reuse), words))])  # fmt: skip
    return Rules(
        reuse=rules.reuse if reuse is None else Reuse(reuse),
        link_transfers=rules.link_transfers if link_transfers is None else link_transfers,
        first_read_elision=rules.first_read_elision
        if first_read_elision is None
        else first_read_elision,
    )

"""Loading cases and chips of crossbars from native files, in any split.

Everything wrong in any file is reported in one error, with file and line. Sections of the other
kind of accelerator (storage levels, a mapping) beside ``crossbars:`` are faults that say what to
give instead.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from stallscope.mappings.case import InputFile
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Fields, Findings
from stallscope.mappings.layers import Shape
from stallscope.mappings.loading import join_sections
from stallscope.mappings.native_header import take_version
from stallscope.mappings.reading import Document, Node, read_file, read_text
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.native import FOREIGN, SECTIONS, CrossbarParts, read_sections
from stallscope.mappings.reram.overrides import attributed, overridden
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["CrossbarFiles", "is_of_crossbars", "load_chip", "load_crossbars", "read_crossbars"]

PathLike = str | os.PathLike[str]
_HEADER = "stallscope"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossbarFiles:
    """A chip without a layer: read once, then any number of layers are put on it.

    Attributes:
        name: Name of the files, or of the chip.
        schedule: The schedule of the files, or None if they have none.
        energy: Energies by component and action, or None.
        assumptions: Named assumptions made while reading, one sentence each.
        files: The files it was read from.
    """

    name: str
    chip: CrossbarChip
    schedule: CrossbarSchedule | None
    energy: EnergyTable | None
    assumptions: tuple[str, ...]
    files: tuple[InputFile, ...]

    def case(
        self,
        layer: Shape,
        schedule: CrossbarSchedule,
        *,
        name: str,
        files: tuple[InputFile, ...] = (),
        assumptions: tuple[str, ...] = (),
    ) -> CrossbarCase:
        """Return a layer on the chip.

        Args:
            layer: What is computed.
            schedule: In which order.
            name: Name of the case.
            files: Files that the layer comes from, for the record.
            assumptions: Named assumptions about the layer.
        """
        return CrossbarCase(
            name=name, layer=layer, chip=self.chip, schedule=schedule, energy=self.energy,
            assumptions=(*self.assumptions, *assumptions), files=(*self.files, *files),
        )  # fmt: skip


def is_of_crossbars(paths: Sequence[PathLike]) -> bool:
    """Return whether files describe crossbars: one has a section that only crossbars have.

    Files that cannot be read are of no kind; whoever loads them says why.
    """
    return any(_has_crossbars(path) for path in paths)


def load_crossbars(
    *paths: PathLike, name: str | None = None, overrides: Sequence[str] = ()
) -> CrossbarCase:
    """Load a case: a chip, a layer and, if given, a schedule and energies.

    Args:
        paths: Native YAML files, in any split.
        name: Name of the case; else the files', else the layer's, else ``case``.
        overrides: ``path=value`` in the native notation, applied in order before reading:
            ``crossbars.writing.iterations=10``, ``schedule.snake=true``.

    Raises:
        SpecError: Every fault of every file, with file, line, path, value, rule and remedy.
    """
    read = _read(paths, overrides, ("crossbars", "layer"))
    return _case(read.parts, read.findings, name=name, files=read.files)


def load_chip(*paths: PathLike, overrides: Sequence[str] = ()) -> CrossbarFiles:
    """Load a chip for the layers of a network.

    Args:
        paths: Native YAML files, in any split; a layer in them is a fault.
        overrides: As for `load_crossbars`.

    Raises:
        SpecError: Every fault of every file.
    """
    read = _read(paths, overrides, ("crossbars",))
    parts = read.parts
    assert parts.chip is not None
    return CrossbarFiles(
        name=parts.name or parts.chip.name, chip=parts.chip, schedule=parts.schedule,
        energy=parts.energy, assumptions=tuple(read.findings.assumptions), files=read.files,
    )  # fmt: skip


def read_crossbars(text: str, name: str = "<text>") -> CrossbarCase:
    """Read a whole case from native YAML text.

    Args:
        text: The YAML text.
        name: Name shown in faults.

    Raises:
        SpecError: Every fault, with its line.
    """
    findings = Findings()
    sections = _sections_of(read_text(text, name), findings)
    return _case(_parts(sections, findings, ("crossbars", "layer"), name), findings)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, free of faults."""

    parts: CrossbarParts
    findings: Findings
    files: tuple[InputFile, ...]


def _read(paths: Sequence[PathLike], overrides: Sequence[str], needs: tuple[str, ...]) -> _Read:
    """Read files and settings; SpecError with every fault."""
    if not paths:
        raise SpecError([Fault(place="files", value="", rule="no file is named",
                               remedy="name files with crossbars: and layer:")])  # fmt: skip
    findings = Findings()
    documents, sections = _joined(paths, findings)
    files = tuple(InputFile(path=document.path, sha256=document.sha256) for document in documents)
    shown = ", ".join(os.fspath(path) for path in paths)
    if len(documents) < len(paths):
        needs = ()  # what is missing may be in the file that cannot be read
    if not overrides:
        return _Read(_parts(sections, findings, needs, shown), findings, files)
    written = Findings()
    read_sections(sections, written)
    try:
        parts = _parts(overridden(sections, overrides), findings, needs, shown)
    except SpecError as error:
        faults = [attributed(fault, overrides, written) for fault in error.faults]
        raise SpecError(faults) from error
    return _Read(parts, findings, files)


def _joined(
    paths: Sequence[PathLike], findings: Findings
) -> tuple[list[Document], dict[str, Node]]:
    """Read all files and join their sections; faults go to ``findings``."""
    documents: list[Document] = []
    sections: dict[str, Node] = {}
    for path in paths:
        try:
            document = read_file(path)
        except SpecError as error:
            findings.take(error)
            continue
        documents.append(document)
        join_sections(sections, _sections_of(document.root, findings), findings)
    return documents, sections


def _sections_of(root: Node, findings: Findings) -> dict[str, Node]:
    """Return the sections of one file; unknown ones and those of other kinds are faults."""
    if not isinstance(root.value, dict) or _HEADER not in root.value:
        rule = "is no native file: crossbars have no other notation"
        remedy = "start it with stallscope: 1"
        fault = Fault(place="file", value="", rule=rule, remedy=remedy, source=root.source)
        findings.faults.append(fault)
        return {}
    fields = Fields(root, "file", findings)
    take_version(fields)
    found = {name: node for name in SECTIONS if (node := fields.node_of(name)) is not None}
    for name, remedy in FOREIGN.items():
        node = fields.node_of(name)
        if node is not None:
            rule = "has no place in files of crossbars"
            fault = Fault(place=name, value="", rule=rule, remedy=remedy, source=node.source)
            findings.faults.append(fault)
    fields.close()
    return found


def _parts(
    sections: dict[str, Node], findings: Findings, needs: tuple[str, ...], shown: str
) -> CrossbarParts:
    """Read sections; SpecError with every fault, those of missing sections among them."""
    parts = read_sections(sections, findings)
    for section in needs:
        if section not in parts.given:
            rule, remedy = f"no file has a {section}: section", "name one more file"
            fault = Fault(place=section, value="", rule=rule, remedy=remedy, source=shown)
            findings.faults.append(fault)
    if needs == ("crossbars",) and "layer" in sections:
        rule, remedy = "a network has layers of its own", "take the layer out of the chip's files"
        fault = Fault(place="layer", value="", rule=rule, remedy=remedy,
                      source=sections["layer"].source)  # fmt: skip
        findings.faults.append(fault)
    findings.check()
    return parts


def _case(
    parts: CrossbarParts,
    findings: Findings,
    *,
    name: str | None = None,
    files: tuple[InputFile, ...] = (),
) -> CrossbarCase:
    """Make the case of sections that are all there."""
    assert parts.chip is not None
    assert parts.layer is not None
    for sentence in parts.layer.assumptions:
        findings.assume(sentence)
    return CrossbarCase(
        name=name or parts.name or parts.layer_name or "case",
        layer=parts.layer,
        chip=parts.chip,
        schedule=parts.schedule or CrossbarSchedule(),
        energy=parts.energy,
        assumptions=tuple(findings.assumptions),
        files=files,
    )


def _has_crossbars(path: PathLike) -> bool:
    try:
        root = read_file(path).root
    except SpecError:
        return False
    keys = root.value if isinstance(root.value, dict) else {}
    return "crossbars" in keys or (_HEADER in keys and bool({"layer", "schedule"} & keys.keys()))

"""An accelerator without a problem: read once, then any number of layers are put on it.

Its files hold an architecture and, if given, energies, devices, rules, a layout and zeros that the
operands of every layer have. Settings of the command line that are about architecture and energies
are applied once; those about a mapping, a layout, zeros or rules to every layer's case.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stallscope.mappings.assembly import assemble_platform
from stallscope.mappings.case import Case, InputFile, Platform, Reuse, Rules
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.dram_catalog import Devices
from stallscope.mappings.fields import Findings
from stallscope.mappings.layers import Shape
from stallscope.mappings.layout import Layout, check_layout
from stallscope.mappings.legality import DENSE, check_mapping
from stallscope.mappings.loading import read_parts, ruled
from stallscope.mappings.mapping import Mapping
from stallscope.mappings.overrides import override, override_platform
from stallscope.mappings.problem import Problem
from stallscope.mappings.scalesim_architecture import architecture_of
from stallscope.mappings.scalesim_config import read_config
from stallscope.mappings.sparsity.native_operands import Zeros, settled
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.simcore.errors import Fault

__all__ = ["Accelerator", "load_accelerator"]

_Asked = tuple[Reuse | str | None, bool | None, bool | None]
_SCALESIM = ".cfg"
_PLATFORM = ("name", "architecture", "dram_device", "energy")
"""Sections whose settings do not depend on a layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """What layers are put on.

    Attributes:
        platform: Architecture and energies, with the settings about them applied.
        rules: Rules of counting of the files.
        asked: What the caller says about these: reuse, neighbour links, elision of first reads.
        layout: Where tensors lie in main memory.
        settings: ``path=value`` that are applied to every case.
        devices: DRAM devices of the files.
        dataflow: Which tensor stays in the array, if the files say it.
        lowers: Whether convolutions are run as matrix products (im2col in main memory).
        zeros: Which words of a layer's operands are zero, and the files that say so; None: the
            accelerator's files do not say. SpecError if it does not suit the layer.
    """

    platform: Platform
    rules: Rules
    asked: _Asked
    layout: Layout
    settings: tuple[str, ...]
    devices: Devices | None
    dataflow: Dataflow | None = None
    lowers: bool = False
    zeros: Callable[[Problem | Shape], Zeros] | None = None

    def sparsity(self, layer: Shape, own: Sparsity) -> Zeros:
        """Return a layer's own zeros, and the accelerator's of the tensors that it says nothing of.

        Args:
            layer: The layer.
            own: Its own zeros.

        Raises:
            SpecError: If the accelerator's do not suit it.
        """
        if self.zeros is None:
            return own, ()
        general, files = self.zeros(layer)
        more = tuple(one for one in general.operands if own.of(one.tensor) is None)
        return Sparsity(operands=own.operands + more), files

    def case(
        self,
        problem: Problem,
        mapping: Mapping,
        *,
        name: str,
        files: tuple[InputFile, ...] = (),
        assumptions: tuple[str, ...] = (),
        layout: Layout | None = None,
        sparsity: Sparsity = DENSE,
    ) -> Case:
        """Return a checked case.

        Args:
            problem: What is computed.
            mapping: How.
            name: Name of the case.
            files: Files that the problem comes from, for the record.
            assumptions: Named assumptions about the problem.
            layout: Where tensors lie in main memory, if the accelerator's files do not say.
            sparsity: Which words of the operands are zero (`sparsity`).

        Raises:
            SpecError: If the mapping or the layout does not fit.
        """
        platform = self.platform
        place = self.layout if layout is None or self.layout.tensors else layout
        case = Case(
            name=name, problem=problem, architecture=platform.architecture, mapping=mapping,
            energy=platform.energy, rules=ruled(self.rules, *self.asked), layout=place,
            assumptions=(*platform.assumptions, *assumptions), files=(*platform.files, *files),
            sparsity=sparsity,
        )  # fmt: skip
        if self.settings:
            case = override(case, self.settings, self.devices)
            return case.model_copy(update={"rules": ruled(case.rules, *self.asked)})
        check_mapping(problem, case.architecture, mapping, sparsity)
        check_layout(problem, case.layout)
        return case


def load_accelerator(
    *paths: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    reuse: Reuse | str | None = None,
    link_transfers: bool | None = None,
    first_read_elision: bool | None = None,
) -> Accelerator:
    """Load an accelerator for layers that are given by their shapes.

    Args:
        paths: YAML files, native or Timeloop, in any split; or one configuration of SCALE-Sim
            (``.cfg``), whose data flow and rules for folds are kept.
        overrides: ``path=value`` in the native notation, as for `load`.
        reuse: Rule of reuse; else the files'.
        link_transfers: Rule of neighbour links, likewise.
        first_read_elision: Whether first touches of outputs are not read, likewise.

    Raises:
        SpecError: Every fault of every file; a problem or mapping in them is one.
    """
    asked = (reuse, link_transfers, first_read_elision)
    if len(paths) == 1 and os.fspath(paths[0]).lower().endswith(_SCALESIM):
        return _scalesim(paths[0], overrides, asked)
    findings = Findings()
    parts, documents = read_parts(paths, findings)
    shown = ", ".join(os.fspath(path) for path in paths)
    if findings.faults and len(documents) < len(paths):
        parts.given.add("architecture")  # may be in the unreadable file
    findings.faults += [_own(name, shown) for name in sorted(parts.given & {"problem", "mapping"})]
    files = tuple(InputFile(path=doc.path, sha256=doc.sha256) for doc in documents)
    layout = None
    if parts.layout is not None and parts.architecture is not None:
        layout = parts.layout(parts.architecture)
    platform = assemble_platform(parts, findings, files=files, shown=shown)
    platform, settings = _set(platform, overrides, parts.devices)
    return Accelerator(
        platform=platform,
        rules=parts.rules or Rules(),
        asked=asked,
        layout=layout or Layout(),
        settings=settings,
        devices=parts.devices,
        zeros=settled(parts.sparsity, findings) if parts.sparsity is not None else None,
    )


def _own(section: str, shown: str) -> Fault:
    """A section that belongs to a layer, not to an accelerator."""
    rule = f"a layer by its shape has a {section} of its own"
    remedy = f"take the {section} out of the accelerator's files"
    return Fault(place=section, value="", rule=rule, remedy=remedy, source=shown)


def _set(
    platform: Platform, overrides: Sequence[str], devices: Devices | None
) -> tuple[Platform, tuple[str, ...]]:
    """Apply the settings about a platform; return the others beside it."""
    general = [one for one in overrides if one.partition(".")[0].strip() in _PLATFORM]
    if general:
        platform = override_platform(platform, general, devices)
    return platform, tuple(one for one in overrides if one not in general)


def _scalesim(
    path: str | os.PathLike[str], overrides: Sequence[str], asked: _Asked
) -> Accelerator:  # fmt: skip
    """SCALE-Sim's machine; what of its configuration is not used is a named assumption."""
    config = read_config(path)
    architecture = architecture_of(config)
    platform = Platform(
        name=architecture.name,
        architecture=architecture,
        assumptions=config.notes,
        files=(config.file,),
    )
    platform, settings = _set(platform, overrides, None)
    return Accelerator(
        platform=platform, rules=Rules(), asked=asked, layout=Layout(), settings=settings,
        devices=None, dataflow=config.dataflow, lowers=True,
    )  # fmt: skip

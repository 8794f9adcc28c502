"""The presets that come with the package, and network files.

A preset is a native file inside the package. A network file lists layers in series, each with the
native or Timeloop files of its problem and mapping, relative to the network file::

    stallscope: 1
    network:
      name: alexnet-conv
      layers:
        - {name: conv1, files: [alexnet/conv1.yaml]}
        - {name: conv2, files: [conv2.problem.yaml, conv2.mapping.yaml], repeat: 2}
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stallscope.mappings.case import Case
from stallscope.mappings.fields import Fields, Findings, nearest
from stallscope.mappings.reading import Node, read_file
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "ACCELERATORS", "NETWORKS", "Layer", "Network", "Preset", "accelerator_of", "load_network",
    "network_of", "preset", "with_preset_names",
]  # fmt: skip

_FOLDER = Path(__file__).parent / "presets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A file of the package that is known by name.

    Attributes:
        name: Name on the command line.
        summary: One line for lists.
        path: The file.
        network: For an accelerator, the network it is shown with.
        beside: For an accelerator, its twin that ``run`` shows beside it.
    """

    name: str
    summary: str
    path: Path
    network: str | None = None
    beside: str | None = None


ACCELERATORS = (
    Preset(
        name="eyeriss-168",
        summary="Eyeriss-like, 168 PEs, GLB 16 words/cycle, DRAM 4 words/cycle and 50 cycles",
        path=_FOLDER / "eyeriss-168.yaml",
        network="alexnet-conv",
        beside="eyeriss-168-unlimited",
    ),
    Preset(
        name="eyeriss-168-unlimited",
        summary="the same with a DRAM of unlimited bandwidth and no latency",
        path=_FOLDER / "eyeriss-168-unlimited.yaml",
        network="alexnet-conv",
    ),
    Preset(
        name="eyeriss-168-ddr4",
        summary="the same with a DDR4-2400 channel and an X/Y bus per tensor to the PEs",
        path=_FOLDER / "eyeriss-168-ddr4.yaml",
        network="alexnet-conv",
        beside="eyeriss-168",
    ),
    Preset(
        name="tpu-like-128",
        summary="128 x 128 systolic array of 8-bit MACs after TPU v1, 12 MiB buffer, HBM2 channel",
        path=_FOLDER / "tpu-like-128.yaml",
    ),
    Preset(
        name="gemmini-like-16",
        summary="16 x 16 systolic array, Gemmini's default: 256 KiB scratchpad, 16 bytes/cycle",
        path=_FOLDER / "gemmini-like-16.yaml",
    ),
    Preset(
        name="systolic-4",
        summary="4 x 4 systolic array with tiny buffers and a DRAM of a word/cycle, to learn on",
        path=_FOLDER / "systolic-4.yaml",
    ),
)
NETWORKS = (
    Preset(
        name="alexnet-conv",
        summary="AlexNet CONV1-5, ungrouped, with mappings for eyeriss-168",
        path=_FOLDER / "alexnet.yaml",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a network: its files, and how often it stands in the network."""

    name: str
    files: tuple[Path, ...]
    repeat: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Layers in series, each starting with empty buffers."""

    name: str
    layers: tuple[Layer, ...]


_NO_LAYERS: tuple[Layer, ...] = ()


def preset(name: str) -> Preset:
    """Return the preset called ``name``; SpecError if there is none."""
    known = {entry.name: entry for entry in (*ACCELERATORS, *NETWORKS)}
    if name not in known:
        raise _no_such("preset", name, list(known))
    return known[name]


def accelerator_of(name: str) -> Preset:
    """Return the accelerator preset called ``name``, or one made of the file at that path."""
    return _named("accelerator", name, ACCELERATORS)


def network_of(name: str) -> Preset:
    """Return the network preset called ``name``, or one made of the file at that path."""
    return _named("network", name, NETWORKS)


def load_network(chosen: Preset) -> Network:
    """Read a network file; SpecError with every fault."""
    findings = Findings()
    path = chosen.path
    top = Fields(read_file(path).root, "file", findings)
    version = top.required("stallscope")
    if version is not None and version.value != 1:
        findings.add(version, "stallscope", "format version must be 1")
    section = top.required("network")
    top.close()
    name, layers = chosen.name, _NO_LAYERS
    if section is not None:
        fields = Fields(section, "network", findings)
        name = fields.text("name") or chosen.name
        layers = _layers(fields.required("layers"), path.parent, findings)
        fields.close()
    findings.check()
    return Network(name=name, layers=layers)


def with_preset_names(case: Case) -> Case:
    """Name the package's own files ``preset:FILE``: a result does not depend on its place."""
    folder = os.fspath(_FOLDER) + os.sep
    files = []
    for file in case.files:
        path = file.path
        if path.startswith(folder):
            path = "preset:" + path.removeprefix(folder).replace(os.sep, "/")
        files.append(file.model_copy(update={"path": path}))
    return case.model_copy(update={"files": tuple(files)})


def _layers(node: Node | None, folder: Path, findings: Findings) -> tuple[Layer, ...]:
    if node is None:
        return ()
    if not isinstance(node.value, tuple) or not node.value:
        findings.add(node, "network.layers", "needs a list of layers")
        return ()
    layers: list[Layer] = []
    for index, item in enumerate(node.value):
        fields = Fields(item, f"network.layers[{index}]", findings)
        name, repeat = fields.required_text("name"), fields.whole("repeat")
        files = fields.required("files")
        names = _file_names(files, fields.at("files"), findings)
        fields.close()
        if name is not None and name in [layer.name for layer in layers]:
            findings.add(item, fields.at("name"), f"{name} is there twice", "use repeat: or rename")
        paths = tuple(folder / file for file in names)
        layers.append(Layer(name=name or "?", files=paths, repeat=repeat or 1))
    return tuple(layers)


def _file_names(node: Node | None, place: str, findings: Findings) -> tuple[str, ...]:
    """Read a list of file names that is not empty."""
    if node is None:
        return ()
    items = node.value if isinstance(node.value, tuple) else ()
    if not items or any(not isinstance(item.value, str) or not item.text for item in items):
        findings.add(node, place, "needs a list of file names")
        return ()
    return tuple(item.text for item in items)


def _named(kind: str, name: str, presets: Sequence[Preset]) -> Preset:
    for entry in presets:
        if entry.name == name:
            return entry
    path = Path(name)
    if not path.exists():
        names = [entry.name for entry in presets]
        raise _no_such(kind, name, names, "no preset and no file of this name")
    return Preset(name=path.stem, summary="", path=path)


def _no_such(
    kind: str, name: str, known: list[str], rule: str = "no preset of this name"
) -> SpecError:
    return SpecError([Fault(place=kind, value=name, rule=rule, remedy=nearest(name, known))])

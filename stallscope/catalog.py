"""The presets that come with the package, and where networks come from.

A preset is a native file inside the package. A network is one of them, a native file of one's
own, or a topology table of SCALE-Sim (``.csv``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from stallscope.mappings.case import Case
from stallscope.mappings.fields import nearest
from stallscope.mappings.layers import LayerNetwork
from stallscope.mappings.native_network import read_network
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.scalesim import read_topology
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "ACCELERATORS", "CROSSBARS", "NETWORKS", "Preset", "accelerator_of", "load_network",
    "network_of", "preset", "with_preset_names",
]  # fmt: skip

AnyCase = TypeVar("AnyCase", Case, CrossbarCase)

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
        name="eyeriss-sparse-168",
        summary="Eyeriss-like, 168 PEs that skip zeros of weights, each at its own pace",
        path=_FOLDER / "eyeriss-sparse-168.yaml",
        network="resnet50",
    ),
    Preset(
        name="eyeriss-v2-pe",
        summary="a PE of Eyeriss v2: two MACs, zeros of inputs and weights skipped, CSC",
        path=_FOLDER / "eyeriss-v2-pe.yaml",
        network="mobilenetv2",
    ),
    Preset(
        name="tensor-core-2-4",
        summary="tensor cores of one processor, 1024 MACs, that skip two of four weights",
        path=_FOLDER / "tensor-core-2-4.yaml",
        network="bert-base",
    ),
    Preset(
        name="sigma-like",
        summary="SIGMA-like, 16 384 MACs behind flexible networks, zeros of both operands skipped",
        path=_FOLDER / "sigma-like.yaml",
        network="bert-base",
    ),
    Preset(
        name="tpu-like-128",
        summary="128 x 128 systolic array of 8-bit MACs after TPU v1, 12 MiB buffer, HBM2 channel",
        path=_FOLDER / "tpu-like-128.yaml",
        network="resnet50",
    ),
    Preset(
        name="gemmini-like-16",
        summary="16 x 16 systolic array, Gemmini's default: 256 KiB scratchpad, 16 bytes/cycle",
        path=_FOLDER / "gemmini-like-16.yaml",
        network="resnet50",
    ),
    Preset(
        name="systolic-4",
        summary="4 x 4 systolic array with tiny buffers and a DRAM of a word/cycle, to learn on",
        path=_FOLDER / "systolic-4.yaml",
        network="alexnet",
    ),
)
CROSSBARS = (
    Preset(
        name="reram-tile-4",
        summary="4 cores of nine 64 x 64 crossbars, 144 Ki weights, rewritten while it runs",
        path=_FOLDER / "reram-tile-4.yaml",
        network="vgg16",
    ),
    Preset(
        name="isaac-like",
        summary="one tile of ISAAC: 12 cores of a 128 x 128 crossbar of 16-bit weights",
        path=_FOLDER / "isaac-like.yaml",
        network="alexnet",
    ),
    Preset(
        name="puma-like",
        summary="one tile of PUMA: 8 cores of two 128 x 128 crossbars of 16-bit weights",
        path=_FOLDER / "puma-like.yaml",
        network="alexnet",
    ),
)
"""Accelerators of crossbars that compute."""
_SHAPES = {
    "alexnet": "AlexNet of torchvision, 8 layers",
    "alexnet-grouped": "AlexNet of 2012 with its groups, 8 layers",
    "alexnet-ungrouped": "the same without groups",
    "vgg16": "VGG-16, 16 layers",
    "resnet18": "ResNet-18, 21 layers",
    "resnet50": "ResNet-50 of torchvision (stride in the 3x3 convolution), 54 layers",
    "resnet50-v1": "ResNet-50 as first published (stride in the first 1x1 convolution)",
    "mobilenetv2": "MobileNetV2, 53 layers, 17 of them depthwise",
    "efficientnet-b0": "EfficientNet-B0 with squeeze-and-excite, 82 layers, 16 of them depthwise",
    "bert-base": "BERT-base encoder, 12 layers, 128 tokens",
    "bert-base-384": "the same, 384 tokens",
    "bert-base-512": "the same, 512 tokens",
    "transformer": "Transformer base, 6 + 6 layers, 128 tokens",
    "transformer-24": "the same, 24 tokens",
}
NETWORKS = (
    Preset(
        name="alexnet-conv",
        summary="AlexNet CONV1-5, ungrouped, with mappings for eyeriss-168",
        path=_FOLDER / "alexnet.yaml",
    ),
    *(
        Preset(name=name, summary=summary, path=_FOLDER / "networks" / f"{name}.yaml")
        for name, summary in _SHAPES.items()
    ),
)


def preset(name: str) -> Preset:
    """Return the preset called ``name``; SpecError if there is none."""
    known = {entry.name: entry for entry in (*ACCELERATORS, *CROSSBARS, *NETWORKS)}
    if name not in known:
        raise _no_such("preset", name, list(known))
    return known[name]


def accelerator_of(name: str) -> Preset:
    """Return the accelerator preset called ``name``, or one made of the file at that path."""
    return _named("accelerator", name, (*ACCELERATORS, *CROSSBARS))


def network_of(name: str) -> Preset:
    """Return the network preset called ``name``, or one made of the file at that path."""
    return _named("network", name, NETWORKS)


def load_network(chosen: Preset) -> LayerNetwork:
    """Read a network's file; SpecError with every fault."""
    if chosen.path.suffix.lower() == ".csv":
        return read_topology(chosen.path).network
    return read_network(chosen.path, chosen.name)


def with_preset_names(case: AnyCase) -> AnyCase:
    """Name the package's own files ``preset:FILE``: a result does not depend on its place."""
    folder = os.fspath(_FOLDER) + os.sep
    files = []
    for file in case.files:
        path = file.path
        if path.startswith(folder):
            path = "preset:" + path.removeprefix(folder).replace(os.sep, "/")
        files.append(file.model_copy(update={"path": path}))
    return case.model_copy(update={"files": tuple(files)})


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

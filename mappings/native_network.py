"""The native notation of a network: layers in series, each by its files or by its shape.

stallscope: 1
network:
  name: small
  layers:
    - {name: conv1, conv: {C: 3, K: 64, P: 112, Q: 112, R: 7, S: 7, stride: 2, padding: 3}}
    - {name: depthwise, conv: {C: 64, K: 64, P: 112, Q: 112, R: 3, S: 3, padding: 1, groups: 64}}
    - {name: attention, gemm: {M: 128, N: 128, K: 64}, repeat: 12}
    - {name: mapped, files: [problem.yaml, mapping.yaml]}
    - {name: pruned, gemm: {M: 8, N: 64, K: 64}, sparsity: {Weights: {density: 0.2}}}

Files are relative to the network file. Batch ``N``, ``stride``, ``dilation``, ``groups`` (1) and
``padding`` (0) of a convolution may be left out; ``[2, 1]`` is one figure for rows, one for
columns.
"""

from __future__ import annotations

import os
from pathlib import Path

from stallscope.mappings.case import InputFile
from stallscope.mappings.fields import Fields, Findings, whole
from stallscope.mappings.layers import ConvLayer, GemmLayer, Layer, LayerNetwork, Shape
from stallscope.mappings.native_header import take_version
from stallscope.mappings.reading import Node, read_file
from stallscope.mappings.sparsity.native_operands import read_sparsity
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.simcore.errors import Fault

__all__ = ["PAIRS", "SHAPES", "read_network", "read_shape"]

SHAPES: dict[str, type[ConvLayer] | type[GemmLayer]] = {"conv": ConvLayer, "gemm": GemmLayer}
"""The keys that give a layer by its shape."""
PAIRS = {"stride": 1, "padding": 0, "dilation": 1}
"""Figures of both axes, with the least that each may be."""


def read_network(path: str | os.PathLike[str], name: str | None = None) -> LayerNetwork:
    """Read a network file.

    Args:
        path: The file.
        name: Name of the network where the file gives none; else that of the file.

    Raises:
        SpecError: Every fault, with its line.
    """
    findings = Findings()
    document = read_file(path)
    top = Fields(document.root, "file", findings)
    take_version(top)
    section = top.required("network")
    top.close()
    name = name or Path(path).stem
    layers: tuple[Layer, ...] = ()
    if section is not None:
        fields = Fields(section, "network", findings)
        name = fields.text("name") or name
        arrays: list[InputFile] = []
        layers = _layers(fields.required("layers"), Path(path).parent, arrays, findings)
        fields.close()
    findings.check()
    file = InputFile(path=document.path, sha256=document.sha256)
    return LayerNetwork(name=name, layers=layers, files=(file, *dict.fromkeys(arrays)))


def _layers(
    node: Node | None, folder: Path, arrays: list[InputFile], findings: Findings
) -> tuple[Layer, ...]:
    """Read the layers; files that their zeros are from are added to ``arrays``."""
    if node is None:
        return ()
    if not isinstance(node.value, tuple) or not node.value:
        findings.add(node, "network.layers", "needs a list of layers")
        return ()
    found: list[Layer] = []
    seen: set[str] = set()
    for index, item in enumerate(node.value):
        place, name = f"network.layers[{index}]", _name(item)
        layer = _layer(item, place, folder, arrays, findings)
        if name in seen:
            findings.add(item, f"{place}.name", f"{name} is there twice", "use repeat: or rename")
        seen |= {name} if name else set()
        found += [layer] if layer is not None else []
    return tuple(found)


def _name(item: Node) -> str | None:
    name = item.value.get("name") if isinstance(item.value, dict) else None
    return name.text if name is not None else None


def _layer(
    item: Node, place: str, folder: Path, arrays: list[InputFile], findings: Findings
) -> Layer | None:
    before = len(findings.faults)
    fields = Fields(item, place, findings)
    name, repeat = fields.required_text("name"), fields.whole("repeat")
    given = {key: node for key in ("files", *SHAPES) if (node := fields.node_of(key)) is not None}
    files: tuple[Path, ...] = ()
    shape: Shape | None = None
    for key, node in given.items():
        if key == "files":
            files = tuple(folder / file for file in _file_names(node, fields.at(key), findings))
        else:
            shape = read_shape(SHAPES[key], node, fields.at(key), findings)
    zeros = fields.node_of("sparsity")
    sparsity = Sparsity()
    if zeros is not None:
        sparsity = _zeros(zeros, fields.at("sparsity"), shape, arrays, findings)
    fields.close()
    if isinstance(item.value, dict) and len(given) != 1:
        has = f"has {' and '.join(given)}" if given else "has none of them"
        rule = f"needs either files or a shape (conv, gemm), {has}"
        findings.faults.append(Fault(place=place, value="", rule=rule, source=item.source))
    if len(findings.faults) > before or name is None:
        return None
    values = {"name": name, "files": files, "shape": shape, "repeat": repeat or 1,
              "sparsity": sparsity}  # fmt: skip
    return findings.build(Layer, values, place, item)


def _zeros(
    node: Node, place: str, shape: Shape | None, arrays: list[InputFile], findings: Findings
) -> Sparsity:
    """Read which words of a layer's operands are zero; none after a fault."""
    if shape is None:
        rule = "is of layers by their shapes"
        findings.add(node, place, rule, "say it in the layer's files, or correct its shape")
        return Sparsity()
    draft = read_sparsity(node, findings, place)
    found = None if draft is None else draft(shape)
    if found is None:
        return Sparsity()
    arrays += found[1]
    return found[0]


def read_shape(
    spec: type[ConvLayer] | type[GemmLayer], node: Node, place: str, findings: Findings
) -> Shape | None:
    """Read the figures of a shape; None if it has faults."""
    before = len(findings.faults)
    fields = Fields(node, place, findings)
    values: dict[str, object] = {}
    for key, field in spec.model_fields.items():
        found = fields.required(key) if field.is_required() else fields.node_of(key)
        if found is None:
            continue
        at = fields.at(key)
        values[key] = (_both(found, at, findings, PAIRS[key]) if key in PAIRS
                       else whole(found, at, findings))  # fmt: skip
    fields.close()
    if len(findings.faults) > before:
        return None
    return findings.build(spec, values, place, node)


def _both(node: Node, place: str, findings: Findings, least: int) -> tuple[int | None, ...] | None:
    """Read a figure for both axes, or one for each."""
    if not isinstance(node.value, tuple):
        figure = whole(node, place, findings, least)
        return (figure, figure)
    if len(node.value) != 2:
        rule = f"needs one figure, or one for rows and one for columns, has {len(node.value)}"
        findings.add(node, place, rule)
        return None
    return tuple(whole(item, f"{place}[{axis}]", findings, least)
                 for axis, item in enumerate(node.value))  # fmt: skip


def _file_names(node: Node, place: str, findings: Findings) -> tuple[str, ...]:
    """Read a list of file names that is not empty."""
    items = node.value if isinstance(node.value, tuple) else ()
    if not items or any(not isinstance(item.value, str) or not item.text for item in items):
        findings.add(node, place, "needs a list of file names")
        return ()
    return tuple(item.text for item in items)

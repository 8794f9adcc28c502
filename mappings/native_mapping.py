"""The native notation of a mapping: per level its loops, outermost first, and its residents.

    mapping:
      DRAM: {temporal: [M=4, C=48, Q=9], keep: [Weights, Inputs, Outputs]}
      GLB:
        temporal: [P=14]
        spatial_x: [M=8]
        keep: [Inputs, Outputs]
        buffering: {Inputs: 2}

A level without ``keep`` keeps every tensor that it may hold, in the problem's order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.fields import Fields, Findings, whole
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.reading import Node

__all__ = ["MappingDraft", "read_mapping"]

MappingDraft = Callable[[Problem, Architecture], Mapping | None]
"""What remains to be done once problem and architecture are known; None after a fault."""

_LOOP = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*([0-9]{1,18})\s*\Z")


def read_mapping(node: Node, findings: Findings) -> MappingDraft | None:
    """Read the ``mapping:`` section; None if it has faults."""
    before = len(findings.faults)
    levels: list[tuple[LevelMapping, bool]] = []
    for name, value in Fields(node, "mapping", findings).rest().items():
        level = _level(name, value, findings)
        if level is not None:
            levels.append(level)
    if not levels and len(findings.faults) == before:
        findings.add(node, "mapping", "needs an entry per level")
    if len(findings.faults) > before:
        return None

    def resolve(problem: Problem, architecture: Architecture) -> Mapping | None:
        """Fill in what the levels keep by default; put them in the architecture's order."""
        order = architecture.level_index
        done = [
            level if has_keep else level.model_copy(
                update={"keep": _holds(level.level, problem, architecture)}
            )
            for level, has_keep in levels
        ]  # fmt: skip
        done.sort(key=lambda level: order.get(level.level, len(order)))
        return findings.build(Mapping, {"levels": tuple(done)}, "mapping", node)

    return resolve


def _holds(level: str, problem: Problem, architecture: Architecture) -> tuple[str, ...]:
    names = tuple(tensor.name for tensor in problem.tensors)
    if level not in architecture.level_index:
        return names
    holds = architecture.level(level).holds
    return names if holds is None else tuple(name for name in names if name in holds)


def _level(name: str, node: Node, findings: Findings) -> tuple[LevelMapping, bool] | None:
    if node.value is None:
        node = Node({}, "", node.file, node.line)
    fields = Fields(node, f"mapping.{name}", findings)
    values: dict[str, Any] = {"level": name}  # Any: pydantic checks the types
    for key in ("temporal", "spatial_y", "spatial_x"):
        loops = fields.node_of(key)
        if loops is not None:
            values[key] = _loops(loops, fields.at(key), findings)
    keep = fields.texts("keep")
    has_keep = isinstance(node.value, dict) and "keep" in node.value
    if keep is not None:
        values["keep"] = keep
    buffering = fields.node_of("buffering")
    if buffering is not None:
        values["buffering"] = _buffering(buffering, fields.at("buffering"), findings)
    fields.close()
    level = findings.build(LevelMapping, values, fields.place, node)
    return None if level is None else (level, has_keep)


def _buffering(node: Node, place: str, findings: Findings) -> tuple[Buffering, ...]:
    taken = []
    for tensor, value in Fields(node, place, findings).rest().items():
        findings.written(f"{place}.{tensor}", value)
        tiles = whole(value, f"{place}.{tensor}", findings)
        made = findings.build(Buffering, {"tensor": tensor, "tiles": tiles or 1}, place, value)
        if made is not None:
            taken.append(made)
    return tuple(taken)


def _loops(node: Node, place: str, findings: Findings) -> tuple[Loop, ...]:
    if not isinstance(node.value, tuple):
        findings.add(node, place, "needs a list of loops such as [M=4, C=48], outermost first")
        return ()
    found = [_loop(item, f"{place}[{index}]", findings) for index, item in enumerate(node.value)]
    return tuple(loop for loop in found if loop is not None)


def _loop(node: Node, place: str, findings: Findings) -> Loop | None:
    if isinstance(node.value, dict):
        fields = Fields(node, place, findings)
        dimension, extent = fields.required_text("dimension"), fields.required("extent")
        fields.close()
        count = None if extent is None else whole(extent, f"{place}.extent", findings)
        if dimension is None or count is None:
            return None
        return findings.build(Loop, {"dimension": dimension, "extent": count}, place, node)
    match = _LOOP.match(node.text) if isinstance(node.value, str) else None
    if match is None:
        findings.add(node, place, "needs a loop such as M=4")
        return None
    return findings.build(Loop, {"dimension": match[1], "extent": int(match[2])}, place, node)

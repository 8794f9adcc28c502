"""Timeloop's mapping: a list of directives per level, resolved into loops and residents.

``factors`` not named are 1, 0 means the rest, ``M=4,3`` a last iteration of 3. ``permutation``
is inner first; dimensions it leaves out stand outside, in the problem's order. Of a spatial
directive the loops before ``split`` are on X, the others on Y; without it all are on X, or on Y
where a node list gives the target a fan-out on Y only. A level keeps every tensor that no
bypass directive excludes.

Not modelled: the node lists of fused mappings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.fields import Fields, Findings, nearest
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.native_mapping import MappingDraft
from stallscope.mappings.problem import Problem
from stallscope.mappings.reading import Node
from stallscope.mappings.timeloop_architecture import Layout, bare_name
from stallscope.mappings.timeloop_factors import Factor, read_factors, read_permutation

__all__ = ["read_mapping"]

_KINDS = ("temporal", "spatial", "bypass", "datatype", "dataspace")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Directive:
    """One entry of the mapping as written."""

    kind: str
    target: str
    node: Node
    place: str
    factors: Node | None
    permutation: Node | None
    split: int | None
    keep: tuple[str, ...]
    bypass: tuple[str, ...]


@dataclass(slots=True)
class _Block:
    """The loops of one directive, resolved: outermost first."""

    level: str
    key: str
    node: Node
    loops: dict[str, Factor] = field(default_factory=dict)
    y: tuple[str, ...] = ()
    x: tuple[str, ...] = ()


def read_mapping(node: Node, layout: Layout, findings: Findings) -> MappingDraft | None:
    """Read Timeloop's ``mapping:`` section; None if it has faults."""
    before = len(findings.faults)
    if not isinstance(node.value, tuple) or not node.value:
        findings.add(node, "mapping", f"needs a list of directives, has {node.kind}")
        return None
    directives = [
        _directive(item, f"mapping[{index}]", findings) for index, item in enumerate(node.value)
    ]
    if len(findings.faults) > before:
        return None

    def resolve(problem: Problem, architecture: Architecture) -> Mapping | None:
        """Resolve the directives against problem and architecture."""
        return _Resolver(problem, architecture, layout, findings).mapping(directives, node)

    return resolve


def _directive(node: Node, place: str, findings: Findings) -> _Directive:
    fields = Fields(node, place, findings, loose=True)
    target = fields.required_text("target")
    kind_node = fields.required("type")
    kind = kind_node.text if kind_node is not None else ""
    if kind_node is not None and kind not in _KINDS:
        rule = "needs one of " + ", ".join(_KINDS)
        findings.add(kind_node, f"{place}.type", rule, nearest(kind, _KINDS))
    loops = kind in ("temporal", "spatial")
    residents = not loops
    made = _Directive(
        kind=kind, target=bare_name(target or "?")[0], node=node, place=place,
        factors=fields.node_of("factors") if loops else None,
        permutation=fields.node_of("permutation") if loops else None,
        split=fields.whole("split", least=0) if kind == "spatial" else None,
        keep=(fields.texts("keep") or ()) if residents else (),
        bypass=(fields.texts("bypass") or ()) if residents else (),
    )  # fmt: skip
    if kind in _KINDS:
        fields.close()
    return made


class _Resolver:
    """Resolves directives in the frame of one problem and one architecture."""

    def __init__(
        self, problem: Problem, architecture: Architecture, layout: Layout, findings: Findings
    ) -> None:
        self._problem, self._architecture = problem, architecture
        self._layout, self._findings = layout, findings
        self._tensors = [tensor.name for tensor in problem.tensors]

    def mapping(self, directives: list[_Directive], node: Node) -> Mapping | None:
        """Return the mapping, or None after a fault."""
        before = len(self._findings.faults)
        self._duplicates(directives)
        bypassed = {name: self._bypassed(name, directives) for name in self._levels()}
        spatial = [d for d in directives if d.kind == "spatial"]
        spatial.sort(key=lambda d: self._nesting(d.target))
        blocks: list[_Block] = []
        for directive in directives:
            level = self._level_of(directive)
            if level is not None and directive.kind == "temporal":
                blocks.append(self._block(directive, level))
        for directive in spatial:
            level = self._level_of(directive)
            if level is not None:
                self._has_fanout(directive, level)
                blocks.append(self._block(directive, level))
        order = self._architecture.level_index
        blocks.sort(key=lambda block: (order[block.level], block.key == "spatial"))
        if len(self._findings.faults) == before:
            self._rest(blocks)
        if len(self._findings.faults) == before:
            self._products(blocks, node)
        if len(self._findings.faults) > before:
            return None
        levels = [self._level(name, blocks, bypassed[name]) for name in self._levels()]
        return self._findings.build(Mapping, {"levels": levels}, "mapping", node)

    def _levels(self) -> list[str]:
        return [level.name for level in self._architecture.levels]

    def _duplicates(self, directives: list[_Directive]) -> None:
        seen: set[tuple[str, str]] = set()
        for directive in directives:
            kind = directive.kind if directive.kind in ("temporal", "spatial") else "bypass"
            if (directive.target, kind) in seen:
                rule = f"second {kind} directive of {directive.target}"
                self._findings.add(directive.node, directive.place, rule, "join the two")
            seen.add((directive.target, kind))

    def _nesting(self, target: str) -> int:
        names = list(self._layout.fanouts)
        return names.index(_container(target)) if _container(target) in names else -1

    def _level_of(self, directive: _Directive) -> str | None:
        """Return the storage level whose block a directive's loops belong to."""
        name = directive.target
        known = self._levels()
        fanout = self._layout.fanouts.get(_container(name))
        own = name in known and self._inner_copies(name) > 1
        if directive.kind == "spatial" and fanout is not None and fanout.outer and not own:
            return fanout.outer
        if name in known:
            return name
        if fanout is not None and directive.kind != "spatial" and not directive.factors:
            return None
        targets = [*known, *self._layout.fanouts]
        self._findings.add(
            directive.node, f"{directive.place}.target", f"no storage level {name}",
            nearest(name, targets),
        )  # fmt: skip
        return None

    def _inner_copies(self, level: str) -> int:
        levels = self._architecture.levels
        index = self._architecture.level_index[level]
        compute = self._architecture.compute
        inner = levels[index + 1].instances if index + 1 < len(levels) else compute.instances
        return inner // levels[index].instances

    def _has_fanout(self, directive: _Directive, level: str) -> None:
        if self._inner_copies(level) <= 1 and _container(directive.target) not in (
            self._layout.fanouts
        ):  # fmt: skip
            rule = f"a spatial directive at {level}, whose next level has no more instances"
            self._findings.add(directive.node, directive.place, rule, "remove the directive")

    def _bypassed(self, level: str, directives: list[_Directive]) -> set[str]:
        names: set[str] = set()
        for directive in directives:
            if directive.kind in ("temporal", "spatial") or directive.target != level:
                continue
            for name in (*directive.keep, *directive.bypass):
                if name not in self._tensors:
                    remedy = nearest(name, self._tensors)
                    rule = f"no data space {name}"
                    self._findings.add(directive.node, directive.place, rule, remedy)
            for name in sorted(set(directive.keep) & set(directive.bypass)):
                rule = f"{name} is both kept and bypassed"
                self._findings.add(directive.node, directive.place, rule)
            names |= set(directive.bypass)
            self._findings.written(f"mapping.{level}.keep", directive.node)
        return names

    def _block(self, directive: _Directive, level: str) -> _Block:
        bounds = self._problem.bounds
        block = _Block(level=level, key=directive.kind, node=directive.node)
        place = directive.place
        block.loops = read_factors(directive.factors, f"{place}.factors", bounds, self._findings)
        inner_first = read_permutation(
            directive.permutation, f"{place}.permutation", bounds, self._findings
        )
        split = directive.split
        if directive.kind == "spatial":
            if split is None:
                fanout = self._layout.fanouts.get(_container(directive.target))
                only_y = fanout is not None and fanout.mesh_x == 1 and fanout.mesh_y > 1
                split = 0 if only_y else len(inner_first)
            block.x, block.y = inner_first[:split][::-1], inner_first[split:][::-1]
        else:
            block.x = inner_first[::-1]
        for key in ("spatial_x", "spatial_y") if directive.kind == "spatial" else ("temporal",):
            self._findings.written(f"mapping.{level}.{key}", directive.node)
        self._findings.written(f"mapping.{level}", directive.node)
        return block

    def _rest(self, blocks: list[_Block]) -> None:
        """Replace factors of 0 by what the others leave of the bound."""
        for name, bound in self._problem.bounds.items():
            open_ones = [block for block in blocks if block.loops.get(name, _ONE).count == 0]
            if not open_ones:
                continue
            others = math.prod(block.loops.get(name, _ONE).count or 1 for block in blocks)
            block = open_ones[0]
            place = f"mapping.{block.level}.{block.key}"
            if len(open_ones) > 1:
                rule = f"factor {name}=0 (the rest) stands twice"
                self._findings.add(open_ones[1].node, place, rule)
            elif bound % others:
                rule = f"factor {name}=0: the other factors, {others}, do not divide {bound}"
                self._findings.add(block.node, place, rule)
            else:
                rest = bound // others
                block.loops[name] = Factor(count=rest, last=rest)

    def _products(self, blocks: list[_Block], node: Node) -> None:
        """Check that the factors, with their remainders, give each bound exactly."""
        for name, bound in self._problem.bounds.items():
            spanned, full = 1, 1
            for block in reversed(blocks):
                factor = block.loops.get(name, _ONE)
                spanned = (factor.last - 1) * full + spanned
                full *= factor.count
            if spanned != bound:
                rule = f"product of all factors of {name} is {spanned}, its bound is {bound}"
                remedy = (
                    f"a further factor {name}={bound // spanned}"
                    if bound % spanned == 0
                    else f"use {name}=0 once for the rest"
                )
                self._findings.add(node, f"mapping.{name}", rule, remedy)

    def _level(self, name: str, blocks: list[_Block], bypassed: set[str]) -> LevelMapping:
        own = [block for block in blocks if block.level == name]
        temporal = [block for block in own if block.key == "temporal"]
        spatial = [block for block in own if block.key == "spatial"]
        return LevelMapping(
            level=name,
            temporal=tuple(loop for block in temporal for loop in _loops(block, block.x)),
            spatial_y=tuple(loop for block in spatial for loop in _loops(block, block.y)),
            spatial_x=tuple(loop for block in spatial for loop in _loops(block, block.x)),
            keep=tuple(tensor for tensor in self._tensors if tensor not in bypassed),
        )


_ONE = Factor(count=1, last=1)


def _loops(block: _Block, order: tuple[str, ...]) -> list[Loop]:
    found = [(name, block.loops.get(name, _ONE).count) for name in order]
    return [Loop(dimension=name, extent=count) for name, count in found if count > 1]


def _container(target: str) -> str:
    """Return the fan-out a target means: Timeloop calls that of PE ``inter_PE_spatial``."""
    if target.startswith("inter_") and target.endswith("_spatial"):
        return target[len("inter_") : -len("_spatial")]
    return target

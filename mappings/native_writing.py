"""Writing a case in the native notation, so that reading it back gives an equal case.

Defaults are left out; the files a case was read from are not part of the text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from functools import lru_cache
from typing import Any

from stallscope.mappings.architecture import Architecture, Network, SeparateNetwork, StorageLevel
from stallscope.mappings.case import Case, Platform, Rules
from stallscope.mappings.dram import (
    DramController,
    DramCurrents,
    DramDevice,
    DramOrganisation,
    DramTimings,
)
from stallscope.mappings.dram_catalog import built_in
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layout import Layout, TensorPlace
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.native_energy import ACTIONS
from stallscope.mappings.native_header import FORMAT_VERSION
from stallscope.mappings.native_problem import PLAIN_NAME
from stallscope.mappings.problem import Problem, Tensor, Term
from stallscope.mappings.reading import read_text
from stallscope.mappings.sparsity.hardware import SparseArray, TensorFormat
from stallscope.mappings.sparsity.native_hardware import NO_PACKS, UNLIMITED
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.mappings.spec import Spec

__all__ = [
    "FORMAT_VERSION", "device_to_plain", "dump", "energy_to_plain", "given_fields", "plain_value",
    "to_plain", "to_yaml",
]  # fmt: skip

_WIDTH = 96
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*( ?[*+=] ?[A-Za-z0-9_.]+)*\Z")

Plain = Any  # a tree of dict, list, str, int, float and bool: what YAML can hold


def dump(case: Case) -> str:
    """Return the case as native YAML text; reading it gives an equal case but for ``files``."""
    return to_yaml(to_plain(case))


def to_plain(case: Platform) -> dict[str, Plain]:
    """Return the case, or the platform alone, as the tree that native YAML holds."""
    tree: dict[str, Plain] = {"stallscope": FORMAT_VERSION}
    if case.name != "case":
        tree["name"] = case.name
    if isinstance(case, Case):
        tree["problem"] = _problem(case.problem)
    tree["architecture"] = _architecture(case.architecture)
    memory = case.architecture.levels[0].memory
    if memory is not None and built_in(memory.device.name) != memory.device:
        tree["dram_device"] = device_to_plain(memory.device)
    if isinstance(case, Case):
        tree["mapping"] = _mapping(case.mapping)
        if case.layout.tensors:
            tree["layout"] = _layout(case.layout)
        if case.sparsity.operands:
            tree["sparsity"] = _sparsity(case.sparsity)
    if case.energy is not None:
        tree["energy"] = energy_to_plain(case.energy)
    rules = given_fields(case.rules, Rules) if isinstance(case, Case) else {}
    if rules:
        tree["rules"] = rules
    if case.assumptions:
        tree["assumptions"] = list(case.assumptions)
    return tree


def to_yaml(tree: Plain) -> str:
    """Return YAML text of a tree, as short lines where they fit."""
    return "\n".join(_block(tree, 0, top=True)) + "\n"


def _problem(problem: Problem) -> dict[str, Plain]:
    tree: dict[str, Plain] = {}
    if problem.name != "problem":
        tree["name"] = problem.name
    tree["dimensions"] = problem.bounds
    tree["tensors"] = {tensor.name: _tensor(tensor) for tensor in problem.tensors}
    tree["output"] = problem.output.name
    return tree


def _tensor(tensor: Tensor) -> Plain:
    ranks = [_rank(rank) for rank in tensor.ranks]
    if tensor.word_bits is None:
        return ranks
    return {"ranks": ranks, "word_bits": tensor.word_bits}


def _rank(rank: Sequence[Term]) -> Plain:
    if rank and all(PLAIN_NAME.match(term.dimension) for term in rank):
        return " + ".join(
            term.dimension if term.coefficient == 1 else f"{term.coefficient}*{term.dimension}"
            for term in rank
        )
    return [{"dimension": term.dimension, "coefficient": term.coefficient} for term in rank]


def _architecture(architecture: Architecture) -> dict[str, Plain]:
    tree = given_fields(architecture, Architecture, {"levels", "compute"})
    tree["levels"] = [_level(level) for level in architecture.levels]
    compute = architecture.compute
    tree["compute"] = {"name": compute.name}
    tree["compute"] |= given_fields(compute, type(compute), {"name", "sparse"})
    if compute.sparse is not None:
        tree["compute"]["sparse"] = _sparse(compute.sparse)
    return tree


def _level(level: StorageLevel) -> dict[str, Plain]:
    tree: dict[str, Plain] = {"name": level.name}
    tree |= given_fields(level, StorageLevel, {"name", "network", "memory", "formats"})
    if level.formats:
        tree["formats"] = {one.tensor: _format(one) for one in level.formats}
    if level.memory is not None:
        tree["memory"] = _memory(level.memory)
    network = given_fields(level.network, Network, {"separate"})
    if level.network.separate:
        network["separate"] = {
            one.tensor: given_fields(one, SeparateNetwork, {"tensor"})["topology"]
            for one in level.network.separate
        }
    if network:
        tree["network"] = network
    return tree


def _format(form: TensorFormat) -> dict[str, Plain]:
    tree = {"format": form.format.value} | given_fields(form, TensorFormat, {"tensor", "format"})
    if form.pack_bits is None:
        tree["pack_bits"] = NO_PACKS
    return tree


def _sparse(sparse: SparseArray) -> dict[str, Plain]:
    tree = given_fields(sparse, SparseArray, {"decoders"})
    if sparse.fifo_depth is None:
        tree["fifo_depth"] = UNLIMITED
    if sparse.decoders:
        tree["decoders"] = {one.tensor: plain_value(one.words_per_cycle) for one in sparse.decoders}
    return tree


def _sparsity(sparsity: Sparsity) -> dict[str, Plain]:
    return {one.tensor: _operand(one) for one in sparsity.operands}


def _operand(operand: Operand) -> dict[str, Plain]:
    pattern = operand.pattern
    if pattern is None:
        return given_fields(operand, Operand, {"tensor"})
    bits = base64.b64encode(pattern.bits).decode("ascii")
    tree: dict[str, Plain] = {"shape": list(pattern.shape), "bits": bits}
    return {"pattern": tree | ({"source": pattern.source} if pattern.source else {})}


def _memory(memory: MainMemory) -> dict[str, Plain]:
    tree: dict[str, Plain] = {"device": memory.device.name}
    tree |= given_fields(memory.controller, DramController)
    return tree | given_fields(memory, MainMemory, {"device", "controller"})


def device_to_plain(device: DramDevice) -> dict[str, Plain]:
    """Return a device as the tree of its ``dram_device:`` section."""
    tree: dict[str, Plain] = {"name": device.name}
    tree["organisation"] = given_fields(device.organisation, DramOrganisation)
    tree["timings"] = given_fields(device.timings, DramTimings)
    if device.currents is not None:
        tree["currents"] = given_fields(device.currents, DramCurrents)
    return tree


def _layout(layout: Layout) -> dict[str, Plain]:
    return {place.tensor: given_fields(place, TensorPlace, {"tensor"}) for place in layout.tensors}


def _mapping(mapping: Mapping) -> dict[str, Plain]:
    return {level.level: _level_mapping(level) for level in mapping.levels}


def _level_mapping(level: LevelMapping) -> dict[str, Plain]:
    tree: dict[str, Plain] = {}
    for key, loops in (
        ("temporal", level.temporal),
        ("spatial_y", level.spatial_y),
        ("spatial_x", level.spatial_x),
    ):
        if loops:
            tree[key] = [_loop(loop) for loop in loops]
    tree["keep"] = list(level.keep)
    if level.buffering:
        tree["buffering"] = {entry.tensor: entry.tiles for entry in level.buffering}
    return tree


def _loop(loop: Loop) -> Plain:
    if PLAIN_NAME.match(loop.dimension):
        return f"{loop.dimension}={loop.extent}"
    return {"dimension": loop.dimension, "extent": loop.extent}


def energy_to_plain(energy: EnergyTable) -> dict[str, Plain]:
    """Return energies as the tree of their ``energy:`` section."""
    components: dict[str, Plain] = {}
    for component in energy.components:
        figures = {action.name: action.energy_pj for action in component.actions}
        tree: dict[str, Plain] = {name: figures.pop(name) for name in ACTIONS if name in figures}
        if component.area_um2 is not None:
            tree["area_um2"] = component.area_um2
        if figures:
            tree["actions"] = figures
        components[component.component] = tree
    tree = {"source": energy.source} if energy.source else {}
    return tree | {"components": components}


def given_fields(spec: Spec, kind: type[Spec], without: set[str] | None = None) -> dict[str, Plain]:
    """Return the fields of a spec that differ from their default."""
    tree: dict[str, Plain] = {}
    for name, field in kind.model_fields.items():
        value = getattr(spec, name)
        if name not in (without or set()) and value != field.get_default():
            tree[name] = plain_value(value)
    return tree


def plain_value(value: object) -> Plain:
    """Return a figure as what YAML holds; an exact ratio that no float is, as text."""
    match value:
        case Fraction():
            exact = value.denominator == 1 or Fraction(str(float(value))) == value
            whole = int(value) if value.denominator == 1 else float(value)
            return whole if exact else str(value)
        case Enum():
            return str(value.value)
        case Spec():
            return {name: plain_value(getattr(value, name)) for name in type(value).model_fields
                    if getattr(value, name) is not None}  # fmt: skip
        case tuple():
            return [plain_value(item) for item in value]
    return value


def _block(value: Plain, indent: int, *, top: bool = False) -> list[str]:
    """Return the lines of a mapping or list that does not fit on one line."""
    pad = "  " * indent
    lines: list[str] = []
    if isinstance(value, dict):
        pairs = [(_scalar(key, key=True) + ":", item) for key, item in value.items()]
    else:
        pairs = [("-", item) for item in value]
    for head, item in pairs:
        short = f"{pad}{head} {_flow(item)}"
        if not isinstance(item, (dict, list)) or not item or (len(short) < _WIDTH and not top):
            lines.append(short)
        else:
            inside = _block(item, indent + 1)
            if head == "-":
                inside[0] = f"{pad}- {inside[0].lstrip()}"
            else:
                lines.append(pad + head)
            lines.extend(inside)
    return lines


def _flow(value: Plain) -> str:
    if isinstance(value, dict):
        items = (f"{_scalar(key, key=True)}: {_flow(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Plain, *, key: bool = False) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if len(value) < 60 and _PLAIN.match(value) and (key or _reads_as_itself(value)):
        return value
    return '"' + "".join(_escaped(letter) for letter in value) + '"'


@lru_cache(maxsize=256)  # names of levels and tensors come again and again
def _reads_as_itself(value: str) -> bool:
    return read_text(value).value == value


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable() and (letter.isascii() or "\xa0" < letter < "\ufeff"):
        return letter
    return f"\\U{ord(letter):08X}"

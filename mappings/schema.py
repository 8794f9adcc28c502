"""JSON schemas of the native format, one per kind of file.

The schema of a section follows from the specs' fields, so that it cannot drift from them; keys
that carry a quantity also take text such as ``108 KiB``, and their shorter spelling.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, get_args

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Rules
from stallscope.mappings.dram import DramController, DramCurrents, DramOrganisation, DramTimings
from stallscope.mappings.fields import nearest
from stallscope.mappings.layout import TensorPlace
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.native_dram import device_keys_of
from stallscope.mappings.native_energy import ACTIONS
from stallscope.mappings.native_network import SHAPES
from stallscope.mappings.native_topology import KINDS, PARTS
from stallscope.mappings.native_values import keys_of, quantity_of
from stallscope.mappings.native_writing import FORMAT_VERSION
from stallscope.mappings.reram.schema import chip_schema, device_schema, schedule_schema
from stallscope.mappings.sparsity.hardware import SparseArray, TensorFormat
from stallscope.mappings.sparsity.native_hardware import NO_PACKS, UNLIMITED
from stallscope.mappings.sparsity.operands import Operand
from stallscope.mappings.spec import Spec
from stallscope.mappings.systolic import Systolic
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["SCHEMAS", "schema"]

SCHEMAS = (
    "problem", "architecture", "dram_device", "mapping", "layout", "sparsity", "energy", "case",
    "network", "crossbars", "reram_device",
)  # fmt: skip
"""Kinds of native files."""

Schema = dict[str, Any]  # a JSON schema is an open tree

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_WHOLE: Schema = {"type": "integer", "minimum": 1}
_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_NAMES: Schema = {"type": "array", "items": _TEXT}
_TERM: Schema = {
    "type": "object", "additionalProperties": False, "required": ["dimension"],
    "properties": {"dimension": _TEXT, "coefficient": _WHOLE},
}  # fmt: skip
_RANKS: Schema = {
    "type": "array",
    "items": {"anyOf": [
        {"type": "string", "description": "a sum such as 2*P + R"},
        {"type": "array", "items": _TERM},
    ]},
}  # fmt: skip
_LOOPS: Schema = {
    "type": "array", "description": "outermost first",
    "items": {"anyOf": [
        {"type": "string", "pattern": r"^\s*[A-Za-z_][A-Za-z0-9_.]*\s*=\s*[0-9]+\s*$"},
        {"type": "object", "additionalProperties": False, "required": ["dimension", "extent"],
         "properties": {"dimension": _TEXT, "extent": _WHOLE}},
    ]},
}  # fmt: skip


def schema(name: str) -> Schema:
    """Return the JSON schema of one kind of native file.

    Args:
        name: One of ``SCHEMAS``; ``case`` is a file with any of the sections of a case on a
            storage hierarchy, ``crossbars`` one with any of those of a case on crossbars.

    Raises:
        SpecError: If there is no such kind.
    """
    sections = {
        "problem": _problem(), "architecture": _architecture(), "mapping": _mapping(),
        "energy": _energy(), "rules": _spec(Rules), "layout": _layout(),
        "dram_device": _devices(), "sparsity": _sparsity(),
    }  # fmt: skip
    apart = {"network": _network(), "reram_device": device_schema()}
    if name not in SCHEMAS:
        raise SpecError([Fault(place="schema", value=name, rule="no such schema",
                               remedy=nearest(name, SCHEMAS))])  # fmt: skip
    if name == "crossbars":
        sections = _crossbars()
    is_whole = name in ("case", "crossbars")
    tree: Schema = {
        "$schema": _DRAFT, "title": f"stallscope {name}, format {FORMAT_VERSION}",
        "type": "object", "additionalProperties": False,
        "required": ["stallscope"] if is_whole else ["stallscope", name],
        "properties": {"stallscope": {"const": FORMAT_VERSION}},
    }  # fmt: skip
    if name not in apart:
        tree["properties"]["name"] = {"type": "string"}
    chosen = sections if is_whole else {name: (sections | apart)[name]}
    tree["properties"] |= chosen
    if is_whole:
        tree["properties"]["assumptions"] = {"type": "array", "items": {"type": "string"}}
    return tree


def _object(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object", "additionalProperties": False,
        "properties": properties, "required": required,
    }  # fmt: skip


def _table(items: Schema, least: int = 1) -> Schema:
    return {"type": "object", "additionalProperties": items, "minProperties": least}


def _problem() -> Schema:
    tensor = _object({"ranks": _RANKS, "word_bits": _WHOLE}, ["ranks"])
    return _object(
        {
            "name": _TEXT, "dimensions": _table(_WHOLE),
            "tensors": _table({"anyOf": [_RANKS, tensor]}), "output": _TEXT,
        },
        ["dimensions", "tensors", "output"],
    )  # fmt: skip


def _architecture() -> Schema:
    tree = _spec(Architecture)
    level = _spec(StorageLevel)
    level["properties"]["network"] = _spec(Network)
    network = level["properties"]["network"]["properties"]
    network["topology"] = _topology(tuple(KINDS))
    network["separate"] = _table(_topology(tuple(KINDS)))
    level["properties"]["memory"] = _memory()
    level["properties"]["formats"] = _formats()
    tree["properties"]["levels"] = {"type": "array", "items": level, "minItems": 1}
    tree["properties"]["compute"] = _spec(ComputeLevel)
    tree["properties"]["compute"]["properties"]["systolic"] = _spec(Systolic)
    tree["properties"]["compute"]["properties"]["sparse"] = _sparse()
    tree["required"] = ["levels", "compute"]
    return tree


def _formats() -> Schema:
    form = _spec(TensorFormat)["properties"]
    del form["tensor"]
    form["pack_bits"] = {"anyOf": [_WHOLE, {"const": NO_PACKS}]}
    return _table({"anyOf": [form["format"], _object(form, ["format"])]}, 0)


def _sparse() -> Schema:
    tree = _spec(SparseArray)
    depth: Schema = {"anyOf": [{"type": "integer", "minimum": 0}, {"const": UNLIMITED}]}
    rate: Schema = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
    tree["properties"] |= {"fifo_depth": depth, "decoders": _table(rate, 0)}
    return tree


def _sparsity() -> Schema:
    share: Schema = {"type": "number", "minimum": 0, "maximum": 1}
    drawn = _spec(Operand)["properties"]
    for name in ("tensor", "pattern"):
        del drawn[name]
    drawn |= {"density": share, "along": {"anyOf": [{"type": "integer", "minimum": 0}, _TEXT]}}
    margin: Schema = {"type": "integer", "minimum": 0}
    file: Schema = {
        "file": _TEXT, "entry": _TEXT, "layout": _TEXT, "density": share,
        "threshold": {"type": "number", "minimum": 0},
        "padding": {"anyOf": [margin, {"type": "array", "items": margin}]},
    }  # fmt: skip
    pattern = _object(
        {
            "shape": {"type": "array", "items": _WHOLE}, "source": _TEXT,
            "bits": {"type": "string", "contentEncoding": "base64"},
        },
        ["shape", "bits"],
    )  # fmt: skip
    choices = [
        share, _object(drawn, []), _object(file, ["file"]),
        _object({"pattern": pattern}, ["pattern"]),
    ]  # fmt: skip
    return _table({"anyOf": choices}, 0)


def _topology(kinds: tuple[str, ...]) -> Schema:
    choices = []
    flat = tuple(kind for kind in kinds if not set(PARTS) & KINDS[kind].model_fields.keys())
    for kind in kinds:
        choice = _spec(KINDS[kind])
        choice["properties"]["kind"] = {"const": kind}
        if kind not in flat:
            choice["properties"] |= {part: _topology(flat) for part in PARTS}
        choice["required"] = ["kind"]
        choices.append(choice)
    return {"anyOf": choices}


def _memory() -> Schema:
    properties = _spec(DramController)["properties"] | _spec(MainMemory)["properties"]
    del properties["controller"]
    return _object(properties | {"device": _TEXT}, ["device"])


def _devices() -> Schema:
    groups: dict[str, type[Spec]] = {
        "organisation": DramOrganisation,
        "timings": DramTimings,
        "currents": DramCurrents,
    }
    properties = {name: _device_figures(spec) for name, spec in groups.items()}
    device = _object({"name": _TEXT} | properties, ["name", "organisation", "timings"])
    return {"anyOf": [device, {"type": "array", "items": device, "minItems": 1}]}


def _device_figures(spec: type[Spec]) -> Schema:
    tree = _spec(spec)
    for name in spec.model_fields:
        keys = device_keys_of(name)
        if len(keys) > 1:
            figure = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
            tree["properties"] |= dict.fromkeys(keys, figure)
    tree["required"] = [name for name, field in spec.model_fields.items()
                        if field.is_required() and len(device_keys_of(name)) == 1]  # fmt: skip
    return tree


def _layout() -> Schema:
    place = _spec(TensorPlace)
    del place["properties"]["tensor"]
    place["properties"]["order"] = _NAMES
    return _table(_object(place["properties"], []), 0)


def _mapping() -> Schema:
    level = _object(
        {
            "temporal": _LOOPS, "spatial_y": _LOOPS, "spatial_x": _LOOPS, "keep": _NAMES,
            "buffering": _table(_WHOLE, 0),
        },
        [],
    )  # fmt: skip
    return _table({"anyOf": [level, {"type": "null"}]})


def _energy() -> Schema:
    figure: Schema = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
    names = (*ACTIONS, "area_um2", "area")
    properties: Schema = dict.fromkeys(names, figure) | {"actions": _table(figure, 0)}
    component = _object(properties, [])
    return _object(
        {"source": {"type": "string"}, "components": _table(component, 0)}, ["components"]
    )


def _network() -> Schema:
    kinds: Schema = {"files": {"type": "array", "items": _TEXT, "minItems": 1}}
    for key, spec in SHAPES.items():
        kinds[key] = _shape(spec)
    choices = []
    for key, kind in kinds.items():
        more = {"sparsity": _sparsity()} if key in SHAPES else {}
        layer = {"name": _TEXT, "repeat": _WHOLE, key: kind} | more
        choices.append(_object(layer, ["name", key]))
    layers: Schema = {"type": "array", "items": {"anyOf": choices}, "minItems": 1}
    return _object({"name": _TEXT, "layers": layers}, ["layers"])


def _crossbars() -> Schema:
    """Return the schemas of the sections of a case on crossbars."""
    shapes = [_object({"name": _TEXT, key: _shape(spec)}, [key]) for key, spec in SHAPES.items()]
    return {
        "crossbars": chip_schema(), "layer": {"anyOf": shapes}, "schedule": schedule_schema(),
        "energy": _energy(),
    }  # fmt: skip


def _shape(spec: type[Spec]) -> Schema:
    """Return the schema of a layer's shape."""
    shape = _spec(spec)
    shape["required"] = [name for name, field in spec.model_fields.items() if field.is_required()]
    return shape


def _spec(spec: type[Spec]) -> Schema:
    """Return the schema of a spec's fields, with their shorter spellings."""
    generated = spec.model_json_schema(mode="validation")
    definitions = generated.get("$defs", {})
    properties: Schema = {}
    for name, field in spec.model_fields.items():
        given = generated["properties"][name]
        if quantity_of(name) is not None:
            given = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
                     "description": name.replace("_", " ")}  # fmt: skip
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation))
                 if isinstance(kind, type) and issubclass(kind, Enum)]  # fmt: skip
        if kinds:
            given = {"enum": [member.value for member in kinds[0]]}
        for key in keys_of(name):
            properties[key] = _inlined(given, definitions)
    return _object(properties, ["name"] if generated.get("required") == ["name"] else [])


def _inlined(tree: Any, definitions: Schema) -> Any:  # Any: a JSON tree
    """Return a schema without references and titles."""
    if isinstance(tree, list):
        return [_inlined(item, definitions) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$ref" in tree:
        return _inlined(definitions[tree["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(value, definitions) for key, value in tree.items()
            if key not in ("title", "default")}  # fmt: skip

"""JSON schemas of the sections of crossbars; those of layers and energies are the common ones."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from typing import Any

from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.devices import RERAM_DEVICES, ReramDevice
from stallscope.mappings.reram.native_values import keys_of, kind_of
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule
from stallscope.mappings.spec import Spec

__all__ = ["chip_schema", "device_schema", "schedule_schema"]

Schema = dict[str, Any]  # a JSON schema is an open tree

_QUANTITY: Schema = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
_KINDS: dict[type, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer", "minimum": 0},
    str: {"type": "string", "minLength": 1, "maxLength": 200},
    float: _QUANTITY,
    Fraction: _QUANTITY,
}


def chip_schema() -> Schema:
    """Return the schema of a ``crossbars:`` section."""
    tree = _spec(CrossbarChip)
    device = device_schema()
    named = {"type": "string", "description": f"{', '.join(RERAM_DEVICES)}, or a file"}
    tree["properties"]["device"] = {"anyOf": [named, device]}
    return tree


def schedule_schema() -> Schema:
    """Return the schema of a ``schedule:`` section."""
    tree = _spec(CrossbarSchedule, without=("loops",))
    axes = [axis.value for axis in Axis]
    step: Schema = {"type": "integer", "minimum": 1}
    blocked = {
        "type": "object", "additionalProperties": False, "minProperties": 1, "maxProperties": 1,
        "properties": dict.fromkeys(axes, step),
    }  # fmt: skip
    loop = {"anyOf": [{"enum": axes}, blocked]}
    tree["properties"]["loops"] = {
        "type": "array", "items": loop, "description": "outermost first; an axis and its step",
    }  # fmt: skip
    return tree


def device_schema() -> Schema:
    """Return the schema of a ``reram_device:`` section."""
    figure: Schema = {
        "type": "object", "additionalProperties": False, "required": ["value", "source"],
        "properties": {"value": _QUANTITY, "source": {"type": "string", "minLength": 1}},
    }  # fmt: skip
    fields = [name for name in ReramDevice.model_fields if name not in ("name", "sources")]
    keys = {key: figure for name in fields for key in keys_of(name)}
    return _object({"name": _KINDS[str]} | keys, ["name"])


def _spec(spec: type[Spec], without: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a spec's fields, with their shorter spellings."""
    properties: Schema = {}
    for name in spec.model_fields:
        if name in without:
            continue
        kind = kind_of(spec, name)
        tree: Schema
        if issubclass(kind, Spec):
            tree = _spec(kind)
        elif issubclass(kind, Enum):
            tree = {"enum": [member.value for member in kind]}
        else:
            tree = _QUANTITY if len(keys_of(name)) > 1 else _KINDS[kind]
        properties |= dict.fromkeys(keys_of(name), tree)
    return _object(properties, [])


def _object(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object", "additionalProperties": False,
        "properties": properties, "required": required,
    }  # fmt: skip

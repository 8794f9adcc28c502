"""Writing a case on crossbars in the native notation, so that reading it back gives an equal one.

Defaults are left out but for those that would be assumptions, and what a device gave is written
as figures; the files that a case was read from are not part of the text.
"""

from __future__ import annotations

from typing import Any

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.native_header import FORMAT_VERSION
from stallscope.mappings.native_writing import (
    energy_to_plain,
    given_fields,
    plain_value,
    to_yaml,
)
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.native import SAID
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.mappings.spec import Spec

__all__ = ["chip_to_plain", "dump_crossbars", "schedule_to_plain", "to_plain"]

Plain = Any  # a tree of dict, list, str, int, float and bool: what YAML can hold


def dump_crossbars(case: CrossbarCase) -> str:
    """Return the case as native YAML text; reading it gives an equal case but for ``files``."""
    return to_yaml(to_plain(case))


def to_plain(case: CrossbarCase) -> dict[str, Plain]:
    """Return the case as the tree that native YAML holds."""
    tree: dict[str, Plain] = {"stallscope": FORMAT_VERSION}
    if case.name != "case":
        tree["name"] = case.name
    tree["crossbars"] = chip_to_plain(case.chip)
    key = "conv" if isinstance(case.layer, ConvLayer) else "gemm"
    tree["layer"] = {key: given_fields(case.layer, type(case.layer))}
    if case.schedule != CrossbarSchedule():
        tree["schedule"] = schedule_to_plain(case.schedule)
    if case.energy is not None:
        tree["energy"] = energy_to_plain(case.energy)
    if case.assumptions:
        tree["assumptions"] = list(case.assumptions)
    return tree


def chip_to_plain(chip: CrossbarChip) -> dict[str, Plain]:
    """Return a chip as the tree of its ``crossbars:`` section."""
    return _nested(chip)


def schedule_to_plain(schedule: CrossbarSchedule) -> dict[str, Plain]:
    """Return a schedule as the tree of its ``schedule:`` section."""
    tree = given_fields(schedule, CrossbarSchedule, {"loops"})
    if schedule.loops:
        tree["loops"] = [loop.axis.value if loop.step == 1 else {loop.axis.value: loop.step}
                         for loop in schedule.loops]  # fmt: skip
    return tree


def _nested(spec: Spec, place: str = "") -> dict[str, Plain]:
    """Return the fields that differ from their default, or whose default would be said."""
    tree: dict[str, Plain] = {}
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        if isinstance(value, Spec):
            inside = _nested(value, f"{place}{name}.")
            if inside or value != field.get_default():
                tree[name] = inside
        elif value != field.get_default() or f"{place}{name}" in SAID:
            tree[name] = plain_value(value)
    return tree

"""Changing a case by ``path=value``: the command line's ``--set``.

The case is written in the native notation, changed there and read again, so a path is that of
the native file, with levels addressed by name, and every check applies to the new value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from stallscope.mappings import native
from stallscope.mappings.case import Case, Platform
from stallscope.mappings.dram_catalog import Devices
from stallscope.mappings.fields import nearest
from stallscope.mappings.native_dram import device_keys_of
from stallscope.mappings.native_values import keys_of
from stallscope.mappings.native_writing import device_to_plain, to_plain, to_yaml
from stallscope.mappings.settings import Plain, apply_settings, read_setting, setting_error
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["UNATTRIBUTED", "override", "override_platform"]

UNATTRIBUTED = "--set ..."
"""Source of a fault of the changed case that no single setting is about."""

Read = TypeVar("Read", Case, Platform)

_SECTIONS = (
    "name", "problem", "architecture", "dram_device", "mapping", "layout", "sparsity",
    "energy", "rules",
)  # fmt: skip
_NEW = (
    "network",
    "topology",
    "separate",
    "memory",
    "currents",
    "buffering",
    "formats",
    "sparse",
    "decoders",
    "components",
    "actions",
)
"""Mappings that a path may go through before they are there."""


def override(case: Case, settings: Sequence[str], devices: Devices | None = None) -> Case:
    """Return a changed case; its files stay those of the first.

    Args:
        case: The case to change.
        settings: ``path=value``, applied in order; the value ``null`` takes a key out.
        devices: DRAM devices that the case's files describe.

    Raises:
        SpecError: Every setting that cannot be read, and every fault of the changed case.
    """
    changed = _changed(case, settings, devices, native.read)
    return changed.model_copy(update={"files": case.files + changed.files})


def override_platform(
    platform: Platform, settings: Sequence[str], devices: Devices | None = None
) -> Platform:
    """Return a changed platform; see `override`."""
    changed = _changed(platform, settings, devices, native.read_platform)
    return changed.model_copy(update={"files": platform.files})


def _changed(
    case: Platform,
    settings: Sequence[str],
    devices: Devices | None,
    read: Callable[[str, str, Devices | None], Read],
) -> Read:
    """The case with its settings applied, read again."""
    tree: dict[str, Plain] = to_plain(case)
    memory = case.architecture.levels[0].memory
    if devices is not None and "assumptions" in tree:
        said = devices.assumptions(memory.device.name if memory is not None else None)
        tree["assumptions"] = [one for one in tree["assumptions"] if one not in said]
    if memory is not None and any(setting.startswith("dram_device.") for setting in settings):
        tree["dram_device"] = device_to_plain(memory.device)
    apply_settings(tree, settings, _set)
    try:
        return read(to_yaml(tree), "--set", devices)
    except SpecError as error:
        raise SpecError([_attributed(fault, settings) for fault in error.faults]) from error


def _attributed(fault: Fault, settings: Sequence[str]) -> Fault:
    """Name the setting that a fault is about, instead of a line of text nobody wrote."""
    source = UNATTRIBUTED
    for setting in settings:
        path = setting.partition("=")[0].strip()
        if fault.place.startswith(path) or path.startswith(fault.place):
            source = f"--set {setting}"
    return Fault(place=fault.place, value=fault.value, rule=fault.rule, remedy=fault.remedy,
                 source=source)  # fmt: skip


def _set(tree: dict[str, Plain], setting: str) -> None:
    parts, value = read_setting(setting, _SECTIONS, "architecture.GLB.capacity=8 KiB")
    at: Plain = tree if parts[0] == "name" else tree.setdefault(parts[0], {})
    rest = parts if parts[0] == "name" else parts[1:]
    rest = _shortened(parts[0], at, rest)
    for part in rest[:-1]:
        at = _inside(at, part, setting, is_open=parts[0] in ("layout", "sparsity"))
    if not isinstance(at, dict):
        raise setting_error(
            setting, f"{rest[-1]} is not a key of a list", "address an entry by name"
        )
    spellings = device_keys_of if parts[0] == "dram_device" else keys_of
    for key in [key for key in at if rest[-1] in spellings(key)]:
        del at[key]  # the same figure in another spelling
    if value is not None:
        at[rest[-1]] = value


def _shortened(section: str, tree: Plain, parts: list[str]) -> list[str]:
    """Insert what a path may leave out: ``levels``, ``dimensions``, ``tensors``, ``components``."""
    head = parts[0]
    if section == "architecture" and head not in tree:
        names = [level["name"] for level in tree.get("levels", [])]
        if head in names:
            return ["levels", *parts]
        if head == tree.get("compute", {}).get("name"):
            return ["compute", *parts[1:]]
    if section == "problem" and head not in tree:
        for key in ("dimensions", "tensors"):
            if head in tree.get(key, {}):
                return [key, *parts]
    if section == "energy" and head not in (*tree, "source", "components"):
        tree.setdefault("components", {})
        return ["components", *parts]
    return parts


def _inside(at: Plain, part: str, setting: str, *, is_open: bool) -> Plain:
    """What is at a part of a path; a mapping that is not there yet is made where it may be."""
    if isinstance(at, list):
        for item in at:
            if isinstance(item, dict) and item.get("name") == part:
                return item
        names = [item["name"] for item in at if isinstance(item, dict) and "name" in item]
        raise setting_error(setting, f"no entry {part}", nearest(part, names))
    if part not in at and (is_open or part in _NEW):
        at[part] = {}
    if part not in at or not isinstance(at[part], (dict, list)):
        known = [key for key, value in at.items() if isinstance(value, (dict, list))]
        known += [item["name"] for item in at.get("levels", []) if "name" in item]
        known += [at["compute"]["name"]] if "compute" in at else []
        raise setting_error(setting, f"no key {part}", nearest(part, known))
    return at[part]

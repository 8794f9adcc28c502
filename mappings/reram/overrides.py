"""Changing a case on crossbars by ``path=value``: the command line's ``--set``.

The sections are changed as they were written and read again, so a path is that of the files, a
device gives what is left out, and every check applies to the new value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stallscope.mappings.fields import Findings, plain
from stallscope.mappings.native_energy import ACTIONS
from stallscope.mappings.native_header import FORMAT_VERSION
from stallscope.mappings.native_writing import to_yaml
from stallscope.mappings.reading import Node, read_text
from stallscope.mappings.reram.devices import RERAM_DEVICES
from stallscope.mappings.reram.native_values import keys_of
from stallscope.mappings.settings import (
    SOURCE,
    Plain,
    apply_settings,
    read_setting,
    setting_error,
)
from stallscope.simcore.errors import Fault

__all__ = ["attributed", "overridden"]

_SECTIONS = ("name", "crossbars", "layer", "schedule", "energy")


def overridden(sections: dict[str, Node], settings: Sequence[str]) -> dict[str, Node]:
    """Return changed sections.

    Args:
        sections: The sections of a case, as they were read.
        settings: ``path=value``, applied in order; the value ``null`` takes a key out.

    Raises:
        SpecError: Every setting that cannot be read.
    """
    tree: dict[str, Plain] = {name: plain(node) for name, node in sections.items()}
    if "crossbars" in sections:
        _place_device(tree["crossbars"], sections["crossbars"])
    apply_settings(tree, settings, _set)
    root = read_text(to_yaml({"stallscope": FORMAT_VERSION, **tree}), SOURCE)
    assert isinstance(root.value, dict)
    return {name: root.value[name] for name in tree}


def attributed(fault: Fault, settings: Sequence[str], written: Findings) -> Fault:
    """Name the setting or the line that a fault of the changed sections is about.

    Args:
        fault: A fault; one that has a line of a file keeps it.
        settings: The settings.
        written: Where everything stands in the files.
    """
    if not fault.source.startswith(f"{SOURCE}:"):
        return fault
    for setting in reversed(settings):
        path = setting.partition("=")[0].strip()
        if fault.place.startswith(path) or path.startswith(fault.place):
            return replace(fault, source=f"{SOURCE} {setting}")
    located = written.located(replace(fault, source=""))
    return located if located.source else replace(fault, source=f"{SOURCE} ...")


def _place_device(chip: Plain, node: Node) -> None:
    """Make the path of a device's file one that does not depend on the file it is named in."""
    given = chip.get("device") if isinstance(chip, dict) else None
    if isinstance(given, str) and given not in RERAM_DEVICES:
        chip["device"] = str(Path(node.file).parent.absolute() / given)


def _set(tree: dict[str, Plain], setting: str) -> None:
    parts, value = read_setting(setting, _SECTIONS, "crossbars.writing.iterations=10")
    if parts[0] == "energy":
        parts = _spelled_out(parts)
    at: Plain = tree
    for part in parts[:-1]:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise setting_error(setting, f"{part} is no mapping", "give a key of one")
    for key in [key for key in at if parts[-1] in keys_of(key) or key in keys_of(parts[-1])]:
        del at[key]  # the same figure in another spelling
    if value is not None:
        at[parts[-1]] = value


def _spelled_out(parts: list[str]) -> list[str]:
    """Insert what a path of an energy may leave out: ``components`` and ``actions``."""
    if len(parts) > 1 and parts[1] not in ("source", "components"):
        parts = [parts[0], "components", *parts[1:]]
    if len(parts) == 4 and parts[3] not in (*ACTIONS, "area", "area_um2", "actions"):
        parts = [*parts[:3], "actions", parts[3]]
    return parts

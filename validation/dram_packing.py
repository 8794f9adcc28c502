"""The DRAM reference cases packed into one small JSON document, and unpacked again.

Presets and traces that several systems and cases share are stored once, systems by how they differ
from their preset, results by position and only as far as they are compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["is_packed", "pack", "unpack"]

Json = dict[str, Any]  # Any: parsed documents of another tool's making

_FORMAT = 1
_RESULTS = ("cycles", "acts", "row_hits", "row_conflicts", "refreshes")
_RESOLVED = ("ranks", "rows", "columns", "dual", "tRTP", "tRTRS")
_PARTS = ("dramsim3", "ramulator2")


def is_packed(document: object) -> bool:
    """Whether a document is a packed one."""
    return isinstance(document, dict) and document.get("format") == _FORMAT


def pack(document: Mapping[str, Any], source: str) -> str:
    """Pack the document of the reference's form into text, one case a line.

    Args:
        document: ``dramsim3`` and ``ramulator2``, each with systems and cases.
        source: Where the figures are from.
    """
    shared: list[str] = []
    packed: Json = {"format": _FORMAT, "source": source, "results": _RESULTS}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in packed.items()]
    for part in _PARTS:
        systems = {
            name: _share(_system(part, system), shared)
            for name, system in document[part]["systems"].items()
        }
        names = list(systems)
        cases = [json.dumps(_case(case, names, shared)) for case in document[part]["cases"]]
        lines.append(f'"{part}": {{"systems": {json.dumps(systems)}, "cases": [\n')
        lines[-1] += ",\n".join(cases) + "\n]}"
    lines.append('"shared": [\n' + ",\n".join(shared) + "\n]")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def unpack(packed: Json) -> Json:
    """Return the document in the reference's form, with what is compared."""
    shared = packed["shared"]
    document: Json = {}
    for part in _PARTS:
        inside = packed[part]
        names = list(inside["systems"])
        document[part] = {
            "systems": {name: shared[index] for name, index in inside["systems"].items()},
            "cases": [_opened(row, names, shared) for row in inside["cases"]],
        }
    return document


def _share(value: object, shared: list[str]) -> int:
    """Index of a value among the shared ones."""
    text = json.dumps(value, separators=(",", ":"))
    if text not in shared:
        shared.append(text)
    return shared.index(text)


def _system(part: str, system: Json) -> Json:
    """What of a system is read."""
    if part == "ramulator2":
        return system
    kept = {key: system[key] for key in ("preset", "overrides", "ini") if key in system}
    return kept | {"resolved": {key: system["resolved"][key] for key in _RESOLVED}}


def _case(case: Json, names: list[str], shared: list[str]) -> list[Any]:
    result = case["result"]
    figures = [result.get(name, result.get("commands", {}).get("ACT", 0)) for name in _RESULTS]
    return [
        names.index(case["system"]), case["case"], _share(case["trace"], shared),
        case["inject_per_cycle"], case["max_outstanding"], *figures,
    ]  # fmt: skip


def _opened(row: list[Any], names: list[str], shared: list[Any]) -> Json:
    system, name, trace, inject, outstanding, *figures = row
    return {
        "system": names[system],
        "case": name,
        "trace": shared[trace],
        "inject_per_cycle": inject,
        "max_outstanding": outstanding,
        "result": dict(zip(_RESULTS, figures, strict=True)),
    }

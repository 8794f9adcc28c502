"""Timeloop cases packed into one JSON document, and unpacked into folders again.

Input files become their parsed content (JSON is YAML), equal ones are stored once, and of the
printed figures only those that are compared are kept, by position. See docs/formats.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

__all__ = ["pack", "unpack"]

Json = dict[str, Any]  # Any: parsed documents of another tool's making

_FORMAT = 1
_FILES = ("architecture", "problem", "mapping", "ERT")
_LEVEL = ("utilized_instances", "reads_total", "fills_total", "updates_total",
          "temporal_reductions_total", "utilized_capacity_words", "energy_pJ_total")  # fmt: skip
_NETWORK = ("ingresses", "link_transfers", "spatial_reductions", "average_hops",
            "energy_pJ_total", "link_transfer_energy_pJ_total")  # fmt: skip
_ENERGIES = "energy_per_action_pJ_max_over_arguments"


def pack(folders: Iterable[Path], source: str) -> str:
    """Pack case folders into the text of one document, a case a line.

    Args:
        folders: Case folders.
        source: Where the figures are from, tool and version.
    """
    shared: list[str] = []
    cases = [json.dumps(_pack(folder, shared), separators=(",", ":")) for folder in folders]
    head = {
        "format": _FORMAT,
        "source": source,
        "columns": {"levels": _LEVEL, "networks": _NETWORK},
    }
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
    parts = {"shared": ",\n".join(shared), "cases": ",\n".join(cases)}
    body = ",\n".join(f"{json.dumps(key)}: [\n{rows}\n]" for key, rows in parts.items())
    return f"{{\n{lines},\n{body}\n}}\n"


def unpack(document: Json, folder: Path) -> None:
    """Write every case of a packed document as a folder of its own below ``folder``."""
    shared = document["shared"]
    for case in document["cases"]:
        place = folder / case["case"]
        place.mkdir()
        for name in _FILES:
            if name in case:
                text = json.dumps(_opened(case[name], shared))
                (place / f"{name}.yaml").write_text(text, encoding="utf-8")
        expected = {"case": case["case"], "source": {"environment": case.get("environment", {})}}
        if "rejected" in case:
            expected |= {"rejected": True, "message": [case["rejected"]]}
        else:
            expected |= {"results": _full(case["expected"], shared)}
            if "energies" in case:
                expected |= {_ENERGIES: _opened(case["energies"], shared)}
        _write(place / "expected.json", expected)
        if "full_walk" in case:
            _write(place / "expected_fullwalk.json", {"results": _full(case["full_walk"], shared)})


def _pack(folder: Path, shared: list[str]) -> Json:
    case: Json = {"case": folder.name}
    for name in _FILES:
        path = folder / f"{name}.yaml"
        if path.exists():
            case[name] = _closed(name, YAML(typ="safe").load(path), shared)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    environment = expected["source"].get("environment")
    if environment:
        case["environment"] = environment
    if expected.get("rejected"):
        return case | {"rejected": expected["message"][-1]}
    if "ERT" not in case and expected.get(_ENERGIES):
        case["energies"] = _share(expected[_ENERGIES], shared)
    case["expected"] = _short(expected["results"], shared)
    walked = folder / "expected_fullwalk.json"
    if walked.exists():
        full = json.loads(walked.read_text(encoding="utf-8"))["results"]
        case["full_walk"] = _short(full, shared)
    return case


def _share(value: object, shared: list[str]) -> int:
    """Index of a value among the shared ones."""
    text = json.dumps(value, separators=(",", ":"))
    if text not in shared:
        shared.append(text)
    return shared.index(text)


def _closed(name: str, document: Json, shared: list[str]) -> object:
    """A file by reference to shared parts; of a problem the instance differs, the shape rarely."""
    if name == "problem":
        inner = dict(document["problem"])
        shape = _share(inner.pop("shape"), shared)
        return {"shape": shape, "rest": inner}
    return document["mapping"] if name == "mapping" else _share(document, shared)


def _opened(packed: Any, shared: list[Any]) -> object:
    if isinstance(packed, int):
        return shared[packed]
    if isinstance(packed, list):
        return {"mapping": packed}
    return {"problem": {"shape": shared[packed["shape"]], **packed["rest"]}}


def _short(results: Json, shared: list[str]) -> Json:
    """Figures by position; names of levels, tensors and networks once."""
    levels = results["levels"]
    networks = results["networks"]
    compute, summary = results["compute"], results["summary"]
    names = {
        "levels": [[level["name"], list(level["tensors"])] for level in levels],
        "networks": [[network["name"], list(network["tensors"])] for network in networks],
    }
    return {
        "names": _share(names, shared),
        "cycles": [summary["cycles"], *(level["cycles"] for level in levels)],
        "energy": [summary.get("energy_pJ_sum_of_parts"), compute["name"],
                   compute.get("energy_pJ_total")],
        "levels": [_row(v, _LEVEL) for level in levels for v in level["tensors"].values()],
        "networks": [_row(v, _NETWORK) for net in networks for v in net["tensors"].values()],
    }  # fmt: skip


def _row(values: Json, columns: tuple[str, ...]) -> list[Any]:
    """Whole figures as integers; trailing zeros are left out."""
    row = [values.get(name) for name in columns]
    row = [int(v) if isinstance(v, float) and v == int(v) else v for v in row]
    while row and not row[-1]:
        row.pop()
    return row


def _full(packed: Json, shared: list[Any]) -> Json:
    names = shared[packed["names"]]
    rows = {part: iter(packed[part]) for part in ("levels", "networks")}
    total, *cycles = packed["cycles"]
    energy, mac, mac_energy = packed["energy"]

    def table(part: str, columns: tuple[str, ...]) -> list[Json]:
        return [
            {"name": name, "tensors": {t: _named(next(rows[part]), columns) for t in tensors}}
            for name, tensors in names[part]
        ]

    levels = table("levels", _LEVEL)
    for level, number in zip(levels, cycles, strict=True):
        level["cycles"] = number
    return {
        "compute": {"name": mac, "energy_pJ_total": mac_energy},
        "levels": levels,
        "networks": table("networks", _NETWORK),
        "summary": {"cycles": total, "energy_pJ_sum_of_parts": energy},
    }


def _named(row: list[Any], columns: tuple[str, ...]) -> Json:
    return dict(zip(columns, [*row, *[0] * (len(columns) - len(row))], strict=True))


def _write(path: Path, document: Json) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")

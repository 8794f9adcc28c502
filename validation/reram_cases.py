"""Reference cases of crossbars: weight updates, timing, and what other tools report.

A file is one JSON object of one of three forms, told apart by its content:

* weight updates: ``networks`` by filling and network, each with its layers; ``example_search``;
  ``reprogram_time_and_wear``;
* timing: entries by name with what a multiply, a rewrite or the example's convolution takes;
* peers: ``puma``, ``neurosim``, ``mnsim``, ``functional_nrmse_64x64``.

A folder stands for all such files in it; others are left out by name. The project's own copy holds
several documents in a list, ``documents``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.schedule import Filling
from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.documents import Json, json_files, own_copy, read_document

__all__ = [
    "EXAMPLE",
    "Cases",
    "Json",
    "LayerCase",
    "NetworkCase",
    "SearchCase",
    "WearCase",
    "read_cases",
]

_PEERS = {
    "puma": "cases",
    "neurosim": "cases",
    "mnsim": "hardware_level",
    "functional_nrmse_64x64": "crosssim",
}
"""Tools, and what a document has of them where it holds their figures."""
_UPDATES = ("networks", "example_search", "reprogram_time_and_wear")
_TIMES = ("latency_ns", "per_xbar_ns", "single_ns", "closed", "unequal", "stage_ns")
_FIGURES = ("co_outer", "G", "logical_xbars", "weights", "min_loads", "reduction_row_vs_min_pct")
EXAMPLE = ConvLayer(C=128, K=256, P=28, Q=28, R=3, S=3, padding=1)
"""The layer of the worked example: 128 to 256 channels on 28 x 28 outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCase:
    """One layer: its shape, and figures by name."""

    name: str
    shape: ConvLayer
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCase:
    """One network with one filling.

    Attributes:
        name: Network.
        filling: How crossbars are filled.
        layers: Its convolutions.
        updates: Weight updates by tile: ``default_...`` and ``reuse_...``.
        reductions: Percent fewer updates, by default tile and partial-sum buffer.
        reductions_several: The same over layers whose sum takes several loads.
    """

    name: str
    filling: Filling
    layers: tuple[LayerCase, ...]
    updates: Mapping[str, int]
    reductions: Mapping[str, Mapping[str, float]]
    reductions_several: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCase:
    """The best schedule of the example under two buffers.

    Attributes:
        psum_kib: Partial-sum buffers of the tile's cores together, KiB.
        input_kib: Input buffer, KiB.
        psum_bytes: Bytes of a partial sum.
        tile: Output rows and columns.
        order: Loops, outermost first: co, t (the tile), g (the load), and ``snake``.
        figures: Updates, and percent fewer than with tiles of a row and of a pixel.
    """

    psum_kib: int
    input_kib: int
    psum_bytes: int
    tile: tuple[int, int]
    order: str
    figures: Mapping[str, float]

    @property
    def name(self) -> str:
        """The buffers."""
        return f"{self.psum_kib} KiB sums, {self.input_kib} KiB inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class WearCase:
    """Times of writing and wear of one network; ``figures`` as in the file."""

    name: str
    layers: tuple[LayerCase, ...]
    figures: Json


@dataclass(slots=True)
class Cases:
    """All cases of some files."""

    networks: list[NetworkCase] = field(default_factory=list)
    searches: list[SearchCase] = field(default_factory=list)
    wear: list[WearCase] = field(default_factory=list)
    timing: dict[str, Json] = field(default_factory=dict)
    peers: dict[str, Json] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def read_cases(path: str | os.PathLike[str] | None) -> Cases:
    """Read the cases of a file, of all files of a folder, or of the project's own copy.

    Raises:
        SpecError: If a file cannot be read, or has none of the known forms.
    """
    cases = Cases()
    if path is None:
        _add(own_copy("reram"), cases, "the project's own copy")
        return cases
    for file in json_files(path):
        document = read_document(file)
        if not _add(document, cases, str(file)):
            cases.left_out.append((file.name, "no cases of crossbars in it"))
    if not (cases.networks or cases.searches or cases.wear or cases.timing or cases.peers):
        rule = "needs weight updates, timing of crossbars, or figures of other tools"
        raise SpecError([Fault(place=str(path), value="", rule=rule)])
    return cases


def _add(document: Json, cases: Cases, place: str) -> bool:
    """Add the cases of one document; whether it has any."""
    try:
        if "documents" in document:
            found = [_add(inner, cases, place) for inner in document["documents"]]
            return any(found)
        peers = {tool: document[tool] for tool, key in _PEERS.items()
                 if isinstance(document.get(tool), dict) and key in document[tool]}  # fmt: skip
        if peers:
            cases.peers |= peers
            return True
        if any(key in document for key in _UPDATES):
            _add_updates(document, cases)
            return True
        times = {name: entry for name, entry in document.items() if _is_time(entry)}
        cases.timing |= times
        return bool(times)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        fault = Fault(place=place, value="", rule=f"a case is not in the known form: {error!r}")
        raise SpecError([fault]) from error


def _is_time(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    inner = [value for value in entry.values() if isinstance(value, dict)]
    return any(key in one for one in (entry, *inner) for key in _TIMES)


def _add_updates(document: Json, cases: Cases) -> None:
    shapes: dict[str, tuple[LayerCase, ...]] = {}
    for filling, networks in document.get("networks", {}).items():
        for name, entry in networks.items():
            layers = tuple(_layer(row) for row in entry["layers"])
            shapes.setdefault(name, layers)
            cases.networks.append(
                NetworkCase(
                    name=name,
                    filling=Filling(filling),
                    layers=layers,
                    updates=entry.get("updates", {}),
                    reductions=entry.get("reduction_pct", {}),
                    reductions_several=entry.get("reduction_pct_layers_G_gt_1", {}),
                )
            )
    cases.searches += list(_searches(document.get("example_search", ())))
    for name, entry in document.get("reprogram_time_and_wear", {}).items():
        if name in shapes:
            cases.wear.append(WearCase(name=name, layers=shapes[name], figures=entry))
        else:
            why = "reprogram_time_and_wear of a network whose layers are not given"
            cases.left_out.append((name, why))


def _layer(row: Json) -> LayerCase:
    """A layer and its figures: those of its shape, and updates by tile."""
    return LayerCase(
        name=row["name"],
        shape=ConvLayer(
            C=row["C_in"], K=row["C_out"], P=row["P"], Q=row["Q"], R=row["R"], S=row["S"],
            stride=row.get("stride", 1), groups=row.get("groups", 1),
        ),
        figures={key: value for key, value in row.items()
                 if key in _FIGURES or key.startswith(("default_", "reuse_"))},
    )  # fmt: skip


def _searches(rows: Any) -> Iterator[SearchCase]:
    for row in rows:
        height, width = row["tile"]
        yield SearchCase(
            psum_kib=row["psum_KiB"], input_kib=row["input_KiB"], psum_bytes=row["psum_bytes"],
            tile=(height, width), order=row["order"],
            figures={key: value for key, value in row.items()
                     if key == "updates" or key.startswith("reduction_vs_")},
        )  # fmt: skip

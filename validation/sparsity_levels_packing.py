"""Published runs of sparse designs reduced to what is compared, in the reference's own form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stallscope.validation.documents import Json

__all__ = ["pack"]

_RUN = ("cycles", "computes", "levels", "mapping_outer_to_inner")
_LEVEL = (
    "cycles", "Read bandwidth", "Write bandwidth", "Instances", "Utilized instances (average)",
)  # fmt: skip
_TENSOR = (
    "partition", "density_distribution", "max_utilised_words", "format", "reads", "gated_reads",
    "skipped_reads", "fills", "updates", "gated_updates", "skipped_updates",
    "read_words_per_cycle", "write_words_per_cycle",
)  # fmt: skip
_COMPUTES = ("Actual Computes", "Computes")
_LAYER = (
    "layer", "ground_truth_cycles", "dims", "density_rounded_used_by_uniform_model",
    "nnz_inputs_per_channel", "nnz_weights_per_input_channel", "problem", "dram_words_dense",
    "dram_compression_ratio_by_artifact_formula",
)  # fmt: skip
_RUNS = ("sparseloop_uniform", "sparseloop_actual_data", "ref_outputs")
_CASE = ("design", "format", "density", "M", "K", "N", "input_density", "weight_density")


def pack(document: Json, source: str) -> str:
    """Pack a document into the text of a smaller one, a case a line.

    Args:
        document: Published runs.
        source: Where the figures are from.
    """
    parts = [f'"source": {json.dumps(source)}']
    for name, section in document.items():
        if not isinstance(section, Mapping):
            continue
        if "layers" in section:
            parts.append(_listed(name, "layers", (_layer(one) for one in section["layers"])))
        elif "cases" in section:
            parts.append(_listed(name, "cases", (_case(one) for one in section["cases"])))
        else:
            parts.append(f"{json.dumps(name)}: {_line(section)}")
    return "{" + ",\n".join(parts) + "}\n"


def _listed(name: str, key: str, entries: Iterator[Json]) -> str:
    lines = ",\n".join(_line(entry) for entry in entries)
    return f"{json.dumps(name)}: {{{json.dumps(key)}: [\n{lines}\n]}}"


def _layer(layer: Json) -> Json:
    return _kept(layer, _LAYER) | {key: _run(layer[key]) for key in _RUNS if key in layer}


def _case(case: Json) -> Json:
    return _kept(case, _CASE) | _run(case)


def _run(run: Json) -> dict[str, Any]:
    levels = {
        name: _kept(level, _LEVEL)
        | {"tensors": {t: _kept(one, _TENSOR) for t, one in level["tensors"].items()}}
        for name, level in run["levels"].items()
    }
    mapping = [
        {"level": one["level"], "loops_outer_to_inner": one["loops_outer_to_inner"]}
        for one in run["mapping_outer_to_inner"]
    ]
    computes = _kept(run["computes"], _COMPUTES)
    return _kept(run, _RUN) | {
        "computes": computes, "levels": levels, "mapping_outer_to_inner": mapping,
    }  # fmt: skip


def _kept(entry: Json, keys: tuple[str, ...]) -> dict[str, Any]:
    """The entries that are compared, or that a comparison needs."""
    return {key: entry[key] for key in keys if key in entry}


def _line(entry: object) -> str:
    return json.dumps(entry, separators=(",", ":"))

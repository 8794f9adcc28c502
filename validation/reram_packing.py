"""The crossbars' reference cases reduced to what is compared, in the reference's own forms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from stallscope.validation.documents import Json

__all__ = ["pack"]

_LINE = 600
"""Characters of the longest line."""
_UPDATES = ("networks", "example_search", "reprogram_time_and_wear")
_PUMA = ("net", "desc", "access", "cycles", "instructions")
_ACCESSES = ("xbar_mvm", "adc", "snh", "dac", "edram")
_NEUROSIM = ("case", "latency_ns")
_MNSIM = (
    "size", "adc_bits", "adc_GSps", "dac_bits", "adc_latency_ns", "dac_latency_ns",
    "xbar_read_latency_ns", "xbar_write_latency_ns", "pe_mvm_8b",
)  # fmt: skip


def pack(documents: Iterable[Json], source: str) -> str:
    """Pack documents of the reference's forms into the text of one, in short lines.

    Args:
        documents: Weight updates, timing, and figures of other tools.
        source: Where the figures are from.
    """
    reduced = [_reduced(document) for document in documents]
    return _text({"source": source, "documents": reduced}) + "\n"


def _reduced(document: Json) -> Json:
    if "puma" in document:
        return _peers(document)
    if "networks" in document:
        return {key: document[key] for key in _UPDATES if key in document}
    return document


def _peers(document: Json) -> Json:
    puma, neurosim, mnsim = document["puma"], document["neurosim"], document["mnsim"]
    errors = document["functional_nrmse_64x64"]
    programs = [
        {key: case[key] for key in _PUMA}
        | {"access": {key: case["access"][key] for key in _ACCESSES},
           "instructions": {"mvm": case["instructions"]["mvm"]}}
        for case in puma["cases"]
    ]  # fmt: skip
    hardware = [
        {key: row[key] for key in _MNSIM}
        | {"pe_mvm_8b": {"computing_ns": row["pe_mvm_8b"]["computing_ns"]}}
        for row in mnsim["hardware_level"]
    ]
    return {
        "puma": {"mvm_latency_formula": puma["mvm_latency_formula"], "cases": programs},
        "neurosim": {"cases": [{key: row[key] for key in _NEUROSIM} for row in neurosim["cases"]]},
        "mnsim": {"hardware_level": hardware, "vgg8": {}},
        "functional_nrmse_64x64": {
            "crosssim": errors["crosssim"],
            "aihwkit": [{"noise_model": row["noise_model"]} for row in errors["aihwkit"]],
        },
    }


def _text(value: object) -> str:
    """JSON, with the entries of what is long a line each."""
    plain = json.dumps(value, separators=(",", ":"))
    if len(plain) <= _LINE:
        return plain
    if isinstance(value, Mapping):
        rows = [f"{json.dumps(key)}:{_text(entry)}" for key, entry in value.items()]
        return "{" + ",\n".join(rows) + "}"
    if isinstance(value, list):
        return "[" + ",\n".join(_text(entry) for entry in value) + "]"
    return plain

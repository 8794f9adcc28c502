"""The sparse layers' reference cases reduced to what is compared, in the reference's own forms."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from stallscope.validation.documents import Json
from stallscope.validation.sparsity_reading import MASKED, is_of_runs

__all__ = ["pack"]

_LINE = 600
"""Characters of the longest line."""
_SECTIONS = (
    "accelerators", "networks", "sparse_layers", MASKED, "raw_per_PE_nonzeros",
    "network_totals_recomputed_from_result_csv",
)  # fmt: skip
_NOT_COMPARED = {
    "raw_csv", "raw_mismatch", "their_function_slowest_PE_cycles", "their_function_cpu_s", "agree",
}  # fmt: skip
_RUN = ("path", "problem", "mapping_outer_to_inner", "cycles", "problem_vs_mapping_mismatch")


def pack(documents: Iterable[Json], source: str) -> str:
    """Pack documents of the reference's forms into the text of one, in short lines.

    Args:
        documents: Bottleneck networks, and runs of their layers.
        source: Where the figures are from.
    """
    reduced = [_reduced(document) for document in documents]
    return _text({"source": source, "documents": reduced}) + "\n"


def _reduced(document: Json) -> Json:
    if is_of_runs(document):
        used = [entry for entry in document["cases"] if "bottlenecks" in entry["path"].split("/")]
        return {"cases": [{key: entry[key] for key in _RUN if key in entry} for entry in used]}
    return {key: _kept(document[key]) for key in _SECTIONS if key in document}


def _kept(value: object) -> object:
    """A value without the entries that nothing is compared with."""
    if isinstance(value, Mapping):
        return {key: _kept(one) for key, one in value.items() if key not in _NOT_COMPARED}
    if isinstance(value, list):
        return [_kept(one) for one in value]
    return value


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

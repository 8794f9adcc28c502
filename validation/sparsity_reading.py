"""Reference cases of sparse layers.

A file is one JSON object of one of three forms, told apart by its content:

* bottleneck networks: any of ``synthetic_mask_cases`` (mappings and masks), ``raw_per_PE_nonzeros``
  (weights per PE and pass), ``sparse_layers``, ``networks`` (tables of blocks); ``accelerators``
  are the energies of what they ran on, the project's own where a file has none;
* mapped layers: ``cases`` of published runs with ``mapping_outer_to_inner``; without such a file
  the project's own copy of them is used;
* designs by expected values per level (`sparsity_levels`).

A folder stands for all such files in it; others are left out by name. The project's own copy holds
documents of the first two forms in a list, ``documents``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.documents import Json, json_files, own_copy, read_document
from stallscope.validation.sparsity_layers import Layers
from stallscope.validation.sparsity_levels import SECTIONS

__all__ = ["MASKED", "Bottlenecks", "Cases", "is_of_networks", "is_of_runs", "read_cases"]

MASKED, _GIVEN, _ROWS = "synthetic_mask_cases", "raw_per_PE_nonzeros", "sparse_layers"
_NETWORKS, _TOTALS = "networks", "network_totals_recomputed_from_result_csv"
_TABLES = "accelerators"
_FORMS = (MASKED, _GIVEN, _ROWS, _NETWORKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottlenecks:
    """What one document has of bottleneck networks.

    Attributes:
        masked: Layers with a mapping and the name of a mask.
        definitions: Masks by name, in a line of arithmetic each.
        given: Weights that are not zero per PE and pass.
        rows: Pruned layers, with what a pass has and what it takes.
        networks: Tables of blocks by network.
        totals: Totals of whole networks.
        layers: Layers with the mappings that they ran with.
    """

    masked: Sequence[Json]
    definitions: Mapping[str, str]
    given: Sequence[Json]
    rows: Sequence[Json]
    networks: Mapping[str, Json]
    totals: Mapping[str, Json]
    layers: Layers


@dataclass(slots=True, kw_only=True)
class Cases:
    """What was read.

    Attributes:
        bottlenecks: Documents of bottleneck networks.
        levels: Documents of designs per level; None for the project's own copy.
        left_out: Files of no known form, and why.
    """

    bottlenecks: list[Bottlenecks] = field(default_factory=list)
    levels: list[Json | None] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def is_of_networks(document: Json) -> bool:
    """Whether a document is of bottleneck networks."""
    return any(name in document for name in _FORMS)


def is_of_runs(document: Json) -> bool:
    """Whether a document is of mapped layers."""
    cases = document.get("cases")
    return isinstance(cases, list) and bool(cases) and "mapping_outer_to_inner" in cases[0]


def read_cases(path: str | os.PathLike[str] | None) -> Cases:
    """Read a file, a folder of them, or the project's own copy.

    Raises:
        SpecError: If none of the files is in a known form.
    """
    found = Cases()
    own = own_copy("sparsity")["documents"]
    if path is None:
        documents = {f"data {at}": one for at, one in enumerate(own)}
        found.levels.append(None)
    else:
        documents = {file.name: read_document(file) for file in json_files(path)}
    runs = [one for one in documents.values() if is_of_runs(one)]
    mapped = runs or [one for one in own if is_of_runs(one)]
    tables = {_TABLES: next(one[_TABLES] for one in own if _TABLES in one)}
    for name, document in documents.items():
        if is_of_networks(document):
            found.bottlenecks.append(_bottlenecks(tables | document, mapped))
        elif any(section in document for section in SECTIONS):
            found.levels.append(document)
        elif not is_of_runs(document):
            found.left_out.append((name, "is of no known form"))
    if not found.bottlenecks and not found.levels:
        rule = f"has none of {', '.join((*_FORMS, *SECTIONS))}"
        raise SpecError([Fault(place=str(path), value="", rule=rule)])
    return found


def _bottlenecks(document: Json, runs: Sequence[Json]) -> Bottlenecks:
    masked = document.get(MASKED, {})
    entries = [entry for run in runs for entry in run["cases"]]
    return Bottlenecks(
        masked=masked.get("cases", ()),
        definitions=masked.get("mask_definitions", {}),
        given=document.get(_GIVEN, ()),
        rows=document.get(_ROWS, ()),
        networks=document.get(_NETWORKS, {}),
        totals=document.get(_TOTALS, {}),
        layers=Layers(entries, document[_TABLES]),
    )

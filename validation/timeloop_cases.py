"""Timeloop reference cases: folders of input files with the figures that Timeloop printed.

A case folder holds architecture.yaml, problem.yaml, mapping.yaml, perhaps ERT.yaml, expected.json
with the printed figures (or the rejection) and, where a walk over every iteration counts
differently, expected_fullwalk.json. The project's own copy of some cases is unpacked into folders
of the same form, so that there is one road.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stallscope.mappings.case import Case
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.fields import Findings
from stallscope.mappings.loading import load
from stallscope.mappings.timeloop_architecture import bare_name
from stallscope.mappings.timeloop_energy import resolve_tables
from stallscope.simcore.errors import Fault, SpecError
from stallscope.validation.documents import Json, own_copy, read_document
from stallscope.validation.figures import CYCLES, ENERGY, Key
from stallscope.validation.packing import unpack

__all__ = ["ReferenceCase", "own_cases", "read_case", "reference_cases"]

_INPUTS = ("architecture.yaml", "problem.yaml", "mapping.yaml")
_ENERGIES = "ERT.yaml"
_EXPECTED = "expected.json"
_FULL_WALK = "expected_fullwalk.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCase:
    """One case and what Timeloop printed for it.

    Attributes:
        name: The folder's name.
        folder: Where its input files are.
        environment: Timeloop's switches the figures were made with.
        rejection: Timeloop's message if it rejected the case, else empty.
        figures: What it printed by default.
        level_cycles: Cycles it printed per level.
        full_walk: What it printed walking every iteration, or None where that is the same.
        energies: pJ per component and action, for a case without ERT.yaml.
    """

    name: str
    folder: Path
    environment: Mapping[str, str]
    rejection: str
    figures: Mapping[Key, float]
    level_cycles: Mapping[str, float]
    full_walk: Mapping[Key, float] | None
    energies: Mapping[str, Mapping[str, float]]

    def load(self) -> Case:
        """Load the case under the switches of its environment.

        Raises:
            SpecError: If it is not legal.
        """
        paths = [self.folder / name for name in (*_INPUTS, _ENERGIES)]
        links = self.environment.get("TIMELOOP_DISABLE_LINK_TRANSFERS") != "1"
        elision = self.environment.get("TIMELOOP_ENABLE_FIRST_READ_ELISION") != "0"
        case = load(
            *(path for path in paths if path.name != _ENERGIES or path.exists()),
            name=self.name,
            link_transfers=links,
            first_read_elision=elision,
        )
        if case.energy is None and self.energies:
            case = case.model_copy(update={"energy": _table(case, self.energies)})
        return case


def reference_cases(path: str | os.PathLike[str]) -> tuple[ReferenceCase, ...]:
    """Read a case folder, or every case folder up to two levels below a folder, by path.

    Raises:
        SpecError: If there is none, or a figure file cannot be read.
    """
    root = Path(path)
    patterns = (_EXPECTED, f"*/{_EXPECTED}", f"*/*/{_EXPECTED}")
    found = {path.parent for pattern in patterns for path in root.glob(pattern)}
    folders = sorted(folder for folder in found if _is_case(folder))
    if not folders:
        raise SpecError([Fault(
            place=str(root), value="", rule="has no Timeloop cases",
            remedy=f"name a folder of folders that hold {', '.join((*_INPUTS, _EXPECTED))}",
        )])  # fmt: skip
    return tuple(read_case(folder) for folder in folders)


@contextmanager
def own_cases() -> Iterator[tuple[ReferenceCase, ...]]:
    """The project's own copy of a selection, unpacked while the context lasts."""
    with TemporaryDirectory(prefix="stallscope-") as place:
        unpack(own_copy("timeloop"), Path(place))
        yield reference_cases(place)


def read_case(folder: Path) -> ReferenceCase:
    """Read one case folder.

    Raises:
        SpecError: If a file of figures is not in the known form.
    """
    expected = read_document(folder / _EXPECTED)
    walked = folder / _FULL_WALK
    try:
        rejected = bool(expected.get("rejected"))
        results = {} if rejected else expected["results"]
        return ReferenceCase(
            name=folder.name,
            folder=folder,
            environment=dict((expected.get("source") or {}).get("environment") or {}),
            rejection=(list(expected.get("message") or ["rejected"])[-1]) if rejected else "",
            figures={} if rejected else _figures(results),
            level_cycles={level["name"]: level["cycles"] for level in results.get("levels", ())},
            full_walk=_figures(read_document(walked)["results"]) if walked.exists() else None,
            energies=expected.get("energy_per_action_pJ_max_over_arguments") or {},
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise SpecError([Fault(
            place=str(folder / _EXPECTED), value="", remedy="see docs/formats.md",
            rule=f"is not in the form of a Timeloop case's figures ({error!r})",
        )]) from error  # fmt: skip


def _is_case(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (*_INPUTS, _EXPECTED))


def _figures(results: Json) -> dict[Key, float]:
    """Every printed figure as a total over the used instances."""
    found: dict[Key, float] = {CYCLES: results["summary"]["cycles"]}
    used: dict[str, int] = {}
    for level in results["levels"]:
        for tensor, values in level["tensors"].items():
            used[level["name"]] = max(used.get(level["name"], 1), values["utilized_instances"])
            for metric, name in _LEVEL.items():
                _take(found, Key(level["name"], tensor, metric), values.get(name))
    for network in results.get("networks") or ():
        # Printed per instance of the outer level; an outer level that keeps nothing prints none.
        times = used.get(network["name"].split(" <==> ")[0])
        for tensor, values in network["tensors"].items():
            for metric, name in _NETWORK.items():
                value = values.get(name)
                total = value if metric == "hops" or value is None else value * (times or _NONE)
                _take(found, Key(network["name"], tensor, metric), total)
            energies = [values[name] for name in _NETWORK_ENERGIES if name in values]
            _take(found, Key(network["name"], tensor, "energy_pj"), sum(energies))
    compute = results.get("compute") or {}
    if compute:
        _take(found, Key(compute["name"], "", "energy_pj"), compute.get("energy_pJ_total"))
    total = results["summary"].get("energy_pJ_sum_of_parts")
    if total is None and compute.get("energy_pJ_total") is not None:
        total = sum(value for key, value in found.items() if key.metric == "energy_pj")
    _take(found, ENERGY, total)
    return found


def _take(found: dict[Key, float], key: Key, value: float | None) -> None:
    if value is not None and value == value:
        found[key] = value


_NONE = float("nan")

_LEVEL = {
    "reads": "reads_total",
    "fills": "fills_total",
    "updates": "updates_total",
    "temporal_reductions": "temporal_reductions_total",
    "tile_words": "utilized_capacity_words",
    "energy_pj": "energy_pJ_total",
}
_NETWORK = {
    "network_words": "ingresses",
    "link_transfers": "link_transfers",
    "spatial_reductions": "spatial_reductions",
    "hops": "average_hops",
}
_NETWORK_ENERGIES = (
    "energy_pJ_total",
    "link_transfer_energy_pJ_total",
    "spatial_reduction_energy_pJ_total",
)


def _table(case: Case, energies: Mapping[str, Mapping[str, float]]) -> EnergyTable:
    """The energy table that comes with a case's figures."""
    table: dict[str, tuple[str, dict[str, float], float | None]] = {
        bare_name(name)[0].rpartition(".")[2]: (name, dict(actions), None)
        for name, actions in energies.items()
    }
    source = "expected.json of the case"
    return resolve_tables(table, case.architecture, source, Findings())

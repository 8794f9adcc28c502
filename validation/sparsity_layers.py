"""Layers of bottleneck networks with the mappings that they ran with, and what they cost.

Energy is counted as the reference counts it (Timeloop of 2020-21): every access of a level costs
the dearest of its actions, a word its share of a block, and the first arrival of a partial sum is
a fill too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import nan

from stallscope.hw.simulate import simulate
from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.counts import Counts
from stallscope.validation.documents import Json
from stallscope.validation.sparsity_cases import layer_case

__all__ = ["Cost", "Layers", "MappedLayer", "Shape"]

_MAIN_MEMORY, _OUTPUTS = "DRAM", "Outputs"
_MAC = "mac"
_WORD_BITS = 16
_MEMORY_BITS = {True: 64, False: _WORD_BITS}
"""Bits of an access where the table does not say: of main memory, and of others."""
_ACCELERATORS: Mapping[str, str] = {"baseline": "baseline_eyeriss_like", "main": "archon_main"}
"""What the layers of a kind ran on. Only cycles are taken from those of other kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Bounds of a convolution: square windows, square maps."""

    C: int
    M: int
    window: int
    pixels: int
    stride: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cycles and energy of one run by one road.

    Attributes:
        cycles: Cycles.
        energy_uj: As the reference prints it, two decimals; not a number without a table.
        tensors: Energy per level and tensor, uJ.
    """

    cycles: int
    energy_uj: float
    tensors: Mapping[tuple[str, str], float]

    def of(self, level: str, tensor: str) -> float:
        """Energy of one tensor at one level, uJ; 0 where it is not kept."""
        return self.tensors.get((level, tensor), 0.0)


class MappedLayer:
    """One layer and its mapping.

    Args:
        entry: ``path``, ``problem``, ``mapping_outer_to_inner``, ``cycles`` of the reference.
        accelerator: What it ran on: ``energy_pJ`` and the blocks of its memories.
    """

    def __init__(self, entry: Json, accelerator: Json) -> None:
        self.path: str = entry["path"]
        self.cycles: int = entry["cycles"]
        size = entry["problem"]
        self.shape = Shape(
            C=size["C"], M=size["M"], window=size["R"], pixels=size["P"], stride=size["Wstride"]
        )
        parts = self.path.split("/")
        block = next((part for part in parts if re.fullmatch(r"b\d+", part)), "")
        self.place = f"{parts[0]}/{block}"
        self._entry = entry
        self._access = _accesses(accelerator)

    @cached_property
    def case(self) -> Case:
        """The layer as a case, memories as wide as needed."""
        size = self._entry["problem"]
        bounds = {name: size[name] for name in "CMNPQRS"}
        mapping = self._entry["mapping_outer_to_inner"]
        return layer_case(self.path, mapping, sizes=bounds, stride=self.shape.stride)

    @cached_property
    def simulated(self) -> Cost:
        """What an execution costs."""
        result = simulate(self.case)
        return self._cost(result.cycles, result.counts)

    @cached_property
    def analytical(self) -> Cost:
        """What the closed form says."""
        estimate = analyze(self.case)
        return self._cost(estimate.compute_cycles, estimate.counts)

    @cached_property
    def slides_on(self) -> bool:
        """Whether main memory reads fewer inputs where windows slide on over a step that stays."""
        rules = Rules(reuse=Reuse.OVERLAP)
        other = analyze(self.case.model_copy(update={"rules": rules})).counts
        here, there = (one.levels[0].tensors for one in (analyze(self.case).counts, other))
        return any(there[name].reads < here[name].reads for name in here)

    def _cost(self, cycles: int, counts: Counts) -> Cost:
        tensors: dict[tuple[str, str], float] = {}
        for level in counts.levels:
            for name, one in level.tensors.items():
                figures = [one.reads, one.fills, one.updates]
                if name == _OUTPUTS and level.name != _MAIN_MEMORY:
                    figures[1] += one.updates - one.reads
                block, each = self._access.get(level.name, (1, nan))
                accesses = sum(-(-figure // block) for figure in figures)
                tensors[level.name, name] = 1e-6 * accesses * each
        _, each = self._access.get(_MAC, (1, nan))
        total = 1e-6 * self.case.problem.macs * each + sum(tensors.values())
        return Cost(cycles=cycles, energy_uj=round(total, 2), tensors=tensors)


class Layers:
    """Mapped layers, found by what they compute.

    Args:
        entries: The layers.
        accelerators: What each kind of them ran on, by name.
    """

    def __init__(self, entries: Iterable[Json], accelerators: Mapping[str, Json]) -> None:
        self._layers: dict[str, list[MappedLayer]] = {}
        for entry in entries:
            kind = _kind(entry["path"])
            if kind and not entry.get("problem_vs_mapping_mismatch"):
                table = accelerators.get(_ACCELERATORS.get(kind, ""), {})
                self._layers.setdefault(kind, []).append(MappedLayer(entry, table))

    def find(
        self, kind: str, shapes: Iterable[Shape], place: str, *, cycles: float | None = None
    ) -> MappedLayer | None:
        """The layer of a shape: the one at a place, or else at any.

        Args:
            kind: ``baseline``, ``main``, ``decom``, ``conv`` or ``comp``.
            shapes: What it may compute; None is found if several do, and none is at the place.
            place: Network and block, such as ``mnasnet/b3``.
            cycles: Cycles of the run that is meant, where known.
        """
        wanted = set(shapes)
        every = [one for one in self._layers.get(kind, []) if one.shape in wanted]
        meant = [one for one in every if cycles is None or one.cycles == cycles]
        own = [one for one in meant if one.place == place]
        if own:
            return own[0]
        if len({one.shape for one in meant}) != 1:
            return None
        network = place.split("/")[0]
        return min(meant, key=lambda one: (not one.path.startswith(network), len(one.path)))


def _kind(path: str) -> str:
    """What a layer is part of; empty for heads and tails of networks."""
    parts = path.split("/")
    if "bottlenecks" not in parts:
        return ""
    if "predictions" in parts:
        return parts[-1]
    return "main" if "main_computations" in parts else "baseline"


def _accesses(accelerator: Json) -> dict[str, tuple[int, float]]:
    """Words of an access and its energy, pJ, per level; and those of a multiply-accumulate."""
    table = accelerator.get("energy_pJ", {})
    bits = accelerator.get("word_bits", _WORD_BITS)
    found = {}
    for level, actions in table.items():
        if level == _MAC:
            found[level] = (1, float(actions["mac_random"]))
            continue
        dearest = max(_largest(actions[action]) for action in ("read", "write"))
        width = accelerator.get(level, {}).get("width_bits", _MEMORY_BITS[level == _MAIN_MEMORY])
        found[level] = (width // bits, dearest)
    return found


def _largest(figure: float | Mapping[str, float]) -> float:
    return float(figure["max"]) if isinstance(figure, Mapping) else float(figure)

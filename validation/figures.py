"""Every figure of a set of counts under one key: place, tensor, metric.

The common ground on which an estimate, an execution and a reference are set side by side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stallscope.mappings.counts import Counts, LevelTensor, NetworkTensor

__all__ = ["CYCLES", "ENERGY", "Key", "figures"]


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Names one figure.

    Attributes:
        place: Storage level, network (``OUTER <==> INNER``), MAC unit, or empty for the run.
        tensor: Tensor, or empty where no tensor is meant.
        metric: reads, fills, updates, temporal_reductions, tile_words (of a level); network_words,
            link_transfers, spatial_reductions, hops (average per word) (of a network); energy_pj;
            cycles.
    """

    place: str
    tensor: str
    metric: str


CYCLES = Key("", "", "cycles")
"""Cycles of the run."""
ENERGY = Key("", "", "energy_pj")
"""Energy of the run, pJ."""


def figures(counts: Counts, cycles: int, energy_pj: float | None) -> dict[Key, float]:
    """Return every figure; counts are totals over used instances, in words.

    Args:
        counts: Of an estimate or an execution.
        cycles: Of the whole run.
        energy_pj: Of the whole run, pJ, or None without a table (no energies are returned then).
    """
    found = {CYCLES: float(cycles)}
    for place, tensor, values in _values(counts):
        for metric, value in values.items():
            if value is not None:
                found[Key(place, tensor, metric)] = float(value)
    if energy_pj is not None:
        found[ENERGY] = energy_pj
    return found


def _values(counts: Counts) -> Iterator[tuple[str, str, dict[str, float | None]]]:
    for level in counts.levels:
        for name, words in level.tensors.items():
            yield level.name, name, _level(words)
    for network in counts.networks:
        for name, flow in network.tensors.items():
            yield network.name, name, _network(flow)
    yield counts.compute.name, "", {"energy_pj": counts.compute.energy_pj}


def _level(words: LevelTensor) -> dict[str, float | None]:
    return {
        "reads": words.reads,
        "fills": words.fills,
        "updates": words.updates,
        "temporal_reductions": words.temporal_reductions,
        "tile_words": words.tile_words,
        "energy_pj": words.energy_pj,
    }


def _network(flow: NetworkTensor) -> dict[str, float | None]:
    return {
        "network_words": flow.words_in,
        "link_transfers": flow.link_transfers,
        "spatial_reductions": flow.reductions,
        "hops": flow.hops_average,
        "energy_pj": flow.energy_pj,
    }

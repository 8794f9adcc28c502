"""The figures both roads arrive at: accesses per level, words per network, computes.

The analytical model and the simulator each make their own; a comparison sets them side by side.
All counts are totals over the used instances, in words of the tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = [
    "ComputeCounts",
    "Counts",
    "LevelCounts",
    "LevelTensor",
    "NetworkCounts",
    "NetworkTensor",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTensor:
    """Accesses of one tensor at one storage level.

    Attributes:
        tile_words: Largest tile one instance holds, words.
        reads: Words read, link transfers to neighbours included.
        fills: Words that arrive from the outer level or a neighbour.
        updates: Words written from the inner level (partial sums).
        link_transfers: Of the fills, words taken from a neighbouring instance.
        temporal_reductions: Words added to a partial sum held here.
        peak_words: Most words held at once by one instance; tile_words in an estimate. Of a
            compressed tensor the slots that its tiles take: each is as large as the largest one,
            as it is stored, and a part of a tile takes no more than that part uncompressed.
        energy_pj: Energy of the accesses, pJ, or None without a table.
        metadata_reads: Of the reads, words of metadata of a compressed tensor.
        metadata_fills: Of the fills, likewise.
        metadata_updates: Of the updates, likewise.
    """

    tile_words: int
    reads: int = 0
    fills: int = 0
    updates: int = 0
    link_transfers: int = 0
    temporal_reductions: int = 0
    peak_words: int = 0
    energy_pj: float | None = None
    metadata_reads: int = 0
    metadata_fills: int = 0
    metadata_updates: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCounts:
    """Figures of one storage level; ``tensors`` has those it keeps.

    ``used_instances`` is the number the mapping uses. Area is the total over all instances,
    square micrometres; leakage is in pJ over the run.
    """

    name: str
    instances: int
    used_instances: int
    tensors: Mapping[str, LevelTensor]
    area_um2: float | None = None
    leakage_pj: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTensor:
    """Words of one tensor on one network.

    Attributes:
        words_in: Words that enter the network from the outer level (for the output: partial
            sums that leave it upward, and those sent down where the outer level cannot add).
        deliveries: Words that arrive at the inner instances.
        fanout: Inner instances per outer instance that the mapping uses.
        multicast: Words that enter, by the number of instances each reaches.
        reductions: Additions of partial sums on the way up.
        link_transfers: Words passed between neighbouring inner instances.
        hops_total: Sum of hops over words_in.
        energy_pj: Energy of the network's words, pJ, or None without figures.
        metadata_in: Of words_in, words of metadata of a compressed tensor.
        metadata_deliveries: Of the deliveries, likewise.
    """

    words_in: int
    deliveries: int
    fanout: int
    multicast: Mapping[int, int] = field(default_factory=dict)
    reductions: int = 0
    link_transfers: int = 0
    hops_total: Fraction = Fraction(0)
    energy_pj: float | None = None
    metadata_in: int = 0
    metadata_deliveries: int = 0

    @property
    def hops_average(self) -> float:
        """Hops per word that enters; 0 without words."""
        return float(self.hops_total / self.words_in) if self.words_in else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCounts:
    """Figures of the network below one storage level, named ``OUTER <==> INNER``."""

    name: str
    tensors: Mapping[str, NetworkTensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeCounts:
    """Figures of the MAC units.

    Attributes:
        name: Name of the compute level.
        instances: MACs there are.
        used_instances: MACs the mapping uses.
        computes: Multiply-accumulates done.
        gated: Those that took their cycle, but for a zero nothing moved.
        skipped: Those that took no cycle, being without effect.
        energy_pj: Energy, pJ, or None without a table.
    """

    name: str
    instances: int
    used_instances: int
    computes: int
    gated: int = 0
    skipped: int = 0
    energy_pj: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """All counts of one run or estimate; levels and networks outermost first."""

    levels: tuple[LevelCounts, ...]
    networks: tuple[NetworkCounts, ...]
    compute: ComputeCounts

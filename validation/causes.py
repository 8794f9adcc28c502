"""Why the closed form, as Timeloop prints it, and an execution count differently.

Execution walks every iteration on the hardware as it is. Under the rule ``timeloop`` the default
closed form follows what Timeloop prints, quirks included; each quirk has a name here. A difference
counts as explained only if the closed form of the full walk, which has none of the quirks, equals
the execution. No closed form here knows zeros: on hardware that minds them that is the cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isclose

from stallscope.hw.result import Result
from stallscope.mappings.analytical import Estimate, Walk, analyze
from stallscope.mappings.case import Case
from stallscope.mappings.sparsity.study import minds_zeros
from stallscope.validation.figures import ENERGY, Key, figures

__all__ = ["Cause", "ThreeRoads", "equal", "three_roads"]


class Cause(StrEnum):
    """A named reason for a difference in counts."""

    NONE = ""
    ROUNDING = "rounding per instance"
    """Timeloop prints averages per instance in whole words."""
    SHORTCUT = "default walk"
    """Timeloop evaluates iterations 0 and 1 of a loop only."""
    LINKS = "shared links"
    """Timeloop divides one parent's link transfers by the children of all parents."""
    BYPASS_HOPS = "hops after bypass"
    """Timeloop does not rescale hop sums when a level is bypassed."""
    NO_ADDER = "outer level cannot add"
    """Timeloop counts old values sent down to be added to as additions of the network, too."""
    ZEROS = "zeros"
    """The closed forms take zeros as words like the others, and know no metadata."""
    UNEXPLAINED = "unexplained"
    """The full walk and the execution differ: law L1 is broken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeRoads:
    """One case's figures by three roads.

    Attributes:
        case: The case.
        default: Closed form as the reuse rule's origin prints it.
        full: Closed form of a full walk.
        executed: What the simulator did.
        estimate: The default closed form it comes from.
        result: The simulation.
    """

    case: Case
    default: Mapping[Key, float]
    full: Mapping[Key, float]
    executed: Mapping[Key, float]
    estimate: Estimate
    result: Result

    def cause(self, key: Key) -> Cause:
        """Why default and executed figure of a count or an energy differ."""
        ours, theirs = self.executed[key], self.default[key]
        if equal(ours, theirs):
            return Cause.NONE
        if not equal(ours, self.full[key]):
            return Cause.ZEROS if minds_zeros(self.case) else Cause.UNEXPLAINED
        if key.metric == "energy_pj":
            return self._energy_cause(key)
        if key.metric == "hops":
            return self._hop_cause(key)
        if key.metric == "spatial_reductions" and not self._adds(key.place):
            return Cause.NO_ADDER
        if self._shares_links(key):
            return Cause.LINKS
        used = self.used_instances(key.place)
        if ours % used and abs(ours - theirs) < used:
            return Cause.ROUNDING
        return Cause.SHORTCUT

    def used_instances(self, place: str) -> int:
        """Used instances of a level, or of the outer level of a network."""
        outer = place.split(" <==> ")[0]
        for level in self.result.counts.levels:
            if level.name == outer:
                return level.used_instances
        return self.result.counts.compute.used_instances

    def _energy_cause(self, key: Key) -> Cause:
        """The cause of what the energy is made of, the weightiest first."""
        metrics = ("reads", "fills", "updates", "network_words", "hops")
        causes = {
            self.cause(other)
            for other in self.default
            if (other.metric in metrics)
            and (key == ENERGY or (other.place, other.tensor) == (key.place, key.tensor))
        }
        order = (Cause.SHORTCUT, Cause.LINKS, Cause.BYPASS_HOPS, Cause.ROUNDING)
        return next((cause for cause in order if cause in causes), Cause.UNEXPLAINED)

    def _hop_cause(self, key: Key) -> Cause:
        outer, inner = key.place.split(" <==> ")
        entries = self.case.mapping.by_level
        around = [entries[name] for name in (outer, inner) if name in entries]
        if any(key.tensor not in entry.keep for entry in around):
            return Cause.BYPASS_HOPS
        return Cause.SHORTCUT

    def _adds(self, network: str) -> bool:
        """Whether the level above a network adds what arrives to what it holds."""
        return self.case.architecture.level(network.split(" <==> ")[0]).reduces

    def _shares_links(self, key: Key) -> bool:
        """Whether a level takes words from neighbours below more than one parent instance."""
        if key.metric not in ("reads", "fills"):
            return False
        levels = self.result.counts.levels
        at = [level.name for level in levels].index(key.place)
        links = levels[at].tensors[key.tensor].link_transfers
        return bool(at and links and levels[at - 1].used_instances > 1)


def three_roads(case: Case, result: Result) -> ThreeRoads:
    """Work out the figures of a simulated case by every road."""
    default, full = result.analytical, analyze(case, walk=Walk.FULL)
    return ThreeRoads(
        case=case,
        default=figures(default.counts, default.cycles, default.energy_pj),
        full=figures(full.counts, full.cycles, full.energy_pj),
        executed=figures(result.counts, result.cycles, result.energy_pj),
        estimate=default,
        result=result,
    )


def equal(one: float, other: float) -> bool:
    """Whether two figures are the same, but for the last bits of a sum of energies."""
    return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)

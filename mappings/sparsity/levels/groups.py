"""Packed groups: how many words the loops of a packing run over, and how they are filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from stallscope.mappings.case import Case
from stallscope.mappings.nest import Nest
from stallscope.mappings.sparsity.levels.actions import Packing, mean_steps, mean_utilization
from stallscope.mappings.sparsity.levels.densities import Density, Spread

__all__ = ["PackedGroup", "packed_groups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedGroup:
    """The words of one group.

    Attributes:
        packing: What is packed.
        spread: How many of the group's words are not zero.
        iterations: Steps that the group takes without packing.
        units: Units that it takes up without packing.
    """

    packing: Packing
    spread: Spread
    iterations: int
    units: int

    @property
    def steps(self) -> float:
        """Steps that a group takes on average."""
        return mean_steps(self.spread, self.packing.lanes)

    @property
    def steps_if_any(self) -> float:
        """The same, averaged over the groups that hold anything."""
        some = float(self.spread.chances[self.spread.words > 0].sum())
        return self.steps / some if some else 0.0

    @property
    def utilization(self) -> float:
        """Busy share of the lanes, averaged over the groups that hold anything."""
        return mean_utilization(self.spread, self.packing.lanes)


def packed_groups(
    case: Case, nest: Nest, packings: tuple[Packing, ...], densities: Mapping[str, Density]
) -> tuple[PackedGroup, ...]:
    """Work out the groups of all packings.

    Args:
        case: The case.
        nest: Its loops.
        packings: What is packed.
        densities: Of every tensor.
    """
    names = [level.name for level in case.architecture.levels]
    groups = []
    for packing in packings:
        block = nest.blocks[names.index(packing.level)]
        units = prod(one.extent for one in block.spatial if one.dimension == packing.dimension)
        steps = prod(one.extent for one in block.temporal if one.dimension == packing.dimension)
        iterations = steps if packing.in_time else 1
        tensor = case.problem.tensor(packing.tensor)
        extents = dict.fromkeys(nest.bounds, 1) | {packing.dimension: units * iterations}
        groups.append(
            PackedGroup(
                packing=packing,
                spread=densities[packing.tensor].spread(tensor.tile_shape(extents)),
                iterations=iterations,
                units=units,
            )
        )
    return tuple(groups)

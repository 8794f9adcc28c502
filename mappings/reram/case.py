"""A case on crossbars: a layer, a chip and a schedule."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from stallscope.mappings.case import InputFile
from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layers import Shape
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.lowering import LoweredLayer, lower
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.mappings.reram.walk import ScheduleWalk, walk_of
from stallscope.mappings.spec import Spec

__all__ = ["CrossbarCase"]


class CrossbarCase(Spec):
    """Everything a run on crossbars depends on.

    Attributes:
        layer: What is computed.
        energy: Energies by component and action (docs/reram.md), or None.
        assumptions: Named assumptions made while reading, one sentence each.
        files: The files it was read from.
    """

    name: str = "case"
    layer: Shape
    chip: CrossbarChip
    schedule: CrossbarSchedule = CrossbarSchedule()
    energy: EnergyTable | None = None
    assumptions: tuple[str, ...] = ()
    files: tuple[InputFile, ...] = Field(default=())

    @cached_property
    def lowered(self) -> LoweredLayer:
        """The layer as the crossbars see it."""
        return lower(self.layer, self.chip, self.schedule.filling)

    @cached_property
    def walk(self) -> ScheduleWalk:
        """The loops that are walked."""
        return walk_of(self.schedule, self.lowered, self.chip)

"""The program of a layer on crossbars: one stream of instructions per unit, as loop nests.

    unit        instructions of a step
    inputs      LOAD the inputs of a tile of pixels (or of one pixel) to all cores that need them
    weights     LOAD the weights of a load, PROGRAM the crossbars; where the weights held change
    core        MVM per pixel, VADD of row blocks and partial sums, ACT at the last visit
    results     STORE results, or partial sums that come back later
    refill      LOAD partial sums that left before

PROGRAM stands nowhere in the input: it is where a step's weights differ from those of the step
before. The streams of a tile's cores are alike; what a core holds follows from its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import Overlap
from stallscope.mappings.reram.lowering import LoweredLayer
from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.walk import AXES, ScheduleWalk
from stallscope.simcore.position import LoopShape

__all__ = ["CrossbarProgram", "compile_crossbars"]


@dataclass(frozen=True, kw_only=True)
class CrossbarProgram:
    """The streams of one layer.

    Attributes:
        name: The case's name.
        layer: What the crossbars hold.
        walk: The loops, and how many of them each stream has.
        is_data_aware: Whether an update takes what its weights and those before say.
        tile_cores: Cores of a tile.
        writes_apart: Whether the cores of a tile are written one by one, not together.
    """

    name: str
    layer: LoweredLayer
    walk: ScheduleWalk
    is_data_aware: bool
    tile_cores: int
    writes_apart: bool

    @cached_property
    def loops(self) -> tuple[LoopShape, ...]:
        """All loops, outermost first; dimensions are axes by number."""
        return tuple(
            LoopShape(AXES.index(loop.axis), loop.extent, loop.step) for loop in self.walk.loops
        )

    @cached_property
    def bounds(self) -> dict[int, int]:
        """Bounds of the axes whose last pieces are unlike the others."""
        steps: dict[Axis, list[int]] = {}
        for loop in self.walk.loops:
            steps.setdefault(loop.axis, []).append(loop.step)
        return {
            AXES.index(axis): bound
            for axis, bound in self.walk.bounds.items()
            if any(bound % step for step in steps.get(axis, []))
            or (axis in self._pieces and axis in steps)
        }

    @cached_property
    def _pieces(self) -> dict[Axis, list[object]]:
        """What every load, and every step of ``co``, is like, where the last one is unlike."""
        layer = self.layer
        kinds: dict[Axis, list[object]] = {
            Axis.KO: list(layer.loads_alike),
            Axis.CO: [layer.step_alike(step) for step in range(layer.column_steps)],
        }
        return {axis: kind for axis, kind in kinds.items() if len(set(kind)) > 1}

    @cached_property
    def irregular(self) -> frozenset[int]:
        """Loops whose iterations differ by more than the last one: no two of them are alike."""
        found = set()
        for number, loop in enumerate(self.walk.loops):
            kinds = self._pieces.get(loop.axis, [])
            is_turning = loop.axis is Axis.KO and self.walk.snake
            is_written = self.is_data_aware and loop.axis in (Axis.CO, Axis.KO)
            if len(set(kinds[:-1])) > 1 or is_turning or is_written:
                found.add(number)
        return frozenset(found)

    @cached_property
    def sums(self) -> tuple[int, ...]:
        """Numbers of the loops of ``ko``."""
        return tuple(n for n, loop in enumerate(self.walk.loops) if loop.axis is Axis.KO)

    @cached_property
    def spills(self) -> bool:
        """Whether output tiles leave unfinished and come back."""
        return any(level < self.walk.outputs for level in self.sums)


def compile_crossbars(case: CrossbarCase) -> CrossbarProgram:
    """Compile a case whose schedule is legal on its chip."""
    return CrossbarProgram(
        name=case.name, layer=case.lowered, walk=case.walk,
        is_data_aware=case.chip.writing.data_aware, tile_cores=case.chip.cores,
        writes_apart=case.chip.overlap is Overlap.PARTIAL,
    )  # fmt: skip

"""Where a stream stands in the steps of a schedule, and what its present step is about."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from stallscope.mappings.reram.lowering import Load
from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.walk import AXES
from stallscope.simcore.position import Position
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["Place", "StepCursor"]

_N, _CO, _KO, _H, _W, _P = (
    AXES.index(axis) for axis in (Axis.N, Axis.CO, Axis.KO, Axis.H, Axis.W, Axis.P)
)
_PIXELS = ((Axis.H, _H), (Axis.W, _W), (Axis.P, _P))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The part of a layer that a step is about.

    Attributes:
        image: Image of the batch.
        co: Step of output channels.
        ko: Number of the load.
        rows, columns: Output rows and columns: first, and one after the last.
        pixels: Output pixels by number, likewise; one pixel where tiles are of rows and columns.
    """

    image: int
    co: int
    ko: int
    rows: tuple[int, int]
    columns: tuple[int, int]
    pixels: tuple[int, int]


class StepCursor:
    """An odometer over the first ``depth`` loops of a program.

    Attributes:
        position: The loops.
        is_backward: Whether the loop of ``ko`` is walked from its end.
        co: Step of output channels.
        ko: Number of the load.
        rows, columns, pixels: Output rows, columns and pixels of the present step: of a tile, or 1
            where single pixels are walked.
        tile_pixels: Output pixels of the tile.
        weights: What the crossbars hold in this step.
        inputs: Which inputs it needs.
    """

    __slots__ = ("_differ", "_program", "_turns", "co", "columns", "inputs", "is_backward", "ko",
                 "pixels", "position", "rows", "tile_pixels", "weights")  # fmt: skip

    def __init__(self, program: CrossbarProgram, depth: int) -> None:
        self._program = program
        self.position = Position(program.loops[:depth], program.bounds)
        self.is_backward = False
        turns = program.sums[0] if program.walk.snake and program.sums else depth
        self._turns = turns if turns < depth else -1
        self._differ = len(set(program.layer.owners)) > 1
        self.refresh()

    @property
    def load(self) -> Load:
        """The load of this step."""
        return self._program.layer.loads[self.ko]

    @property
    def place(self) -> Place:
        """What this step is about; what no loop of the stream walks stands at its first."""
        image, row, column, pixel, _, _ = self.inputs
        return Place(
            image=image,
            co=self.co,
            ko=self.ko,
            rows=(row, row + self.rows),
            columns=(column, column + self.columns),
            pixels=(pixel, pixel + self.pixels // (self.rows * self.columns)),
        )

    @property
    def is_first(self) -> bool:
        """Whether the stream's loops of the sum are all at their beginning."""
        index = self.position.index
        return not any(index[level] for level in self._program.sums if level < len(index))

    @property
    def is_last(self) -> bool:
        """Whether they are all at their end."""
        position = self.position
        return all(
            position.index[level] == position.count[level] - 1
            for level in self._program.sums if level < position.depth
        )  # fmt: skip

    def step(self) -> int:
        """Go on to the next step; returns the loop that stepped, or -1 at the end."""
        stepped = self.position.step()
        if 0 <= stepped < self._turns:
            self.is_backward = not self.is_backward
        if stepped >= 0:
            self.refresh()
        return stepped

    def refresh(self) -> None:
        """Work out what the present position is about."""
        walk, position = self._program.walk, self.position
        at = [0] * len(AXES)
        corner = at
        for level, (index, loop) in enumerate(zip(position.index, position.loops, strict=True)):
            if level == walk.steps:
                corner = at.copy()
            at[loop.dimension] += index * loop.step
        if self.is_backward:
            at[_KO] = walk.bounds[Axis.KO] - 1 - at[_KO]
        self.co, self.ko = at[_CO], at[_KO]
        sizes = [min(walk.tile[axis], walk.bounds[axis] - corner[n]) for axis, n in _PIXELS]
        self.tile_pixels = prod(sizes)
        if position.depth > walk.steps:
            sizes = [1, 1, 1]
        self.rows, self.columns, _ = sizes
        self.pixels = prod(sizes)
        self.weights = (self.co, self.ko)
        self.inputs = (at[_N], at[_H], at[_W], at[_P], self.ko, self.co if self._differ else 0)

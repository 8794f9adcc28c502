"""A schedule: in which order a layer's pieces pass the crossbars, and how those are filled.

Axes of a schedule, with the unit that its loops step in:

* ``n``: images of the batch;
* ``co``: output channels, in steps of what all cores of the chip hold at once;
* ``ko``: what is summed over, in loads: what a core's crossbars hold at once;
* ``h``, ``w``: output rows and columns; or ``p``: output pixels in row order.

Loops stand outermost first. What no loop of an axis walks is inside: pixels form the tile of a
step, all other axes get a loop of their own (batch and output channels outermost, then what is
named, then ``ko`` innermost). Weights are written exactly where a step needs others than the one
before; nobody says where.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from stallscope.mappings.spec import Spec

__all__ = ["Axis", "CrossbarSchedule", "Filling", "InputForm", "ScheduleLoop"]


class Axis(StrEnum):
    """What a loop walks."""

    N = "n"
    CO = "co"
    KO = "ko"
    H = "h"
    W = "w"
    P = "p"


class Filling(StrEnum):
    """How a core's logical crossbars are filled."""

    STRICT = "strict"
    """One block of input channels: a logical crossbar per kernel position."""
    RIGID = "rigid"
    """The same; a 1x1 kernel takes a block of input channels per logical crossbar."""
    PACKED = "packed"
    """Rows of the im2col matrix (channel by channel), as many as fit."""


class InputForm(StrEnum):
    """In which pieces inputs are brought to the cores."""

    AUTO = "auto"
    """Windows if the tile is one of rows and columns and its window fits, else pixels."""
    WINDOW = "window"
    """The window of a whole tile at once: every word once, in runs along rows."""
    PIXEL = "pixel"
    """What one output pixel needs at a time: words that pixels share come again."""


class ScheduleLoop(Spec):
    """One loop: ``axis`` in steps of ``step`` of the axis' units."""

    axis: Axis
    step: int = Field(default=1, ge=1)


class CrossbarSchedule(Spec):
    """A schedule.

    Attributes:
        filling: How the crossbars are filled.
        loops: Loops, outermost first; an axis may have several, each with a smaller step that
            divides the one before.
        snake: Whether every walk through the loop of ``ko`` goes the other way than the last.
        inputs: In which pieces inputs come.
    """

    filling: Filling = Filling.STRICT
    loops: tuple[ScheduleLoop, ...] = ()
    snake: bool = False
    inputs: InputForm = InputForm.AUTO

    @model_validator(mode="after")
    def _consistent(self) -> CrossbarSchedule:
        steps: dict[Axis, int] = {}
        for loop in self.loops:
            before = steps.get(loop.axis)
            if before is not None and (before % loop.step or before == loop.step):
                raise ValueError(
                    f"steps of {loop.axis} must divide each other: {before}, {loop.step}"
                )
            steps[loop.axis] = loop.step
        if Axis.P in steps and (Axis.H in steps or Axis.W in steps):
            raise ValueError("tiles are of pixels (p) or of rows and columns (h, w), not both")
        if self.snake and sum(loop.axis is Axis.KO for loop in self.loops) > 1:
            raise ValueError("snake needs a single loop of ko")
        if self.inputs is InputForm.WINDOW and Axis.P in steps:
            raise ValueError("windows need a tile of rows and columns (h, w)")
        return self

"""The steps of a program, one after another: what every stream does about each of them.

The streams of weights, inputs and results go on where the core steps one of their loops, each by
a cursor of its own, as the machine's units do. All cores are at the same step here, and inputs
that come pixel by pixel are those of a whole tile: nothing has a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stallscope.traces.reram.cursor import Place, StepCursor
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["Step", "Visit", "program_steps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An output tile from where its sums begin, or come back, until they leave.

    Attributes:
        place: Its image, step of output channels and pixels.
        is_first: Whether it begins at zero; else it starts from its partial sums.
        is_last: Whether it leaves as results; else as partial sums.
    """

    place: Place
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A tile of output pixels times one load.

    Attributes:
        place: What the cores multiply.
        written: Step of output channels and load that the crossbars are written with before it;
            None: they hold what they held.
        brought: Whose inputs are brought before it; None: those of the step before are used.
        opened: The visit that begins with it; None: it adds to the one before.
    """

    place: Place
    written: tuple[int, int] | None
    brought: Place | None
    opened: Visit | None


def program_steps(program: CrossbarProgram) -> Iterator[Step]:
    """Walk the streams of a program together."""
    walk = program.walk
    core = StepCursor(program, walk.steps)
    weights = StepCursor(program, walk.weights)
    inputs = StepCursor(program, min(walk.inputs, walk.steps))
    outputs = StepCursor(program, walk.outputs)
    held, brought = None, None
    stepped, opens = 0, True
    while stepped >= 0:
        yield Step(
            place=core.place,
            written=None if weights.weights == held else weights.weights,
            brought=None if inputs.inputs == brought else inputs.place,
            opened=_visit(outputs) if opens else None,
        )
        held, brought = weights.weights, inputs.inputs
        stepped = core.step()
        for stream in (weights, inputs, outputs):
            if stepped < stream.position.depth:
                stream.step()
        opens = stepped < walk.outputs


def _visit(outputs: StepCursor) -> Visit:
    return Visit(place=outputs.place, is_first=outputs.is_first, is_last=outputs.is_last)

"""A program of crossbars as a file; see `stallscope.traces.storage`."""

from __future__ import annotations

from collections.abc import Iterator

from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.walk import ScheduleWalk
from stallscope.traces.reram.program import CrossbarProgram
from stallscope.traces.storage import Finding, Form

__all__ = ["CROSSBAR_FORM"]


def _inconsistent(program: CrossbarProgram) -> Iterator[Finding]:
    """Where the streams and what the crossbars hold do not fit."""
    walk, layer = program.walk, program.layer
    if program.tile_cores < 1:
        yield "tile_cores", program.tile_cores, "must be at least 1"
    if not layer.blocks or len(layer.blocks) != len(layer.owners):
        yield "layer.owners", len(layer.owners), "must be one per column block"
    if not layer.loads:
        yield "layer.loads", 0, "must be at least one"
    if layer.all_cores < 1 or min(layer.kernel) < 1:
        yield "layer", "", "cores and kernel must be at least 1"
    else:
        yield from _misfitting(program)
    for number, load in enumerate(layer.loads):
        if min(load.slots, default=0) < 1:
            yield f"layer.loads.{number}.slots", list(load.slots), "must use rows"
    yield from _looped(walk)


def _looped(walk: ScheduleWalk) -> Iterator[Finding]:
    """Loops that cannot be walked."""
    for number, loop in enumerate(walk.loops):
        if loop.extent < 2 or loop.step < 1:
            value = f"{loop.extent} of {loop.step}"
            yield f"walk.loops.{number}", value, "must have two iterations or more, of a step >= 1"
    for name in ("steps", "weights", "inputs", "outputs"):
        if not 0 <= getattr(walk, name) <= len(walk.loops):
            yield f"walk.{name}", getattr(walk, name), "is not a number of loops"


def _misfitting(program: CrossbarProgram) -> Iterator[Finding]:
    """Bounds of the walk that are not those of the layer, and tiles that are not within them."""
    walk, layer = program.walk, program.layer
    sizes = {Axis.N: layer.images, Axis.CO: layer.column_steps, Axis.KO: len(layer.loads)}
    if set(walk.bounds) != set(Axis) or set(walk.tile) != set(Axis):
        yield "walk.bounds", len(walk.bounds), "bounds and tile must have every axis"
        return
    for axis, size in sizes.items():
        if walk.bounds[axis] != size:
            yield f"walk.bounds.{axis}", walk.bounds[axis], f"the layer has {size}"
    if walk.bounds[Axis.H] * walk.bounds[Axis.W] * walk.bounds[Axis.P] != layer.pixels:
        yield "walk.bounds", "", f"must walk the {layer.pixels} output pixels of an image"
    for axis in Axis:
        if not 1 <= walk.tile[axis] <= walk.bounds[axis]:
            yield f"walk.tile.{axis}", walk.tile[axis], "must lie within the bounds"


CROSSBAR_FORM = Form(
    header="stallscope_crossbar_program", version=1, kind=CrossbarProgram,
    inconsistent=_inconsistent,
)  # fmt: skip

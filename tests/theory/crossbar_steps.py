"""The steps of a schedule on crossbars, walked as it is written.

Of the product's own walk only one word is taken: whether inputs come by window or by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from stallscope.mappings.reram.schedule import Axis, ScheduleLoop

OUTSIDE = (Axis.N, Axis.CO, Axis.H, Axis.W, Axis.P)
"""Axes that say which results a step works on."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What all cores multiply between two looks at what they need.

    Attributes:
        co, ko: Step of output channels, and load.
        place: Image, step of output channels and pixels: whose results are summed up.
        visit: Indices of the loops of ``ko`` around the pixels: how often they were summed before.
        rows, columns, tile_pixels: Of the tile of output pixels.
        pixels: Of these, those that the step multiplies.
        inputs: What it needs: another value, other inputs.
    """

    co: int
    ko: int
    place: tuple[int, ...]
    visit: tuple[int, ...]
    rows: int
    columns: int
    tile_pixels: int
    pixels: int
    inputs: tuple[object, ...]


def steps_of(case):
    """Every step of a case, in order."""
    loops = nest(case.schedule)
    bounds = bounds_of(case, loops)
    places = sums_outside(loops, bounds)
    turns = [0] if case.schedule.snake else None
    at = dict.fromkeys(Axis, 0)
    return [
        step
        for begin, size, indices in walk(loops, at, bounds, turns)
        for step in pieces(case, begin, size, tuple(indices[number] for number in places))
    ]


def nest(schedule):
    """All loops: what nobody names stands outermost (n, co) or innermost (ko)."""
    given = {loop.axis: loop.step for loop in schedule.loops}
    outer = [ScheduleLoop(axis=axis) for axis in (Axis.N, Axis.CO) if axis not in given]
    inner = [] if Axis.KO in given else [ScheduleLoop(axis=Axis.KO)]
    blocked = [axis for axis in (Axis.N, Axis.CO, Axis.KO) if given.get(axis, 1) > 1]
    return [*outer, *schedule.loops, *inner, *(ScheduleLoop(axis=axis) for axis in blocked)]


def bounds_of(case, loops):
    """Units of every axis."""
    layer, by_number = case.lowered, any(loop.axis is Axis.P for loop in loops)
    return {
        Axis.N: layer.images,
        Axis.CO: layer.column_steps,
        Axis.KO: len(layer.loads),
        Axis.H: 1 if by_number else layer.rows,
        Axis.W: 1 if by_number else layer.columns,
        Axis.P: layer.rows * layer.columns if by_number else 1,
    }


def sums_outside(loops, bounds):
    """Numbers of the loops of ``ko`` inside which other results are worked on."""
    left, long = dict(bounds), []
    for number, loop in enumerate(loops):
        if loop.step < left[loop.axis]:
            long.append(number)
            left[loop.axis] = loop.step
    last = max((number for number in long if loops[number].axis in OUTSIDE), default=-1)
    return [number for number in long if loops[number].axis is Axis.KO and number < last]


def walk(loops, at, size, turns):
    """Begin and size per axis of every step, and the indices of all loops.

    Args:
        loops: Those still to walk.
        at, size: Where they begin, and how far they go.
        turns: Walks through the loads so far, if every one turns; else None.
    """
    if not loops:
        yield at, size, ()
        return
    axis, step = loops[0].axis, loops[0].step
    parts = [(begin, min(step, size[axis] - begin)) for begin in range(0, size[axis], step)]
    if axis is Axis.KO and turns is not None and len(parts) > 1:
        parts = parts[::-1] if turns[0] % 2 else parts
        turns[0] += 1
    for index, (begin, length) in enumerate(parts):
        inside = walk(loops[1:], at | {axis: at[axis] + begin}, size | {axis: length}, turns)
        yield from ((place, span, (index, *rest)) for place, span, rest in inside)


def pieces(case, at, size, visit):
    """A tile of pixels, at once or pixel by pixel, as its inputs come."""
    bundles = len(set(case.lowered.owners)) > 1
    needed = (at[Axis.N], at[Axis.KO], at[Axis.CO] if bundles else None)
    reach = (range(at[axis], at[axis] + size[axis]) for axis in (Axis.H, Axis.W, Axis.P))
    pixels = list(product(*reach))
    by_window = case.walk.by_window
    for first in pixels[:1] if by_window else pixels:
        yield Step(
            co=at[Axis.CO],
            ko=at[Axis.KO],
            place=tuple(at[axis] for axis in OUTSIDE),
            visit=visit,
            rows=size[Axis.H],
            columns=size[Axis.W],
            tile_pixels=len(pixels),
            pixels=len(pixels) if by_window else 1,
            inputs=(*needed, *first),
        )

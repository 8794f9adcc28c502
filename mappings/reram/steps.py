"""The steps of a schedule, one after another: the plain walk of its loops.

Nothing is derived in closed form here; what takes layers of a million steps does not use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.walk import AXES, ScheduleWalk

__all__ = ["Step", "schedule_steps"]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: a tile of output pixels times one load.

    Attributes:
        image: Image of the batch.
        co: Step of output channels.
        load: Load that it needs, by number.
        rows, columns: Output rows and columns of the tile: first, and one after the last.
        pixels: Output pixels of the tile by number, likewise; the whole range is one pixel if
            tiles are of rows and columns.
        is_update: Whether it needs other weights than the step before.
        tile: Indices of the loops that choose the output tile; equal ones are one visit.
        is_first: Whether the visit is the tile's first; else it starts from its partial sums.
        is_last: Whether it is the last, after which the tile holds results.
    """

    image: int
    co: int
    load: int
    rows: Range
    columns: Range
    pixels: Range
    is_update: bool
    tile: tuple[int, ...]
    is_first: bool
    is_last: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk stands: the range of every axis, and what its loops' indices say."""

    ranges: dict[Axis, Range]
    indices: tuple[int, ...]
    starts: tuple[bool, ...]
    ends: tuple[bool, ...]


def schedule_steps(case: CrossbarCase) -> Iterator[Step]:
    """Walk the schedule of a case."""
    walk = case.walk
    held: tuple[int, int] | None = None
    for place in _Walker(walk).places():
        ranges = place.ranges
        needed = (ranges[Axis.CO][0], ranges[Axis.KO][0])
        sums = [at for at in range(walk.outputs) if walk.loops[at].axis is Axis.KO]
        yield Step(
            image=ranges[Axis.N][0],
            co=needed[0],
            load=needed[1],
            rows=ranges[Axis.H],
            columns=ranges[Axis.W],
            pixels=ranges[Axis.P],
            is_update=needed != held,
            tile=place.indices[: walk.outputs],
            is_first=all(place.starts[at] for at in sums),
            is_last=all(place.ends[at] for at in sums),
        )
        held = needed


class _Walker:
    """Walks loops outermost first; every other walk of the load loop goes backward if it snakes."""

    def __init__(self, walk: ScheduleWalk) -> None:
        self._loops = walk.loops[: walk.steps]
        self._bounds = walk.bounds
        self._snakes = walk.snake
        self._walks_of_loads = 0

    def places(self) -> Iterator[_Place]:
        """Every place that the walk comes to."""
        whole = {axis: (0, self._bounds[axis]) for axis in AXES}
        yield from self._inside(_Place(whole, (), (), ()))

    def _inside(self, place: _Place) -> Iterator[_Place]:
        if len(place.indices) == len(self._loops):
            yield place
            return
        loop = self._loops[len(place.indices)]
        first, end = place.ranges[loop.axis]
        firsts = list(range(first, end, loop.step))
        count = len(firsts)
        if loop.axis is Axis.KO and self._snakes:
            self._walks_of_loads += 1
            if self._walks_of_loads % 2 == 0:
                firsts.reverse()
        for index, at in enumerate(firsts):
            yield from self._inside(
                _Place(
                    place.ranges | {loop.axis: (at, min(end, at + loop.step))},
                    (*place.indices, index),
                    (*place.starts, index == 0),
                    (*place.ends, index == count - 1),
                )
            )

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


def schedule_steps(case: CrossbarCase) -> Iterator[Step]:
    """Walk the schedule of a case."""
    walk = case.walk
    sums = [at for at in range(walk.outputs) if walk.loops[at].axis is Axis.KO]
    walker = _Walker(walk)
    ranges = walker.ranges
    held: tuple[int, int] | None = None
    for _ in walker.places():
        needed = (ranges[Axis.CO][0], ranges[Axis.KO][0])
        yield Step(
            image=ranges[Axis.N][0],
            co=needed[0],
            load=needed[1],
            rows=ranges[Axis.H],
            columns=ranges[Axis.W],
            pixels=ranges[Axis.P],
            is_update=needed != held,
            tile=tuple(walker.indices[: walk.outputs]),
            is_first=all(walker.indices[at] == 0 for at in sums),
            is_last=all(walker.indices[at] == walker.counts[at] - 1 for at in sums),
        )
        held = needed


class _Walker:
    """Walks loops outermost first; every other walk of the load loop goes backward if it snakes.

    Attributes:
        ranges: Where the walk stands, by axis: first, and one after the last.
        indices: Iteration of every loop, in the order walked.
        counts: Iterations of every loop where it stands: fewer in a cut piece.
    """

    def __init__(self, walk: ScheduleWalk) -> None:
        self._loops = walk.loops[: walk.steps]
        self._snakes = walk.snake
        self._walks_of_loads = 0
        self.ranges: dict[Axis, Range] = {axis: (0, walk.bounds[axis]) for axis in AXES}
        self.indices = [0] * len(self._loops)
        self.counts = [1] * len(self._loops)

    def places(self, depth: int = 0) -> Iterator[None]:
        """Come to every place of the loops from ``depth`` on."""
        if depth == len(self._loops):
            yield
            return
        loop = self._loops[depth]
        whole = self.ranges[loop.axis]
        firsts = range(*whole, loop.step)
        self.counts[depth] = len(firsts)
        if loop.axis is Axis.KO and self._snakes:
            self._walks_of_loads += 1
            if self._walks_of_loads % 2 == 0:
                firsts = firsts[::-1]
        is_inner = depth == len(self._loops) - 1
        for index, first in enumerate(firsts):
            self.indices[depth] = index
            self.ranges[loop.axis] = (first, min(whole[1], first + loop.step))
            if is_inner:
                yield
            else:
                yield from self.places(depth + 1)
        self.ranges[loop.axis] = whole

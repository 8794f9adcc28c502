"""A window of the trace, slice by slice: one lane per unit.

A step at work is a tall block (every other one lighter, so that neighbours stay apart), a wait a
low one in the colour of the class that most of it is charged to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stallscope.report.page.drawing import HEIGHT, Tick, blocks, ticks
from stallscope.report.page.palette import ordered
from stallscope.traces.events.columns import MULTIPLYING, WAIT
from stallscope.traces.events.trace import Trace

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Drawn", "SliceLane", "Timeline", "timeline"]

WINDOW = 4000
"""Cycles shown unless told otherwise."""
MOST = 3000
"""Slices drawn; more are unreadable, and make the page large."""
_THINNEST = 0.25
"""Cycles that a slice of no length is drawn as."""
_LOW = (30, 70)
_COLUMNS = ("start", "end", "step", "words", "tensor", "op", "wait_class", "wait_cycles", "awaits")


@dataclass(frozen=True, slots=True)
class Drawn:
    """All slices of a lane that look the same: the name of their look, and an SVG path."""

    look: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceLane:
    """A unit's slices in the window.

    Attributes:
        name: The unit.
        op: What its steps do.
        drawn: What is drawn.
        slices: Columns of `_COLUMNS`, a row per slice, in order.
    """

    name: str
    op: str
    drawn: tuple[Drawn, ...]
    slices: tuple[tuple[Any, ...], ...]  # Any: cells of a table


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """The window.

    Attributes:
        begin: First cycle.
        end: The cycle after the last one drawn.
        asked: The cycle after the last one asked for; later than ``end`` if there were too many
            slices.
        count: Slices drawn.
        ticks: The axis.
        classes: Classes of waits that are drawn.
        lanes: One per unit, the array first.
    """

    begin: int
    end: int
    asked: int
    count: int
    ticks: tuple[Tick, ...]
    classes: tuple[str, ...]
    lanes: tuple[SliceLane, ...]

    @property
    def is_cut(self) -> bool:
        """Whether less is drawn than was asked for."""
        return self.end < self.asked


def timeline(trace: Trace, window: tuple[int, int] | None = None) -> Timeline | None:
    """Return a window of a trace; None if nothing was recorded.

    Args:
        trace: The event trace.
        window: First cycle and the one after the last; None: around the middle of what was
            recorded, or its end if the run stopped in a deadlock.

    Raises:
        SpecError: The window is not in the trace.
    """
    if window is not None:
        window = trace.range(*window)
    begin, asked = window or _default(trace)
    if asked <= begin:
        return None
    end = _reached(trace, begin, asked)
    table = trace.window(begin, end)
    ops = {unit.name: unit.op for unit in trace.meta.units}
    names = sorted(trace.units, key=lambda name: ops[name] not in MULTIPLYING)
    lanes = tuple(_lane(table, name, ops[name], begin, end) for name in names)
    looks = {drawn.look for lane in lanes for drawn in lane.drawn} - {"work-0", "work-1"}
    return Timeline(
        begin=begin,
        end=end,
        asked=asked,
        count=table.num_rows,
        ticks=ticks(begin, end),
        classes=tuple(ordered(looks)),
        lanes=lanes,
    )


def _default(trace: Trace) -> tuple[int, int]:
    begin, end = trace.begin, trace.end
    middle = end - WINDOW // 2 if not trace.meta.is_complete else (begin + end) // 2
    first = max(begin, min(middle - WINDOW // 2, end - WINDOW))
    return first, min(end, first + WINDOW)


def _reached(trace: Trace, begin: int, end: int) -> int:
    """Return the cycle up to which there are no more slices than are drawn."""
    seen = 0
    for batch in trace.batches(begin, end):
        if seen + batch.num_rows > MOST:
            cut: int = batch.column("end")[MOST - seen].as_py()
            return max(begin + 1, min(cut, end))
        seen += batch.num_rows
    return end


def _lane(table: pyarrow.Table, name: str, op: str, begin: int, end: int) -> SliceLane:
    from pyarrow import compute

    own = table.filter(compute.equal(table.column("unit"), name))
    columns = {column: own.column(column).to_pylist() for column in _COLUMNS}
    slices = tuple(zip(*columns.values(), strict=True))
    spans: dict[str, list[tuple[float, float]]] = {}
    for first, last, step, _, _, what, cause, *_ in slices:
        look = (cause or "other") if what == WAIT else f"work-{step % 2}"
        left = max(first, begin) - begin
        right = max(min(last, end) - begin, left + _THINNEST)
        spans.setdefault(look, []).append((left, right))
    drawn = [
        Drawn(look, blocks(found, *((0, HEIGHT) if look.startswith("work-") else _LOW)))
        for look, found in sorted(spans.items())
    ]
    return SliceLane(name=name, op=op, drawn=tuple(drawn), slices=slices)

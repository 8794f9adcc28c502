"""Export of an event trace as Chrome JSON, the trace event format.

Groups become processes and lanes their threads. One cycle is one microsecond: times are whole
numbers then, which every reader takes exactly. Slices are complete events (``X``), those that took
no time have duration 0; counters are ``C`` events, arrows pairs of ``s`` and ``f``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stallscope.traces.events.picture import Exported, Picture, Slice
from stallscope.traces.storage import PathLike, replacing

if TYPE_CHECKING:
    from stallscope.traces.events.trace import Trace

__all__ = ["export_chrome"]

_Event = dict[str, object]
_FLOW = {"name": "ends the wait", "cat": "flow"}
_COLOURS = {
    "COMPUTE": "good",
    "compute": "thread_state_running",
    "bandwidth": "terrible",
    "port": "bad",
    "capacity": "olive",
    "latency": "thread_state_iowait",
}
"""Names that the format reserves for colours, by the last part of a category."""


def export_chrome(
    trace: Trace,
    path: PathLike,
    *,
    start: int | None = None,
    end: int | None = None,
    units: Iterable[str] | None = None,
    every: int | None = None,
) -> Exported:
    """Write a trace, or a window of it, as Chrome JSON; the file appears complete or not at all.

    Args:
        trace: The trace.
        path: The file.
        start: First cycle; None: the first one recorded.
        end: Cycle after the last; None: the end of the run.
        units: Names of the units shown; None: all.
        every: Cycles between points of counters; None: as many as give 2000 points at most.

    Returns:
        What was written.

    Raises:
        SpecError: If the window, a unit or ``every`` makes no sense.
        OSError: If the place cannot be written.
    """
    picture = Picture(trace, start=start, end=end, units=units, every=every)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        about = json.dumps(picture.about)
        file.write(f'{{"displayTimeUnit":"ms","otherData":{about},"traceEvents":[')
        separator = "\n"
        encode = json.JSONEncoder(separators=(",", ":")).encode
        for event in _events(picture):
            file.write(separator + encode(event))
            separator = ",\n"
        file.write("\n]}\n")
    return picture.exported()


def _events(picture: Picture) -> Iterator[_Event]:
    yield from _names(picture)
    for group, curve in picture.curves:
        for cycle, value in curve.points:
            at: _Event = {"ph": "C", "pid": group + 1, "name": curve.name, "ts": cycle}
            yield at | {"args": {curve.unit: value}}
    for one in picture.slices():
        yield from _slice(one)


def _names(picture: Picture) -> Iterator[_Event]:
    """Names and order of processes and threads."""
    for pid, name in enumerate(picture.groups, start=1):
        about: _Event = {"ph": "M", "pid": pid}
        yield about | {"name": "process_name", "args": {"name": name}}
        yield about | {"name": "process_sort_index", "args": {"sort_index": pid}}
    for lane in picture.lanes:
        about = {"ph": "M", "pid": lane.group + 1, "tid": lane.number}
        yield about | {"name": "thread_name", "args": {"name": lane.name}}
        yield about | {"name": "thread_sort_index", "args": {"sort_index": lane.number}}


def _slice(one: Slice) -> Iterator[_Event]:
    """A slice and the ends of its arrows."""
    place: _Event = {"pid": one.lane.group + 1, "tid": one.lane.number}
    length = one.end - one.start
    times: _Event = {"ph": "X", "name": one.name, "cat": one.category, "ts": one.start}
    event = times | {"dur": length} | place | {"args": one.arguments}
    colour = _COLOURS.get(one.category.rpartition("_")[2])
    if colour is not None:
        event["cname"] = colour
    yield event
    # Readers bind an arrow's end to the slice of that lane which was open in that cycle, or came
    # last in the file; and they want its start no later than its end.
    last = max(one.start, one.end - 1)
    for number in one.starts:
        yield {"ph": "s", "id": number, "ts": last} | _FLOW | place
    if one.ends is not None:
        at = one.end if one.ends.is_sudden else last
        yield {"ph": "f", "bp": "e", "id": one.ends.number, "ts": at} | _FLOW | place

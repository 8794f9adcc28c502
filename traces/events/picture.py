"""What an exported trace shows, whatever the format: lanes, slices, counters, arrows, groups.

One lane per unit, so slices of a lane never overlap. Lanes are grouped by the pair of storage
levels between which they move words; the array is a group of its own, and so is every sort of
counter. Nothing is expanded but the window, a bounded number of slices at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.events.columns import DELAY_NAME, WAIT, TraceUnit, class_column
from stallscope.traces.events.curves import Curve, curves, is_part
from stallscope.traces.events.flows import Flow, Flows

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from stallscope.traces.events.trace import Trace

__all__ = ["Argument", "Exported", "Lane", "Picture", "Slice"]

Argument = int | str
"""Value of an argument of a slice."""
POINTS = 2000
"""Most points of a counter, unless their distance is given."""
_PART = 1 << 14
"""Slices held in memory."""
_NUMBERS = ("step", "words", "bytes", "wait_cycles", "delivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes:
        slices: Slices, those of length 0 included: the rows of the window.
        counters: Points of counters.
        flows: Arrows.
        waits_without_flow: Waits for another unit that no arrow leads to: what ended them lies
            out of the window or the units, or the trace does not say which step it was.
    """

    slices: int
    counters: int
    flows: int
    waits_without_flow: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The track of one unit.

    Attributes:
        number: From 1.
        name: Name of the unit.
        group: Number of its group, an index into `Picture.groups`.
    """

    number: int
    name: str
    group: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One row of the trace.

    Attributes:
        lane: Where it stands.
        start: First cycle.
        end: Cycle after the last; equal to ``start`` for what took no time.
        name: Operation and tensor, or ``WAIT`` and the counter awaited.
        category: Operation; of a wait the class that most of it is charged to.
        arguments: The row's other columns that are not null; classes without cycles left out.
        starts: Numbers of the arrows that start here.
        ends: The arrow that ends here, if one does.
    """

    lane: Lane
    start: int
    end: int
    name: str
    category: str
    arguments: dict[str, Argument]
    starts: tuple[int, ...]
    ends: Flow | None

    @property
    def is_wait(self) -> bool:
        """Whether a unit waited for another one."""
        return self.name.startswith(WAIT) and self.name != f"{WAIT} {DELAY_NAME}"


@dataclass(slots=True)
class _Arrows:
    """Arrows by the slices that they join: (unit, step) to (unit, end)."""

    starts: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    ends: dict[tuple[int, int], Flow] = field(default_factory=dict)

    @classmethod
    def of(cls, flows: Iterable[Flow]) -> _Arrows:
        arrows = cls()
        for flow in flows:
            if (flow.waiter, flow.end) not in arrows.ends:
                key = (flow.unit, flow.step)
                arrows.starts[key] = (*arrows.starts.get(key, ()), flow.number)
                arrows.ends[flow.waiter, flow.end] = flow
        return arrows


class Picture:
    """What is exported of a trace.

    Args:
        trace: The trace.
        start: First cycle; None: the first one recorded.
        end: Cycle after the last; None: the end of the run.
        units: Names of the units wanted; None: all.
        every: Cycles between points of counters; None: at most `POINTS` of them.

    Attributes:
        start, end: The window.
        groups: Names of the groups of lanes and counters.
        lanes: The lanes, in unit order.
        curves: The counters, each with the number of its group.
        about: What the file is of, for people: names and values.

    Raises:
        SpecError: If the window, a unit or ``every`` makes no sense.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        start: int | None,
        end: int | None,
        units: Iterable[str] | None,
        every: int | None,
    ) -> None:
        self._trace = trace
        self.start, self.end = trace.range(start, end)
        wanted = trace.units if units is None else tuple(units)
        self._numbers = sorted({trace.number(name) for name in wanted})
        shown = [trace.meta.units[number] for number in self._numbers]
        groups = list(dict.fromkeys(map(_group, shown)))
        self.lanes = tuple(
            Lane(number, unit.name, groups.index(_group(unit)))
            for number, unit in enumerate(shown, start=1)
        )
        distance = max(1, -(-(self.end - self.start) // POINTS)) if every is None else every
        found = curves(trace, every=distance, start=self.start, end=self.end)
        groups += dict.fromkeys(curve.group for curve in found)
        self.groups = tuple(groups)
        self.curves: tuple[tuple[int, Curve], ...] = tuple(
            (groups.index(curve.group), curve) for curve in found
        )
        self._slices = self._arrows = self._waits = 0
        self.about = self._about(distance, has_held=not is_part(trace))

    def _about(self, every: int, *, has_held: bool) -> dict[str, Argument | float]:
        meta = self._trace.meta
        about: dict[str, Argument | float | None] = {
            "trace of": meta.name,
            "stallscope": meta.stallscope,
            "time": "1 us is one cycle",
            "cycles of the run": meta.cycles,
            "window": f"{self.start}:{self.end}",
            "units": ", ".join(lane.name for lane in self.lanes),
            "seed": meta.seed,
            "clock_mhz": meta.clock_mhz,
            "counters every": f"{every} cycles",
            "words held": None if has_held else "left out: not known, a part was recorded",
            "run": None if meta.is_complete else "stopped: deadlock",
            "inputs": ", ".join(f"{name} sha256:{digest}" for name, digest in meta.inputs),
        }
        return {key: value for key, value in about.items() if value is not None}

    def exported(self) -> Exported:
        """Return what was yielded of it so far."""
        return Exported(
            slices=self._slices,
            counters=sum(len(curve.points) for _, curve in self.curves),
            flows=self._arrows,
            waits_without_flow=self._waits - self._arrows,
        )

    def slices(self) -> Iterator[Slice]:
        """Yield the rows of the window, in the order in which slices end."""
        flows = Flows(self._trace, self._numbers, self.start, self.end)
        names = [lane.name for lane in self.lanes]
        for table in self._trace.batches(self.start, self.end, units=names):
            for first in range(0, table.num_rows, _PART):
                for one in self._part(table.slice(first, _PART), flows):
                    self._slices += 1
                    self._arrows += one.ends is not None
                    self._waits += one.is_wait
                    yield one

    def _part(self, table: pyarrow.Table, flows: Flows) -> Iterator[Slice]:
        start, end, *numbers = (_numbers(table, name) for name in ("start", "end", *_NUMBERS))
        unit, op, tensor, awaits, reason = (
            _texts(table, name) for name in ("unit", "op", "tensor", "awaits", "wait_class")
        )
        steps = numbers[_NUMBERS.index("step")]
        arrows = _Arrows.of(self._flows(flows, np.array(end, dtype=np.int64)))
        charged = self._charged(table)
        lane_of = {lane.name: lane for lane in self.lanes}
        number_of = dict(zip(lane_of, self._numbers, strict=True))
        for at, name in enumerate(unit):
            is_step = op[at] != WAIT
            arguments: dict[str, Argument] = {
                key: column[at]
                for key, column in zip(_NUMBERS, numbers, strict=True)
                if column[at] >= 0
            }
            if reason[at]:
                arguments["wait_class"] = reason[at]
            arguments |= charged.get(at, {})
            who = number_of[name]
            starts = arrows.starts.get((who, steps[at]), ()) if is_step else ()
            yield Slice(
                lane=lane_of[name],
                start=start[at],
                end=end[at],
                name=f"{op[at]} {tensor[at] if is_step else awaits[at]}".rstrip(),
                category=op[at] if is_step else reason[at],
                arguments=arguments,
                starts=starts,
                ends=None if is_step else arrows.ends.get((who, end[at])),
            )

    def _flows(self, flows: Flows, ends: NDArray[np.int64]) -> Iterator[Flow]:
        """Arrows that start or end at slices with these ends."""
        inside = ends[ends <= self.end]
        if len(inside):
            yield from flows.between(int(inside.min()), int(inside.max()) + flows.lag)
        # What reaches out of the window may do so by far: only the cycles that matter.
        for end in np.unique(ends[ends > self.end]).tolist():
            yield from flows.between(end, end + flows.lag)

    def _charged(self, table: pyarrow.Table) -> dict[int, dict[str, Argument]]:
        """Cycles per class of the rows that have any."""
        names = [class_column(name) for name in self._trace.meta.classes]
        columns = np.array([table.column(name).to_numpy() for name in names]).reshape(
            len(names), table.num_rows
        )
        found: dict[int, dict[str, Argument]] = {}
        for row, column in np.argwhere(columns.T).tolist():
            found.setdefault(row, {})[names[column]] = int(columns[column, row])
        return found


def _group(unit: TraceUnit) -> str:
    """Group of a unit: its own, the levels it moves between, or the array's own name."""
    if unit.group is not None:
        return unit.group
    return unit.name if unit.parent is None else f"{unit.parent} - {unit.child}"


def _numbers(table: pyarrow.Table, name: str) -> list[int]:
    """A column of whole numbers; -1 where it is null."""
    from pyarrow import compute

    filled: list[int] = compute.fill_null(table.column(name), -1).to_numpy().tolist()
    return filled


def _texts(table: pyarrow.Table, name: str) -> list[str]:
    """A column of text; empty where it is null."""
    import pyarrow
    from pyarrow import compute

    text = compute.fill_null(table.column(name).cast(pyarrow.string()), "")
    texts: list[str] = text.to_pylist()
    return texts

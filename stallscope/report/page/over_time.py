"""What a trace says over time, as lanes that share an axis of cycles.

A unit's cycles in an interval are `work` (it executes a step at its own pace), one class for each
thing that held it up (waits, and what contention cost a step), and idle. Summed over a whole run
they are the unit's account in the result. A slice that reaches over an interval's edge is divided
evenly, so a class may be off by a fraction of a slice in an interval, never in a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.report.page.drawing import HEIGHT, Tick, area, ticks
from stallscope.report.page.palette import WORK, ordered
from stallscope.traces.events.columns import class_column
from stallscope.traces.events.profile import Measure, Profile
from stallscope.traces.events.trace import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Amounts = NDArray[np.float64]

__all__ = ["Band", "HeldLane", "OverTime", "PowerChart", "UnitLane", "over_time"]

INTERVALS = 300
"""Intervals of an axis, about."""
_SAMPLES = 16
"""Moments per interval at which room is looked at."""
_IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """One filled curve.

    Attributes:
        name: Class or component.
        path: SVG path.
        values: Figure of every interval.
        total: Their sum.
    """

    name: str
    path: str
    values: Amounts
    total: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitLane:
    """What a unit did, cycles per interval; the bands are drawn over each other, last on top."""

    name: str
    op: str
    bands: tuple[Band, ...]
    idle: Amounts
    words: Amounts

    @property
    def shares(self) -> Mapping[str, float]:
        """Share of each band of the whole time."""
        cycles = sum(band.total for band in self.bands) + float(self.idle.sum())
        return {band.name: band.total / cycles for band in self.bands} if cycles else {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldLane:
    """Room that a tensor takes at a level, words (or another ``unit``) of the fullest instance."""

    level: str
    tensor: str
    unit: str
    most_path: str
    mean_path: str
    most: Numbers
    mean: Numbers
    scale: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerChart:
    """Power of the components, stacked; ``unit`` is mW, or pJ/cycle where no clock is known."""

    unit: str
    bands: tuple[Band, ...]
    total: Amounts
    scale: float
    mean: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverTime:
    """All charts of the part about time.

    Attributes:
        begin: First cycle.
        end: The cycle after the last.
        every: Cycles of an interval; the last one may be shorter.
        ticks: The axis.
        width: Intervals, the last one as its fraction: width of every chart in its own units.
        units: The array first, then the movers in unit order.
        held: Levels that something is brought to; empty if the trace holds a part of the run.
        power: Null without energies.
    """

    begin: int
    end: int
    every: int
    ticks: tuple[Tick, ...]
    width: float
    units: tuple[UnitLane, ...]
    held: tuple[HeldLane, ...]
    power: PowerChart | None


def over_time(trace: Trace, components: Sequence[str]) -> OverTime | None:
    """Return the charts of a trace; None if nothing was recorded.

    Args:
        trace: The event trace.
        components: Components from the outermost to the innermost, for the order of power.
    """
    begin, end = trace.begin, trace.end
    if end <= begin or not trace.rows:
        return None
    every = -(-(end - begin) // INTERVALS)
    at = np.append(np.arange(begin, end, every, dtype=np.int64), end)
    last = float(at[-1] - at[-2]) / every
    names = [unit.name for unit in trace.meta.units if unit.name in trace.units]
    arrays = {unit.name for unit in trace.meta.units if unit.is_array}
    names.sort(key=lambda name: name not in arrays)
    op = {unit.name: unit.op for unit in trace.meta.units}
    return OverTime(
        begin=begin,
        end=end,
        every=every,
        ticks=ticks(begin, end),
        width=len(at) - 2 + last,
        units=tuple(_unit(trace, name, op[name], at, last) for name in names),
        held=tuple(_held(trace, every, last)),
        power=_power(trace, every, components, last),
    )


def _unit(trace: Trace, name: str, op: str, at: Numbers, last: float) -> UnitLane:
    stored, number = trace.stored, trace.number(name)
    rows = np.flatnonzero(stored.unit_of == number)
    spans = stored.column("end")[rows] - stored.column("start")[rows]
    lost = stored.column("wait_cycles")[rows]
    amounts = {WORK: spans - lost} | {
        cause: stored.column(class_column(cause))[rows] for cause in trace.meta.classes
    }
    found = {
        cause: _spread(trace, rows, values, at) for cause, values in amounts.items() if values.any()
    }
    words = _spread(trace, rows, stored.column("words")[rows], at)
    order = [one for one in (WORK, *ordered(set(found) - {WORK})) if one in found]
    length = np.diff(at)
    bands, below = [], np.zeros(len(length))
    for cause in order:
        below = below + found[cause]
        heights = np.rint(HEIGHT * below / length).astype(np.int64)
        total = float(found[cause].sum())
        bands.append(Band(name=cause, path=area(heights, last), values=found[cause], total=total))
    idle = np.maximum(0.0, length - below)
    return UnitLane(name=name, op=op, bands=tuple(reversed(bands)), idle=idle, words=words)


def _spread(trace: Trace, rows: Numbers, amounts: Numbers, at: Numbers) -> Amounts:
    """Amounts of rows in each interval, spread evenly over their slices."""
    has = np.flatnonzero(amounts)
    begins = trace.stored.column("start")[rows[has]]
    ends = np.maximum(trace.stored.column("end")[rows[has]], begins + 1)
    measure = Measure(rows[has], begins, ends, amounts[has].astype(np.float64))
    # What begins and ends as the run ends is of its last cycle.
    until = np.append(at[:-1], at[-1:] + (at[-1:] == trace.cycles))
    total: Amounts = Profile(trace.stored.repeats, measure).at(until)
    return np.diff(total)


def _held(trace: Trace, every: int, last: float) -> list[HeldLane]:
    if trace.begin or len(trace.units) < len(trace.meta.units):
        return []
    return [
        _held_lane(trace, level, tensor, unit.room, every, last)
        for unit in trace.meta.units
        for tensor, level in unit.fed
    ]


def _held_lane(
    trace: Trace, level: str, tensor: str, unit: str, every: int, last: float
) -> HeldLane:
    """Sample every interval several times: what rises and falls within one is not lost."""
    step = max(1, every // _SAMPLES)
    table = trace.held(level, tensor, every=step)
    moments = np.asarray(table.column("cycle").to_numpy())
    words = np.asarray(table.column("words").to_numpy(), dtype=np.int64)
    place = np.minimum(moments, trace.end - 1) // every
    firsts = np.flatnonzero(np.diff(place, prepend=-1))
    most = np.maximum.reduceat(words, firsts)
    mean = np.rint(np.add.reduceat(words, firsts) / np.diff(firsts, append=len(words)))
    scale = max(1, int(most.max()))

    def drawn(values: Numbers | Amounts) -> str:
        return area(np.rint(HEIGHT * values / scale).astype(np.int64), last)

    return HeldLane(
        level=level,
        tensor=tensor,
        unit=unit,
        most_path=drawn(most),
        mean_path=drawn(mean),
        most=most,
        mean=mean.astype(np.int64),
        scale=scale,
    )


def _power(trace: Trace, every: int, order: Sequence[str], last: float) -> PowerChart | None:
    meta = trace.meta
    if not meta.prices and not meta.leakage_pj_per_cycle:
        return None
    table = trace.activity(every=every)
    energy = np.asarray(table.column("energy_pj").to_numpy())
    length = np.asarray(table.column("end").to_numpy() - table.column("start").to_numpy())
    # pJ per cycle x MHz = uW
    per_cycle = energy / length * (1.0 if meta.clock_mhz is None else meta.clock_mhz * 1e-3)
    names = [name or "leakage" for name in table.column("component").to_pylist()]
    count = -(-(trace.end - trace.begin) // every)
    sums: dict[str, Amounts] = {}
    for index in range(0, len(names), count):
        part = per_cycle[index : index + count]
        sums[names[index]] = sums.get(names[index], np.zeros(count)) + part
    known = [name for name in (*order, *sorted(set(sums) - set(order))) if name in sums]
    total: Amounts = sum((sums[name] for name in known), np.zeros(count))
    scale = float(total.max()) or 1.0
    weights = length[:count] / length[:count].sum()
    bands, below = [], np.zeros(count)
    for name in (name for name in known if sums[name].any()):
        below = below + sums[name]
        path = area(np.rint(HEIGHT * below / scale).astype(np.int64), last)
        mean = float((sums[name] * weights).sum())
        bands.append(Band(name=name, path=path, values=sums[name], total=mean))
    return PowerChart(
        unit="pJ/cycle" if meta.clock_mhz is None else "mW",
        bands=tuple(reversed(bands)),
        total=total,
        scale=scale,
        mean=float((total * weights).sum()),
    )

"""Counters of an exported trace: words held, words per cycle, power.

Their values are rounded, so that what floating-point sums leave of the order of summation (a run
with or without fast-forward) does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stallscope.traces.events.trace import Trace

    Amounts = NDArray[np.float64]

__all__ = ["Curve", "curves", "is_part"]

_PARTS = 1000
"""Words are rounded to this part of a word."""
_HALF = 0.5131
"""Rounding up starts a little below the half: exact halves do occur, and their sums scatter."""
_DIGITS = 6
_READ, _WRITE = ("read",), ("write", "update")


@dataclass(frozen=True, slots=True)
class Curve:
    """One counter.

    Attributes:
        name: Unique in the trace.
        group: Name of its group.
        unit: Unit of its values.
        points: (cycle, value): the value from that cycle on. Equal neighbours are left out.
    """

    name: str
    group: str
    unit: str
    points: tuple[tuple[int, float], ...]


def is_part(trace: Trace) -> bool:
    """Whether a trace does not say what the levels held at its beginning."""
    return trace.begin > 0 or len(trace.meta.recorded) < len(trace.meta.units)


def curves(trace: Trace, *, every: int, start: int, end: int) -> list[Curve]:
    """Return the counters of a window.

    Words held are left out if the trace is a part of the run only; power without energies or clock.

    Args:
        trace: The trace.
        every: Cycles between points.
        start: First cycle.
        end: Cycle after the last.

    Raises:
        SpecError: If ``every`` is not at least 1.
    """
    traffic = _Traffic(trace, every, start, end)
    held = [] if is_part(trace) else _held(trace, every, start, end)
    return [*held, *traffic.rates(), *traffic.power()]


def _held(trace: Trace, every: int, start: int, end: int) -> Iterator[Curve]:
    for unit in trace.meta.units:
        for tensor, level in unit.fed:
            table = trace.held(level, tensor, every=every, start=start, end=end)
            cycles, words = (table.column(name).to_numpy() for name in ("cycle", "words"))
            name = f"{level} {tensor} held"
            yield Curve(name, f"{unit.room} held", unit.room, _points(cycles, words))


class _Traffic:
    """Words of everything that moves, per interval."""

    def __init__(self, trace: Trace, every: int, start: int, end: int) -> None:
        self._meta = trace.meta
        table = trace.activity(every=every, start=start, end=end)
        count = len(range(start, end, every))
        self._starts = table.column("start").to_numpy()[:count]
        self._lengths = table.column("end").to_numpy()[:count] - self._starts
        keys = [
            table.column(name).to_pylist()[:: count or 1]
            for name in ("component", "action", "tensor")
        ]
        words = table.column("words").to_numpy().reshape(len(keys[0]), count)
        rounded = np.floor(words * _PARTS + _HALF) / _PARTS
        self._words = dict(zip(zip(*keys, strict=True), rounded, strict=True))

    def rates(self) -> Iterator[Curve]:
        """Words read and written per cycle, by level."""
        units = self._meta.units
        levels = [level for unit in units for level in (unit.parent, unit.child) if level]
        for level in dict.fromkeys(levels):
            for name, actions in (("read", _READ), ("write", _WRITE)):
                parts = [
                    words
                    for (component, action, _), words in self._words.items()
                    if component == level and action in actions
                ]
                if parts:
                    rate = np.sum(parts, axis=0) / self._lengths
                    points = _points(self._starts, np.round(rate, _DIGITS))
                    yield Curve(f"{level} {name}", "words per cycle", "words per cycle", points)

    def power(self) -> Iterator[Curve]:
        """Power by component, and what does not depend on traffic."""
        meta = self._meta
        if meta.clock_mhz is None or not (meta.prices or meta.leakage_pj_per_cycle):
            return
        to_mw = meta.clock_mhz * 1e-3
        energy: dict[str, Amounts] = {}
        for component, action, tensor, price in meta.prices:
            words = self._words.get((component, action, tensor or None))
            if words is not None:
                energy[component] = energy.get(component, 0.0) + words * price
        if meta.leakage_pj_per_cycle:
            energy["leakage"] = self._lengths * meta.leakage_pj_per_cycle
        for component, picojoules in energy.items():
            milliwatts = np.round(picojoules / self._lengths * to_mw, _DIGITS)
            points = _points(self._starts, milliwatts)
            yield Curve(f"{component} power", "power", "mW", points)


def _points(
    cycles: NDArray[np.int64], values: NDArray[np.generic]
) -> tuple[tuple[int, float], ...]:
    """The points at which a value changes."""
    changed = np.append(True, values[1:] != values[:-1]) if len(values) else np.zeros(0, bool)
    return tuple(zip(cycles[changed].tolist(), values[changed].tolist(), strict=True))

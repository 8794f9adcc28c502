"""What a trace says over time: occupancy of units, words held, traffic and power.

All of it comes from running totals (`Profile`) at the edges of the wanted intervals, so a long run
costs what its stored rows cost, not what it would cost to expand them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events.changes import Changes, changes, feeder, rooms
from stallscope.traces.events.profile import Measure, Profile

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    from stallscope.traces.events.trace import Trace

    Numbers = NDArray[np.int64]
    Amounts = NDArray[np.float64]

__all__ = ["activity", "held", "occupancy"]

_Key = tuple[str, str, str]
"""Component, action, tensor."""


def _edges(trace: Trace, every: int, start: int | None, end: int | None) -> Numbers:
    """Edges of intervals of ``every`` cycles; the last one may be shorter."""
    first, last = trace.range(start, end)
    if every < 1:
        fault = Fault(place="every", value=every, rule="must be at least 1 cycle")
        raise SpecError([fault])
    return np.append(np.arange(first, last, every, dtype=np.int64), last)


def _spread(trace: Trace, rows: Numbers, amounts: Amounts, at: Numbers) -> Amounts:
    """Amounts of rows up to each cycle, spread evenly over their slices."""
    begins = trace.stored.column("start")[rows]
    ends = np.maximum(trace.stored.column("end")[rows], begins + 1)
    # What begins and ends as the run ends is of its last cycle.
    until = np.append(at[:-1], at[-1:] + (at[-1:] == trace.cycles))
    return Profile(trace.stored.repeats, Measure(rows, begins, ends, amounts)).at(until)


def occupancy(
    trace: Trace, unit: str, *, every: int, start: int | None, end: int | None
) -> pyarrow.Table:
    """See `Trace.occupancy`."""
    import pyarrow

    at = _edges(trace, every, start, end)
    stored = trace.stored
    own = stored.unit_of == trace.number(unit)
    spans = (stored.column("end") - stored.column("start")).astype(np.float64)
    words = stored.column("words").astype(np.float64)
    works, waits = np.flatnonzero(own & ~stored.is_wait), np.flatnonzero(own & stored.is_wait)
    busy = _whole(np.diff(_spread(trace, works, spans[works], at)))
    waiting = _whole(np.diff(_spread(trace, waits, spans[waits], at)))
    moved = np.diff(_spread(trace, works, words[works], at))
    idle = np.diff(at) - busy - waiting
    return pyarrow.table(
        {"start": at[:-1], "end": at[1:], "busy": busy, "waiting": waiting, "idle": idle,
         "words": moved}
    )  # fmt: skip


def held(
    trace: Trace, level: str, tensor: str, *, every: int, start: int | None, end: int | None
) -> pyarrow.Table:
    """See `Trace.held`."""
    import pyarrow

    trace.check_whole()
    at = _edges(trace, every, start, end)
    taken = rooms(trace, feeder(trace, level, tensor))
    total = _stepped(trace, taken, at)
    for freed in changes(trace, f"{tensor} {level} released"):
        total = total - _stepped(trace, freed, at)
    return pyarrow.table({"cycle": at, "words": _whole(total)})


def _stepped(trace: Trace, steps: Changes, at: Numbers) -> Amounts:
    """Sum of changes up to each cycle, those in it included."""
    amounts = steps.amounts.astype(np.float64)
    measure = Measure(steps.rows, steps.moments - 1, steps.moments, amounts)
    return Profile(trace.stored.repeats, measure).at(at)


def _whole(amounts: Amounts) -> Numbers:
    """Whole numbers that were summed as floating-point ones."""
    return np.rint(amounts).astype(np.int64)


def activity(trace: Trace, *, every: int, start: int | None, end: int | None) -> pyarrow.Table:
    """See `Trace.activity`."""
    import pyarrow

    at = _edges(trace, every, start, end)
    meta = trace.meta
    prices = {(where, action, tensor): price for where, action, tensor, price in meta.prices}
    parts: list[tuple[_Key, Amounts, Amounts]] = [
        (key, words, words * prices.get(key, 0.0)) for key, words in _traffic(trace, at)
    ]
    length = np.diff(at)
    if meta.leakage_pj_per_cycle:
        parts.append((("", "leak", ""), 0.0 * length, length * meta.leakage_pj_per_cycle))
    has_energy = bool(prices) or meta.leakage_pj_per_cycle > 0
    has_power = has_energy and meta.clock_mhz is not None
    energy = _joined([pj for _, _, pj in parts])
    # pJ per cycle x cycles per us = uW
    power = energy / np.tile(length, len(parts)) * (meta.clock_mhz or 0.0) * 1e-3
    keys = [[key[index] or None for key, _, _ in parts] for index in range(3)]
    names = [np.repeat(np.array(words, dtype=object), len(length)).tolist() for words in keys]
    return pyarrow.table(
        {
            "start": np.tile(at[:-1], len(parts)),
            "end": np.tile(at[1:], len(parts)),
            "component": pyarrow.array(names[0], pyarrow.string()),
            "action": pyarrow.array(names[1], pyarrow.string()),
            "tensor": pyarrow.array(names[2], pyarrow.string()),
            "words": _joined([words for _, words, _ in parts]),
            "energy_pj": pyarrow.array(energy, mask=np.full(len(energy), not has_energy)),
            "power_mw": pyarrow.array(power, mask=np.full(len(power), not has_power)),
        }
    )


def _joined(parts: list[Amounts]) -> Amounts:
    return np.concatenate([np.zeros(0), *parts])


def _traffic(trace: Trace, at: Numbers) -> Iterator[tuple[_Key, Amounts]]:
    """Words per interval of everything that moves."""
    stored = trace.stored
    kinds = stored.column("kind")
    found: dict[_Key, Amounts] = {}
    for number, unit in enumerate(trace.meta.units):
        rows = np.flatnonzero((stored.unit_of == number) & ~stored.is_wait)
        tables: dict[_Key, Amounts] = {}
        for index, kind in enumerate(unit.kinds):
            for component, action, tensor, words in kind.traffic:
                key = (component, action, tensor)
                tables.setdefault(key, np.zeros(len(unit.kinds)))[index] += words
        for key, table in tables.items():
            part = np.diff(_spread(trace, rows, table[kinds[rows]], at))
            found[key] = found[key] + part if key in found else part
    yield from sorted(found.items())

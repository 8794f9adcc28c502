"""When the counters of a trace change, by how much, and in which stored rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Fault, SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stallscope.traces.events.trace import Trace

    Numbers = NDArray[np.int64]

__all__ = ["Changes", "changes", "feeder", "rooms"]


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes of one number.

    Attributes:
        rows: Stored rows of the steps that make them, ascending.
        moments: Cycle of each change, as stored.
        amounts: By how much.
    """

    rows: Numbers
    moments: Numbers
    amounts: Numbers


def changes(trace: Trace, counter: str) -> Iterator[Changes]:
    """Yield the changes of a counter: those at the end of a slice, then those when it is due."""
    number = [name for name, _ in trace.meta.counters].index(counter)
    stored = trace.stored
    outcome = stored.column("outcome")
    for is_due in (False, True):
        amounts = np.zeros(len(trace.meta.outcomes) + 1, dtype=np.int64)
        waits = np.full_like(amounts, -1)
        for at, changed in enumerate(trace.meta.outcomes):
            for which, amount, when in changed:
                if which == number and (when < 0) == is_due:
                    amounts[at] += amount
                    waits[at] = 0 if is_due else when
        rows = np.flatnonzero((waits[outcome] >= 0) & ~stored.is_wait)
        base = stored.column("delivered" if is_due else "end")[rows]
        yield Changes(rows, base + waits[outcome[rows]], amounts[outcome[rows]])


def rooms(trace: Trace, unit: int) -> Changes:
    """Room that the transfers of a mover take in its child, when they ask for their servers.

    A tile that lands in chunks is one transfer: that of the last, which alone changes anything.
    """
    stored = trace.stored
    kinds = trace.meta.units[unit].kinds
    words = np.array([kind.room for kind in kinds], dtype=np.int64)
    may_be_tile = np.array([kind.is_tile for kind in kinds], dtype=np.bool_)
    is_change = np.array([*map(bool, trace.meta.outcomes), False])
    rows = np.flatnonzero((stored.unit_of == unit) & ~stored.is_wait)
    number = stored.column("kind")[rows]
    is_tile = is_change[stored.column("outcome")[rows]] | (words[number] > 0)
    rows = rows[is_tile & may_be_tile[number]]
    return Changes(rows, stored.column("start")[rows], words[stored.column("kind")[rows]])


def feeder(trace: Trace, level: str, tensor: str) -> int:
    """Return the number of the unit that brings a tensor to a level.

    Raises:
        SpecError: If there is none, or it was not recorded.
    """
    brought = [
        f"{what} at {where}"
        for unit in trace.meta.units
        for what, where in unit.fed
        if unit.name in trace.meta.recorded
    ]
    for number, unit in enumerate(trace.meta.units):
        if (tensor, level) in unit.fed:
            trace.number(unit.name)
            return number
    rule, remedy = "nothing brings this tensor there", f"there is {', '.join(brought)}"
    fault = Fault(place="level", value=f"{tensor} at {level}", rule=rule, remedy=remedy)
    raise SpecError([fault])

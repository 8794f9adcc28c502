"""Reading an event trace: windows of expanded rows, occupancy, tile lifetimes, activity.

Nothing is expanded that is not asked for: a window of a long run costs what the window holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.events import lifetimes, timeline
from stallscope.traces.events.columns import META
from stallscope.traces.events.expansion import Places, chunked, expanded, touching
from stallscope.traces.events.repeats import SIMULATED
from stallscope.traces.events.stored import Stored

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Trace", "read_trace"]

_FOLDER = "trace"


class Trace:
    """An event trace on disk.

    Args:
        folder: Folder with the trace's files.
        owner: What deletes the folder when the trace is no longer used, if anything.

    Attributes:
        meta: What the trace is of.
        stored: The rows that were simulated, and what of them repeats.
    """

    def __init__(self, folder: Path, owner: TemporaryDirectory[str] | None = None) -> None:
        self.folder = folder
        self.stored = Stored(folder)
        self.meta = self.stored.meta
        self._owner = owner

    @property
    def cycles(self) -> int:
        """Cycles of the run."""
        return self.meta.cycles

    @property
    def begin(self) -> int:
        """First cycle recorded."""
        return self.meta.window[0] if self.meta.window else 0

    @property
    def end(self) -> int:
        """The cycle after the last one recorded."""
        return min(self.meta.window[1], self.cycles) if self.meta.window else self.cycles

    @property
    def units(self) -> tuple[str, ...]:
        """Names of the units recorded, in unit order."""
        return self.meta.recorded

    @cached_property
    def rows(self) -> int:
        """Rows of the expanded trace."""
        return int(self.stored.repeats.weights().sum())

    def number(self, unit: str) -> int:
        """Return the number of a unit; SpecError if no such unit was recorded."""
        if unit in self.meta.recorded:
            return [one.name for one in self.meta.units].index(unit)
        remedy = f"recorded: {', '.join(self.meta.recorded)}"
        rule = "is not a unit of the trace"
        raise SpecError([Fault(place="unit", value=unit, rule=rule, remedy=remedy)])

    def range(self, start: int | None = None, end: int | None = None) -> tuple[int, int]:
        """Return a range of cycles of the trace.

        Args:
            start: First cycle; None: the first one recorded.
            end: Cycle after the last; None, or past the end of the run: the end of the run.

        Raises:
            SpecError: If it reaches out of what was recorded.
        """
        first = self.begin if start is None else start
        asked = self.end if end is None else end
        last = min(asked, self.end) if self.end == self.cycles else asked
        if not self.begin <= first <= last <= self.end:
            rule = f"must lie within the cycles recorded, {self.begin}:{self.end}"
            if self.begin >= self.cycles:
                rule = f"nothing was recorded: the run has {self.cycles} cycles"
            raise SpecError([Fault(place="window", value=f"{first}:{asked}", rule=rule)])
        return first, last

    def check_whole(self) -> None:
        """Check that all units were recorded from the first cycle on; else SpecError."""
        if self.begin or len(self.meta.recorded) < len(self.meta.units):
            rule = "holds a part of the run only: what was there at its beginning is not known"
            remedy = "record with --trace full, or a window from 0, and all units"
            raise SpecError([Fault(place="trace", value="", rule=rule, remedy=remedy)])

    # ------------------------------------------------------------------ rows

    def window(
        self,
        start: int | None = None,
        end: int | None = None,
        *,
        units: Iterable[str] | None = None,
    ) -> pyarrow.Table:
        """Return the expanded rows of every slice that touches cycles ``start`` to ``end`` - 1.

        Args:
            start: First cycle of the window; None: the first one recorded.
            end: Cycle after its last; None: the end of the run.
            units: Names of the units wanted; None: all.

        Returns:
            One row per slice, whole even where it reaches out of the window, in the order in which
            slices end. Columns, units and nulls as in `stallscope.traces.events.columns`; then
            ``repeat``: number of the repeat the row was expanded from, null if it was simulated.
            ``to_pandas()`` of it gives a pandas table.

        Raises:
            SpecError: If the window is not in the trace, or a unit is not.
        """
        import pyarrow

        return pyarrow.concat_tables(self.batches(start, end, units=units))

    def batches(
        self,
        start: int | None = None,
        end: int | None = None,
        *,
        units: Iterable[str] | None = None,
    ) -> Iterator[pyarrow.Table]:
        """Yield the rows of `window`, a bounded number at a time."""
        first, last = self.range(start, end)
        if last == self.cycles:
            last += 1  # what begins and ends as the run ends is of its last cycle
        stored = self.stored
        numbers = [self.number(name) for name in (self.units if units is None else units)]
        rows, repeats = None, stored.repeats
        if units is not None:
            rows = np.flatnonzero(np.isin(stored.unit_of, numbers))
            repeats = repeats.of(rows)
        for places in chunked(repeats, first, last, rows, stored.unit_of):
            yield touching(expanded(stored.table, places), first, last)
        yield touching(expanded(stored.table, self._reaching_out(last, numbers)), first, last)

    def _reaching_out(self, end: int, units: Iterable[int]) -> Places:
        """The first row of every unit that ends after a cycle: it may have begun before."""
        found = [self.stored.finder(number).after(end) for number in units]
        ends = self.stored.repeats.ends
        # What ends in one cycle is of one period: stored in the order of execution.
        at = sorted(
            (int(ends[place.row]) + place.shift, place.row, place.shift, place.steps,
             place.path[-1][0] if place.path else SIMULATED)
            for place in found
            if place is not None
        )  # fmt: skip
        columns = np.array(at, dtype=np.int64).reshape(len(at), 5)
        return Places(columns[:, 1], columns[:, 2], columns[:, 3], columns[:, 4])

    # ------------------------------------------------------------------ over time

    def occupancy(
        self, unit: str, *, every: int = 1, start: int | None = None, end: int | None = None
    ) -> pyarrow.Table:
        """Return what a unit did in each interval of ``every`` cycles.

        Args:
            unit: Name of the unit.
            every: Length of the intervals, cycles; the last one may be shorter.
            start: First cycle; None: the first one recorded.
            end: Cycle after the last; None: the end of the run.

        Returns:
            Columns ``start``, ``end`` (cycles); ``busy``: cycles in which the unit executed a step,
            waits for its servers included; ``waiting``: cycles in which it waited for anything
            else; ``idle``: the rest; these three sum to the interval. ``words``: words moved
            (multiply-accumulates), those of a step spread evenly over it. No nulls.

        Raises:
            SpecError: If the interval, the range or the unit is not in the trace.
        """
        return timeline.occupancy(self, unit, every=every, start=start, end=end)

    def held(
        self,
        level: str,
        tensor: str,
        *,
        every: int = 1,
        start: int | None = None,
        end: int | None = None,
    ) -> pyarrow.Table:
        """Return how many words of room a tensor takes at a level, every ``every`` cycles.

        Args:
            level: Name of the level; of several instances the fullest one is shown.
            tensor: Name of the tensor.
            every: Distance of the cycles looked at.
            start: First cycle; None: 0.
            end: Last cycle; None: the end of the run.

        Returns:
            Columns ``cycle`` and ``words``, the latter once everything in that cycle has
            happened: room is taken when a transfer asks for its servers, and free when its
            consumer is done with it. No nulls.

        Raises:
            SpecError: If the level does not hold the tensor, the range is not in the trace, or the
                trace does not hold all units from the first cycle on.
        """
        return timeline.held(self, level, tensor, every=every, start=start, end=end)

    def activity(
        self, *, every: int = 1, start: int | None = None, end: int | None = None
    ) -> pyarrow.Table:
        """Return words and energy of every component in each interval of ``every`` cycles.

        Args:
            every: Length of the intervals, cycles; the last one may be shorter.
            start: First cycle; None: the first one recorded.
            end: Cycle after the last; None: the end of the run.

        Returns:
            One row per interval and kind of traffic. Columns ``start``, ``end`` (cycles);
            ``component``: storage level, network or the MACs, null for leakage; ``action``: read,
            write, update, enter (a network), link, compute, leak; ``tensor``, null where none is
            meant; ``words``, those of a step spread evenly over it; ``energy_pj``: words x
            energy per word of the run, null without an energy table; ``power_mw``: the same per
            time, null without a clock too.

        Raises:
            SpecError: If the range is not in the trace.
        """
        return timeline.activity(self, every=every, start=start, end=end)

    def tile_lifetimes(
        self, level: str, tensor: str, *, start: int | None = None, end: int | None = None
    ) -> pyarrow.Table:
        """Return when tiles of a tensor came to a level and when their consumer left them.

        Args:
            level: Name of the level.
            tensor: Name of the tensor.
            start: First cycle; None: the first one recorded.
            end: Cycle after the last; None: the end of the run.

        Returns:
            One row per tile that was there, or on its way, in these cycles. Columns ``tile``:
            number of the tile, from 0; ``asked``: cycle in which its transfer asked for its
            servers; ``delivered``: cycle from which it can be used; ``left``: cycle in which its
            consumer was done with it (an output: in which it reached the parent), null if the
            trace ends before; ``words``: new words it brought.

        Raises:
            SpecError: If the level does not hold the tensor, the range is not in the trace, or the
                trace does not hold all units from the first cycle on.
        """
        return lifetimes.tile_lifetimes(self, level, tensor, start=start, end=end)


def read_trace(place: str | os.PathLike[str]) -> Trace:
    """Read the trace that a run wrote.

    Args:
        place: The run's ``--out`` folder, or the folder ``trace`` in it.

    Raises:
        SpecError: No trace there, or of another version.
    """
    folder = Path(place)
    inner = folder / _FOLDER
    if (inner / META).exists():
        return Trace(inner)
    layers = sorted(str(found.parent) for found in (folder / "traces").glob(f"*/*/{META}"))
    if layers and not (folder / META).exists():
        rule = "holds the traces of several layers"
        remedy = f"name one: {', '.join(layers[:8])}{', ...' if layers[8:] else ''}"
        raise SpecError([Fault(place="trace", value=str(folder), rule=rule, remedy=remedy)])
    return Trace(folder)

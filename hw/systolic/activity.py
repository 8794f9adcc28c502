"""Which PE of a systolic array multiplied in which cycle, from the trace of a run.

A burst is one event; what happened inside follows from where it began: a step enters at the
array's corner and passes a tile a cycle. Nothing of it is stored.

Not modelled: which steps of a burst waited, where a port or others on it made it longer: there
steps are spread evenly over the burst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stallscope.hw.systolic.folds import Folds
from stallscope.hw.systolic.rules import rules_of
from stallscope.mappings.case import Case
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.compile import compile_case
from stallscope.traces.events.trace import Trace
from stallscope.traces.flat import unit_streams
from stallscope.traces.listing import all_records
from stallscope.traces.program import Work

__all__ = ["PeActivity", "pe_activity"]

Numbers = npt.NDArray[np.int64]
MOST_CELLS = 100_000_000
"""PE-cycles that are shown at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeActivity:
    """What every PE did in a window.

    Attributes:
        start: First cycle.
        burst: Burst that a PE multiplied for; shape (cycles, rows, columns), -1: none.
        step: Step of that burst, likewise.
    """

    start: int
    burst: Numbers
    step: Numbers


def pe_activity(trace: Trace, case: Case, start: int, end: int) -> PeActivity:
    """Say which PE multiplied for which step, in cycles ``start`` to ``end`` - 1.

    Rows and columns are those in use, the first of them nearest to the corner where steps enter.

    Args:
        trace: Trace of the run of ``case``.
        case: A case on a systolic array.
        start: First cycle.
        end: Cycle after the last one.

    Raises:
        SpecError: If the array is not systolic, or the window is too large or not in the trace.
    """
    compute = case.architecture.compute
    if compute.systolic is None:
        rule = "is no systolic array: its PEs work in step"
        raise SpecError([Fault(place="architecture.compute", value=compute.name, rule=rule)])
    cells = (end - start) * compute.instances
    if cells > MOST_CELLS:
        rule = f"{cells:,} PE-cycles, {MOST_CELLS:,} are shown at once"
        fault = Fault(place="window", value=f"{start}:{end}", rule=rule, remedy="ask for fewer")
        raise SpecError([fault])
    kept = case.mapping.levels[-1].keep[0]
    rules = rules_of(compute.systolic.convention)
    folds = Folds(compute, rules, is_output=kept == case.problem.output.name)
    unit = unit_streams(compile_case(case))[-1]
    records = all_records(unit)
    kinds = unit.stream.records
    shape = (end - start, compute.y, compute.x)
    burst, step = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    first = max(trace.range(None, None)[0], start - folds.skew(compute.y, compute.x))
    table = trace.window(first, min(end, trace.cycles), units=[unit.name])
    for row in table.select(["start", "end", "step", "op"]).to_pylist():
        if row["op"] != "WAIT":
            work = kinds[records[row["step"]]]
            assert isinstance(work, Work)
            entered = _entered(folds, work, row["start"], row["end"])
            _mark(folds, work, entered - start, row["step"], (burst, step))
    return PeActivity(start=start, burst=burst, step=step)


def _entered(folds: Folds, work: Work, start: int, end: int) -> Numbers:
    """Cycle in which each step of a burst enters: its operands are there, at the latest."""
    fold = folds.fold(work.cycles, work.rows, work.columns)
    begin = start + max(0, fold.lead)
    number = np.arange(1, work.cycles + 1, dtype=np.int64)
    streamed: Numbers = begin - 1 + number * (end - begin - fold.skew) // work.cycles
    return streamed


def _mark(
    folds: Folds, work: Work, entered: Numbers, burst: int, into: tuple[Numbers, Numbers]
) -> None:  # fmt: skip
    """Put a burst into the picture; ``entered`` counts from its first cycle."""
    array, cycles = folds.array, len(into[0])
    for row in range(work.rows):
        for column in range(work.columns):
            at = entered + row // array.tile_rows + column // array.tile_columns
            seen = np.flatnonzero((at >= 0) & (at < cycles))
            into[0][at[seen], row, column] = burst
            into[1][at[seen], row, column] = seen

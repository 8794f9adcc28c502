"""Validation of the DRAM model against DRAMsim3 and, with no limit, Ramulator 2.1.

The model schedules as DRAMsim3 does with one queue for reads and writes; there every cycle count
has a limit. Systems with split queues and Ramulator schedule otherwise: their cases are reported,
and beside Ramulator's stands how far the two references are apart on the same traces.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import fmean

from stallscope.hw.dram.controller import Completion, Controller
from stallscope.mappings.dram import DramController
from stallscope.validation.dram_cases import (
    DRAMSIM3,
    RAMULATOR,
    Json,
    System,
    read_cases,
    read_system,
)
from stallscope.validation.dram_traces import batches
from stallscope.validation.points import Excluded, Limit, Point, Report

__all__ = ["LIMITS", "DramReport", "run_case", "validate_dram"]

CYCLES = "cycles"
_FEW = 16  # batches under way: the run ends at the last completion and not after it
_CLASSES = {
    "seq": "streams", "rr": "streams", "tiles": "tiles", "tile2d": "tiles", "strided": "strides",
    "rand": "random", "isolated": "isolated",
}  # fmt: skip
_METRICS = {
    CYCLES: "cycles", "activates": "acts", "row_hits": "row_hits",
    "row_conflicts": "row_conflicts", "refreshes": "refreshes",
}  # fmt: skip


LIMITS = {
    "streams": Limit(worst_pct=2.0, mean_pct=0.5, metric=CYCLES),
    "tiles": Limit(worst_pct=2.0, mean_pct=0.5, metric=CYCLES),
    "strides": Limit(worst_pct=2.0, mean_pct=0.5, metric=CYCLES),
    "random": Limit(worst_pct=3.0, mean_pct=1.0, metric=CYCLES),
    "isolated": Limit(worst_pct=0.0, mean_pct=0.0, metric=CYCLES),
}
"""Limits by class; other classes have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DramReport(Report):
    """A report with the difference of the references.

    Attributes:
        between: Per class of Ramulator, on the traces both references have, how far DRAMsim3 and
            ours are from it: absolute errors of the cycles, percent.
    """

    between: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def summary(self) -> dict[str, dict[str, float | None]]:
        """Return a line per metric (scored points) and one per class (its cycles)."""
        cycles = Report(
            validation=self.validation,
            points=tuple(point for point in self.points if point.metric == CYCLES),
        ).summary()
        lines = Report(
            validation=self.validation, points=tuple(p for p in self.points if p.scored)
        ).summary()
        lines = {name: line for name, line in lines.items() if name in _METRICS}
        for kind in dict.fromkeys(point.kind for point in self.points):
            lines[kind] = dict(cycles[kind])
            if self.between.get(kind):
                between = [theirs for theirs, _ in self.between[kind]]
                lines[kind] |= {
                    "references_mean_abs_difference_pct": fmean(between),
                    "references_worst_abs_difference_pct": max(between),
                }
        return lines

    def to_json(self) -> dict[str, object]:
        """Return the report in its outside form, with notes on the references."""
        # Not super(): a slotted dataclass is made anew, and super() would look at the old one.
        return Report.to_json(self) | {"notes": list(self._notes())}

    def _notes(self) -> Iterator[str]:
        for kind, errors in self.between.items():
            theirs, ours = ([pair[side] for pair in errors] for side in (0, 1))
            yield (f"{kind}: on the {len(errors)} traces both references have, DRAMsim3 is "
                   f"{fmean(theirs):.2f} % off on average, {max(theirs):.2f} % at worst; ours "
                   f"{fmean(ours):.2f} %, {max(ours):.2f} %")  # fmt: skip


def validate_dram(cases: str | os.PathLike[str] | None = None) -> DramReport:
    """Compare with the figures of DRAMsim3 and Ramulator.

    Args:
        cases: A file in the reference's form; None for the project's own copy.

    Returns:
        The report. Classes: ``streams``, ``tiles``, ``strides``, ``random``, ``isolated``
        (limits: `LIMITS`); ``split``, ``stock``, ``closed page`` (DRAMsim3 scheduling otherwise),
        ``channels`` (several of them, fed in one order);
        ``ramulator`` and the same names. Metrics: cycles, activates, row_hits, row_conflicts,
        refreshes.

    Raises:
        SpecError: If the file is not in the known form.
    """
    document = read_cases(cases)
    points: list[Point] = []
    excluded: list[Excluded] = []
    theirs: dict[tuple[str, str, int | None], float] = {}
    between: dict[str, list[tuple[float, float]]] = {}
    for part in (DRAMSIM3, RAMULATOR):
        inside = document.get(part) or {"systems": {}, "cases": []}
        systems = {n: read_system(part, n, system) for n, system in inside["systems"].items()}
        for case in inside["cases"]:
            if case["system"] not in systems:
                excluded.append(Excluded(case=_name(case), why="names a system that is not there"))
                continue
            system = systems[case["system"]]
            if system.excluded:
                excluded.append(Excluded(case=_name(case), why=system.excluded))
                continue
            found = _points(case, system)
            points += found
            key = (case["system"], case["case"], case["max_outstanding"])
            if part == DRAMSIM3:
                theirs[key] = found[0].reference
            elif key in theirs:
                point = found[0]
                apart = abs(100.0 * (theirs[key] - point.reference) / point.reference)
                pair = (apart, abs(point.error_pct or 0.0))
                between.setdefault(point.kind, []).append(pair)
    kinds = {point.kind for point in points}
    return DramReport(
        validation="dram", points=tuple(points), excluded=tuple(excluded), between=between,
        limits={kind: limit for kind, limit in LIMITS.items() if kind in kinds},
    )  # fmt: skip


def _name(case: Json) -> str:
    window = case["max_outstanding"]
    return f"{case['system']}/{case['case']}" + (f"/window {window}" if window else "")


def _points(case: Json, system: System) -> list[Point]:
    ours = run_case(case, system)
    kind = _CLASSES.get(case["trace"]["fn"], "streams")
    if system.kind:
        kind = f"ramulator {kind}" if system.kind == "ramulator" else system.kind
    result = case["result"]
    points = []
    for metric, key in _METRICS.items():
        reference = result.get(key, result.get("commands", {}).get("ACT"))
        points.append(
            Point(
                case=_name(case),
                where="",
                kind=kind,
                metric=metric,
                reference=float(reference or 0),
                simulated=float(ours[metric]),
                analytical=None,
                tolerance=0.0,
                scored="" if system.kind else "simulated",
            )
        )
    return points


def run_case(case: Json, system: System) -> dict[str, int]:
    """Simulate one case; return our figure of each metric.

    Requests are offered in order. With several channels each takes its own in order: that a full
    queue of one channel holds up the others, as in the reference, is not modelled.
    """
    assert system.device is not None
    window = case["max_outstanding"]
    options: DramController = system.options
    if window:
        # The reference gives the credit of a write back one clock after acceptance.
        options = options.model_copy(update={"outstanding": window, "posted_writes": True})
    device = system.device
    controller = Controller(device, options, sources=1, cycles_per_clock=Fraction(1))
    trace = batches(case["trace"])
    now = first = trace[0].not_before
    done: list[Completion] = []
    for batch in trace:
        now = max(now, batch.not_before)
        done += controller.advance(now)
        # Addresses beyond the memory wrap, as in the reference.
        addresses = batch.addresses % device.capacity_bytes // device.burst_bytes
        controller.submit(0, addresses * device.burst_bytes, batch.is_write, now)
    while controller.pending:
        following = controller.next_completion() if controller.pending <= _FEW else None
        # A column command a clock at most: so many batches take as many clocks, or longer.
        now = following[0] if following else now + controller.pending
        done += controller.advance(now)
    end = max(at for at, _, _ in done)
    counts = controller.counts()
    return {CYCLES: end - first} | {name: counts[name] for name in _METRICS if name != CYCLES}

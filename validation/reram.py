"""Validation of crossbars: weight updates, times of multiplies and rewrites, and other tools.

Updates and times are those of the machine with memory at hand at once, and those of closed forms.
Both stand beside the reference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from stallscope.validation.points import Excluded, Point, Report
from stallscope.validation.reram_cases import Cases, read_cases
from stallscope.validation.reram_peers import peer_points
from stallscope.validation.reram_runs import Updates
from stallscope.validation.reram_timing import timing_points
from stallscope.validation.reram_updates import (
    REDUCTIONS,
    network_points,
    search_points,
    wear_points,
)

__all__ = ["ReramReport", "validate_reram"]

_FROM_ROWS = "all layers, row -> unlimited"
"""From an output row at a time to whole maps: the least updates that each filling allows."""


class ReramReport(Report):
    """Report with the reductions from an output row at a time, network by network."""

    def to_json(self) -> dict[str, object]:
        """Return the report in its outside form, with notes on networks."""
        return Report.to_json(self) | {"notes": list(self._notes())}

    def _notes(self) -> Iterator[str]:
        found: dict[str, list[str]] = {}
        for point in self.points:
            if (point.kind, point.where) == (REDUCTIONS, _FROM_ROWS):
                network, _, filling = point.case.rpartition(" ")
                figures = f"{filling} reference {point.reference:.2f} %, ours {point.figure:.2f} %"
                found.setdefault(network, []).append(figures)
        for network, every in found.items():
            yield f"updates saved, {_FROM_ROWS}, {network}: {'; '.join(every)}"


def validate_reram(cases: str | os.PathLike[str] | None = None) -> Report:
    """Compare with published and derived figures of crossbars.

    Args:
        cases: A JSON file or a folder of them (see `reram_cases`); None for the project's own.

    Returns:
        The report. Exact: updates and reductions of networks and layers, best schedules of the
        example (those listed, and what our search finds), times of writing and wear; multiplies,
        rewrites and the example's convolution; PUMA's multiply and accesses, MNSIM's write.
        Reported: whole programs and layers of other tools, errors of analogue arithmetic.

    Raises:
        SpecError: If a file is not in a known form.
    """
    read = read_cases(cases)
    points: list[Point] = []
    excluded = [Excluded(case=name, why=why) for name, why in read.left_out]
    for found in _compared(read):
        if isinstance(found, Point):
            points.append(found)
        else:
            excluded.append(found)
    return ReramReport(validation="reram", points=tuple(points), excluded=tuple(excluded))


def _compared(read: Cases) -> Iterator[Point | Excluded]:
    updates = Updates()
    for network in read.networks:
        yield from network_points(network, updates)
    for search in read.searches:
        yield from search_points(search, updates)
    for wear in read.wear:
        yield from wear_points(wear, updates)
    for name, entry in read.timing.items():
        yield from timing_points(name, entry)
    yield from peer_points(read.peers)

"""Points of one published run beside our estimate of it: cycles, words, words per cycle.

The reference prints whole words: expectations rounded up one by one, and one more where its own
arithmetic lands just above a whole number (289 for 288). So a count may be off by one word, and
cycles by one; words per cycle are printed with two decimals, rounded or cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from stallscope.mappings.sparsity.levels import LevelEstimate, LevelsEstimate, LevelWords
from stallscope.validation.documents import Json
from stallscope.validation.points import Point

__all__ = ["expected_point", "run_points"]

_WHOLE = 1.0
_PRINTED = 0.01
_COUNTS = (
    "reads", "fills", "updates", "gated_reads", "gated_updates", "skipped_reads", "skipped_updates",
)  # fmt: skip


def expected_point(
    case: str, where: str, kind: str, metric: str, reference: float, ours: float, tolerance: float
) -> Point:
    """A point of the closed form, which is scored."""
    return Point(
        case=case, where=where, kind=kind, metric=metric, reference=reference, simulated=ours,
        analytical=ours, tolerance=tolerance, scored="analytical",
    )  # fmt: skip


def run_points(
    run: Json, ours: LevelsEstimate, case: str, kind: str, *, metadata: bool = True
) -> Iterator[Point]:
    """Compare one run.

    Args:
        run: The reference's figures: ``cycles``, ``computes``, ``levels`` (MACs in front).
        ours: Our estimate, in whole words.
        case: Name of the case.
        kind: Class of the points.
        metadata: Whether the design's metadata are known, and words per cycle can be compared.
    """
    macs, *storage = run["levels"]
    computes = run["computes"].get("Actual Computes", run["computes"].get("Computes"))
    effectual = _up(ours.compute.effectual)
    cycles = {"": (run["cycles"], _up(ours.cycles))}
    cycles[macs] = (run["levels"][macs]["cycles"], _up(effectual / ours.compute.utilized))
    for name in storage:
        cycles[name] = (run["levels"][name]["cycles"], _up(ours.level(name).cycles))
    for where, (reference, figure) in cycles.items():
        metric = "level_cycles" if where else "cycles"
        yield expected_point(case, where, kind, metric, reference, figure, _WHOLE)
    yield expected_point(case, macs, kind, "computes", computes, effectual, _WHOLE)
    utilized = run["levels"][macs].get("Utilized instances (average)")
    if utilized is not None:
        busy = ours.compute.utilized
        yield expected_point(case, macs, kind, "utilized_macs", utilized, busy, _PRINTED)
    for name in storage:
        for tensor, figures in run["levels"][name]["tensors"].items():
            level = ours.level(name)
            where = f"{name} {tensor}"
            yield from _words(figures, level.tensors[tensor], case, where, kind)
            if metadata and "max_utilised_words" in figures:
                yield from _rates(figures, level, tensor, case, where, kind)


def _words(figures: Json, ours: LevelWords, case: str, where: str, kind: str) -> Iterator[Point]:
    for metric in _COUNTS:
        reference, figure = figures.get(metric), _up(getattr(ours, metric))
        if reference or (reference is not None and figure):
            yield expected_point(case, where, kind, metric, reference, figure, _WHOLE)


def _rates(
    figures: Json, level: LevelEstimate, tensor: str, case: str, where: str, kind: str
) -> Iterator[Point]:
    ours = level.tensors[tensor]
    largest = figures["max_utilised_words"]
    yield expected_point(case, where, kind, "tile_words", largest, ours.largest_tile, 0.0)
    for metric, words in (
        ("read_words_per_cycle", ours.read_words), ("write_words_per_cycle", ours.write_words)
    ):  # fmt: skip
        reference = figures[metric]
        if reference or words:
            figure = words / level.cycles
            yield expected_point(case, where, kind, metric, reference, figure, _PRINTED)


def _up(value: float) -> int:
    return ceil(value - 1e-9 * max(1.0, abs(value)))

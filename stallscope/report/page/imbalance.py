"""The work of the PEs: where it is, and how evenly it is spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stallscope.report.page.reading import Sparsity

__all__ = ["Bin", "Cell", "WorkMap", "work_map"]

_MOST_CELLS = 64
"""Cells along an edge of the map; a larger array has several PEs per cell."""
_BINS = 16
_FAINTEST = 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Some PEs that stand together: the steps of the busiest; None: none of them is used."""

    row: int
    column: int
    steps: int | None
    opacity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """PEs whose steps are from ``low`` to ``high``; ``share`` of the fullest bin's."""

    low: int
    high: int
    pes: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkMap:
    """The work of an array's PEs.

    Attributes:
        cells: The array, row by row.
        rows, columns: Cells along the edges.
        group: PEs per cell, along an edge.
        bins: Steps of PEs, from the least to the most.
        least, most: Steps of the least and the most busy PE.
        mean: Steps of a PE on average.
        macs: All multiply-accumulates of the layer.
    """

    cells: tuple[Cell, ...]
    rows: int
    columns: int
    group: int
    bins: tuple[Bin, ...]
    least: int
    most: int
    mean: float
    macs: int


def work_map(found: Sparsity) -> WorkMap:
    """Lay out the steps of every PE.

    Args:
        found: What zeros made of a run's work.
    """
    rows, columns = found.mesh
    group = -(-max(rows, columns) // _MOST_CELLS)
    most = max(found.steps)
    busiest: dict[tuple[int, int], int] = {}
    for (row, column), steps in zip(found.places, found.steps, strict=True):
        at = (row // group, column // group)
        busiest[at] = max(busiest.get(at, 0), steps)
    high, wide = -(-rows // group), -(-columns // group)
    cells = tuple(
        Cell(row=row, column=column, steps=busiest.get((row, column)),
             opacity=max(_FAINTEST, busiest.get((row, column), 0) / max(1, most)))
        for row in range(high) for column in range(wide)
    )  # fmt: skip
    return WorkMap(
        cells=cells, rows=high, columns=wide, group=group, bins=tuple(_bins(found.steps)),
        least=min(found.steps), most=most, mean=sum(found.steps) / len(found.steps),
        macs=found.executed_macs + found.skipped_macs,
    )  # fmt: skip


def _bins(steps: Sequence[int]) -> list[Bin]:
    least, most = min(steps), max(steps)
    width = (most - least) // _BINS + 1
    counts = [0] * ((most - least) // width + 1)
    for one in steps:
        counts[(one - least) // width] += 1
    return [
        Bin(low=least + at * width, high=min(most, least + (at + 1) * width - 1), pes=count,
            share=count / max(counts))
        for at, count in enumerate(counts)
    ]  # fmt: skip

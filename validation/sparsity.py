"""Validation of sparsity: pruned layers on arrays that wait for their slowest PE, and per level.

Two kinds of documents, told apart by their content (`sparsity_reading`): bottleneck networks on
an array that skips zero weights, with masks, mappings and tables of blocks; and sparse designs by
expected values per level (`sparsity_levels`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from stallscope.validation.points import Excluded, Point, Report
from stallscope.validation.sparsity_levels import LIMITS, levels_points
from stallscope.validation.sparsity_masked import given_points, masked_points
from stallscope.validation.sparsity_networks import layer_rows, network_points, total_points
from stallscope.validation.sparsity_reading import Bottlenecks, read_cases

__all__ = ["validate_sparsity"]


def validate_sparsity(cases: str | os.PathLike[str] | None = None) -> Report:
    """Compare with published figures of sparse layers and designs.

    Args:
        cases: A JSON file or a folder of them (see `sparsity_reading`); None for the project's own.

    Returns:
        The report. Cycles of the slowest PE and of PEs that run ahead, of masks and of given
        numbers of weights, are executed; so are the dense layers that energies are counted from.
        Sums of the reference's own figures are formed anew. All of these are exact. Expected values
        per level are the closed form's, within its limits (`levels_points`).

    Raises:
        SpecError: If a file is not in a known form.
    """
    read = read_cases(cases)
    points: list[Point] = []
    excluded = [Excluded(case=name, why=why) for name, why in read.left_out]
    for document in read.bottlenecks:
        _sort(_compared(document), points, excluded)
    for levels in read.levels:
        found, left_out = levels_points(levels)
        points += found
        excluded += left_out
    kinds = {point.kind for point in points}
    return Report(
        validation="sparsity",
        points=tuple(points),
        excluded=tuple(excluded),
        limits={kind: limit for kind, limit in LIMITS.items() if kind in kinds},
    )


def _sort(found: Iterable[Point | Excluded], points: list[Point], excluded: list[Excluded]) -> None:
    for one in found:
        if isinstance(one, Point):
            points.append(one)
        else:
            excluded.append(one)


def _compared(read: Bottlenecks) -> Iterator[Point | Excluded]:
    for case in read.masked:
        yield from masked_points(case, read.definitions)
    yield from given_points(read.given, read.rows)
    yield from layer_rows(read.rows)
    for name, network in read.networks.items():
        rows = {(row["block"], row["kind"]): row for row in read.rows if row["set"] == name}
        yield from network_points(name, network, read.layers, rows)
    yield from total_points(read.networks, read.totals)

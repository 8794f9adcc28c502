"""The layers of a network on a chip of crossbars: each gets a schedule."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from stallscope.exploring import best_schedules
from stallscope.mappings.layers import Layer, LayerNetwork, Shape
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.files import CrossbarFiles, load_chip
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.row_by_row import ROW_BY_ROW, row_by_row
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.options import ScheduleChoice
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["crossbar_cases"]

ALL_WORDS = "zeros: crossbars take words as they come, zeros as others"
"""The named assumption about layers some of whose words are zero."""

_Schedules = Callable[[Shape], tuple[CrossbarSchedule, tuple[str, ...]]]
"""Gives a layer its schedule, and says what is assumed about it."""


def crossbar_cases(
    network: LayerNetwork,
    chip: Sequence[str | os.PathLike[str]],
    overrides: Sequence[str],
    choice: ScheduleChoice,
    records: Path | None = None,
) -> list[tuple[Layer, CrossbarCase]]:
    """Return every layer of a network as a case on a chip.

    Args:
        network: Layers by their shapes.
        chip: Files of the chip.
        overrides: ``path=value`` about them.
        choice: Which schedule a layer gets.
        records: File that the best schedules are kept in, or None.

    Raises:
        SpecError: Every fault of the chip; else of every layer.
    """
    files = load_chip(*chip, overrides=overrides)
    schedules = _schedules(files, choice, records)
    cases: list[tuple[Layer, CrossbarCase]] = []
    faults: list[Fault] = []
    for layer in network.layers:
        try:
            cases.append((layer, _case(layer, network, files, schedules)))
        except SpecError as error:
            faults += [replace(fault, place=f"{layer.name}: {fault.place}", value=str(fault.value))
                       for fault in error.faults]  # fmt: skip
    if faults:
        raise SpecError(faults)
    return cases


def _schedules(files: CrossbarFiles, choice: ScheduleChoice, records: Path | None) -> _Schedules:
    """Return what gives layers their schedules."""
    if choice is ScheduleChoice.DEFAULT:
        given = files.schedule

        def default(layer: Shape) -> tuple[CrossbarSchedule, tuple[str, ...]]:
            if given is not None:
                return given, ()
            return row_by_row(layer, files.chip), (ROW_BY_ROW,)

        return default
    best = best_schedules(files, choice.value, records)
    said = (f"schedule: the best that was found for {choice.value}",)
    return lambda layer: (best(layer), said)


def _case(
    layer: Layer, network: LayerNetwork, files: CrossbarFiles, schedules: _Schedules
) -> CrossbarCase:
    if layer.shape is None:
        rule, remedy = "crossbars take layers by their shapes", "give conv: or gemm: for files:"
        raise SpecError([Fault(place="files", value="", rule=rule, remedy=remedy)])
    schedule, said = schedules(layer.shape)
    if layer.sparsity.operands:
        said = (*said, ALL_WORDS)
    case = files.case(
        layer.shape, schedule, name=layer.name, files=network.files,
        assumptions=(*layer.assumptions, *said),
    )  # fmt: skip
    check_crossbars(case)
    return case

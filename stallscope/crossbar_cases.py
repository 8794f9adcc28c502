"""The layers of a network on a chip of crossbars: each gets a schedule."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from stallscope.mappings.layers import Layer, LayerNetwork
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.files import CrossbarFiles, load_chip
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.row_by_row import ROW_BY_ROW, row_by_row
from stallscope.options import ScheduleChoice
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["crossbar_cases"]


def crossbar_cases(
    network: LayerNetwork,
    chip: Sequence[str | os.PathLike[str]],
    overrides: Sequence[str],
    choice: ScheduleChoice,
) -> list[tuple[Layer, CrossbarCase]]:
    """Return every layer of a network as a case on a chip.

    Args:
        network: Layers by their shapes.
        chip: Files of the chip.
        overrides: ``path=value`` about them.
        choice: Which schedule a layer gets.

    Raises:
        SpecError: Every fault of the chip; else of every layer.
    """
    files = load_chip(*chip, overrides=overrides)
    cases: list[tuple[Layer, CrossbarCase]] = []
    faults: list[Fault] = []
    for layer in network.layers:
        try:
            cases.append((layer, _case(layer, network, files, choice)))
        except SpecError as error:
            faults += [replace(fault, place=f"{layer.name}: {fault.place}", value=str(fault.value))
                       for fault in error.faults]  # fmt: skip
    if faults:
        raise SpecError(faults)
    return cases


def _case(
    layer: Layer, network: LayerNetwork, files: CrossbarFiles, choice: ScheduleChoice
) -> CrossbarCase:
    if layer.shape is None:
        rule, remedy = "crossbars take layers by their shapes", "give conv: or gemm: for files:"
        raise SpecError([Fault(place="files", value="", rule=rule, remedy=remedy)])
    schedule = files.schedule
    said: tuple[str, ...] = ()
    if schedule is None:
        schedule, said = row_by_row(layer.shape, files.chip), (ROW_BY_ROW,)
    case = files.case(
        layer.shape, schedule, name=layer.name, files=network.files,
        assumptions=(*layer.assumptions, *said),
    )  # fmt: skip
    check_crossbars(case)
    return case

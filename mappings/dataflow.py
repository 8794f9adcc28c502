"""Dataflows of an array: which tensor stays in its registers while the others pass."""

from __future__ import annotations

from enum import StrEnum

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.mapping import Mapping
from stallscope.mappings.problem import Problem

__all__ = ["Dataflow", "stationary", "stays_in_pads"]


class Dataflow(StrEnum):
    """The tensor that stays: outputs, weights or inputs."""

    OS = "os"
    """Outputs: pixels on the rows, output channels on the columns."""
    WS = "ws"
    """Weights: the reduction on the rows, output channels on the columns."""
    IS = "is"
    """Inputs: the reduction on the rows, pixels on the columns."""


_STATIONARY = {"Weights": Dataflow.WS, "Inputs": Dataflow.IS}


def stationary(problem: Problem, mapping: Mapping) -> Dataflow | None:
    """Return the dataflow of a mapping on an array.

    It is that of the one tensor that the innermost storage level keeps; None if that level keeps
    several, or an operand that is neither Weights nor Inputs.
    """
    kept = mapping.levels[-1].keep
    if len(kept) != 1:
        return None
    return Dataflow.OS if kept[0] == problem.output.name else _STATIONARY.get(kept[0])


def stays_in_pads(
    problem: Problem, architecture: Architecture, mapping: Mapping
) -> Dataflow | None:  # fmt: skip
    """Return the dataflow of a mapping on PEs with storage of their own.

    It is that of the one tensor whose tile in a PE the innermost loop in time outside the PEs does
    not change; None if there is none such, or no loop.
    """
    pads = [level.instances == architecture.levels[-1].instances for level in architecture.levels]
    first = max((at + 1 for at, is_pad in enumerate(pads) if not is_pad), default=1)
    loops = [loop.dimension for level in mapping.levels[: max(first, 1)]
             for loop in level.temporal if loop.extent > 1]  # fmt: skip
    stays = [tensor for tensor in problem.tensors
             if loops and loops[-1] not in tensor.dimensions]  # fmt: skip
    if len(stays) != 1:
        return None
    return Dataflow.OS if stays[0].is_output else _STATIONARY.get(stays[0].name)

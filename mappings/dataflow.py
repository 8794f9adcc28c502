"""Dataflows of an array: which tensor stays in its registers while the others pass."""

from __future__ import annotations

from enum import StrEnum

from stallscope.mappings.mapping import Mapping
from stallscope.mappings.problem import Problem

__all__ = ["Dataflow", "stationary"]


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

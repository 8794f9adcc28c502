"""Operands made of arrays: the pattern of their zeros, in the order in which a tensor is stored.

A value is zero if it is exactly 0, or no larger than a threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.case import InputFile
from stallscope.mappings.fields import nearest
from stallscope.mappings.layers import ConvLayer, Shape
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.array_files import read_array
from stallscope.mappings.sparsity.masks import pack, prune
from stallscope.mappings.sparsity.operands import Operand, Pattern
from stallscope.mappings.sparsity.orders import OWN, arranged
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["pattern_of", "read_operand"]

Array = NDArray[Any]  # Any: whatever numbers a file holds


def read_operand(
    of: Problem | Shape,
    tensor: str,
    path: Path,
    entry: str | None = None,
    *,
    layout: str | None = None,
    padding: Sequence[int] | None = None,
    threshold: float = 0.0,
    density: float | None = None,
    place: str = "",
) -> tuple[Operand, InputFile]:
    """Make the operand that an array of a file is.

    Args:
        of: The problem, or the layer's shape, whose operand it is.
        tensor: The operand's name, such as ``Weights``.
        path: The file.
        entry: Name of the array, or an end of it that no other has; None if there is but one.
        layout: The order of its axes (`arranged`); None: as such files have it.
        padding: Zeros to add on each side of rows and columns; None: the layer's own for its
            inputs, else none.
        threshold: Largest magnitude that is taken as zero.
        density: Prune to this share of the words first (`prune`); None: leave it as it is.
        place: Path of the operand, for faults.

    Returns:
        The operand, a pattern, and the file for the record.

    Raises:
        SpecError: If the file cannot be read, has no such array, or the array does not suit the
            tensor.
    """
    place = place or f"sparsity.{tensor}"
    problem = of if isinstance(of, Problem) else of.problem()
    if tensor not in [one.name for one in problem.tensors]:
        remedy = nearest(tensor, [one.name for one in problem.tensors])
        raise SpecError([Fault(place=place, value=tensor, rule="is no tensor", remedy=remedy)])
    if padding is None:
        padding = of.padding if isinstance(of, ConvLayer) and tensor == "Inputs" else ()
    read = read_array(path, entry, place=place)
    pattern = pattern_of(
        read.values, problem, tensor, layout=layout or read.order, padding=padding,
        threshold=threshold, density=density, source=read.source, place=place,
    )  # fmt: skip
    return Operand(tensor=tensor, pattern=pattern), read.file


def pattern_of(
    array: Array,
    problem: Problem,
    tensor: str,
    *,
    layout: str = OWN,
    padding: Sequence[int] = (),
    threshold: float = 0.0,
    density: float | None = None,
    source: str = "",
    place: str = "array",
) -> Pattern:
    """Make the pattern of an array's zeros, in the order in which a tensor is stored.

    Args:
        array: Numbers in the order that ``layout`` says.
        problem: The problem whose tensor it is.
        tensor: The tensor's name.
        layout: ``own`` (the tensor's ranks), ``torch``, ``keras``, or letters (`arranged`).
        padding: Zeros to add on each side of rows and columns.
        threshold: Largest magnitude that is taken as zero.
        density: Prune to this share first; None: leave it as it is.
        source: Where it comes from, for the record.
        place: Path of the operand, for faults.

    Raises:
        SpecError: As `arranged` and `prune`.
    """
    if density is not None:
        array = prune(array, density, place=place)
    moved = arranged(
        array, problem, tensor, layout, padding=padding, place=place, source=source
    )  # fmt: skip
    mask = moved != 0
    if threshold > 0:
        mask &= ~(np.abs(moved.astype(np.float64)) <= threshold)
    return pack(mask, source)

"""Cycles of the array in closed form: folds, their streams, and the preload behind them.

A fold keeps one tile of the stationary tensor and streams the others past it, a step per
iteration in time. The next tile is shifted in meanwhile, a row per cycle (outputs are shifted out
likewise), where the registers have room for two; a stream that is shorter waits for it. Folds
follow one another without a gap; the skew of rows and columns counts once.

With a convention of another simulator (`Convention`) a fold takes what that one charges, and
folds never overlap.

Not modelled here: that the last rows of a remainder are fewer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.systolic import Convention
from stallscope.mappings.templates.grid import KINDS, Array, Axis
from stallscope.mappings.templates.movement import Integers
from stallscope.mappings.templates.stores import Stores

__all__ = ["Pace", "array_cycles", "least_cycles", "pace_of"]

Cycles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What a fold takes beside its stream.

    Attributes:
        step: Cycles of one step of the stream.
        shift: Cycles in which the stationary tile enters or leaves.
        is_hidden: Whether that happens during the stream of another fold.
        gap: Cycles between the streams of two folds, whatever their length.
        skew: Cycles from the first operand at the edge to the last result, once per run.
    """

    step: int
    shift: int
    is_hidden: bool
    gap: int
    skew: int


def pace_of(stores: Stores, array: Array, dataflow: Dataflow) -> Pace:
    """Work out the pace of an array whose rows and columns are in use as given."""
    rows, columns = math.prod(array.rows.values()), math.prod(array.columns.values())
    systolic, keeps_output = stores.systolic, dataflow is Dataflow.OS
    entering = _beats(rows + columns if keeps_output else rows, systolic.in_words_per_cycle)
    leaving = _beats(columns, systolic.out_words_per_cycle)
    loading = _beats(columns, systolic.in_words_per_cycle)
    room = stores.registers.capacity_words
    gap = 0
    if systolic.convention is Convention.SCALE_SIM:
        # T + 2R + C - 2, or T + R + C - 2 with stationary outputs, of the whole array.
        sides = stores.rows + stores.columns - 2
        gap = sides if keeps_output else sides + stores.rows
    elif systolic.convention is Convention.STONNE:
        gap = rows + columns + 3  # K + r + c + 3, of the part in use
    return Pace(
        step=entering if keeps_output else max(entering, leaving),
        shift=0 if gap else rows * (leaving if keeps_output else loading),
        is_hidden=room is None or room >= 2 * rows * columns,
        gap=gap,
        skew=rows // systolic.tile_rows + columns // systolic.tile_columns,
    )


def least_cycles(pace: Pace, array: Array, bounds: Mapping[str, int]) -> int:
    """Cycles of the array that no blocking gets below: every stream is whole.

    Args:
        pace: The pace of a fold.
        array: What lies across the array.
        bounds: Bounds of all dimensions.
    """
    folds, steps = 1, 1
    for name, bound in bounds.items():
        if name in array.stream:
            steps *= bound
        else:
            folds *= -(-bound // array.across.get(name, 1))
    stream = steps * pace.step
    return folds * (max(stream, pace.shift) if pace.is_hidden else stream + pace.shift)


def array_cycles(pace: Pace, array: Array, axes: Sequence[Axis]) -> Cycles:
    """Cycles of all folds, an array over the axes of the grid.

    The stream of a fold is that of one tile of sums.
    """
    total: Cycles = np.ones((1,) * KINDS)
    for axis in axes:
        if axis.dimensions and axis.dimensions == array.stream:
            total = total * _streams(pace, axis)
        else:
            total = total * axis.folds
    if not array.stream:
        total = total * _fold(pace, np.ones((1,) * KINDS, dtype=np.int64))
    return total


def _streams(pace: Pace, axis: Axis) -> Cycles:
    """Cycles of the folds of one tile of everything else, over all tiles of the stream."""
    classes: list[tuple[Integers, Integers]] = []
    one: Integers = np.ones((1,) * KINDS, dtype=np.int64)
    for name in axis.dimensions:
        bound, size = axis.bounds[name], axis.sums[name]
        full = -(-bound // size) - 1
        both = [(full, size), (one, bound - full * size)]
        previous = classes or [(one, one)]
        classes = [(many * count, long * length) for many, long in previous
                   for count, length in both]  # fmt: skip
    total: Cycles = np.zeros((1,) * KINDS)
    for many, long in classes:
        total = total + many * _fold(pace, long)
    return total


def _fold(pace: Pace, steps: Integers) -> Integers:
    stream = steps * pace.step
    if pace.is_hidden:
        return np.maximum(stream, pace.shift) + pace.gap
    return stream + pace.shift + pace.gap


def _beats(words: int, limit: object) -> int:
    """Cycles in which some words enter or leave."""
    return 1 if limit is None else math.ceil(words / float(str(limit)))

"""The steps of a stream by the loop that stepped: where their tiles are, and where the last were.

What a tile holds depends on the iterations of some of the loops only (`StepKeys`). When a loop
steps, those inside it begin anew: so many numbers of steps belong to one loop, and one of them to
each choice of iterations outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.traces.contents import StepKeys
from stallscope.traces.program import MoverStream

__all__ = ["Arrivals", "arrivals"]

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """The steps in which one loop steps, by the numbers of their keys.

    Attributes:
        stride: From one of the numbers to the next; the first is 0.
        now: Origin per dimension, shape (numbers,).
        before: The same in the step before; None for the first step of all.
        is_step: Whether there is such a step, shape (numbers,).
    """

    stride: int
    now: Mapping[str, _Ints]
    before: Mapping[str, _Ints] | None
    is_step: _Mask

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return len(self.is_step)


def arrivals(
    stream: MoverStream, keys: StepKeys, bounds: Mapping[str, int], stepped: int
) -> Arrivals:
    """Return the steps in which loop ``stepped`` steps; ``len(loops)``: the first step of all.

    Args:
        stream: The stream.
        keys: What tells its steps apart.
        bounds: Bound of every dimension.
        stepped: The loop.
    """
    loops = stream.loops
    stride = 1
    for at in range(stepped + 1, len(loops)):
        stride *= loops[at].extent if keys.strides[at] else 1
    count = keys.size // stride if stepped < len(loops) else 1
    numbers = np.arange(count, dtype=np.int64) * stride
    is_step: _Mask = np.ones(count, dtype=np.bool_)
    now: dict[str, _Ints] = {}
    before: dict[str, _Ints] = {}
    for name in sorted(keys.dimensions):
        at_now, at_before = np.zeros((2, count), dtype=np.int64)
        left, left_before = np.full((2, count), bounds[name])
        for number, loop in enumerate(loops):
            if loop.dimension != name:
                continue
            size, step = loop.extent * loop.step, loop.step
            digit = numbers // keys.strides[number] % loop.extent
            given, given_before = np.minimum(left, size), np.minimum(left_before, size)
            is_step &= digit * step < given
            last = np.maximum(given_before - 1, 0) // step
            digit_before = digit if number < stepped else digit - 1 if number == stepped else last
            is_step &= digit_before >= 0
            at_now += digit * step
            at_before += digit_before * step
            left = np.minimum(step, given - digit * step)
            left_before = np.minimum(step, given_before - digit_before * step)
        now[name], before[name] = at_now, at_before
    is_first = stepped == len(loops)
    return Arrivals(stride=stride, now=now, before=None if is_first else before, is_step=is_step)

"""Steps of a stream by what their tiles hold: those that differ only in other loops are alike."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from stallscope.traces.program import StreamLoop

__all__ = ["StepKeys"]


class StepKeys:
    """Numbers the steps of a stream by the iterations of the loops over some dimensions.

    Args:
        loops: The stream's loops, outermost first.
        dimensions: Dimensions that what a tile holds depends on.

    Attributes:
        strides: Per loop, how far the number moves per iteration; 0: it does not depend on it.
        size: Numbers there are. With remainders some belong to no step.
    """

    __slots__ = ("_loops", "dimensions", "size", "strides")

    def __init__(self, loops: Sequence[StreamLoop], dimensions: Collection[str]) -> None:
        self._loops = tuple(loops)
        self.dimensions = frozenset(dimensions)
        strides = [0] * len(self._loops)
        self.size = 1
        for at in reversed(range(len(self._loops))):
            if self._loops[at].dimension in self.dimensions:
                strides[at] = self.size
                self.size *= self._loops[at].extent
        self.strides = tuple(strides)

    def of(self, index: Sequence[int]) -> int:
        """Number of the step at ``index``."""
        return sum(at * stride for at, stride in zip(index, self.strides, strict=True))

    def origins(self) -> dict[str, NDArray[np.int64]]:
        """First iteration of every dimension at every number, at the first instance.

        With remainders it may lie past the bound, at numbers that belong to no step.
        """
        numbers = np.arange(self.size, dtype=np.int64)
        found = {name: np.zeros(self.size, dtype=np.int64) for name in self.dimensions}
        for loop, stride in zip(self._loops, self.strides, strict=True):
            if stride:
                found[loop.dimension] += numbers // stride % loop.extent * loop.step
        return found

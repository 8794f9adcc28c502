"""What every PE of an array finds to do, piece by piece of its work.

A PE is an instance of the innermost storage level. Its work is cut where a tile that it uses
changes (a burst of the program) and where its pass ends, whichever comes more often. A piece is a
box of iterations, at a place of its own for every PE. Pieces that differ only in loops over
dimensions that no zero depends on are alike: they have the same number (see `StepKeys`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.passes import first_pe_level
from stallscope.mappings.sparsity.work import EffectualMacs
from stallscope.traces.contents import StepKeys
from stallscope.traces.movers import stream_loops
from stallscope.traces.nest import Nest, NestLoop

__all__ = ["Counts", "Joined", "Masks", "PieceCounts", "Pieces"]

Counts = NDArray[np.int64]
Masks = Mapping[str, NDArray[np.bool_]]
Joined = tuple[tuple[str, int], ...]
"""Dimensions, and how many consecutive iterations of each are taken together."""


class Pieces:
    """The pieces of work of all PEs that a mapping uses.

    Args:
        nest: The mapping.
        array: What the PEs do about zeros.
        masks: Which words of each tensor are not zero; dense ones may be left out.
        depth: Loops of the compute stream: those outside a burst.

    Attributes:
        pes: PEs.
        loops: Temporal loops outside a piece, outermost first.
        outside: How many of them are outside the PEs: their iterations are passes.
        keys: The pieces' numbers.
        contents: Dimensions that what a piece has to do depends on.
        lanes: MACs of a PE, in lock step: their spatial loops.
        spans: Iterations per dimension in a piece.
        written: Dimensions of the output.
    """

    def __init__(self, nest: Nest, array: SparseArray, masks: Masks, depth: int) -> None:
        self._problem = nest.case.problem
        self._skips = _sparse(masks, array.skips)
        self._both = _sparse(masks, (*array.skips, *array.gates))
        inner = nest.depth - 1
        self.outside = len(nest.temporal(first_pe_level(nest.case.architecture)))
        every = nest.temporal(nest.depth)
        self.loops = every[: max(depth, self.outside)]
        self.lanes = tuple(loop for loop in nest.loops if loop.is_spatial and loop.level == inner)
        self._inside = (*every[len(self.loops) :], *self.lanes)
        self.contents = nest.clipped.union(*self._dimensions())
        self.keys = StepKeys(stream_loops(nest, None, self.loops), self.contents)
        self.pes = nest.instances(inner)
        self.written = self._problem.output.dimensions
        self._places = _places(nest, inner)
        self.spans = dict.fromkeys(self._problem.bounds, 1)
        for loop in self._inside:
            self.spans[loop.dimension] *= loop.extent
        self._counters: dict[tuple[bool, Joined], EffectualMacs] = {}
        self._alone: dict[str, EffectualMacs] = {}

    def _dimensions(self) -> Iterable[frozenset[str]]:
        return [self._problem.tensor(name).dimensions for name in self._both]

    def has_zeros(self, *, active: bool) -> bool:
        """Whether zeros decide what is executed, or of that what is ``active``."""
        return bool(self._both if active else self._skips)

    def at(self, numbers: Counts) -> PieceCounts:
        """Look at some pieces, shape (pieces,)."""
        return PieceCounts(self, numbers, self._origins(numbers[:, None]))

    def counter(self, joined: Joined, *, active: bool) -> EffectualMacs:
        """What counts iterations; see `PieceCounts.count`."""
        key = (active and len(self._both) > len(self._skips), joined)
        if key not in self._counters:
            masks = self._both if key[0] else self._skips
            together = [(name, width, 1) for name, width in joined]
            self._counters[key] = EffectualMacs(self._problem, masks, self.spans, together)
        return self._counters[key]

    def counter_of(self, tensor: str) -> EffectualMacs:
        """What counts the steps at which one tensor is not zero, whatever the others are."""
        if tensor not in self._alone:
            masks = {name: mask for name, mask in self._both.items() if name == tensor}
            beside = self.lanes_beside(self._problem.tensor(tensor).dimensions)
            together = [(name, width, 1) for name, width in beside]
            self._alone[tensor] = EffectualMacs(self._problem, masks, self.spans, together)
        return self._alone[tensor]

    def lanes_beside(self, dimensions: Collection[str]) -> Joined:
        """The lanes that need the same words of a tensor: those that do not move in it."""
        return _widths(loop for loop in self.lanes if loop.dimension not in dimensions)

    def all_beside(self, dimensions: Collection[str]) -> Joined:
        """All iterations of a piece that do not move in a tensor."""
        return _widths(loop for loop in self._inside if loop.dimension not in dimensions)

    def _origins(self, numbers: Counts) -> dict[str, Counts]:
        """First iteration of every dimension in every piece, at every PE."""
        found: dict[str, Counts] = dict(self._places)
        for loop, stride in zip(self.loops, self.keys.strides, strict=True):
            if stride:
                at = numbers // stride % loop.extent * loop.step
                found[loop.dimension] = found.get(loop.dimension, 0) + at
        return found


class PieceCounts:
    """Counts of some pieces; what is asked twice is counted once.

    Attributes:
        numbers: The pieces, shape (pieces,).
    """

    def __init__(self, pieces: Pieces, numbers: Counts, origins: Mapping[str, Counts]) -> None:
        self.numbers = numbers
        self._pieces = pieces
        self._origins = origins
        self._known: dict[int, Counts] = {}

    def count(self, joined: Joined, *, active: bool) -> Counts:
        """Count iterations that are executed, or of these the active ones.

        Args:
            joined: Per dimension, how many consecutive iterations count as one, if any of them
                counts.
            active: Whether only those count in which the MAC works.

        Returns:
            Shape (pieces, PEs).
        """
        return self._counted(self._pieces.counter(joined, active=active))

    def of(self, tensor: str) -> Counts:
        """Count steps at which one tensor is not zero, shape (pieces, PEs)."""
        return self._counted(self._pieces.counter_of(tensor))

    def _counted(self, counter: EffectualMacs) -> Counts:
        if id(counter) not in self._known:
            shape = (len(self.numbers), self._pieces.pes)
            self._known[id(counter)] = np.broadcast_to(counter.of(self._origins), shape)
        return self._known[id(counter)]


def _widths(loops: Iterable[NestLoop]) -> Joined:
    """Iterations of every dimension that some loops walk together."""
    found: dict[str, int] = {}
    for loop in loops:
        found[loop.dimension] = found.get(loop.dimension, 1) * loop.extent
    return tuple(sorted(found.items()))


def _sparse(masks: Masks, names: Iterable[str]) -> dict[str, NDArray[np.bool_]]:
    """The masks that have any zeros."""
    return {name: masks[name] for name in names if name in masks and not masks[name].all()}


def _places(nest: Nest, inner: int) -> dict[str, Counts]:
    """First iteration of every dimension at every PE, shape (1, PEs)."""
    loops = [loop for loop in nest.loops if loop.is_spatial and loop.level < inner]
    numbers = np.arange(prod(loop.extent for loop in loops), dtype=np.int64)
    found: dict[str, Counts] = {}
    for loop in reversed(loops):
        numbers, digits = np.divmod(numbers, loop.extent)
        found[loop.dimension] = found.get(loop.dimension, 0) + digits[None, :] * loop.step
    return found

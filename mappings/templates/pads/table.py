"""Many mappings at once: an extent per dimension and place, one row per mapping.

From the inside outward a dimension's iterations are cut into lanes (MACs of a PE), steps in a PE,
PEs, steps of a tile of the shared buffers, and tiles that main memory sends. The last iteration of
each is smaller where the extents do not divide the bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor, Term

__all__ = ["Flags", "Integers", "Reals", "Spans", "Table", "ceil_div"]

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Spans(Enum):
    """Whose tile."""

    PE = "pe"
    """That of one PE."""
    ARRAY = "array"
    """Those of all PEs together."""
    BUFFER = "buffer"
    """That of the shared buffers."""
    ALL = "all"
    """The whole tensor."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Rows of extents; every array has the shape (dimensions, rows).

    Attributes:
        names: The dimensions.
        bounds: Their bounds, shape (dimensions, 1).
        lanes: Across the MACs of a PE.
        steps: In time inside a PE.
        space: Across the PEs.
        tiles: In time inside a tile of the shared buffers.
        trips: In time over the tiles of main memory.
    """

    names: tuple[str, ...]
    bounds: Integers
    lanes: Integers
    steps: Integers
    space: Integers
    tiles: Integers
    trips: Integers
    _shapes: dict[tuple[str, Spans], list[Integers]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.lanes.shape[1])

    @cached_property
    def extents(self) -> dict[Spans, Integers]:
        """Iterations per dimension that tiles span, at most the bound."""
        pe = self.lanes * self.steps
        array = pe * self.space
        return {
            Spans.PE: np.minimum(pe, self.bounds),
            Spans.ARRAY: np.minimum(array, self.bounds),
            Spans.BUFFER: np.minimum(array * self.tiles, self.bounds),
            Spans.ALL: np.broadcast_to(self.bounds, pe.shape),
        }

    @cached_property
    def has_remainder(self) -> Flags:
        """Whether some iteration of some loop is smaller than the others; shape (rows,)."""
        whole = self.lanes * self.steps * self.space * self.tiles * self.trips
        found: Flags = (whole != self.bounds).any(axis=0)
        return found

    @property
    def is_needed(self) -> Flags:
        """Whether no extent is larger than the bound needs; shape (rows,)."""
        inner = np.ones_like(self.lanes)
        needed: Flags = np.ones(self.rows, dtype=np.bool_)
        for extent in (self.lanes, self.steps, self.space, self.tiles, self.trips):
            needed &= (extent <= ceil_div(self.bounds, inner)).all(axis=0)
            inner = inner * extent
        return needed & (inner >= self.bounds).all(axis=0)

    @cached_property
    def cycles(self) -> Integers:
        """Steps of the array, those without an iteration left out; shape (rows,)."""
        block = self.lanes * self.steps * self.space
        whole, rest = self.bounds // block, self.bounds % block
        found: Integers = np.prod(
            whole * self.steps + np.minimum(self.steps, ceil_div(rest, self.lanes)), axis=0
        )
        return found

    @cached_property
    def passes(self) -> Integers:
        """Tiles that a PE works on, one after the other; shape (rows,)."""
        found: Integers = np.prod(self.tiles * self.trips, axis=0)
        return found

    def where(self, rows: Integers | Flags) -> Table:
        """Return some of the rows."""
        return Table(
            names=self.names, bounds=self.bounds, lanes=self.lanes[:, rows],
            steps=self.steps[:, rows], space=self.space[:, rows], tiles=self.tiles[:, rows],
            trips=self.trips[:, rows],
        )  # fmt: skip

    def at(self, names: Sequence[str]) -> list[int]:
        """Numbers of some dimensions."""
        return [self.names.index(name) for name in names]

    def of(self, tensor: Tensor) -> list[int]:
        """Numbers of the dimensions that a tensor depends on."""
        return [at for at, name in enumerate(self.names) if name in tensor.dimensions]

    def shapes(self, tensor: Tensor, spans: Spans) -> list[Integers]:
        """Words along each rank of a tensor's tile, each of shape (rows,)."""
        found = self._shapes.get((tensor.name, spans))
        if found is None:
            found = [self._shape(rank, self.extents[spans]) for rank in tensor.ranks]
            self._shapes[tensor.name, spans] = found
        return found

    def words(self, tensor: Tensor, spans: Spans) -> Integers:
        """Words of a tensor's tile, shape (rows,)."""
        words: Integers = np.ones(self.rows, dtype=np.int64)
        for shape in self.shapes(tensor, spans):
            words = words * shape
        return words

    def _shape(self, rank: Sequence[Term], extents: Integers) -> Integers:
        shape: Integers = np.ones(self.rows, dtype=np.int64)
        for term in rank:
            if term.dimension in self.names:
                moved = extents[self.names.index(term.dimension)] - 1
                shape = shape + term.coefficient * moved
        return shape


def ceil_div(whole: Integers, part: Integers) -> Integers:
    """Divide, rounding up."""
    return -(-whole // part)

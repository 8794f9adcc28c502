"""What every PE has to do between two iterations of the temporal loops outside it.

A PE is an instance of the innermost storage level, and the levels above it with as many
instances are its own too (the outermost level is nobody's). A pass is one iteration of the
temporal loops outside its own levels; passes whose tiles lie beyond a bound do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case
from stallscope.mappings.nest import Nest, NestLoop
from stallscope.mappings.sparsity.tiling import Integers
from stallscope.mappings.sparsity.work import EffectualMacs, Lane

__all__ = ["PassBlock", "PassWork", "PeNest", "Steps"]

Steps = NDArray[np.integer[Any]]  # Any: of the width that holds them; there may be many

_KEPT_BYTES = 1 << 28
"""Counts that are kept rather than made anew."""
_AT_A_TIME = 1 << 21
"""Counts that are made at a time."""
_PASSES = 1 << 16
"""Passes that are listed at a time."""


def first_pe_level(architecture: Architecture) -> int:
    """The outermost level that belongs to a PE: as many instances as the innermost one.

    The outermost level of all is nobody's, unless it is the only one.
    """
    levels = architecture.levels
    first = len(levels) - 1
    while first > 1 and levels[first - 1].instances == levels[-1].instances:
        first -= 1
    return first


class PeNest:
    """The loops of a case, seen from its PEs.

    Args:
        case: The case.

    Attributes:
        own: Index of the outermost storage level that belongs to the PEs.
        passes: Temporal loops outside the PEs, outermost first.
        across: Spatial loops outside the PEs, outermost first: a PE's number is their position.
        pes: PEs that the mapping uses.
        spans: Iterations per dimension that a PE does in a pass, lanes included, bounds aside.
        lanes: Spatial loops inside a PE: its MACs, in lock step.
        ragged: Dimensions that are clipped.
    """

    def __init__(self, case: Case) -> None:
        nest = Nest(case)
        own = self.own = first_pe_level(case.architecture)
        self.bounds = nest.bounds
        self.passes: tuple[NestLoop, ...] = nest.temporal(own)
        outer = nest.blocks[:own]
        self.across: tuple[NestLoop, ...] = tuple(one for block in outer for one in block.spatial)
        self.pes = nest.used_instances(own)
        self.spans: Mapping[str, int] = nest.spans(own)
        inside = nest.blocks[-1].spatial
        self.lanes: tuple[Lane, ...] = tuple((o.dimension, o.extent, o.span) for o in inside)
        self.ragged = frozenset(nest.ragged)
        self._case = case

    def offsets(self) -> dict[str, Integers]:
        """Distance of every PE's first iteration from that of PE 0, shape (PEs,) each."""
        return _positions(self.across, np.arange(self.pes))

    def places(self) -> Integers:
        """Row and column of every PE in the array, shape (PEs, 2)."""
        levels, mapped = self._case.architecture.levels, self._case.mapping.levels
        place = np.zeros((self.pes, 2), dtype=np.int64)
        left = np.arange(self.pes)
        scale = np.ones(2, dtype=np.int64)
        for at in reversed(range(self.own)):
            outer, inner = levels[at], levels[at + 1]
            for axis, loops in ((1, mapped[at].spatial_x), (0, mapped[at].spatial_y)):
                extent = prod(loop.extent for loop in loops)
                place[:, axis] += left % extent * scale[axis]
                left = left // extent
            scale *= (max(1, inner.y // outer.y), max(1, inner.x // outer.x))
        return place

    @property
    def mesh(self) -> tuple[int, int]:
        """Rows and columns of the whole array of PEs."""
        level = self._case.architecture.levels[self.own]
        return level.y, level.x


@dataclass(frozen=True, slots=True, kw_only=True)
class PassBlock:
    """Some passes that follow each other.

    Attributes:
        work: Executed steps per PE, shape (rows, PEs), in a width that holds them.
        where: Row of every pass, shape (passes,).
        changes: Whether a tensor's tile is another than in the pass before, per pass and tensor
            in the problem's order, shape (passes, tensors); the first pass changes all.
    """

    work: Steps
    where: Integers
    changes: NDArray[np.bool_]


class PassWork:
    """Executed steps of every PE in every pass.

    Args:
        case: The case; only the operands that its array skips rule steps out.
        masks: Per sparse tensor, True where a word is not zero.

    Attributes:
        nest: The loops.
        repeats: How often every distinct pass comes: iterations of the loops that neither a
            tensor with zeros nor a bound that cuts depends on.
        count: Passes.
        tensors: The problem's tensors, in the order of `PassBlock.changes`.
    """

    def __init__(self, case: Case, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        sparse = case.architecture.compute.sparse
        skips = sparse.skips if sparse is not None else ()
        given = {name: masks[name] for name in skips if name in masks and not masks[name].all()}
        self.nest = PeNest(case)
        self._effectual = EffectualMacs(case.problem, given, self.nest.spans, self.nest.lanes)
        matters = {d for name in given for d in case.problem.tensor(name).dimensions}
        matters |= self.nest.ragged
        self._loops = tuple(loop for loop in self.nest.passes if loop.dimension in matters)
        self._rows = prod(loop.extent for loop in self._loops)
        self.tensors = tuple(tensor.name for tensor in case.problem.tensors)
        self._tensors = [tensor.dimensions for tensor in case.problem.tensors]
        most = prod(self.nest.spans.values())
        self._width: type[np.integer[Any]] = (
            np.uint16 if most < 1 << 16 else np.int32 if most < 1 << 31 else np.int64
        )
        self._kept: Steps | None = None
        padded = prod(loop.extent for loop in self.nest.passes)
        self.repeats = padded // self._rows
        distinct = sum(int(self._exist(rows).sum()) for rows in _chunks(self._rows, _PASSES))
        self.count = distinct * self.repeats

    def distinct(self) -> Iterator[Steps]:
        """Executed steps of the distinct passes, some at a time, shape (passes, PEs)."""
        kept = self._keep()
        for rows in _chunks(self._rows, self._at_a_time):
            exist = rows[self._exist(rows)]
            yield self._made(exist) if kept is None else kept[exist]

    def ordered(self) -> Iterator[PassBlock]:
        """All passes in the order in which they come, some at a time."""
        kept, loops = self._keep(), self.nest.passes
        many = _PASSES if kept is not None else self._at_a_time
        before = np.full(len(self._tensors), -1, dtype=np.int64)
        for numbers in _chunks(prod(loop.extent for loop in loops), many):
            rows = _renumbered(loops, numbers, [loop in self._loops for loop in loops])
            exist = self._exist(rows)
            counted = [[loop.dimension in one for loop in loops] for one in self._tensors]
            every = [_renumbered(loops, numbers[exist], these) for these in counted]
            tiles = np.stack(every, axis=1)
            changes = np.diff(tiles, axis=0, prepend=before[None]) != 0
            before = tiles[-1] if len(tiles) else before
            if kept is not None:
                yield PassBlock(work=kept, where=rows[exist], changes=changes)
            else:
                some, where = np.unique(rows[exist], return_inverse=True)
                yield PassBlock(work=self._made(some), where=where, changes=changes)

    @property
    def _at_a_time(self) -> int:
        return max(1, _AT_A_TIME // self.nest.pes)

    def _keep(self) -> Steps | None:
        """All distinct passes, made once; None where they are too many."""
        size = self._rows * self.nest.pes * np.dtype(self._width).itemsize
        if self._kept is None and size <= _KEPT_BYTES:
            self._kept = np.empty((self._rows, self.nest.pes), dtype=self._width)
            for rows in _chunks(self._rows, self._at_a_time):
                self._kept[rows[0] : rows[-1] + 1] = self._made(rows)
        return self._kept

    def _exist(self, rows: Integers) -> NDArray[np.bool_]:
        """Which distinct passes begin inside the bounds."""
        exists = np.ones(len(rows), dtype=np.bool_)
        for dimension, at in _positions(self._loops, rows).items():
            exists &= at < self.nest.bounds[dimension]
        return exists

    def _made(self, rows: Integers) -> Steps:
        """Executed steps of some distinct passes, shape (passes, PEs)."""
        begins, apart = _positions(self._loops, rows), self.nest.offsets()
        origins = {name: at[:, None] for name, at in begins.items()}
        for name, offset in apart.items():
            origins[name] = origins.get(name, np.zeros((1, 1), dtype=np.int64)) + offset
        shape = (len(rows), self.nest.pes)
        found = np.broadcast_to(self._effectual.of(origins), shape)
        return np.ascontiguousarray(found, dtype=self._width)


def _chunks(total: int, many: int) -> Iterator[Integers]:
    for low in range(0, total, many):
        yield np.arange(low, min(total, low + many), dtype=np.int64)


def _positions(loops: Sequence[NestLoop], numbers: Integers) -> dict[str, Integers]:
    """First iteration per dimension of the loops at some positions, the last loop fastest."""
    found: dict[str, Integers] = {}
    stride = 1
    for loop in reversed(loops):
        at = numbers // stride % loop.extent * loop.span
        found[loop.dimension] = found[loop.dimension] + at if loop.dimension in found else at
        stride *= loop.extent
    return found


def _renumbered(loops: Sequence[NestLoop], numbers: Integers, counts: Sequence[bool]) -> Integers:
    """The positions of some loops counted by those alone that count."""
    found = np.zeros_like(numbers)
    stride = weight = 1
    for loop, is_counted in zip(reversed(loops), reversed(counts), strict=True):
        if is_counted:
            found += numbers // stride % loop.extent * weight
            weight *= loop.extent
        stride *= loop.extent
    return found

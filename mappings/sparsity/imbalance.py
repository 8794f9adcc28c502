"""What sparsity brings on an array whose PEs wait for each other, and what the waiting costs.

Closed form: tiles are there as soon as they may be. What memories and networks add is the
simulation's to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.case import Case
from stallscope.mappings.sparsity.expectation import Expected, expected
from stallscope.mappings.sparsity.holding import tiles_at_pes
from stallscope.mappings.sparsity.passes import PassWork
from stallscope.mappings.sparsity.rebalancing import rebalance
from stallscope.mappings.sparsity.schedules import Queue, Together, together

__all__ = ["DEPTHS", "Histogram", "Imbalance", "Schedules", "imbalance", "schedules"]

DEPTHS: tuple[int | None, ...] = (0, 1, 2, 4, 8, None)
"""Depths of FIFOs that are looked at; None is unlimited."""
_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often a PE has how many steps in a pass.

    Attributes:
        width: Steps per bin: bin i holds those from i x width to below (i + 1) x width.
        counts: Passes of PEs per bin.
    """

    width: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """Cycles of the same work, by who waits for whom.

    Attributes:
        steps: Executed steps of all PEs.
        ideal_cycles: The work of the whole run is spread evenly.
        packed_cycles: The work of each pass is.
        barrier_cycles: All PEs begin a pass together.
        queue_cycles: PEs run ahead, by the tiles that wait in FIFOs beyond those their buffers
            hold; None is any number.
        per_pe: Executed steps of every PE.
        histogram: Steps of a PE in a pass.
    """

    steps: int
    ideal_cycles: int
    packed_cycles: int
    barrier_cycles: int
    queue_cycles: tuple[tuple[int | None, int], ...]
    per_pe: tuple[int, ...]
    histogram: Histogram

    @property
    def lost_cycles(self) -> int:
        """Cycles lost to imbalance behind a barrier."""
        return self.barrier_cycles - self.ideal_cycles

    @property
    def utilisation(self) -> float:
        """Share of the cycles of PEs behind a barrier in which they do a step; 1 without work."""
        return 1 / self.max_over_mean_per_pass

    @property
    def max_over_mean_per_pass(self) -> float:
        """The slowest PE's steps over the mean, pass by pass, weighed by the mean; 1 without."""
        return self.barrier_cycles * len(self.per_pe) / self.steps if self.steps else 1.0

    @property
    def max_over_mean(self) -> float:
        """The slowest PE's steps of the whole run over the mean; 1 without work."""
        return max(self.per_pe) * len(self.per_pe) / self.steps if self.steps else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imbalance:
    """What zeros bring, beside what they would bring without imbalance.

    Attributes:
        passes: Passes of the PEs.
        pes: PEs that the mapping uses.
        mesh: Rows and columns of the array.
        places: Row and column of every PE.
        held: Tiles per tensor that wait at a PE's buffer.
        dense_cycles: Cycles if no step is left out.
        dense_steps: Steps of all PEs then.
        as_mapped: The mapping as it is.
        rebalanced: Channels dealt to the PEs anew.
        expected: What is expected from densities alone; None where that is not modelled.
    """

    passes: int
    pes: int
    mesh: tuple[int, int]
    places: tuple[tuple[int, int], ...]
    held: Mapping[str, int]
    dense_cycles: int
    dense_steps: int
    as_mapped: Schedules
    rebalanced: Schedules
    expected: Expected | None

    def heat_map(self, schedules: Schedules) -> list[list[int | None]]:
        """Steps of the PEs where they stand in the array; None where the mapping uses none."""
        rows, columns = self.mesh
        found: list[list[int | None]] = [[None] * columns for _ in range(rows)]
        for (row, column), steps in zip(self.places, schedules.per_pe, strict=True):
            found[row][column] = steps
        return found


def imbalance(
    case: Case,
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    depths: Sequence[int | None] = DEPTHS,
    held: Mapping[str, int] | None = None,
) -> Imbalance:
    """Sum up what zeros bring to a case.

    Args:
        case: The case.
        masks: Per sparse tensor, True where a word is not zero, before any rebalancing.
        depths: Depths of FIFOs to look at.
        held: Tiles that wait at a PE's buffer, per tensor; None: by `tiles_at_pes`.
    """
    waiting = tiles_at_pes(case) if held is None else held
    work, dense = PassWork(case, masks), together(PassWork(case, {}))
    dealt, order = rebalance(case, masks)
    as_mapped = schedules(work, waiting, depths)
    again = schedules(PassWork(case, dealt), waiting, depths) if order else as_mapped
    nonzeros = {name: int(mask.sum()) for name, mask in masks.items()}
    return Imbalance(
        passes=work.count,
        pes=work.nest.pes,
        mesh=work.nest.mesh,
        places=tuple((int(row), int(column)) for row, column in work.nest.places()),
        held=dict(waiting),
        dense_cycles=dense.barrier,
        dense_steps=dense.total,
        as_mapped=as_mapped,
        rebalanced=again,
        expected=expected(case, nonzeros),
    )


def schedules(
    work: PassWork, held: Mapping[str, int], depths: Sequence[int | None] = DEPTHS
) -> Schedules:
    """Cycles of the same work by who waits for whom.

    Args:
        work: Steps of the PEs, pass by pass.
        held: Tiles that wait at a PE's buffer, per tensor.
        depths: Depths of FIFOs in front of it to look at.
    """
    sums = together(work)
    return Schedules(
        steps=sums.total,
        ideal_cycles=sums.ideal,
        packed_cycles=sums.packed,
        barrier_cycles=sums.barrier,
        queue_cycles=tuple(_queues(work, sums, held, depths)),
        per_pe=tuple(int(steps) for steps in sums.per_pe),
        histogram=_histogram(work, sums.largest),
    )


def _queues(
    work: PassWork, sums: Together, held: Mapping[str, int], depths: Sequence[int | None]
) -> list[tuple[int | None, int]]:
    queues = {
        depth: Queue(sums.pes, sums.passes, [held[name] + depth for name in work.tensors])
        for depth in depths if depth is not None
    }  # fmt: skip
    for block in work.ordered() if queues else ():
        for queue in queues.values():
            queue.advance(block)
    return [(depth, sums.unlimited if depth is None else queues[depth].cycles) for depth in depths]


def _histogram(work: PassWork, largest: int) -> Histogram:
    width = largest // _BINS + 1
    counts = np.zeros(largest // width + 1, dtype=np.int64)
    for steps in work.distinct():
        counts += np.bincount(steps.ravel() // width, minlength=len(counts))
    return Histogram(width=width, counts=tuple(int(n) for n in counts * work.repeats))

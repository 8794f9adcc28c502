"""How long PEs with unequal work take, by who waits for whom; tiles are there as soon as asked.

* barrier: all PEs begin a pass together;
* queue: a PE begins a pass when it is done with the one before and the tiles of the pass are
  there: a tensor's tile can be there once all PEs are done with the tile as many before it as are
  held of that tensor. Passes between which a tensor's tile stays the same share it;
* packed: what a pass has to multiply is spread over all PEs evenly;
* ideal: so is what the whole run has to.

Not modelled: tensors that the outermost of the PE's own levels bypasses, and that change at an
inner one during a pass, are held by the pass here. Decoders and intersection units take no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.sparsity.compiled import compiled
from stallscope.mappings.sparsity.passes import PassBlock, PassWork, Steps
from stallscope.mappings.sparsity.tiling import Integers

__all__ = ["Queue", "Together", "queue_cycles", "together"]


@dataclass(frozen=True, kw_only=True)
class Together:
    """Schedules in which all PEs begin a pass together, and what they have in common.

    Attributes:
        pes: PEs.
        passes: Passes.
        per_pe: Steps of every PE over the whole run, shape (PEs,).
        barrier: Cycles if a pass takes as long as its slowest PE.
        packed: Cycles if its work is spread over all PEs.
        largest: Most steps of a PE in a pass.
    """

    pes: int
    passes: int
    per_pe: Integers
    barrier: int
    packed: int
    largest: int

    @property
    def total(self) -> int:
        """Steps of all PEs."""
        return int(self.per_pe.sum())

    @property
    def ideal(self) -> int:
        """Cycles if the whole work were spread over all PEs."""
        return -(-self.total // self.pes)

    @cached_property
    def unlimited(self) -> int:
        """Cycles if no PE ever waits for another."""
        return int(self.per_pe.max())


def together(work: PassWork) -> Together:
    """Sum up the schedules that do not depend on the order of the passes."""
    pes = work.nest.pes
    per_pe = np.zeros(pes, dtype=np.int64)
    barrier = packed = largest = 0
    for steps in work.distinct():
        per_pe += steps.sum(axis=0, dtype=np.int64)
        barrier += int(steps.max(axis=1).sum(dtype=np.int64))
        packed += int((-(-steps.sum(axis=1, dtype=np.int64) // pes)).sum())
        largest = max(largest, int(steps.max(initial=0)))
    return Together(
        pes=pes,
        passes=work.count,
        per_pe=per_pe * work.repeats,
        barrier=barrier * work.repeats,
        packed=packed * work.repeats,
        largest=largest,
    )


class Queue:
    """PEs that run ahead of each other.

    Args:
        pes: PEs.
        passes: Passes to come.
        held: Tiles held per tensor, those that wait in FIFOs included; None: any number.
    """

    __slots__ = ("_done", "_gates", "_held", "_tiles", "finish")

    def __init__(self, pes: int, passes: int, held: Sequence[int | None]) -> None:
        # As many tiles as there are passes are any number of tiles: 0 here.
        tiles = [0 if one is None or one >= passes else one for one in held]
        self._held = np.array(tiles, dtype=np.int64)
        self._tiles = np.full(len(tiles), -1, dtype=np.int64)
        self._gates = np.zeros(len(tiles), dtype=np.int64)
        self._done = np.zeros((len(tiles), max([1, *tiles])), dtype=np.int64)
        self.finish: Integers = np.zeros(pes, dtype=np.int64)

    @property
    def cycles(self) -> int:
        """Cycles so far."""
        return int(self.finish.max())

    def advance(self, block: PassBlock) -> None:
        """Let the PEs do the passes of a block."""
        compiled(_advance)(
            block.work, block.where, block.changes,
            self._held, self._tiles, self._gates, self._done, self.finish,
        )  # fmt: skip


def queue_cycles(work: Integers, changes: NDArray[np.bool_], held: Sequence[int | None]) -> int:
    """Cycles of PEs that run ahead of each other.

    Args:
        work: Steps, shape (passes, PEs).
        changes: Whether a tensor's tile is another than in the pass before, shape (passes,
            tensors).
        held: Tiles held per tensor; None: any number.
    """
    queue = Queue(work.shape[1], len(work), held)
    queue.advance(PassBlock(work=work, where=np.arange(len(work)), changes=changes))
    return queue.cycles


def _advance(
    work: Steps,
    where: Integers,
    changes: NDArray[np.bool_],
    held: Integers,
    tiles: Integers,
    gates: Integers,
    done: Integers,
    finish: Integers,
) -> None:
    """Advance the PEs pass by pass.

    Args:
        work: Steps, shape (rows, PEs).
        where: Row of every pass, shape (passes,).
        changes: Whether a tensor's tile changes, shape (passes, tensors).
        held: Tiles held per tensor; 0: any number.
        tiles: Number of the tile in use, per tensor.
        gates: When it could be there, per tensor.
        done: When all PEs were done with the latest tiles, each tensor's in a ring as long as
            the tiles that are held.
        finish: When every PE is done with its last pass.
    """
    latest = 0
    for pe in range(len(finish)):
        latest = max(latest, finish[pe])
    for at in range(len(where)):
        begin = 0
        for t in range(len(held)):
            if changes[at, t] and held[t] > 0:
                if tiles[t] >= 0:
                    done[t, tiles[t] % held[t]] = latest
                tiles[t] += 1
                # The oldest of the ring is the tile whose room is needed.
                gates[t] = done[t, tiles[t] % held[t]] if tiles[t] >= held[t] else 0
            begin = max(begin, gates[t])
        row = where[at]
        for pe in range(len(finish)):
            finish[pe] = max(finish[pe], begin) + work[row, pe]
            latest = max(latest, finish[pe])

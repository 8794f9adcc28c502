"""Writing only what changes: what an update takes if cells keep levels that they already have.

A cell is moved from the level it has to the level it shall have, ``pulses_per_level`` pulses a
level (whole pulses per cell), each with its verify; one whose level does not change gets none.
A row takes as many pulses as its cell with the most, for SET (to a higher level) and RESET apart:
one after the other if they need passes of their own, else at the same time. Cells past
``columns_per_pulse`` come after the others, rows after each other. ``iterations`` does not apply:
how many pulses a cell takes is said by its levels.

Cells that a load does not use, in rows, columns and whole crossbars of the core, are moved to the
level of a zero weight, so that what a core holds is known by the load alone. Before its first
update all cells are at level 0.

Not modelled: that a pulse moves a cell by less the further it is, and cells that miss their level.

Source: DNN+NeuroSim V2.1 for the pulses of a row and for skipping unchanged cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.contents import Contents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["Held", "RewriteCost", "Rewriting"]

Held = tuple[int, int]
"""What a core holds: step of output channels, and load."""

_NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteCost:
    """What one core's update takes.

    Attributes:
        each_ns: Time of every physical crossbar of the core, ns: of the first logical crossbar's
            slices, of the second's, and so on.
        rows_changed: Rows with a cell that changes.
        cells_changed: Cells that change.
        pulses: Pulses on all cells.
        most_pulses: Pulses on the cell with the most.
    """

    each_ns: tuple[Fraction, ...]
    rows_changed: int
    cells_changed: int
    pulses: int
    most_pulses: int

    @property
    def ns(self) -> Fraction:
        """Time of the crossbar that takes longest, ns."""
        return max(self.each_ns, default=_NOTHING)

    @property
    def crossbars(self) -> int:
        """Physical crossbars with a cell that changes."""
        return sum(time > 0 for time in self.each_ns)


class Rewriting:
    """The updates of a case with given weights."""

    def __init__(self, case: CrossbarCase, weights: NDArray[Any]) -> None:
        """Take the weights.

        Args:
            case: The case; ``chip.writing`` says how cells are written.
            weights: As for `Contents`.

        Raises:
            SpecError: As `Contents` does.
        """
        self._case = case
        self._contents = Contents(case, weights)
        self._costs: dict[tuple[Held | None, Held, int], RewriteCost] = {}

    def cost(self, before: Held | None, after: Held, core: int) -> RewriteCost:
        """Return what it takes to write one load over another.

        Args:
            before: What the crossbars written hold (those of the spare set, if there is one): the
                last update of this core that wrote to them; None: nothing has been written.
            after: What they shall hold.
            core: The core, by its number on the chip. One without a column block at ``after``
                keeps what it has.
        """
        key = (before, after, core)
        if key not in self._costs:
            self._costs[key] = self._cost_of(before, after, core)
        return self._costs[key]

    def levels(self, held: Held | None, core: int) -> Integers:
        """Levels of all cells of a core that hold the weights in use.

        Args:
            held: What it holds; None: nothing has been written.
            core: The core.

        Returns:
            Shape (slots, slices, rows, columns).
        """
        chip, crossbar = self._case.chip, self._case.chip.crossbar
        shape = (chip.slots, crossbar.slices, crossbar.rows, crossbar.columns)
        cells = np.zeros(shape, dtype=np.int64)
        if held is None:
            return cells
        step, load = held
        cells[...] = self._contents.zero[None, :, None, None]
        block = self._case.lowered.block(step, core)
        if block is not None:
            for slot, levels in enumerate(self._contents.levels(block, load)):
                cells[slot, :, : levels.shape[1], : levels.shape[2]] = levels
        return cells

    def _cost_of(self, before: Held | None, after: Held, core: int) -> RewriteCost:
        """The change between two contents, cell by cell."""
        if self._case.lowered.block(after[0], core) is None:
            nothing = (_NOTHING,) * (self._case.chip.slots * self._case.chip.crossbar.slices)
            return RewriteCost(each_ns=nothing, rows_changed=0, cells_changed=0, pulses=0,
                               most_pulses=0)  # fmt: skip
        writing = self._case.chip.writing
        change = self.levels(after, core) - self.levels(before, core)
        per_level = writing.pulses_per_level
        pulses = -(-np.abs(change) * per_level.numerator // per_level.denominator)
        up = self._per_row(np.where(change > 0, pulses, 0))
        down = self._per_row(np.where(change < 0, pulses, 0))
        rows = (up + down if writing.passes == 2 else np.maximum(up, down)).sum(axis=-1)
        each = rows.sum(axis=-1).ravel()
        return RewriteCost(
            each_ns=tuple(int(count) * (writing.pulse_ns + writing.verify_ns) for count in each),
            rows_changed=int(np.count_nonzero(rows)),
            cells_changed=int(np.count_nonzero(change)),
            pulses=int(pulses.sum()),
            most_pulses=int(pulses.max()),
        )

    def _per_row(self, pulses: Integers) -> Integers:
        """Pulses of every group of columns written together: the most of any of its cells."""
        columns = pulses.shape[-1]
        together = min(self._case.chip.writing.columns_per_pulse or columns, columns)
        found: Integers = np.maximum.reduceat(pulses, np.arange(0, columns, together), axis=-1)
        return found

"""What a run on crossbars did, by action: counted when it ran, or derived by closed form.

The simulator and the analytical model make one each; they must be equal (law L1). Energies are
these counts times a figure per action.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Activity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Actions of the whole chip.

    Attributes:
        updates: Times that the weights held changed: LoadWeight events, all cores together, the
            first included.
        core_loads: The same per core that had something to hold.
        crossbar_loads: Logical crossbars written.
        rows_written: Rows of physical crossbars written.
        cells_written: Cells of physical crossbars written.
        pulses: Programming pulses on cells: cells x iterations x passes; None in a closed form if
            they depend on the weights.
        multiplies: Matrix-vector multiplies: one per output pixel, load and core at work.
        rows_driven: Rows driven by DACs: multiplies x used rows x steps, per physical crossbar's
            column of slices once (slices share their drivers).
        cells_read: Cells read: used rows x used columns x slices x steps.
        conversions: Columns held, converted, shifted and added: used columns x slices x steps,
            per logical crossbar in use.
        adds: Additions of the vector unit: row blocks to each other, and to partial sums.
        activations: Results activated.
        window_runs: DMA transactions of the inputs if they come in windows of tiles, or None if
            the tiles are no windows (by pixel number).
        pixel_runs: The same if they come pixel by pixel.
    """

    updates: int
    core_loads: int
    crossbar_loads: int
    rows_written: int
    cells_written: int
    pulses: int | None
    multiplies: int
    rows_driven: int
    cells_read: int
    conversions: int
    adds: int
    activations: int
    window_runs: int | None
    pixel_runs: int

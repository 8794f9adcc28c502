"""A systolic array as a compute level: PEs in tiles, tiles in a mesh, and whose rules are counted.

The PEs of a tile are joined combinationally, tiles by pipeline registers: a word passes a tile a
cycle. Tiles of one PE make the classic systolic array, one tile of all PEs a vector-like one; the
two extremes differ in the clock they reach, which the architecture says.

The array's own registers are the innermost storage level. It keeps one tensor, the stationary
one, and has the spatial loops: Y are rows, X are columns. Of the other two tensors one enters at
the left and moves along a row, so no loop on X may touch it; the other moves along a column, so
no loop on Y may touch it.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from stallscope.mappings.spec import Rate, Spec

__all__ = ["Convention", "Systolic"]


class Convention(StrEnum):
    """Whose rules say what a fold takes (docs/systolic.md)."""

    STALLSCOPE = "stallscope"
    """Ours: what a register-level model of the array takes."""
    SCALE_SIM = "scale-sim"
    """SCALE-Sim 3: the whole array is charged in every fold, folds never overlap."""
    STONNE = "stonne"
    """STONNE's output-stationary mesh: folds never overlap, and begin with the first reads."""


class Systolic(Spec):
    """How the PEs of the compute level are joined.

    Attributes:
        tile_rows: PEs of a tile along Y, joined without registers.
        tile_columns: The same along X.
        in_words_per_cycle: Operand words that enter per cycle over all edges; a step of the
            array, or a row shifted in, takes whole cycles. None: as many as it needs.
        out_words_per_cycle: Results that leave per cycle, likewise.
        convention: Whose rules say what a fold takes.
    """

    tile_rows: int = Field(default=1, ge=1)
    tile_columns: int = Field(default=1, ge=1)
    in_words_per_cycle: Rate | None = None
    out_words_per_cycle: Rate | None = None
    convention: Convention = Convention.STALLSCOPE

"""Instructions of a chip of crossbars."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ChipOp"]


class ChipOp(StrEnum):
    """What a unit of a chip is told to do.

    LOAD brings weights, inputs or partial sums to a core; PROGRAM writes crossbars; MVM multiplies
    the pixels of a step with the weights held; VADD adds row blocks, and what was there before;
    ACT activates results; STORE carries results, or partial sums, from a core to its tile.
    """

    LOAD = "LOAD"
    PROGRAM = "PROGRAM"
    MVM = "MVM"
    VADD = "VADD"
    ACT = "ACT"
    STORE = "STORE"

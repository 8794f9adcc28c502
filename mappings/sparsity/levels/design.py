"""What a design does about zeros, level by level: formats per rank, actions, packing.

A tile is a tree of fibers: a rank per loop of the mapping that moves along the tensor inside the
tile, outermost first. A fiber of a rank has as many positions as the loop has iterations. Only
fibers that are not empty exist.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from stallscope.mappings.sparsity.hardware import TensorFormat
from stallscope.mappings.sparsity.levels.actions import Act, Action, Packing
from stallscope.mappings.spec import Name, Spec

__all__ = ["Design", "LevelFormat", "Rank", "RankKind"]


class RankKind(StrEnum):
    """How the positions of a fiber that are not empty are written down."""

    OFFSETS = "uop"
    """Uncompressed: an offset per position and one more, each of ``bits``."""
    COORDINATES = "cp"
    """The coordinate of each position that is not empty."""
    BITMASK = "b"
    """A bit per position."""
    RUN_LENGTH = "rle"
    """The run of empty positions before each that is not; a pair of the longest run and nothing
    where a run is longer."""


class Rank(Spec):
    """One rank of a tile: which loops it is, and its format.

    Loops that no rank names cost nothing (positions are found by counting).

    Attributes:
        kind: The format.
        dimension: Dimension of its loops; None: any that the tensor has.
        level: Level whose loops they are; None: all inside the tile.
        spatial: Only the loops in space, or only those in time; None: both.
        positions: In place of loops: a fiber of so many positions.
        bits: Bits of an offset, coordinate or run; None: as many as the positions need.
    """

    kind: RankKind
    dimension: Name | None = None
    level: Name | None = None
    spatial: bool | None = None
    positions: int | None = Field(default=None, ge=1)
    bits: int | None = Field(default=None, ge=0, le=64)


class LevelFormat(Spec):
    """How one level stores one tensor: only words that are not zero.

    Attributes:
        level: The level.
        tensor: The tensor.
        ranks: Its ranks that have metadata, outermost first.
        form: In place of ranks: a format of whole tiles (docs/sparsity.md).
        visits_empty: Whether tiles that hold nothing are visited like the others: where offsets
            name every tile. Sparseloop then counts each as the average of those that hold
            something. False: what marks a tile as empty is seen before it is moved.
    """

    level: Name
    tensor: Name
    ranks: tuple[Rank, ...] = ()
    form: TensorFormat | None = None
    visits_empty: bool = False


class Design(Spec):
    """What a design does about zeros; where it says nothing, zeros are words like others.

    Attributes:
        formats: Compressed tensors; one that is not named at a level is stored with its zeros.
        actions: Accesses that stand still or are left out.
        packings: Loops whose iterations over zeros leave their lane to others.
        fills_results: Whether a result's first visit to a level counts as a fill, with zeros (as
            Sparseloop's runs count it); False: it is not fetched.
        work_over_use: Whether the MACs take their active multiply-accumulates over the mean of
            their use, words that packing leaves are read as if no group were empty, and results
            that are touched first are shared out evenly (as in Sparseloop); False: the steps, each
            whole, gated ones too.
    """

    formats: tuple[LevelFormat, ...] = ()
    actions: tuple[Action, ...] = ()
    packings: tuple[Packing, ...] = ()
    fills_results: bool = False
    work_over_use: bool = False

    def format_of(self, level: str, tensor: str) -> LevelFormat | None:
        """How a level stores a tensor; None: as it is."""
        found = (one for one in self.formats if one.level == level and one.tensor == tensor)
        return next(found, None)

    def actions_of(self, level: str, tensor: str) -> tuple[Action, ...]:
        """The actions of one tensor at one level."""
        return tuple(one for one in self.actions if (one.level, one.tensor) == (level, tensor))

    @property
    def exploited(self) -> frozenset[str]:
        """Operands whose zeros save multiply-accumulates."""
        leaders = {name for action in self.actions for name in action.on}
        return frozenset(leaders | {packing.tensor for packing in self.packings})

    @property
    def skipped(self) -> frozenset[str]:
        """Operands whose zeros save steps, one by one; those that are packed aside."""
        leaders = {name for one in self.actions if one.act is Act.SKIP for name in one.on}
        return frozenset(leaders - {packing.tensor for packing in self.packings})

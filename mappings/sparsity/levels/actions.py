"""Accesses saved by zeros: gated, skipped, and iterations packed onto lanes.

An access of the ``tensor`` (the follower) that words of others (the leaders) make pointless
stands still (`GATE`: it takes its time and no energy) or is left out (`SKIP`). Two operands that
follow each other are an intersection: each access needs both.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from stallscope.mappings.sparsity.levels.densities import Spread
from stallscope.mappings.spec import Name, Spec

__all__ = ["Act", "Action", "Packing", "mean_steps", "mean_utilization"]


class Act(StrEnum):
    """What becomes of an access that is pointless."""

    GATE = "gate"
    """It takes its time, and no energy."""
    SKIP = "skip"
    """It takes neither."""


class Action(Spec):
    """Accesses of one tensor at one level that follow others.

    Attributes:
        act: What becomes of them.
        level: Level the words are read from (and updated at, for the output).
        tensor: The follower.
        on: The leaders: an access happens only if the words of all of them it serves hold any
            that is not zero.
    """

    act: Act
    level: Name
    tensor: Name
    on: tuple[Name, ...] = Field(min_length=1)


class Packing(Spec):
    """Words of a group that are not zero, packed onto lanes.

    Of the words that loops over ``dimension`` at ``level`` run over, only those that are not zero
    are worked on, ``lanes`` at a time.

    Attributes:
        tensor: Whose zeros.
        level: Level whose loops (below it) are packed.
        dimension: Their dimension.
        lanes: Lanes that share the group.
        in_time: Whether the level's loops in time over it are packed, too.
    """

    tensor: Name
    level: Name
    dimension: Name
    lanes: int = Field(ge=1)
    in_time: bool = False


def mean_steps(spread: Spread, lanes: int) -> float:
    """Steps that a group takes on average: its words over the lanes, rounded up."""
    steps = -(-spread.words // lanes)
    return float(steps @ spread.chances)


def mean_utilization(spread: Spread, lanes: int) -> float:
    """Share of the lanes that is busy, averaged over the groups that hold anything."""
    some = spread.words > 0
    words, chances = spread.words[some], spread.chances[some]
    if not words.size:
        return 0.0
    busy = words / (lanes * -(-words // lanes))
    return float(busy @ chances / chances.sum())

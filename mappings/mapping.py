"""The mapping: per storage level its temporal and spatial loops, and which tensors it keeps.

The nest reads from the outermost level's first temporal loop to the innermost level's last
spatial loop. At one level the temporal loops are outside, then the spatial loops on Y, then those
on X. Blocks are nested: a loop of extent f over a dimension cuts the piece it is given into f
pieces of the size the loops inside span. A dimension whose bound is not the product of its
factors has remainders: the piece that reaches past the bound is clipped to it (its last
iterations are smaller, children beyond it idle).
"""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, model_validator

from stallscope.mappings.spec import Name, Spec

__all__ = ["Buffering", "LevelMapping", "Loop", "Mapping"]


class Loop(Spec):
    """One loop: ``extent`` iterations (full iterations; a remainder follows from the bound)."""

    dimension: Name
    extent: int = Field(ge=1)


class Buffering(Spec):
    """How many tiles of a tensor a level holds at once."""

    tensor: Name
    tiles: int = Field(ge=1)


class LevelMapping(Spec):
    """Loops and residents of one storage level.

    Attributes:
        level: Name of the storage level.
        temporal: Loops in time, outermost first.
        spatial_y: Loops across instances of the next level along Y, outermost first.
        spatial_x: The same along X; inside the Y loops.
        keep: Tensors held here, in the order in which they are given room; the others bypass.
        buffering: Tiles per tensor; a tensor not named gets the default (docs/timing.md).
    """

    level: Name
    temporal: tuple[Loop, ...] = ()
    spatial_y: tuple[Loop, ...] = ()
    spatial_x: tuple[Loop, ...] = ()
    keep: tuple[Name, ...] = ()
    buffering: tuple[Buffering, ...] = ()

    @property
    def spatial(self) -> tuple[Loop, ...]:
        """All spatial loops, outermost first: Y, then X."""
        return self.spatial_y + self.spatial_x


class Mapping(Spec):
    """One entry per storage level, in the architecture's order, outermost first."""

    levels: tuple[LevelMapping, ...] = Field(min_length=1)

    @cached_property
    def by_level(self) -> dict[str, LevelMapping]:
        """The entry of every storage level by its name."""
        return {level.level: level for level in self.levels}

    @model_validator(mode="after")
    def _unique(self) -> Mapping:
        names = [level.level for level in self.levels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"level {', '.join(twice)} is mapped twice")
        for level in self.levels:
            if len(set(level.keep)) != len(level.keep):
                raise ValueError(f"level {level.level} keeps a tensor twice")
        return self

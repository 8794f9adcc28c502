"""What the instances of a level hold of a tensor: tiles of words, each there or not.

A level holds a tensor in all its instances alike: every instance has a tile of the same extent at
its own offset, of which remainders clip away a part. The outermost level that keeps a tensor holds
all of it from the start. Words count against the room given to the tensor and against the level's
capacity, instance by instance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.interpreter.instruction import FunctionError, Instruction, word
from stallscope.traces.program import Program, TensorLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["LevelRoom", "Residence", "Site", "Tile", "instance_offsets", "projection"]


@dataclass(slots=True)
class Tile:
    """The tiles of all instances at one step of a stream.

    Attributes:
        low: Coordinates of the tile of an instance without offset.
        values: Words, shape (instances, words of a full tile).
        valid: Which of them are there, same shape.
        is_full: Whether all of them are known to be there.
    """

    low: tuple[int, ...]
    values: Numbers
    valid: NDArray[np.bool_]
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """The shape of what a level holds of a tensor.

    Attributes:
        layout: The tensor.
        level: The level.
        instances: Instances that hold words of their own.
        offsets: Iterations per instance and dimension, shape (instances, dimensions).
        words: The same in words per rank, shape (instances, ranks).
        shape: Words per rank of a tile, not clipped.
        strides: Words from one index of a rank to the next.
    """

    layout: TensorLayout
    level: str
    instances: int
    offsets: Numbers
    words: Numbers
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def volume(self) -> int:
        """Words of a tile, not clipped."""
        return prod(self.shape)

    def coordinates(self, low: tuple[int, ...], flat: int) -> list[int]:
        """Coordinates in the tensor of a word, numbered through all instances of a tile."""
        instance, place = divmod(flat, self.volume)
        return [
            place // stride % size + at + int(by)
            for stride, size, at, by in zip(
                self.strides, self.shape, low, self.words[instance], strict=True
            )
        ]

    def require(self, tile: Tile, flat: Numbers, who: Instruction, what: str) -> None:
        """Raise FunctionError with the first of the words that is not there."""
        if tile.is_full:
            return
        there = tile.valid.reshape(-1).take(flat)
        if not there.all():
            first = int(flat[int(np.argmin(there))])
            name = word(self.layout, self.coordinates(tile.low, first))
            place = f"{self.level} instance {first // self.volume}"
            raise FunctionError(who, f"{what} {name}, which {place} does not hold")


@dataclass(slots=True)
class LevelRoom:
    """Words that the instances of a level hold of all tensors together.

    Attributes:
        capacity: Most words of one instance, None if unbounded.
        peak: Most words that one instance held.
    """

    level: str
    capacity: int | None
    held: Numbers
    peak: int = 0

    def change(self, by: Numbers | int, who: Instruction | str) -> None:
        """Add words per instance, and check the capacity."""
        self.held += by
        most = int(self.held.max())
        self.peak = max(self.peak, most)
        if self.capacity is not None and most > self.capacity:
            at = int(np.argmax(self.held))
            raise FunctionError(
                who,
                f"{self.level} instance {at} holds {most} words, its capacity is {self.capacity}",
            )


@dataclass(slots=True)
class Residence:
    """Tiles of one tensor at one level, and the counters by which units meet there.

    Attributes:
        site: Shape.
        room: The level's words.
        capacity: Words given to the tensor, for the representative instance.
        memory: The whole tensor, where the level holds it from the start.
        tiles: Tiles by the step that brought them.
        latest: The tile that was brought last, also after its room was given back: nothing but
            the next one overwrites it.
        held: Words per instance.
        delivered, released, finished, drained: Progress, see docs/timing.md.
        reserved: Words for which room was taken.
    """

    site: Site
    room: LevelRoom
    capacity: int
    memory: Tile | None
    tiles: dict[int, Tile] = field(default_factory=dict)
    latest: Tile | None = None
    held: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    delivered: int = 0
    released: int = 0
    finished: int = 0
    drained: int = 0
    reserved: int = 0

    @property
    def name(self) -> str:
        """Name of its counters."""
        return f"{self.site.layout.name} {self.site.level}"

    def tile(self, step: int, who: Instruction) -> Tile:
        """Return the tile that a step brought, or the whole tensor."""
        if self.memory is not None:
            return self.memory
        if step not in self.tiles:
            raise FunctionError(who, f"reads tile {step} of {self.name}, which is not there")
        return self.tiles[step]

    def change(self, by: Numbers, who: Instruction) -> None:
        """Add words per instance, and check room and capacity."""
        self.held += by
        most = int(self.held.max())
        if most > self.capacity:
            at = int(np.argmax(self.held))
            rule = f"{self.name} instance {at} holds {most} words, it has room for {self.capacity}"
            raise FunctionError(who, rule)
        self.room.change(by, who)


def projection(layout: TensorLayout, program: Program) -> Numbers:
    """Return the words a tensor moves by per iteration, shape (ranks, dimensions)."""
    index = {name: at for at, (name, _) in enumerate(program.dims)}
    matrix = np.zeros((len(layout.ranks), len(index)), dtype=np.int64)
    for rank, terms in enumerate(layout.ranks):
        for dimension, coefficient in terms:
            matrix[rank, index[dimension]] += coefficient
    return matrix


def instance_offsets(program: Program, levels: int) -> Numbers:
    """Return the iterations at which the instances of a level begin.

    Args:
        program: The program.
        levels: Number of levels outside; all of them for the multiply-accumulate units.

    Returns:
        Shape (instances, dimensions); the outermost block's number is the slowest.
    """
    index = {name: at for at, (name, _) in enumerate(program.dims)}
    offsets = np.zeros((1, len(index)), dtype=np.int64)
    for block in program.blocks[:levels]:
        for loop in block.loops:
            moved = np.zeros((loop.extent, len(index)), dtype=np.int64)
            moved[:, index[loop.dimension]] = np.arange(loop.extent) * loop.step
            offsets = (offsets[:, None, :] + moved[None, :, :]).reshape(-1, len(index))
    return offsets

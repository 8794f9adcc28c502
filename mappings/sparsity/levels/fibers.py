"""Metadata of a tile: the ranks of its fiber tree, and the bits that they take on average.

A rank of n positions, each a subtile of c words, has as many fibers as there are subtiles of
n x c words that are not empty, and writes down in each

* uop: n + 1 offsets,
* cp: a coordinate per position that is not empty,
* b: n bits,
* rle: a pair of a run and a position per position that is not empty, and a pair of the longest
  run and a zero word for every ``longest + 1`` empty positions in front of one that is not.
  Empty positions behind the last one take nothing.

All of it is exact on average for words that lie anywhere with equal chance (`Hypergeometric`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import assert_never

from stallscope.mappings.nest import Nest
from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.levels.densities import Density
from stallscope.mappings.sparsity.levels.design import Rank, RankKind
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Fiber", "MetadataBits", "fibers", "metadata_bits"]

_Loop = tuple[str, int, bool, int]
"""Dimension, level, whether in space, extent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fiber:
    """One rank of a tile.

    Attributes:
        kind: Its format.
        positions: Positions of a fiber.
        inside: Words per dimension of one position's subtile.
        across: Words per dimension of one fiber.
        bits: Bits of an offset, coordinate or run.
    """

    kind: RankKind
    positions: int
    inside: Mapping[str, int]
    across: Mapping[str, int]
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataBits:
    """Bits of a tile's metadata, on average.

    Attributes:
        fixed: Those that are looked at whatever is read: bitmasks and offsets.
        following: Those that come with the words that are not zero: coordinates and runs.
    """

    fixed: float = 0.0
    following: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return self.fixed + self.following


def fibers(
    nest: Nest, names: Sequence[str], tensor: Tensor, level: int, ranks: Sequence[Rank]
) -> tuple[Fiber, ...]:
    """Work out the ranks of a tile.

    Args:
        nest: The mapping's loops.
        names: The storage levels, outermost first.
        tensor: The tensor; every rank a plain dimension.
        level: Index of the level that holds the tile.
        ranks: Its formats, outermost first.

    Raises:
        SpecError: If the tensor has a rank of several dimensions, or a rank names loops that do
            not follow each other.
    """
    if any(rank.positions is None for rank in ranks):
        _plain(tensor)
    loops = _inside(nest, tensor, level)
    used = [False] * len(loops)
    inside = dict.fromkeys(tensor.dimensions, 1)
    found: list[Fiber] = []
    for rank in reversed(ranks):
        mine = [] if rank.positions else _matching(loops, used, names, rank)
        for at in mine:
            used[at] = True
        # What the loops inside this rank run over: whether or not they are ranks themselves.
        inside = _words(loops[mine[-1] + 1 :], tensor) if mine else inside
        across = _words(loops[mine[0] :], tensor) if mine else inside
        positions = rank.positions or prod(loops[at][3] for at in mine)
        bits = (positions - 1).bit_length() if rank.bits is None else rank.bits
        found.append(
            Fiber(kind=rank.kind, positions=positions, inside=inside, across=across, bits=bits)
        )
        inside = across
    return tuple(reversed(found))


def metadata_bits(
    tensor: Tensor,
    extents: Mapping[str, int],
    found: Sequence[Fiber],
    density: Density,
    word_bits: int,
) -> MetadataBits:
    """Bits of a tile's metadata on average.

    Args:
        tensor: The tensor.
        extents: Words of the tile per dimension.
        found: Its ranks.
        density: Which of its words are not zero.
        word_bits: Bits of a word, for the zero word of a padding pair.
    """
    words = tensor.tile_words(extents)
    fixed = following = 0.0
    for fiber in found:
        across = tensor.tile_shape(_whole(tensor, fiber.across))
        inside = tensor.tile_shape(_whole(tensor, fiber.inside))
        slots = words / prod(across)
        held = slots * (1 - density.empty(across))
        filled = words / prod(inside) * (1 - density.empty(inside))
        match fiber.kind:
            case RankKind.OFFSETS:
                fixed += held * (fiber.positions + 1) * fiber.bits
            case RankKind.BITMASK:
                fixed += held * fiber.positions
            case RankKind.COORDINATES:
                following += filled * fiber.bits
            case RankKind.RUN_LENGTH:
                padding = slots * padding_pairs(density, inside, fiber.positions, fiber.bits)
                following += filled * fiber.bits + padding * (fiber.bits + word_bits)
            case _:
                assert_never(fiber.kind)
    return MetadataBits(fixed=fixed, following=following)


def padding_pairs(
    density: Density, inside: tuple[int, ...], positions: int, run_bits: int
) -> float:
    """Pairs of a fiber that only carry a run on, on average.

    A position that is not empty, with r empty ones right before it in the fiber, is preceded by
    floor(r / 2^run_bits) of them: one for each k with the k x 2^run_bits positions before it empty.

    Args:
        density: Which words are not zero.
        inside: Shape of one position's subtile.
        positions: Positions of the fiber.
        run_bits: Bits of a run.
    """
    block = 2**run_bits
    pairs = 0.0
    for run in range(block, positions, block):
        empty = density.empty(_repeated(inside, run))
        if empty < 1e-15:  # longer runs are rarer still
            break
        pairs += (positions - run) * (empty - density.empty(_repeated(inside, run + 1)))
    return pairs


def _repeated(inside: tuple[int, ...], times: int) -> tuple[int, ...]:
    """Shape of so many subtiles beside each other."""
    return (*inside[:-1], inside[-1] * times)


def _plain(tensor: Tensor) -> None:
    if any(len(rank) != 1 for rank in tensor.ranks):
        fault = Fault(
            place="formats", value=tensor.name,
            rule="ranks of a tile are counted only where each is one dimension",
            remedy="leave ranks empty: words that are not zero are counted, metadata is not",
        )  # fmt: skip
        raise SpecError([fault])


def _inside(nest: Nest, tensor: Tensor, level: int) -> list[_Loop]:
    """Loops that move along the tensor inside a tile of a level, outermost first."""
    return [
        (loop.dimension, at, in_space, loop.extent)
        for at, block in enumerate(nest.blocks)
        if at >= level
        for in_space, loops in ((False, block.temporal), (True, block.spatial))
        for loop in loops
        if loop.dimension in tensor.dimensions
    ]


def _matching(
    loops: Sequence[_Loop], used: Sequence[bool], names: Sequence[str], rank: Rank
) -> list[int]:
    mine = [
        at
        for at, (dimension, level, in_space, _) in enumerate(loops)
        if not used[at]
        and rank.dimension in (None, dimension)
        and rank.level in (None, names[level])
        and rank.spatial in (None, in_space)
    ]
    if mine and mine != list(range(mine[0], mine[0] + len(mine))):
        fault = Fault(
            place="formats", value=str(rank.dimension),
            rule="the loops of a rank follow each other among those of the tensor",
            remedy="name a level, or spatial",
        )  # fmt: skip
        raise SpecError([fault])
    return mine


def _words(loops: Sequence[_Loop], tensor: Tensor) -> dict[str, int]:
    extents = dict.fromkeys(tensor.dimensions, 1)
    for dimension, _, _, extent in loops:
        extents[dimension] *= extent
    return extents


def _whole(tensor: Tensor, extents: Mapping[str, int]) -> dict[str, int]:
    return {name: extents.get(name, 1) for name in tensor.dimensions}

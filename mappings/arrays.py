"""Operand words of a MAC array, over all steps of a run, without walking steps or listing MACs.

In each dimension a MAC has work in the steps that begin early enough before the bound, whatever
the other dimensions do. So how many offsets of one dimension have work, and in how many steps, is
worked out dimension by dimension, and multiplied. Where neighbours pass words on, movements tell
steps apart instead.

Not modelled: MACs below more than one block with several instances (`multicast` lists those).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from stallscope.mappings.array_words import ArrayWords, around
from stallscope.mappings.boxes import Vector
from stallscope.mappings.multicast import Crossing, Load
from stallscope.mappings.nest import Nest, offsets, starts_below
from stallscope.mappings.problem import Tensor

__all__ = ["array_loads", "is_array"]


def is_array(crossings: Sequence[Crossing]) -> bool:
    """Whether all MACs below an instance of a level are those of one block."""
    return sum(1 for crossing in crossings if crossing.spatial) <= 1


def array_loads(
    nest: Nest,
    tensor: Tensor,
    parent: int,
    crossings: Sequence[Crossing],
    *,
    links: bool,
    shortcut: bool,
) -> list[Load]:
    """Load of every network from a level to the MACs, all steps and instances together.

    Args:
        nest: The nest.
        tensor: The tensor, kept at ``parent`` and at no inner level.
        parent: The level.
        crossings: The networks below it, outermost first, one block's (see `is_array`).
        links: Whether MACs take words from neighbours; no dimension is ragged then.
        shortcut: Whether movements are those from iteration 0 to 1 of every loop.
    """
    wide = next((at for at, crossing in enumerate(crossings) if crossing.spatial), 0)
    array = ArrayWords(tensor, crossings[wide])
    totals = [Load() for _ in crossings]
    if links and wide == len(crossings) - 1 and crossings[wide].spatial:
        steps = _by_movement(nest, array, tensor, parent, shortcut)
    else:
        steps = _by_pattern(nest, array, parent)
    for load, times in steps:
        for total, one in zip(totals, around(load, wide, len(crossings)), strict=True):
            total.add(one, times)
    return totals


def _by_pattern(nest: Nest, array: ArrayWords, parent: int) -> Iterator[tuple[Load, int]]:
    """Loads of one step below one instance, by how many MACs have work, and how often."""
    choices = [
        [(dimension, active, times) for active, times in found.items()]
        for dimension in nest.bounds
        if (found := _patterns(nest, dimension, parent, array.offsets(dimension)))
    ]
    for choice in product(*choices):
        load = array.load({dimension: (0, active) for dimension, active, _ in choice})
        yield load, prod(times for _, _, times in choice)


def _patterns(nest: Nest, dimension: str, parent: int, inside: Sequence[int]) -> dict[int, int]:
    """How many of the offsets ``inside`` have work, and at how many steps and instances.

    Steps and instances of one dimension alone; those without work are left out.
    """
    spatial = (loop for block in nest.blocks[:parent] for loop in block.spatial)
    outside = offsets(spatial, dimension)
    loops = [loop for loop in nest.temporal(len(nest.blocks)) if loop.dimension == dimension]
    if dimension not in nest.ragged:
        return {len(inside): len(outside) * prod(loop.extent for loop in loops)}
    bound, found = nest.bounds[dimension], dict[int, int]()
    for base in outside:
        # In how many steps each offset has work; the further it is, the fewer.
        steps = [starts_below(loops, bound - base - offset) for offset in inside]
        for active, (these, further) in enumerate(zip(steps, [*steps[1:], 0], strict=True), 1):
            if these > further:
                found[active] = found.get(active, 0) + these - further
    return found


def _by_movement(
    nest: Nest, array: ArrayWords, tensor: Tensor, parent: int, shortcut: bool
) -> Iterator[tuple[Load, int]]:
    """Loads of one step by how far words moved, where neighbours may have them; and how often."""
    loops = nest.temporal(len(nest.blocks))
    moves = [tensor.origin({loop.dimension: loop.span}) for loop in loops]
    plain, instances = array.load({}), nest.used_instances(parent)
    back: Vector = (0,) * len(tensor.ranks)
    steps = nest.steps
    for loop, move in zip(reversed(loops), reversed(moves), strict=True):
        steps //= loop.extent
        moved = tuple(by - end for by, end in zip(move, back, strict=True))
        load = array.relieved(moved)
        yield plain if load is None else load, steps * (loop.extent - 1) * instances
        last = 1 if shortcut else loop.extent - 1
        back = tuple(end + last * by for by, end in zip(move, back, strict=True))
    yield plain, instances

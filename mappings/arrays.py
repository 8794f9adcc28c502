"""Operand words of a MAC array, over all steps of a run, without walking steps or listing MACs.

In each dimension a MAC has work in the steps that begin early enough before the bound, whatever
the other dimensions do. So how many offsets of one dimension have work, and in how many steps, is
worked out dimension by dimension, and multiplied. Those with work are the first ones: of the
instances of a block, all but one have as many MACs with work below them as there are, or none.

Where neighbours pass words on, movements tell steps apart instead.

Not modelled: neighbours, or two spatial dimensions in one rank, where more than one block has
several instances (`multicast` lists the MACs then).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

from stallscope.mappings.array_words import ArrayWords, Window, around
from stallscope.mappings.boxes import Vector
from stallscope.mappings.multicast import Crossing, Load
from stallscope.mappings.nest import Nest, NestLoop, offsets, starts_below
from stallscope.mappings.problem import Tensor

__all__ = ["array_loads"]


def array_loads(
    nest: Nest,
    tensor: Tensor,
    parent: int,
    crossings: Sequence[Crossing],
    *,
    links: bool,
    shortcut: bool,
) -> list[Load] | None:
    """Load of every network from a level to the MACs, all steps and instances together.

    Args:
        nest: The nest.
        tensor: The tensor, kept at ``parent`` and at no inner level.
        parent: The level.
        crossings: The networks below it, outermost first.
        links: Whether MACs take words from neighbours; no dimension is ragged then.
        shortcut: Whether movements are those from iteration 0 to 1 of every loop.

    Returns:
        None if the MACs have to be listed.
    """
    array = _Array(tensor, crossings)
    if not array.is_counted:
        return None
    steps = _by_pattern(nest, array, parent)
    if links and crossings[-1].spatial:
        movements = list(_movements(nest, tensor, parent, shortcut=shortcut))
        if array.is_single:
            steps = ((array.relieved(moved), times) for moved, times in movements)
        elif any(array.may_pass(moved) for moved, _ in movements if moved is not None):
            return None
    totals = [Load() for _ in crossings]
    for loads, times in steps:
        for total, load in zip(totals, loads, strict=True):
            total.add(load, times)
    return totals


def _by_pattern(nest: Nest, array: _Array, parent: int) -> Iterator[tuple[list[Load], int]]:
    """Loads of one step below one instance, by how many MACs have work, and how often."""
    choices = [
        [(dimension, active, times) for active, times in found.items()]
        for dimension in nest.bounds
        if (found := _patterns(nest, dimension, parent, array.offsets(dimension)))
    ]
    for choice in product(*choices):
        loads = array.loads({dimension: active for dimension, active, _ in choice})
        yield loads, prod(times for _, _, times in choice)


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


def _movements(
    nest: Nest, tensor: Tensor, parent: int, *, shortcut: bool
) -> Iterator[tuple[Vector | None, int]]:
    """How far words move before a step (None: the first), and how often over all instances."""
    loops = nest.temporal(len(nest.blocks))
    instances, steps = nest.used_instances(parent), nest.steps
    back: Vector = (0,) * len(tensor.ranks)
    for loop in reversed(loops):
        move = tensor.origin({loop.dimension: loop.span})
        steps //= loop.extent
        moved = tuple(by - end for by, end in zip(move, back, strict=True))
        yield moved, steps * (loop.extent - 1) * instances
        last = 1 if shortcut else loop.extent - 1
        back = tuple(end + last * by for by, end in zip(move, back, strict=True))
    yield None, instances


class _Array:
    """The MACs below one instance of a level, a word each, through all blocks between.

    Args:
        tensor: Whose words.
        crossings: The networks between, outermost first.
    """

    def __init__(self, tensor: Tensor, crossings: Sequence[Crossing]) -> None:
        self._tensor = tensor
        self._count = len(crossings)
        self._wide = [at for at, crossing in enumerate(crossings) if crossing.spatial]
        self._crossings = [crossings[at] for at in self._wide]
        self._words = [ArrayWords(tensor, crossing) for crossing in self._crossings]
        self._loops = [loop for crossing in self._crossings for loop in crossing.spatial]
        self._dimensions = list(dict.fromkeys(loop.dimension for loop in self._loops))
        self.is_single = len(self._wide) <= 1

    @property
    def is_counted(self) -> bool:
        """Whether the MACs need not be listed."""
        names = set(self._dimensions)
        ranks = [{term.dimension for term in rank} for rank in self._tensor.ranks]
        is_plain = all(len(rank & names) <= 1 for rank in ranks)
        merges = all(crossing.merges for crossing in self._crossings[1:])
        return self.is_single or (is_plain and merges)

    def offsets(self, dimension: str) -> list[int]:
        """Offsets of the MACs in one dimension, ascending."""
        return offsets(self._loops, dimension)

    def loads(self, active: Mapping[str, int]) -> list[Load]:
        """Load of every network by one step.

        Args:
            active: How many of the MACs' offsets have work, in every dimension.
        """
        return around(
            [self._load(number, active) for number in range(len(self._wide))],
            self._wide,
            self._count,
        )

    def relieved(self, moved: Vector | None) -> list[Load]:
        """Load of every network by one step before which words moved, with neighbours' help.

        All MACs have work, below one block.
        """
        load = None if moved is None else self._words[0].relieved(moved)
        if load is None:
            load = self._words[0].load({})
        return around([load], self._wide, self._count)

    def may_pass(self, moved: Vector) -> bool:
        """Whether some MAC had a neighbour's word before words moved."""
        return bool(self._words[-1].linked(moved).any())

    # ------------------------------------------------------------------ one block

    def _load(self, number: int, active: Mapping[str, int]) -> Load:
        """Load of a wide block, below all instances of its outer level together."""
        total = Load()
        names = self._dimensions
        choices = [self._instances(number, name, active[name]) for name in names]
        for choice in product(*choices):
            times = prod(count for count, _ in choice)
            below = {name: whole for name, (_, whole) in zip(names, choice, strict=True)}
            for windows, words in self._children(number, below):
                total.add(self._words[number].load(windows), times * words)
        return total

    def _inner(self, number: int, name: str) -> int:
        """MACs of one dimension below an instance of a wide block."""
        inside = [one for crossing in self._crossings[number + 1 :] for one in crossing.spatial]
        return _size(inside, name)

    def _instances(self, number: int, name: str, active: int) -> list[tuple[int, int]]:
        """Outer instances of a wide block in one dimension: how many, and MACs at work below."""
        size = _size(self._crossings[number].spatial, name) * self._inner(number, name)
        whole, rest = divmod(active, size)
        return [(count, macs) for count, macs in ((whole, size), (1, rest)) if count and macs]

    def _children(
        self, number: int, below: Mapping[str, int]
    ) -> Iterator[tuple[dict[str, Window], int]]:
        """Offsets of a block at which instances get as many words, and how many.

        Args:
            number: The block.
            below: MACs at work below its outer instance, by dimension.
        """
        merges, has = self._crossings[number].merges, self._tensor.dimensions
        sides = []
        for name, macs in below.items():
            whole, rest = divmod(macs, inner := self._inner(number, name))
            parts = [((0, whole), inner), ((whole, whole + 1), rest)]
            if name not in has and merges:
                # How many MACs share a word below does not matter here.
                parts = [((0, whole + (rest > 0)), 1)]
            elif name not in has:
                parts = [(window, min(size, 1)) for window, size in parts]
            sides.append(
                [(window, size) for window, size in parts if size and window[1] > window[0]]
            )
        for choice in product(*sides):
            windows = dict(zip(below, (window for window, _ in choice), strict=True))
            yield windows, prod(size for _, size in choice)


def _size(loops: Sequence[NestLoop], dimension: str) -> int:
    """Offsets of one dimension."""
    return prod(loop.extent for loop in loops if loop.dimension == dimension)

"""The words of the MACs below one instance of a level, one each, counted without a demand per MAC.

The MACs with work are a product: in each dimension those whose offset lies below what is left to
the bound. If every rank of the tensor varies with at most one spatial dimension, two MACs take the
same word just when they agree in all the tensor's dimensions: every word goes to as many MACs, and
where each dimension runs along one axis of the array, the hops of all words follow from the two
axes alone. Otherwise all MACs' words are numbered at once, and told apart by number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor
from stallscope.traces.chain import Tally
from stallscope.traces.digits import below, by_dimension, nth
from stallscope.traces.nest import Block, NestLoop

__all__ = ["MacWords"]

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


class MacWords:
    """One word per MAC of one block below one instance.

    Args:
        block: The spatial loops; MACs are numbered as its instances.
        tensor: Whose words.
        is_multicast: Whether one word that enters reaches all MACs that take it.
        is_routed: Whether to say which MACs those are.
    """

    def __init__(
        self, block: Block, tensor: Tensor, *, is_multicast: bool, is_routed: bool
    ) -> None:
        self._block = block
        self._tensor = tensor
        self._is_multicast = is_multicast
        self._is_routed = is_routed
        self._loops = by_dimension(block.loops)
        self._axes = None if is_routed else self._along()
        self._known: dict[tuple[int, ...], Tally] = {}

    # ------------------------------------------------------------------ counting

    def tally(self, left: Mapping[str, int]) -> Tally:
        """What a step puts on the block's network below one instance.

        Args:
            left: Iterations from the first MAC's origin to the bound in dimensions with
                remainders; in the others all MACs have work.
        """
        left = {name: self._least(name, left[name]) for name in self._loops if name in left}
        key = tuple(left.values())
        if key not in self._known:
            made = self._by_axes(left) if self._axes else self._by_number(self._active(left))
            self._known[key] = made
        return self._known[key]

    def _least(self, name: str, left: int) -> int:
        """The fewest iterations left with which the same MACs have work."""
        active = below(self._loops[name], left)
        return nth(self._loops[name], active - 1) + 1 if active else 0

    def relieved(self, move: Mapping[str, int]) -> Tally | None:
        """The same where MACs take from neighbours what those had before the origin moved.

        Without remainders: all MACs have work. None if no neighbour can help.
        """
        moved = self._tensor.origin(move)
        taken: _Mask = np.zeros(self._block.count, dtype=np.bool_)
        for beside in self._beside:
            for sign, takers in ((1, beside.ahead), (-1, beside.behind)):
                if all(sign * by in reach for by, reach in zip(moved, beside.reach, strict=True)):
                    is_taken: _Mask = np.ones(len(takers), dtype=np.bool_)
                    for by, apart in zip(moved, beside.apart, strict=True):
                        is_taken &= apart == sign * by
                    taken[takers[is_taken]] = True
        if not taken.any():
            return None
        made = self._by_number(~taken)
        made.links = int(taken.sum())
        return made

    # ------------------------------------------------------------------ by the two axes

    def _along(self) -> tuple[_Axis, _Axis] | None:
        """The axes, X first, if what happens along one does not depend on the other."""
        y_loops, x_loops = list(self._block.loops), list[NestLoop]()
        width = min(self._block.width, self._block.count)
        while prod(loop.extent for loop in x_loops) < width:
            x_loops.insert(0, y_loops.pop())
        is_folded = prod(loop.extent for loop in x_loops) == width
        names, others = by_dimension(x_loops).keys(), by_dimension(y_loops).keys()
        apart: Collection[str] = self._loops.keys()
        is_plain = True
        if self._is_multicast:
            apart = self._tensor.dimensions
            ranks = ({term.dimension for term in rank} for rank in self._tensor.ranks)
            is_plain = all(len(rank & self._loops.keys()) <= 1 for rank in ranks)
        if not is_folded or names & others or not is_plain:
            return None
        return _Axis(x_loops, apart), _Axis(y_loops, apart)

    def _by_axes(self, left: Mapping[str, int]) -> Tally:
        assert self._axes is not None
        columns, rows = (axis.groups(left) for axis in self._axes)
        words = len(columns) * len(rows)
        if not words:
            return Tally()
        across = sum(members for _, _, members in columns)
        down = sum(members for _, _, members in rows)
        # Each word goes right to its last column, and in each of its columns up and down.
        right = sum(2 * last for _, last, _ in columns)
        beside = sum(_up_and_down(first, last, self._block.height) for first, last, _ in rows)
        return Tally(
            words_in=words,
            busiest=words,
            deliveries=across * down,
            multicast=Counter({across * down // words: words}),
            half_hops=right * len(rows) + across * beside,
        )

    # ------------------------------------------------------------------ by number

    @cached_property
    def _offsets(self) -> dict[str, _Ints]:
        """Every MAC's offset, by dimension."""
        return _offsets(self._block.loops)

    @cached_property
    def _coordinates(self) -> list[_Ints]:
        """Every MAC's coordinate, by rank."""
        none: _Ints = np.zeros(self._block.count, dtype=np.int64)
        return [
            sum(
                (term.coefficient * self._offsets[term.dimension]
                 for term in rank if term.dimension in self._offsets),
                start=none,
            )
            for rank in self._tensor.ranks
        ]  # fmt: skip

    @cached_property
    def _beside(self) -> list[_Beside]:
        """Neighbours along X and along Y."""
        index, width = np.arange(self._block.count), self._block.width
        in_row = index[:-1][index[:-1] % width != width - 1]
        return [
            _Beside(ahead, ahead + way, [at[ahead + way] - at[ahead] for at in self._coordinates])
            for ahead, way in ((in_row, 1), (index[:-width], width))
            if len(ahead)
        ]

    @cached_property
    def _numbers(self) -> _Ints:
        """A number for every MAC's word: equal for equal words that one entering reaches."""
        if not self._is_multicast:
            return np.arange(self._block.count)
        numbers: _Ints = np.zeros(self._block.count, dtype=np.int64)
        for words in self._coordinates:
            # Numbered anew rank by rank: products of coordinates could grow without limit.
            joined = numbers * (int(words.max()) + 1) + words
            numbers = np.unique(joined, return_inverse=True)[1].reshape(-1)
        return numbers

    def _active(self, left: Mapping[str, int]) -> _Mask:
        """The MACs with work."""
        active: _Mask = np.ones(self._block.count, dtype=np.bool_)
        for name, at in self._offsets.items():
            if name in left:
                active &= at < left[name]
        return active

    def _by_number(self, active: _Mask) -> Tally:
        who = np.flatnonzero(active)
        if not len(who):
            return Tally()
        numbers, sizes = np.unique(self._numbers[who], return_counts=True)
        reached, words = np.unique(sizes, return_counts=True)
        return Tally(
            words_in=len(numbers),
            busiest=len(numbers),
            deliveries=len(who),
            multicast=Counter(dict(zip(reached.tolist(), words.tolist(), strict=True))),
            half_hops=self._half_hops(who),
            groups=self._groups(who) if self._is_routed else Counter(),
        )

    def _half_hops(self, who: _Ints) -> int:
        """Twice the links that all words cross together; see `sharing.half_hops`."""
        numbers, y, x = self._numbers[who], who // self._block.width, who % self._block.width
        order = np.lexsort((y, x, numbers))
        numbers, y, x = numbers[order], y[order], x[order]
        is_new_word = np.flatnonzero(np.append(numbers[1:] != numbers[:-1], True))
        right = 2 * int(x[is_new_word].sum())
        is_last = np.append((numbers[1:] != numbers[:-1]) | (x[1:] != x[:-1]), True)
        last, first = y[is_last], y[np.append(True, is_last[:-1])]
        centre = self._block.height - 1
        beside = np.maximum(centre - 2 * first, 0) + np.maximum(2 * last - centre, 0)
        return right + int(beside.sum())

    def _groups(self, who: _Ints) -> Counter[tuple[int, ...]]:
        """The MACs that each word reaches."""
        found: dict[int, list[int]] = {}
        for index, number in zip(who.tolist(), self._numbers[who].tolist(), strict=True):
            found.setdefault(number, []).append(index)
        return Counter({tuple(members): 1 for members in found.values()})


class _Beside:
    """Pairs of neighbours.

    Attributes:
        ahead: The left or upper ones.
        behind: The right or lower ones.
        apart: Per rank, how far the word of the second is from that of the first.
        reach: Per rank, all distances that can occur.
    """

    def __init__(self, ahead: _Ints, behind: _Ints, apart: list[_Ints]) -> None:
        self.ahead, self.behind, self.apart = ahead, behind, apart
        self.reach = [range(int(by.min()), int(by.max()) + 1) for by in apart]


class _Axis:
    """The positions along one axis: which words they take, as far as this axis tells.

    Args:
        loops: Spatial loops along the axis, outermost first.
        apart: Dimensions in which MACs take different words.
    """

    def __init__(self, loops: Sequence[NestLoop], apart: Collection[str]) -> None:
        self._offsets = {name: at.tolist() for name, at in _offsets(loops).items()}
        self._length = prod(loop.extent for loop in loops)
        telling = [self._offsets[name] for name in self._offsets if name in apart]
        self._words = list(zip(*telling, strict=True)) if telling else [()] * self._length
        self._known: dict[tuple[int, ...], list[tuple[int, int, int]]] = {}

    def groups(self, left: Mapping[str, int]) -> list[tuple[int, int, int]]:
        """First position, last position and number of positions of each word."""
        key = tuple(left.get(name, 0) for name in self._offsets)
        if key not in self._known:
            found: dict[object, tuple[int, int, int]] = {}
            for at in self._active(left):
                first, _, members = found.get(self._words[at], (at, at, 0))
                found[self._words[at]] = (first, at, members + 1)
            self._known[key] = list(found.values())
        return self._known[key]

    def _active(self, left: Mapping[str, int]) -> Sequence[int]:
        """Positions at which MACs have work, ascending."""
        active: Sequence[int] = range(self._length)
        for name, offsets in self._offsets.items():
            if name in left:
                active = [at for at in active if offsets[at] < left[name]]
        return active


def _up_and_down(first: int, last: int, height: int) -> int:
    """Twice the links up and down from half the height to the outer ones of some rows."""
    return max(height - 1 - 2 * first, 0) + max(2 * last - height + 1, 0)


def _offsets(loops: Sequence[NestLoop]) -> dict[str, _Ints]:
    """Offset of every instance of some loops in linear order (outermost slowest), by dimension."""
    shape = tuple(loop.extent for loop in loops)
    found: dict[str, _Ints] = {}
    for axis, loop in enumerate(loops):
        steps = np.arange(loop.extent, dtype=np.int64) * loop.step
        spread = steps.reshape([-1 if at == axis else 1 for at in range(len(shape))])
        found[loop.dimension] = found.get(loop.dimension, 0) + spread
    return {name: np.broadcast_to(at, shape).reshape(-1) for name, at in found.items()}

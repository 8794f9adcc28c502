"""One word for each instance of a block, counted without a demand per instance.

The instances that take one are a product: in each dimension some of the offsets. If every rank of
the tensor varies with at most one spatial dimension, two instances take the same word just when
they agree in all the tensor's dimensions: every word goes to as many instances, and where each
dimension runs along one axis of the array, the hops of all words follow from the two axes alone.
Otherwise all instances' words are numbered at once, and told apart by number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.problem import Tensor
from stallscope.traces.chain import Tally
from stallscope.traces.digits import by_dimension
from stallscope.traces.nest import Block, NestLoop

__all__ = ["BlockWords", "Window"]

Window = tuple[int, int]
"""Some offsets of one dimension, numbered in ascending order: the first, and after the last."""

_Ints = NDArray[np.int64]
_Mask = NDArray[np.bool_]


class BlockWords:
    """One word for each instance of one block below one outer instance: that at its origin.

    Args:
        block: The spatial loops.
        tensor: Whose words.
        is_multicast: Whether one word that enters reaches all instances that take it.
        is_routed: Whether to say which instances those are.
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
        self._known: dict[tuple[Window, ...], Tally] = {}

    # ------------------------------------------------------------------ counting

    def tally(self, windows: Mapping[str, Window]) -> Tally:
        """What a step puts on the block's network below one instance.

        Args:
            windows: The offsets at which instances take a word, in the dimensions where not all
                do.
        """
        key = tuple(windows.get(name, (0, -1)) for name in self._loops)
        if key not in self._known:
            made = self._by_axes(windows) if self._axes else self._by_number(self._in(windows))
            self._known[key] = made
        return self._known[key]

    def relieved(self, moved: tuple[int, ...]) -> Tally | None:
        """The same where instances take from neighbours what those had a step before.

        All instances take a word. None if no neighbour can help.

        Args:
            moved: How far words moved in that step, per rank.
        """
        taken = self.taken(moved)
        if not taken.any():
            return None
        made = self._by_number(~taken)
        made.links = int(taken.sum())
        return made

    def taken(self, moved: tuple[int, ...]) -> _Mask:
        """Which instances take a word that a neighbour had before words moved."""
        taken: _Mask = np.zeros(self._block.count, dtype=np.bool_)
        if self._distances is not None and moved not in self._distances:
            return taken
        for beside in self._beside:
            for sign, takers in ((1, beside.ahead), (-1, beside.behind)):
                is_taken: _Mask = np.ones(len(takers), dtype=np.bool_)
                for by, apart in zip(moved, beside.apart, strict=True):
                    is_taken &= apart == sign * by
                taken[takers[is_taken]] = True
        return taken

    @cached_property
    def _distances(self) -> set[tuple[int, ...]] | None:
        """How far apart neighbours' words can be, if rows and columns tell, in both directions."""
        if self._folds is None:
            return None
        found: set[tuple[int, ...]] = set()
        for loops in self._folds:
            size = prod(loop.extent for loop in loops)
            places: _Ints = np.zeros((len(self._tensor.ranks), size), dtype=np.int64)
            for at, rank in enumerate(self._tensor.ranks):
                for term in rank:
                    own = {o: o.step for o in loops if o.dimension == term.dimension}
                    places[at] += term.coefficient * _spread(loops, own)
            steps: _Ints = places[:, 1:] - places[:, :-1]
            found.update(map(tuple, steps.T.tolist()))
        return found | {tuple(-by for by in step) for step in found}

    # ------------------------------------------------------------------ by the two axes

    @cached_property
    def _folds(self) -> tuple[list[NestLoop], list[NestLoop]] | None:
        """The loops within a row and those from row to row, if rows are full."""
        y_loops, x_loops = list(self._block.loops), list[NestLoop]()
        width = min(self._block.width, self._block.count)
        while prod(loop.extent for loop in x_loops) < width:
            x_loops.insert(0, y_loops.pop())
        is_full = prod(loop.extent for loop in x_loops) == width
        return (x_loops, y_loops) if is_full else None

    def _along(self) -> tuple[_Axis, _Axis] | None:
        """The axes, X first, if what happens along one does not depend on the other."""
        if self._folds is None:
            return None
        apart: Collection[str] = self._loops.keys()
        if self._is_multicast:
            apart = self._tensor.dimensions
            ranks = ({term.dimension for term in rank} for rank in self._tensor.ranks)
            if any(len(rank & self._loops.keys()) > 1 for rank in ranks):
                return None
        x_loops, y_loops = self._folds
        if by_dimension(x_loops).keys() & by_dimension(y_loops).keys():
            return None
        return _Axis(x_loops, apart), _Axis(y_loops, apart)

    def _by_axes(self, windows: Mapping[str, Window]) -> Tally:
        assert self._axes is not None
        columns, rows = (axis.groups(windows) for axis in self._axes)
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
        """Every instance's offset, by dimension."""
        return {
            name: _spread(self._block.loops, {o: o.step for o in own})
            for name, own in self._loops.items()
        }

    @cached_property
    def _coordinates(self) -> list[_Ints]:
        """The coordinate of every instance's word, by rank."""
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
        """A number for every instance's word; equal for those that one word entering serves."""
        if not self._is_multicast:
            return np.arange(self._block.count)
        numbers: _Ints = np.zeros(self._block.count, dtype=np.int64)
        for words in self._coordinates:
            # Numbered anew rank by rank: products of coordinates could grow without limit.
            joined = numbers * (int(words.max()) + 1) + words
            numbers = np.unique(joined, return_inverse=True)[1].reshape(-1)
        return numbers

    def _in(self, windows: Mapping[str, Window]) -> _Mask:
        """The instances that take a word."""
        taking: _Mask = np.ones(self._block.count, dtype=np.bool_)
        for name, at in _ranked(self._block.loops).items():
            if name in windows:
                first, end = windows[name]
                taking &= (first <= at) & (at < end)
        return taking

    def _by_number(self, taking: _Mask) -> Tally:
        who = np.flatnonzero(taking)
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
        """The instances that each word reaches."""
        found: dict[int, list[int]] = {}
        for index, number in zip(who.tolist(), self._numbers[who].tolist(), strict=True):
            found.setdefault(number, []).append(index)
        return Counter({tuple(members): 1 for members in found.values()})


@dataclass(frozen=True, slots=True)
class _Beside:
    """Pairs of neighbours.

    Attributes:
        ahead: The left or upper ones.
        behind: The right or lower ones.
        apart: Per rank, how far the word of the second is from that of the first.
    """

    ahead: _Ints
    behind: _Ints
    apart: list[_Ints]


class _Axis:
    """The positions along one axis: which words they take, as far as this axis tells.

    Args:
        loops: Spatial loops along the axis, outermost first.
        apart: Dimensions in which instances take different words.
    """

    def __init__(self, loops: Sequence[NestLoop], apart: Collection[str]) -> None:
        self._numbers = {name: at.tolist() for name, at in _ranked(loops).items()}
        self._length = prod(loop.extent for loop in loops)
        telling = [at for name, at in self._numbers.items() if name in apart]
        self._words = list(zip(*telling, strict=True)) if telling else [()] * self._length
        self._known: dict[tuple[Window, ...], list[tuple[int, int, int]]] = {}

    def groups(self, windows: Mapping[str, Window]) -> list[tuple[int, int, int]]:
        """First position, last position and number of positions of each word."""
        key = tuple(windows.get(name, (0, -1)) for name in self._numbers)
        if key not in self._known:
            found: dict[object, tuple[int, int, int]] = {}
            for at in self._in(windows):
                first, _, members = found.get(self._words[at], (at, at, 0))
                found[self._words[at]] = (first, at, members + 1)
            self._known[key] = list(found.values())
        return self._known[key]

    def _in(self, windows: Mapping[str, Window]) -> Sequence[int]:
        """Positions at which a word is taken, ascending."""
        taking: Sequence[int] = range(self._length)
        for name, numbers in self._numbers.items():
            if name in windows:
                first, end = windows[name]
                taking = [at for at in taking if first <= numbers[at] < end]
        return taking


def _up_and_down(first: int, last: int, height: int) -> int:
    """Twice the links up and down from half the height to the outer ones of some rows."""
    return max(height - 1 - 2 * first, 0) + max(2 * last - height + 1, 0)


def _ranked(loops: Sequence[NestLoop]) -> dict[str, _Ints]:
    """By dimension, the number of every instance's offset among those of the dimension."""
    found = {}
    for name, own in by_dimension(loops).items():
        inside = [prod(loop.extent for loop in own[at:]) for at in range(1, len(own) + 1)]
        found[name] = _spread(loops, dict(zip(own, inside, strict=True)))
    return found


def _spread(loops: Sequence[NestLoop], weights: Mapping[NestLoop, int]) -> _Ints:
    """Sum of weighted iterations of every instance of some loops, outermost slowest."""
    found: _Ints = np.zeros(1, dtype=np.int64)
    for loop in loops:
        found = np.add.outer(found, np.arange(loop.extent) * weights.get(loop, 0)).reshape(-1)
    return found

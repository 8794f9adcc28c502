"""How often a schedule brings weights and inputs: steps that need others than the step before.

Counted by recursion over the loops, never by walking them: below a loop only two lengths of an axis
occur, the whole step and what is left at the end of the bound, so that a nest has few distinct
parts. Where every walk through the loads turns at its ends (``snake``), a part also depends on
which way its first walk goes.

Not modelled: that weights of two different pieces may be equal by value.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.walk import AXES, ScheduleWalk, WalkLoop

__all__ = ["Visits", "input_visits", "leaf_sizes", "weight_updates", "weight_visits"]

Visits = NDArray[np.int64]
"""Counts by step of ``co`` and load."""

_CO, _KO, _H, _W, _P = (AXES.index(axis) for axis in (Axis.CO, Axis.KO, Axis.H, Axis.W, Axis.P))
_WEIGHTS = (_CO, _KO)
_INPUTS = tuple(range(len(AXES)))


def weight_updates(walk: ScheduleWalk) -> int:
    """Return how often the weights held change, the first time included."""
    return int(weight_visits(walk).sum())


def weight_visits(walk: ScheduleWalk) -> Visits:
    """Return how often each piece of the weights is written.

    Returns:
        Updates, shape (steps of co, loads).
    """
    counted: Visits = _Nest(walk, walk.loops[: walk.weights], _WEIGHTS).visits().sum(axis=(2, 3))
    return counted


def input_visits(walk: ScheduleWalk, *, by_bundle: bool) -> Visits:
    """Return how often each piece of the inputs is brought.

    Args:
        walk: The loops.
        by_bundle: Whether column blocks differ in the inputs that they need.

    Returns:
        Movements, shape (steps of co, loads, 2, 2): rows of the tile's window, then its columns,
        each whole (0) or cut at the end of the map (1); pixels by number count as columns. What
        the sizes are, ``leaf_sizes`` says.
    """
    key = tuple(at for at in _INPUTS if by_bundle or at != _CO)
    return _Nest(walk, walk.loops[: walk.inputs], key).visits()


def leaf_sizes(walk: ScheduleWalk, axis: Axis) -> tuple[int, int]:
    """Units of an axis that the innermost piece takes: whole, and cut (0: none is)."""
    steps = [loop.step for loop in walk.loops if loop.axis is axis]
    bound = walk.bounds[axis]
    whole = steps[-1] if steps else bound
    return whole, bound % whole


_Spans = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What loops from some depth on do: movements but for the first step, and walks of ko."""

    moves: Visits
    walks: int


@dataclass(slots=True)
class _Nest:
    """The loops of one stream, and what makes it move."""

    walk: ScheduleWalk
    loops: tuple[WalkLoop, ...]
    key: tuple[int, ...]
    axes: tuple[int, ...] = ()
    leaf: _Spans = ()
    turn: int = -1
    known: dict[tuple[int, _Spans, bool], _Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.axes = tuple(AXES.index(loop.axis) for loop in self.loops)
        leaf = [self.walk.bounds[axis] for axis in AXES]
        for axis, loop in zip(self.axes, self.loops, strict=True):
            leaf[axis] = loop.step
        self.leaf = tuple(leaf)
        if self.walk.snake and _KO in self.axes:
            self.turn = self.axes.index(_KO)

    def visits(self) -> Visits:
        """All movements, the first included."""
        spans = tuple(self.walk.bounds[axis] for axis in AXES)
        moves = self.part(0, spans, False).moves.copy()
        moves[(0, 0, *self.sizes(spans))] += 1
        return moves

    def part(self, at: int, spans: _Spans, backward: bool) -> _Part:
        """What the loops from ``at`` on do on a piece of so many units per axis."""
        known = (at, spans, backward)
        if known not in self.known:
            self.known[known] = self._made(at, spans, backward)
        return self.known[known]

    def sizes(self, spans: _Spans) -> tuple[int, int]:
        """Whether the first tile of a piece is cut, along rows and along columns."""
        whole = self.leaf
        return int(spans[_H] < whole[_H]), int(spans[_W] < whole[_W] or spans[_P] < whole[_P])

    def _made(self, at: int, spans: _Spans, backward: bool) -> _Part:
        moves = np.zeros((spans[_CO], spans[_KO], 2, 2), dtype=np.int64)
        if at == len(self.loops):
            return _Part(moves, 0)
        axis, step = self.axes[at], self.loops[at].step
        whole, rest = divmod(spans[axis], step)
        pieces = [(step, whole), (rest, 1 if rest else 0)]
        begun = walks = 0
        for size, times in pieces:
            if not times:
                continue
            inner = (*spans[:axis], size, *spans[axis + 1 :])
            runs = self._runs(at, inner, times, backward ^ (walks % 2 == 1))
            for first, part, way in runs:
                # Every second run, where the ways differ; else all of them.
                count = range(first, times, len(runs))
                self._add(moves, at, inner, (part, way), begun * step, count)
            walks += times * runs[0][1].walks
            begun += times
        return _Part(moves, 1 if at == self.turn else walks)

    def _runs(
        self, at: int, inner: _Spans, times: int, backward: bool
    ) -> list[tuple[int, _Part, bool]]:
        """The distinct ways that equal pieces are walked in turn: number, part, direction."""
        part = self.part(at + 1, inner, backward)
        if times == 1 or part.walks % 2 == 0:
            return [(0, part, backward)]
        return [(0, part, backward), (1, self.part(at + 1, inner, not backward), not backward)]

    def _add(
        self, moves: Visits, at: int, inner: _Spans, run: tuple[_Part, bool], begin: int,
        count: range,
    ) -> None:  # fmt: skip
        """Add equal pieces of one loop: what they do inside, and what their first step moves."""
        axis, step = self.axes[at], self.loops[at].step
        part, backward = run
        first = self._first(at, inner, backward)
        changes = self._changes(at, inner)
        if axis not in (_CO, _KO):
            moves += len(count) * part.moves
            if changes:
                moves[first] += len(count) - (begin == 0 and count.start == 0)
            return
        for number in count:
            place = begin + number * step
            if axis == _KO and at == self.turn and backward:
                place = moves.shape[1] - 1 - place
            room = [slice(None), slice(None)]
            room[axis - _CO] = slice(place, place + inner[axis])
            moves[tuple(room)] += part.moves
            if changes and begin + number:
                moves[tuple(room)][first] += 1

    def _first(self, at: int, inner: _Spans, backward: bool) -> tuple[int, int, int, int]:
        """Where the first step of a piece counts."""
        load = inner[_KO] - 1 if at < self.turn and backward else 0
        return (0, load, *self.sizes(inner))

    def _changes(self, at: int, inner: _Spans) -> bool:
        """Whether the first step of a loop's next iteration needs others than the step before."""
        if self.axes[at] in self.key:
            return True
        return any(
            inner[axis] > self.leaf[axis]
            for axis in self.key
            if not (axis == _KO and at < self.turn)
        )

"""Walk the temporal loops of a stream without visiting every step.

A walk is composed loop by loop: what the loops inside do from a given state is worked out once and
reused, and a loop whose state repeats is multiplied. The number of distinct states is small, so the
cost grows with the number of loops and not with their extents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum

from stallscope.mappings.boxes import Vector
from stallscope.mappings.nest import NestLoop
from stallscope.mappings.problem import Tensor
from stallscope.mappings.reuse import Automaton, Event, State

__all__ = ["Pass", "Walk"]


class Walk(Enum):
    """How temporal loops are walked."""

    DEFAULT = "default"
    """As the reuse rule's origin does: Timeloop evaluates iterations 0 and 1 of each loop."""
    FULL = "full"
    """Every iteration."""


_Outcome = tuple[State, Vector, Mapping[Event, int]]


class Pass:
    """One walk of a stream's temporal loops, feeding an automaton.

    Args:
        tensor: The tensor streamed.
        loops: Temporal loops, outermost first. A loop over no dimension of the problem is a
            step that stays put.
        bounds: Bound of each dimension.
        ragged: The ragged dimensions.
        reach: Per ragged dimension, indices from a step's origin to the end of the last child.
        automaton: The rule of reuse.
        shortcut: Whether of each loop only iterations 0 and 1 are evaluated.
    """

    def __init__(
        self,
        tensor: Tensor,
        loops: tuple[NestLoop, ...],
        *,
        bounds: Mapping[str, int],
        ragged: tuple[str, ...],
        reach: Vector,
        automaton: Automaton,
        shortcut: bool,
    ) -> None:
        self._loops = loops
        self._moves = [tensor.origin({loop.dimension: loop.span}) for loop in loops]
        self._axis = [
            ragged.index(loop.dimension) if loop.dimension in ragged else -1 for loop in loops
        ]
        self._automaton = automaton
        self._shortcut = shortcut
        self._zero: Vector = (0,) * len(tensor.ranks)
        self._bound: Vector = tuple(bounds[dimension] for dimension in ragged)
        self._caps = self._reaches(reach)
        self._done: dict[tuple[int, Vector, State], _Outcome] = {}

    def events(self) -> Mapping[Event, int]:
        """Every distinct event of the walk and how often it happens."""
        left = self._cap(self._bound, 0)
        automaton = self._automaton
        state, first = automaton.step(
            automaton.start, self._zero, self._cap(left, len(self._loops))
        )
        counts = Counter({first: 1})
        counts.update(self._run(0, left, state)[2])
        return counts

    def _reaches(self, reach: Vector) -> list[Vector]:
        """Per depth, how much of a ragged dimension can still matter from there on."""
        caps = [reach]
        for loop, axis in zip(reversed(self._loops), reversed(self._axis), strict=True):
            cap = list(caps[-1])
            if axis >= 0:
                cap[axis] += (loop.extent - 1) * loop.span
            caps.append(tuple(cap))
        return caps[::-1]

    def _cap(self, left: Vector, depth: int) -> Vector:
        return tuple(map(min, left, self._caps[depth])) if left else left

    def _run(self, depth: int, left: Vector, state: State) -> _Outcome:
        """Walk the loops from ``depth`` inward; the first step has been taken already.

        Returns:
            The state after the last step, the origin's distance from the first to the last
            step, and the events of all steps but the first.
        """
        if depth == len(self._loops):
            return state, self._zero, {}
        key = (depth, left, state)
        if key not in self._done:
            if self._shortcut:
                self._done[key] = self._twice(depth, left, state)
            elif self._axis[depth] >= 0:
                self._done[key] = self._each(depth, left, state)
            else:
                self._done[key] = self._repeat(depth, left, state)
        return self._done[key]

    def _next(self, depth: int, left: Vector, state: State, end: Vector) -> _Outcome:
        """Step this loop once and walk the loops inside."""
        move = tuple(by - back for by, back in zip(self._moves[depth], end, strict=True))
        state, event = self._automaton.step(state, move, self._cap(left, len(self._loops)))
        state, end, counts = self._run(depth + 1, left, state)
        total = Counter(counts)
        total[event] += 1
        return state, end, total

    def _last(self, depth: int, trips: int, end: Vector) -> Vector:
        return tuple((trips - 1) * by + at for by, at in zip(self._moves[depth], end, strict=True))

    def _twice(self, depth: int, left: Vector, state: State) -> _Outcome:
        inner = self._cap(left, depth + 1)
        state, end, counts = self._run(depth + 1, inner, state)
        total = Counter(counts)
        state, end, counts = self._next(depth, inner, state, end)
        _add(total, counts, self._loops[depth].extent - 1)
        return state, self._last(depth, 2, end), total

    def _each(self, depth: int, left: Vector, state: State) -> _Outcome:
        """A loop over a ragged dimension: its last iterations differ."""
        loop, axis = self._loops[depth], self._axis[depth]
        trips = min(loop.extent, -(-left[axis] // loop.span))
        inner = self._cap(left, depth + 1)
        # Iterations are alike while more is left than can matter inside.
        spare = left[axis] - inner[axis]
        alike = min(trips, spare // loop.span + 1) if spare else 1
        state, end, total = self._alike(depth, inner, state, alike)
        for trip in range(alike, trips):
            rest = (*left[:axis], left[axis] - trip * loop.span, *left[axis + 1 :])
            state, end, counts = self._next(depth, self._cap(rest, depth + 1), state, end)
            _add(total, counts, 1)
        return state, self._last(depth, trips, end), total

    def _repeat(self, depth: int, left: Vector, state: State) -> _Outcome:
        """A loop whose iterations are all alike."""
        trips = self._loops[depth].extent
        state, end, total = self._alike(depth, self._cap(left, depth + 1), state, trips)
        return state, self._last(depth, trips, end), total

    def _alike(
        self, depth: int, inner: Vector, state: State, trips: int
    ) -> tuple[State, Vector, Counter[Event]]:
        """Iterations that are alike: stop when the state comes round again.

        Returns:
            The state, the distance from the first to the last step of the last iteration, and
            the events of all steps but the first.
        """
        state, end, counts = self._run(depth + 1, inner, state)
        total = Counter(counts)
        states, rounds = [state], list[Mapping[Event, int]]()
        while len(rounds) < trips - 1:
            state, end, counts = self._next(depth, inner, state, end)
            rounds.append(counts)
            if state in states:
                break
            states.append(state)
        for counts in rounds:
            _add(total, counts, 1)
        missing = trips - 1 - len(rounds)
        if missing:
            entry = states.index(state)
            cycle = rounds[entry:]
            whole, part = divmod(missing, len(cycle))
            for at, counts in enumerate(cycle):
                _add(total, counts, whole + (at < part))
            state = states[entry + part]
        return state, end, total


def _add(total: Counter[Event], counts: Mapping[Event, int], times: int) -> None:
    for event, number in counts.items():
        total[event] += number * times

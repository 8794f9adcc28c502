"""What crossbars compute between one update of their weights and the next, in order.

Two updates that follow each other matter where writing and computing overlap: the next weights are
written while the present ones compute. Stretches are joined like words: what a loop does so many
times over is a power, taken by squaring; only the pieces of the weights are gone through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.spread import Ints
from stallscope.mappings.reram.walk import AXES, ScheduleWalk

__all__ = ["Stretches", "stretches_of"]


@dataclass(frozen=True, kw_only=True)
class Stretches:
    """Pixels computed between updates, which have a kind each.

    Attributes:
        head: Pixels before the first update; all pixels if there is none.
        first: Kind of the first update, or None: there is none.
        between: How often so many pixels are followed by an update of a kind; not the first one.
        tail: Pixels after the last update; all pixels if there is none.
    """

    head: int = 0
    first: int | None = None
    between: Counter[tuple[int, int]] = field(default_factory=Counter)
    tail: int = 0

    def then(self, other: Stretches) -> Stretches:
        """What comes of both, one after the other."""
        if other.first is None:
            head = self.head + (other.head if self.first is None else 0)
            return Stretches(
                head=head, first=self.first, between=self.between, tail=self.tail + other.tail
            )
        if self.first is None:
            return Stretches(
                head=self.head + other.head, first=other.first, between=other.between,
                tail=other.tail,
            )  # fmt: skip
        between = self.between + other.between
        between[self.tail + other.head, other.first] += 1
        return Stretches(head=self.head, first=self.first, between=between, tail=other.tail)

    def times(self, count: int) -> Stretches:
        """The same so many times over."""
        made, square = Stretches(), self
        while count:
            if count & 1:
                # All factors are powers of one: their order does not matter.
                made = made.then(square)
            count >>= 1
            if count:
                square = square.then(square)
        return made


def stretches_of(walk: ScheduleWalk, kinds: Ints) -> Stretches:
    """Return the stretches of a run.

    Args:
        walk: The loops.
        kinds: Kind of an update by what it writes, shape (steps of co, loads).

    Returns:
        All updates, the first one before any pixel.
    """
    return _Weights(walk, kinds).all()


_CO, _KO = AXES.index(Axis.CO), AXES.index(Axis.KO)
_Spans = tuple[int, ...]
_Place = tuple[int, int]


class _Weights:
    """The loops of the weights' stream."""

    def __init__(self, walk: ScheduleWalk, kinds: Ints) -> None:
        self.loops = walk.loops[: walk.weights]
        self.axes = tuple(AXES.index(loop.axis) for loop in self.loops)
        self.bounds = tuple(walk.bounds[axis] for axis in AXES)
        self.kinds = kinds
        self.turn = self.axes.index(_KO) if walk.snake and _KO in self.axes else -1
        self.known: dict[tuple[int, _Spans, _Place, bool], tuple[Stretches, bool]] = {}

    def all(self) -> Stretches:
        """Everything, with the first update."""
        first = Stretches(first=int(self.kinds[0, 0]))
        return first.then(self.part(0, self.bounds, (0, 0), False)[0])

    def part(
        self, at: int, spans: _Spans, place: _Place, backward: bool
    ) -> tuple[Stretches, bool]:  # fmt: skip
        """What loops from ``at`` on do, and which way the next walk of ko goes after it."""
        known = (at, spans, place, backward)
        if known not in self.known:
            self.known[known] = self._made(at, spans, place, backward)
        return self.known[known]

    def _made(
        self, at: int, spans: _Spans, place: _Place, backward: bool
    ) -> tuple[Stretches, bool]:  # fmt: skip
        if at == len(self.loops):
            pixels = 1
            for axis, span in enumerate(spans):
                pixels *= 1 if axis in (_CO, _KO) else span
            return Stretches(head=pixels, tail=pixels), backward
        if self.axes[at] in (_CO, _KO):
            return self._through_weights(at, spans, place, backward)
        step, axis = self.loops[at].step, self.axes[at]
        whole, rest = divmod(spans[axis], step)
        parts: list[Stretches] = []
        for size, times in ((step, whole), (rest, 1 if rest else 0)):
            inner = (*spans[:axis], size, *spans[axis + 1 :])
            if times:
                part, way = self._again(at + 1, inner, place, backward, times)
                if parts:
                    parts.append(self._between(at + 1, inner, place, backward))
                parts.append(part)
                backward = way
        return _joined(parts), backward

    def _again(
        self, at: int, spans: _Spans, place: _Place, backward: bool, times: int
    ) -> tuple[Stretches, bool]:
        """Equal parts in a row: every second one may go another way."""
        part, way = self.part(at, spans, place, backward)
        if way == backward:
            again = self._between(at, spans, place, way).then(part)
            return part.then(again.times(times - 1)), way
        other, _ = self.part(at, spans, place, way)
        back = self._between(at, spans, place, way).then(other)
        forth = self._between(at, spans, place, backward).then(part)
        made = part.then(back.then(forth).times((times - 1) // 2))
        if times % 2:
            return made, way
        return made.then(back), backward

    def _through_weights(
        self, at: int, spans: _Spans, place: _Place, backward: bool
    ) -> tuple[Stretches, bool]:  # fmt: skip
        """Through a loop of co or ko, where every iteration is an update."""
        axis, step = self.axes[at], self.loops[at].step
        starts = list(range(0, spans[axis], step))
        if at == self.turn and backward:
            starts.reverse()
        parts: list[Stretches] = []
        way = backward
        for number, start in enumerate(starts):
            inner = (*spans[:axis], min(step, spans[axis] - start), *spans[axis + 1 :])
            here = (place[0] + start, place[1]) if axis == _CO else (place[0], place[1] + start)
            if number:
                parts.append(Stretches(first=self._kind(at + 1, inner, here, way)))
            part, way = self.part(at + 1, inner, here, way)
            parts.append(part)
        return _joined(parts), not backward if at == self.turn else way

    def _between(self, at: int, spans: _Spans, place: _Place, backward: bool) -> Stretches:
        """The update, if any, when loops from ``at`` on begin again."""
        if spans[_CO] == 1 and (spans[_KO] == 1 or at <= self.turn):
            return Stretches()
        return Stretches(first=self._kind(at, spans, place, backward))

    def _kind(self, at: int, spans: _Spans, place: _Place, backward: bool) -> int:
        """Kind of the first weights of a part."""
        turned = spans[_KO] - 1 if at <= self.turn and backward else 0
        return int(self.kinds[place[0], place[1] + turned])


def _joined(parts: Iterable[Stretches]) -> Stretches:
    return reduce(Stretches.then, parts, Stretches())

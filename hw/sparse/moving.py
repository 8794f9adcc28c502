"""What the steps of one mover carry, looked up as they come: demands, and a running total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stallscope.hw.sparse.amounts import Amounts, Network, Sides, Totals, Weights
from stallscope.simcore.position import Position
from stallscope.simcore.servers import Demand, Server
from stallscope.traces.arrivals import Arrivals, arrivals
from stallscope.traces.contents import StepKeys
from stallscope.traces.pieces import Kind, pieces
from stallscope.traces.program import MoverStream
from stallscope.traces.ways import Way

__all__ = ["Moved", "Moving", "Template", "Variant"]

_Ints = NDArray[np.int64]

_BITS = 12
_CHUNK = 1 << _BITS
"""Steps whose amounts are worked out at once, when the first of them comes."""

Variant = tuple[bool, tuple[tuple[int, int], ...]]
"""What else a step's kind depends on: whether the child keeps words of its last tile, and which
neighbours pass words on (`Record`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """How amounts become a demand.

    Attributes:
        parts: Servers, each with the columns of `Amounts` whose words it moves.
        idle_cause: Cause of a transfer that nothing limits.
        burst_words: Words of a burst.
    """

    parts: tuple[tuple[Server, tuple[int, ...]], ...]
    idle_cause: int
    burst_words: int


@dataclass(slots=True)
class _Steps:
    """The steps of one variant in which one loop steps.

    Attributes:
        arrivals: Where their tiles are.
        origins: First word of the first child's tile, shape (numbers, ranks).
        kind: Number of the kind of each, -1 where there is no such step.
        chunks: What is known of them: what the busiest instances move, and all words.
    """

    arrivals: Arrivals
    origins: _Ints
    kind: _Ints
    chunks: dict[int, tuple[_Ints, _Ints]] = field(default_factory=dict)


class Moving:
    """The contents of one mover's steps.

    Args:
        stream: The mover's stream.
        keys: What tells its steps apart.
        way: The way to the children.
        sides: How the ends store the tensor.
        networks: The networks on the way.

    Attributes:
        amounts: Works out words.
        layout: Columns of `totals`.
        totals: All words of the steps booked so far.
        links: Per block, names of the links that words may hold.
    """

    def __init__(
        self,
        stream: MoverStream,
        keys: StepKeys,
        way: Way,
        sides: Sides,
        networks: Sequence[Network],
    ) -> None:
        self._way, self._keys = way, keys
        self._networks = networks
        self._kinds: dict[object, int] = {}
        self._weights: list[Weights] = []
        depth = len(stream.loops)
        self._strides = [(at, stride) for at, stride in enumerate(keys.strides) if stride]
        found: dict[tuple[int, Variant], _Steps] = {}
        known: dict[int, Arrivals] = {}
        # Per record and loop that stepped.
        self._steps: list[list[_Steps | None]] = [
            [None] * (depth + 1) for _ in stream.records
        ]  # fmt: skip
        for stepped, record in _used(stream):
            slides, sources = stream.records[record].slides, stream.records[record].sources
            variant = (slides and stepped < depth, sources)
            if (stepped, variant) not in found:
                if stepped not in known:
                    known[stepped] = arrivals(stream, keys, way.bounds, stepped)
                found[stepped, variant] = self._find(known[stepped], variant)
            self._steps[record][stepped] = found[stepped, variant]
        self.layout = Totals(self._group_sizes())
        self.links = self._link_names()
        self.amounts = Amounts(sides, self.layout, self.links)
        self.totals = np.zeros(self.layout.count, dtype=np.int64)
        self._template: Template
        self._demands: dict[tuple[int, ...], Demand] = {}

    def connect(self, template: Template) -> None:
        """Say which servers words hold."""
        self._template = template

    # ------------------------------------------------------------------ while it runs

    def at(self, record: int, position: Position) -> Moved:
        """What the present step moves.

        Args:
            record: Its record.
            position: Where the stream stands.
        """
        index = position.index
        number = 0
        for at, stride in self._strides:
            number += index[at] * stride
        steps = self._steps[record][position.stepped]
        assert steps is not None
        row = number // steps.arrivals.stride
        chunk = steps.chunks.get(row >> _BITS)
        if chunk is None:
            chunk = self._load(steps, row >> _BITS)
        busiest, totals = chunk
        row &= _CHUNK - 1
        key = tuple(busiest[row].tolist())
        demand = self._demands.get(key)
        if demand is None:
            demand = self._demands[key] = self._demand(key)
        return Moved(demand, totals[row], (record, position.stepped, number))

    def book(self, moved: Moved) -> None:
        """A step has moved its words."""
        self.totals += moved.words

    def grow(self, times: int, growth: Sequence[int]) -> None:
        """Apply so many periods in which `totals` grew so."""
        self.totals += times * np.array(growth, dtype=np.int64)

    def _demand(self, amounts: tuple[int, ...]) -> Demand:
        template = self._template
        parts = [
            (server, amounts[columns[0]] if len(columns) == 1 else sum(amounts[c] for c in columns))
            for server, columns in template.parts
        ]
        return Demand(parts, 0, template.idle_cause, template.burst_words)

    def _load(self, steps: _Steps, number: int) -> tuple[_Ints, _Ints]:
        """Work out the amounts of a chunk of steps."""
        part = slice(number << _BITS, (number + 1) << _BITS)
        kinds, origins = steps.kind[part], steps.origins[part]
        busiest = np.zeros((len(kinds), self.amounts.width), dtype=np.int64)
        totals = np.zeros((len(kinds), self.layout.count), dtype=np.int64)
        for kind in np.unique(kinds[kinds >= 0]).tolist():
            own = np.flatnonzero(kinds == kind)
            busiest[own], totals[own] = self.amounts.of(self._weights[kind], origins[own])
        steps.chunks[number] = busiest, totals
        return busiest, totals

    # ------------------------------------------------------------------ kinds of step

    def _find(self, steps: Arrivals, variant: Variant) -> _Steps:
        """Tell the kinds of steps apart: how far tiles move, and how bounds clip them."""
        slides, sources = variant
        way = self._way
        real = np.flatnonzero(steps.is_step)
        before = steps.before if slides else None
        columns = [way.clips(steps.now, real)]
        if before is not None:
            columns += [way.clips(before, real), *(
                (before[name][real] - at[real])[:, None] for name, at in steps.now.items()
            )]  # fmt: skip
        kind = np.full(steps.count, -1, dtype=np.int64)
        rows, which = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)
        which = which.reshape(-1)
        for number, row in enumerate(rows.tolist()):
            own = real[which == number]
            key = (before is None, sources, tuple(row))
            if key not in self._kinds:
                self._kinds[key] = len(self._weights)
                now = _origin(steps.now, int(own[0]))
                then = _origin(before, int(own[0])) if before is not None else None
                one = Kind(now=now, before=then, sources=sources)
                self._weights.append(Weights(pieces(way, one), self._networks))
            kind[own] = self._kinds[key]
        return _Steps(steps, way.origin(steps.now, steps.count), kind)

    def _group_sizes(self) -> list[list[int]]:
        """Per block, the numbers of instances that some piece reaches."""
        return [
            sorted({size for own in self._weights for size in own.flows[at].multicast})
            for at in range(len(self._way.blocks))
        ]

    def _link_names(self) -> list[list[str]]:
        return [
            sorted({name for own in self._weights for name in own.flows[at].links})
            for at in range(len(self._way.blocks))
        ]


@dataclass(frozen=True, slots=True)
class Moved:
    """What one step moves.

    Attributes:
        demand: What it asks of its servers.
        words: All words, by the columns of `Totals`.
        key: Record, loop that stepped and number of the step: equal for equal contents.
    """

    demand: Demand
    words: _Ints
    key: tuple[int, int, int]


def _origin(at: Mapping[str, _Ints], which: int) -> dict[str, int]:
    return {name: int(own[which]) for name, own in at.items()}


def _used(stream: MoverStream) -> list[tuple[int, int]]:
    """Pairs of a loop that steps (their number: none yet) and a record that its steps may have."""
    found = {(len(stream.loops), stream.first)}
    found |= {(loop, record) for loop, row in enumerate(stream.table) for record in row}
    found |= {(loop, record) for loop, _, _, record, _ in stream.keyed}
    return sorted(found)

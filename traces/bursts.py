"""Compile the compute stream: bursts of multiply-accumulates between which no tile changes.

Every MAC reads its operands each cycle; nothing is dropped. What a burst reads is the sum over its
steps, by kind: the loop that stepped, the loop that stepped before, and with remainders the
pattern of idle units.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod

from stallscope.traces.chain import Tally
from stallscope.traces.digits import below, nth, offsets, positions
from stallscope.traces.movers import stream_loops
from stallscope.traces.nest import Nest
from stallscope.traces.operands import MacKind, MacOperand
from stallscope.traces.program import Access, ComputeStream, Operand, Work
from stallscope.traces.steps import Origin, Steps

__all__ = ["compile_compute"]


_Loads = tuple[tuple[int, int], ...]
"""(multiply-accumulates, units) pairs, most first."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Steps of a burst at which as many MACs have work, as far as one dimension tells.

    Attributes:
        origin: The first of them.
        active: How many of the MACs' offsets have work.
        count: How many there are.
        fresh: How many of them stand at 0 in the burst's loops, if these are reduction loops.
    """

    origin: int
    active: int
    count: int
    fresh: int


@dataclass(slots=True)
class _Sum:
    """Access of one burst, being added up."""

    busiest: int = 0
    words: int = 0
    fresh: int = 0
    busiest_fresh: int = 0
    tallies: list[Tally] = field(default_factory=list)


class _ComputeCompiler:
    """Works out the kinds of burst."""

    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.operands = [MacOperand(nest, tensor) for tensor in nest.case.problem.tensors]
        self.loops = nest.temporal(nest.depth)
        depth = max(operand.depth for operand in self.operands)
        self.depth = max(depth, 0)
        self.outer, self.inner = self.loops[: self.depth], self.loops[self.depth :]
        spans = dict.fromkeys(nest.bounds, 1)
        for loop in self.inner:
            spans[loop.dimension] = max(spans[loop.dimension], loop.step * loop.extent)
        self.steps = Steps(nest, self.outer, spans, nest.depth)
        self.output = nest.case.problem.output
        self.innermost = nest.block(nest.depth - 1)
        self.offsets = {
            name: offsets(o for o in nest.loops if o.is_spatial and o.dimension == name)
            for name in self.steps.bounds
        }
        self.records: dict[Work, int] = {}
        self.known: dict[tuple[int, ...], int] = {}

    # ------------------------------------------------------------------ the steps of one burst

    def _plain(self, loop: int) -> Iterator[MacKind]:
        """Kinds of step of a burst that ``loop`` (or -1: the start) enters, without remainders."""
        fresh = prod(e.extent for e in self.inner if e.dimension in self.output.dimensions)
        yield MacKind(loop, (), (), 1, 0)
        times = 1
        for index, inner in enumerate(self.inner, start=self.depth):
            yield MacKind(index, (), (), times * (inner.extent - 1), 0)
            times *= inner.extent
        # Where every reduction loop stands at 0 no neighbour can have the word: nothing is linked.
        yield MacKind(-1, (), (), 0, fresh)

    def _clipped(self, patterns: list[list[_Pattern]]) -> Iterator[MacKind]:
        """Kinds of step of a burst with remainders, of the patterns in each dimension."""
        free = free_fresh = 1
        for loop in self.inner:
            if loop.dimension not in self.nest.clipped:
                free *= loop.extent
                if loop.dimension in self.output.dimensions:
                    free_fresh *= loop.extent
        for choice in product(*patterns):
            yield MacKind(
                loop=0,
                origin=tuple(zip(self.steps.bounds, (one.origin for one in choice), strict=True)),
                active=tuple(one.active for one in choice),
                count=free * prod(one.count for one in choice),
                fresh=free_fresh * prod(one.fresh for one in choice),
            )

    def _patterns(self, name: str, start: int) -> list[_Pattern]:
        """Patterns of idle MACs of one dimension, over a burst that begins at ``start``."""
        own = [loop for loop in self.inner if loop.dimension == name]
        offsets = self.offsets[name]
        left = self.nest.bounds[name] - start
        found: list[_Pattern] = []
        done, steps = 0, below(own, left)
        while done < steps:
            origin = nth(own, done)
            active = bisect_left(offsets, left - origin)
            # As many have work until the last of them is past the bound.
            count = below(own, left - offsets[active - 1]) - done
            fresh = count if name in self.output.dimensions else int(not done)
            found.append(_Pattern(start + origin, active, count, fresh))
            done += count
        return found

    # ------------------------------------------------------------------ records

    def record(self, kinds: list[MacKind], loads: _Loads, left: Mapping[str, int]) -> int:
        """Number of the record of a burst.

        Args:
            kinds: Its steps.
            loads: Multiply-accumulates per unit.
            left: Iterations left to the bound where it begins, in dimensions with remainders.
        """
        accesses = [self._access(operand, kinds) for operand in self.operands]
        made = Work(
            cycles=sum(kind.count for kind in kinds),
            computes=sum(macs * units for macs, units in loads),
            loads=loads,
            accesses=tuple(accesses),
            rows=positions(self.innermost.y_loops, left),
            columns=positions(self.innermost.x_loops, left),
        )
        return self.records.setdefault(made, len(self.records))

    def _whole(self, loop: int) -> int:
        """Record of a burst that ``loop`` (or -1: the start) enters, without remainders."""
        if not any(operand.may_link for operand in self.operands):
            loop = -1
        if (loop,) in self.known:
            return self.known[loop,]
        kinds = list(self._plain(loop))
        steps = sum(kind.count for kind in kinds)
        loads = ((steps, self.nest.instances(self.nest.depth)),)
        self.known[loop,] = self.record(kinds, loads, {})
        return self.known[loop,]

    def _remaining(self, now: Origin) -> int:
        """Record of a burst that begins at an origin, with remainders."""
        key = tuple(
            classes[now.get(name, 0) // grain]
            for name, classes, grain in zip(
                self.steps.bounds, self.steps.classes, self.steps.grain, strict=True
            )
        )
        if key not in self.known:
            patterns = [self._patterns(name, now.get(name, 0)) for name in self.steps.bounds]
            left = {name: self.nest.bounds[name] - now.get(name, 0) for name in self.steps.bounds}
            kinds = list(self._clipped(patterns))
            self.known[key] = self.record(kinds, self._loads(patterns), left)
        return self.known[key]

    def _access(self, operand: MacOperand, kinds: list[MacKind]) -> Access:
        total = _Sum(tallies=[Tally() for _ in operand.chain.blocks])
        for kind in kinds:
            step = operand.step(kind, self.loops)
            total.busiest += step.busiest * kind.count
            total.words += step.words * kind.count
            if operand.tensor.is_output:
                total.fresh += step.words * kind.fresh
                total.busiest_fresh += step.busiest * kind.fresh
            for tally, one in zip(total.tallies, step.tallies, strict=True):
                tally.repeat(one, kind.count)
        times = 1 if self.nest.clipped else self.nest.instances(operand.level)
        return Access(
            busiest_words=total.busiest,
            words=total.words * times,
            fresh_words=total.fresh * times,
            busiest_fresh=total.busiest_fresh,
            crossings=tuple(
                tally.crossing(name, times, block.longest, is_routed=is_routed)
                for tally, name, block, is_routed in zip(
                    total.tallies,
                    operand.chain.names,
                    operand.chain.blocks,
                    operand.chain.is_routed,
                    strict=True,
                )
            ),
        )

    def _loads(self, patterns: list[list[_Pattern]]) -> _Loads:
        """Multiply-accumulates per unit of a burst, grouped: a product over the dimensions."""
        free = [loop.extent for loop in self.inner if loop.dimension not in self.nest.clipped]
        alike = [loop.extent for loop in self.nest.loops
                 if loop.is_spatial and loop.dimension not in self.nest.clipped]  # fmt: skip
        units: Counter[int] = Counter({prod(free): prod(alike)})
        for own in patterns:
            # The later a unit stands, the fewer patterns it has work in: the first ones.
            steps: Counter[int] = Counter()
            macs = 0
            ends = [one.active for one in own]
            for one, end in zip(own, [*ends[1:], 0], strict=True):
                macs += one.count
                steps[macs] += one.active - end
            made: Counter[int] = Counter()
            for (before, number), (macs, more) in product(units.items(), steps.items()):
                made[before * macs] += number * more
            units = made
        return tuple(sorted(units.items(), reverse=True))

    def compile(self) -> ComputeStream:
        """Compile the stream."""
        depth = len(self.outer)
        table: list[tuple[int, ...]] = []
        keyed = []
        if self.nest.clipped:
            first = self._remaining({})
            for step in self.steps.clipped():
                keyed.append((step.loop, step.key, 0, self._remaining(step.now), 0))
        else:
            first = self._whole(-1)
            table = [(self._whole(loop),) * (depth + 1) for loop in range(depth)]
        return ComputeStream(
            unit=self.nest.case.architecture.compute.name,
            loops=stream_loops(self.nest, None, self.outer),
            inner=stream_loops(self.nest, None, self.inner),
            bounds=tuple((name, self.nest.bounds[name]) for name in self.steps.bounds),
            operands=tuple(
                Operand(
                    tensor=operand.tensor.name,
                    level=self.nest.level_name(operand.level),
                    depth=operand.depth,
                    is_output=operand.tensor.is_output,
                    elide_first=self.nest.case.rules.first_read_elision,
                )
                for operand in self.operands
            ),
            records=tuple(self.records),
            first=first,
            table=tuple(table),
            keyed=tuple(keyed),
            classes=self.steps.classes,
            grain=self.steps.grain,
            instances=self.nest.instances(self.nest.depth),
        )


def compile_compute(nest: Nest) -> ComputeStream:
    """Compile the stream of the MAC array."""
    return _ComputeCompiler(nest).compile()

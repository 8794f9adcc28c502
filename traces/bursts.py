"""Compile the compute stream: bursts of multiply-accumulates between which no tile changes.

Every MAC reads its operands each cycle; nothing is dropped. What a burst reads is the sum over its
steps, by kind: the loop that stepped, the loop that stepped before, and with remainders the
pattern of idle units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import prod

from stallscope.mappings.problem import Tensor
from stallscope.traces.boxes import Demand
from stallscope.traces.chain import Chain, Leaf, Tally, has_links, plus
from stallscope.traces.movers import stream_loops
from stallscope.traces.nest import Nest
from stallscope.traces.program import Access, ComputeStream, Operand, Work
from stallscope.traces.steps import Origin, Steps, origins

__all__ = ["compile_compute"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Steps of a burst that look alike.

    Attributes:
        loop: Loop that stepped; -1 for a step that nothing came before.
        origin: With remainders, an example of where the steps stand.
        count: How many there are.
        fresh: How many of them stand at 0 in every reduction loop of the burst.
    """

    loop: int
    origin: tuple[tuple[str, int], ...]
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


class _Operand:
    """One tensor at the innermost level that keeps it."""

    def __init__(self, nest: Nest, tensor: Tensor) -> None:
        self.nest, self.tensor = nest, tensor
        keepers = nest.keepers(tensor.name)
        self.level = keepers[-1]
        self.chain = Chain(nest, tensor, self.level, nest.depth)
        is_memory = len(keepers) == 1
        self.depth = -1 if is_memory else len(nest.walked(tensor, self.level))
        self.may_link = (
            has_links(nest.case, nest.depth - 1)
            and self.chain.blocks[-1].count > 1
            and not nest.clipped
        )
        self._cache: dict[object, tuple[int, int, list[Tally]]] = {}

    def _word(self, offset: Origin) -> Demand:
        """The one word of the MAC at an origin; none where the MAC is idle."""
        for name in self.nest.clipped:
            if offset.get(name, 0) >= self.nest.bounds[name]:
                return ()
        return (tuple((low, 1) for low in self.tensor.origin(offset)),)

    def step(self, kind: _Kind, steps: Steps) -> tuple[int, int, list[Tally]]:
        """(words at the busiest instance, words, per network) of one step of a kind."""
        key = kind.loop if self.may_link else kind.origin
        if key not in self._cache:
            self._cache[key] = self._step(kind, steps)
        return self._cache[key]

    def _step(self, kind: _Kind, steps: Steps) -> tuple[int, int, list[Tally]]:
        tallies = [Tally() for _ in self.chain.blocks]
        base, before = dict(kind.origin), None
        if self.may_link and kind.loop >= 0:
            base, before = steps.displacement(kind.loop), self._came(steps, kind.loop)
        parents = self.chain.parents() if self.nest.clipped else [{}]
        supplied = [
            len(self.chain.share(tallies, self._word, plus(base, parent), before))
            for parent in parents
        ]
        return max(supplied), sum(supplied), tallies

    def _came(self, steps: Steps, loop: int) -> Leaf:
        """The word a MAC had before ``loop`` stepped, by its origin after."""
        back = {name: -by for name, by in steps.displacement(loop).items()}
        return lambda offset: self._word(plus(offset, back))


class _ComputeCompiler:
    """Works out the kinds of burst."""

    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.operands = [_Operand(nest, tensor) for tensor in nest.case.problem.tensors]
        self.loops = nest.temporal(nest.depth)
        depth = max(operand.depth for operand in self.operands)
        self.depth = max(depth, 0)
        self.outer, self.inner = self.loops[: self.depth], self.loops[self.depth :]
        spans = dict.fromkeys(nest.bounds, 1)
        for loop in self.inner:
            spans[loop.dimension] = max(spans[loop.dimension], loop.step * loop.extent)
        self.steps = Steps(nest, self.outer, spans, nest.depth)
        self.all_steps = Steps(nest, self.loops, dict.fromkeys(nest.bounds, 1), nest.depth)
        self.output = nest.case.problem.output
        self.records: dict[Work, int] = {}

    # ------------------------------------------------------------------ the steps of one burst

    def _plain(self, loop: int) -> Iterator[_Kind]:
        """Kinds of step of a burst that ``loop`` (or -1: the start) enters, without remainders."""
        fresh = prod(e.extent for e in self.inner if e.dimension in self.output.dimensions)
        yield _Kind(loop, (), 1, 0)
        times = 1
        for index, inner in enumerate(self.inner, start=self.depth):
            yield _Kind(index, (), times * (inner.extent - 1), 0)
            times *= inner.extent
        # Where every reduction loop stands at 0 no neighbour can have the word: nothing is linked.
        yield _Kind(-1, (), 0, fresh)

    def _clipped(self, now: Origin) -> Iterator[_Kind]:
        """Kinds of step of a burst at an outer origin, with remainders."""
        choices = []
        free = free_fresh = 1
        for loop in self.inner:
            if loop.dimension not in self.nest.clipped:
                free *= loop.extent
                if loop.dimension in self.output.dimensions:
                    free_fresh *= loop.extent
        for name in self.steps.bounds:
            choices.append(self._patterns(name, now.get(name, 0)))
        for choice in product(*choices):
            origin = dict(now)
            count, fresh = free, free_fresh
            for name, (at, number, fresh_number) in zip(self.steps.bounds, choice, strict=True):
                origin[name] = at
                count, fresh = count * number, fresh * fresh_number
            yield _Kind(0, tuple(sorted(origin.items())), count, fresh)

    def _patterns(self, name: str, start: int) -> list[tuple[int, int, int]]:
        """(example origin, steps, fresh steps) per pattern of idle units of one dimension."""
        own = [loop for loop in self.inner if loop.dimension == name]
        index = self.steps.bounds.index(name)
        classes = self.all_steps.classes[index]
        grain = self.all_steps.grain[index]
        is_output = name in self.output.dimensions
        found: dict[int, tuple[int, int, int]] = {}
        for inside, _ in origins(own, self.nest.bounds[name] - start):
            at = start + inside
            kind = classes[at // grain] if len(classes) > 1 else 0
            example, number, fresh = found.get(kind, (at, 0, 0))
            is_fresh = is_output or inside == 0
            found[kind] = (example, number + 1, fresh + is_fresh)
        return list(found.values())

    # ------------------------------------------------------------------ records

    def record(self, kinds: list[_Kind]) -> int:
        """Number of the record of a burst of these kinds of step."""
        times = 1 if self.nest.clipped else self.nest.instances(self.nest.depth)
        accesses = [self._access(operand, kinds) for operand in self.operands]
        steps = sum(kind.count for kind in kinds)
        loads = self._loads(kinds) if self.nest.clipped else ((steps, times),)
        made = Work(
            cycles=steps,
            computes=sum(macs * units for macs, units in loads),
            loads=loads,
            accesses=tuple(accesses),
        )
        return self.records.setdefault(made, len(self.records))

    def _access(self, operand: _Operand, kinds: list[_Kind]) -> Access:
        total = _Sum(tallies=[Tally() for _ in operand.chain.blocks])
        for kind in kinds:
            busiest, words, tallies = operand.step(kind, self.all_steps)
            total.busiest += busiest * kind.count
            total.words += words * kind.count
            if operand.tensor.is_output:
                total.fresh += words * kind.fresh
                total.busiest_fresh += busiest * kind.fresh
            for tally, one in zip(total.tallies, tallies, strict=True):
                _add(tally, one, kind.count)
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

    def _loads(self, kinds: list[_Kind]) -> tuple[tuple[int, int], ...]:
        """Multiply-accumulates per unit of a burst, grouped."""
        units: Counter[int] = Counter()
        chain = Chain(self.nest, self.output, 0, self.nest.depth)
        bases: list[Origin] = [{}]
        for block in chain.blocks:
            bases = [plus(base, offset) for base in bases for offset in block.offsets()]
        for base in bases:
            work = 0
            for kind in kinds:
                at = plus(dict(kind.origin), base)
                if all(at.get(name, 0) < self.nest.bounds[name] for name in self.nest.clipped):
                    work += kind.count
            if work:
                units[work] += 1
        return tuple(sorted(units.items(), reverse=True))

    def compile(self) -> ComputeStream:
        """Compile the stream."""
        depth = len(self.outer)
        table: list[tuple[int, ...]] = []
        keyed = []
        if self.nest.clipped:
            first = self.record(list(self._clipped({})))
            for step in self.steps.clipped():
                number = self.record(list(self._clipped(step.now)))
                keyed.append((step.loop, step.key, 0, number, 0))
        else:
            first = self.record(list(self._plain(-1)))
            table = [(self.record(list(self._plain(i))),) * (depth + 1) for i in range(depth)]
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


def _add(tally: Tally, one: Tally, count: int) -> None:
    """Add ``count`` steps to a sum."""
    tally.words_in += one.words_in * count
    tally.busiest += one.busiest * count
    tally.deliveries += one.deliveries * count
    tally.half_hops += one.half_hops * count
    tally.links += one.links * count
    for size, words in one.multicast.items():
        tally.multicast[size] += words * count
    for who, words in one.groups.items():
        tally.groups[who] += words * count


def compile_compute(nest: Nest) -> ComputeStream:
    """Compile the stream of the MAC array."""
    return _ComputeCompiler(nest).compile()

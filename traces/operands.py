"""One operand of the MACs: what a step of multiply-accumulates reads at the level that keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from stallscope.mappings.problem import Tensor
from stallscope.traces.boxes import Demand
from stallscope.traces.chain import Chain, Leaf, Tally, has_links, plus
from stallscope.traces.digits import below, by_dimension, offsets
from stallscope.traces.nest import Nest, NestLoop
from stallscope.traces.steps import Origin, displacement
from stallscope.traces.words import BlockWords, Window

__all__ = ["MacKind", "MacOperand", "MacStep"]


@dataclass(frozen=True, slots=True)
class MacKind:
    """Steps of a burst that look alike.

    Attributes:
        loop: Loop that stepped; -1 for a step that nothing came before.
        origin: With remainders, an example of where the steps stand.
        active: With remainders, per dimension that has them, how many of the MACs' offsets have
            work.
        count: How many there are.
        fresh: How many of them stand at 0 in every reduction loop of the burst.
    """

    loop: int
    origin: tuple[tuple[str, int], ...]
    active: tuple[int, ...]
    count: int
    fresh: int


@dataclass(frozen=True, slots=True)
class MacStep:
    """What one step reads.

    Attributes:
        busiest: Words at the busiest instance of the level.
        words: Words at all of them.
        tallies: Per network on the way, outermost first.
    """

    busiest: int
    words: int
    tallies: tuple[Tally, ...]


class MacOperand:
    """One tensor at the innermost level that keeps it.

    Attributes:
        level: That level.
        chain: The way to the MACs.
        depth: Temporal loops outside a tile there; -1 if the level is where the tensor starts.
        may_link: Whether what a step reads depends on the loop that stepped.
    """

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
        self._wide = [at for at, block in enumerate(self.chain.blocks) if block.count > 1]
        self._inside = by_dimension(
            loop for at in self._wide for loop in self.chain.blocks[at].loops
        )
        self._words = self._wide_words()
        self._cache: dict[object, MacStep] = {}

    def step(self, kind: MacKind, loops: Sequence[NestLoop]) -> MacStep:
        """One step of a kind among ``loops``, all temporal loops."""
        key: object = kind.loop if self.may_link else kind.active
        if key not in self._cache:
            is_counted = len(self._wide) <= 1
            self._cache[key] = (self._counted if is_counted else self._listed)(kind, loops)
        return self._cache[key]

    # ------------------------------------------------------------------ MAC by MAC

    def _word(self, offset: Origin) -> Demand:
        """The one word of the MAC at an origin; none where the MAC is idle."""
        for name in self.nest.clipped:
            if offset.get(name, 0) >= self.nest.bounds[name]:
                return ()
        return (tuple((low, 1) for low in self.tensor.origin(offset)),)

    def _listed(self, kind: MacKind, loops: Sequence[NestLoop]) -> MacStep:
        """List every MAC's word, and share them block by block."""
        tallies = [Tally() for _ in self.chain.blocks]
        base, before = dict(kind.origin), None
        if self.may_link and kind.loop >= 0:
            base, before = displacement(loops, kind.loop), self._came(loops, kind.loop)
        parents = self.chain.parents() if self.nest.clipped else [{}]
        supplied = [
            len(self.chain.share(tallies, self._word, plus(base, parent), before))
            for parent in parents
        ]
        return MacStep(max(supplied), sum(supplied), tuple(tallies))

    def _came(self, loops: Sequence[NestLoop], loop: int) -> Leaf:
        """The word a MAC had before ``loop`` stepped, by its origin after."""
        back = {name: -by for name, by in displacement(loops, loop).items()}
        return lambda offset: self._word(plus(offset, back))

    # ------------------------------------------------------------------ all MACs of a block at once

    def _wide_words(self) -> BlockWords | None:
        """The words of the one block on the way that has more than one instance, if it is one."""
        if len(self._wide) != 1:
            return None
        at = self._wide[0]
        return BlockWords(
            self.chain.blocks[at],
            self.tensor,
            is_multicast=self.chain.is_multicast[at],
            is_routed=self.chain.is_routed[at],
        )

    def _counted(self, kind: MacKind, loops: Sequence[NestLoop]) -> MacStep:
        """Count words of MACs below one block; blocks on the way are one instance wide."""
        sums = [Tally() for _ in self.chain.blocks]
        busiest = total = 0
        for windows, times in self._parents(dict(kind.origin)):
            wide = self._wide_tally(windows, kind.loop, loops)
            busiest = max(busiest, wide.words_in)
            total += wide.words_in * times
            for at, one in enumerate(sums):
                one.merge(self._tally(at, wide), times)
        return MacStep(busiest, total, tuple(sums))

    def _parents(self, origin: Origin) -> Iterator[tuple[dict[str, Window], int]]:
        """The MACs with work below an instance of the level, and how many instances have such.

        Only instances with work; in dimensions without remainders all are alike.
        """
        nest = self.nest
        outside = by_dimension(
            loop for loop in nest.loops if loop.is_spatial and loop.level < self.level
        )
        choices = []
        for name in sorted(nest.clipped):
            left = nest.bounds[name] - origin.get(name, 0)
            inside = self._inside.get(name, ())
            alike = Counter(below(inside, left - at) for at in offsets(outside.get(name, ())))
            del alike[0]
            choices.append([(name, active, number) for active, number in alike.items()])
        times = 1
        if choices:
            free = [own for name, own in outside.items() if name not in nest.clipped]
            times = prod(loop.extent for own in free for loop in own)
        for choice in product(*choices):
            windows = {name: (0, active) for name, active, _ in choice if name in self._inside}
            yield windows, times * prod(number for _, _, number in choice)

    def _wide_tally(
        self, windows: Mapping[str, Window], loop: int, loops: Sequence[NestLoop]
    ) -> Tally:
        if self._words is None:
            return Tally.alone(1, 1)
        plain = self._words.tally(windows)
        if self.may_link and loop >= 0:
            move = displacement(loops, loop)
            relieved = self._words.relieved(self.tensor.origin(move))
            # Links are used only if they save words.
            if relieved is not None and relieved.words_in < plain.words_in:
                return relieved
        return plain

    def _tally(self, at: int, wide: Tally) -> Tally:
        """What the wide block's words are on the network of block ``at`` below one instance."""
        if not self._wide or at < self._wide[0]:
            return Tally.alone(wide.words_in, wide.words_in)
        if at == self._wide[0]:
            return wide
        return Tally.alone(wide.deliveries, 1)

"""One operand of the MACs: what a step of multiply-accumulates reads at the level that keeps it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from stallscope.mappings.problem import Tensor
from stallscope.traces.boxes import Demand
from stallscope.traces.chain import Chain, Leaf, Tally, has_links, plus
from stallscope.traces.digits import below, by_dimension, offsets
from stallscope.traces.nest import Nest, NestLoop
from stallscope.traces.nested import NestedWords
from stallscope.traces.steps import Origin, displacement

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
        self._words = NestedWords(self.chain, tensor)
        self._cache: dict[object, MacStep] = {}

    def step(self, kind: MacKind, loops: Sequence[NestLoop]) -> MacStep:
        """One step of a kind among ``loops``, all temporal loops."""
        key: object = kind.loop if self.may_link else kind.active
        if key not in self._cache:
            is_counted = self._words.is_counted and not self._may_pass(kind, loops)
            self._cache[key] = (self._counted if is_counted else self._listed)(kind, loops)
        return self._cache[key]

    def _may_pass(self, kind: MacKind, loops: Sequence[NestLoop]) -> bool:
        """Whether MACs may take words from neighbours through several blocks."""
        if not self.may_link or kind.loop < 0 or self._words.is_single:
            return False
        return self._words.may_pass(self.tensor.origin(displacement(loops, kind.loop)))

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

    # ------------------------------------------------------------------ all MACs at once

    def _counted(self, kind: MacKind, loops: Sequence[NestLoop]) -> MacStep:
        """Count the words of all MACs below an instance of the level at once."""
        sums = [Tally() for _ in self.chain.blocks]
        moved = None
        if self.may_link and kind.loop >= 0 and self._words.is_single:
            moved = self.tensor.origin(displacement(loops, kind.loop))
        for active, times in self._parents(dict(kind.origin)):
            tallies = self._words.tallies(active)
            relieved = None if moved is None else self._words.relieved(moved)
            # Links are used only if they save words.
            if relieved is not None and relieved[-1].words_in < tallies[-1].words_in:
                tallies = relieved
            for one, tally in zip(sums, tallies, strict=True):
                one.merge(tally, times)
        return MacStep(sums[0].busiest, sums[0].words_in, tuple(sums))

    def _parents(self, origin: Origin) -> Iterator[tuple[dict[str, int], int]]:
        """How many of the MACs' offsets have work below an instance, and for how many instances.

        Only instances with work; in dimensions without remainders all are alike.
        """
        nest, inside = self.nest, self._words.inside
        outside = by_dimension(
            loop for loop in nest.loops if loop.is_spatial and loop.level < self.level
        )
        choices = []
        for name in sorted(nest.clipped):
            left = nest.bounds[name] - origin.get(name, 0)
            alike = Counter(
                below(inside.get(name, ()), left - at) for at in offsets(outside.get(name, ()))
            )
            del alike[0]
            choices.append([(name, active, number) for active, number in alike.items()])
        times = 1
        if choices:
            free = [own for name, own in outside.items() if name not in nest.clipped]
            times = prod(loop.extent for own in free for loop in own)
        for choice in product(*choices):
            active = {name: number for name, number, _ in choice if name in inside}
            yield active, times * prod(number for _, _, number in choice)

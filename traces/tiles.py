"""The tiles of the children of one block, shared without a demand per child.

Where tiles of children that differ in one of the tensor's dimensions do not touch, children get
the same words or none of the same. (Where nothing is multicast, each has its own in any case.)
What each gets depends, in every dimension, on how the bound clips its tile now and before: all
the whole tiles are alike, then one may be smaller, and those beyond the bound have none. So one
child of each kind is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import prod

from stallscope.mappings.problem import Tensor
from stallscope.traces.boxes import Demand, demand_words, shift
from stallscope.traces.chain import Chain, Leaf, Tally, plus
from stallscope.traces.digits import below, by_dimension, nth
from stallscope.traces.nest import Nest
from stallscope.traces.steps import Origin
from stallscope.traces.words import BlockWords, Window

__all__ = ["BlockTiles", "block_tiles"]


def block_tiles(
    nest: Nest, tensor: Tensor, chain: Chain, spans: Mapping[str, int]
) -> BlockTiles | None:
    """The tiles below the one block of a chain that has several instances.

    Args:
        nest: The nest.
        tensor: The tensor.
        chain: The way from the parent to the children.
        spans: Iterations per dimension of a child's tile.

    Returns:
        None if there is no such block, or more than one, or tiles may overlap.
    """
    wide = [at for at, block in enumerate(chain.blocks) if block.count > 1]
    if len(wide) != 1:
        return None
    tiles = BlockTiles(nest, tensor, chain, wide[0], spans)
    return tiles if tiles.is_disjoint else None


class BlockTiles:
    """Tiles of one tensor below the block ``wide`` of a chain; see `block_tiles`."""

    def __init__(
        self, nest: Nest, tensor: Tensor, chain: Chain, wide: int, spans: Mapping[str, int]
    ) -> None:
        self._nest, self._tensor, self._wide, self._spans = nest, tensor, wide, spans
        self._loops = by_dimension(chain.blocks[wide].loops)
        self._is_multicast = chain.is_multicast[wide]
        self._words = BlockWords(
            chain.blocks[wide],
            tensor,
            is_multicast=self._is_multicast,
            is_routed=chain.is_routed[wide],
        )
        # Children that differ in others of the block's dimensions get different words.
        self._alike = [name for name in self._loops if name not in tensor.dimensions]
        self._apart = [name for name in self._loops if name in tensor.dimensions]

    @property
    def is_disjoint(self) -> bool:
        """Whether tiles are the same or do not touch, if one word can go to several children."""
        if not self._is_multicast:
            return True
        for rank, size in zip(
            self._tensor.ranks, self._tensor.tile_shape(self._spans), strict=True
        ):
            moving = [term for term in rank if term.dimension in self._loops]
            names = {term.dimension for term in moving}
            step = sum(term.coefficient * self._loops[term.dimension][-1].step for term in moving)
            if len(names) > 1 or (names and step < size):
                return False
        return True

    def share(
        self, tallies: list[Tally], leaf: Leaf, now: Origin, before: Origin | None, base: Origin
    ) -> tuple[int, int] | None:
        """Share what is new below the parent instance at ``base``, as `Chain.share` does.

        Args:
            tallies: One per block, added to.
            leaf: What is new to the child at an offset.
            now: Origin of the step.
            before: Origin of the step before; None if nothing of it matters.
            base: Offset of the parent instance.

        Returns:
            Words supplied, and words of the child that gets most; None if children with the same
            tile do not all get the same of it: then nothing was added.
        """
        wide, most = Tally(), 0
        origins = (now,) if before is None else (now, before)
        left = {name: self._left(name, now, base) for name in self._nest.clipped}
        busy = {
            name: (0, below(self._loops[name], left[name])) for name in self._alike if name in left
        }
        others = list(self._kinds(self._alike, origins, base))
        for kind in self._kinds(self._apart, origins, base):
            demands = {leaf(plus(base, plus(self._at(kind), self._at(one)))) for one in others}
            if len(demands) > 1:
                return None
            words = sum(demand_words(demand) for demand in demands)
            if words:
                wide.repeat(self._words.tally(kind | busy), words)
                most = max(most, words)
        for at, tally in enumerate(tallies):
            if at == self._wide:
                tally.merge(wide)
            else:
                inside = (wide.deliveries, most)
                tally.merge(Tally.alone(*([wide.words_in] * 2 if at < self._wide else inside)))
        return wide.words_in, most

    def may_pass(self, now: Demand, before: Demand) -> bool:
        """Whether a neighbour may have had what a child gets, where all children are alike.

        Args:
            now: What the first child gets.
            before: What it got in the step before.
        """
        if not now or len(now) != len(before):
            return False
        # How far from the taker's words were those that the giver would have had to have.
        by = tuple(at - was for (at, _), (was, _) in zip(now[0], before[0], strict=True))
        is_same = tuple(shift(box, by) for box in before) == now
        return is_same and bool(self._words.taken(by).any())

    # ------------------------------------------------------------------ kinds of children

    def _left(self, name: str, origin: Origin, base: Origin) -> int:
        """Iterations of a dimension left to the first child."""
        return self._nest.bounds[name] - origin.get(name, 0) - base.get(name, 0)

    def _at(self, kind: Mapping[str, Window]) -> Origin:
        """Offset of the first child of a kind."""
        return {name: nth(self._loops[name], first) for name, (first, _) in kind.items()}

    def _kinds(
        self, names: Collection[str], origins: Sequence[Origin], base: Origin
    ) -> Iterator[dict[str, Window]]:
        """Children with work whose tiles are clipped alike, as far as some dimensions tell."""
        choices = [self._windows(name, origins, base) for name in names]
        for choice in product(*choices):
            yield dict(zip(names, choice, strict=True))

    def _windows(self, name: str, origins: Sequence[Origin], base: Origin) -> list[Window]:
        """Offsets of a dimension whose tiles are clipped alike at some origins; at the first,
        there is something left of them.
        """
        loops = self._loops[name]
        if name not in self._nest.clipped:
            return [(0, prod(loop.extent for loop in loops))]
        cuts = {0}
        for origin in origins:
            left = self._left(name, origin, base)
            # Whole tiles; then one that the bound cuts; then none.
            cuts |= {below(loops, left - self._spans[name] + 1), below(loops, left)}
        end = below(loops, self._left(name, origins[0], base))
        return list(pairwise(sorted(cut for cut in cuts if cut <= end)))

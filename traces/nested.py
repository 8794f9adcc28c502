"""The words of the MACs below an instance of a level, through the blocks between, without a list.

The MACs with work are the first ones in each dimension. A block splits them among its instances:
the first ones get all the MACs that there are below an instance, one may get the rest, the others
none. So there are few kinds of instances, and each kind's MACs are counted once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from math import prod

from stallscope.mappings.problem import Tensor
from stallscope.traces.chain import Chain, Tally
from stallscope.traces.digits import by_dimension
from stallscope.traces.nest import NestLoop
from stallscope.traces.words import BlockWords, Window

__all__ = ["NestedWords"]

_Part = tuple[Window | None, int]
"""Some of a block's offsets in a dimension (None: it has no loop), and MACs below each of them."""


class NestedWords:
    """One word per MAC through the blocks of a chain.

    Attributes:
        inside: Spatial loops of the chain by dimension, outermost first.
    """

    def __init__(self, chain: Chain, tensor: Tensor) -> None:
        self._tensor = tensor
        self._count = len(chain.blocks)
        self._wide = [at for at, block in enumerate(chain.blocks) if block.count > 1]
        self._blocks = [chain.blocks[at] for at in self._wide]
        self._is_multicast = [chain.is_multicast[at] for at in self._wide]
        self._words = [
            BlockWords(
                chain.blocks[at],
                tensor,
                is_multicast=chain.is_multicast[at],
                is_routed=chain.is_routed[at],
            )
            for at in self._wide
        ]
        self.inside = by_dimension(loop for block in self._blocks for loop in block.loops)

    @property
    def is_single(self) -> bool:
        """Whether one block at most has several instances."""
        return len(self._wide) <= 1

    @property
    def is_counted(self) -> bool:
        """Whether words can be counted: below one block always; else where MACs take the same
        word just if they agree in the tensor's dimensions, and only the outermost block may have
        a copy for each instance.
        """
        ranks = ({term.dimension for term in rank} for rank in self._tensor.ranks)
        is_plain = all(len(rank & self.inside.keys()) <= 1 for rank in ranks)
        return self.is_single or (is_plain and all(self._is_multicast[1:]))

    def tallies(self, active: Mapping[str, int]) -> list[Tally]:
        """Per block, what a step puts on its network below one instance of the level.

        Args:
            active: How many of the MACs' offsets have work, in dimensions where not all do.
        """
        return self._around(self._below(0, active))

    def relieved(self, moved: tuple[int, ...]) -> list[Tally] | None:
        """The same, below one block, where MACs take words that neighbours had before.

        All MACs have work. None if no neighbour can help.
        """
        relieved = self._words[0].relieved(moved)
        return None if relieved is None else self._around([relieved])

    def may_pass(self, moved: tuple[int, ...]) -> bool:
        """Whether a MAC's neighbour had its word before words moved."""
        return bool(self._words[-1].taken(moved).any())

    # ------------------------------------------------------------------ block by block

    def _below(self, at: int, active: Mapping[str, int]) -> list[Tally]:
        """Tallies of the wide blocks from number ``at`` on."""
        if at == len(self._wide):
            return []
        words = self._words[at]
        if at == len(self._wide) - 1:
            return [words.tally({n: (0, number) for n, number in active.items()})]
        parts = {name: self._parts(at, name, number) for name, number in active.items()}
        sums = [Tally() for _ in self._wide[at:]]
        for windows, inner in _choices(parts, parts):
            number = self._instances(at, windows)
            for one, tally in zip(sums[1:], self._below(at + 1, inner), strict=True):
                one.merge(tally, number)
        # What an instance takes does not depend on the dimensions that the tensor does not have.
        apart = [n for n in parts if n in self._tensor.dimensions or not self._is_multicast[at]]
        others = {name: own for name, own in parts.items() if name not in apart}
        alike = {name: (0, own[-1][0][1]) for name, own in others.items() if own[-1][0]}
        rest = {name: own[0][1] for name, own in others.items()}
        for windows, inner in _choices(parts, apart):
            supplied = self._below(at + 1, rest | inner)[0].words_in
            sums[0].repeat(words.tally(windows | alike), supplied)
        return sums

    def _parts(self, at: int, name: str, number: int) -> list[_Part]:
        """How a wide block splits the first ``number`` MACs of a dimension."""
        own, inner = self._loops_from(at, name), self._loops_from(at + 1, name)
        if len(own) == len(inner):
            return [(None, number)]
        each = prod(loop.extent for loop in inner)
        whole, rest = divmod(number, each)
        parts: list[_Part] = [((0, whole), each)] if whole else []
        return [*parts, ((whole, whole + 1), rest)] if rest else parts

    def _loops_from(self, at: int, name: str) -> list[NestLoop]:
        """Loops of a dimension in the wide blocks from number ``at`` on."""
        levels = {block.level for block in self._blocks[at:]}
        return [loop for loop in self.inside[name] if loop.level in levels]

    def _instances(self, at: int, windows: Mapping[str, Window]) -> int:
        """Instances of a wide block at some offsets."""
        free = [loop.extent for loop in self._blocks[at].loops if loop.dimension not in windows]
        return prod(free) * prod(end - first for first, end in windows.values())

    def _around(self, wide: list[Tally]) -> list[Tally]:
        """Tallies of all blocks, those between the wide ones with one instance included."""
        found = []
        for at in range(self._count):
            inner = [tally for place, tally in zip(self._wide, wide, strict=True) if place >= at]
            if at in self._wide:
                found.append(inner[0])
            elif inner:
                found.append(Tally.alone(inner[0].words_in, inner[0].busiest))
            else:
                macs = wide[-1].deliveries if wide else 1
                found.append(Tally.alone(macs, min(macs, 1)))
        return found


def _choices(
    parts: Mapping[str, list[_Part]], names: Collection[str]
) -> Iterator[tuple[dict[str, Window], dict[str, int]]]:
    """Combinations of parts of some dimensions: offsets of the block, and MACs below each."""
    for choice in product(*(parts[name] for name in names)):
        pairs = list(zip(names, choice, strict=True))
        windows = {name: window for name, (window, _) in pairs if window is not None}
        yield windows, {name: inner for name, (_, inner) in pairs}

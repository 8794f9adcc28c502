"""Words of one tensor at one level: what remains of the dense counts, on average, per instance.

A level that stores a tensor compressed reads and is filled with the words that are not zero. Each
side of a transfer counts in its own format. Of the accesses that remain, those whose leaders are
zero are gated or skipped. Where a level's parents pack iterations onto fewer lanes, only so many
of its instances are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod

from stallscope.mappings.case import Case
from stallscope.mappings.counts import LevelTensor
from stallscope.mappings.nest import Nest
from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.levels.actions import Act, mean_steps
from stallscope.mappings.sparsity.levels.densities import Density, all_nonzero
from stallscope.mappings.sparsity.levels.design import Design, Rank
from stallscope.mappings.sparsity.levels.fibers import MetadataBits, fibers, metadata_bits
from stallscope.mappings.sparsity.levels.groups import PackedGroup

__all__ = ["LevelWords", "Tally"]

_TINY = 1e-300
"""In place of a probability of 0 that only an empty tensor has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelWords:
    """Accesses of one tensor at one level by an average instance; words.

    Attributes:
        dense_reads, dense_fills, dense_updates: Without any zero.
        reads, fills, updates: Those that happen.
        gated_reads, gated_updates: Those that take their time and no energy.
        skipped_reads, skipped_updates: Those left out although the word is stored.
        metadata_reads, metadata_fills: Words of metadata.
        largest_tile: Most words of a tile that may be not zero.
        instances: Instances that are used.
    """

    dense_reads: float = 0.0
    dense_fills: float = 0.0
    dense_updates: float = 0.0
    reads: float = 0.0
    fills: float = 0.0
    updates: float = 0.0
    gated_reads: float = 0.0
    gated_updates: float = 0.0
    skipped_reads: float = 0.0
    skipped_updates: float = 0.0
    metadata_reads: float = 0.0
    metadata_fills: float = 0.0
    largest_tile: int = 0
    instances: float = 1.0

    @property
    def read_words(self) -> float:
        """Words that pass the read port."""
        return self.reads + self.gated_reads + self.metadata_reads

    @property
    def write_words(self) -> float:
        """Words that pass the write port."""
        return self.fills + self.metadata_fills + self.updates + self.gated_updates


class Tally:
    """Counts the words of a case level by level.

    Args:
        case: The case.
        nest: Its loops.
        design: What is done about zeros.
        densities: Of every tensor.
        groups: The packed groups.
        whole_words: Whether each count is rounded up to whole words.
    """

    def __init__(
        self,
        case: Case,
        nest: Nest,
        design: Design,
        densities: Mapping[str, Density],
        groups: Sequence[PackedGroup],
        *,
        whole_words: bool,
    ) -> None:
        self._up = _up if whole_words else float
        self._case, self._nest, self._design = case, nest, design
        self._densities, self._groups = densities, groups
        self._names = [level.name for level in case.architecture.levels]

    def of(self, at: int, name: str, dense: LevelTensor) -> LevelWords:
        """Words of one tensor at the level of index ``at``.

        Args:
            at: Index of the level.
            name: The tensor.
            dense: Its dense counts, all used instances together.
        """
        used = self._nest.used_instances(at)
        tensor = self._case.problem.tensor(name)
        counts = [n / used for n in (dense.reads, dense.fills, dense.updates)]
        words = self._output if tensor.is_output else self._operand
        return LevelWords(
            dense_reads=counts[0],
            dense_fills=counts[1],
            dense_updates=counts[2],
            largest_tile=self._largest(tensor, at),
            instances=used / self._crowding(at, tensor),
            **words(at, tensor, *counts),
        )

    def _operand(
        self, at: int, tensor: Tensor, reads: float, fills: float, _: float
    ) -> dict[str, float]:
        held = self._held(at, tensor)
        stored = reads * held
        happen = stored * self._steps(at, tensor)
        act, chance = self._action(at, tensor)
        found = {"reads": self._up(happen * chance), "fills": self._up(fills * held)}
        found |= self._left(act, "reads", happen * (1 - chance), stored - happen)
        timed = found["reads"] + found.get("gated_reads", 0.0)
        return found | self._metadata(
            at, tensor, (reads, timed / stored if stored else 0.0),
            (fills, found["fills"] / (fills * held) if fills * held else 0.0),
        )  # fmt: skip

    def _output(
        self, at: int, tensor: Tensor, reads: float, fills: float, updates: float
    ) -> dict[str, float]:
        # Compressed results leave as they are stored; partial sums come and go whole.
        held = self._held(at, tensor)
        act, chance = self._action(at, tensor)
        done = {"reads": reads * chance, "fills": fills, "updates": updates * held * chance}
        found = {what: self._up(words) for what, words in done.items()}
        found |= self._left(act, "reads", reads * (1 - chance), 0.0)
        found |= self._left(act, "updates", updates * held * (1 - chance), 0.0)
        stored = updates * held
        written = (updates, found["updates"] / stored if stored else 0.0)
        return found | self._metadata(at, tensor, (0.0, 0.0), written)

    def _held(self, at: int, tensor: Tensor) -> float:
        """Share of a tile's words that a used instance stores."""
        form = self._design.format_of(self._names[at], tensor.name)
        if form is None:
            return 1.0
        share = self._densities[tensor.name].share * self._crowding(at, tensor)
        return share / self._some(at, tensor) if form.visits_empty else share

    def _some(self, at: int, tensor: Tensor) -> float:
        """Probability that a tile holds anything."""
        shape = tensor.tile_shape(self._nest.extents(at))
        return max(1 - self._densities[tensor.name].empty(shape), _TINY)

    def _crowding(self, at: int, tensor: Tensor) -> float:
        """Instances that loops over the tensor's words would use, over those they are packed on."""
        return prod(
            group.units / group.packing.lanes
            for group in self._groups
            if group.packing.tensor == tensor.name and self._names.index(group.packing.level) < at
        )

    def _largest(self, tensor: Tensor, at: int) -> int:
        shape = tensor.tile_shape(self._nest.extents(at))
        if self._design.format_of(self._names[at], tensor.name) is None:
            return prod(shape)
        return self._densities[tensor.name].largest(shape)

    def _steps(self, at: int, tensor: Tensor) -> float:
        """Share of the reads that packing of other operands leaves."""
        return prod(
            mean_steps(group.spread, group.packing.lanes) / group.iterations
            for group in self._groups
            if group.packing.level == self._names[at] and group.packing.tensor != tensor.name
        )

    def _action(self, at: int, tensor: Tensor) -> tuple[Act | None, float]:
        """What becomes of an access, and the probability that it happens."""
        for action in self._design.actions:
            if action.level == self._names[at] and action.tensor == tensor.name:
                return action.act, self._served(at, tensor, action.on)
        return None, 1.0

    def _served(self, at: int, tensor: Tensor, leaders: Sequence[str]) -> float:
        """Probability that the words of all leaders that an access serves hold any non-zero."""
        extents = self._extents_of_access(at, tensor)
        own = self._densities[tensor.name]
        shapes = {name: self._case.problem.tensor(name).tile_shape(extents) for name in leaders}
        if all(prod(shape) == 1 for shape in shapes.values()):
            chance = all_nonzero([self._densities[name] for name in leaders])
            if self._design.format_of(self._names[at], tensor.name) is None or not own.share:
                return chance
            # Given that the follower's own word is not zero: operands may have that in common.
            return all_nonzero([own, *(self._densities[name] for name in leaders)]) / own.share
        return prod(1 - self._densities[name].empty(shape) for name, shape in shapes.items())

    def _extents_of_access(self, at: int, tensor: Tensor) -> dict[str, int]:
        """Indices per dimension that one piece read from a level serves."""
        levels = self._case.architecture.levels
        keeps = [tensor.name in self._case.mapping.by_level[one.name].keep for one in levels]
        inner = len(levels)
        child = next((one for one in range(at + 1, inner) if keeps[one]), inner)
        extents = dict(self._nest.extents(child))
        if child == inner:
            return extents  # every MAC reads its operands
        loops = [loop for block in self._nest.blocks[:child] for loop in block.temporal]
        for loop in reversed(loops):
            if loop.dimension in tensor.dimensions:
                break
            extents[loop.dimension] *= loop.extent
        return extents

    def _metadata(
        self, at: int, tensor: Tensor, read: tuple[float, float], written: tuple[float, float]
    ) -> dict[str, float]:
        """Words of metadata.

        Args:
            at: Index of the level.
            tensor: The tensor.
            read: Dense words read, and the share of the stored ones that is: what follows the data
                is read with them.
            written: The same of what is written.
        """
        form = self._design.format_of(self._names[at], tensor.name)
        if form is None or not form.ranks:
            return {}
        extents = self._nest.extents(at)
        bits = self._bits(at, tensor, extents, form.ranks)
        each = self._crowding(at, tensor) / (
            tensor.tile_words(extents) * self._case.architecture.levels[at].word_bits
        )
        if form.visits_empty:
            each /= self._some(at, tensor)
        return {
            f"metadata_{what}": dense * each * (bits.fixed + bits.following * share)
            for what, (dense, share) in (("reads", read), ("fills", written))
        }

    def _bits(
        self, at: int, tensor: Tensor, extents: Mapping[str, int], ranks: Sequence[Rank]
    ) -> MetadataBits:
        found = fibers(self._nest, self._names, tensor, at, ranks)
        word_bits = self._case.architecture.levels[at].word_bits
        return metadata_bits(tensor, extents, found, self._densities[tensor.name], word_bits)

    def _left(self, act: Act | None, what: str, words: float, already: float) -> dict[str, float]:
        """Where accesses that do not happen are counted."""
        found = {}
        if act is Act.GATE:
            found[f"gated_{what}"] = self._up(words)
        if act is Act.SKIP or already:
            skipped = already + (words if act is Act.SKIP else 0.0)
            found[f"skipped_{what}"] = self._up(skipped)
        return found


def _up(words: float) -> float:
    """Whole words; what is whole but for the last bits stays."""
    return float(ceil(words * (1 - 1e-12) - 1e-9))

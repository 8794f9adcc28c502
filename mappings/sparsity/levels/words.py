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
from stallscope.mappings.sparsity.hardware import TensorFormat
from stallscope.mappings.sparsity.levels.actions import Act
from stallscope.mappings.sparsity.levels.densities import (
    Density,
    all_nonzero,
    any_nonzero,
)
from stallscope.mappings.sparsity.levels.design import Design
from stallscope.mappings.sparsity.levels.fibers import fibers, metadata_bits
from stallscope.mappings.sparsity.levels.groups import PackedGroup
from stallscope.mappings.sparsity.levels.tiles import tile_metadata_words

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
        taken, done = self._chances(at, tensor)
        found = {"reads": self._up(happen * done), "fills": self._up(fills * held)}
        found |= self._left("reads", happen * (taken - done), stored - happen * taken)
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
        taken, done = self._chances(at, tensor)
        sent = updates * held
        read = self._reread(at, tensor, reads, updates, done)
        found = {
            "reads": self._up(read), "fills": self._up(fills),
            "updates": self._up(sent * done),
        }  # fmt: skip
        found |= self._left("reads", reads * taken - read, reads * (1 - taken))
        found |= self._left("updates", sent * (taken - done), sent * (1 - taken))
        written = (updates, found["updates"] / sent if sent else 0.0)
        return found | self._metadata(at, tensor, (0.0, 0.0), written)

    def _reread(self, at: int, tensor: Tensor, reads: float, updates: float, done: float) -> float:
        """Words of a result that are read: all that are updated, but where it is touched first.

        The first touch is one of the first visit's steps, if any of those happens.
        """
        actions = self._design.actions_of(self._names[at], tensor.name)
        leaders = sorted({name for one in actions for name in one.on})
        if self._design.work_over_use or not leaders:
            return reads * done
        extents = self._nest.extents(at)
        of_one_word = {name: 1 if name in tensor.dimensions else n for name, n in extents.items()}
        touched = any_nonzero(
            [self._densities[name] for name in leaders],
            [self._case.problem.tensor(name).tile_shape(of_one_word) for name in leaders],
            prod(of_one_word.values()),
        )
        return updates * done - (updates - reads) * touched

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
        over_some = self._design.work_over_use
        return prod(
            (group.steps_if_any if over_some else group.steps) / group.iterations
            for group in self._groups
            if group.packing.level == self._names[at] and group.packing.tensor != tensor.name
        )

    def _chances(self, at: int, tensor: Tensor) -> tuple[float, float]:
        """Probabilities that an access takes its time, and that it happens."""
        actions = self._design.actions_of(self._names[at], tensor.name)
        skips = {name for one in actions if one.act is Act.SKIP for name in one.on}
        both = skips | {name for one in actions for name in one.on}
        return self._served(at, tensor, skips), self._served(at, tensor, both)

    def _served(self, at: int, tensor: Tensor, leaders: set[str]) -> float:
        """Probability that the words of all leaders that an access serves hold any non-zero."""
        if not leaders:
            return 1.0
        extents = self._extents_of_access(at, tensor)
        shapes = {
            name: self._case.problem.tensor(name).tile_shape(extents) for name in sorted(leaders)
        }
        if any(prod(shape) > 1 for shape in shapes.values()):
            return prod(1 - self._densities[name].empty(shape) for name, shape in shapes.items())
        own = self._densities[tensor.name].share
        if self._design.format_of(self._names[at], tensor.name) is None or not own:
            return all_nonzero([self._densities[name] for name in shapes])
        # Given that the follower's own word is not zero: operands may have that in common.
        known = sorted({tensor.name, *shapes})
        return all_nonzero([self._densities[name] for name in known]) / own

    def _extents_of_access(self, at: int, tensor: Tensor) -> dict[str, int]:
        """Indices per dimension that one piece read from a level serves."""
        child = self._child(at, tensor)
        extents = dict(self._nest.extents(child))
        if child == len(self._names):
            return extents  # every MAC reads its operands
        loops = [loop for block in self._nest.blocks[:child] for loop in block.temporal]
        for loop in reversed(loops):
            if loop.dimension in tensor.dimensions:
                break
            extents[loop.dimension] *= loop.extent
        return extents

    def _child(self, at: int, tensor: Tensor) -> int:
        """Index of the next level inside that keeps a tensor; their number for the MACs."""
        kept = self._case.mapping.by_level
        inner = len(self._names)
        inside = (one for one in range(at + 1, inner) if tensor.name in kept[self._names[one]].keep)
        return next(inside, inner)

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
        if form is None:
            return {}
        if form.form is not None:
            return self._pieces(at, tensor, form.form, read[0], written[0])
        extents = self._nest.extents(at)
        word_bits = self._case.architecture.levels[at].word_bits
        found = fibers(self._nest, self._names, tensor, at, form.ranks)
        bits = metadata_bits(tensor, extents, found, self._densities[tensor.name], word_bits)
        each = self._crowding(at, tensor) / (tensor.tile_words(extents) * word_bits)
        if form.visits_empty:
            each /= self._some(at, tensor)
        return {
            f"metadata_{what}": dense * each * (bits.fixed + bits.following * share)
            for what, (dense, share) in (("reads", read), ("fills", written))
        }

    def _pieces(
        self, at: int, tensor: Tensor, form: TensorFormat, read: float, written: float
    ) -> dict[str, float]:
        """Words of metadata where every tile that moves is compressed by itself.

        Single words go to and come from the MACs without any. What moves of a tile is counted in
        proportion.
        """
        child = self._child(at, tensor)
        inner = child if child < len(self._names) else None
        sides = {"reads": (read, inner), "fills": (written, inner if tensor.is_output else at)}
        return {
            f"metadata_{what}": self._of_pieces(at, tensor, form, words, level)
            for what, (words, level) in sides.items()
            if words and level is not None
        }

    def _of_pieces(
        self, at: int, tensor: Tensor, form: TensorFormat, words: float, level: int
    ) -> float:
        """Words of metadata of so many dense words, in tiles of a level."""
        shape = tensor.tile_shape(self._nest.extents(level))
        density = self._densities[tensor.name]
        word_bits = self._case.architecture.levels[at].word_bits
        return words / prod(shape) * tile_metadata_words(form, shape, density, word_bits)

    def _left(self, what: str, gated: float, skipped: float) -> dict[str, float]:
        """Where accesses that do not happen are counted."""
        found = {f"gated_{what}": self._up(gated), f"skipped_{what}": self._up(skipped)}
        return {name: words for name, words in found.items() if words}


def _up(words: float) -> float:
    """Whole words; what is whole but for the last bits stays."""
    return float(ceil(words * (1 - 1e-12) - 1e-9))

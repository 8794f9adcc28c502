"""Which levels store which tensors compressed, what that needs, and how many tiles fit then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stallscope.hw.sparse.sizes import StoredWords
from stallscope.mappings.architecture import Architecture, StorageLevel
from stallscope.mappings.sparsity.hardware import TensorFormat
from stallscope.mappings.sparsity.tiles import format_of
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.arrivals import arrivals
from stallscope.traces.contents import StepKeys
from stallscope.traces.program import MoverStream, Program
from stallscope.traces.ways import Way

__all__ = ["Formats", "content_loops", "keys_of"]

_Ints = NDArray[np.int64]


def keys_of(stream: MoverStream, way: Way) -> StepKeys:
    """Number a mover's steps by what their tiles hold, and by how bounds clip the children."""
    dimensions = {name for rank in way.ranks for name, _ in rank}
    clipped = {name for name, _ in stream.bounds}
    spread = {name for name, at in way.offsets.items() if at.any()}
    return StepKeys(stream.loops, dimensions | (clipped & spread))


class Formats:
    """The tensors that are stored compressed somewhere, and their words.

    Args:
        program: The program.
        architecture: What it runs on.
        masks: Which words are not zero, by tensor; a tensor that is left out is dense.
    """

    def __init__(
        self, program: Program, architecture: Architecture, masks: Mapping[str, NDArray[np.bool_]]
    ) -> None:
        self._program = program
        self._architecture = architecture
        self._masks = dict(masks)
        self._stored: dict[tuple[str, TensorFormat, int], StoredWords] = {}

    @cached_property
    def is_any(self) -> bool:
        """Whether some level stores a tensor compressed that it keeps."""
        kept = {(plan.level, plan.tensor) for plan in self._program.buffers}
        return any(self.of(level, tensor) is not None for level, tensor in sorted(kept))

    def of(self, level: str, tensor: str) -> TensorFormat | None:
        """The format of a tensor at a level; None if it is stored as it is."""
        return format_of(self._architecture.level(level), tensor)

    def is_compressed(self, stream: MoverStream) -> bool:
        """Whether what a mover carries is compressed at an end of its way."""
        ends = (stream.parent, stream.child)
        return any(self.of(level, stream.tensor) is not None for level in ends)

    def varies(self, tensor: str) -> bool:
        """Whether some words of a tensor are zero and others are not."""
        mask = self._masks.get(tensor)
        return mask is not None and bool(mask.any()) and not mask.all()

    def words(self, level: str, tensor: str) -> StoredWords | None:
        """Words of a tensor's pieces as a level stores them; None if it stores them as they are."""
        form = self.of(level, tensor)
        if form is None:
            return None
        # The rate of a decoder has no part in what is stored.
        key = (tensor, form.model_copy(update={"words_per_cycle": None}), self._bits(level))
        if key not in self._stored:
            self._stored[key] = StoredWords(self._mask(tensor), *key[1:])
        return self._stored[key]

    def _bits(self, level: str) -> int:
        return self._architecture.level(level).word_bits

    def _mask(self, tensor: str) -> NDArray[np.bool_]:
        if tensor not in self._masks:
            layout = next(one for one in self._program.tensors if one.name == tensor)
            self._masks[tensor] = np.ones(layout.shape, dtype=np.bool_)
        return self._masks[tensor]

    # ------------------------------------------------------------------ room

    def slot_words(self, level: str, tensor: str, tile_words: int) -> int:
        """Words of the largest tile that an instance of a level holds of a tensor, as it stores it.

        Args:
            level: The level.
            tensor: The tensor.
            tile_words: The same uncompressed.
        """
        stored = self.words(level, tensor)
        if stored is None:
            return tile_words
        stream = next(
            (one for one in self._program.movers if (one.tensor, one.child) == (tensor, level)),
            None,
        )
        if stream is None:
            shape = self._mask(tensor).shape
            return _most_words(stored, np.zeros((1, len(shape)), dtype=np.int64), shape)
        return max(
            _most_words(stored, lows, shape)
            for lows, shape in _tiles(stream, Way(self._program, self._architecture, stream))
        )

    # ------------------------------------------------------------------ what is not modelled

    def check(self, *, has_steps: bool) -> None:
        """Check that everything compressed is something that the machine can move.

        Args:
            has_steps: Whether the program was compiled: rows of the user's own say how many words
                move, and not which.

        Raises:
            SpecError: Every fault.
        """
        if not self.is_any:
            return
        if not has_steps:
            rule = "are compressed, and rows of one's own do not say which words they move"
            remedy = "leave the formats out, or run a compiled program"
            raise SpecError(
                [Fault(place="architecture", value="formats", rule=rule, remedy=remedy)]
            )
        faults = [fault for stream in self._program.movers for fault in self._faults(stream)]
        faults += self._at_the_array()
        if faults:
            raise SpecError(list(dict.fromkeys(faults)))

    def _faults(self, stream: MoverStream) -> Iterator[Fault]:
        if not self.is_compressed(stream):
            return
        for name in (stream.parent, stream.child):
            level = self._architecture.level(name)
            if level.memory is not None:
                yield _fault(
                    level, stream.tensor,
                    "is moved compressed, and its controller needs addresses of compressed tiles",
                    "give the level bandwidth and latency instead of a memory",
                )  # fmt: skip
            if level.is_interleaved:
                yield _fault(
                    level, stream.tensor,
                    "is moved compressed, and where compressed words lie in its banks is not known",
                    "give it banking: tensor",
                )  # fmt: skip
        if stream.child == self._program.registers:
            yield _fault(
                self._architecture.level(stream.parent), stream.tensor,
                "is compressed, and a systolic array takes its rows as they are",
                "leave out the format here or put a level without one in between",
            )  # fmt: skip
        if stream.is_output and self._returns(stream):
            place = stream.parent if self.of(stream.parent, stream.tensor) else stream.child
            yield _fault(
                self._architecture.level(place), stream.tensor,
                "is compressed, and partial sums pass: which of them are zero is not known",
                "give the output a format only where whole sums arrive: no loop that it does not "
                "depend on outside the level below, and first_read_elision",
            )  # fmt: skip

    def _returns(self, stream: MoverStream) -> bool:
        """Whether partial sums pass a mover of the output."""
        whole = set(self._program.output_dimensions)
        names = [level.name for level in self._architecture.levels]
        blocks = self._program.blocks[: names.index(stream.child)]
        loops = [*stream.loops, *(loop for block in blocks for loop in block.loops)]
        if any(loop.dimension not in whole for loop in loops) or not stream.elide_first:
            return True
        # What lies compressed in the child is updated from further in.
        is_held = self.of(stream.child, stream.tensor) is not None
        below = [one for one in self._program.movers
                 if (one.tensor, one.parent) == (stream.tensor, stream.child)]  # fmt: skip
        return is_held and (not below or self._returns(below[0]))

    def _at_the_array(self) -> Iterator[Fault]:
        """Outputs that the MACs themselves add to."""
        for operand in self._program.compute.operands:
            if operand.is_output and operand.depth < 0 and self.of(operand.level, operand.tensor):
                yield _fault(
                    self._architecture.level(operand.level), operand.tensor,
                    "is compressed, and the MACs add to it there",
                    "keep it at a level further in, or leave out the format",
                )  # fmt: skip


def _fault(level: StorageLevel, tensor: str, rule: str, remedy: str) -> Fault:
    place = f"architecture.{level.name}.formats"
    return Fault(place=place, value=tensor, rule=rule, remedy=remedy)


def _tiles(stream: MoverStream, way: Way) -> Iterator[tuple[_Ints, tuple[int, ...]]]:
    """First words of all tiles of one shape, shape (tiles, ranks), and that shape."""
    keys = keys_of(stream, way)
    for stepped in range(len(stream.loops) + 1):
        steps = arrivals(stream, keys, way.bounds, stepped)
        real = np.flatnonzero(steps.is_step)
        origins = way.origin(steps.now, steps.count)[real]
        clips = way.clips(steps.now, real)
        for clip in np.unique(clips, axis=0):
            own = (clips == clip).all(axis=1)
            first = real[np.flatnonzero(own)[0]]
            sizes, has_work = way.tiles({name: int(at[first]) for name, at in steps.now.items()})
            for shape in np.unique(sizes[has_work], axis=0):
                lows = way.lows[has_work & (sizes == shape).all(axis=1)]
                at = origins[own][:, None, :] + lows[None, :, :]
                yield at.reshape(-1, lows.shape[1]), tuple(shape.tolist())


def _most_words(stored: StoredWords, lows: _Ints, shape: tuple[int, ...]) -> int:
    data, metadata = stored.of(lows, shape)
    return int((data + metadata).max())


def content_loops(formats: Formats, movers: Iterable[MoverStream]) -> frozenset[int]:
    """Loops whose iterations change what a mover carries: none of them may be skipped over.

    Args:
        formats: What is compressed where.
        movers: The movers.
    """
    found = set()
    for stream in movers:
        if formats.is_compressed(stream) and formats.varies(stream.tensor):
            found |= {at for at, loop in enumerate(stream.loops) if not loop.is_reduction}
    return frozenset(found)

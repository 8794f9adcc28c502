"""Where the words of a mover's steps lie in its parent and its child.

A tile is stored row by row, its ranks in the order they have in main memory, its first word at
the beginning of the first bank. A child's new words lie at their place in its tile; what a parent
gives or takes lies at its place in the parent's tile.

Not modelled: where a step's tile stands within the parent's tile. All steps of a kind are taken
to lie where the first step does, at the tile's first word; elsewhere banks are rotated, and a run
may touch one block more. Nor words that stay in place while a tile slides over them, nor where in
the buffer a second tile of a tensor, or the next tensor, begins (docs/model_limits.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from stallscope.hw.buffer.banks import Runs
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import MoverStream, Program, TensorLayout

__all__ = ["Places", "runs_of"]

_Boxes = Sequence[tuple[tuple[int, int], ...]]


class Places:
    """Places of the words of one stream, per record.

    Args:
        program: The program.
        stream: One of its movers.
    """

    def __init__(self, program: Program, stream: MoverStream) -> None:
        self._stream = stream
        # Rows of the user's own name no places, and no loops that these could follow from.
        self._is_known = bool(stream.spans)
        self._strides: tuple[int, ...] = ()
        self._outer: tuple[int, ...] = ()
        if self._is_known:
            layout = next(one for one in program.tensors if one.name == stream.tensor)
            self._strides = _strides(layout, dict(stream.spans))
            self._outer = _strides(layout, _spans_of_parent(program, stream))
        self._children: dict[int, Runs] = {}
        self._parents: dict[int, Runs] = {}

    def at_child(self, number: int) -> Runs:
        """Words that are new to the child that gets most, in a step of record ``number``."""
        if number not in self._children:
            record = self._stream.records[number]
            # With remainders another child may get more than the one that the boxes are of: a
            # whole tile, as a rule, after a step without work.
            is_other = not self._is_known or record.words != record.room
            self._children[number] = (
                Runs.single(record.words) if is_other else runs_of(record.boxes, self._strides)
            )
        return self._children[number]

    def at_parent(self, number: int) -> Runs:
        """Words that the busiest parent gives or takes in a step of record ``number``.

        Raises:
            SpecError: If the program does not say which.
        """
        if number not in self._parents:
            self._parents[number] = self._given(number)
        return self._parents[number]

    def _given(self, number: int) -> Runs:
        record = self._stream.records[number]
        if not self._is_known:
            return Runs.single(record.busiest_parent)
        runs = runs_of(record.supply, self._outer)
        if runs.total != record.busiest_parent:
            rule = "interleaves banks, and the program does not say which words are moved there"
            place = f"architecture.{self._stream.parent}.banking"
            remedy = "compile the program for this architecture"
            raise SpecError([Fault(place=place, value="interleaved", rule=rule, remedy=remedy)])
        return runs


def runs_of(boxes: _Boxes, strides: Sequence[int]) -> Runs:
    """Runs of boxes in a tile.

    Args:
        boxes: (offset, size) per rank; they may overlap.
        strides: Words from one coordinate of each rank to the next, dense and all different but
            for ranks of one word.
    """
    starts, words = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    ranks = sorted(range(len(strides)), key=lambda rank: -strides[rank])
    for box in boxes:
        at = np.array([sum(low * by for (low, _), by in zip(box, strides, strict=True))])
        run, outer = 1, list(ranks)
        # Rows as long as the distance between them are one run.
        while outer and strides[outer[-1]] == run:
            run *= box[outer.pop()][1]
        for rank in outer:
            at = (at[:, None] + np.arange(box[rank][1]) * strides[rank]).ravel()
        starts.append(at)
        words.append(np.full(len(at), run))
    return Runs.of(np.concatenate(starts), np.concatenate(words))


def _strides(layout: TensorLayout, spans: dict[str, int]) -> tuple[int, ...]:
    """Words from one coordinate of each rank to the next in a tile of so many iterations."""
    shape = [1 + sum(by * (spans.get(name, 1) - 1) for name, by in rank) for rank in layout.ranks]
    order = sorted(range(len(shape)), key=lambda rank: (-layout.strides[rank], rank))
    strides = [0] * len(shape)
    for at, rank in enumerate(order):
        strides[rank] = prod(shape[other] for other in order[at + 1 :])
    return tuple(strides)


def _spans_of_parent(program: Program, stream: MoverStream) -> dict[str, int]:
    """Iterations per dimension that a tile of the parent spans."""
    levels = [name for name, _ in program.used_instances]
    between = levels[levels.index(stream.parent) : levels.index(stream.child)]
    spatial = [loop for block in program.blocks if block.level in between for loop in block.loops]
    spans = dict(stream.spans)
    for loop in (*stream.loops[stream.parent_depth :], *spatial):
        spans[loop.dimension] *= loop.extent
    bounds = dict(program.dims)
    return {name: min(span, bounds[name]) for name, span in spans.items()}

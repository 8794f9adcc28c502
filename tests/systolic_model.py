"""A systolic array register by register, cycle by cycle: what the closed forms must equal.

Everything is driven from the array's corner. A **token** enters there and passes a tile a cycle
along rows and columns; a PE acts on it in the cycle it comes by its tile. A step's token lets the
PE multiply and pass words on; a shift's token lets it take the word above into a register, or pass
the word it holds down. Inside a tile words pass in the same cycle, between tiles through a
register. The controller looks at the corner alone; that all other PEs then find the right words in
their registers shows in the results' values. Nothing here is shared with the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Fold", "run"]

Matrix = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Array:
    """The array.

    Attributes:
        tile_rows, tile_columns: PEs of a tile.
        planes: Registers per PE for the stationary tensor: 2 if a tile is shifted in or out behind
            the one in use, else 1.
        in_width, out_width: Words that enter and leave per cycle; None: no limit.
    """

    tile_rows: int = 1
    tile_columns: int = 1
    planes: int = 2
    in_width: int | None = None
    out_width: int | None = None

    def delay(self, row: int, column: int) -> int:
        return row // self.tile_rows + column // self.tile_columns


@dataclass
class Fold:
    """A stationary tile of ``rows`` x ``columns``, and what streams past it.

    Attributes:
        left: Words that enter at the left, shape (steps, rows).
        kept: The stationary operand, shape (rows, columns); None if outputs are accumulated.
        top: Then the words that enter at the top, shape (steps, columns).
        results: Rows that left, in order.
    """

    rows: int
    columns: int
    left: Matrix
    kept: Matrix | None = None
    top: Matrix | None = None
    results: list[list[int]] = field(default_factory=list)


@dataclass
class _Stream:
    """Tokens of one kind, fold after fold: ``each`` cycles a token, in which its words enter."""

    counts: list[int]
    each: list[int]
    fold: int = 0
    issued: int = 0
    waited: int = 0

    def done(self, fold: int) -> bool:
        return self.fold > fold

    def tick(self, may_begin: bool) -> tuple[int, int] | None:
        """One cycle: the token issued in it, if any."""
        if self.fold == len(self.counts) or not (may_begin or self.issued or self.waited):
            return None
        self.waited += 1
        if self.waited < self.each[self.fold]:
            return None
        token = (self.fold, self.issued)
        self.waited, self.issued = 0, self.issued + 1
        if self.issued == self.counts[self.fold]:
            self.fold, self.issued = self.fold + 1, 0
        return token


def _cycles(words: int, width: int | None) -> int:
    return 1 if width is None else max(1, -(-words // width))


Activity = dict[tuple[int, int, int], tuple[int, int]]
"""Fold and step that a PE multiplies for, by cycle, row and column."""


def run(array: Array, folds: list[Fold]) -> tuple[int, Activity]:
    """Execute folds as early as possible.

    Returns:
        The cycle in which the last result is there, and what every PE did.
    """
    accumulates = folds[0].kept is None
    steps = _Stream(
        [len(fold.left) for fold in folds],
        [
            _cycles(fold.rows + fold.columns, array.in_width)
            if accumulates
            else max(_cycles(fold.rows, array.in_width), _cycles(fold.columns, array.out_width))
            for fold in folds
        ],
    )
    width = array.out_width if accumulates else array.in_width
    shifts = _Stream(
        [fold.rows for fold in folds], [_cycles(fold.columns, width) for fold in folds]
    )
    first, second = (steps, shifts) if accumulates else (shifts, steps)
    mesh = _Mesh(array, folds, accumulates)
    total = mesh.writer
    cycle = 0
    while len(total.written) < len(total.expected):
        # A plane is taken anew when whoever used it last is done with it, in an earlier cycle.
        may_first = first.fold < array.planes or second.done(first.fold - array.planes)
        may_second = first.done(second.fold)
        tokens = {id(first): first.tick(may_first), id(second): second.tick(may_second)}
        mesh.cycle(cycle, tokens[id(steps)], tokens[id(shifts)])
        cycle += 1
        assert cycle < 100_000
    return total.clock, mesh.active


class _Writer:
    """Takes results in order, a row of all columns in a cycle."""

    def __init__(self, folds: list[Fold], rows: list[int]) -> None:
        self.folds = folds
        self.expected = [(fold, row) for fold, count in enumerate(rows) for row in range(count)]
        self.pending: dict[tuple[int, int], dict[int, int]] = {}
        self.written: list[tuple[int, int]] = []
        self.clock = 0

    def write(self, cycle: int) -> None:
        """The one row, if it is complete, that is written in a cycle; it is there a cycle later."""
        if len(self.written) == len(self.expected):
            return
        key = self.expected[len(self.written)]
        fold, words = self.folds[key[0]], self.pending.get(key, {})
        if len(words) == fold.columns:
            fold.results.append([words[column] for column in range(fold.columns)])
            self.written.append(key)
            self.clock = cycle + 1


class _Mesh:
    """The PEs' registers."""

    def __init__(self, array: Array, folds: list[Fold], accumulates: bool) -> None:
        self.array, self.folds, self.accumulates = array, folds, accumulates
        self.rows = max(fold.rows for fold in folds)
        self.columns = max(fold.columns for fold in folds)
        shape = (self.rows, self.columns)
        self.planes = np.zeros((array.planes, *shape), dtype=np.int64)
        self.right, self.down, self.chain = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        self.history: list[tuple[tuple[int, int] | None, tuple[int, int] | None]] = []
        counts = [fold.rows if accumulates else len(fold.left) for fold in folds]
        self.writer = _Writer(folds, counts)
        self.active: dict[tuple[int, int, int], tuple[int, int]] = {}

    def cycle(
        self, now: int, step: tuple[int, int] | None, shift: tuple[int, int] | None
    ) -> None:  # fmt: skip
        """One cycle of all PEs: wires within a tile are new, registers are those of before."""
        self.history.append((step, shift))
        self.old = [part.copy() for part in (self.planes, self.right, self.down, self.chain)]
        self.across, self.along = np.zeros_like(self.right), np.zeros_like(self.down)
        for row in range(self.rows):
            for column in range(self.columns):
                at = now - self.array.delay(row, column)
                for what, token in enumerate(self.history[at] if at >= 0 else ()):
                    if token is not None:
                        fold = self.folds[token[0]]
                        if row < fold.rows and column < fold.columns:
                            if not what:
                                self.active[now, row, column] = token
                            (self.shift if what else self.step)(row, column, *token)
        self.writer.write(now)

    def step(self, row: int, column: int, number: int, index: int) -> None:
        fold, plane = self.folds[number], number % self.array.planes
        _, right, down, _ = self.old
        if column == 0:
            word = fold.left[index, row]
        elif column % self.array.tile_columns:
            word = self.across[row, column - 1]
        else:
            word = right[row, column - 1]
        self.across[row, column] = self.right[row, column] = word
        above = self._above(row, column, self.along, down)
        if self.accumulates:
            assert fold.top is not None
            above = fold.top[index, column] if row == 0 else above
            before = self.old[0][plane, row, column] if index else 0
            self.planes[plane, row, column] = before + word * above
            passed = above
        else:
            passed = (above if row else 0) + word * self.old[0][plane, row, column]
            if row == fold.rows - 1:
                self.writer.pending.setdefault((number, index), {})[column] = int(passed)
        self.along[row, column] = self.down[row, column] = passed

    def shift(self, row: int, column: int, number: int, index: int) -> None:
        fold, plane = self.folds[number], number % self.array.planes
        held = self.old[0][plane]
        above = self._above(row, column, held, self.old[3])
        if row == 0:
            above = 0 if fold.kept is None else fold.kept[fold.rows - 1 - index, column]
        self.planes[plane, row, column] = above
        self.chain[row, column] = held[row, column]
        if self.accumulates and row == fold.rows - 1:
            self.writer.pending.setdefault((number, index), {})[column] = int(held[row, column])

    def _above(self, row: int, column: int, wire: Matrix, register: Matrix) -> np.int64:
        """What comes from the PE above: in the same cycle in a tile, else through a register."""
        return (wire if row % self.array.tile_rows else register)[row - 1, column]

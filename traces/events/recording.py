"""Recording a run: slices become rows of Parquet, a batch at a time, and repeats a small table.

Memory holds one batch, however long the run. The files appear under their names when the run is
over; a run that ends in a deadlock leaves the trace of what happened before it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.simcore.recorder import DELAY, NOTHING, Mark, Outcome, Slice
from stallscope.traces.events.columns import (
    DELAY_NAME,
    EVENTS,
    META,
    REPEATS,
    WAIT,
    TraceKind,
    TraceMeta,
    TraceUnit,
    schema,
)
from stallscope.traces.storage import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Lanes", "Recording", "Selection", "largest_bytes"]

BATCH = 1 << 16
"""Rows held in memory."""
_START, _END, _UNIT, _AWAITED, _STEP, _KIND, _DUE, _LOST, _CAUSE, _OUTCOME = range(10)


_ROW_BYTES = 16
"""A row takes about 10 bytes on disk; rounded up."""


def largest_bytes(steps: int) -> int:
    """What a trace of so many steps takes if nothing repeats: a row for each and its wait."""
    return 2 * steps * _ROW_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of a run is recorded.

    Attributes:
        window: First cycle and the one after the last; None: all.
        units: Names of units; None: all.
    """

    window: tuple[int, int] | None = None
    units: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Who is recorded, and what its numbers mean.

    Attributes:
        units: The units, in unit order.
        first: Order number of the first unit.
        classes: Names of the causes, by number.
        counters: (name, tensor) of every counter, by number.
        kinds: Kinds of the units' steps, by unit, where some come up while they run; empty: they
            are known beforehand.
        ops: Operations of such kinds.
    """

    units: tuple[TraceUnit, ...]
    first: int
    classes: tuple[str, ...]
    counters: tuple[tuple[str, str], ...]
    kinds: tuple[Sequence[TraceKind], ...] = ()
    ops: tuple[str, ...] = ()

    def known(self) -> tuple[TraceUnit, ...]:
        """The units with the kinds of steps that are known by now."""
        if not self.kinds:
            return self.units
        return tuple(
            replace(unit, kinds=tuple(kinds))
            for unit, kinds in zip(self.units, self.kinds, strict=True)
        )


class Recording:
    """A `Recorder` that writes a trace's folder.

    Args:
        folder: Where the trace goes; it is made.
        lanes: Who is recorded.
        selection: What is recorded.
        keep: Keep all slices in memory too, so that `differs` can compare them (audit).
    """

    def __init__(
        self,
        folder: Path,
        lanes: Lanes,
        selection: Selection,
        *,
        keep: bool = False,
    ) -> None:
        self.lanes = lanes
        self.opens, self._closes = selection.window or (0, 0)
        self.selection = selection
        names = [unit.name for unit in lanes.units]
        wanted = selection.units
        self._is_wanted = [wanted is None or name in wanted for name in names]
        self._takes_all = selection.window is None and all(self._is_wanted)
        self.steps: list[int] = [0] * len(names)
        self.rows = 0
        self._slices: list[Slice] = []
        self._splits: list[tuple[int, Sequence[int]]] = []
        self._repeats: list[tuple[int, ...]] = []
        self._growth: list[tuple[int, ...]] = []
        self._outcomes: dict[Outcome, int] = {}
        self._kept: list[tuple[Slice, Sequence[int] | None]] | None = [] if keep else None
        self._columns = _Columns(lanes)
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._stack = contextlib.ExitStack()
        self._writer: Any = None  # Any: pyarrow has no types

    # ------------------------------------------------------------------ the recorder's contract

    def slice(self, row: Slice, split: Sequence[int] | None = None) -> None:
        """Take a slice; see `Recorder`."""
        if row[_AWAITED] == NOTHING:
            self.steps[row[_UNIT] - self.lanes.first] = row[_STEP] + 1
        if not self._takes_all and not self._takes(row):
            return
        slices = self._slices
        if split is not None:
            self._splits.append((len(slices), split))
        if self._kept is not None:
            self._kept.append((row, split))
        slices.append(row)
        if len(slices) >= BATCH:
            self._flush()

    def _takes(self, row: Slice) -> bool:
        if not self._is_wanted[row[_UNIT] - self.lanes.first]:
            return False
        if self.selection.window is None:
            return True
        return row[_START] < self._closes and max(row[_END], row[_START] + 1) > self.opens

    def outcome(self, changes: Outcome) -> int:
        """Return the number of an outcome; see `Recorder`."""
        return self._outcomes.setdefault(changes, len(self._outcomes))

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All outcomes, by number."""
        return tuple(self._outcomes)

    def mark(self) -> Mark:
        """Return the present moment."""
        return (self.rows + len(self._slices), len(self._repeats), tuple(self.steps))

    def repeat(self, first: Mark, last: Mark, start: int, cycles: int, times: int) -> None:
        """Take a repetition; see `Recorder`."""
        growth = [b - a for a, b in zip(first[2], last[2], strict=True)]
        self.steps = [at + times * by for at, by in zip(self.steps, growth, strict=True)]
        if first[:2] == last[:2]:
            return
        self._repeats.append((first[0], last[0], first[1], start, cycles, times))
        self._growth.append(tuple(growth))

    def differs(self, first: Mark, second: Mark, third: Mark, cycles: int) -> str:
        """Say how two successive periods differ; empty if they do not. Needs ``keep``."""
        kept = self._kept
        assert kept is not None
        one, two = kept[first[0] : second[0]], kept[second[0] : third[0]]
        growth = [b - a for a, b in zip(first[2], second[2], strict=True)]
        if len(one) != len(two):
            return f"{len(one)} slices, then {len(two)}"
        for (row, split), (again, split_again) in zip(one, two, strict=True):
            if self._later(row, cycles, growth) != again or split != split_again:
                return f"slice {row} {split} became {again} {split_again}"
        return ""

    def _later(self, row: Slice, cycles: int, growth: Sequence[int]) -> Slice:
        start, end, unit, awaited, step, kind, due, *rest = row
        due = due if due == NOTHING else due + cycles
        step += growth[unit - self.lanes.first]
        lost, cause, outcome = rest
        return (start + cycles, end + cycles, unit, awaited, step, kind, due, lost, cause, outcome)

    # ------------------------------------------------------------------ files

    def _flush(self) -> None:
        if not self._slices:
            return
        rows = np.array(self._slices, dtype=np.int64)
        rows[:, _UNIT] -= self.lanes.first
        split = np.zeros((len(rows), len(self.lanes.classes)), dtype=np.int64)
        has_lost = np.flatnonzero(rows[:, _LOST])
        split[has_lost, rows[has_lost, _CAUSE]] = rows[has_lost, _LOST]
        for index, parts in self._splits:
            split[index] = parts
        self._open().write_batch(self._columns.batch(rows, split))
        self.rows += len(rows)
        self._slices.clear()
        self._splits.clear()

    def _open(self) -> Any:  # Any: pyarrow has no types
        if self._writer is None:
            import pyarrow.parquet

            partial = self._stack.enter_context(replacing(self.folder / EVENTS))
            kind = self._columns.schema
            numbers = [field.name for field in kind if str(field.type) == "int64"]
            texts = [field.name for field in kind if field.name not in numbers]
            self._writer = self._stack.enter_context(
                pyarrow.parquet.ParquetWriter(
                    partial,
                    kind,
                    compression="zstd",
                    use_dictionary=texts,
                    column_encoding=dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
                )
            )
        return self._writer

    def close(self) -> tuple[int, int]:
        """Write what is left; returns the numbers of rows and repeats."""
        self._flush()
        (self.folder / META).unlink(missing_ok=True)
        with self._stack:
            self._open()
        import pyarrow
        import pyarrow.parquet

        columns = list(zip(*self._repeats, strict=True)) or [()] * 6
        names = ("first_row", "last_row", "first_repeat", "start", "cycles", "times")
        table = {
            name: pyarrow.array(values, pyarrow.int64())
            for name, values in zip(names, columns, strict=True)
        }
        table["steps"] = pyarrow.array(self._growth, pyarrow.list_(pyarrow.int64()))
        with replacing(self.folder / REPEATS) as partial:
            pyarrow.parquet.write_table(pyarrow.table(table), partial, compression="zstd")
        return self.rows, len(self._repeats)

    def discard(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(_Discarded), self._stack:
            raise _Discarded

    def finish(self, meta: TraceMeta) -> None:
        """Write the metadata: the trace is whole."""
        with replacing(self.folder / META) as partial:
            partial.write_text(meta.to_text(), encoding="utf-8")


class _Discarded(Exception):
    """The recording is not wanted any more."""


class _Columns:
    """Turns rows of numbers into the columns of `events.COLUMNS`."""

    def __init__(self, lanes: Lanes) -> None:
        import pyarrow

        self.schema = schema(lanes.classes)
        self._lanes = lanes
        units = lanes.units
        self._ops = [*dict.fromkeys(unit.op for unit in units), WAIT]
        self._wait = len(self._ops) - 1
        self._ops += [op for op in lanes.ops if op not in self._ops]
        self._tensors = list(
            dict.fromkeys(
                name for name in (*(u.tensor for u in units), *(t for _, t in lanes.counters))
                if name is not None
            )
        )  # fmt: skip
        self._tensor_of = np.array([self._tensor(unit.tensor) for unit in units], dtype=np.int16)
        self._awaits = [*(name for name, _ in lanes.counters), DELAY_NAME]
        awaited = [self._tensor(tensor) for _, tensor in lanes.counters]
        self._awaited_tensor = np.array([*awaited, -1], dtype=np.int16)
        self._pa = pyarrow
        self._known: list[int] = []
        self._learn()

    def _learn(self) -> None:
        """Take over what has become known of the kinds: words, bits of a word, operations."""
        kinds: tuple[Sequence[TraceKind], ...] = self._lanes.kinds
        kinds = kinds or tuple(unit.kinds for unit in self._lanes.units)
        known = [len(own) for own in kinds]
        if known == self._known:
            return
        self._known = known
        shape = (len(kinds), max(1, *known))
        self._words, self._bits = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._op_of = np.zeros(shape, np.int16)
        for index, (unit, own) in enumerate(zip(self._lanes.units, kinds, strict=True)):
            for number, kind in enumerate(own):
                self._words[index, number] = kind.words
                self._bits[index, number] = kind.word_bits or unit.word_bits or 0
                self._op_of[index, number] = self._ops.index(kind.op or unit.op)

    def _tensor(self, name: str | None) -> int:
        return -1 if name is None else self._tensors.index(name)

    def _text(self, index: NDArray[Any], words: Sequence[str], null: NDArray[np.bool_]) -> Any:
        made = self._pa.array(index.astype(np.int16), mask=null)
        return self._pa.DictionaryArray.from_arrays(made, self._pa.array(words, self._pa.string()))

    def _number(self, values: Numbers, null: NDArray[np.bool_]) -> Any:
        return self._pa.array(values, mask=null)

    def batch(self, rows: Numbers, split: Numbers) -> Any:  # Any: pyarrow has no types
        """The record batch of rows of slices (units from 0) and their cycles per class."""
        self._learn()
        unit, awaited, kind = rows[:, _UNIT], rows[:, _AWAITED], rows[:, _KIND]
        waits = awaited != NOTHING
        counter = np.where(awaited == DELAY, len(self._awaits) - 1, awaited)
        tensor = np.where(waits, self._awaited_tensor[counter], self._tensor_of[unit])
        # A wait is of no kind.
        words = np.where(waits, 0, self._words[unit, kind])
        bits = np.where(waits, 0, self._bits[unit, kind])
        op = np.where(waits, self._wait, self._op_of[unit, kind])
        nothing = np.zeros(len(rows), dtype=np.bool_)
        lost = rows[:, _LOST]
        columns = [
            self._number(rows[:, _START], nothing),
            self._number(rows[:, _END], nothing),
            self._text(unit, [one.name for one in self._lanes.units], nothing),
            self._text(op, self._ops, nothing),
            self._text(tensor, self._tensors, tensor < 0),
            self._number(rows[:, _STEP], nothing),
            self._number(words, waits),
            self._number(-(-words * bits // 8), bits == 0),
            self._text(rows[:, _CAUSE], self._lanes.classes, lost == 0),
            self._number(lost, nothing),
            self._number(rows[:, _DUE], waits),
            self._text(counter, self._awaits, ~waits),
            self._number(kind, waits),
            self._number(rows[:, _OUTCOME], waits),
            *(self._number(split[:, at], nothing) for at in range(split.shape[1])),
        ]
        return self._pa.record_batch(columns, schema=self.schema)

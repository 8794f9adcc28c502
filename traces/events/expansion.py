"""Stored rows and pieces of them, as the expanded rows they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.events.repeats import SIMULATED, Piece, Repeats

if TYPE_CHECKING:
    import pyarrow
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Places", "chunked", "expanded", "places", "touching"]

CHUNK = 1 << 18
"""Rows expanded at a time."""
_SHIFTED = ("start", "end", "delivered")


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Expanded rows, one entry each.

    Attributes:
        row: Stored row.
        shift: Cycles later.
        steps: Steps further on.
        repeat: Innermost repeat it comes from, or `SIMULATED`.
    """

    row: Numbers
    shift: Numbers
    steps: Numbers
    repeat: Numbers


def places(pieces: Iterable[Piece], rows: Numbers | None, unit_of: Numbers) -> Places:
    """Spread pieces out.

    Args:
        pieces: Pieces of a trace's repeats.
        rows: If the repeats are those of some rows only (`Repeats.of`), these rows.
        unit_of: Unit of every stored row.
    """
    none = np.zeros(0, dtype=np.int64)
    row, shift, steps, repeat = [none], [none], [none], [none]
    for piece in pieces:
        own = np.arange(piece.first, piece.last, dtype=np.int64)
        own = own if rows is None else rows[own]
        times = np.repeat(np.arange(piece.times, dtype=np.int64), len(own))
        tiled = np.tile(own, piece.times)
        units = unit_of[tiled]
        further = np.zeros(len(tiled), dtype=np.int64)
        if piece.steps is not None:
            further += piece.steps[units]
        if piece.growth is not None:
            further += times * piece.growth[units]
        row.append(tiled)
        shift.append(piece.shift + times * piece.cycles)
        steps.append(further)
        repeat.append(np.full(len(tiled), piece.repeat, dtype=np.int64))
    joined = [np.concatenate(parts) for parts in (row, shift, steps, repeat)]
    return Places(joined[0], joined[1], joined[2], joined[3])


def chunked(
    repeats: Repeats, since: int, until: int, rows: Numbers | None, unit_of: Numbers
) -> Iterator[Places]:
    """Spread out the rows that end from ``since`` to ``until``, a bounded number at a time."""
    waiting: list[Piece] = []
    count = 0
    for whole in repeats.pieces(since, until):
        for piece in _parts(whole):
            waiting.append(piece)
            count += (piece.last - piece.first) * piece.times
            if count >= CHUNK:
                yield places(waiting, rows, unit_of)
                waiting, count = [], 0
    yield places(waiting, rows, unit_of)


def _parts(piece: Piece) -> Iterator[Piece]:
    """A piece as pieces of at most `CHUNK` rows."""
    most = max(1, CHUNK // (piece.last - piece.first))
    for done in range(0, piece.times, most):
        steps = piece.steps
        if steps is not None and piece.growth is not None:
            steps = steps + done * piece.growth
        times = min(most, piece.times - done)
        shift = piece.shift + done * piece.cycles
        part = replace(piece, times=times, shift=shift, steps=steps)
        # Several times over they are few enough; else they may be too many even once.
        step = CHUNK if times == 1 else part.last - part.first
        for first in range(part.first, part.last, step):
            yield replace(part, first=first, last=min(first + step, part.last))


def expanded(stored: pyarrow.Table, at: Places) -> pyarrow.Table:
    """The expanded rows, with the column ``repeat``."""
    import pyarrow

    table = stored.take(pyarrow.array(at.row))
    for name in _SHIFTED:
        table = _added(table, name, at.shift)
    table = _added(table, "step", at.steps)
    return table.append_column(
        "repeat", pyarrow.array(at.repeat, pyarrow.int64(), mask=at.repeat == SIMULATED)
    )


def touching(table: pyarrow.Table, start: int, end: int) -> pyarrow.Table:
    """The rows that touch cycles ``start`` to ``end`` - 1; an empty slice touches its cycle."""
    from pyarrow import compute

    if start >= end:
        return table.slice(0, 0)
    begins, ends = table.column("start"), table.column("end")
    longest = compute.max_element_wise(ends, compute.add(begins, 1))
    return table.filter(compute.and_(compute.less(begins, end), compute.greater(longest, start)))


def _added(table: pyarrow.Table, name: str, by: Numbers) -> pyarrow.Table:
    """The table with numbers added to a column; null stays null."""
    import pyarrow
    from pyarrow import compute

    at = table.column_names.index(name)
    moved = compute.add(table.column(name), pyarrow.chunked_array([by], pyarrow.int64()))
    return table.set_column(at, table.schema.field(name), moved)

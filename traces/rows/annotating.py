"""What a flat program says beyond the steps: the columns by which rows execute without tables.

They are worked out from the looped program when it is expanded. A user's own program has the same
columns; most may be left out (`stallscope.traces.rows.program`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.traces.flat import UnitStream
from stallscope.traces.program import ComputeStream, MoverStream, Op, Program, Record
from stallscope.traces.rows import notation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Leaving = list[tuple[tuple[str, str], Flags, Numbers]]

__all__ = ["OWN_COLUMNS", "Annotator", "Tiles", "listed"]

OWN_COLUMNS = {
    "room": "int64", "frees": "string", "finishes": "string", "cycles": "int64",
    "ports": "string", "networks": "string", "buffers": "string", "instances": "string",
}  # fmt: skip
"""Columns by which rows execute without the looped program, and their Arrow types."""

Tiles = Callable[["UnitStream", "Numbers", int], "Numbers"]
"""Number, from 1, of the tile that the outer loops of a unit walk at rows of iterations."""


class Annotator:
    """Works out the columns of `OWN_COLUMNS` for the rows of a program.

    Args:
        program: The program.
        units: Its units.
        records: Gives the record of every step of a unit.
        tile: See `Tiles`.
    """

    def __init__(
        self,
        program: Program,
        units: tuple[UnitStream, ...],
        records: Callable[[UnitStream], Numbers],
        tile: Tiles,
    ) -> None:
        self.program = program
        self._records = records
        self._tile = tile
        self._down = {
            (unit.stream.tensor, unit.stream.child): unit
            for unit in units
            if isinstance(unit.stream, MoverStream) and unit.op is not Op.DRAIN
        }
        self._walked: dict[tuple[str, str], Numbers] = {}
        self._first = units[0]

    def columns(
        self, unit: UnitStream, start: int, digits: Numbers, group: Numbers, earlier: Numbers | None
    ) -> dict[str, Any]:  # Any: pyarrow has no types
        """The columns of rows from step ``start`` on, whose loops stand at ``digits``.

        Args:
            unit: The unit.
            start: Number of the first step.
            digits: Iteration of every loop, a row per step.
            group: Record of every step.
            earlier: Of a refill, 0 where the tile is visited for the first time.
        """
        stop = start + len(digits)
        after = unit.loops_before(start + 1, min(stop + 1, unit.steps))
        if stop == unit.steps:
            after = np.append(after, -1)
        stream = unit.stream
        is_file_start = unit is self._first and start == 0
        facts = {
            "buffers": notation.buffers_text(self.program.buffers),
            "instances": "; ".join(f"{name} {n}" for name, n in self.program.used_instances),
        }
        made = {name: _at_first(text if is_file_start else None, len(digits))
                for name, text in facts.items()}  # fmt: skip
        if isinstance(stream, ComputeStream):
            return made | self._bursts(unit, stream, digits, group, after)
        return made | self._moves(unit, stream, digits, group, earlier, after)

    # ------------------------------------------------------------------ movers

    def _moves(
        self,
        unit: UnitStream,
        stream: MoverStream,
        digits: Numbers,
        group: Numbers,
        earlier: Numbers | None,
        after: Numbers,
    ) -> dict[str, Any]:  # Any: pyarrow has no types
        leaves = (after < stream.parent_depth) & (not stream.parent_is_memory)
        above = (stream.tensor, stream.parent)
        frees, finishes = [], None
        if unit.op.role is Op.FILL:
            frees = [(above, leaves, self._tile(unit, digits, stream.parent_depth))]
        elif unit.op is Op.DRAIN:
            finishes = " ".join(above)
        rooms = np.array([record.room for record in stream.records], dtype=np.int64)
        kinds = group
        ports: list[str | None] = [notation.record_ports(stream, r) for r in stream.records]
        nets = self._networks(stream, is_first=False)
        if earlier is not None:
            # A second set of kinds for first visits: elided, or words that no network carries.
            kinds = np.where(earlier > 0, group, group + len(rooms))
            ports += [None] * len(rooms) if unit.elides else ports
            nets += [None] * len(rooms) if unit.elides else self._networks(stream, is_first=True)
        return {
            "room": _array(rooms[group]),
            "frees": self._frees(frees, len(digits)),
            "finishes": _where(finishes, leaves),
            "cycles": _nothing(len(digits), "int64"),
            "ports": _take(ports, kinds),
            "networks": _take(nets, kinds),
        }

    def _networks(self, stream: MoverStream, *, is_first: bool) -> list[str | None]:
        def text(record: Record) -> str:
            return notation.record_networks(record, is_first=is_first)

        return [text(record) for record in stream.records]

    # ------------------------------------------------------------------ the array

    def _bursts(
        self,
        unit: UnitStream,
        stream: ComputeStream,
        digits: Numbers,
        group: Numbers,
        after: Numbers,
    ) -> dict[str, Any]:  # Any: pyarrow has no types
        frees, finishes, ends = [], None, np.zeros(len(digits), dtype=bool)
        for operand in stream.operands:
            if operand.depth < 0:
                continue
            place, leaves = (operand.tensor, operand.level), after < operand.depth
            if operand.is_output:
                finishes, ends = " ".join(place), leaves
            else:
                frees.append((place, leaves, self._tile(unit, digits, operand.depth)))
        touching = set(self.program.output_dimensions)
        reductions = [at for at, loop in enumerate(stream.loops) if loop.dimension not in touching]
        is_fresh = ~digits[:, reductions].any(axis=1)
        works = stream.records
        ports = [notation.burst_ports(stream, work, is_fresh=fresh)
                 for fresh in (False, True) for work in works]  # fmt: skip
        cycles = np.array([work.cycles for work in works], dtype=np.int64)
        return {
            "room": _nothing(len(digits), "int64"),
            "frees": self._frees(frees, len(digits)),
            "finishes": _where(finishes, ends),
            "cycles": _array(cycles[group]),
            "ports": _take(ports, np.where(is_fresh, group + len(works), group)),
            "networks": _take([notation.burst_networks(stream, work) for work in works], group),
        }

    # ------------------------------------------------------------------ room

    def _frees(self, leaving: Leaving, count: int) -> Any:  # Any: pyarrow has no types
        """Words of tiles that rows leave: (place, whether a row leaves one, number of the tile)."""
        return listed(count, self._freed(leaving))

    def _freed(self, leaving: Leaving) -> Iterator[tuple[str, Numbers]]:
        for place, leaves, tile in leaving:
            if not leaves.any():
                continue
            stream = self._down[place].stream
            assert isinstance(stream, MoverStream)
            released = np.array([record.released for record in stream.records], dtype=np.int64)
            tiles = np.array([record.tile_words for record in stream.records], dtype=np.int64)
            walked = self._tiles_of(place)
            is_last = tile >= len(walked)
            following = released[walked[np.where(is_last, 0, tile)]]
            words = np.where(is_last, tiles[walked[-1]], following)
            yield " ".join(place), np.where(leaves, words, 0)

    def _tiles_of(self, place: tuple[str, str]) -> Numbers:
        if place not in self._walked:
            self._walked[place] = self._records(self._down[place])
        return self._walked[place]


def listed(count: int, items: Iterator[tuple[str, Numbers]]) -> Any:  # Any: pyarrow has no types
    """A text column: every item's name and number, where the number is over 0."""
    import pyarrow
    from pyarrow import compute

    text = pyarrow.repeat("", count)
    for name, values in items:
        number = compute.cast(pyarrow.array(values), pyarrow.string())
        shown = compute.binary_join_element_wise(name, number, " ")
        joined = compute.binary_join_element_wise(text, shown, "; ")
        joined = compute.if_else(compute.equal(text, ""), shown, joined)
        text = compute.if_else(pyarrow.array(values > 0), joined, text)
    return text


def _array(values: Numbers) -> Any:  # Any: pyarrow has no types
    import pyarrow

    return pyarrow.array(values)


def _nothing(count: int, kind: str) -> Any:  # Any: pyarrow has no types
    import pyarrow

    return pyarrow.nulls(count, pyarrow.type_for_alias(kind))


def _take(texts: Sequence[str | None], kinds: Numbers) -> Any:  # Any: pyarrow has no types
    import pyarrow

    return pyarrow.array(texts, pyarrow.string()).take(pyarrow.array(kinds))


def _where(text: str | None, chosen: Flags) -> Any:  # Any: pyarrow has no types
    return _take([None, text], chosen.astype(np.int64))


def _at_first(text: str | None, count: int) -> Any:  # Any: pyarrow has no types
    import pyarrow

    return pyarrow.array([text] + [None] * (count - 1), pyarrow.string())

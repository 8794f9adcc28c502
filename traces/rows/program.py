"""A flat program of a user's own: rows that say all that the units need, without a looped program.

Columns beyond those of `stallscope.traces.flat`, all optional (docs/formats.md explains each):

    room       words that every child makes room for (FILL, REFILL) or gives back (DRAIN)
    frees      words of tensors whose room is free when the row is over (FILL, COMPUTE)
    finishes   output tiles that the row completes (COMPUTE, DRAIN)
    cycles     cycles of the busiest PE (COMPUTE)
    ports      words at the busiest instance and at all instances of a level
    networks   words that enter a network, whom they reach, hops
    buffers    words of a tensor's largest tile at a level, and how many tiles it holds
    instances  instances that are used

Rows of a unit execute in the order of the file; units are ordered as their first rows are. Nothing
but `wait_for`, room and shared servers orders units. What `stallscope program expand` writes has
all of these columns, so it executes without its metadata too.

Not modelled: more than one output tensor, more than one array.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stallscope.mappings.architecture import Architecture
from stallscope.traces.program import Op, Program
from stallscope.traces.rows.checks import check_counters, check_room, check_units
from stallscope.traces.rows.file import Faults, is_own, rows_of
from stallscope.traces.rows.tables import make_tables
from stallscope.traces.rows.units import Counted, Gathered, Ragged

__all__ = ["RowProgram", "RowStream", "is_own", "read_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStream:
    """What one unit executes, row by row.

    Attributes:
        records: Number of the record of every row.
        waits: Counters a row waits for before it starts: (number, value).
        versions: Of a refill, write-backs it waits for; 0: it starts at zero, -1: none.
        frees: Room that is free when a row is over: (number, words).
        finishes: Output tiles that a row completes: (number, 1).
    """

    records: Sequence[int]
    waits: Ragged
    versions: Sequence[int]
    frees: Ragged
    finishes: Ragged


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProgram:
    """A program whose rows say what they wait for, free and finish.

    Attributes:
        program: The tables the rows refer to; it has no loops and no dimensions.
        streams: Rows by unit.
        counters: The counters that the numbers in rows mean.
        hopless: Networks on which some row says nothing of hops: they count as none.
    """

    program: Program
    streams: Mapping[str, RowStream]
    counters: tuple[Counted, ...]
    hopless: tuple[str, ...]


def read_rows(path: str | os.PathLike[str], architecture: Architecture) -> RowProgram:
    """Read a flat program that a user wrote.

    Args:
        path: CSV or Parquet.
        architecture: What it is to run on: its levels and instances say what rows leave out.

    Raises:
        SpecError: Every fault of the file, with row, column, value, rule and remedy.
    """
    faults = Faults(os.fspath(path))
    rows = Gathered(architecture, faults)
    for row in rows_of(path, faults):
        rows.add(row)
    if not rows.units and not faults.found:
        faults.file("file", "", "has no rows")
    if rows.is_whole and rows.units:
        check_units(rows)
    if not rows.is_whole or not rows.units or not _is_complete(rows):
        faults.check()
    tables = make_tables(rows, Path(path).stem)
    program, records = tables.program, tables.records
    check_counters(rows, program)
    if not faults.found:
        check_room(rows, program, records)
    faults.check()
    return RowProgram(
        program=program,
        streams={
            unit.name: RowStream(
                records=records[unit.name],
                waits=unit.waits,
                versions=unit.versions,
                frees=unit.frees,
                finishes=unit.finishes,
            )
            for unit in rows.units.values()
        },
        counters=tuple(rows.counters),
        hopless=tables.hopless,
    )


def _is_complete(rows: Gathered) -> bool:
    """Whether the units are such that their tables can be made."""
    units = rows.units.values()
    ups = {(*unit.place, unit.outer) for unit in units if unit.op is Op.DRAIN}
    downs = {(*unit.place, unit.outer) for unit in units if unit.op is Op.REFILL}
    return ups == downs and rows.architecture.compute.name in rows.units

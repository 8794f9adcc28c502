"""What must hold across the rows of a user's own flat program, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stallscope.mappings.fields import nearest
from stallscope.traces.program import MoverStream, Op, Program
from stallscope.traces.rows.file import Row
from stallscope.traces.rows.units import Gathered, Place, UnitRows

__all__ = ["check_counters", "check_room", "check_units"]


def check_units(rows: Gathered) -> None:
    """Units that must be there, and what brings a tensor where another unit takes it."""
    faults, compute = rows.faults, rows.architecture.compute.name
    if compute not in rows.units:
        rule = "no COMPUTE row: nothing multiplies"
        faults.file("unit", compute, rule, f"add rows of the unit {compute}")
    down: dict[Place, UnitRows] = {}
    pairs: dict[tuple[str, str, str], list[UnitRows]] = {}
    for unit in rows.units.values():
        if unit.op is Op.COMPUTE:
            continue
        pairs.setdefault((unit.tensor, unit.outer, unit.inner), []).append(unit)
        if unit.op is not Op.DRAIN and down.setdefault(unit.place, unit) is not unit:
            rule = f"{down[unit.place].name} brings {unit.tensor} to {unit.inner} already"
            faults.row(unit.firsts[0], "unit", unit.name, rule, "keep one of the two")
    outermost = rows.architecture.levels[0].name
    for (tensor, outer, inner), pair in pairs.items():
        first = pair[0].firsts[0]
        ops = {unit.op for unit in pair}
        if ops not in ({Op.FILL}, {Op.REFILL, Op.DRAIN}):
            rule = f"{tensor} between {outer} and {inner} needs REFILL and DRAIN rows, or only FILL"
            remedy = "a REFILL row with words 0 takes room for a tile that starts at zero"
            faults.row(first, "op", ", ".join(sorted(ops)), rule, remedy)
        holds = rows.architecture.level(inner).holds
        if holds is not None and tensor not in holds:
            rule = f"{inner} holds {', '.join(holds)}"
            faults.row(first, "unit", pair[0].name, rule, f"leave {inner} out for {tensor}")
        if outer != outermost and (tensor, outer) not in down:
            rule = f"nothing brings {tensor} to {outer}"
            faults.row(first, "unit", pair[0].name, rule, f"add rows, or move it from {outermost}")


def check_counters(rows: Gathered, program: Program) -> None:
    """Counters that rows name: that they exist, and ever reach what is waited for."""
    streams = {(stream.tensor, stream.child): stream for stream in program.movers}
    raised = dict(_raised(rows))
    for counter, code in rows.counters.items():
        tensor, level, what = counter
        awaited, given = rows.needed.get(code), rows.given.get(code)
        column, row = _mention(what, awaited, given)
        place = f"{tensor} {level}"
        stream = streams.get((tensor, level))
        if stream is None:
            remedy = nearest(place, [" ".join(known) for known in streams])
            rows.faults.row(row, column, place, f"nothing brings {tensor} to {level}", remedy)
        elif what in ("finished", "drained") and not stream.is_output:
            rule = f"{tensor} is not written back from {level}: it has no DRAIN rows there"
            rows.faults.row(row, column, place, rule)
        elif what == "released" and stream.is_output:
            rule = f"the room of {place} is that of its DRAIN rows"
            rows.faults.row(row, column, place, rule, "leave it out; a DRAIN row's room says it")
        elif awaited is not None and awaited[0] > raised.get(counter, 0):
            rule = f"waits forever: {place} {what} never gets beyond {raised.get(counter, 0)}"
            rows.faults.row(awaited[1], column, awaited[0], rule, _remedy(what))
    for stream in program.movers:
        if stream.is_output:
            _check_finishes(rows, stream, streams)
    for operand in program.compute.operands:
        used = (operand.tensor, operand.level)
        if used not in streams and operand.level != rows.architecture.levels[0].name:
            rule = f"nothing brings {operand.tensor} to {operand.level}"
            compute = rows.units[program.compute.unit]
            rows.faults.row(compute.firsts[0], "ports", " ".join(used), rule)


def _mention(
    what: str, awaited: tuple[int, Row] | None, given: tuple[int, Row] | None
) -> tuple[str, Row]:
    """Column and row in which a counter is named."""
    if awaited is not None:
        return "wait_for", awaited[1]
    assert given is not None
    return ("frees" if what == "released" else "finishes"), given[1]


def _raised(rows: Gathered) -> Iterator[tuple[tuple[str, str, str], int]]:
    """How far every counter of tiles gets."""
    for unit in rows.units.values():
        if unit.op is not Op.COMPUTE:
            what = "drained" if unit.op is Op.DRAIN else "delivered"
            yield (*unit.place, what), len(unit.steps)
    for counter, code in rows.counters.items():
        if counter[2] == "finished" and code in rows.given:
            yield counter, rows.given[code][0]


def _remedy(what: str) -> str:
    if what == "finished":
        return "name the tile in the column finishes of the rows that complete one"
    return f"every {'DRAIN' if what == 'drained' else 'FILL or REFILL'} row counts one"


def _check_finishes(
    rows: Gathered, stream: MoverStream, streams: Mapping[Place, MoverStream]
) -> None:
    """Every drain needs a tile that one unit finishes: the array, or the drain below."""
    tensor, level = stream.tensor, stream.child
    drain = rows.units[f"{tensor} {level}->{stream.parent}"]
    below = [inner for (t, inner), s in streams.items() if t == tensor and s.parent == level]
    maker = f"{tensor} {below[0]}->{level}" if below else rows.architecture.compute.name
    code = rows.counters.get((tensor, level, "finished"), -1)
    for name in rows.finishers.get(code, {}):
        if name != maker:
            rule = f"only rows of {maker} finish tiles of {tensor} at {level}"
            rows.faults.row(rows.given[code][1], "finishes", name, rule)
    finished = rows.given[code][0] if code in rows.given else 0
    if finished != len(drain.steps):
        rule = f"{len(drain.steps)} DRAIN rows, but {maker} finishes {finished} tiles"
        remedy = f"write `{tensor} {level}` in the column finishes of its rows that complete a tile"
        rows.faults.row(drain.firsts[0], "unit", drain.name, rule, remedy)


def check_room(rows: Gathered, program: Program, records: Mapping[str, Sequence[int]]) -> None:
    """Words that come to a level must leave it: rooms taken are freed, and no more."""
    for stream in program.movers:
        tensor, level = stream.tensor, stream.child
        room = [record.room for record in stream.records]
        down = rows.units[f"{tensor} {stream.parent}->{level}"]
        taken = sum(room[number] for number in records[down.name])
        if stream.is_output:
            drain = f"{tensor} {level}->{stream.parent}"
            freed = sum(room[number] for number in records[drain])
            remedy = "the column room of the REFILL and DRAIN rows says how much"
        else:
            code = rows.counters.get((tensor, level, "released"), -1)
            freed = rows.given[code][0] if code in rows.given else 0
            remedy = f"write `{tensor} {level} WORDS` in the column frees of rows that are done"
        if taken != freed:
            left = f"{taken - freed} are left over" if taken > freed else "more than there are"
            rule = f"{taken} words of {tensor} come to {level}, {freed} are freed: {left}"
            rows.faults.file(f"{tensor} {level}", freed, rule, remedy)

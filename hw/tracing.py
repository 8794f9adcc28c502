"""What the numbers in a recording mean: units, kinds of step, counters, and what traffic costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from stallscope.hw.counting import Executed, Key, traffic
from stallscope.hw.machine import Machine
from stallscope.hw.ports import CAUSES
from stallscope.mappings.case import Platform
from stallscope.mappings.pricing import LedgerLine
from stallscope.traces.events import TraceKind, TraceMeta, TraceUnit
from stallscope.traces.program import MoverStream, Op
from stallscope.traces.recording import Lanes, Recording, Selection

__all__ = ["begin", "end"]

_COSTS = {"hop": "enter", "router": "enter", "ingress": "enter"}
"""Actions of the ledger that are paid when a word enters a network."""


def begin(machine: Machine, folder: Path, selection: Selection, *, keep: bool = False) -> Recording:
    """Have a machine's run recorded into a folder.

    Args:
        machine: Not yet run.
        folder: Where the trace goes.
        selection: What is recorded.
        keep: Keep slices in memory for the audit.
    """
    lanes = Lanes(
        units=tuple(_units(machine)),
        first=machine.units[0].order,
        classes=tuple(cause.value for cause in CAUSES),
        counters=tuple(
            (f"{channel.name} {what}", tensor)
            for (tensor, _), channel in machine.channels.items()
            for what in channel.COUNTERS
        ),
    )
    recording = Recording(folder, lanes, selection, keep=keep)
    machine.record(recording)
    return recording


def end(
    recording: Recording,
    machine: Machine,
    case: Platform,
    ledger: Iterable[LedgerLine] = (),
    *,
    is_complete: bool = True,
) -> TraceMeta:
    """Close a recording and write what it is of.

    Args:
        recording: The recording.
        machine: The machine, after its run.
        case: What was run, or what it ran on.
        ledger: The run's energies.
        is_complete: Whether the run came to its end.
    """
    rows, repeats = recording.close()
    lanes, selection = recording.lanes, recording.selection
    names = tuple(unit.name for unit in lanes.units)
    lines = list(ledger)
    leakage = sum(line.pj for line in lines if line.action == "leak")
    cycles = machine.cycles
    meta = TraceMeta(
        name=case.name,
        stallscope=version("stallscope"),
        inputs=tuple((file.path, file.sha256) for file in case.files),
        seed=None,
        cycles=cycles,
        is_complete=is_complete,
        window=selection.window,
        rows=rows,
        repeats=repeats,
        classes=lanes.classes,
        counters=lanes.counters,
        units=lanes.units,
        recorded=tuple(n for n in names if selection.units is None or n in selection.units),
        prices=tuple(_prices(lines, machine)),
        leakage_pj_per_cycle=leakage / cycles if cycles else 0.0,
        clock_mhz=case.architecture.clock_mhz,
    )
    recording.finish(meta)
    return meta


def _prices(lines: Iterable[LedgerLine], machine: Machine) -> Iterator[tuple[str, str, str, float]]:
    """Energy of the run per component, action and tensor, over its words."""
    paid: dict[tuple[str, str, str], float] = {}
    for line in lines:
        if line.action != "leak":
            key = (line.component, _COSTS.get(line.action, line.action), line.tensor)
            paid[key] = paid.get(key, 0.0) + line.pj
    for component, action, tensor, words in traffic(machine, Executed.by(machine)):
        pj = paid.get((component, action, tensor), 0.0)
        if pj:
            yield (component, action, tensor, pj / words)


# ---------------------------------------------------------------------- units and their kinds


def _units(machine: Machine) -> Iterator[TraceUnit]:
    """The units in unit order, each with the kinds of its steps as the units number them."""
    for stream in machine.program.movers:
        key = (stream.tensor, stream.child)
        down, up = f"{stream.parent}->{stream.child}", f"{stream.child}->{stream.parent}"
        words = [record.parent_words for record in stream.records]
        op = Op.REFILL if stream.is_output else Op.FILL
        yield _mover(machine, op, stream, down, _down(machine, key, words))
        if stream.is_output:
            yield _mover(machine, Op.DRAIN, stream, up, _up(machine, key, words))
    compute = machine.program.compute
    yield TraceUnit(
        name=compute.unit, op=Op.COMPUTE.value, tensor=None, parent=None, child=None,
        word_bits=None, kinds=tuple(_bursts(machine)),
    )  # fmt: skip


def _mover(
    machine: Machine, op: Op, stream: MoverStream, way: str, kinds: Iterable[TraceKind]
) -> TraceUnit:
    return TraceUnit(
        name=f"{stream.tensor} {way}",
        op=op.value,
        tensor=stream.tensor,
        parent=stream.parent,
        child=stream.child,
        word_bits=machine.architecture.level(stream.parent).word_bits,
        kinds=tuple(kinds),
    )


def _down(machine: Machine, key: Key, words: Sequence[int]) -> Iterator[TraceKind]:
    """Kinds of a fill or refill: its records, then (refill) the same as a first touch."""
    has_firsts = key in machine.refills and not machine.refills[key].plan.elide_first
    for is_first in (False, True) if has_firsts else (False,):
        for record, moved in enumerate(words):
            once = {key: {record: 1}}
            one = Executed(down=once, firsts=once if is_first else {})
            yield TraceKind(words=moved, traffic=tuple(traffic(machine, one)))


def _up(machine: Machine, key: Key, words: Sequence[int]) -> Iterator[TraceKind]:
    for record, moved in enumerate(words):
        one = Executed(up={key: {record: 1}})
        yield TraceKind(words=moved, traffic=tuple(traffic(machine, one)))


def _bursts(machine: Machine) -> Iterator[TraceKind]:
    """Kinds of a burst: per record, then first to touch its output words or not."""
    for record, work in enumerate(machine.program.compute.records):
        for is_fresh in (False, True):
            once = {record: 1}
            one = Executed(fresh=once) if is_fresh else Executed(stale=once)
            yield TraceKind(words=work.computes, traffic=tuple(traffic(machine, one)))

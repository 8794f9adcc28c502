"""What the numbers in a recording mean: units, kinds of step, counters, and what traffic costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from stallscope.hw.counting import Executed, Key, traffic
from stallscope.hw.machine import Machine
from stallscope.hw.memory.addresses import in_chunks
from stallscope.hw.memory.landing import Landing, Posting
from stallscope.hw.memory.lane import Lane
from stallscope.hw.mover import Carrier
from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.recorded import Prices, paid_for
from stallscope.hw.sparse.bursts import BurstTotal, BurstWork
from stallscope.hw.sparse.computing import SparseBinding
from stallscope.hw.sparse.counting import ends
from stallscope.hw.sparse.moving import Moved
from stallscope.mappings.case import Platform
from stallscope.mappings.pricing import LedgerLine
from stallscope.simcore.servers import Demand
from stallscope.traces.events.columns import TraceKind, TraceUnit
from stallscope.traces.events.kinds import Kinds
from stallscope.traces.events.recording import Lanes
from stallscope.traces.program import MoverStream, Op, Record

__all__ = ["MachineSubject"]

_COSTS = {
    "hop": "enter", "router": "enter", "ingress": "enter",
    "metadata_read": "read", "metadata_write": "write",
}  # fmt: skip
"""Actions of the ledger that are paid when a word enters a network; metadata are words, too."""


class MachineSubject:
    """What a recording of a machine is of.

    Args:
        machine: Not yet run.
        case: What it runs, or runs on.
    """

    def __init__(self, machine: Machine, case: Platform) -> None:
        self._machine = machine
        self.name = case.name
        self.files = case.files
        self.clock_mhz = case.architecture.clock_mhz
        self.is_own = machine.is_own

    def lanes(self) -> Lanes:
        """See `Subject`."""
        machine = self._machine
        units = tuple(_units(machine))
        return Lanes(
            units=units,
            kinds=_growing(machine, units),
            first=machine.units[0].order,
            classes=tuple(cause.value for cause in CAUSES),
            counters=(
                *(
                    (f"{channel.name} {what}", tensor)
                    for (tensor, _), channel in machine.channels.items()
                    for what in channel.COUNTERS
                ),
                *((lane.handed.name, _tensor_of(machine, lane)) for lane in machine.lanes),
            ),
        )

    def prices(self, ledger: Sequence[LedgerLine]) -> Prices:
        """Energy of the run per component, action and tensor, over its words."""
        paid = paid_for(ledger, _COSTS)
        machine = self._machine
        for component, action, tensor, words in traffic(machine, Executed.by(machine)):
            pj = paid.get((component, action, tensor), 0.0)
            if pj:
                yield (component, action, tensor, pj / words)


# ---------------------------------------------------------------------- units and their kinds


def _growing(machine: Machine, units: Sequence[TraceUnit]) -> tuple[Sequence[TraceKind], ...]:
    """The units' kinds where some come up while the machine runs: those that depend on zeros."""
    movers: dict[str, tuple[Key, bool]] = {}
    for is_up, carriers in ((False, machine.fills), (True, machine.drains)):
        movers |= {carrier.name: (key, is_up) for key, carrier in carriers.items()
                   if carrier.moving is not None}  # fmt: skip
    if not movers and machine.sparse is None:
        return ()
    found: list[Sequence[TraceKind]] = [
        _watched(machine, *movers[unit.name]) if unit.name in movers else unit.kinds
        for unit in units
    ]
    if machine.sparse is not None:
        found[-1] = _worked(machine, machine.sparse)  # the array is the last unit
    return tuple(found)


def _worked(machine: Machine, sparse: SparseBinding) -> Kinds:
    """The kinds of the bursts of an array whose work depends on zeros."""
    found = Kinds()

    def number(record: int, is_fresh: bool, burst: BurstWork, demand: Demand) -> int:
        def make() -> TraceKind:
            total = BurstTotal(
                steps=burst.steps,
                executed=burst.executed,
                active=burst.active,
                fresh=burst.fresh if is_fresh else 0,
                reads=burst.reads,
            )
            once = {record: 1}
            bursts = Executed(fresh=once, worked=total)
            if not is_fresh:
                bursts = Executed(stale=once, worked=total)
            return _kind(machine, bursts, burst.active, demand)

        return found.number((record, is_fresh, burst, demand), make)

    sparse.name_kinds(machine.array, number)
    return found


def _watched(machine: Machine, key: Key, is_up: bool) -> Kinds:
    """The kinds of a mover whose steps depend on zeros; it numbers them as they come."""
    mover: Carrier = machine.drains[key] if is_up else machine.fills[key]
    stream = next(one for one in machine.program.movers if (one.tensor, one.child) == key)
    found = Kinds()

    def number(record: int, moved: Moved) -> int:
        def make() -> TraceKind:
            if record == len(stream.records):
                return TraceKind(words=0)  # a tile that stays for the next step
            words = moved.words.tolist()
            assert mover.moving is not None
            total = ends(mover.moving.layout, words).parent[0]
            room = 0 if is_up else stream.records[record].room
            return _kind(
                machine, Executed(moved={(key, is_up): words}), total, moved.demand, room
            )  # fmt: skip

        return found.number((record, moved.key), make)

    mover.kind_of = number
    return found


def _units(machine: Machine) -> Iterator[TraceUnit]:
    """The units in unit order, each with the kinds of its steps as the units number them."""
    lanes = {(lane.channel.name, lane.is_write): lane for lane in machine.lanes}
    for stream in machine.program.movers:
        key = (stream.tensor, stream.child)
        name = machine.channels[key].name
        if (name, False) in lanes:
            yield _lane(machine, "READ", stream, lanes[name, False])
        if stream.is_output:
            refill, drain = machine.refills[key], machine.drains[key]
            yield _mover(machine, Op.REFILL, stream, refill, _refills(machine, key, stream))
            yield _mover(machine, Op.DRAIN, stream, drain, _drains(machine, key, stream))
        else:
            fill = machine.fills[key]
            is_preload = stream.child == machine.program.registers
            op = Op.PRELOAD if is_preload else Op.FILL
            yield _mover(machine, op, stream, fill, _fills(machine, key, stream, fill))
        if (name, True) in lanes:
            yield _lane(machine, "WRITE", stream, lanes[name, True])
    array = machine.array
    yield TraceUnit(
        name=array.name, op=_compute_op(machine), tensor=None, parent=None, child=None,
        word_bits=None, latency=CAUSES[array.plan.latency_cause].value,
        kinds=tuple(_bursts(machine)) if machine.sparse is None else (),
    )  # fmt: skip


def _compute_op(machine: Machine) -> str:
    return Op.COMPUTE.value if machine.program.registers is None else Op.MATMUL.value


def _tensor_of(machine: Machine, lane: Lane) -> str:
    """The tensor of a lane of main memory."""
    return next(tensor for (tensor, _), one in machine.channels.items() if one is lane.channel)


def _mover(
    machine: Machine, op: Op, stream: MoverStream, unit: Carrier, kinds: Iterable[TraceKind]
) -> TraceUnit:
    return TraceUnit(
        name=unit.name,
        op=op.value,
        tensor=stream.tensor,
        parent=stream.parent,
        child=stream.child,
        word_bits=machine.architecture.level(stream.parent).word_bits,
        latency=CAUSES[unit.plan.latency_cause].value,
        kinds=() if unit.moving is not None else tuple(kinds),
        room="words" if machine.formats.of(stream.child, stream.tensor) is None else "plain words",
    )


def _lane(machine: Machine, op: str, stream: MoverStream, lane: Lane) -> TraceUnit:
    """A lane of main memory; its steps are the chunks of all records, one after the other."""
    kinds = [
        TraceKind(
            words=words, resource=stream.parent, pace=Cause.DRAM_BANDWIDTH.value if words else None
        )
        for record in stream.records
        for words in _chunk_words(machine, record)
    ]
    kinds.append(TraceKind(words=0))  # an elided refill, a tile that stays
    return TraceUnit(
        name=lane.name, op=op, tensor=stream.tensor, parent=stream.parent, child=stream.child,
        word_bits=machine.architecture.level(stream.parent).word_bits,
        latency=Cause.DRAM_LATENCY.value, kinds=tuple(kinds),
    )  # fmt: skip


def _chunk_words(machine: Machine, record: Record) -> tuple[int, ...]:
    """Words of the chunks of a step below a main memory with a controller."""
    assert machine.memory is not None
    return in_chunks(record.busiest_parent, machine.memory.chunk_words)


def _in_chunks(
    machine: Machine, record: Record, demands: Sequence[Demand], whole: TraceKind
) -> Iterator[TraceKind]:
    """The kinds of a step that moves in chunks; the last one stands for what it takes and costs."""
    words = _chunk_words(machine, record)
    for number, (part, demand) in enumerate(zip(words, demands, strict=True)):
        is_last = number + 1 == len(words)
        kind = _kind(machine, Executed(), part, demand)
        yield replace(
            kind,
            room=whole.room if is_last else 0,
            traffic=whole.traffic if is_last else (),
        )


def _kind(
    machine: Machine, executed: Executed, words: int, demand: Demand, room: int = 0
) -> TraceKind:
    """The kind of one executed step."""
    slowest = max(demand.path, key=lambda part: part[1], default=None)
    resource = slowest[0].name if slowest else None
    if CAUSES[demand.cause] is Cause.COMPUTE:
        resource = machine.array.name
    return TraceKind(
        words=words,
        room=room,
        resource=resource,
        pace=CAUSES[demand.cause].value if demand.total else None,
        traffic=tuple(traffic(machine, executed)),
    )


def _fills(machine: Machine, key: Key, stream: MoverStream, unit: Carrier) -> Iterator[TraceKind]:
    for number, (record, demand) in enumerate(zip(stream.records, unit.plan.demands, strict=True)):
        one = Executed(down={key: {number: 1}})
        whole = _kind(machine, one, record.parent_words, demand, record.room)
        if isinstance(unit, Landing):
            yield from _in_chunks(machine, record, unit.chunks[number], whole)
        else:
            yield whole


def _refills(machine: Machine, key: Key, stream: MoverStream) -> Iterator[TraceKind]:
    """Kinds of a refill: its records at a later visit of a tile, then at the first."""
    unit = machine.refills[key]
    yield from _fills(machine, key, stream, unit)
    for number, (record, demand) in enumerate(zip(stream.records, unit.plan.demands, strict=True)):
        once = {key: {number: 1}}
        one = Executed(down=once, firsts=once)
        whole = TraceKind(words=0, room=record.room)
        if not stream.elide_first:
            whole = _kind(machine, one, record.parent_words, demand, record.room)
        if not isinstance(unit, Landing):
            yield whole
        elif stream.elide_first:
            yield from (replace(whole, room=0) for _ in unit.chunks[number][1:])
            yield whole
        else:
            yield from _in_chunks(machine, record, unit.chunks[number], whole)


def _drains(machine: Machine, key: Key, stream: MoverStream) -> Iterator[TraceKind]:
    unit = machine.drains[key]
    for number, (record, demand) in enumerate(zip(stream.records, unit.plan.demands, strict=True)):
        whole = _kind(machine, Executed(up={key: {number: 1}}), record.parent_words, demand)
        if isinstance(unit, Posting):
            yield from _in_chunks(machine, record, unit.chunks[number], whole)
        else:
            yield whole
    yield TraceKind(words=0)  # a tile that stays for the next step


def _bursts(machine: Machine) -> Iterator[TraceKind]:
    """Kinds of a burst: per record, then first to touch its output words or not."""
    demands = machine.array.plan.demands
    for record, (work, pair) in enumerate(
        zip(machine.program.compute.records, demands, strict=True)
    ):
        once = {record: 1}
        yield _kind(machine, Executed(stale=once), work.computes, pair[False])
        yield _kind(machine, Executed(fresh=once), work.computes, pair[True])

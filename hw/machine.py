"""The machine: components of an architecture wired for one program, and one run of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stallscope.hw.binding import Binding
from stallscope.hw.cursor import Cursor, FlatCursor, reach
from stallscope.hw.fill import Fill
from stallscope.hw.memory.attached import Attached, attach
from stallscope.hw.memory.landing import Landing, Posting
from stallscope.hw.memory.lane import Lane, strides, until
from stallscope.hw.memory.streams import Reads, Writes
from stallscope.hw.mover import Carrier, MoverPlan
from stallscope.hw.partial_sums import Drain, Refill
from stallscope.hw.pe_array import OperandPort, PeArray
from stallscope.hw.ports import CAUSES, Cause, Ports
from stallscope.hw.row_cursor import RowCursor, Wire
from stallscope.hw.running import run_units
from stallscope.hw.sparse.computing import SparseBinding
from stallscope.hw.sparse.formats import Formats, content_loops
from stallscope.hw.sparse.pieces import Masks
from stallscope.hw.sparse.plan import SparsePlan
from stallscope.hw.systolic.rules import FoldRules
from stallscope.hw.transferring import Wiring
from stallscope.mappings.architecture import Architecture
from stallscope.simcore.arbiter import Arbiter
from stallscope.simcore.component import Component
from stallscope.simcore.counter import Channel, Counter
from stallscope.simcore.environment import FOREVER, Environment
from stallscope.simcore.errors import Fault, SimulationBug, SpecError
from stallscope.simcore.fast_forward import FastForward
from stallscope.simcore.recorder import Recorder
from stallscope.simcore.unit import Unit
from stallscope.traces.flat import FlatProgram, FlatStream, unit_streams
from stallscope.traces.program import ComputeStream, MoverStream, Program
from stallscope.traces.rows.program import RowProgram, RowStream
from stallscope.traces.rows.units import Counted

__all__ = ["FastForwardMode", "Machine"]

_FIRST_UNIT = 1000


@dataclass(frozen=True, slots=True)
class FastForwardMode:
    """Whether repeating stretches are skipped, run, or run and checked (audit)."""

    is_on: bool = True
    audit: bool = False


class Machine:
    """One program on one architecture, ready to run once.

    A flat program is executed row by row: nothing of it is skipped. One of the user's own has no
    loops: what its units wait for, free and finish is what its rows say. Without contention every
    unit has all ports and network entries to itself, a what-if. ``fold_rules`` say what folds of a
    systolic array are charged for, in place of the rules of its convention. ``masks`` say which
    words of the tensors are not zero; those of a tensor that is left out all are. ``sparse``
    is what they make of the array's work; None: nothing.

    Attributes:
        formats: What is stored compressed where.
        fills, refills, drains: Movers by (tensor, child level).
        lanes: Streams of a main memory with a controller.
        array: The PE array.
        channels: Progress by (tensor, level).
        cycles: Cycles from start to the last write-back (or the deadlock), once it has run.
    """

    fills: dict[tuple[str, str], Fill | Landing]
    refills: dict[tuple[str, str], Refill]
    drains: dict[tuple[str, str], Drain]
    cycles = 0

    def __init__(
        self,
        program: Program | FlatProgram | RowProgram,
        architecture: Architecture,
        mode: FastForwardMode,
        *,
        contention: bool = True,
        fold_rules: FoldRules | None = None,
        masks: Masks | None = None,
        sparse: SparsePlan | None = None,
    ) -> None:
        _check(program, architecture)
        has_steps = not isinstance(program, RowProgram)
        self._rows: Mapping[str, FlatStream | RowStream] = {}
        self._counters: tuple[Counted, ...] = ()
        self._row_cursors: list[RowCursor] = []
        if not isinstance(program, Program):
            self._rows = program.streams
            self._counters = program.counters if isinstance(program, RowProgram) else ()
            program, mode = program.program, FastForwardMode(is_on=False)
        self.program = program
        self.architecture = architecture
        self.env = Environment()
        owners = () if contention else [unit.name for unit in unit_streams(program)]
        self.ports = Ports(architecture, _banks(program, architecture), owners)
        self.arbiter = Arbiter(self.env, self.ports.cycle_ticks, self.ports.servers.values())
        room = CAUSES.index(Cause.BUFFER_CAPACITY)
        self.wiring = Wiring(env=self.env, arbiter=self.arbiter, causes=CAUSES, capacity=room)
        self.formats = Formats(program, architecture, masks or {})
        self.formats.check(has_steps=has_steps)
        self.binding = Binding(program, architecture, self.ports, fold_rules, self.formats)
        self.sparse = None if sparse is None else SparseBinding(self.binding, sparse)
        self._dimensions = {name: index for index, (name, _) in enumerate(program.dims)}
        self._reach = reach(program.blocks, self._dimensions)
        self.channels: dict[tuple[str, str], Channel] = {}
        self.fills, self.refills, self.drains = {}, {}, {}
        self.lanes: list[Lane] = []
        self._streams = {(stream.tensor, stream.child): stream for stream in program.movers}
        self._build()
        self.fast_forward = self._fast_forward(mode)

    # ------------------------------------------------------------------ building

    def _fast_forward(self, mode: FastForwardMode) -> FastForward | None:
        """What skips or audits repeating stretches; None if nothing does."""
        if not (mode.is_on or mode.audit):
            return None
        usual = strides(self.lanes, self.array.position.depth)
        for loop in content_loops(self.formats, self._streams.values()):
            usual[loop] = FOREVER
        if self.sparse is not None:
            usual = self.sparse.strides(usual)
        made = FastForward(
            self.env, self.array.position, self._components(), audit=mode.audit,
            strides=usual, until=until(self.lanes),
        )  # fmt: skip
        self.array.boundary = made.boundary
        return made

    def _build(self) -> None:
        for number, stream in enumerate(self.program.movers):
            key = (stream.tensor, stream.child)
            name = f"{stream.tensor} {stream.child}"
            self.channels[key] = Channel(
                self.env, name, self.binding.capacity[key], stream.is_output, number
            )
        order = _FIRST_UNIT
        self.memory = attach(self.program, self.architecture, self.wiring, order - 1)
        for stream in self.program.movers:
            order = self._add_mover(stream, order)
        for stream in self.program.movers:
            self._wire_mover(stream)
        self._add_array(order)
        self._wire_rows()
        movers = [transfer.unit.name for transfer in self.arbiter.transfers]
        self.arbiter.connect([self.binding.paths[name] for name in movers])

    def _cursor(self, stream: MoverStream | ComputeStream, unit: str) -> Cursor:
        """Return a cursor over the stream, driven by the unit's rows where the program is flat."""
        rows = self._rows.get(unit)
        match rows:
            case None:
                return Cursor(stream, self._dimensions, self._reach)
            case FlatStream():
                return FlatCursor(stream, self._dimensions, rows)
        cursor = RowCursor(stream, unit, rows)
        self._row_cursors.append(cursor)
        return cursor

    def _wire_rows(self) -> None:
        """Tell the cursors of a user's own rows which counters they name."""
        wires = [self._wire(*counter) for counter in self._counters]
        for cursor in self._row_cursors:
            cursor.connect(wires)

    def _wire(self, tensor: str, level: str, what: str) -> Wire:
        key = (tensor, level)
        channel, feeder = self.channels[key], self._feeder(key)
        known: dict[str, tuple[Counter, int, Unit | None]] = {
            "delivered": (channel.delivered, Unit.SOURCE, feeder),
            "finished": (channel.finished, Unit.RESULT,
                         self.drains[key].feeder if key in self.drains else None),
            "drained": (channel.drained, Unit.VERSION, self.drains.get(key)),
            "released": (channel.released, Unit.ROOM, None),
        }  # fmt: skip
        counter, state, maker = known[what]
        return Wire(counter=counter, channel=channel, state=state, feeder=maker or feeder)

    def _add_mover(self, stream: MoverStream, order: int) -> int:
        if self.memory is not None and stream.parent == self.memory.level:
            return self._add_lanes(self.memory, stream, order)
        key = (stream.tensor, stream.child)
        down = f"{stream.tensor} {stream.parent}->{stream.child}"
        if not stream.is_output:
            plan = self.binding.mover(stream, down, is_up=False)
            fill = Fill(self.wiring, down, order, self._cursor(stream, down), plan)
            fill.moving = self.binding.moving(stream, down, plan, is_up=False)
            self.fills[key] = fill
            return order + 1
        up = f"{stream.tensor} {stream.child}->{stream.parent}"
        plan = self.binding.mover(stream, down, is_up=False)
        self.refills[key] = Refill(self.wiring, down, order, self._cursor(stream, down), plan)
        plan = self.binding.mover(stream, up, is_up=True)
        drain = Drain(self.wiring, up, order + 1, self._cursor(stream, up), plan)
        drain.moving = self.binding.moving(stream, up, plan, is_up=True)
        self.drains[key] = drain
        return order + 2

    def _add_lanes(self, memory: Attached, stream: MoverStream, order: int) -> int:
        """Add a stream of a main memory with a controller: a lane and a mover each way."""
        key = (stream.tensor, stream.child)
        name = f"{stream.tensor} {stream.parent}"
        down, up = f"{name}->{stream.child}", f"{stream.tensor} {stream.child}->{stream.parent}"
        lane = memory.plan(stream)
        plan = self._chunked(stream, down, lane.addresses.kinds, is_up=False)
        chunks = self.binding.chunks(stream, down, memory.chunk_words, is_up=False)
        reads = Reads(self.wiring, memory.memory, f"{name} reads", order,
                      self._cursor(stream, down), plan, lane, self._next_counter())  # fmt: skip
        self.lanes.append(reads)
        reads.channel = self.channels[key]
        cursor = self._cursor(stream, down)
        landing = Landing(self.wiring, down, order + 1, cursor, plan, chunks)
        landing.lane, landing.handed = reads, reads.handed
        if not stream.is_output:
            self.fills[key] = landing
            return order + 2
        self.refills[key] = landing
        plan = self._chunked(stream, up, lane.addresses.kinds, is_up=True)
        chunks = self.binding.chunks(stream, up, memory.chunk_words, is_up=True)
        posting = Posting(self.wiring, up, order + 2, self._cursor(stream, up), plan, chunks)
        writes = Writes(self.wiring, memory.memory, f"{name} writes", order + 3,
                        self._cursor(stream, up), plan, lane, self._next_counter())  # fmt: skip
        self.lanes.append(writes)
        writes.channel = self.channels[key]
        writes.drain, posting.handed = posting, writes.handed
        reads.drainer = writes
        self.drains[key] = posting
        return order + 4

    def _chunked(
        self, stream: MoverStream, unit: str, kinds: tuple[int, ...], *, is_up: bool
    ) -> MoverPlan:
        return replace(self.binding.mover(stream, unit, is_up=is_up), kinds=kinds)

    def _next_counter(self) -> int:
        """Number of the next counter that is no channel's."""
        return len(self.channels) * len(Channel.COUNTERS) + len(self.lanes)

    def _feeder(self, key: tuple[str, str]) -> Carrier:
        return self.fills[key] if key in self.fills else self.refills[key]

    def _wire_mover(self, stream: MoverStream) -> None:
        key, above = (stream.tensor, stream.child), (stream.tensor, stream.parent)
        source = None if stream.parent_is_memory else self.channels[above]
        movers: list[Carrier] = [self._feeder(key)]
        if stream.is_output:
            movers.append(self.drains[key])
            self.refills[key].drainer = self.drains[key]
            inner = next((s for s in self.program.movers if s.tensor == stream.tensor
                          and s.parent == stream.child), None)  # fmt: skip
            if inner is not None:
                self.drains[key].feeder = self.drains[inner.tensor, inner.child]
        for mover in movers:
            mover.channel = self.channels[key]
            mover.source = source
        if source is not None:
            self._feeder(key).feeder = self._feeder(above)
            if not stream.is_output:
                fill = self.fills[key]
                assert isinstance(fill, Fill)
                fill.shadow = self._cursor(self._streams[above], self.fills[above].name)
                fill.shadow_plan = self.fills[above].plan

    def _add_array(self, order: int) -> None:
        stream = self.program.compute
        cursor = self._cursor(stream, stream.unit)
        if self.sparse is None:
            self.array = PeArray(self.wiring, stream.unit, order, cursor, self.binding.array())
        else:
            self.array = self.sparse.array(self.wiring, order, cursor)
        self.array.drains = self._writers()
        for drain in self.drains.values():
            drain.feeder = drain.feeder or self.array
        for operand in stream.operands:
            key = (operand.tensor, operand.level)
            if operand.depth < 0:
                continue
            feeder = self._feeder(key)
            self.array.operands.append(
                OperandPort(
                    channel=self.channels[key],
                    depth=operand.depth,
                    is_output=operand.is_output,
                    feeder=feeder,
                    shadow=self._cursor(self._streams[key], feeder.name),
                    shadow_plan=feeder.plan,
                )
            )

    def record(self, recorder: Recorder) -> None:
        """Have a run recorded; before it begins."""
        for unit in self.units:
            unit.recorder = recorder
        if self.fast_forward is not None:
            self.fast_forward.record(recorder)

    @property
    def is_own(self) -> bool:
        """Whether it executes rows of the user's own."""
        return bool(self._row_cursors)

    @property
    def units(self) -> list[Unit]:
        """All units, in unit order."""
        movers: list[Unit] = [*self.fills.values(), *self.refills.values(), *self.drains.values()]
        return [*sorted([*movers, *self.lanes], key=lambda unit: unit.order), self.array]

    def _writers(self) -> tuple[Unit, ...]:
        """Units that have written output tiles back when they are done."""
        lanes = {lane.drain.name: lane for lane in self.lanes if isinstance(lane, Writes)}
        return tuple(lanes.get(drain.name, drain) for drain in self.drains.values())

    def _components(self) -> list[Component]:
        return [
            *self.units,
            *self.channels.values(),
            *self.arbiter.transfers,
            *self.arbiter.servers,
            *([self.memory.memory] if self.memory is not None else []),
        ]

    # ------------------------------------------------------------------ running

    def run(self) -> int:
        """Run to the end; returns the cycles.

        Raises:
            DeadlockError: If units wait for each other, or time stands still.
        """
        run_units(self.env, self.units)
        self.cycles = max(max(unit.end for unit in self.units), self.array.last)
        for unit in self.units:
            unit.flush()
        return self.cycles

    def drain_causes(self, cycles: int) -> list[int]:
        """What the cycles after the last multiply-accumulate went to, per cause.

        They are those of the drain that ended last; without drains they are latency.
        """
        array = self.array
        left = cycles - array.last
        if not self.drains:
            spent = [0] * len(CAUSES)
            spent[array.plan.latency_cause] = left
            return spent
        last = max(self._writers(), key=lambda unit: (unit.end, unit.order))
        base = array.blame_at_end[last.name]
        return [now - before for now, before in zip(last.blame(), base, strict=True)]

    def check(self, cycles: int) -> None:
        """Check the laws that cost nothing (L2 lower part, L4).

        Raises:
            SimulationBug: With both values, if one is broken.
        """
        for server in self.arbiter.servers:
            if server.held > cycles * self.ports.cycle_ticks:
                raise SimulationBug(f"{server.name} held {server.held} ticks of {cycles} cycles")
        if self.binding.computes(self.array) != self.program.macs:
            raise SimulationBug(
                f"{self.binding.computes(self.array)} computes executed, "
                f"the problem has {self.program.macs}"
            )
        for (tensor, level), channel in self.channels.items():
            if channel.reserved != channel.released.value:
                raise SimulationBug(
                    f"{tensor} at {level}: {channel.reserved} words in, "
                    f"{channel.released.value} out"
                )


def _check(program: Program | FlatProgram | RowProgram, architecture: Architecture) -> None:
    """Rows of the user's own say nothing of addresses, and a controller needs them."""
    level = architecture.levels[0]
    if level.memory is not None and isinstance(program, RowProgram):
        rule = "has a controller, which needs addresses, and rows of one's own have none"
        remedy = "give bandwidth and latency instead, or a compiled program"
        place = f"architecture.{level.name}.memory"
        value = level.memory.device.name
        raise SpecError([Fault(place=place, value=value, rule=rule, remedy=remedy)])


def _banks(program: Program, architecture: Architecture) -> dict[tuple[str, str], int]:
    """Bank of a level that each tensor lives in."""
    return {
        (plan.level, plan.tensor): index % level.banks
        for level in architecture.levels
        for index, plan in enumerate(p for p in program.buffers if p.level == level.name)
    }

"""An array whose work depends on zeros, bound to hardware: its servers, and who paces it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stallscope.hw.binding import Binding
from stallscope.hw.buffer.banks import Runs
from stallscope.hw.cursor import Cursor
from stallscope.hw.fabrics import Direction
from stallscope.hw.pe_array import PeArray
from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.sparse.array import KindOf, SparsePeArray
from stallscope.hw.sparse.asking import Asking
from stallscope.hw.sparse.bursts import Block, BurstTotal, BurstWork
from stallscope.hw.sparse.pacing import Ahead, Pace, Packed, Stretch, Together
from stallscope.hw.sparse.pieces import Counts
from stallscope.hw.sparse.plan import SparsePlan
from stallscope.hw.sparse.reading import Reading
from stallscope.hw.transferring import Wiring
from stallscope.mappings.sparsity.hardware import Mode
from stallscope.mappings.sparsity.passes import first_pe_level
from stallscope.simcore.environment import FOREVER
from stallscope.simcore.errors import Fault, SpecError
from stallscope.simcore.servers import Demand, Server
from stallscope.traces.program import ComputeStream, Program

__all__ = ["SparseBinding"]

_MOST_BLOCKS = 4
"""Blocks of bursts whose PEs' times are kept."""


class SparseBinding:
    """A sparse array on an architecture, before anything runs.

    Args:
        binding: Everything else, bound; buffers in front of PEs get their room here.
        plan: What zeros make of the compute stream.

    Attributes:
        plan: The same.

    Raises:
        SpecError: If PEs that run ahead of each other cannot be told when their ports are free.
    """

    def __init__(self, binding: Binding, plan: SparsePlan) -> None:
        self._stream: ComputeStream = binding.program.compute
        self._ports = binding.ports
        self._binding = binding
        self.plan = plan
        self._asking = Asking(binding, plan)
        self._known: dict[int, dict[bool, tuple[Block, Counts]]] = {}
        levels_read = [operand.level for operand in self._stream.operands]
        self._burst_words = binding.ports.burst_words(levels_read)
        levels = binding.architecture.levels
        own = levels[first_pe_level(binding.architecture) :]
        self._private = frozenset(level.name for level in own)
        is_queue = plan.array.mode is Mode.QUEUE
        is_part = plan.outside < len(self._stream.loops)
        self._is_ahead = is_queue or (plan.array.mode is Mode.BARRIER and is_part)
        self._barrier = 0 if is_queue else plan.outside
        unit = self._stream.unit
        found = [self._ports.find(unit, front.name) for front in plan.fronts]
        self._fronts = [server for server in found if server is not None]
        self._own = dict(self._own_servers()) if self._is_ahead else {}
        self._check()
        if is_queue:
            self._deepen(binding.program)

    def _deepen(self, program: Program) -> None:
        """FIFOs in front of the PEs hold tiles besides those of their buffers.

        Inside its own levels every PE moves its tiles when it is ready for them; here one unit
        moves them for all, and so it may be ahead of those that are not ready as far as it likes.
        """
        depth, room = self.plan.array.fifo_depth, self._binding.capacity
        entered: set[str] = set()
        for buffer in program.buffers:
            if buffer.level not in self._private:
                continue
            key = (buffer.tensor, buffer.level)
            is_inside = buffer.tensor in entered
            entered.add(buffer.tensor)
            if depth is None or is_inside:
                room[key] = FOREVER
            else:
                room[key] += depth * buffer.tile_words

    def array(self, wiring: Wiring, order: int, cursor: Cursor) -> SparsePeArray:
        """Make the array's unit."""
        unit, plan = self._stream.unit, self._binding.array()
        self._binding.paths[unit] |= {server.name for server in self._fronts}
        return SparsePeArray(
            wiring, unit, order, cursor, plan,
            sparse=self.plan, pace=self._pace(cursor), bind=self._demand,
            notes_tiles=self._is_ahead, holds_servers=bool(self._binding.paths[unit]),
        )  # fmt: skip

    def _pace(self, cursor: Cursor) -> Pace:
        ticks, pes = self._ports.cycle_ticks, self.plan.pieces.pes
        if self._is_ahead:
            return Ahead(
                ticks, self._services, pes,
                position=cursor.position, outside=self._barrier,
                has_ports=bool(self._own or self._fronts),
            )  # fmt: skip
        if self.plan.array.mode is Mode.PACKED:
            return Packed(ticks, cursor.position, self.plan.outside, pes)
        return Together(ticks)

    def total(self, array: PeArray) -> BurstTotal:
        """What the bursts of a run came to."""
        assert isinstance(array, SparsePeArray)
        return array.total

    def name_kinds(self, array: PeArray, kind_of: KindOf) -> None:
        """Have the kind of every burst named while the run is recorded."""
        assert isinstance(array, SparsePeArray)
        array.kind_of = kind_of

    def strides(self, known: Sequence[int]) -> list[int]:
        """Iterations after which the machine can be alike at the earliest, per loop.

        Args:
            known: The same if zeros did not matter.
        """
        contents = self.plan.pieces.contents
        return [
            FOREVER if loop.dimension in contents else least
            for loop, least in zip(self._stream.loops, known, strict=True)
        ]

    # ------------------------------------------------------------------ servers

    def _demand(self, record: int, burst: BurstWork, *, is_fresh: bool, stretch: Stretch) -> Demand:
        """What a burst asks of the servers: see `Bind`."""
        parts = self._asking.parts(record, burst, is_fresh=is_fresh)
        parts += zip(self._fronts, burst.fronts, strict=True)
        if stretch.room is not None:
            own = self._own.keys() | {server.name for server in self._fronts}
            parts = [
                (server, min(words, _whole(server, stretch.room)))
                if server.name in own
                else (server, words)
                for server, words in parts
            ]
        cause = CAUSES.index(Cause.COMPUTE)
        if stretch.busy < stretch.least:
            # The PEs' own units set the pace, even where whole accesses leave a little of it.
            cause = max(parts, key=lambda part: part[0].ticks(part[1]))[0].cause
        return Demand(parts, stretch.least, cause, self._burst_words)

    def _services(self, block: Block, row: int, record: int, is_fresh: bool) -> Counts:
        """Ticks every PE is at work on a burst: its steps, or its own slowest unit."""
        known = self._known.setdefault(id(block), {})
        if is_fresh not in known:
            if len(self._known) > _MOST_BLOCKS:
                self._known = {id(block): known}
            known[is_fresh] = (block, self._of_block(block, is_fresh))
        made: Counts = known[is_fresh][1][row]
        return made

    def _of_block(self, block: Block, is_fresh: bool) -> Counts:
        """The same of all bursts of a block, shape (bursts, PEs)."""
        found: Counts = block.steps * self._ports.cycle_ticks
        for server, uses in self._own.values():
            words = np.zeros_like(found)
            for reading, is_read in uses:
                words += block.reads[reading.at]
                if is_read and is_fresh and reading.operand.is_output:
                    words -= block.fresh * reading.operand.elide_first
            unit = server.access_words
            np.maximum(found, -(-words // unit) * (unit * server.word_ticks), out=found)
        for server, handled in zip(self._fronts, block.fronts, strict=True):
            np.maximum(found, handled * server.word_ticks, out=found)
        return found

    def _own_servers(self) -> Iterator[tuple[str, tuple[Server, list[tuple[Reading, bool]]]]]:
        """Servers that every PE has for itself, and what uses each: operand, whether it is read."""
        made: dict[str, tuple[Server, list[tuple[Reading, bool]]]] = {}
        unit = self._stream.unit
        first = self._stream.records[self._stream.first]
        for reading in self.plan.readings:
            operand, access = reading.operand, first.accesses[reading.at]
            uses: list[tuple[list[tuple[Server, int]], bool]] = []
            if operand.level in self._private:
                one = Runs.single(1)
                for port in ("read", "write") if operand.is_output else ("read",):
                    given = self._ports.access(unit, operand.level, port, operand.tensor, one)
                    uses.append((given, port == "read"))
            direction = Direction.UP if operand.is_output else Direction.DOWN
            uses += [
                (self._ports.link(unit, operand.tensor, crossing, direction), False)
                for crossing in access.crossings
                if crossing.network in self._private
            ]
            for parts, is_read in uses:
                for server, _ in parts:
                    made.setdefault(server.name, (server, []))[1].append((reading, is_read))
        yield from made.items()

    def _check(self) -> None:
        """Check that the time a PE needs at its own ports can be told from its words."""
        faults = []
        users = {reading.at: reading for _, uses in self._own.values() for reading, _ in uses}
        for reading in users.values():
            operand = reading.operand
            rule = ""
            if not reading.is_plain:
                rule = f"{operand.tensor} is read in a way that zeros keep from being told exactly"
            elif operand.level in self._private and self._ports.is_interleaved(operand.level):
                rule = "has interleaved banks, and every PE would have conflicts of its own"
            if rule:
                place = f"architecture.{operand.level}"
                remedy = "leave out its bandwidth, or compute.sparse"
                faults.append(Fault(place=place, value=operand.tensor, rule=rule, remedy=remedy))
        if faults:
            raise SpecError(faults)


def _whole(server: Server, ticks: int) -> int:
    """Words that a server moves in whole accesses within some ticks."""
    unit = server.access_words
    return ticks // (unit * server.word_ticks) * unit

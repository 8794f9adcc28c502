"""Bind a program's records to an architecture: what each kind of transfer asks of which servers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from stallscope.hw.buffer.banks import Runs
from stallscope.hw.buffer.layout import Places
from stallscope.hw.fabrics import Direction
from stallscope.hw.memory.addresses import in_chunks
from stallscope.hw.mover import MoverPlan
from stallscope.hw.pe_array import ArrayPlan, PeArray
from stallscope.hw.ports import CAUSES, Cause, Ports
from stallscope.hw.sparse.binding import bind
from stallscope.hw.sparse.formats import Formats
from stallscope.hw.sparse.moving import Moving
from stallscope.hw.systolic.bound import ANY_TILES, BoundArray, stalls_of
from stallscope.hw.systolic.folds import Fold, plain
from stallscope.hw.systolic.rules import FoldRules
from stallscope.mappings.architecture import Architecture, LevelKind
from stallscope.simcore.servers import Demand, Server
from stallscope.traces.program import (
    Access,
    BufferPlan,
    ComputeStream,
    Crossing,
    MoverStream,
    Operand,
    Program,
)

__all__ = ["Binding"]

DEFAULT_TILES = 2
"""Tiles a level holds of a tensor where the mapping does not say: as many as fit, at most this."""


class Binding:
    """A program on an architecture, before anything runs.

    Args:
        program: The program.
        architecture: The architecture.
        ports: Its servers.
        rules: What folds of a systolic array are charged for; None: its own convention's.
        formats: What is stored compressed where; None: nothing is.

    Attributes:
        capacity: Words per (tensor, level) that may be held at once, counted uncompressed.
        tiles: Tiles per (tensor, level).
        systolic: The systolic array, if the compute level is one.
        paths: Per unit, names of every server it may hold.
    """

    def __init__(
        self,
        program: Program,
        architecture: Architecture,
        ports: Ports,
        rules: FoldRules | None = None,
        formats: Formats | None = None,
    ) -> None:
        self.program = program
        self.formats = formats or Formats(program, architecture, {})
        self.architecture = architecture
        self.ports = ports
        self.systolic: BoundArray | None = None
        if architecture.compute.systolic is not None:
            self.systolic = BoundArray(program, architecture, rules, ports.cycle_ticks)
        self.paths: dict[str, frozenset[str]] = {}
        self.tiles: dict[tuple[str, str], int] = {}
        self.capacity: dict[tuple[str, str], int] = {}
        self._places = {
            (stream.tensor, stream.child): Places(program, stream)
            for stream in program.movers
            if ports.is_interleaved(stream.parent) or ports.is_interleaved(stream.child)
        }
        self._give_room()

    def _give_room(self) -> None:
        """Give every tensor its tiles: one each, then a second in keep order as long as it fits."""
        for level in self.architecture.levels:
            plans = [plan for plan in self.program.buffers if plan.level == level.name]
            most = self.systolic.most_tiles(level.name) if self.systolic else ANY_TILES
            tiles = {plan.tensor: min(most, plan.tiles or 1) for plan in plans}
            slots = {plan.tensor: self._slot(plan) for plan in plans}
            used = sum(slots[plan.tensor] * tiles[plan.tensor] for plan in plans)
            limit = level.capacity_words
            given = int(level.multiple_buffering)
            for plan in plans:
                if plan.tiles is None:
                    fits = limit is None or used + slots[plan.tensor] <= limit
                    wanted = given if given > 1 else DEFAULT_TILES if fits else 1
                    tiles[plan.tensor] = min(most, wanted)
                    used += (tiles[plan.tensor] - 1) * slots[plan.tensor]
            left = limit
            for plan in plans:
                words, slot = plan.tile_words * tiles[plan.tensor], slots[plan.tensor]
                self.tiles[plan.tensor, level.name] = tiles[plan.tensor]
                # A program may meet a level too small for it: the last tensors get what is left.
                if left is not None:
                    words = min(words, left * plan.tile_words // slot) if slot else words
                    left = max(0, left - slot * tiles[plan.tensor])
                self.capacity[plan.tensor, level.name] = words

    def _slot(self, plan: BufferPlan) -> int:
        """Words that the largest tile of a tensor takes at a level, as that stores it."""
        return self.formats.slot_words(plan.level, plan.tensor, plan.tile_words)

    # ------------------------------------------------------------------ movers

    def mover(self, stream: MoverStream, unit: str, *, is_up: bool) -> MoverPlan:
        """Bind a mover's stream; ``is_up`` for the drain of an output."""
        parent = self.architecture.level(stream.parent)
        child = self.architecture.level(stream.child)
        burst = self.ports.burst_words((stream.parent, stream.child))
        parts = [self._parts(unit, stream, at, is_up) for at in range(len(stream.records))]
        self.paths[unit] = frozenset(server.name for part in parts for server, _ in part)
        direction = Direction.UP if is_up else Direction.DOWN
        first = stream.records[stream.first].crossings
        hops = self._crossing_latency(stream.tensor, first, direction)
        near, far = (
            (child.read_latency_cycles, parent.write_latency_cycles)
            if is_up
            else (parent.read_latency_cycles, child.write_latency_cycles)
        )
        networks = [self.architecture.level(name).network for name in stream.networks]
        delays = [
            network.drain_latency_cycles if is_up else network.fill_latency_cycles
            for network in networks
        ]
        at_parent, at_child = (far, near) if is_up else (near, far)
        cause = _latency_cause(parent.kind, at_parent, at_child, hops + sum(delays))
        plan = MoverPlan(
            demands=tuple(Demand(part, 0, CAUSES.index(cause), burst) for part in parts),
            room=tuple(record.room for record in stream.records),
            stays=tuple(not (record.words or record.room) for record in stream.records),
            released=tuple(record.released for record in stream.records),
            tile_words=tuple(record.tile_words for record in stream.records),
            latency=near + hops + far,
            skew=(),
            rows=(),
            latency_cause=CAUSES.index(cause),
            first_delay=sum(delays),
            parent_depth=stream.parent_depth if not stream.parent_is_memory else -1,
            elide_first=stream.elide_first,
            reductions=tuple(i for i, loop in enumerate(stream.loops) if loop.is_reduction),
        )
        if self.systolic is None or stream.child != self.systolic.registers:
            return plan
        return self.systolic.shifted(plan, stream, parts, burst, is_up=is_up)

    def moving(
        self, stream: MoverStream, unit: str, plan: MoverPlan, *, is_up: bool
    ) -> Moving | None:  # fmt: skip
        """What a mover's steps carry, if that depends on zeros; ``plan`` is the mover's."""
        if not self.formats.is_compressed(stream):
            return None
        made, names = bind(
            self.formats, self.program, self.architecture, self.ports, stream, unit,
            is_up=is_up, idle_cause=plan.latency_cause,
        )  # fmt: skip
        self.paths[unit] |= names
        return made

    def chunks(
        self, stream: MoverStream, unit: str, words: int, *, is_up: bool
    ) -> tuple[tuple[Demand, ...], ...]:
        """Per record, what the chunks of a transfer to or from main memory ask for on chip.

        Args:
            stream: A stream below a main memory with a controller.
            unit: The unit on chip.
            words: Words of a chunk, at the memory.
            is_up: Whether it is the drain of an output.
        """
        burst = self.ports.burst_words((stream.parent, stream.child))
        idle = CAUSES.index(Cause.BUFFER_PORT)
        made = []
        # Interleaved banks do whole accesses; the others round up what they are given.
        whole = self.ports.is_interleaved(stream.child)
        for number, record in enumerate(stream.records):
            parts = self._parts(unit, stream, number, is_up)
            total = record.busiest_parent
            ends = list(accumulate(in_chunks(total, words)))
            shares = [
                [(server, _share(amount, start, end, total, server.access_words if whole else 1))
                 for server, amount in parts] if total else parts
                for start, end in zip([0, *ends], ends, strict=False)
            ]  # fmt: skip
            made.append(tuple(Demand(share, 0, idle, burst) for share in shares))
        return tuple(made)

    def _parts(
        self, unit: str, stream: MoverStream, number: int, is_up: bool
    ) -> list[tuple[Server, int]]:
        """Servers and words of one transfer: parent port, networks, child port."""
        record, ports, tensor = stream.records[number], self.ports, stream.tensor
        given, taken = Runs.single(record.busiest_parent), Runs.single(record.words)
        linked = Runs.single(record.busiest_links)
        if ports.is_interleaved(stream.parent):
            given = self._places[tensor, stream.child].at_parent(number)
        if ports.is_interleaved(stream.child):
            taken = self._places[tensor, stream.child].at_child(number)
            # A neighbour has them where they will be here, if its step before was alike.
            linked = taken if linked.total == taken.total else linked
        outer, inner = ("write", "read") if is_up else ("read", "write")
        parts = ports.access(unit, stream.parent, outer, tensor, given)
        direction = Direction.UP if is_up else Direction.DOWN
        for crossing in record.crossings:
            parts += ports.link(unit, tensor, crossing, direction)
        parts += ports.access(unit, stream.child, inner, tensor, taken)
        if record.busiest_links:
            parts += ports.access(unit, stream.child, "read", tensor, linked)
        return _merge(parts)

    def _crossing_latency(
        self, tensor: str, crossings: tuple[Crossing, ...], direction: Direction
    ) -> int:  # fmt: skip
        total = 0
        for crossing in crossings:
            key = self.ports.fabrics.find(crossing.network, tensor)
            if key is not None:
                total += self.ports.fabrics.latency(key, crossing, direction)
            else:
                network = self.architecture.level(crossing.network).network
                total += network.hop_latency_cycles * crossing.longest
        return total

    # ------------------------------------------------------------------ the array

    def array(self) -> ArrayPlan:
        """Bind the compute stream."""
        stream = self.program.compute
        bound = self.systolic
        folds = [bound.burst(work) if bound else plain(work.cycles) for work in stream.records]
        first = stream.records[stream.first]
        routes = [access.crossings for access in first.accesses]
        network = {level.name: level.network for level in self.architecture.levels}
        back = [route for operand, route in zip(stream.operands, routes, strict=True)
                if operand.is_output]  # fmt: skip
        touching = frozenset(self.program.output_dimensions)
        latency = self._array_latency(stream, routes)
        is_skew = max(fold.latency for fold in folds) > latency
        return ArrayPlan(
            demands=self._bursts(stream, folds),
            cycles=tuple(work.cycles for work in stream.records),
            computes=tuple(work.computes for work in stream.records),
            pipeline=tuple(latency + fold.latency for fold in folds),
            waves=tuple(fold.wave for fold in folds),
            stalls=tuple(stalls_of(fold) for fold in folds),
            first_delay=max(
                (sum(network[c.network].fill_latency_cycles for c in route) for route in routes),
                default=0,
            ),
            last_delay=sum(network[c.network].drain_latency_cycles for c in sum(back, ())),
            latency_cause=CAUSES.index(Cause.SKEW if is_skew else Cause.COMPUTE_LATENCY),
            work_cause=CAUSES.index(Cause.COMPUTE),
            first_cause=CAUSES.index(Cause.NETWORK_LATENCY),
            reductions=tuple(
                i for i, loop in enumerate(stream.loops) if loop.dimension not in touching
            ),
            pes=stream.instances,
        )

    def _bursts(
        self, stream: ComputeStream, folds: Sequence[Fold]
    ) -> tuple[tuple[Demand, Demand], ...]:
        """Per record, what a burst asks for; then where it is first to touch its output words."""
        levels = [operand.level for operand in stream.operands]
        burst = self.ports.burst_words(levels)
        cause = CAUSES.index(Cause.COMPUTE)
        demands = []
        names: set[str] = set()
        for work, fold in zip(stream.records, folds, strict=True):
            pair = []
            for is_fresh in (False, True):
                parts = self.array_parts(work.accesses, is_fresh=is_fresh)
                names.update(server.name for server, _ in parts)
                pair.append(Demand(parts, fold.cycles * self.ports.cycle_ticks, cause, burst))
            demands.append((pair[0], pair[1]))
        self.paths[stream.unit] = frozenset(names)
        return tuple(demands)

    def _array_latency(self, stream: ComputeStream, routes: Sequence[tuple[Crossing, ...]]) -> int:
        """From the end of a burst to its results: reads, ways, the MACs' pipeline, the update.

        All of it is pipelined: it delays results, not the next burst.
        """
        there, back = [0], 0
        for operand, route in zip(stream.operands, routes, strict=True):
            level = self.architecture.level(operand.level)
            hops = self._crossing_latency(operand.tensor, route, Direction.DOWN)
            there.append(level.read_latency_cycles + hops)
            if operand.is_output:
                hops = self._crossing_latency(operand.tensor, route, Direction.UP)
                back = hops + level.write_latency_cycles
        return max(there) + self.architecture.compute.pipeline_cycles + back

    def array_parts(
        self, accesses: Sequence[Access], *, is_fresh: bool
    ) -> list[tuple[Server, int]]:
        """Servers that a burst of the array holds, with the words each moves.

        Args:
            accesses: What it reads and updates, operand by operand.
            is_fresh: Whether it is the first to touch its output words.
        """
        stream = self.program.compute
        unit = stream.unit
        parts: list[tuple[Server, int]] = []
        for operand, access in zip(stream.operands, accesses, strict=True):
            reads = access.busiest_words - (elided(operand, access, is_fresh, busiest=True))
            read = Runs.single(reads)
            parts += self.ports.access(unit, operand.level, "read", operand.tensor, read)
            direction = Direction.UP if operand.is_output else Direction.DOWN
            for crossing in access.crossings:
                parts += self.ports.link(unit, operand.tensor, crossing, direction)
            if operand.is_output:
                written = Runs.single(access.busiest_words)
                parts += self.ports.access(unit, operand.level, "write", operand.tensor, written)
        return _merge(parts)

    def computes(self, array: PeArray) -> int:
        """Multiply-accumulates executed."""
        bursts = zip(array.fresh, array.stale, array.plan.computes, strict=True)
        return sum((fresh + stale) * computes for fresh, stale, computes in bursts)


def _latency_cause(kind: LevelKind, at_parent: int, at_child: int, network: int) -> Cause:
    """What most of the latency between two levels is; without any, the parent's port."""
    is_dram = kind is LevelKind.DRAM
    return _largest(
        {
            Cause.DRAM_LATENCY: at_parent if is_dram else 0,
            Cause.BUFFER_LATENCY: at_child + (0 if is_dram else at_parent),
            Cause.NETWORK_LATENCY: network,
        },
        otherwise=Cause.DRAM_BANDWIDTH if is_dram else Cause.BUFFER_PORT,
    )


def _largest(parts: dict[Cause, int], *, otherwise: Cause) -> Cause:
    """The cause with most cycles; ``otherwise`` if none has any."""
    cause = max(parts, key=lambda part: parts[part])
    return cause if parts[cause] else otherwise


def elided(operand: Operand, access: Access, is_fresh: bool, *, busiest: bool) -> int:
    """Output words of a burst that are touched for the first time and so not read."""
    if not (operand.is_output and operand.elide_first and is_fresh):
        return 0
    return access.busiest_fresh if busiest else access.fresh_words


def _share(amount: int, start: int, end: int, total: int, unit: int) -> int:
    """Words of ``amount``, in whole units, that belong to words ``start`` to ``end`` of all."""
    units = amount // unit
    return unit * (units * end // total - units * start // total)


def _merge(parts: list[tuple[Server, int]]) -> list[tuple[Server, int]]:
    """Add up the words at each server, in the order of first mention."""
    words: dict[str, int] = {}
    servers: dict[str, Server] = {}
    for server, amount in parts:
        servers.setdefault(server.name, server)
        words[server.name] = words.get(server.name, 0) + amount
    return [(servers[name], amount) for name, amount in words.items()]

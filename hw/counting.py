"""Executed counts: what the units did, record by record, as accesses of levels and networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from stallscope.hw.binding import elided
from stallscope.hw.fabrics import Direction
from stallscope.hw.machine import Machine
from stallscope.hw.sparse.bursts import BurstTotal
from stallscope.hw.sparse.counting import crossed, ends
from stallscope.mappings.counts import (
    ComputeCounts,
    Counts,
    LevelCounts,
    LevelTensor,
    NetworkCounts,
    NetworkTensor,
)
from stallscope.traces.program import Access, BufferPlan, Crossing, MoverStream, Operand

__all__ = ["Executed", "count", "traffic"]


@dataclass(slots=True)
class _Access:
    reads: int = 0
    fills: int = 0
    updates: int = 0
    links: int = 0
    metadata_reads: int = 0
    metadata_fills: int = 0
    metadata_updates: int = 0


@dataclass(slots=True)
class _Flow:
    words_in: int = 0
    deliveries: int = 0
    links: int = 0
    additions: int = 0
    hops: Fraction = Fraction(0)
    multicast: Counter[int] = field(default_factory=Counter)
    metadata_in: int = 0
    metadata_deliveries: int = 0


Key = tuple[str, str]
"""Tensor and child level: a mover."""


Times = Mapping[int, int]
"""How often records were executed, by their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """How often every record of every stream was executed.

    Attributes:
        down: Fills and refills, by mover.
        firsts: Of the refills those of words that nobody had touched.
        up: Drains, by mover.
        fresh: Bursts that were first to touch their output words.
        stale: The other bursts.
        moved: By mover and whether it is a drain, words of the movers whose steps depend on zeros
            (`Totals`), in place of what their records say.
        worked: What the bursts of an array came to whose work depends on zeros, likewise.
    """

    down: Mapping[Key, Times] = field(default_factory=dict)
    firsts: Mapping[Key, Times] = field(default_factory=dict)
    up: Mapping[Key, Times] = field(default_factory=dict)
    fresh: Times = field(default_factory=dict)
    stale: Times = field(default_factory=dict)
    moved: Mapping[tuple[Key, bool], Sequence[int]] = field(default_factory=dict)
    worked: BurstTotal | None = None

    @staticmethod
    def by(machine: Machine) -> Executed:
        """What a machine executed."""
        fills = {key: fill.tally for key, fill in machine.fills.items()}
        down = fills | {key: refill.tally for key, refill in machine.refills.items()}
        return Executed(
            down={key: _times(tally) for key, tally in down.items()},
            firsts={key: _times(refill.firsts) for key, refill in machine.refills.items()},
            up={key: _times(drain.tally) for key, drain in machine.drains.items()},
            fresh=_times(machine.array.fresh),
            stale=_times(machine.array.stale),
            moved={
                (key, is_up): mover.moving.totals.tolist()
                for is_up, movers in ((False, machine.fills), (True, machine.drains))
                for key, mover in movers.items()
                if mover.moving is not None
            },
            worked=machine.sparse.total(machine.array) if machine.sparse is not None else None,
        )


def _times(tally: Sequence[int]) -> Times:
    return dict(enumerate(tally))


class _Tally:
    """Adds up executed records of a machine."""

    def __init__(self, machine: Machine, executed: Executed) -> None:
        self.machine = machine
        self.program = machine.program
        self.executed = executed
        self.levels: dict[Key, _Access] = {}
        self.networks: dict[Key, _Flow] = {}
        self._movers()
        self._array()

    def level(self, name: str, tensor: str) -> _Access:
        """Accesses of a tensor at a level, to be added to."""
        return self.levels.setdefault((name, tensor), _Access())

    def _movers(self) -> None:
        executed = self.executed
        for stream in self.program.movers:
            key = (stream.tensor, stream.child)
            parent = self.level(stream.parent, stream.tensor)
            child = self.level(stream.child, stream.tensor)
            firsts = executed.firsts.get(key, {})
            if self.machine.formats.is_compressed(stream):
                self._compressed(key, stream, parent, child)
                continue
            for number, times in executed.down.get(key, {}).items():
                record, first = stream.records[number], firsts.get(number, 0)
                parent.reads += times * record.parent_words
                child.reads += times * record.links
                child.fills += times * record.child_words
                child.links += times * record.links
                # A first read that is not elided is an access, but no word on the network.
                self._cross(stream.tensor, record.crossings, times - first, is_down=True)
            for number, times in executed.up.get(key, {}).items():
                record = stream.records[number]
                parent.updates += times * record.parent_words
                self._cross(stream.tensor, record.crossings, times, is_down=False)

    def _compressed(self, key: Key, stream: MoverStream, parent: _Access, child: _Access) -> None:
        """What a mover did whose steps depend on zeros."""
        for is_up, mover in ((False, self.machine.fills.get(key)),
                             (True, self.machine.drains.get(key))):  # fmt: skip
            for network in stream.networks:
                self.networks.setdefault((network, stream.tensor), _Flow())
            words = self.executed.moved.get((key, is_up))
            if mover is None or mover.moving is None or words is None:
                continue
            layout = mover.moving.layout
            found = ends(layout, words)
            if is_up:
                parent.updates += found.parent[0]
                parent.metadata_updates += found.parent[1]
            else:
                parent.reads += found.parent[0]
                parent.metadata_reads += found.parent[1]
                child.reads += found.links[0]
                child.metadata_reads += found.links[1]
                child.links += found.links[0]
                child.fills += found.child[0]
                child.metadata_fills += found.child[1]
            for network, one in zip(stream.networks, crossed(layout, words), strict=True):
                flow = self.networks[network, stream.tensor]
                flow.words_in += one.entering[0]
                flow.metadata_in += one.entering[1]
                flow.deliveries += one.arriving[0]
                flow.metadata_deliveries += one.arriving[1]
                flow.hops += one.hops
                flow.multicast.update(one.multicast)
            # Neighbours are below the innermost network.
            self.networks[stream.networks[-1], stream.tensor].links += found.links[0]

    def _array(self) -> None:
        executed = self.executed
        stream, sparse = self.program.compute, self.machine.sparse
        whole: Sequence[Access | None] = [None] * len(stream.operands)
        if sparse is not None and executed.worked is not None:
            whole = sparse.plan.totals(executed.worked)
        for is_fresh, bursts in ((True, executed.fresh), (False, executed.stale)):
            for number, times in bursts.items():
                accesses = stream.records[number].accesses
                for operand, access, total in zip(stream.operands, accesses, whole, strict=True):
                    if total is None:
                        self._access(operand, access, times, is_fresh=is_fresh)
        for operand, total in zip(stream.operands, whole, strict=True):
            if total is not None:
                self._access(operand, total, 1, is_fresh=True)

    def _access(self, operand: Operand, access: Access, times: int, *, is_fresh: bool) -> None:
        """Accesses of the array to one operand."""
        level = self.level(operand.level, operand.tensor)
        level.reads += times * (access.words - elided(operand, access, is_fresh, busiest=False))
        if operand.is_output:
            level.updates += times * access.words
        self._cross(operand.tensor, access.crossings, times, is_down=False)
        if operand.is_output:
            first = access.fresh_words if is_fresh else 0
            self._return(operand.tensor, access.crossings, times, first)

    def _return(
        self, tensor: str, crossings: tuple[Crossing, ...], times: int, skipped: int
    ) -> None:
        """Old values sent down to the MACs from a level that cannot add."""
        for crossing in crossings:
            if not self._adds(crossing.network) and times:
                flow = self.networks[crossing.network, tensor]
                self._add(flow, crossing, times, crossing.words_in - skipped)

    def _cross(
        self, tensor: str, crossings: tuple[Crossing, ...], times: int, *, is_down: bool
    ) -> None:
        is_output = tensor == self.program.output
        for crossing in crossings:
            flow = self.networks.setdefault((crossing.network, tensor), _Flow())
            if not times:
                continue
            # A partial sum that goes down to be added to is counted with its way up, unless the
            # outer level cannot add and must send it down as a word of its own.
            if is_output and is_down and self._adds(crossing.network):
                continue
            self._add(flow, crossing, times, crossing.words_in)
            # Hops, deliveries and additions of the output are those of its way up.
            if not (is_output and is_down):
                flow.deliveries += times * (crossing.deliveries - crossing.links)
                flow.hops += times * self._hops(tensor, crossing, is_up=is_output)
                flow.links += times * crossing.links
                flow.additions += times * sum((size - 1) * n for size, n in crossing.multicast)

    def _hops(self, tensor: str, crossing: Crossing, *, is_up: bool) -> Fraction:
        fabrics, direction = self.machine.ports.fabrics, Direction.UP if is_up else Direction.DOWN
        key = fabrics.find(crossing.network, tensor)
        return crossing.hops if key is None else fabrics.hops(key, crossing, direction)

    @staticmethod
    def _add(flow: _Flow, crossing: Crossing, times: int, entering: int) -> None:
        """Add a step's words, or the share of them that ``entering`` are."""
        if not crossing.words_in:
            return
        flow.words_in += times * entering
        for size, words in crossing.multicast:
            flow.multicast[size] += times * words * entering // crossing.words_in

    def _adds(self, network: str) -> bool:
        return self.machine.architecture.level(network).reduces

    # ------------------------------------------------------------------ freezing

    def freeze(self) -> Counts:
        """The counts in the form both roads share."""
        machine, program = self.machine, self.program
        used = dict(program.used_instances)
        stream = program.compute
        return Counts(
            levels=tuple(
                LevelCounts(
                    name=level.name,
                    instances=level.instances,
                    used_instances=used[level.name],
                    tensors=dict(self._tensors(level.name)),
                )
                for level in machine.architecture.levels
            ),
            networks=tuple(self._networks()),
            compute=ComputeCounts(
                name=stream.unit,
                instances=machine.architecture.compute.instances,
                used_instances=stream.instances,
                **self._computes(),
            ),
        )

    def _computes(self) -> dict[str, int]:
        """Multiply-accumulates by what became of them."""
        machine = self.machine
        every = machine.binding.computes(machine.array)
        if machine.sparse is None:
            return {"computes": every}
        total = machine.sparse.total(machine.array)
        gated, skipped = total.executed - total.active, every - total.executed
        return {"computes": total.active, "gated": gated, "skipped": skipped}

    def _tensors(self, level: str) -> Iterator[tuple[str, LevelTensor]]:
        for plan in self.program.buffers:
            if plan.level != level:
                continue
            access = self.levels.get((level, plan.tensor), _Access())
            channel = self.machine.channels.get((plan.tensor, level))
            yield (
                plan.tensor,
                LevelTensor(
                    tile_words=plan.tile_words,
                    reads=access.reads,
                    fills=access.fills,
                    updates=access.updates,
                    link_transfers=access.links,
                    temporal_reductions=access.reads if plan.tensor == self.program.output else 0,
                    peak_words=self._peak(plan, channel.peak) if channel else plan.tile_words,
                    metadata_reads=access.metadata_reads,
                    metadata_fills=access.metadata_fills,
                    metadata_updates=access.metadata_updates,
                ),
            )

    def _peak(self, plan: BufferPlan, peak: int) -> int:
        """Words held at most, of a compressed tensor as they are stored.

        Every tile has a slot for the largest one; a tile of which only a part is held takes no
        more than that part uncompressed.
        """
        slot = self.machine.formats.slot_words(plan.level, plan.tensor, plan.tile_words)
        whole, part = divmod(peak, plan.tile_words)
        return whole * slot + min(part, slot)

    def _networks(self) -> Iterator[NetworkCounts]:
        fanouts = dict(self.program.fanouts)
        for outer, shown in network_names(self.machine).items():
            tensors = {}
            for (network, tensor), flow in self.networks.items():
                if network != outer:
                    continue
                is_output = tensor == self.program.output
                tensors[tensor] = NetworkTensor(
                    words_in=flow.words_in,
                    deliveries=flow.deliveries,
                    fanout=fanouts[outer],
                    multicast={size: n for size, n in sorted(flow.multicast.items()) if n},
                    reductions=flow.additions if is_output else 0,
                    link_transfers=flow.links,
                    hops_total=flow.hops,
                    metadata_in=flow.metadata_in,
                    metadata_deliveries=flow.metadata_deliveries,
                )
            yield NetworkCounts(name=shown, tensors=tensors)


def count(machine: Machine) -> Counts:
    """Counts of a machine that has run."""
    return _Tally(machine, Executed.by(machine)).freeze()


def traffic(machine: Machine, executed: Executed) -> list[tuple[str, str, str, int]]:
    """What executed records read and write where: component, action, tensor, words.

    Networks are named as in the counts; of them the words that enter are listed, and those that
    neighbours pass on (``link``).
    """
    tally = _Tally(machine, executed)
    found: list[tuple[str, str, str, int]] = []
    for (level, tensor), access in tally.levels.items():
        parts = (("read", access.reads), ("write", access.fills), ("update", access.updates))
        found += [(level, action, tensor, words) for action, words in parts if words]
    names = network_names(machine)
    for (outer, tensor), flow in tally.networks.items():
        crossed = (("enter", flow.words_in), ("link", flow.links))
        found += [(names[outer], action, tensor, words) for action, words in crossed if words]
    stream = machine.program.compute
    bursts = [*executed.fresh.items(), *executed.stale.items()]
    computes = sum(times * stream.records[number].computes for number, times in bursts)
    gated = 0
    if executed.worked is not None:
        computes, gated = executed.worked.active, executed.worked.executed - executed.worked.active
    done = ((stream.unit, "compute", "", computes), (stream.unit, "gated", "", gated))
    return [*found, *(one for one in done if one[3])]


def network_names(machine: Machine) -> dict[str, str]:
    """Names of the networks as in the counts, by their outer level."""
    names = [level.name for level in machine.architecture.levels]
    inner = [*names[1:], machine.program.compute.unit]
    return {outer: f"{outer} <==> {below}" for outer, below in zip(names, inner, strict=True)}

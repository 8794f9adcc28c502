"""The tables of a user's own flat program: what the kinds of its rows ask of the hardware.

They have the form of a compiled program's, so that the same units execute them and the same
counting counts them. What a row does not say has a default: words spread evenly over all
instances, one network hop-free delivery per word, one operand word read per multiply-accumulate.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from stallscope.mappings.fields import nearest
from stallscope.traces.program import (
    Access,
    BufferPlan,
    ComputeStream,
    Crossing,
    MoverStream,
    Op,
    Operand,
    Program,
    Record,
    Work,
)
from stallscope.traces.rows.file import Row
from stallscope.traces.rows.notation import Passage, Port
from stallscope.traces.rows.units import Gathered, Kind, Place, UnitRows

__all__ = ["Tables", "make_tables"]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a program.

    Attributes:
        program: Its streams, without loops.
        records: Number of the record of every row, by unit.
        hopless: Networks on which some row that moves words says nothing of hops.
    """

    program: Program
    records: Mapping[str, array[int]]
    hopless: tuple[str, ...]


def make_tables(rows: Gathered, name: str) -> Tables:
    """Make the tables; faults of what rows say of ports, networks and rooms go to ``rows``."""
    made = _Tables(rows)
    program = made.program(name)
    return Tables(program, made.numbers, tuple(n for n in made.levels if n in made.hopless))


class _Tables:
    def __init__(self, rows: Gathered) -> None:
        self.rows = rows
        self.architecture = rows.architecture
        self.levels = [level.name for level in self.architecture.levels]
        self.compute = next(unit for unit in rows.units.values() if unit.op is Op.COMPUTE)
        self.movers = [unit for unit in rows.units.values() if unit.op is not Op.COMPUTE]
        self.numbers = {self.compute.name: self.compute.steps}
        self.hopless: dict[str, None] = {}
        self.used = self._used()
        self.output, self.reads_fresh = self._output()

    def program(self, name: str) -> Program:
        """All streams."""
        movers = tuple(self._mover(units) for units in self._pairs())
        compute = self._bursts()
        works = compute.records
        inner = [*self.levels[1:], self.compute.name]
        counts = self.compute.counts()
        return Program(
            name=name,
            dims=(),
            macs=sum(work.computes * n for work, n in zip(works, counts, strict=True)),
            output=self.output,
            output_dimensions=(),
            movers=movers,
            compute=compute,
            buffers=self._buffers(movers, compute),
            used_instances=tuple(self.used.items()),
            fanouts=tuple(
                (level, -(-self.used[below] // self.used[level]))
                for level, below in zip(self.levels, inner, strict=True)
            ),
            # Rows move words that have no coordinates: there is no layout to interpret.
            tensors=(),
            blocks=(),
            shares_words=False,
        )

    def _used(self) -> dict[str, int]:
        """Used instances per level and of the MACs: all, unless rows say otherwise."""
        used = {level.name: level.instances for level in self.architecture.levels}
        used[self.architecture.compute.name] = self.architecture.compute.instances
        there = dict(used)
        said: dict[str, int] = {}
        for name, number, row in self.rows.instances:
            if name not in there:
                rule = "is no level of the architecture"
                self.rows.faults.row(row, "instances", name, rule, nearest(name, there))
            elif not 1 <= number <= there[name]:
                rule = f"must be 1 to {there[name]}, the instances of {name}"
                self.rows.faults.row(row, "instances", number, rule)
            elif said.setdefault(name, number) != number:
                rule = f"{name} has {said[name]} in a row before"
                self.rows.faults.row(row, "instances", number, rule, "keep one of the two")
        return used | said

    def _output(self) -> tuple[str, bool]:
        """The tensor that is written back, if there is one, and whether first touches are read."""
        found = {unit.tensor: unit.firsts[0] for unit in self.movers if unit.op is not Op.FILL}
        reads = False
        for kind, row in zip(self.compute.kinds, self.compute.firsts, strict=True):
            for port in kind.ports or ():
                place = self.rows.place(port.place)
                if port.fresh is not None and place is not None:
                    found.setdefault(place[0], row)
                    reads = reads or port.reads_fresh
        for row in list(found.values())[1:]:
            shown = ", ".join(found)
            self.rows.faults.row(row, "tensor", shown, "one tensor can be written back, not more")
        return next(iter(found), ""), reads

    # ------------------------------------------------------------------ movers

    def _pairs(self) -> list[list[UnitRows]]:
        """The units of every stream, a refill before its drain, in the order of first rows."""
        pairs: dict[tuple[str, str, str], list[UnitRows]] = {}
        for unit in self.movers:
            pairs.setdefault((unit.tensor, unit.outer, unit.inner), []).append(unit)
        return [sorted(pair, key=lambda unit: unit.op is Op.DRAIN) for pair in pairs.values()]

    def _mover(self, units: Sequence[UnitRows]) -> MoverStream:
        """The stream of a fill, or of a refill and its drain; the records are the kinds."""
        unit, drain = units[0], units[-1]
        first, last = self.levels.index(unit.outer), self.levels.index(unit.inner)
        networks = tuple(self.levels[first:last])
        records: list[Record] = []
        for part in units:
            base = len(records)
            self.numbers[part.name] = array("i", (base + kind for kind in part.steps))
            for kind, row in zip(part.kinds, part.firsts, strict=True):
                records.append(self._record(part, kind, row, networks))
        if drain is not unit:
            self._start_at_zero(unit, drain, records)
        return MoverStream(
            tensor=unit.tensor, parent=unit.outer, child=unit.inner,
            is_output=unit.op is not Op.FILL, loops=(), bounds=(), spans=(), idle_inside=1,
            parent_depth=0,
            # Rows say which tiles of the parent they wait for: nothing follows from loops.
            parent_is_memory=True, elide_first=True, records=tuple(records),
            first=(0 if drain is unit else len(unit.kinds)), table=(), keyed=(), classes=(),
            grain=(), networks=networks,
        )  # fmt: skip

    def _start_at_zero(self, refill: UnitRows, drain: UnitRows, records: list[Record]) -> None:
        """Give refills that move nothing and name no room that of the drain of the same number."""
        kinds = [kind.is_elided and kind.room is None for kind in refill.kinds]
        numbers, up = self.numbers[refill.name], self.numbers[drain.name]
        made: dict[int, int] = {}
        for step, kind in enumerate(refill.steps):
            if not kinds[kind]:
                continue
            if step >= len(up):
                rule = f"is needed: {drain.name} has no row {step} whose room it could be"
                self.rows.faults.row(refill.firsts[kind], "room", "", rule)
                return
            room = records[up[step]].room
            if room not in made:
                made[room] = len(records)
                records.append(replace(records[numbers[step]], room=room, tile_words=room))
            numbers[step] = made[room]

    def _record(self, unit: UnitRows, kind: Kind, row: Row, networks: tuple[str, ...]) -> Record:
        outer, inner = unit.outer, unit.inner
        said = {(port.place, port.is_link): port for port in kind.ports or ()}
        self._check_twice(row, len(said), kind)
        for place, is_link in said:
            if place not in (outer, inner) or (is_link and place != inner):
                rule = f"{unit.name} has ports at {outer} and {inner} (and links at {inner})"
                self.rows.faults.row(row, "ports", place, rule)
        parent = said.get((outer, False)) or self._even(outer, kind.words)
        child = said.get((inner, False)) or self._even(inner, parent.words)
        links = said.get((inner, True)) or Port(inner, 0, 0)
        if parent.words != kind.words:
            rule = f"names {parent.words} words at {outer}, the column words {kind.words}"
            self.rows.faults.row(row, "ports", parent.words, rule)
        room = kind.room if kind.room is not None else child.busiest
        said_of = {passage.place: passage for passage in kind.networks}
        self._check_networks(row, said_of, networks)
        crossings = []
        for network in networks:
            is_last = network == networks[-1]
            arriving, linked = (child.words, links.words) if is_last else (parent.words, 0)
            crossings.append(
                self._crossing(network, parent.words, arriving, said_of.get(network), linked)
            )
        return Record(
            words=child.busiest, room=room, released=0, tile_words=room,
            busiest_parent=parent.busiest, parent_words=parent.words, child_words=child.words,
            busiest_links=links.busiest, links=links.words, crossings=tuple(crossings), boxes=(),
        )  # fmt: skip

    def _even(self, level: str, words: int) -> Port:
        """Words that are spread evenly over the used instances."""
        return Port(level, -(-words // self.used[level]), words)

    def _check_twice(self, row: Row, places: int, kind: Kind) -> None:
        if places < len(kind.ports or ()):
            shown = "; ".join(port.place for port in kind.ports or ())
            self.rows.faults.row(row, "ports", shown, "names a port twice", "add them up")

    def _check_networks(self, row: Row, said: dict[str, Passage], known: Sequence[str]) -> None:
        for place in said:
            if place not in known:
                rule = "is not the outer level of a network on the way"
                self.rows.faults.row(row, "networks", place, rule, nearest(place, known))

    def _crossing(
        self, network: str, words: int, arriving: int, said: Passage | None, links: int = 0
    ) -> Crossing:
        given = said.whole if said is not None else {}
        entering = given.get("in", words)
        reach = said.reach if said is not None else None
        if reach is None:
            # Every word entering reaches equally many, as far as that is a whole number.
            size = max(1, (arriving - links) // entering) if entering else 1
            reach = ((size, entering),) if entering else ()
        hops = said.hops if said is not None else None
        if hops is None and entering:
            self.hopless[network] = None
        return Crossing(
            network=network,
            words_in=entering,
            busiest_words=given.get("busiest", -(-entering // self.used[network])),
            deliveries=given.get("deliveries", arriving),
            multicast=reach,
            hops=hops or Fraction(0),
            links=given.get("links", links),
            longest=given.get("longest", 0),
        )

    # ------------------------------------------------------------------ the array

    def _operands(self) -> list[Place]:
        """Every tensor of the array and the innermost level that keeps it."""
        found: dict[str, str] = {}
        for kind, row in zip(self.compute.kinds, self.compute.firsts, strict=True):
            for port in kind.ports or ():
                place = self.rows.place(port.place)
                if place is None:
                    rule = "must be a tensor and a level, such as `Weights RF 4/16`"
                    self.rows.faults.row(row, "ports", port.place, rule)
                elif found.setdefault(place[0], place[1]) != place[1]:
                    rule = f"the array has one level for {place[0]}, {found[place[0]]}"
                    self.rows.faults.row(row, "ports", port.place, rule)
        deepest: dict[str, str] = {}
        for unit in self.movers:
            depth = self.levels.index(unit.inner)
            if depth >= self.levels.index(deepest.get(unit.tensor, self.levels[0])):
                deepest[unit.tensor] = unit.inner
        return [*found.items(), *((t, at) for t, at in deepest.items() if t not in found)]

    def _bursts(self) -> ComputeStream:
        operands = self._operands()
        works = [
            self._work(kind, row, operands)
            for kind, row in zip(self.compute.kinds, self.compute.firsts, strict=True)
        ]
        return ComputeStream(
            unit=self.compute.name, loops=(), inner=(), bounds=(),
            operands=tuple(
                Operand(tensor=tensor, level=level, depth=-1, is_output=tensor == self.output,
                        elide_first=not self.reads_fresh)
                for tensor, level in operands
            ),
            records=tuple(works), first=0, table=(), keyed=(), classes=(), grain=(),
            instances=self.used[self.compute.name],
        )  # fmt: skip

    def _work(self, kind: Kind, row: Row, operands: Sequence[Place]) -> Work:
        pes = self.used[self.compute.name]
        cycles = kind.cycles if kind.cycles is not None else -(-kind.words // pes)
        if kind.words > cycles * pes:
            rule = f"{pes} PEs need {-(-kind.words // pes)} cycles for {kind.words} words"
            self.rows.faults.row(row, "cycles", cycles, rule)
        said = {self.rows.place(port.place): port for port in kind.ports or ()}
        self._check_twice(row, len(said), kind)
        passages = {passage.place: passage for passage in kind.networks}
        known = [
            f"{tensor} {network}" for tensor, level in operands for network in self._way(level)
        ]
        self._check_networks(row, passages, known)
        accesses = []
        for tensor, level in operands:
            missing = 0 if kind.ports is not None else kind.words
            port = said.get((tensor, level)) or self._even(level, missing)
            fresh = port.fresh or (0, 0)
            crossings = tuple(
                self._crossing(n, port.words, port.words, passages.get(f"{tensor} {n}"))
                for n in self._way(level)
            )
            accesses.append(
                Access(busiest_words=port.busiest, words=port.words, fresh_words=fresh[1],
                       busiest_fresh=fresh[0], crossings=crossings)
            )  # fmt: skip
        return Work(cycles=cycles, computes=kind.words, loads=(), accesses=tuple(accesses))

    def _way(self, level: str) -> list[str]:
        """Networks from a level to the MACs."""
        return self.levels[self.levels.index(level) :]

    # ------------------------------------------------------------------ room

    def _buffers(
        self, movers: Sequence[MoverStream], compute: ComputeStream
    ) -> tuple[BufferPlan, ...]:
        """What every level keeps: as the rows say, else the largest tile there is room made for."""
        rooms: dict[Place, int] = {}
        for stream in movers:
            largest = max(record.room for record in stream.records)
            below = (stream.tensor, stream.child)
            rooms[below] = max(rooms.get(below, 0), largest)
            rooms.setdefault((stream.tensor, stream.parent), 0)
        for operand in compute.operands:
            rooms.setdefault((operand.tensor, operand.level), 0)
        plans: dict[Place, BufferPlan] = {}
        for buffer, row in self.rows.buffers:
            place = self.rows.place(buffer.place)
            if place is None or place not in rooms:
                known = [" ".join(place) for place in rooms]
                rule = "is not a tensor at a level that the rows use"
                remedy = nearest(buffer.place, known)
                self.rows.faults.row(row, "buffers", buffer.place, rule, remedy)
                continue
            if buffer.words * (buffer.tiles or 1) < rooms[place]:
                rule = f"a row makes room for {rooms[place]} words of {buffer.place}"
                self.rows.faults.row(row, "buffers", buffer.words, rule, "give that much")
            plan = BufferPlan(level=place[1], tensor=place[0], tile_words=buffer.words,
                              tiles=buffer.tiles)  # fmt: skip
            if plans.setdefault(place, plan) != plan:
                rule = "differs from a row before"
                self.rows.faults.row(row, "buffers", buffer.place, rule, "keep one of the two")
        for (tensor, level), words in rooms.items():
            if (tensor, level) not in plans:
                plans[tensor, level] = BufferPlan(level=level, tensor=tensor, tile_words=words,
                                                  tiles=None)  # fmt: skip
        self._check_capacity(plans)
        return tuple(plans.values())

    def _check_capacity(self, plans: dict[Place, BufferPlan]) -> None:
        for level in self.architecture.levels[1:]:
            held = {plan.tensor: plan.tile_words * (plan.tiles or 1)
                    for plan in plans.values() if plan.level == level.name}  # fmt: skip
            if level.capacity_words is not None and sum(held.values()) > level.capacity_words:
                shown = " + ".join(f"{tensor} {words}" for tensor, words in held.items())
                rule = f"needs {shown} words, has {level.capacity_words}"
                remedy = "make tiles smaller, or hold fewer"
                self.rows.faults.file(level.name, sum(held.values()), rule, remedy)

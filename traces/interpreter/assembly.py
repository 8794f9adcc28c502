"""Wiring the units of an interpreted program: who holds what, and who reads whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from stallscope.mappings.architecture import Architecture, StorageLevel
from stallscope.traces.flat import FlatProgram, FlatStream
from stallscope.traces.interpreter.bursting import Array, Port
from stallscope.traces.interpreter.carriers import Carrier, Drain, Fill, Leaver, Refill, Unit
from stallscope.traces.interpreter.instruction import FunctionError
from stallscope.traces.interpreter.movement import Planner
from stallscope.traces.interpreter.residence import (
    LevelRoom,
    Residence,
    Site,
    Tile,
    instance_offsets,
    projection,
)
from stallscope.traces.interpreter.walking import Walker
from stallscope.traces.program import MoverStream, Program, TensorLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Wired", "tiles_of", "wire"]

DEFAULT_TILES = 2
"""Tiles a level holds of a tensor where nobody says: as many as fit, at most this."""
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Wired:
    """Units in their order, and where words are.

    Attributes:
        program: The tables.
        units: All units.
        array: The last of them.
        residences: By (tensor, level).
        output: Where the output ends up.
        rooms: By level.
        tiles: Tiles of room per (tensor, level).
    """

    program: Program
    units: tuple[Unit, ...]
    array: Array
    residences: Mapping[_Key, Residence]
    output: Residence
    rooms: Mapping[str, LevelRoom]
    tiles: Mapping[_Key, int]


def tiles_of(
    program: Program, architecture: Architecture | None, asked: Mapping[_Key, int]
) -> tuple[dict[_Key, int], dict[_Key, int]]:
    """Return the tiles and the words of room per (tensor, level).

    One tile each, then a second in keep order as long as it fits; what the mapping or ``asked``
    says comes first. A level too small for its tiles gives the last tensors what is left, unless
    ``asked`` says how many tiles they have. A level that stores tiles compressed has room in tiles:
    that their words fit is for who knows the zeros (`check_mapping`).
    """
    tiles: dict[_Key, int] = {}
    words: dict[_Key, int] = {}
    for level in dict.fromkeys(plan.level for plan in program.buffers):
        plans = [plan for plan in program.buffers if plan.level == level]
        spec = None if architecture is None else architecture.level(level)
        limit = _capacity(spec)
        given = 1 if spec is None else int(spec.multiple_buffering)
        fixed = {plan.tensor: asked.get((plan.tensor, level), plan.tiles) for plan in plans}
        held = {name: number or 1 for name, number in fixed.items()}
        used = sum(plan.tile_words * held[plan.tensor] for plan in plans)
        for plan in plans:
            if fixed[plan.tensor] is None:
                fits = limit is None or used + plan.tile_words <= limit
                held[plan.tensor] = given if given > 1 else DEFAULT_TILES if fits else 1
                used += (held[plan.tensor] - 1) * plan.tile_words
        left = limit
        for plan in plans:
            key = (plan.tensor, level)
            room = plan.tile_words * held[plan.tensor]
            tiles[key] = held[plan.tensor]
            words[key] = room if left is None or key in asked else min(room, left)
            left = None if left is None else max(0, left - room)
    return tiles, words


def _capacity(spec: StorageLevel | None) -> int | None:
    """Words that one instance holds uncompressed; None: no limit, or it holds compressed tiles."""
    return None if spec is None or spec.formats else spec.capacity_words


def wire(
    program: Program | FlatProgram,
    operands: Mapping[str, NDArray[np.int64]],
    architecture: Architecture | None,
    asked: Mapping[_Key, int],
) -> Wired:
    """Make the units of a program and what they work on.

    Raises:
        FunctionError: If a tensor has no way to the array, or fills its level from the start.
    """
    return _Wiring(program, operands, architecture, asked).wired()


class _Wiring:
    """Makes the parts one after the other."""

    def __init__(
        self,
        program: Program | FlatProgram,
        operands: Mapping[str, NDArray[np.int64]],
        architecture: Architecture | None,
        asked: Mapping[_Key, int],
    ) -> None:
        self.rows: Mapping[str, FlatStream] = {}
        if isinstance(program, FlatProgram):
            self.rows, program = program.streams, program.program
        self.program = program
        self.operands = operands
        self.architecture = architecture
        self.dimensions = {name: at for at, (name, _) in enumerate(program.dims)}
        self.levels = {name: at for at, (name, _) in enumerate(program.used_instances)}
        self.layouts = {layout.name: layout for layout in program.tensors}
        self.tiles, self.words = tiles_of(program, architecture, asked)
        self.rooms: dict[str, LevelRoom] = {}
        self.residences: dict[_Key, Residence] = {}
        self.planners: dict[_Key, Planner] = {}

    def wired(self) -> Wired:
        """All parts."""
        program = self.program
        for plan in program.buffers:
            self._add_residence(plan.tensor, plan.level)
        units: list[Unit] = []
        for stream in program.movers:
            units += self._movers(stream)
        ports = [self._port(at) for at in range(len(program.compute.operands))]
        walker = self._walker(program.compute.unit, None)
        array = Array(program, walker, ports, self._skips())
        output = next(
            there for (tensor, _), there in self.residences.items()
            if tensor == program.output and there.memory is not None
        )  # fmt: skip
        return Wired(
            program, (*units, array), array, self.residences, output, self.rooms, self.tiles
        )

    def _skips(self) -> frozenset[str]:
        """Operands whose zeros the array skips."""
        sparse = None if self.architecture is None else self.architecture.compute.sparse
        return frozenset() if sparse is None else frozenset(sparse.skips)

    # ------------------------------------------------------------------ places

    def _add_residence(self, tensor: str, level: str) -> None:
        layout = self.layouts[tensor]
        into = [stream for stream in self.program.movers
                if (stream.tensor, stream.child) == (tensor, level)]  # fmt: skip
        site = self._site(layout, level, into[0] if into else None)
        room = self._room(level)
        memory = None if into else self._memory(layout, site)
        capacity = self.words[tensor, level]
        self.residences[tensor, level] = there = Residence(site, room, capacity, memory)
        there.held = np.zeros(site.instances, dtype=np.int64)
        if memory is not None:
            plan = next(plan for plan in self.program.buffers
                        if (plan.tensor, plan.level) == (tensor, level))  # fmt: skip
            room.change(plan.tile_words, there.name)

    def _site(self, layout: TensorLayout, level: str, stream: MoverStream | None) -> Site:
        """The shape of a tile; of the whole tensor where nothing brings tiles."""
        offsets = instance_offsets(self.program, self.levels[level])
        if stream is None:
            shape, instances = layout.shape, len(offsets) if layout.is_output else 1
            offsets = np.zeros((instances, offsets.shape[1]), dtype=np.int64)
        else:
            spans = dict(stream.spans)
            shape = tuple(
                1 + sum(coefficient * (spans[name] - 1) for name, coefficient in rank)
                for rank in layout.ranks
            )
        strides = tuple(prod(shape[rank + 1 :]) for rank in range(len(shape)))
        words = offsets @ projection(layout, self.program).T
        return Site(layout, level, len(offsets), offsets, words, shape, strides)

    def _room(self, level: str) -> LevelRoom:
        if level not in self.rooms:
            spec = None if self.architecture is None else self.architecture.level(level)
            used = dict(self.program.used_instances)[level]
            held = np.zeros(used, dtype=np.int64)
            self.rooms[level] = LevelRoom(level, _capacity(spec), held)
        return self.rooms[level]

    def _memory(self, layout: TensorLayout, site: Site) -> Tile:
        values = np.zeros((site.instances, site.volume), dtype=np.int64)
        if not layout.is_output:
            values[:] = np.asarray(self.operands[layout.name], dtype=np.int64).reshape(1, -1)
        valid = np.ones_like(values, dtype=np.bool_)
        return Tile(tuple(0 for _ in site.shape), values, valid, is_full=True)

    # ------------------------------------------------------------------ units

    def _walker(self, unit: str, stream: MoverStream | None) -> Walker:
        rows = self.rows.get(unit)
        if self.rows and rows is None:
            raise FunctionError(unit, "has no rows")
        return Walker(stream or self.program.compute, self.dimensions, rows)

    def _movers(self, stream: MoverStream) -> list[Carrier]:
        key = (stream.tensor, stream.child)
        parent = self._residence(stream.tensor, stream.parent)
        child = self._residence(*key)
        down = f"{stream.tensor} {stream.parent}->{stream.child}"
        up = f"{stream.tensor} {stream.child}->{stream.parent}"
        planner = self.planners[key] = Planner(self.program, stream, parent.site, child.site)
        if stream.is_output:
            return [
                Refill(down, self._walker(down, stream), planner, parent, child),
                Drain(up, self._walker(up, stream), planner, parent, child),
            ]
        fill = Fill(down, self._walker(down, stream), planner, parent, child)
        if parent.memory is None:
            fill.leaver = self._leaver(stream.tensor, stream.parent)
        return [fill]

    def _leaver(self, tensor: str, level: str) -> Leaver:
        """What gives back the tiles of a tensor at a level."""
        key = (tensor, level)
        planner = self.planners[key]
        name = f"{tensor} {planner.stream.parent}->{level}"
        return Leaver(self.residences[key], self._walker(name, planner.stream), planner, name)

    def _residence(self, tensor: str, level: str) -> Residence:
        if (tensor, level) not in self.residences:
            raise FunctionError(f"{tensor} at {level}", "is used, and no level keeps it there")
        return self.residences[tensor, level]

    def _port(self, number: int) -> Port:
        operand = self.program.compute.operands[number]
        there = self._residence(operand.tensor, operand.level)
        is_memory = there.memory is not None
        if is_memory != (operand.depth < 0):
            rule = "nothing brings it there" if is_memory else "it is brought there"
            raise FunctionError(
                f"{operand.tensor} at {operand.level}",
                f"the array uses it at depth {operand.depth}, but {rule}",
            )
        leaver = None
        if not is_memory and not operand.is_output:
            leaver = self._leaver(operand.tensor, operand.level)
        return Port(operand, there, leaver)

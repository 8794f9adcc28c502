"""The array of an interpreted program: every multiply-accumulate of every burst.

A burst is executed as index arithmetic over all units and inner steps: where each multiply-
accumulate finds its operands in the tiles of the innermost levels that keep them. The indices of a
burst depend on where it stands only by a shift, except where remainders make units idle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Waiter
from stallscope.traces.interpreter.carriers import Leaver, Unit
from stallscope.traces.interpreter.instruction import FunctionError, Instruction
from stallscope.traces.interpreter.movement import Gather
from stallscope.traces.interpreter.residence import Residence, instance_offsets, projection
from stallscope.traces.interpreter.walking import Walker
from stallscope.traces.program import ComputeStream, Op, Operand, Program, StreamLoop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

__all__ = ["Array", "Port"]

_CHUNK = 1 << 17
"""Multiply-accumulates handled at once, about."""


@dataclass(slots=True)
class Port:
    """Where the array gets one tensor, and the tile it is using.

    Attributes:
        operand: The operand.
        residence: Its words.
        leaver: Gives back the room of an operand's tiles; None for the output and for a tensor
            that nobody delivers.
        tiles: Tiles used so far, the present one included.
    """

    operand: Operand
    residence: Residence
    leaver: Leaver | None
    tiles: int = 1


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Multiply-accumulates: per operand the words they use; how many each unit does."""

    words: tuple[Gather, ...]
    units: Numbers


class Array(Unit):
    """Executes the bursts.

    Attributes:
        ports: The operands, in the stream's order.
        skips: Operands whose zeros take no multiply-accumulate.
        macs: Multiply-accumulates, those that are skipped included.
        skipped: Of these those that were skipped: nothing was added to any sum.
    """

    op = Op.COMPUTE

    def __init__(
        self, program: Program, walker: Walker, ports: Sequence[Port], skips: Collection[str] = ()
    ) -> None:
        super().__init__(program.compute.unit, walker)
        self.stream: ComputeStream = program.compute
        self.ports = tuple(ports)
        self.skips = frozenset(skips)
        self.macs = 0
        self.skipped = 0
        self._index = {name: at for at, (name, _) in enumerate(program.dims)}
        self._bounds = {self._index[name]: bound for name, bound in self.stream.bounds}
        self._units = instance_offsets(program, len(program.blocks))
        outer, inner = _split(self.stream.inner, _CHUNK // len(self._units))
        self._starts = self._grid(outer).tolist()
        self._steps = self._grid(inner)
        self._maps = [projection(port.residence.site.layout, program) for port in self.ports]
        self._chunks: dict[tuple[int, ...], _Chunk] = {}
        self._agreed: set[tuple[int, bytes]] = set()
        reach = self._units.max(axis=0) + self._steps.max(axis=0) + 1
        self._reach: dict[int, int] = {at: int(reach[at]) for at in self._bounds}

    def _grid(self, loops: Sequence[StreamLoop]) -> Numbers:
        """Origin of every combination of the loops' iterations, shape (steps, dimensions)."""
        grid = np.zeros((1, len(self._index)), dtype=np.int64)
        for loop in loops:
            moved = np.zeros((loop.extent, len(self._index)), dtype=np.int64)
            moved[:, self._index[loop.dimension]] = np.arange(loop.extent) * loop.step
            grid = (grid[:, None, :] + moved[None, :, :]).reshape(-1, len(self._index))
        return grid

    def blocked(self) -> Waiter | None:
        """Wait for every operand's tile."""
        for port in self.ports:
            there = port.residence
            if port.operand.depth >= 0 and there.delivered < port.tiles:
                return self.awaits(there, "delivered", there.delivered, port.tiles)
        return None

    def execute(self) -> None:
        """Execute one burst."""
        who = self.here
        units = np.zeros(len(self._units), dtype=np.int64)
        for start in self._starts:
            origin = tuple(a + b for a, b in zip(self.walker.origin, start, strict=True))
            chunk = self._chunk(origin)
            if len(chunk.words[0].source):
                self._accumulate(chunk, origin, who)
            units += chunk.units
        kind = (self.walker.record, units.tobytes())
        if kind not in self._agreed:
            self._check(units, who)
            self._agreed.add(kind)
        self.macs += int(units.sum())
        self._leave(self.walker.advance(), who)

    def _check(self, units: Numbers, who: Instruction) -> None:
        """Compare a burst with its record."""
        number = self.walker.record
        work = self.stream.records[number]
        loads = Counter(units[units > 0].tolist())
        done = tuple(sorted(loads.items(), reverse=True))
        if done != work.loads:
            rule = f"record {number} says {work.loads} (multiply-accumulates, units), executed "
            raise FunctionError(who, f"{rule}{done}")
        macs, most = int(units.sum()), int(units.max())
        if macs != work.computes or most != work.cycles:
            rule = f"record {number} says {work.computes} multiply-accumulates, {work.cycles} of a"
            raise FunctionError(who, f"{rule} unit; executed {macs}, {most} of a unit")

    def _leave(self, stepped: int, who: Instruction) -> None:
        """Leave the tiles that end with the burst."""
        for port in self.ports:
            if stepped >= port.operand.depth:
                continue
            port.tiles += 1
            if port.operand.is_output:
                port.residence.finished += 1
            elif port.leaver is not None:
                port.leaver.leave(who)
        self.is_finished = stepped < 0

    def _chunk(self, origin: tuple[int, ...]) -> _Chunk:
        """Multiply-accumulates of all units at some inner steps, relative to where they begin."""
        key = tuple(min(bound - origin[at], self._reach[at]) for at, bound in self._bounds.items())
        found = self._chunks.get(key)
        if found is None:
            found = self._chunks[key] = self._plan(dict(zip(self._bounds, key, strict=True)))
        return found

    def _plan(self, lefts: Mapping[int, int]) -> _Chunk:
        at = (self._units[:, None, :] + self._steps[None, :, :]).reshape(-1, len(self._index))
        unit = np.repeat(np.arange(len(self._units)), len(self._steps))
        is_active = np.ones(len(at), dtype=np.bool_)
        for dimension, left in lefts.items():
            is_active &= at[:, dimension] < left
        at, unit = at[is_active], unit[is_active]
        words = tuple(
            self._words(port.residence, matrix, at, unit)
            for port, matrix in zip(self.ports, self._maps, strict=True)
        )
        return _Chunk(words, np.bincount(unit, minlength=len(self._units)))

    def _words(self, there: Residence, matrix: Numbers, at: Numbers, unit: Numbers) -> Gather:
        """The word of a tensor that each multiply-accumulate uses, in its instance's tile."""
        site = there.site
        instance = unit // (len(self._units) // site.instances)
        flat = instance * site.volume
        low, high = [], []
        for rank, stride in enumerate(site.strides):
            place = at @ matrix[rank] - site.words[instance, rank]
            flat = flat + place * stride
            low.append(int(place.min()) if len(place) else 0)
            high.append(int(place.max()) if len(place) else 0)
        return Gather(flat, flat, tuple(low), tuple(high))

    def _accumulate(self, chunk: _Chunk, origin: tuple[int, ...], who: Instruction) -> None:
        """Multiply the operands' words and add them to the output's, but where one is skipped."""
        product: Numbers | None = None
        effectual: NDArray[np.bool_] | None = None
        sums, places = None, None
        for port, matrix, words in zip(self.ports, self._maps, chunk.words, strict=True):
            there = port.residence
            tile = there.tile(port.tiles - 1, who)
            low = tuple(int(by) for by in matrix @ origin)
            verb = "updates" if port.operand.is_output else "multiplies"
            found = words.locate(there.site, tile, low, who, verb)
            if port.operand.is_output:
                sums, places = tile.values.reshape(-1), found
            else:
                factor = tile.values.reshape(-1).take(found)
                product = factor if product is None else product * factor
                if port.operand.tensor in self.skips:
                    effectual = factor != 0 if effectual is None else effectual & (factor != 0)
        assert sums is not None
        assert places is not None
        product = np.ones_like(places) if product is None else product
        if effectual is not None:
            self.skipped += int(np.count_nonzero(~effectual))
            places, product = places[effectual], product[effectual]
        np.add.at(sums, places, product)


def _split(
    loops: Sequence[StreamLoop], most: int
) -> tuple[Sequence[StreamLoop], Sequence[StreamLoop]]:
    """Cut loops so that the inner ones have about ``most`` steps together, at least one loop."""
    cut = len(loops)
    while cut > 0 and prod(loop.extent for loop in loops[cut - 1 :]) <= max(most, 1):
        cut -= 1
    return loops[:cut], loops[cut:]

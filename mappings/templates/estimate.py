"""What every blocking of a grid would take: cycles, and words of main memory.

    cycles = max(first tiles + max(array, ports of buffers) + loads not hidden + last tile,
                 main memory + the array's work that no load runs beside)

and the preload and skew of the array, once.
Words of main memory are exact (`movement`). Ports of buffers count the words of the array's
folds. Where a buffer has no room for a second tile of a tensor, its loads and the array take turns.

Not modelled: bank conflicts, networks, latencies, and what `memory` leaves out of a DRAM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.problem import Tensor
from stallscope.mappings.templates.capacity import Room
from stallscope.mappings.templates.grid import KINDS, Array, Axis, Flags, Grid
from stallscope.mappings.templates.memory import Cycles, Device, Memory, Plain, Tile
from stallscope.mappings.templates.movement import Integers, words_sent
from stallscope.mappings.templates.pace import Pace, array_cycles
from stallscope.mappings.templates.roles import Roles
from stallscope.mappings.templates.stores import Store, Stores, Width

__all__ = ["Figures", "Layer", "possible", "sums_may_leave"]

_NONE: Integers = np.zeros((1,) * KINDS, dtype=np.int64)
_UNLIMITED = Width(read=math.inf, write=math.inf, shared=math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of all blockings of a grid with one order of main memory's loops.

    Attributes:
        order: Axes of the grid, outermost first.
        cycles: Estimate of the run; infinite where a blocking cannot be.
        array: Cycles of the array alone.
        memory: Cycles of main memory alone.
        words: Words that main memory sends or takes, per tensor.
        traffic: Words that pass main memory's bus, whole bursts of a device.
        passed: Words that pass between the array and its buffers.
    """

    order: tuple[Axis, ...]
    cycles: Cycles
    array: Cycles
    memory: Cycles
    words: Mapping[str, Integers]
    traffic: Cycles
    passed: Cycles


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer on an array with one data flow, and all blockings tried."""

    roles: Roles
    stores: Stores
    dataflow: Dataflow
    array: Array
    grid: Grid
    pace: Pace
    room: Room
    possible: Flags

    def figures(self) -> list[Figures]:
        """Estimate every blocking with every order of the outermost loops that is tried.

        Groups are outside, the reduction inside: partial sums stay where they are until they are
        complete. Pixels are outside columns, or inside.
        """
        grid = self.grid
        orders = [(grid.groups, grid.pixels, grid.columns, grid.reduction)]
        if grid.pixels.dimensions and grid.columns.dimensions:
            orders.append((grid.groups, grid.columns, grid.pixels, grid.reduction))
        return [self._figures(order) for order in orders]

    def _figures(self, order: tuple[Axis, ...]) -> Figures:
        loops = list(chain.from_iterable(axis.loops for axis in order))
        words = {
            tensor.name: _NONE + (self._results if tensor.is_output else words_sent(tensor, loops))
            for tensor in self.roles.tensors
        }
        memory = self._memory.cycles(words)
        busy = np.maximum(self._array, self._ports(words)) + self._edges + self._turns(words)
        bound = memory + self._array * self._alone(words)
        cycles = np.maximum(busy, bound) + float(self.pace.shift + self.pace.skew)
        return Figures(
            order=order,
            cycles=np.where(self.possible, cycles, np.inf),
            array=self._array,
            memory=memory,
            words=words,
            traffic=self._memory.traffic(words),
            passed=sum(self._passed.values(), np.zeros((1,) * KINDS)),
        )

    @cached_property
    def _results(self) -> int:
        """Words of the outputs, which main memory takes once: no partial sum gets there."""
        kept = self.roles.outputs.dimensions
        return math.prod(bound for name, bound in self.roles.bounds.items() if name in kept)

    @cached_property
    def _memory(self) -> Memory:
        main, output = self.stores.main, self.roles.outputs.name
        if main.memory is None:
            return Plain(width=self.stores.width, output=output)
        assert self.stores.clock_mhz is not None  # the architecture's own check
        tiles = {tensor.name: self._sent(tensor) for tensor in self.roles.tensors}
        return Device(memory=main.memory, clock_mhz=self.stores.clock_mhz,
                      word_bits=main.word_bits, tiles=tiles)  # fmt: skip

    def _sent(self, tensor: Tensor) -> Tile:
        """The tile of a tensor that main memory sends, or takes."""
        outer = self.stores.buffers[self._keepers(tensor)[0]].is_outer
        return Tile(
            tensor=tensor,
            lengths=self.grid.tile_lengths(tensor, outer=outer),
            shape=tensor.tile_shape({name: self.roles.bounds.get(name, 1)
                                     for name in tensor.dimensions}),
            words=self._first_tile(tensor),
        )  # fmt: skip

    @cached_property
    def _array(self) -> Cycles:
        return array_cycles(self.pace, self.array, self.grid.axes)

    def _alone(self, words: Mapping[str, Integers]) -> Cycles:
        """Part of the array's work during which main memory has nothing to do.

        It is the work on the last tiles, and on those of an operand that has no second tile: what
        comes next for the others has come by then.
        """
        loads: Cycles = np.ones((1,) * KINDS)
        for tensor in (self.roles.inputs, self.roles.weights):
            if tensor.name in self._bare:
                tiles = words[tensor.name] / self._first_tile(tensor)
                loads = loads + tiles * self._bare[tensor.name]
        steps = [axis.product(axis.trips) for axis in self.grid.axes if axis.dimensions]
        return np.minimum(loads / math.prod(steps), 1.0)

    @cached_property
    def _edges(self) -> Cycles:
        """Cycles before the array's first step and after its last: first tiles, last tile."""
        total: Cycles = np.zeros((1,) * KINDS)
        for tensor in self.roles.tensors:
            if self._keepers(tensor):
                total = total + self._memory.tile_cycles(tensor.name, self._first_tile(tensor))
        return total

    def _first_tile(self, tensor: Tensor) -> Integers:
        """Words of a tile in the outermost buffer that keeps a tensor."""
        at = self._keepers(tensor)[0]
        return self.grid.tile_words(tensor, outer=self.stores.buffers[at].is_outer)

    def _keepers(self, tensor: Tensor) -> list[int]:
        return [at for at, store in enumerate(self.stores.buffers) if tensor.name in store.keeps]

    def _turns(self, words: Mapping[str, Integers]) -> Cycles:
        """Cycles in which the array waits for loads that no second tile hides."""
        total: Cycles = np.zeros((1,) * KINDS)
        for tensor in self.roles.tensors:
            if tensor.name in self._bare:
                rest = words[tensor.name] - self._first_tile(tensor)
                turns = self._memory.tile_cycles(tensor.name, rest)
                total = total + turns * self._bare[tensor.name]
        return total

    @cached_property
    def _bare(self) -> dict[str, Flags]:
        """Where a tensor that moves has no second tile in the first buffer that keeps it."""
        found = {}
        for tensor in self.roles.tensors:
            keepers = self._keepers(tensor)
            if not keepers:
                continue
            outer = self.stores.buffers[keepers[0]].is_outer
            doubled = self.room.doubled[keepers[0]][tensor.name]
            bare = self.grid.moves(tensor, outer=outer) & ~doubled
            if bare.any():
                found[tensor.name] = bare
        return found

    def _ports(self, words: Mapping[str, Integers]) -> Cycles:
        """Cycles of the busiest port of any buffer."""
        total: Cycles = np.zeros((1,) * KINDS)
        for at, store in enumerate(self.stores.buffers):
            if store.width == _UNLIMITED:
                continue
            reads, writes = self._accesses(at, store, words)
            for accesses, rate in ((reads, store.width.read), (writes, store.width.write),
                                   (reads + writes, store.width.shared)):  # fmt: skip
                if rate < math.inf:
                    total = np.maximum(total, accesses / rate)
        return total

    def _accesses(
        self, at: int, store: Store, words: Mapping[str, Integers]
    ) -> tuple[Cycles, Cycles]:
        """Words read and written at a buffer, of all tensors it keeps."""
        reads: Cycles = np.zeros((1,) * KINDS)
        writes: Cycles = np.zeros((1,) * KINDS)
        for tensor in self.roles.tensors:
            if tensor.name not in store.keeps:
                continue
            is_last = self._keepers(tensor)[-1] == at
            passed = self._passed[tensor.name] if is_last else words[tensor.name]
            # Sums that are not the first are read and added; all of them leave once.
            reads = reads + passed
            writes = writes + (passed if tensor.is_output else words[tensor.name])
        return reads, writes

    @cached_property
    def _passed(self) -> dict[str, Cycles]:
        """Words of every tensor that the array takes or gives, over all folds."""
        found = {}
        for tensor in self.roles.tensors:
            total: Cycles = np.ones((1,) * KINDS)
            for axis in self.grid.axes:
                if not axis.dimensions:
                    continue
                if axis.dimensions[0] in tensor.dimensions:
                    total = total * math.prod(axis.bounds.values())
                elif axis.dimensions == self.array.stream:
                    # The stationary tile is loaded anew for every tile of its stream.
                    total = total * axis.product(axis.trips) * axis.product(axis.middle)
                else:
                    total = total * axis.folds
            found[tensor.name] = total
        return found


def possible(roles: Roles, stores: Stores, dataflow: Dataflow, grid: Grid, room: Room) -> Flags:
    """Say which blockings can be: they fit, and keep partial sums where they are wide enough."""
    nested = (grid.pixels.product(grid.pixels.middle) > 1) | (
        grid.columns.product(grid.columns.middle) > 1
    )
    split = grid.reduction.product(grid.reduction.trips) > 1
    allowed = room.fits & ~(nested & split)
    if dataflow is Dataflow.OS and not sums_may_leave(stores):
        inner = [axis.product(axis.inner) for axis in grid.axes[:3]]
        allowed = allowed & ~(split & (inner[0] * inner[1] * inner[2] > 1))
    return allowed


def sums_may_leave(stores: Stores) -> bool:
    """Whether the registers may send partial sums to a buffer and fetch them again."""
    if stores.sums is None:
        return False
    return stores.buffers[stores.sums].spec.word_bits >= stores.registers.word_bits

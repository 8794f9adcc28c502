"""Bounds of many schedules at once: one filling and one order of loops, all tilings as arrays.

Updates and cells are exact. Cycles and energy are never above what the closed forms of a single
schedule say, and equal to it but for two things: writing beside computing (overlap shadow) is
bounded by either alone, and where turning loads spare inputs of another output channel, the
smaller share is taken.

Everything is linear in four numbers: words written per column of a block, words of inputs for the
first and for the later output channels, and times that partial sums leave. The factors are read off
the closed forms themselves (``port_bits``, ``price_crossbars``), one number at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import Overlap
from stallscope.mappings.reram.counting import Flows, activity_of, counts_from, weight_rows
from stallscope.mappings.reram.limits import (
    compute_cycles,
    core_write_cycles,
    port_bits,
    vector_cycles,
    write_cycles,
)
from stallscope.mappings.reram.pricing import price_crossbars
from stallscope.mappings.reram.spread import Ints, spread_of
from stallscope.mappings.reram.tilings import Tilings

__all__ = ["Bounds", "Floats", "Order", "Part", "Scorer", "orders_of"]

Floats = NDArray[np.float64]


class Part(StrEnum):
    """What a loop of an explored schedule walks."""

    IMAGES = "images"
    CHANNELS = "channels"
    TILES = "tiles"
    LOADS = "loads"


@dataclass(frozen=True, slots=True)
class Order:
    """Loops, outermost first, and whether the walk through the loads turns at its ends."""

    parts: tuple[Part, ...]
    snake: bool

    def place(self, part: Part) -> int:
        """Where a part's loop stands; -1: it has none."""
        return self.parts.index(part) if part in self.parts else -1


def orders_of(extents: Mapping[Part, int], *, spill: bool) -> list[Order]:
    """Return the orders of the loops that walk anything.

    Args:
        extents: Iterations per part; tiles count as walked whatever is said of them.
        spill: Whether partial sums may leave before they are complete: loads then may stand
            anywhere, else they stand innermost.
    """
    walked = [part for part in Part if part is Part.TILES or extents[part] > 1]
    has_loads = Part.LOADS in walked
    return [
        Order(parts, snake)
        for parts in permutations(walked)
        if spill or not has_loads or parts[-1] is Part.LOADS
        for snake in ((False, True) if has_loads else (False,))
    ]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Per tiling: updates and cells written exactly; cycles and pJ at least (0.0: no table)."""

    updates: Ints
    cells: Ints
    cycles: Ints
    energy_pj: Floats


@dataclass(frozen=True, slots=True)
class _Visits:
    """How often a load is written per step of co: alike but for the first and the last one."""

    each: Ints
    less_first: Ints
    less_last: Ints

    def total(self, per_load: Ints) -> Ints:
        """Sum of a measure of loads over all writes."""
        spared = self.less_first * per_load[0] + self.less_last * per_load[-1]
        found: Ints = self.each * per_load.sum() - spared
        return found


class Scorer:
    """Bounds of the schedules of one filling."""

    def __init__(self, case: CrossbarCase, tilings: Tilings) -> None:
        self.case, self.layer, self.chip = case, case.lowered, case.chip
        self.tilings = tilings
        self.spread = spread_of(self.layer, self.chip)
        self.extents = {
            Part.IMAGES: self.layer.images,
            Part.CHANNELS: self.layer.column_steps,
            Part.LOADS: len(self.layer.loads),
        }
        self.by_bundle = len(set(self.layer.owners)) > 1

    def bounds(self, order: Order) -> Bounds:
        """Return the bounds of an order with every tiling."""
        visits = self._visits(order)
        first, later = self._inputs(order)
        ones = np.ones_like(self.tilings.rows)
        moved = np.stack(
            [visits.total(self._rows), first, later, self._passes(order) - ones, ones], axis=-1
        )
        cells = visits.total(self._cells)
        cycles = self._cycles(visits, moved)
        return Bounds(
            updates=visits.total(np.full(len(self.layer.loads), self.layer.column_steps)),
            cells=cells,
            cycles=cycles,
            energy_pj=self._energy(moved, cells, cycles),
        )

    def _extent(self, part: Part) -> Ints | int:
        return self.tilings.pieces if part is Part.TILES else self.extents[part]

    def _product(self, parts: tuple[Part, ...]) -> Ints:
        """Iterations of the loops of images and tiles among some."""
        product = np.ones_like(self.tilings.rows)
        for part in parts:
            if part in (Part.IMAGES, Part.TILES):
                product = product * self._extent(part)
        return product

    def _visits(self, order: Order) -> _Visits:
        """Writes per load: every step of the loops down to the innermost of co and loads.

        Where the walk of the loads turns, what follows without a new step of co spares its first
        write: every second time that of the last load, else that of the first.
        """
        channels, loads = order.place(Part.CHANNELS), order.place(Part.LOADS)
        inner = max(channels, loads)
        each = self._product(order.parts[:inner] if inner > 0 else ())
        if not order.snake or loads < channels:
            none = np.zeros_like(each)
            return _Visits(each, none, none)
        walks = self._product(order.parts[channels + 1 : loads])
        outer = each // walks
        return _Visits(each, outer * ((walks - 1) // 2), outer * (walks // 2))

    def _passes(self, order: Order) -> Ints:
        """Times that an output tile leaves."""
        loads = order.place(Part.LOADS)
        inside = np.zeros(self.tilings.rows.shape, dtype=bool)
        for place, part in enumerate(order.parts):
            if loads >= 0 and place > loads:
                inside = inside | (np.asarray(self._extent(part)) > 1)
        return np.where(inside, len(self.layer.loads), 1)

    def _inputs(self, order: Order) -> tuple[Ints, Ints]:
        """Words of a bundle for the first step of co, and for each later one."""
        tiles, images = self.tilings, self.layer.images
        whole, spared = self._words
        is_plain = tiles.by_window | (tiles.rows * tiles.columns == 1)
        first = images * whole
        if self.by_bundle:
            return first, first
        channels, loads = order.place(Part.CHANNELS), order.place(Part.LOADS)
        images_at, tiles_at = order.place(Part.IMAGES), order.place(Part.TILES)
        # Down to the innermost loop that changes what is needed: beyond it, inputs stay.
        inner = np.where(tiles.pieces > 1, max(images_at, loads, tiles_at), max(images_at, loads))
        later = np.where((inner > channels) | ~is_plain, first, 0)
        if order.snake and loads > channels:
            between = self._product(order.parts[channels + 1 : loads])
            turns = is_plain & (inner == loads) & (between == 1)
            later = np.where(turns, later - images * spared, later)
        # A piece of one pixel does not change within; what else changes is not looked into.
        single = np.where(is_plain, 0, tiles.singles) * images * sum(self._needed)
        return first, later - single

    @cached_property
    def _needed(self) -> list[int]:
        return [load.rows for load in self.layer.loads]

    @cached_property
    def _words(self) -> tuple[Ints, Ints]:
        """Words of one image, shape (tilings): of all loads, and the most of the first or last."""
        layer, tiles = self.layer, self.tilings
        pixels = np.full(tiles.rows.shape, layer.pixels)
        total, ends = np.zeros_like(pixels), []
        for load in layer.loads:
            high = (layer.rows - tiles.high) * layer.stride[0]
            high = high + tiles.high * layer.window_rows(load, 1)
            wide = (layer.columns - tiles.wide) * layer.stride[1]
            wide = wide + tiles.wide * layer.window_columns(load, 1)
            channels = load.channels[1] - load.channels[0]
            total = total + np.where(tiles.by_window, high * wide * channels, pixels * load.rows)
            ends.append((high, wide, channels, load.rows))
        (high, wide, channels, rows), last = ends[0], ends[-1]
        window = np.maximum(high, last[0]) * np.maximum(wide, last[1]) * max(channels, last[2])
        return total, np.where(tiles.by_window, window, pixels * max(rows, last[3]))

    @cached_property
    def _rows(self) -> Ints:
        return np.array([weight_rows(self.layer, load) for load in self.layer.loads])

    @cached_property
    def _cells(self) -> Ints:
        """Cells that all cores write per load, all steps of co together."""
        crossbar = self.chip.crossbar
        used = int(self.spread.columns.sum()) * np.array(self._needed, dtype=np.int64)
        if self.chip.writing.whole_crossbars:
            slots = np.array([len(load.slots) for load in self.layer.loads], dtype=np.int64)
            used = len(self.layer.blocks) * slots * crossbar.rows * crossbar.columns
        return used * crossbar.slices

    @cached_property
    def _writing(self) -> tuple[Ints, Ints]:
        """Cycles of tile 0's drivers, and of core 0's crossbars, per load."""
        tile = write_cycles(self.layer, self.chip)
        return tile.sum(axis=0), core_write_cycles(self.layer, self.chip).sum(axis=0)

    def _cycles(self, visits: _Visits, moved: Ints) -> Ints:
        """At least so many cycles."""
        compute = compute_cycles(self.layer, self.chip)
        tile, core = (visits.total(cycles) for cycles in self._writing)
        match self.chip.overlap:
            case Overlap.NONE:
                most = compute + tile
            case Overlap.PARTIAL:
                most = np.maximum(compute + core, tile)
            case Overlap.SHADOW:
                begin = int(write_cycles(self.layer, self.chip)[0, 0])
                most = np.maximum(compute + begin, tile)
        for numerator, denominator, factors in self._ports:
            bits = (moved @ factors).max(axis=-1)
            most = np.maximum(most, -(-bits * denominator // (8 * numerator)))
        return np.maximum(most, self._vector)

    @cached_property
    def _vector(self) -> int:
        needs = vector_cycles(self.case, self._flows((0, 0, 0, 0)))
        return max(needs.values(), default=0)

    @cached_property
    def _ports(self) -> list[tuple[int, int, Ints]]:
        """Per limited port: its width as a ratio, and bits per unit, shape (5, instances)."""
        rest = port_bits(self.case, self._flows((0, 0, 0, 0)))
        units = [port_bits(self.case, self._flows(unit)) for unit in _UNITS]
        ports = []
        for number, (_, width, fixed) in enumerate(rest):
            each = [unit[number][2] - fixed for unit in units]
            factors = np.unique(np.stack([*each, fixed]), axis=1)
            ports.append((width.numerator, width.denominator, factors))
        return ports

    def _flows(self, moved: tuple[int, int, int, int]) -> Flows:
        """Flows of so many words per column, words of inputs (first, later) and passes but one."""
        words, first, later, passes = moved
        steps = self.layer.column_steps
        inputs = np.full(steps, later, dtype=np.int64)
        inputs[0] = first
        return Flows(
            spread=self.spread, updates=np.zeros((steps, len(self.layer.loads)), dtype=np.int64),
            weights=np.full(steps, words, dtype=np.int64),
            visits=np.zeros((steps, len(self.layer.loads), 2, 2), dtype=np.int64),
            inputs=inputs, passes=passes + 1, pixels=self.layer.images * self.layer.pixels,
        )  # fmt: skip

    def _energy(self, moved: Ints, cells: Ints, cycles: Ints) -> Floats:
        """At least so many pJ."""
        if self.case.energy is None:
            return np.zeros(cells.shape)
        factors, pulse, leak = self._prices
        each = self.chip.writing.iterations * self.chip.writing.passes
        found: Floats = moved @ factors + cells * each * pulse + cycles * leak
        return found

    @cached_property
    def _prices(self) -> tuple[Floats, float, float]:
        """Energy per unit of what moves (and of what is fixed), per pulse, and per cycle, pJ."""
        activity = activity_of(self.case)

        def pj(moved: tuple[int, int, int, int], pulses: int = 0, cycles: int = 0) -> float:
            counts = counts_from(self.case, self._flows(moved))
            quiet = replace(activity, pulses=pulses)
            return price_crossbars(self.case, counts, quiet, cycles).energy_pj or 0.0

        none = (0, 0, 0, 0)
        fixed = pj(none)
        # Many units at a time: the difference to what is fixed keeps its digits.
        many = 10**6
        units = [pj((a * many, b * many, c * many, d)) for a, b, c, d in _UNITS]
        factors = [(unit - fixed) / many for unit in units[:3]] + [units[3] - fixed, fixed]
        return (
            np.array(factors), (pj(none, pulses=many) - fixed) / many,
            (pj(none, cycles=many) - fixed) / many,
        )  # fmt: skip


_UNITS = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))

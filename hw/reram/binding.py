"""What every step of a program asks of a chip's servers, and how long its crossbars take.

Words on ports and links are bytes: a tensor's words, packed. A run of consecutive words takes whole
bursts of the tile's memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.reram.pipeline import run_pipeline
from stallscope.hw.reram.places import Places
from stallscope.hw.reram.ports import MAIN, ChipPorts
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, packed_bytes
from stallscope.mappings.reram.counting import has_maps_on_chip
from stallscope.mappings.reram.lowering import Load
from stallscope.mappings.reram.timing import (
    at_once,
    cycles_of,
    multiply_timing,
    shares_drivers,
    write_ns,
)
from stallscope.simcore.servers import Demand, Server
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["Binding", "Latencies"]

_COMPUTE, _REPROGRAM = CAUSES.index(Cause.COMPUTE), CAUSES.index(Cause.REPROGRAM)
_IDLE = CAUSES.index(Cause.NETWORK_LATENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Cycles from the end of a transfer until its words are there.

    Attributes:
        weights: From main memory, or the tile's, to a core.
        inputs: Likewise.
        results: From a core to where results go.
        tail: From the last read of a multiply to its result.
        cause: Number of the cause that most of the way to the cores is.
        results_cause: Number of the cause that the way of results is.
    """

    weights: int
    inputs: int
    results: int
    tail: int
    cause: int
    results_cause: int


class Binding:
    """Demands of a program's steps on a chip.

    Attributes:
        interval: Cycles from one multiply of a core to the next, where nothing digital is slower.
        converting: Of these, cycles that the ADCs take longer than the reads.
        latencies: What comes after a transfer.
        stays: Whether the layer's maps stay in the tiles' memories.
        places: What is where, and how much of it.
    """

    def __init__(self, case: CrossbarCase, program: CrossbarProgram) -> None:
        self._case = case
        self._layer = program.layer
        self._chip = chip = case.chip
        self.places = Places(case, program)
        self.ports = ChipPorts(chip, self.places.tiles, self.places.cores)
        self.stays = has_maps_on_chip(case)
        timing = multiply_timing(chip).in_cycles(chip)
        first, second = run_pipeline(timing, multiplies=2)
        self.interval = second - first
        self.converting = self.interval - int(timing.steps * timing.read)
        self.latencies = self._latencies(first - self.interval)
        self._made: dict[tuple[object, ...], Demand] = {}
        self._loads = _firsts(list(program.layer.loads_alike))
        self._steps = _firsts(
            [program.layer.step_alike(step) for step in range(program.layer.column_steps)]
        )

    def _latencies(self, tail: int) -> Latencies:
        chip = self._chip
        hops = chip.htree.hop_latency_cycles * (chip.cores - 1).bit_length()
        memory = chip.memory.latency_cycles
        outside = chip.main_memory.latency_cycles if chip.main_memory is not None else 0
        ways = (
            (hops, Cause.NETWORK_LATENCY),
            (memory, Cause.BUFFER_LATENCY),
            (outside, Cause.DRAM_LATENCY),
        )
        longest = max(ways, key=lambda way: way[0])
        return Latencies(
            weights=outside + memory + hops,
            inputs=(0 if self.stays else outside) + memory + hops,
            results=hops,
            tail=tail,
            cause=CAUSES.index(longest[1]),
            results_cause=CAUSES.index(Cause.NETWORK_LATENCY),
        )

    def inputs(self, tile: int, co: int, ko: int, rows: int, columns: int) -> Demand:
        """LOAD of inputs to all cores of a tile."""

        def make() -> Demand:
            load, bundles = self._layer.loads[ko], self.places.bundles(tile, co)
            runs = self.places.input_runs(load, rows, columns)
            words = self.places.input_words(load, rows, columns)
            bits, name = self._chip.reading.input_bits, f"tile {tile}"
            each = packed_bytes(words, bits)
            padded = _burst_bytes(self._chip, words, runs, bits) * bundles
            asked = [(f"{name} memory read", padded), (f"{name} root down", each * bundles)]
            for core, _ in self.places.working(tile, co):
                asked.append((f"{name} core {core} branch down", each))
                asked.append((f"{name} core {core} inputs write", each))
            if not self.stays:
                asked += [(MAIN, each * bundles), (f"{name} memory write", padded)]
            return self._demand(asked)

        key = ("inputs", tile, self._steps[co], self._loads[ko], rows, columns)
        return self._cached(key, make)

    def weights(self, tile: int, cores: tuple[int, ...], co: int, ko: int) -> Demand:
        """LOAD of the weights of some cores of a tile."""

        def make() -> Demand:
            load, bits = self._layer.loads[ko], self._chip.crossbar.weight_bits
            sizes = {
                core: packed_bytes(self._layer.macs_per_pixel(block, load), bits)
                for core, block in self.places.working(tile, co) if core in cores
            }  # fmt: skip
            total = sum(sizes.values())
            padded = sum(_burst_bytes(self._chip, size, 1, 8) for size in sizes.values())
            asked = [(f"tile {tile} memory read", padded), (f"tile {tile} root down", total)]
            asked += [(f"tile {tile} core {core} branch down", n) for core, n in sizes.items()]
            if self._chip.main_memory is not None:
                asked += [(MAIN, total), (f"tile {tile} memory write", padded)]
            return self._demand(asked)

        return self._cached(("weights", tile, cores, self._steps[co], self._loads[ko]), make)

    def program(
        self, tile: int, cores: tuple[int, ...], co: int, ko: int, cycles: int
    ) -> Demand:  # fmt: skip
        """PROGRAM of the crossbars of some cores of a tile, which takes ``cycles``."""

        def make() -> Demand:
            parts = []
            if len(cores) < self.places.cores[tile] and self.shares_drivers(tile):
                parts = self.ports.parts((f"tile {tile} drivers", cycles))
            least = cycles * self.ports.cycle_ticks
            # Whoever has the drivers keeps them until its crossbars are written.
            return Demand(parts, least, _REPROGRAM, max(1, cycles))

        key = ("program", tile, cores, self._steps[co], self._loads[ko], cycles)
        return self._cached(key, make)

    def _crossbars(self, cores: int, ko: int) -> int:
        """Physical crossbars that a load takes in some cores."""
        return cores * len(self._layer.loads[ko].slots) * self._chip.crossbar.slices

    def shares_drivers(self, tile: int) -> bool:
        """Whether the drivers do not suffice for all cores of a tile at once.

        Cores are at different updates at a time: one that needs few has to wait for the others.
        """
        return shares_drivers(self._chip, self._layer, self.places.cores[tile])

    def program_cycles(self, tile: int, cores: tuple[int, ...], co: int, ko: int) -> int:
        """Cycles that writing takes: rounds of as many crossbars as are written at once."""
        chip, load = self._chip, self._layer.loads[ko]
        working = [core for core, _ in self.places.working(tile, co) if core in cores]
        crossbars = self._crossbars(len(working), ko)
        rows = chip.crossbar.rows if chip.writing.whole_crossbars else max(load.slots)
        parallel = at_once(chip) or max(1, crossbars)
        return -(-crossbars // parallel) * cycles_of(write_ns(chip, rows), chip)

    def multiply(
        self, tile: int, core: int, co: int, ko: int, pixels: int, *, is_first: bool
    ) -> Demand:
        """MVM and VADD of a core for some pixels; ``is_first``: nothing to add to yet."""

        def make() -> Demand:
            load, block = self._layer.loads[ko], self.places.block(tile, core, co)
            assert block is not None
            name = f"tile {tile} core {core}"
            sums = packed_bytes(pixels * self.places.width(block), self._chip.partial_sum_bits)
            driven = packed_bytes(pixels * load.rows, self._chip.reading.input_bits)
            asked = [(f"{name} inputs read", driven), (f"{name} sums write", sums)]
            if not is_first:
                asked.append((f"{name} sums read", sums))
            pace = self.pace(self.places.width(block), load, is_first=is_first)
            least = pixels * pace * self.ports.cycle_ticks
            burst = max(1, max((n for _, n in asked), default=1) // pixels)
            return Demand(self.ports.parts(*asked), least, _COMPUTE, burst)

        key = ("multiply", tile, core, self._steps[co], self._loads[ko], pixels, is_first)
        return self._cached(key, make)

    def pace(self, columns: int, load: Load, *, is_first: bool) -> int:
        """Cycles of a multiply: its interval, or its additions where these take longer."""
        rate = self._chip.vector.adds_per_cycle
        if rate is None:
            return self.interval
        adds = columns * (len(load.slots) - (1 if is_first else 0))
        return max(self.interval, ceil(adds / rate))

    def store(self, tile: int, core: int, co: int, pixels: int, *, is_last: bool) -> Demand:
        """STORE of a core's results, or of partial sums that are not complete."""

        def make() -> Demand:
            block = self.places.block(tile, core, co)
            assert block is not None
            words = pixels * self.places.width(block)
            kept = packed_bytes(words, self._chip.partial_sum_bits)
            bits = self._chip.output_bits if is_last else self._chip.partial_sum_bits
            size, name = packed_bytes(words, bits), f"tile {tile} core {core}"
            asked = [
                (f"{name} sums read", kept),
                (f"{name} branch up", size),
                (f"tile {tile} root up", size),
                (f"tile {tile} memory write", _burst_bytes(self._chip, words, pixels, bits)),
            ]
            if is_last:
                asked.append((f"{name} activation", words))
            if not self.stays:
                asked.append((MAIN, size))
                padded = _burst_bytes(self._chip, words, pixels, bits)
                asked.append((f"tile {tile} memory read", padded))
            return self._demand(asked)

        return self._cached(("store", tile, core, self._steps[co], pixels, is_last), make)

    def refill(self, tile: int, core: int, co: int, pixels: int) -> Demand:
        """LOAD of partial sums that left a core before."""

        def make() -> Demand:
            block = self.places.block(tile, core, co)
            assert block is not None
            words, bits = pixels * self.places.width(block), self._chip.partial_sum_bits
            size, name = packed_bytes(words, bits), f"tile {tile} core {core}"
            padded = _burst_bytes(self._chip, words, pixels, bits)
            asked = [
                (f"tile {tile} memory read", padded),
                (f"tile {tile} root down", size),
                (f"{name} branch down", size),
                (f"{name} sums write", size),
            ]
            if not self.stays:
                asked += [(MAIN, size), (f"tile {tile} memory write", padded)]
            return self._demand(asked)

        return self._cached(("refill", tile, core, self._steps[co], pixels), make)

    def _demand(self, asked: list[tuple[str, int]]) -> Demand:
        parts: list[tuple[Server, int]] = self.ports.parts(*asked)
        return Demand(parts, 0, _IDLE, self._chip.memory.burst_bytes)

    def _cached(self, key: tuple[object, ...], make: Callable[[], Demand]) -> Demand:
        demand = self._made.get(key)
        if demand is None:
            demand = self._made[key] = make()
        return demand


def _burst_bytes(chip: CrossbarChip, words: int, runs: int, bits: int) -> int:
    """Bytes that a tile's memory moves for words in runs of equal length: whole bursts."""
    burst = chip.memory.burst_bytes
    each = -(-words // max(1, runs))
    return runs * -(-each * bits // (8 * burst)) * burst


def _firsts(kinds: list[tuple[object, ...]]) -> list[int]:
    """For each of several things, the number of the first that is like it."""
    seen: dict[tuple[object, ...], int] = {}
    return [seen.setdefault(kind, number) for number, kind in enumerate(kinds)]

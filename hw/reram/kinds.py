"""Kinds of the steps of a chip's units: what each moves and does where, for who records a run."""

from __future__ import annotations

from dataclasses import dataclass

from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.reram.binding import Binding
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.timing import multiply_timing
from stallscope.simcore.servers import Demand
from stallscope.traces.events.columns import TraceKind, Traffic
from stallscope.traces.events.kinds import Kinds
from stallscope.traces.reram.cursor import StepCursor
from stallscope.traces.reram.instructions import ChipOp
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["NETWORK", "StepKinds"]

NETWORK = "memory <==> cores"
_NOTHING = TraceKind(words=0, is_tile=False)


@dataclass(frozen=True, slots=True)
class _Multiply:
    """What a multiply's kind depends on besides the loads."""

    block: int
    pixels: int
    tile_pixels: int
    is_first: bool
    opens: bool


class StepKinds:
    """The kinds of one unit's steps.

    Args:
        program: What is executed.
        binding: On what.
        chip: The chip.
        tile: Number of the unit's tile.
        cores: Its cores, by their numbers in the tile.
        home: Name of the unit's place.

    Attributes:
        found: The kinds so far.
    """

    def __init__(
        self, program: CrossbarProgram, binding: Binding, chip: CrossbarChip, tile: int,
        cores: tuple[int, ...], home: str,
    ) -> None:  # fmt: skip
        self.found = Kinds()
        self._layer = program.layer
        self._binding = binding
        self._chip = chip
        self._tile = tile
        self._cores = cores
        self._home = home
        self._has_main = chip.main_memory is not None
        self._steps = multiply_timing(chip).steps

    def nothing(self) -> int:
        """A step in which nothing moves or is done."""
        return self.found.number("nothing", lambda: _NOTHING)

    def inputs(self, cursor: StepCursor, demand: Demand | None) -> int:
        """LOAD of inputs; no demand: they are there."""
        if demand is None:
            return self.nothing()

        def make() -> TraceKind:
            binding = self._binding
            each = binding.places.input_words(cursor.load, cursor.rows, cursor.columns)
            words = each * binding.places.bundles(self._tile, cursor.co)
            cores = len(binding.places.working(self._tile, cursor.co))
            traffic = [
                *self._down("Inputs", words, is_passing=not binding.stays),
                ("input buffer", "write", "Inputs", each * cores),
            ]
            room = binding.places.input_bytes(cursor.load, cursor.rows, cursor.columns)
            return self._kind(words, demand, traffic, room=room)

        key = ("inputs", cursor.co, cursor.ko, cursor.rows, cursor.columns)
        return self.found.number(key, make)

    def weights(self, cursor: StepCursor, demand: Demand) -> int:
        """LOAD of weights: one set of crossbars in every core."""

        def make() -> TraceKind:
            words = self._weights(cursor)
            traffic = self._down("Weights", words, is_passing=self._has_main)
            return self._kind(words, demand, traffic, room=1, op=ChipOp.LOAD)

        return self.found.number(("weights", cursor.weights), make)

    def program(self, cursor: StepCursor, demand: Demand | None, pulses: int) -> int:
        """PROGRAM of crossbars; no demand: they keep what they hold."""
        if demand is None:
            return self.nothing()

        def make() -> TraceKind:
            words = self._weights(cursor)
            traffic = [
                ("crossbars", "write", "Weights", words),
                ("crossbars", "pulse", "Weights", pulses),
                ("crossbars", "verify", "Weights", pulses),
            ]
            return self._kind(words, demand, traffic, is_tile=False)

        return self.found.number(("program", cursor.weights, pulses, demand.total), make)

    def multiply(self, cursor: StepCursor, demand: Demand, *, opens: bool) -> int:
        """MVM and VADD of a core; ``opens``: it takes room for a tile of sums."""
        block = self._block(cursor)
        one = _Multiply(block, cursor.pixels, cursor.tile_pixels, cursor.is_first, opens)
        key = ("multiply", cursor.ko, one)
        return self.found.number(key, lambda: self._multiply(cursor, demand, one))

    def _multiply(self, cursor: StepCursor, demand: Demand, one: _Multiply) -> TraceKind:
        load, slices = cursor.load, self._chip.crossbar.slices
        pixels, columns = one.pixels, self._binding.places.width(one.block)
        results, rows = pixels * columns, pixels * load.rows
        added = 0 if one.is_first else results
        converted = results * len(load.slots) * slices * self._steps
        macs = pixels * self._layer.macs_per_pixel(one.block, load)
        traffic = [
            ("input buffer", "read", "Inputs", rows),
            ("partial sums", "read", "Outputs", added),
            ("partial sums", "update", "Outputs", results),
            ("crossbars", "compute", "", macs),
            ("crossbars", "dac", "", rows * self._steps),
            ("crossbars", "cell_read", "", rows * columns * slices * self._steps),
            ("crossbars", "sample_hold", "", converted),
            ("crossbars", "adc", "", converted),
            ("crossbars", "shift_add", "", converted),
            ("vector", "add", "Outputs", results * (len(load.slots) - 1) + added),
        ]
        room = self._binding.places.sum_bytes(one.tile_pixels) if one.opens else 0
        return self._kind(macs, demand, traffic, room=room, is_tile=one.opens)

    def opens(self, cursor: StepCursor) -> int:
        """A core that takes room for a tile of sums and has nothing to do."""
        room = self._binding.places.sum_bytes(cursor.tile_pixels)
        return self.found.number(("opens", room), lambda: TraceKind(words=0, room=room))

    def store(self, cursor: StepCursor, demand: Demand | None) -> int:
        """ACT and STORE of a core's results, or STORE of its partial sums; no demand: of none."""
        if demand is None:
            return self.nothing()
        block, is_last = self._block(cursor), cursor.is_last

        def make() -> TraceKind:
            words = cursor.tile_pixels * self._binding.places.width(block)
            traffic = [
                ("partial sums", "read", "Outputs", words),
                (NETWORK, "enter", "Outputs", words),
                ("memory", "update", "Outputs", words),
            ]
            if not self._binding.stays:
                traffic += [("memory", "read", "Outputs", words),
                            ("main", "update", "Outputs", words)]  # fmt: skip
            if is_last:
                traffic.append(("vector", "activation", "Outputs", words))
            bits = self._chip.output_bits if is_last else self._chip.partial_sum_bits
            return self._kind(words, demand, traffic, word_bits=bits)

        return self.found.number(("store", block, cursor.tile_pixels, is_last), make)

    def refill(self, cursor: StepCursor, demand: Demand | None) -> int:
        """LOAD of partial sums; no demand: room for a tile that begins at zero."""
        room, pixels = self._binding.places.sum_bytes(cursor.tile_pixels), cursor.tile_pixels
        if demand is None:
            return self.opens(cursor)
        block = self._block(cursor)

        def make() -> TraceKind:
            words = pixels * self._binding.places.width(block)
            traffic = [
                *self._down("Outputs", words, is_passing=not self._binding.stays),
                ("partial sums", "write", "Outputs", words),
            ]
            return self._kind(words, demand, traffic, room=room)

        return self.found.number(("refill", block, pixels), make)

    # ------------------------------------------------------------------ parts

    def _down(self, tensor: str, words: int, *, is_passing: bool) -> list[Traffic]:
        """Traffic of words on their way to cores; ``is_passing``: they come from main memory."""
        traffic: list[Traffic] = [
            ("memory", "read", tensor, words),
            (NETWORK, "enter", tensor, words),
        ]
        if is_passing:
            traffic += [("main", "read", tensor, words), ("memory", "write", tensor, words)]
        return traffic

    def _block(self, cursor: StepCursor) -> int:
        """Column block of the unit's core."""
        block = self._binding.places.block(self._tile, self._cores[0], cursor.co)
        assert block is not None
        return block

    def _weights(self, cursor: StepCursor) -> int:
        """Weights that an update brings to the unit's cores."""
        return sum(
            self._layer.macs_per_pixel(block, cursor.load)
            for core, block in self._binding.places.working(self._tile, cursor.co)
            if core in self._cores
        )

    def _kind(
        self, words: int, demand: Demand, traffic: list[Traffic], *, room: int = 0,
        op: str | None = None, word_bits: int | None = None, is_tile: bool = True,
    ) -> TraceKind:  # fmt: skip
        return TraceKind(
            words=words,
            room=room,
            resource=self._resource(demand),
            pace=CAUSES[demand.cause].value if demand.total else None,
            traffic=tuple(part for part in traffic if part[3]),
            op=op,
            word_bits=word_bits,
            is_tile=is_tile,
        )

    def _resource(self, demand: Demand) -> str | None:
        """What sets the pace of a demand."""
        match CAUSES[demand.cause]:
            case Cause.COMPUTE:
                return f"{self._home} crossbars"
            case Cause.REPROGRAM:
                return f"{self._home} drivers"
        slowest = max(demand.path, key=lambda part: part[1], default=None)
        return slowest[0].name if slowest else None

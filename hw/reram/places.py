"""What of a layer is where on a chip in a step, and how much of it."""

from __future__ import annotations

from collections import Counter

from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import packed_bytes
from stallscope.mappings.reram.counting import inputs_at_once_words
from stallscope.mappings.reram.lowering import Load
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["Places"]


class Places:
    """Column blocks, inputs and partial sums of a program on its chip.

    Attributes:
        tiles, cores: Tiles in use, and per tile its cores in use.
    """

    def __init__(self, case: CrossbarCase, program: CrossbarProgram) -> None:
        self._case = case
        self._layer = program.layer
        self._chip = case.chip
        self._by_window = program.walk.by_window
        used, own = program.layer.used_cores, case.chip.cores
        self.tiles = -(-used // own)
        self.cores = tuple(min(own, used - tile * own) for tile in range(self.tiles))

    def block(self, tile: int, core: int, co: int) -> int | None:
        """Column block of a core at a step of ``co``, or None."""
        return self._layer.block(co, tile * self._chip.cores + core)

    def working(self, tile: int, co: int) -> list[tuple[int, int]]:
        """Cores of a tile that have a column block at a step of ``co``, each with it."""
        found = [(core, self.block(tile, core, co)) for core in range(self.cores[tile])]
        return [(core, block) for core, block in found if block is not None]

    def reach(self, tile: int, co: int) -> list[int]:
        """For every bundle of inputs that a tile's cores need at a step of ``co``, how many do."""
        owners = self._layer.owners
        return list(Counter(owners[block] for _, block in self.working(tile, co)).values())

    def bundles(self, tile: int, co: int) -> int:
        """Bundles of inputs that the cores of a tile need at a step of ``co``."""
        return len(self.reach(tile, co))

    def width(self, block: int) -> int:
        """Columns of a block."""
        return self._layer.blocks[block]

    def input_words(self, load: Load, rows: int, columns: int) -> int:
        """Input words that one core takes for a tile, or for a pixel of it."""
        if self._by_window:
            return self._layer.window_words(load, rows, columns)
        return load.rows

    def input_runs(self, load: Load, rows: int, columns: int) -> int:
        """Runs of consecutive words that these are in."""
        if self._by_window:
            return self._layer.window_runs(load, rows, columns)
        return self._layer.pixel_runs(load)

    def written(self, block: int, load: Load) -> tuple[int, int]:
        """Rows and cells of physical crossbars that one core's update writes."""
        crossbar, slices = self._chip.crossbar, self._chip.crossbar.slices
        if self._chip.writing.whole_crossbars:
            rows = slices * len(load.slots) * crossbar.rows
            return rows, rows * crossbar.columns
        rows = slices * load.rows
        return rows, rows * self.width(block)

    def input_bytes(self, load: Load, rows: int, columns: int) -> int:
        """The same in bytes: the room they take."""
        return packed_bytes(self.input_words(load, rows, columns), self._chip.reading.input_bits)

    @property
    def largest_tile_bytes(self) -> int:
        """The most room that one core takes for a tile, or for a pixel."""
        return packed_bytes(inputs_at_once_words(self._case), self._chip.reading.input_bits)

    def sum_bytes(self, pixels: int) -> int:
        """Room of the partial sums of a tile in a core."""
        return packed_bytes(pixels * self._chip.crossbar.columns, self._chip.partial_sum_bits)

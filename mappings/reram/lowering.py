"""A layer as what crossbars see: blocks of columns, and loads of row blocks.

Output channels are cut into **column blocks** of a crossbar's columns, which are dealt to the cores
in order: one block per core and step of ``co``. What is summed over is cut into row blocks of a
crossbar's rows, one per logical crossbar; what a core's crossbars take at once is a **load**.

Groups of a convolution have columns of their own. Where several fit into a crossbar side by side
(depthwise layers), a block holds a **bundle** of groups on its diagonal, one kernel position per
logical crossbar whatever the filling.

Inputs lie in the tile's memory channels last: the channels of a pixel are consecutive, then pixels
along a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.reram.schedule import Filling

__all__ = ["Load", "LoweredLayer", "lower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a core's logical crossbars hold at once.

    Attributes:
        slots: Used rows of every logical crossbar in use.
        channels: First input channel of the bundle that it needs, and the one after the last.
        kernel: First kernel position (row by row), and the one after the last.
    """

    slots: tuple[int, ...]
    channels: tuple[int, int]
    kernel: tuple[int, int]

    @property
    def rows(self) -> int:
        """Inputs that one output pixel needs: used rows of all its crossbars."""
        return sum(self.slots)


@dataclass(frozen=True, kw_only=True)
class LoweredLayer:
    """A layer on crossbars.

    Attributes:
        images: Images of the batch.
        rows, columns: Output rows and columns.
        kernel: Rows and columns of the kernel.
        stride, dilation: Along rows and columns.
        groups: Groups of the layer.
        bundle: Groups of a column block.
        group_channels: Input channels of a group.
        channels: Input channels of a bundle.
        blocks: Used columns of every column block.
        owners: Bundle of every column block.
        loads: Loads that make up the sum.
        all_cores: Cores of the chip.
    """

    images: int
    rows: int
    columns: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    bundle: int
    group_channels: int
    channels: int
    blocks: tuple[int, ...]
    owners: tuple[int, ...]
    loads: tuple[Load, ...]
    all_cores: int

    @property
    def pixels(self) -> int:
        """Output pixels of an image."""
        return self.rows * self.columns

    @property
    def column_steps(self) -> int:
        """Steps of ``co``."""
        return -(-len(self.blocks) // self.all_cores)

    @cached_property
    def used_cores(self) -> int:
        """Cores that ever work."""
        return min(len(self.blocks), self.all_cores)

    @property
    def loads_alike(self) -> tuple[tuple[object, ...], ...]:
        """What every load is like: loads of equal figures take equal time and room."""
        return tuple(
            (
                load.slots,
                load.channels[1] - load.channels[0],
                self.window_rows(load, 1),
                self.window_columns(load, 1),
                self.pixel_runs(load),
            )
            for load in self.loads
        )

    def step_alike(self, step: int) -> tuple[object, ...]:
        """What a step of ``co`` is like: per core the columns, and who shares inputs with whom."""
        first = step * self.all_cores
        blocks = range(first, min(first + self.all_cores, len(self.blocks)))
        base = self.owners[first]
        return tuple((self.blocks[number], self.owners[number] - base) for number in blocks)

    def block(self, step: int, core: int) -> int | None:
        """Column block of a core at a step of ``co``, or None: the core has nothing to do."""
        number = step * self.all_cores + core
        return number if number < len(self.blocks) else None

    def cores_at_work(self, step: int, cores: int) -> int:
        """How many of the first ``cores`` have a column block at a step of ``co``."""
        return min(cores, len(self.blocks) - step * self.all_cores)

    def macs_per_pixel(self, block: int, load: Load) -> int:
        """Multiply-accumulates of a column block that one output pixel takes."""
        if self.bundle > 1:
            first, end = load.kernel
            return self.blocks[block] * self.group_channels * (end - first)
        return self.blocks[block] * load.rows

    def window_rows(self, load: Load, rows: int) -> int:
        """Input rows that the window of a tile of ``rows`` output rows spans."""
        tops = [position // self.kernel[1] for position in (load.kernel[0], load.kernel[1] - 1)]
        return (rows - 1) * self.stride[0] + (tops[1] - tops[0]) * self.dilation[0] + 1

    def window_columns(self, load: Load, columns: int) -> int:
        """Input columns that the window of a tile of ``columns`` output columns spans."""
        width = self.kernel[1]
        first, last = load.kernel[0], load.kernel[1] - 1
        reach = last - first if first // width == last // width else width - 1
        return (columns - 1) * self.stride[1] + reach * self.dilation[1] + 1

    def window_words(self, load: Load, rows: int, columns: int) -> int:
        """Input words of one bundle in the window of a tile."""
        channels = load.channels[1] - load.channels[0]
        return self.window_rows(load, rows) * self.window_columns(load, columns) * channels

    def window_runs(self, load: Load, rows: int, columns: int) -> int:
        """Runs of consecutive words that such a window is in: its transactions."""
        spans = self.window_rows(load, rows)
        return spans if self._is_whole(load) else spans * self.window_columns(load, columns)

    def pixel_runs(self, load: Load) -> int:
        """Runs of consecutive words that the inputs of one output pixel are in."""
        first, end = load.kernel
        if not self._is_whole(load) or self.dilation[1] > 1:
            return end - first
        return (end - 1) // self.kernel[1] - first // self.kernel[1] + 1

    def _is_whole(self, load: Load) -> bool:
        """Whether it takes all input channels of a pixel."""
        return load.channels[1] - load.channels[0] == self.group_channels * self.groups


def lower(layer: ConvLayer | GemmLayer, chip: CrossbarChip, filling: Filling) -> LoweredLayer:
    """Return a layer as a chip's crossbars see it.

    A batched matrix product has weights of its own in every product: its products are groups.
    """
    rows, columns = chip.crossbar.rows, chip.crossbar.columns
    shape = layer if isinstance(layer, ConvLayer) else _as_convolution(layer)
    inputs, outputs = shape.C // shape.groups, shape.K // shape.groups
    bundle = 1
    if shape.groups > 1:
        bundle = max(1, min(rows // inputs, columns // outputs, shape.groups))
    bundles = -(-shape.groups // bundle)
    blocks: list[int] = []
    owners: list[int] = []
    for number in range(bundles):
        width = outputs * min(bundle, shape.groups - number * bundle)
        widths = [min(columns, width - at) for at in range(0, width, columns)]
        blocks += widths
        owners += [number] * len(widths)
    form = Filling.STRICT if bundle > 1 else filling
    return LoweredLayer(
        images=shape.N, rows=shape.P, columns=shape.Q, kernel=(shape.R, shape.S),
        stride=shape.stride, dilation=shape.dilation, groups=shape.groups, bundle=bundle,
        group_channels=inputs, channels=inputs * bundle, blocks=tuple(blocks),
        owners=tuple(owners), all_cores=chip.all_cores,
        loads=_loads(inputs * bundle, shape.R * shape.S, rows, chip.slots, form),
    )  # fmt: skip


def _as_convolution(layer: GemmLayer) -> ConvLayer:
    """A matrix product as a 1x1 convolution whose pixels are its rows."""
    return ConvLayer(
        C=layer.K * layer.batch, K=layer.N * layer.batch, P=layer.M, Q=1, R=1, S=1,
        groups=layer.batch,
    )  # fmt: skip


def _loads(
    channels: int, positions: int, rows: int, slots: int, filling: Filling
) -> tuple[Load, ...]:
    """Cut what is summed over into loads."""
    cut = [(at, min(channels, at + rows)) for at in range(0, channels, rows)]
    if filling is Filling.PACKED:
        return _packed(channels, positions, rows, slots)
    if filling is Filling.RIGID and positions == 1:
        packs = [cut[at : at + slots] for at in range(0, len(cut), slots)]
        return tuple(
            Load(
                slots=tuple(end - first for first, end in pack),
                channels=(pack[0][0], pack[-1][1]),
                kernel=(0, 1),
            )
            for pack in packs
        )
    edges = [*range(0, positions, slots), positions]
    return tuple(
        Load(slots=(end - first,) * (last - start), channels=(first, end), kernel=(start, last))
        for first, end in cut
        for start, last in pairwise(edges)
    )


def _packed(channels: int, positions: int, rows: int, slots: int) -> tuple[Load, ...]:
    """Rows of the im2col matrix, channel by channel, as many as fit."""
    total = channels * positions
    loads = []
    for at in range(0, total, rows * slots):
        end = min(total, at + rows * slots)
        used = tuple(min(rows, end - first) for first in range(at, end, rows))
        whole = (at // positions, -(-end // positions))
        # Within a channel the positions of a load are a range only if it takes one channel.
        kernel = (0, positions)
        if whole[1] - whole[0] == 1:
            kernel = (at - whole[0] * positions, end - whole[0] * positions)
        loads.append(Load(slots=used, channels=whole, kernel=kernel))
    return tuple(loads)

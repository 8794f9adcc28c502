"""A chip of ReRAM crossbars: chip > tile > core > logical crossbar > physical crossbars.

A **logical crossbar** holds ``rows`` x ``columns`` weights; a weight's bits are spread over
physical crossbars of the same size, ``cell_bits`` in each (bit slices), twice where positive and
negative parts have cells of their own. A core's logical crossbars all work on the same pixel: its
inputs are applied ``dac_bits`` at a time, each time on every row at once.

Cores reach their tile's memory through an H-tree: what is for all cores passes its root once, what
is for one passes the root and that core's branch.

Times are exact: nanoseconds here, whole cycles of the clock where the machine runs.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from stallscope.mappings.spec import MAX_LATENCY_CYCLES, Name, Nanoseconds, Rate, Spec

__all__ = [
    "CoreBuffer", "CrossbarChip", "HTree", "LogicalCrossbar", "MainMemory", "Overlap", "Pipeline",
    "Programming", "Readout", "TileMemory", "VectorUnit", "packed_bytes",
]  # fmt: skip


def packed_bytes(words: int, bits: int) -> int:
    """Bytes of ``words`` of ``bits``, one behind the other."""
    return -(-words * bits // 8)


class Pipeline(StrEnum):
    """How the stages of a matrix-vector multiply are timed."""

    SYNCHRONOUS = "synchronous"
    """All stages take as long as the slowest."""
    ELASTIC = "elastic"
    """Each stage takes its own time and hands over when the next is free."""


class Overlap(StrEnum):
    """What computes while weights are written."""

    NONE = "none"
    """Nothing: all cores of a tile are written together, between computing."""
    SHADOW = "shadow"
    """Half of every core's crossbars compute while the other half is written."""
    PARTIAL = "partial"
    """A core is written as soon as it is done, while the others compute."""


class LogicalCrossbar(Spec):
    """The crossbars of one core.

    Attributes:
        rows: Weights along a column: inputs of one multiply.
        columns: Weights along a row: outputs of one multiply.
        per_core: Logical crossbars of a core.
        weight_bits: Bits of a weight.
        cell_bits: Bits that a cell holds.
        is_differential: Whether positive and negative parts have cells of their own (twice the
            physical crossbars); else weights are stored with an offset.
    """

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    per_core: int = Field(ge=1)
    weight_bits: int = Field(default=8, ge=1, le=64)
    cell_bits: int = Field(default=2, ge=1, le=16)
    is_differential: bool = False

    @property
    def slices(self) -> int:
        """Physical crossbars of a logical one."""
        return -(-self.weight_bits // self.cell_bits) * (2 if self.is_differential else 1)


class Readout(Spec):
    """How a multiply is read out.

    Attributes:
        input_bits: Bits of an input.
        dac_bits: Bits of an input that are applied at a time.
        read_ns: Time of one read of a crossbar, until its columns are held.
        columns_per_adc: Columns that share an ADC.
        adc_gsps: Conversions per ns of an ADC (GS/s).
        adc_bits: Its resolution, or None: it loses nothing.
        shift_add_ns: Time to add one conversion of every column to the result.
        pipeline: How read, conversion and addition are timed.
    """

    input_bits: int = Field(default=8, ge=1, le=64)
    dac_bits: int = Field(default=1, ge=1, le=64)
    read_ns: Nanoseconds
    columns_per_adc: int = Field(ge=1)
    adc_gsps: Rate
    adc_bits: int | None = Field(default=None, ge=1, le=32)
    shift_add_ns: Nanoseconds = Field(default=1, validate_default=True)
    pipeline: Pipeline = Pipeline.SYNCHRONOUS


class Programming(Spec):
    """How weights are written.

    A crossbar is written row by row, ``columns_per_pulse`` cells at a time; every write is
    ``iterations`` times a pulse and a verify, for SET and RESET apart if they need ``passes`` of
    their own.

    Attributes:
        pulse_ns: Length of a programming pulse.
        verify_ns: Length of the read that checks it.
        iterations: Pulses (each with its verify) that a cell takes.
        columns_per_pulse: Cells of a row that one pulse writes; None: all of them.
        passes: 2 if SET and RESET need pulses of their own, else 1.
        crossbars_at_once: Physical crossbars of a tile that may be written at the same time (its
            write drivers); None: all.
        power_budget_mw: Power that writing may take in a tile, or None.
        pulse_power_mw: Power of one cell's pulse; needed with a budget.
        whole_crossbars: Whether rows that a layer does not use are written, too (to the state of
            a zero weight); else only used rows are.
        data_aware: Whether cells whose level does not change are skipped: a row takes the pulses
            of its largest change, for SET and RESET apart; needs the weights.
        pulses_per_level: With ``data_aware``: pulses that a change by one level takes.
        endurance_writes: Writes that a cell stands, or None.
    """

    pulse_ns: Nanoseconds
    verify_ns: Nanoseconds = Field(default=0, validate_default=True)
    iterations: int = Field(default=1, ge=1, le=100_000)
    columns_per_pulse: int | None = Field(default=None, ge=1)
    passes: int = Field(default=1, ge=1, le=2)
    crossbars_at_once: int | None = Field(default=None, ge=1)
    power_budget_mw: Rate | None = None
    pulse_power_mw: Rate | None = None
    whole_crossbars: bool = True
    data_aware: bool = False
    pulses_per_level: Rate = Field(default=1, validate_default=True)
    endurance_writes: Rate | None = None

    @model_validator(mode="after")
    def _has_power(self) -> Programming:
        if self.power_budget_mw is not None and self.pulse_power_mw is None:
            raise ValueError("power_budget_mw needs pulse_power_mw beside it")
        return self


_Latency = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)


class TileMemory(Spec):
    """The memory that the cores of a tile share.

    Attributes:
        capacity_bytes: Its size, or None: unlimited.
        read_bytes_per_cycle: Width of its read port, or None: unlimited.
        write_bytes_per_cycle: Width of its write port, likewise.
        burst_bytes: Bytes of an access: a run of consecutive words takes whole ones, and between
            two of them another transfer may take the port.
        latency_cycles: From a read to the first byte.
    """

    capacity_bytes: int | None = Field(default=None, ge=1)
    read_bytes_per_cycle: Rate | None = None
    write_bytes_per_cycle: Rate | None = None
    burst_bytes: int = Field(default=64, ge=1)
    latency_cycles: int = _Latency


class HTree(Spec):
    """The tree between a tile's memory and its cores.

    Attributes:
        root_bytes_per_cycle: Width at the root, down and up each, or None: unlimited.
        branch_bytes_per_cycle: Width of a core's own branch, likewise.
        hop_latency_cycles: Cycles per level of the tree; it has log2(cores) levels, rounded up.
    """

    root_bytes_per_cycle: Rate | None = None
    branch_bytes_per_cycle: Rate | None = None
    hop_latency_cycles: int = _Latency


class CoreBuffer(Spec):
    """A buffer of one core.

    Attributes:
        capacity_bytes: Its size, or None: unlimited.
        read_bytes_per_cycle: Width of its read port, or None: unlimited.
        write_bytes_per_cycle: Width of its write port, likewise.
    """

    capacity_bytes: int | None = Field(default=None, ge=1)
    read_bytes_per_cycle: Rate | None = None
    write_bytes_per_cycle: Rate | None = None


class MainMemory(Spec):
    """The memory outside the chip, where weights come from.

    Attributes:
        bandwidth_bytes_per_cycle: Reads and writes together, or None: unlimited.
        latency_cycles: From a read to the first byte.
    """

    bandwidth_bytes_per_cycle: Rate | None = None
    latency_cycles: int = _Latency


class VectorUnit(Spec):
    """A core's digital unit: sums of row blocks and partial sums, and activations.

    Attributes:
        adds_per_cycle: Additions per cycle, or None: never in the way.
        activations_per_cycle: Results activated per cycle, likewise.
    """

    adds_per_cycle: Rate | None = None
    activations_per_cycle: Rate | None = None


class CrossbarChip(Spec):
    """A chip.

    Attributes:
        clock_mhz: Clock that cycles are counted in, MHz.
        tiles: Tiles of the chip.
        cores: Cores of a tile.
        partial_sum_bits: Bits of a partial sum.
        output_bits: Bits of a result.
        input_buffer: Of each core.
        partial_sums: Of each core: the buffer of its partial sums and results.
        main_memory: None: weights come from the tile's memory.
    """

    name: Name = "crossbars"
    clock_mhz: float = Field(default=1000.0, gt=0)
    tiles: int = Field(default=1, ge=1, le=65_536)
    cores: int = Field(ge=1, le=65_536)
    partial_sum_bits: int = Field(default=16, ge=1, le=64)
    output_bits: int = Field(default=8, ge=1, le=64)
    crossbar: LogicalCrossbar
    reading: Readout
    writing: Programming
    overlap: Overlap = Overlap.NONE
    memory: TileMemory = TileMemory()
    htree: HTree = HTree()
    input_buffer: CoreBuffer = CoreBuffer()
    partial_sums: CoreBuffer = CoreBuffer()
    main_memory: MainMemory | None = None
    vector: VectorUnit = VectorUnit()

    @property
    def slots(self) -> int:
        """Logical crossbars of a core that hold the weights in use at one time."""
        return self.crossbar.per_core // (2 if self.overlap is Overlap.SHADOW else 1)

    @property
    def all_cores(self) -> int:
        """Cores of the chip."""
        return self.tiles * self.cores

    @model_validator(mode="after")
    def _has_shadow(self) -> CrossbarChip:
        if not self.slots:
            raise ValueError("overlap shadow needs two logical crossbars per core at least")
        return self

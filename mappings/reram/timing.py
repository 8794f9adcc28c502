"""How long a crossbar takes to multiply and to be written, from the figures of its devices.

A multiply applies its inputs in ``steps``; every step is a read, a conversion of all columns that
share an ADC, and a shift-and-add. The three overlap from step to step and from pixel to pixel, with
one latch between them, so that a new pixel may follow after ``steps`` times the slowest.

Source: ISAAC (ISCA 2016), sections 5 and 6, for the stages; MNSIM 2.0 and DNN+NeuroSim V2.1 for
writing row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from stallscope.mappings.reram.chip import CrossbarChip, Pipeline
from stallscope.mappings.reram.lowering import LoweredLayer

__all__ = [
    "MultiplyTiming",
    "at_once",
    "cycles_of",
    "multiply_timing",
    "shares_drivers",
    "write_ns",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiplyTiming:
    """Times of one matrix-vector multiply, in one unit: cycles, or exact nanoseconds.

    Attributes:
        steps: Times that inputs are applied.
        read: Read of the crossbar.
        convert: Conversion of all columns of an ADC.
        add: Shift-and-add.
        is_synchronous: Whether all three take as long as the slowest.
    """

    steps: int
    read: Fraction
    convert: Fraction
    add: Fraction
    is_synchronous: bool

    @property
    def stage(self) -> Fraction:
        """The slowest stage."""
        return max(self.read, self.convert, self.add)

    @property
    def interval(self) -> Fraction:
        """From one multiply to the next of the same crossbars."""
        return self.steps * self.stage

    @property
    def latency(self) -> Fraction:
        """From the first read to the result."""
        if self.is_synchronous:
            return self.stage * (self.steps + 2)
        return self.read + self.convert + self.add + (self.steps - 1) * self.stage

    def in_cycles(self, chip: CrossbarChip) -> MultiplyTiming:
        """Times of a multiply timed in ns in whole cycles: every stage is rounded up."""
        return MultiplyTiming(
            steps=self.steps,
            read=Fraction(cycles_of(self.read, chip)),
            convert=Fraction(cycles_of(self.convert, chip)),
            add=Fraction(cycles_of(self.add, chip)),
            is_synchronous=self.is_synchronous,
        )


def multiply_timing(chip: CrossbarChip) -> MultiplyTiming:
    """Return the times of a multiply, ns."""
    reading = chip.reading
    columns = min(reading.columns_per_adc, chip.crossbar.columns)
    return MultiplyTiming(
        steps=-(-reading.input_bits // reading.dac_bits),
        read=reading.read_ns,
        convert=columns / reading.adc_gsps,
        add=reading.shift_add_ns,
        is_synchronous=reading.pipeline is Pipeline.SYNCHRONOUS,
    )


def write_ns(chip: CrossbarChip, rows: int) -> Fraction:
    """Time to write ``rows`` rows of one physical crossbar, each cell as often as stated, ns."""
    writing = chip.writing
    per_pulse = min(writing.columns_per_pulse or chip.crossbar.columns, chip.crossbar.columns)
    pulses = -(-chip.crossbar.columns // per_pulse) * writing.iterations * writing.passes
    return rows * pulses * (writing.pulse_ns + writing.verify_ns)


def at_once(chip: CrossbarChip) -> int | None:
    """Physical crossbars of a tile that are written at the same time; None: all.

    0 if the power budget does not suffice for a single pulse.
    """
    writing = chip.writing
    limits = [] if writing.crossbars_at_once is None else [writing.crossbars_at_once]
    if writing.power_budget_mw is not None and writing.pulse_power_mw is not None:
        cells = min(writing.columns_per_pulse or chip.crossbar.columns, chip.crossbar.columns)
        limits.append(int(writing.power_budget_mw / (cells * writing.pulse_power_mw)))
    return min(limits, default=None)


def shares_drivers(chip: CrossbarChip, layer: LoweredLayer, cores: int) -> bool:
    """Whether a tile writes fewer crossbars at once than its largest update has.

    Args:
        chip: The chip.
        layer: What the crossbars hold.
        cores: Cores of the tile that ever work.
    """
    slots = max(len(load.slots) for load in layer.loads)
    drivers = at_once(chip)
    return drivers is not None and cores * slots * chip.crossbar.slices > drivers


def cycles_of(time_ns: Fraction, chip: CrossbarChip) -> int:
    """Whole cycles of the chip's clock that a time takes."""
    return ceil(time_ns * Fraction(str(chip.clock_mhz)) / 1000)

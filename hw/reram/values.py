"""What a crossbar computes: integers through cells, converters and shift-and-add.

A weight's slices are cells of ``cell_bits`` levels (`mappings.reram.contents`). An input is applied
``dac_bits`` at a time on all rows, least significant bits first; that of a signed input, in two's
complement, ends with a digit that carries its sign (with one bit: the subtraction of the last
step). Every column sums digit x conductance over its rows; it is held, converted, shifted by the
bits that digit and slice stand for, and added. Where weights are stored with an offset, the offset
times the sum of the inputs is taken off; where negative parts have cells of their own, each is
converted on its own and taken off. Row blocks and loads are added digitally.

Converters: full scale is what a whole crossbar can carry, every row driven by the largest digit
into the most conducting cell (the range MAX). A code is full scale / (2^bits - 1), but no finer
than one level read by a digit of one: a converter with a code for every sum loses nothing.

Not modelled: the resistance of wires, currents that sneak through cells that are not selected,
drift, cells that are stuck, conductances cut off at the ends of their range, and what is unlike
from one converter to the next.

Source: ISAAC (ISCA 2016), section 5, for bit-serial inputs, slices and the offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from stallscope.mappings.reram.chip import CrossbarChip
from stallscope.mappings.spec import Spec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Values = NDArray[Any]  # int64 where nothing errs, else float64

__all__ = ["Converter", "CrossbarArithmetic", "Noise", "converted"]

_EXACT = 1 << 53
"""Integers up to this are exact in floating point."""


class Noise(Spec):
    """How far cells are from what they should be.

    Attributes:
        programming_sigma: Standard deviation of a cell's conductance, drawn whenever the cell is
            written, as a share of the largest conductance.
        read_sigma: The same, drawn for every cell in every read.
        on_off_ratio: Largest over smallest conductance; None: the smallest is 0. What the
            smallest adds to a column is taken off after conversion.
        seed: Of the generator that everything is drawn from.
    """

    programming_sigma: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    read_sigma: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    on_off_ratio: float | None = Field(default=None, gt=1, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0)


class Converter(Spec):
    """An analogue-to-digital converter.

    Attributes:
        full_scale: Largest magnitude that it converts; larger ones are cut off.
        code: What one code stands for.
    """

    full_scale: float = Field(gt=0)
    code: float = Field(gt=0)


def converted(values: Floats, converter: Converter) -> Floats:
    """Return values as a converter gives them: the nearest code, cut off at full scale."""
    held = np.clip(values, -converter.full_scale, converter.full_scale)
    codes: Floats = np.rint(held / converter.code) * converter.code
    return codes


class CrossbarArithmetic:
    """The arithmetic of a chip's crossbars, with the generator of their noise."""

    def __init__(self, chip: CrossbarChip, noise: Noise, *, is_signed: bool) -> None:
        """Take a chip.

        Args:
            chip: The chip.
            noise: How its cells err.
            is_signed: Whether inputs are signed, in two's complement.
        """
        crossbar, reading = chip.crossbar, chip.reading
        self._generator = np.random.default_rng(noise.seed)
        self._noise = noise
        self._is_signed = is_signed
        self._steps = -(-reading.input_bits // reading.dac_bits)
        self._dac_bits = min(reading.dac_bits, reading.input_bits)
        self._offset = 0 if crossbar.is_differential else 1 << crossbar.weight_bits - 1
        digits = -(-crossbar.weight_bits // crossbar.cell_bits)
        self._scales = [
            sign << crossbar.cell_bits * digit
            for sign in ((1, -1) if crossbar.is_differential else (1,))
            for digit in range(digits)
        ]
        top = (1 << crossbar.cell_bits) - 1
        ratio = noise.on_off_ratio
        self._floor = 0.0 if ratio is None else top / (ratio - 1.0)
        self._largest = top + self._floor
        self._converter = None
        sums = crossbar.rows * ((1 << self._dac_bits) - 1) * self._largest
        if reading.adc_bits is not None:
            code = max(1.0, sums / ((1 << reading.adc_bits) - 1))
            self._converter = Converter(full_scale=sums, code=code)
        self._is_ideal = not (noise.programming_sigma or noise.read_sigma or self._floor)
        self._is_small = sums < _EXACT

    @property
    def is_exact(self) -> bool:
        """Whether results are integers: ideal cells, and converters with a code for every sum."""
        return self._is_ideal and (self._converter is None or self._converter.code == 1.0)

    def written(self, levels: Integers) -> Floats:
        """Write cells.

        Args:
            levels: Their levels, any shape.

        Returns:
            Their conductances, in levels above conductance 0.
        """
        conductances = levels.astype(np.float64) + self._floor
        if self._noise.programming_sigma:
            sigma = self._noise.programming_sigma * self._largest
            conductances += self._generator.normal(0.0, sigma, levels.shape)
        return conductances

    def multiply(self, cells: Floats, inputs: Integers) -> Values:
        """Multiply inputs by the weights of one logical crossbar.

        Args:
            cells: Conductances, shape (slices, driven rows, columns).
            inputs: Shape (pixels, driven rows).

        Returns:
            Sums over the rows, shape (pixels, columns): int64 if `is_exact`, else float64.
        """
        shape = (len(inputs), cells.shape[2])
        total: Values = np.zeros(shape, dtype=np.int64 if self.is_exact else np.float64)
        for step, digits in enumerate(self._digits(inputs)):
            for scale, slice_cells in zip(self._scales, cells, strict=True):
                total += self._read(digits, slice_cells) * (scale << self._dac_bits * step)
        if self._offset:
            total -= self._offset * inputs.sum(axis=1)[:, None]
        return total

    def _digits(self, inputs: Integers) -> list[Integers]:
        """What is applied in every step; the last digit of a signed input has its sign."""
        mask = (1 << self._dac_bits) - 1
        digits = [inputs >> self._dac_bits * step & mask for step in range(self._steps)]
        if self._is_signed:
            digits[-1] = inputs >> self._dac_bits * (self._steps - 1)
        return digits

    def _read(self, digits: Integers, cells: Floats) -> Values:
        """Read the columns of one physical crossbar: sum, hold, convert."""
        if self.is_exact and not self._is_small:
            return digits @ cells.astype(np.int64)
        driven = digits.astype(np.float64)
        sums = driven @ cells
        if self.is_exact:
            return sums.astype(np.int64)
        if self._noise.read_sigma:
            # Independent errors of a column's cells add up to one of this deviation.
            sigma = self._noise.read_sigma * self._largest * np.sqrt((driven**2).sum(axis=1))
            sums += sigma[:, None] * self._generator.standard_normal(sums.shape)
        if self._converter is not None:
            sums = converted(sums, self._converter)
        floor: Floats = sums - self._floor * driven.sum(axis=1)[:, None]
        return floor

"""Integers through cells and converters, one crossbar at a time."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.hw.reram.values import Converter, CrossbarArithmetic, Noise, converted
from stallscope.mappings.reram.chip import CrossbarChip, LogicalCrossbar, Programming, Readout
from stallscope.mappings.reram.contents import levels_of


def a_chip(*, rows=16, bits=8, cell_bits=2, differential=False, **reading):
    return CrossbarChip(
        cores=1,
        crossbar=LogicalCrossbar(
            rows=rows, columns=8, per_core=1, weight_bits=bits, cell_bits=cell_bits,
            is_differential=differential,
        ),
        reading=Readout(read_ns=100, columns_per_adc=8, adc_gsps=1, **reading),
        writing=Programming(pulse_ns=50),
    )  # fmt: skip


def product(chip, weights, inputs, noise=None, *, signed=True):
    arithmetic = CrossbarArithmetic(chip, noise or Noise(), is_signed=signed)
    cells = arithmetic.written(levels_of(weights, chip.crossbar))
    return arithmetic.multiply(cells, inputs)


def drawn(rows=16, pixels=200):
    generator = np.random.default_rng(1)
    return generator.integers(-128, 128, (rows, 8)), generator.integers(-128, 128, (pixels, rows))


def test_levels_are_the_digits_of_the_weight_and_its_offset():
    crossbar = a_chip().crossbar
    assert levels_of(np.array([0, -128, 127, -1]), crossbar).T.tolist() == [
        [0, 0, 0, 2], [0, 0, 0, 0], [3, 3, 3, 3], [3, 3, 3, 1],
    ]  # fmt: skip


def test_differential_levels_are_those_of_positive_and_negative_part():
    crossbar = a_chip(differential=True).crossbar
    assert levels_of(np.array([0, -128, 6]), crossbar).T.tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 2], [2, 1, 0, 0, 0, 0, 0, 0],
    ]  # fmt: skip


def test_a_converter_with_a_code_for_every_sum_loses_nothing():
    """16 rows x 3 x 1 = 48 at most: 6 bits have 64 codes, 5 bits do not."""
    weights, inputs = drawn()
    exact = product(a_chip(adc_bits=6), weights, inputs)
    assert exact.dtype == np.int64
    assert np.array_equal(inputs @ weights, exact)
    coarse = product(a_chip(adc_bits=5), weights, inputs)
    assert coarse.dtype == np.float64
    assert not np.array_equal(inputs @ weights, coarse)


def test_error_of_conversion_is_within_half_a_code_of_every_reading():
    """Sum over steps and slices of half a code, shifted: 16 x 3 / (2^4 - 1) / 2 x 255 x 85."""
    weights, inputs = drawn()
    error = np.abs(product(a_chip(adc_bits=4), weights, inputs) - inputs @ weights)
    bound = 48 / 15 / 2 * 255 * 85
    assert error.max() <= bound
    assert error.max() > 0.02 * bound


def test_each_bit_of_a_converter_halves_its_error():
    weights, inputs = drawn()
    errors = [
        np.std(product(a_chip(adc_bits=bits, cell_bits=8), weights, inputs) - inputs @ weights)
        for bits in (6, 8, 10)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)


def test_converted_is_the_nearest_code_cut_off_at_full_scale():
    converter = Converter(full_scale=10.0, code=4.0)
    values = np.array([1.9, 2.1, -2.1, 99.0, -99.0])
    assert converted(values, converter).tolist() == [0.0, 4.0, -4.0, 8.0, -8.0]


def test_programming_errors_are_of_the_stated_deviation_and_stay_until_rewritten():
    """One row, one slice of 8 bits, an input of 1: the result is the cell, its error the draw."""
    chip = a_chip(rows=1, cell_bits=8, differential=True, input_bits=2)
    noise = Noise(programming_sigma=0.05, seed=2)
    arithmetic = CrossbarArithmetic(chip, noise, is_signed=True)
    weights = np.full((1, 20_000), 50)
    cells = arithmetic.written(levels_of(weights, chip.crossbar))
    one = arithmetic.multiply(cells, np.array([[1]]))
    assert np.array_equal(one, arithmetic.multiply(cells, np.array([[1]])))
    # Two cells of independent errors, each 5 % of the 255 levels.
    assert np.std(one - 50) == pytest.approx(0.05 * 255 * np.sqrt(2), rel=0.03)
    again = arithmetic.multiply(
        arithmetic.written(levels_of(weights, chip.crossbar)), np.array([[1]])
    )
    assert not np.array_equal(one, again)


def test_read_noise_is_drawn_in_every_read_and_grows_with_the_rows_driven():
    chip = a_chip(rows=16, cell_bits=8, differential=True, input_bits=2)
    arithmetic = CrossbarArithmetic(chip, Noise(read_sigma=0.01), is_signed=True)
    cells = arithmetic.written(levels_of(np.zeros((16, 8), dtype=np.int64), chip.crossbar))
    for driven, inputs in ((1, [1] + [0] * 15), (16, [1] * 16)):
        found = arithmetic.multiply(cells, np.tile(inputs, (5_000, 1)))
        expected = 0.01 * 255 * np.sqrt(2 * driven)
        assert np.std(found) == pytest.approx(expected, rel=0.03)


def test_a_smallest_conductance_is_taken_off_again_and_widens_full_scale():
    """Ideal but for Gmin = Gmax / 10: the product is right, and a code of the ADC is coarser."""
    weights, inputs = drawn()
    noise = Noise(on_off_ratio=10.0)
    floating = product(a_chip(), weights, inputs, noise)
    assert np.allclose(inputs @ weights, floating, atol=1e-6)
    plain = product(a_chip(adc_bits=6, cell_bits=4), weights, inputs)
    wide = product(a_chip(adc_bits=6, cell_bits=4), weights, inputs, noise)
    assert np.std(wide - inputs @ weights) > np.std(plain - inputs @ weights)


def test_wide_digits_are_summed_as_integers():
    """16-bit cells and 32-bit inputs at once pass what floating point holds exactly."""
    chip = a_chip(rows=200, bits=16, cell_bits=16, input_bits=32, dac_bits=32)
    generator = np.random.default_rng(5)
    weights = generator.integers(-(2**15), 2**15, (200, 8))
    inputs = generator.integers(0, 2**32, (3, 200))
    assert np.array_equal(inputs @ weights, product(chip, weights, inputs, signed=False))

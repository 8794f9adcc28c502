"""Errors of one analogue crossbar, against what their deviations add up to."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.validation.reram_analog import AnalogStudy, analog_error

RMS = 3**-0.5
"""Of numbers drawn evenly from -1 to 1."""


def test_without_errors_there_is_none():
    assert analog_error(AnalogStudy()) < 1e-12


@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.05])
def test_programming_errors_are_those_of_two_cells_over_a_weight(sigma):
    expected = sigma * np.sqrt(2) / RMS
    assert analog_error(AnalogStudy(programming_sigma=sigma)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("bits", [6, 8, 10])
def test_a_converter_errs_by_a_code_over_the_square_root_of_twelve(bits):
    """The sum of 64 products of two such numbers has a deviation of 8 / 3."""
    code = 128 / (2**bits - 1)
    expected = code / np.sqrt(12) / (8 * RMS * RMS)
    assert analog_error(AnalogStudy(adc_bits=bits)) == pytest.approx(expected, rel=0.05)


def test_a_smallest_conductance_leaves_less_room_for_weights():
    plain = analog_error(AnalogStudy(programming_sigma=0.02))
    narrow = analog_error(AnalogStudy(programming_sigma=0.02, on_off_ratio=10.0))
    assert narrow == pytest.approx(plain / 0.9, rel=1e-9)
    assert analog_error(AnalogStudy(on_off_ratio=10.0)) < 1e-12


def test_the_same_seed_draws_the_same():
    one = AnalogStudy(programming_sigma=0.02, adc_bits=8, seed=5)
    assert analog_error(one) == analog_error(one)
    assert analog_error(one) != analog_error(AnalogStudy(programming_sigma=0.02, adc_bits=8))

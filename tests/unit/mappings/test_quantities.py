"""Quantities with units are exact, and a wrong one says what to write."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from stallscope.mappings.quantities import (
    QuantityError,
    cycles,
    megahertz,
    number,
    picojoules,
    square_micrometres,
    words,
    words_per_cycle,
)


@pytest.mark.parametrize(
    ("text", "bits", "expected"),
    [
        ("6912", 16, 6912), ("6912 words", 16, 6912), ("108 KiB", 16, 55296),
        ("2 MB", 8, 2_000_000), ("4096 bits", 16, 256), ("4 Kib", 16, 256), ("0.5KiB", 8, 512),
        ("1e3", 16, 1000),
    ],
)  # fmt: skip
def test_sizes_become_words(text: str, bits: int, expected: int) -> None:
    assert expected == words(text, bits)


@pytest.mark.parametrize(
    ("text", "bits", "clock", "expected"),
    [
        ("16", 16, None, Fraction(16)), ("0.1", 16, None, Fraction(1, 10)),
        ("1/3", 16, None, Fraction(1, 3)), ("19.2 GB/s", 16, 200.0, Fraction(48)),
        ("64 b/cycle", 16, None, Fraction(4)), ("8 B/cycle", 16, None, Fraction(4)),
        ("3 words/cycle", 16, None, Fraction(3)), ("1 Gb/s", 16, 300.0, Fraction(5, 24)),
        ("1 GiB/s", 16, 100.0, Fraction(2**30, 2 * 10**8)),
    ],
)  # fmt: skip
def test_bandwidths_become_exact_words_per_cycle(
    text: str, bits: int, clock: float | None, expected: Fraction
) -> None:
    assert expected == words_per_cycle(text, bits, clock)


@pytest.mark.parametrize(
    ("text", "clock", "expected"),
    [("12", None, 12), ("0", None, 0), ("12 cycles", None, 12), ("50 ns", 200.0, 10),
     ("51 ns", 200.0, 11), ("0.1 us", 0.1, 1), ("1 µs", 1000.0, 1000)],
)  # fmt: skip
def test_times_become_cycles_rounded_up(text: str, clock: float | None, expected: int) -> None:
    assert expected == cycles(text, clock)


def test_clock_energy_and_area_units() -> None:
    assert (megahertz("200"), megahertz("200 MHz"), megahertz("1.5 GHz")) == (200.0, 200.0, 1500.0)
    assert (picojoules("6"), picojoules("500 fJ"), picojoules("1 nJ")) == (6.0, 0.5, 1000.0)
    assert square_micrometres("0.5 mm2") == 500_000.0
    assert picojoules("1e-100") == 1e-100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: words("3 B", 16), "is 1.5 words of 16 bits"),
        (lambda: words("0", 16), "needs a whole number >= 1"),
        (lambda: words("3 KiBs", 16), "unknown unit KiBs; known here: words"),
        (lambda: words("many", 16), "needs a number"),
        (lambda: words("1e999999999", 16), "needs a number|unknown unit"),
        (lambda: words_per_cycle("0", 16, None), "above 0"),
        (lambda: words_per_cycle("1/0", 16, None), "divides by zero"),
        (lambda: words_per_cycle("4 GB/s", 16, None), "needs a clock"),
        (lambda: words_per_cycle("4 GB", 16, 1.0), "unknown unit GB"),
        (lambda: cycles("5 ns", None), "needs a clock"),
        (lambda: cycles("-1", None), ">= 0"),
        (lambda: cycles("1.5", None), "whole number of cycles"),
        (lambda: cycles("5 h", 1.0), "unknown unit h"),
        (lambda: megahertz("0"), "above 0"),
        (lambda: megahertz("nan"), "needs a number"),
        (lambda: megahertz("5 s"), "unknown unit s"),
        (lambda: picojoules("-1 pJ"), ">= 0"),
    ],
)
def test_bad_quantities_say_what_is_wrong(call: Callable[[], object], message: str) -> None:
    with pytest.raises(QuantityError, match=message):
        call()


def test_number_and_unit_are_split() -> None:
    assert number(" 19.2GB/s ") == (Fraction(96, 5), "GB/s")


@pytest.mark.parametrize("text", ["2.5609086582364705e-258", "5e-324", "1e100", "1e290"])
def test_an_exponent_may_have_three_digits(text: str) -> None:
    """Two were read, and the third was taken for a unit."""
    value, unit = number(text + " pJ")
    assert (float(value), unit) == (float(text), "pJ")


def test_what_no_float_can_hold_is_refused() -> None:
    with pytest.raises(QuantityError, match="is too large"):
        number("1e308 GHz")

"""Quantities with units, as native files write them: ``108 KiB``, ``19.2 GB/s``, ``50 ns``.

A plain number is in the field's own unit: words, words per cycle, cycles, MHz, pJ, square
micrometres. KB, MB and GB are powers of ten (bytes), KiB, MiB and GiB powers of two; a small b is
a bit. All arithmetic is exact; only cycles are rounded, up.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

__all__ = [
    "QuantityError", "cycles", "megahertz", "number", "picojoules", "size_bytes",
    "square_micrometres", "words", "words_per_cycle",
]  # fmt: skip

_QUANTITY = re.compile(
    r"\s*([0-9]{1,60}/[0-9]{1,60}"
    r"|[-+]?(?:[0-9]{1,60}(?:\.[0-9]{0,60})?|\.[0-9]{1,60})(?:[eE][-+]?[0-9]{1,3}(?![0-9]))?)"
    r"\s*([A-Za-zµμ/0-9]*)\s*\Z"
)
_LARGEST = Fraction(10) ** 290
"""Far above any figure, and a float in every unit."""
_PREFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
             "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}  # fmt: skip
_BITS = {
    prefix + unit: Fraction(scale * bits)
    for prefix, scale in _PREFIXES.items()
    for unit, bits in (("B", 8), ("b", 1), ("bit", 1), ("bits", 1))
}
_SECONDS = {
    "s": Fraction(1), "ms": Fraction(1, 10**3), "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6), "μs": Fraction(1, 10**6), "ns": Fraction(1, 10**9),
    "ps": Fraction(1, 10**12),
}  # fmt: skip
_MEGAHERTZ = {
    "": Fraction(1), "Hz": Fraction(1, 10**6), "kHz": Fraction(1, 10**3),
    "KHz": Fraction(1, 10**3), "MHz": Fraction(1), "GHz": Fraction(10**3),
}  # fmt: skip
_PICOJOULES = {
    "": Fraction(1), "fJ": Fraction(1, 10**3), "pJ": Fraction(1), "nJ": Fraction(10**3),
    "uJ": Fraction(10**6), "µJ": Fraction(10**6), "mJ": Fraction(10**9), "J": Fraction(10**12),
}  # fmt: skip
_SQUARE_UM = {
    "": Fraction(1), "um2": Fraction(1), "mm2": Fraction(10**6), "nm2": Fraction(1, 10**6),
}  # fmt: skip


class QuantityError(ValueError):
    """A quantity that cannot be read: ``rule`` says what must hold, ``remedy`` what to write."""

    def __init__(self, rule: str, remedy: str = "") -> None:
        self.rule, self.remedy = rule, remedy
        super().__init__(f"{rule}; {remedy}" if remedy else rule)


def number(text: str) -> tuple[Fraction, str]:
    """Split a quantity into its exact number and its unit ("" if none).

    Raises:
        QuantityError: If the text is not a number with an optional unit, or too large a number.
    """
    match = _QUANTITY.match(text)
    if match is None:
        raise QuantityError("needs a number, with or without a unit")
    try:
        value = Fraction(match[1])
    except ZeroDivisionError as error:
        raise QuantityError("divides by zero") from error
    if abs(value) > _LARGEST:
        raise QuantityError("is too large")
    return value, match[2]


def words(text: str, word_bits: int, least: int = 1) -> int:
    """Read a size as words.

    Args:
        text: ``6912``, ``6912 words``, ``108 KiB``, ``2 MB``, ``4096 bits``.
        word_bits: Bits of a word.
        least: Smallest size.

    Raises:
        QuantityError: Unknown unit, or not a whole number of words >= ``least``.
    """
    value, unit = number(text)
    if unit in _BITS:
        size = value * _BITS[unit] / word_bits
    elif unit in ("", "word", "words"):
        size = value
    else:
        raise _unknown(unit, "words, B, KiB, MiB, KB, MB, bits")
    if size.denominator != 1 or size < least:
        shown = f"{float(size):g} words of {word_bits} bits"
        raise QuantityError(f"is {shown}, needs a whole number >= {least}")
    return int(size)


def size_bytes(text: str) -> int:
    """Read a size as bytes: ``4096``, ``4 KiB``.

    Raises:
        QuantityError: Unknown unit, or not a whole number of bytes >= 1.
    """
    value, unit = number(text)
    if unit and unit not in _BITS:
        raise _unknown(unit, "B, KiB, MiB, KB, MB, bits")
    size = value * _BITS[unit] / 8 if unit else value
    if size.denominator != 1 or size < 1:
        raise QuantityError(f"is {float(size):g} bytes, needs a whole number >= 1")
    return int(size)


def words_per_cycle(text: str, word_bits: int, clock_mhz: float | None) -> Fraction:
    """Read a bandwidth as exact words per cycle.

    Args:
        text: ``16``, ``0.5``, ``1/3``, ``16 words/cycle``, ``64 b/cycle``, ``19.2 GB/s``.
        word_bits: Bits of a word.
        clock_mhz: Clock, MHz; needed for units per second.

    Raises:
        QuantityError: Unknown unit, no clock, or not above 0.
    """
    value, unit = number(text)
    amount, _, per = unit.partition("/")
    if value <= 0:
        raise QuantityError("needs a bandwidth above 0", "leave it out for unlimited")
    if unit == "" or unit in ("word/cycle", "words/cycle"):
        return value
    if amount in _BITS and per == "cycle":
        return value * _BITS[amount] / word_bits
    if amount in _BITS and per == "s":
        return value * _BITS[amount] / word_bits / (_clock(clock_mhz) * 10**6)
    raise _unknown(unit, "words/cycle, B/cycle, b/cycle, GB/s, Gb/s, GiB/s")


def cycles(text: str, clock_mhz: float | None) -> int:
    """Read a time as cycles, rounded up.

    Args:
        text: ``12``, ``12 cycles``, ``50 ns``.
        clock_mhz: Clock, MHz; needed for seconds.

    Raises:
        QuantityError: Unknown unit, no clock, below 0, or a fraction of a cycle.
    """
    value, unit = number(text)
    if value < 0:
        raise QuantityError("needs a time >= 0")
    if unit in _SECONDS:
        return math.ceil(value * _SECONDS[unit] * _clock(clock_mhz) * 10**6)
    if unit not in ("", "cycle", "cycles"):
        raise _unknown(unit, "cycles, ps, ns, us, ms")
    if value.denominator != 1:
        raise QuantityError("needs a whole number of cycles")
    return int(value)


def megahertz(text: str) -> float:
    """Read a clock as MHz; QuantityError if it is not above 0."""
    value = _scaled(text, _MEGAHERTZ)
    if value <= 0:
        raise QuantityError("needs a clock above 0")
    return value


def picojoules(text: str) -> float:
    """Read an energy as pJ; QuantityError if it is below 0."""
    return _not_negative(_scaled(text, _PICOJOULES))


def square_micrometres(text: str) -> float:
    """Read an area as square micrometres; QuantityError if it is below 0."""
    return _not_negative(_scaled(text, _SQUARE_UM))


def _scaled(text: str, units: dict[str, Fraction]) -> float:
    try:
        plain = float(text)  # a plain number keeps its exact float
    except ValueError:
        plain = math.inf
    if math.isfinite(plain):
        return plain
    value, unit = number(text)
    if unit not in units:
        raise _unknown(unit, ", ".join(word for word in units if word))
    return float(value * units[unit])


def _not_negative(value: float) -> float:
    if value < 0:
        raise QuantityError("needs a figure >= 0")
    return value


def _clock(clock_mhz: float | None) -> Fraction:
    if clock_mhz is None:
        raise QuantityError(
            "needs a clock to become cycles", "give architecture.clock_mhz or plain cycles"
        )
    return Fraction(str(clock_mhz))


def _unknown(unit: str, known: str) -> QuantityError:
    return QuantityError(f"unknown unit {unit}", f"known here: {known}")

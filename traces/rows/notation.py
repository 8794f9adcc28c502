"""The text cells of a flat program: items between semicolons, written and read here alone.

    wait_for   TENSOR LEVEL delivered|finished|drained N
    frees      TENSOR LEVEL WORDS
    finishes   TENSOR LEVEL
    ports      LEVEL BUSIEST/ALL                        words at a level (a mover's row)
               LEVEL link BUSIEST/ALL                   words that neighbours pass on (likewise)
               TENSOR LEVEL BUSIEST/ALL [fresh BUSIEST/ALL [read]]              (a COMPUTE row)
    networks   LEVEL in N busiest N deliveries N reach REACH:WORDS,... hops N longest N links N
               TENSOR LEVEL in ...                                              (a COMPUTE row)
    buffers    TENSOR LEVEL WORDS [xTILES]
    instances  LEVEL N

BUSIEST are the words at the busiest instance, ALL those of all instances together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from stallscope.traces.program import (
    Access,
    BufferPlan,
    ComputeStream,
    Crossing,
    MoverStream,
    Operand,
    Record,
    Work,
)

__all__ = [
    "MAX_DIGITS",
    "Buffer",
    "Passage",
    "Port",
    "buffers_text",
    "burst_networks",
    "burst_ports",
    "read_buffers",
    "read_finishes",
    "read_frees",
    "read_instances",
    "read_networks",
    "read_ports",
    "read_waits",
    "record_networks",
    "record_ports",
]

Item = TypeVar("Item")
MAX_DIGITS = 15
"""Digits of the largest number: more words than any memory has."""
_N = rf"\d{{1,{MAX_DIGITS}}}"
_WAIT = re.compile(rf"(.+) (delivered|finished|drained) ({_N})")
_AMOUNT = re.compile(rf"(.+) ({_N})")
_NAME = re.compile(r"(.+)")
_BUFFER = re.compile(rf"(.+?) ({_N})(?: x([1-9]\d{{0,5}}))?")
_PORT = re.compile(rf"(.+?)( link)? ({_N})/({_N})(?: fresh ({_N})/({_N})( read)?)?")
_REACH = rf"{_N}:{_N}(?:,{_N}:{_N})*"
_PASSAGE = re.compile(
    rf"(.+?)((?: (?:in|busiest|deliveries|longest|links) {_N}| reach {_REACH}"
    rf"| hops {_N}(?:/[1-9]\d{{0,5}})?)+)"
)
_FIGURE = re.compile(rf" (\w+) ({_REACH}|{_N}/{_N}|{_N})")


@dataclass(frozen=True, slots=True)
class Port:
    """Words of one row at a level.

    Attributes:
        place: The level; in a COMPUTE row with its tensor before it.
        busiest: Words at the busiest instance.
        words: Words over all instances.
        is_link: Whether neighbours pass them on.
        fresh: Of an output, (busiest, all) words touched for the first time; else None.
        reads_fresh: Whether those are read all the same.
    """

    place: str
    busiest: int
    words: int
    is_link: bool = False
    fresh: tuple[int, int] | None = None
    reads_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """What one row puts on a network; figures that are not given are not in the dictionaries."""

    place: str
    whole: dict[str, int]
    reach: tuple[tuple[int, int], ...] | None = None
    hops: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Buffer:
    """What a level holds of a tensor: words of its largest tile, and how many tiles."""

    place: str
    words: int
    tiles: int | None = field(default=None)


# ---------------------------------------------------------------------- reading


def _items(
    text: str, pattern: re.Pattern[str], make: Callable[[re.Match[str]], Item]
) -> list[Item]:
    """Read every item of a cell; ValueError with the first that is none."""
    found = []
    for item in text.split(";"):
        if not item.strip():
            continue
        match = pattern.fullmatch(" ".join(item.split()))
        if match is None:
            raise ValueError(item.strip())
        found.append(make(match))
    return found


def read_waits(text: str) -> list[tuple[str, str, int]]:
    """Read ``wait_for``: (tensor and level, counter, value)."""
    return _items(text, _WAIT, lambda match: (match[1], match[2], int(match[3])))


def read_frees(text: str) -> list[tuple[str, int]]:
    """Read ``frees``: (tensor and level, words)."""
    return _items(text, _AMOUNT, lambda match: (match[1], int(match[2])))


def read_instances(text: str) -> list[tuple[str, int]]:
    """Read ``instances``: (level, number)."""
    return read_frees(text)


def read_finishes(text: str) -> list[str]:
    """Read ``finishes``: tensor and level."""
    return _items(text, _NAME, lambda match: match[1])


def read_buffers(text: str) -> list[Buffer]:
    """Read ``buffers``."""
    return _items(text, _BUFFER, lambda match: Buffer(match[1], int(match[2]), _whole(match[3])))


def read_ports(text: str) -> list[Port]:
    """Read ``ports``."""
    return _items(text, _PORT, _port)


def read_networks(text: str) -> list[Passage]:
    """Read ``networks``."""
    return _items(text, _PASSAGE, _passage)


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)


def _port(match: re.Match[str]) -> Port:
    fresh = None if match[5] is None else (int(match[5]), int(match[6]))
    return Port(match[1], int(match[3]), int(match[4]), bool(match[2]), fresh, bool(match[7]))


def _passage(match: re.Match[str]) -> Passage:
    figures = {found[1]: found[2] for found in _FIGURE.finditer(match[2])}
    reach = figures.pop("reach", None)
    hops = figures.pop("hops", None)
    pairs = None
    if reach is not None:
        split = (pair.split(":") for pair in reach.split(","))
        pairs = tuple((int(size), int(words)) for size, words in split if int(words))
    return Passage(
        match[1],
        {name: int(value) for name, value in figures.items()},
        pairs,
        None if hops is None else Fraction(hops),
    )


# ---------------------------------------------------------------------- writing


def record_ports(stream: MoverStream, record: Record) -> str:
    """Write ``ports`` of a mover's row."""
    items = [
        f"{stream.parent} {record.busiest_parent}/{record.parent_words}",
        f"{stream.child} {record.words}/{record.child_words}",
    ]
    if record.links or record.busiest_links:
        items.append(f"{stream.child} link {record.busiest_links}/{record.links}")
    return "; ".join(items)


def record_networks(record: Record, *, is_first: bool) -> str:
    """Write ``networks`` of a mover's row; a first read of an output puts no word on them."""
    return "; ".join(_crossing(crossing, is_empty=is_first) for crossing in record.crossings)


def burst_ports(stream: ComputeStream, work: Work, *, is_fresh: bool) -> str:
    """Write ``ports`` of a COMPUTE row."""
    pairs = zip(stream.operands, work.accesses, strict=True)
    return "; ".join(_access(operand, access, is_fresh) for operand, access in pairs)


def burst_networks(stream: ComputeStream, work: Work) -> str:
    """Write ``networks`` of a COMPUTE row."""
    return "; ".join(
        f"{operand.tensor} {_crossing(crossing)}"
        for operand, access in zip(stream.operands, work.accesses, strict=True)
        for crossing in access.crossings
    )


def buffers_text(plans: tuple[BufferPlan, ...]) -> str:
    """Write ``buffers``."""
    return "; ".join(
        f"{plan.tensor} {plan.level} {plan.tile_words}" + (f" x{plan.tiles}" if plan.tiles else "")
        for plan in plans
    )


def _access(operand: Operand, access: Access, is_fresh: bool) -> str:
    text = f"{operand.tensor} {operand.level} {access.busiest_words}/{access.words}"
    if not operand.is_output:
        return text
    fresh = (access.busiest_fresh, access.fresh_words) if is_fresh else (0, 0)
    return f"{text} fresh {fresh[0]}/{fresh[1]}" + ("" if operand.elide_first else " read")


def _crossing(crossing: Crossing, *, is_empty: bool = False) -> str:
    reach = () if is_empty else crossing.multicast
    shown = ",".join(f"{size}:{words}" for size, words in reach) or "1:0"
    return (
        f"{crossing.network} in {0 if is_empty else crossing.words_in}"
        f" busiest {crossing.busiest_words} deliveries {crossing.deliveries} reach {shown}"
        f" hops {crossing.hops} longest {crossing.longest} links {crossing.links}"
    )

"""The cycle stack and the PE stack as bars, lines and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stallscope.report.page.palette import TONES, Tone, letter, ordered, tone
from stallscope.report.page.reading import Run, Unit

__all__ = ["Part", "UnitLine", "parts", "summary", "unit_lines"]

_WAITS = {
    "fill": "the first tiles to arrive",
    "drain": "the last results to leave",
    "dram_bandwidth": "main memory's bandwidth",
    "dram_latency": "main memory's latency",
    "dram_row": "main memory to open rows",
    "dram_turnaround": "main memory's bus to turn round",
    "dram_refresh": "main memory's refresh",
    "buffer_port": "a buffer's port",
    "buffer_capacity": "room in a buffer",
    "buffer_latency": "a buffer's latency",
    "network_bandwidth": "a network's width",
    "network_contention": "links that others use",
    "network_latency": "a network's hops",
    "decoding": "words to be compressed or decompressed",
    "edge_port": "words to enter or leave the array",
    "shift": "rows to be shifted into the array, or out",
    "skew": "waves to pass through the array",
    "fold": "what a convention charges per fold",
    "compute_latency": "the PEs' pipeline",
}
"""What the array waits for, within a sentence."""
_NAMED = 3
_WORTH = 0.005
"""Share from which a class is named in the sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A class's part of a stack; ``causes`` of fill and drain are parts of that part."""

    name: str
    amount: int
    share: float
    tone: Tone
    causes: tuple[Part, ...] = ()

    @property
    def look(self) -> str:
        """Name of its colour."""
        return tone(self.name)

    @property
    def letter(self) -> str:
        """Its letter on a terminal."""
        return letter(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLine:
    """A unit's account, cycles: waits by state, and busy and waiting cycles by class."""

    name: str
    busy: int
    idle: int
    waiting: int
    states: tuple[tuple[str, int], ...]
    charged: tuple[Part, ...]


def parts(
    stack: Mapping[str, int], causes: Mapping[str, Mapping[str, int]] | None = None
) -> list[Part]:
    """Return the classes of a stack that took any cycles, in the order of bars.

    Args:
        stack: Cycles per class.
        causes: Of a class, what its cycles went to.
    """
    total = max(1, sum(stack.values()))
    inner = causes or {}
    return [
        Part(
            name=name,
            amount=stack[name],
            share=stack[name] / total,
            tone=TONES[tone(name)],
            causes=tuple(
                Part(name=cause, amount=amount, share=amount / total, tone=TONES[tone(cause)])
                for cause, amount in _largest_first(inner.get(name, {}))
            ),
        )
        for name in ordered(stack)
        if stack[name]
    ]


def summary(run: Run) -> str:
    """Say in a sentence or two where the cycles go."""
    share = run.cycle_stack.get("compute", 0) / run.cycles
    text = f"The array computes in {100 * share:.1f} % of the cycles."
    losses = [
        (name, amount)
        for name, amount in _largest_first(run.cycle_stack)
        if name != "compute" and amount >= _WORTH * run.cycles
    ][:_NAMED]
    named = [
        f"{_WAITS.get(name, name)} ({100 * amount / run.cycles:.1f} %)" for name, amount in losses
    ]
    if not named:
        return text
    last = f"{', '.join(named[:-1])} and {named[-1]}" if named[1:] else named[0]
    return f"{text} Otherwise it waits for {last}."


def unit_lines(units: Mapping[str, Unit]) -> list[UnitLine]:
    """Return every unit's account."""
    return [
        UnitLine(
            name=name,
            busy=unit.busy,
            idle=unit.idle,
            waiting=sum(unit.waiting.values()),
            states=tuple(_largest_first(unit.waiting)),
            charged=tuple(parts(unit.charged)),
        )
        for name, unit in units.items()
    ]


def _largest_first(amounts: Mapping[str, int]) -> list[tuple[str, int]]:
    found = [(name, amount) for name, amount in amounts.items() if amount]
    return sorted(found, key=lambda item: (-item[1], item[0]))

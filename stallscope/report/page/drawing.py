"""Shapes and ticks: numbers as SVG paths in a chart's own units.

A chart stretches to the width of its page (``preserveAspectRatio="none"``), so nothing but filled
shapes is drawn in it; words stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["HEIGHT", "Tick", "area", "blocks", "ticks"]

HEIGHT = 100
"""Height of every chart, in its own units; y grows downward."""
_TICKS = 6


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of an axis: where, per cent of the axis from its left end, and which cycle."""

    left: float
    cycle: int


def area(levels: NDArray[np.int64], last: float = 1.0) -> str:
    """Draw a filled curve of steps, one unit wide each.

    Args:
        levels: Height of every step, 0 to `HEIGHT`.
        last: Width of the last step.
    """
    if not levels.any():
        return ""
    parts, height, run = [f"M0 {HEIGHT}"], 0, 0.0
    for at, level in enumerate(levels.tolist()):
        if level != height:
            parts.append(f"h{run:g}" if run else "")
            parts.append(f"v{height - level}")
            height, run = level, 0.0
        run += last if at == len(levels) - 1 else 1.0
    return "".join([*parts, f"h{run:g}V{HEIGHT}z"])


def blocks(spans: Sequence[tuple[float, float]], top: int, bottom: int) -> str:
    """Draw a block from ``top`` to ``bottom`` for every span (begin, end)."""
    tall = bottom - top
    return "".join(
        f"M{begin:g} {top}h{end - begin:g}v{tall}h{begin - end:g}z" for begin, end in spans
    )


def ticks(begin: int, end: int) -> tuple[Tick, ...]:
    """Choose round cycles for the axis of ``begin`` to ``end``."""
    span = max(1, end - begin)
    step = 1
    while span / step > _TICKS:
        step *= 10
    for divisor in (5, 2):
        if step % divisor == 0 and span / (step // divisor) <= _TICKS:
            step //= divisor
            break
    first = -(-begin // step) * step
    return tuple(Tick(100 * (at - begin) / span, at) for at in range(first, end + 1, step))

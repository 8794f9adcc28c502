"""Cycle stacks as bars: one glyph per class, so that a bar reads without colours too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

__all__ = ["CLASSES", "bar", "glyph_of", "legend", "losses"]

CLASSES: Mapping[str, tuple[str, str]] = {
    "compute": ("█", "green"),
    "fill": ("<", "cyan"),
    "dram_bandwidth": ("D", "red"),
    "dram_latency": ("d", "bright_red"),
    "dram_row": ("R", "red"),
    "dram_turnaround": ("T", "red"),
    "dram_refresh": ("F", "red"),
    "buffer_port": ("B", "yellow"),
    "buffer_capacity": ("C", "bright_yellow"),
    "buffer_latency": ("b", "yellow"),
    "network_bandwidth": ("N", "magenta"),
    "network_contention": ("X", "magenta"),
    "network_latency": ("n", "bright_magenta"),
    "decoding": ("z", "bright_magenta"),
    "edge_port": ("E", "bright_blue"),
    "shift": ("S", "bright_blue"),
    "skew": ("/", "blue"),
    "fold": ("f", "blue"),
    "reprogram": ("W", "bright_red"),
    "conversion": ("A", "blue"),
    "compute_latency": ("m", "blue"),
    "reduction": ("r", "blue"),
    "drain": (">", "cyan"),
}
"""Per class of cycles: glyph and colour, in the order in which a bar shows them."""


def glyph_of(name: str, *, ascii_only: bool = False) -> tuple[str, str]:
    """Return glyph and colour of a class; a class unknown here gets a question mark."""
    glyph, colour = CLASSES.get(name, ("?", "white"))
    return ("#" if ascii_only and glyph == "█" else glyph), colour


def bar(stack: Mapping[str, int], scale: int, width: int, *, ascii_only: bool = False) -> Text:
    """Draw a cycle stack.

    Args:
        stack: Cycles per class.
        scale: Cycles of a bar of full width.
        width: Characters of a bar of full width.
        ascii_only: Whether the terminal has no block characters.

    Returns:
        A bar whose borders are rounded from the running sum, so its length is true.
    """
    text = Text()
    done = drawn = 0
    for name in _ordered(stack):
        done += stack[name]
        end = (2 * done * width + scale) // (2 * scale) if scale else 0
        glyph, colour = glyph_of(name, ascii_only=ascii_only)
        text.append(glyph * (end - drawn), style=colour)
        drawn = end
    return text


def legend(
    stacks: Iterable[Mapping[str, int]], width: int, *, ascii_only: bool = False
) -> list[Text]:
    """Name the glyphs of all classes that occur, in lines of at most ``width``."""
    names = dict.fromkeys(name for stack in stacks for name in stack if stack[name])
    lines = [Text()]
    for name in _ordered(names):
        glyph, colour = glyph_of(name, ascii_only=ascii_only)
        if len(lines[-1]) + len(name) + 2 > width:
            lines.append(Text())
        lines[-1].append(f"{glyph} ", style=colour)
        lines[-1].append(f"{name}   ")
    return lines


def losses(stack: Mapping[str, int], count: int) -> str:
    """Name the classes other than compute that take most cycles, if it is 0.05 % or more."""
    cycles = max(1, sum(stack.values()))
    worst = sorted(
        (name for name in stack if name != "compute" and 2000 * stack[name] >= cycles),
        key=lambda name: (-stack[name], name),
    )
    return ", ".join(f"{name} {100 * stack[name] / cycles:.1f} %" for name in worst[:count])


def _ordered(names: Iterable[str]) -> list[str]:
    order = {name: index for index, name in enumerate(CLASSES)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))

"""Classes of cycles as the page shows them: one colour, one letter, what it means, what helps.

Letters are those of the bars on a terminal (`stallscope.report.bars`). Colours come in families as
there: main memory in reds, buffers in yellows, networks in pinks; the members of a family differ in
lightness, so that they stay apart without hues. Every colour has a variant for dark pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stallscope.report.bars import CLASSES, glyph_of

__all__ = ["STATES", "TONES", "WORK", "Tone", "letter", "ordered", "ramp", "tone"]

WORK = "work"
"""Tone of a unit that executes a step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """How a class looks and reads.

    Attributes:
        light: Colour on a light page.
        dark: Colour on a dark page.
        meaning: What its cycles are.
        helps: What would make them fewer.
    """

    light: str
    dark: str
    meaning: str
    helps: str = ""


TONES: Mapping[str, Tone] = {
    "compute": Tone(
        light="#007e4c", dark="#3bb87e",
        meaning="Some PE computes.",
        helps="Fewer of them need more PEs at work: the PE stack says how many are not.",
    ),
    "fill": Tone(
        light="#95dcff", dark="#8ad0fd",
        meaning="Before the first multiply-accumulate: the first tiles are on their way.",
        helps="Smaller first tiles, or a faster path for them.",
    ),
    "dram_bandwidth": Tone(
        light="#b23134", dark="#f4654d",
        meaning="Waiting for words through main memory's port, the slowest server on their way.",
        helps="More bandwidth, or fewer words: larger tiles on chip, loops that reuse more.",
    ),
    "dram_latency": Tone(
        light="#eb8d82", dark="#ffb4aa",
        meaning="Waiting for words under way; main memory's latency is the longest on that way.",
        helps="Asking earlier: room for a second tile lets the next transfer begin sooner.",
    ),
    "dram_row": Tone(
        light="#8f2417", dark="#b53422",
        meaning="Waiting while main memory opens another row.",
        helps="Layouts and bursts that stay in a row.",
    ),
    "dram_turnaround": Tone(
        light="#6b160d", dark="#94291b",
        meaning="Waiting while main memory turns from reads to writes or back.",
        helps="Longer runs of transfers in one direction.",
    ),
    "dram_refresh": Tone(
        light="#4a0f09", dark="#75211a",
        meaning="Waiting while main memory refreshes.",
    ),
    "buffer_port": Tone(
        light="#f0b716", dark="#c0a705",
        meaning="Waiting for words through a buffer's port, the slowest server on their way.",
        helps="A wider port, multicast, or fewer words: more reuse in the level inside it.",
    ),
    "buffer_capacity": Tone(
        light="#8c6600", dark="#966a00",
        meaning="Waiting for a producer that had no room; of an output, until the tile before it "
        "has been written to the parent.",
        helps="Room for a second tile (more capacity, a smaller tile, other buffering), so that "
        "transfers and computing overlap.",
    ),
    "buffer_latency": Tone(
        light="#f7dd85", dark="#fff8b9",
        meaning="Waiting for words under way; a buffer's latency is the longest on that way.",
        helps="Asking earlier: room for a second tile, or a buffer that answers faster.",
    ),
    "network_bandwidth": Tone(
        light="#a3469a", dark="#b5469b",
        meaning="Waiting for words to enter a network, the slowest server on their way.",
        helps="A wider network, multicast, or fewer words.",
    ),
    "network_contention": Tone(
        light="#7c2560", dark="#96397a",
        meaning="Waiting while others use the network.",
        helps="A wider network, or transfers at other times.",
    ),
    "network_latency": Tone(
        light="#d69fca", dark="#fbcde7",
        meaning="Waiting for words under way; the hops of a network take longest on that way.",
        helps="Asking earlier, or fewer hops.",
    ),
    "decoding": Tone(
        light="#5d1747", dark="#7a2361",
        meaning="Waiting for a decoder or encoder of compressed words, the slowest on their way.",
        helps="A decoder that handles more words per cycle, or the same format at both ends.",
    ),
    "edge_port": Tone(
        light="#2f7f8f", dark="#57a9b8",
        meaning="Steps of a systolic array wait for words that enter or leave at its edges.",
        helps="Wider edges, or a data flow that streams fewer words.",
    ),
    "shift": Tone(
        light="#1f5f6f", dark="#3b8796",
        meaning="Waiting while rows are shifted into a systolic array, or out.",
        helps="More steps per fold, or registers for a second tile.",
    ),
    "skew": Tone(
        light="#8fc3cc", dark="#9fd6df",
        meaning="Waiting for waves that are on their way through a systolic array.",
        helps="Longer folds, a smaller array, or tiles of more PEs.",
    ),
    "fold": Tone(
        light="#123f4a", dark="#2a6672",
        meaning="What another simulator's rules charge for every fold.",
        helps="Fewer, longer folds.",
    ),
    "reprogram": Tone(
        light="#240048", dark="#9000fc",
        meaning="Waiting until the weights of the next step are written into the crossbars.",
        helps="A schedule that writes weights less often, more write drivers, or shadow crossbars.",
    ),
    "conversion": Tone(
        light="#6f8fe0", dark="#2f4fae",
        meaning="Multiplying at the pace of the converters, which are slower than the reads.",
        helps="Fewer columns per converter, or faster ones.",
    ),
    "compute_latency": Tone(
        light="#5963c6", dark="#858bf2",
        meaning="Waiting for results that are still in the PEs' pipeline.",
        helps="A shorter pipeline, or more work between two visits of an output.",
    ),
    "reduction": Tone(
        light="#a9aee6", dark="#c3c7f2",
        meaning="Waiting while partial sums are added up on their way.",
    ),
    "drain": Tone(
        light="#458fcd", dark="#4b90c4",
        meaning="After the last multiply-accumulate: the last results are on their way out.",
        helps="Smaller last tiles of the output, or a faster way out.",
    ),
    "imbalance": Tone(
        light="#838593", dark="#818588",
        meaning="A PE has finished its share of a burst and waits for the busiest PE.",
        helps="Spatial loops whose extents divide the dimensions.",
    ),
    "unmapped": Tone(
        light="#dfdfe2", dark="#4a5460",
        meaning="PEs that the mapping does not use.",
        helps="Spatial loops that cover more of the array.",
    ),
    WORK: Tone(light="#696e7b", dark="#9ea1b5", meaning="Executing a step."),
    "idle": Tone(light="#eceff3", dark="#23282f", meaning="Nothing left to do, or not yet begun."),
    "other": Tone(light="#444b55", dark="#c5ccd6", meaning="A class this version does not know."),
}  # fmt: skip
"""Every class of docs/timing.md, and what a unit does besides."""

STATES: Mapping[str, str] = {
    "source": "the tile it reads from is not delivered yet",
    "room": "no room in the level it fills",
    "contention": "others hold the ports or networks of its way",
    "version": "the partial sums it reads back are not written yet",
    "result": "the output tile it carries up is not finished",
    "operand": "an operand's tile is not there yet",
}
"""What units wait for (docs/timing.md)."""

_RAMP = {"light": ("#2b2466", "#bdb9ec"), "dark": ("#dcdafb", "#4d459c")}


def tone(name: str) -> str:
    """Name of a class's tone; safe to put into a style sheet whatever the name holds."""
    return name if name in TONES else "other"


def letter(name: str) -> str:
    """Return the letter that a class has on a terminal; none where its colour says enough."""
    glyph, _ = glyph_of(name)
    return "" if glyph == "█" or name not in CLASSES else glyph


def ordered(names: Iterable[str]) -> list[str]:
    """Sort classes as bars show them, unknown ones last."""
    order = {name: index for index, name in enumerate(TONES)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def ramp(count: int, mode: str) -> list[str]:
    """Return colours for components from the outermost to the innermost, for a mode of the page.

    One hue that gets lighter (or darker): readable without hues, and no class's colour.
    """
    ends = [[int(end[at : at + 2], 16) for at in (1, 3, 5)] for end in _RAMP[mode]]
    share = [index / max(1, count - 1) for index in range(count)]
    mixed = [[round(a + (b - a) * s) for a, b in zip(*ends, strict=True)] for s in share]
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed]

"""What zeros bring to an array of PEs, as a document and as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console, RenderableType
from rich.text import Text

import stallscope
from stallscope.mappings.case import Case
from stallscope.mappings.sparsity.imbalance import Imbalance, Schedules
from stallscope.report.document import SCHEMA_VERSION, Document, inputs_document
from stallscope.report.tables import Column, percent, print_assumptions, table, whole

__all__ = ["heat_map", "histogram", "imbalance_document", "print_imbalance"]

_SHADES = (" .:-=+*#%@", " ▁▂▃▄▅▆▇█")
_BAR = 50
_WIDEST = 64
_COLUMNS: list[Column] = [("PEs", "left"), ("cycles", "right"), ("of dense", "right"),
                          ("over ideal", "right"), ("expected", "right")]  # fmt: skip


def imbalance_document(
    found: Imbalance, case: Case, words: Mapping[str, tuple[int, int]]
) -> Document:
    """Return the document of `stallscope sparsity`.

    Args:
        found: What zeros bring.
        case: The case.
        words: Per sparse tensor, its words and those that are not zero.
    """
    sparse = case.architecture.compute.sparse
    return {
        "schema": SCHEMA_VERSION,
        "stallscope": stallscope.__version__,
        "name": case.name,
        "accelerator": case.architecture.name,
        "inputs": inputs_document(case.files),
        "skips": list(sparse.skips) if sparse is not None else [],
        "operands": {
            name: {"words": total, "nonzeros": kept, "density": kept / total}
            for name, (total, kept) in words.items()
        },
        "passes": found.passes,
        "pes": found.pes,
        "mesh": list(found.mesh),
        "held": dict(found.held),
        "dense_cycles": found.dense_cycles,
        "dense_steps": found.dense_steps,
        "as_mapped": _schedules(found, found.as_mapped),
        "rebalanced": _schedules(found, found.rebalanced),
        "expected": None if found.expected is None else asdict(found.expected),
        "assumptions": list(case.assumptions),
    }


def _schedules(found: Imbalance, one: Schedules) -> Document:
    return {
        "steps": one.steps,
        "ideal_cycles": one.ideal_cycles,
        "packed_cycles": one.packed_cycles,
        "barrier_cycles": one.barrier_cycles,
        "queue_cycles": [{"depth": at, "cycles": cycles} for at, cycles in one.queue_cycles],
        "lost_cycles": one.lost_cycles,
        "utilization": one.utilisation,
        "max_over_mean": one.max_over_mean,
        "max_over_mean_per_pass": one.max_over_mean_per_pass,
        "heat_map": found.heat_map(one),
        "histogram": asdict(one.histogram),
    }


def print_imbalance(console: Console, document: Document) -> None:
    """Print what zeros bring, who waits for whom, and where the work is."""
    mapped = document["as_mapped"]
    rows, columns = document["mesh"]
    console.print(f"[bold]{document['name']}[/bold] on {document['accelerator']}")
    for name, operand in document["operands"].items():
        shown = f"{whole(operand['nonzeros'])} of {whole(operand['words'])} words are not zero"
        console.print(f"  {name:<18} {shown} ({percent(operand['density'])})", markup=False)
    skipped = ", ".join(document["skips"]) or "none"
    console.print(f"  {'zeros skipped':<18} {skipped}", markup=False)
    used = f"{whole(document['pes'])} of {rows} x {columns}, {whole(document['passes'])} passes"
    console.print(f"  {'PEs':<18} {used}")
    tiles = ", ".join(f"{name} {tiles}" for name, tiles in document["held"].items())
    console.print(f"  {'tiles held':<18} {tiles}", markup=False)
    console.print(table(_COLUMNS, _rows(document), "Cycles of the PEs, all tiles in time"))
    for label, value in (
        ("slowest / mean", f"{mapped['max_over_mean_per_pass']:.3f} per pass, "
                           f"{mapped['max_over_mean']:.3f} over the run"),
        ("lost behind barrier", f"{whole(mapped['lost_cycles'])} cycles to imbalance "
                                f"({percent(1 - mapped['utilization'])} of the barrier's)"),
    ):  # fmt: skip
        console.print(f"  {label:<20} {value}")
    ascii_only = console.options.ascii_only
    console.print("\n[bold]Steps of a PE in a pass[/bold]")
    for line in histogram(mapped["histogram"], ascii_only=ascii_only):
        console.print(line)
    console.print("\n[bold]Steps of every PE[/bold]")
    for line in heat_map(mapped["heat_map"], ascii_only=ascii_only):
        console.print(line)
    print_assumptions(console, document["assumptions"])


def _rows(document: Document) -> list[list[RenderableType]]:
    """Who waits for whom, from no zero skipped to no PE waiting."""
    mapped, again = document["as_mapped"], document["rebalanced"]
    chances: Mapping[str, float] = document["expected"] or {}
    made: list[tuple[str, int, float | None]] = [
        ("dense: no zero skipped", document["dense_cycles"], None),
        ("barrier", mapped["barrier_cycles"], chances.get("barrier_cycles")),
        ("barrier, rebalanced", again["barrier_cycles"], None),
    ]
    for one in mapped["queue_cycles"]:
        depth = "unlimited" if one["depth"] is None else f"{one['depth']} more"
        beside = chances.get("unlimited_cycles") if one["depth"] is None else None
        made.append((f"queue, FIFO {depth}", one["cycles"], beside))
    made += [
        ("queue, FIFO unlimited, rebalanced", again["queue_cycles"][-1]["cycles"], None),
        ("packed pass by pass", mapped["packed_cycles"], None),
        ("ideal: spread evenly", mapped["ideal_cycles"], chances.get("ideal_cycles")),
    ]
    dense, ideal = document["dense_cycles"], max(1, mapped["ideal_cycles"])
    return [
        [name, whole(cycles), percent(cycles / dense), f"{cycles / ideal:.3f}",
         "" if beside is None else whole(round(beside))]
        for name, cycles, beside in made
    ]  # fmt: skip


def histogram(found: Document, *, ascii_only: bool = False) -> list[Text]:
    """Draw a histogram of the steps of PEs in passes.

    Args:
        found: ``width`` of a bin, and ``counts`` of passes of PEs per bin.
        ascii_only: Whether the terminal has no block characters.
    """
    width, counts = found["width"], found["counts"]
    most, total = max(counts, default=0), max(1, sum(counts))
    ends = [f"{at * width:,} to {(at + 1) * width - 1:,}" if width > 1 else f"{at:,}"
            for at in range(len(counts))]  # fmt: skip
    wide = max(map(len, ends), default=0)
    lines = []
    for end, count in zip(ends, counts, strict=True):
        bar = ("#" if ascii_only else "█") * -(-_BAR * count // max(1, most))
        lines.append(Text(f"  {end:>{wide}} {bar} {100 * count / total:.1f} %"))
    return lines


def heat_map(rows: Sequence[Sequence[int | None]], *, ascii_only: bool = False) -> list[Text]:
    """Draw the work of PEs where they stand, from none to that of the busiest.

    A wide array is drawn with several PEs per sign, by the busiest of them.

    Args:
        rows: Steps per row and column; None: the mapping does not use the PE.
        ascii_only: Whether the terminal has no block characters.
    """
    shades = _SHADES[0] if ascii_only else _SHADES[1]
    most = max((steps for row in rows for steps in row if steps is not None), default=0)
    least = min((steps for row in rows for steps in row if steps is not None), default=0)
    group = -(-max(map(len, rows), default=1) // _WIDEST)
    lines = []
    for above in range(0, len(rows), group):
        line = Text("  ")
        for left in range(0, len(rows[0]), group):
            cells = [one for row in rows[above : above + group] for one in row[left : left + group]]
            line.append(_sign([one for one in cells if one is not None], most, shades))
        lines.append(line)
    per = "" if group == 1 else f"; a sign is {group} x {group} PEs, the busiest of them"
    lines.append(Text(f"  {least:,} to {most:,} steps, drawn from 0; x: not used{per}"))
    return lines


def _sign(steps: Sequence[int], most: int, shades: str) -> str:
    if not steps:
        return "x"
    return shades[max(steps) * (len(shades) - 1) // max(1, most)]

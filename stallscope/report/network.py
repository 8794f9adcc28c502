"""The screen of ``stallscope run``: layers side by side, their bars, the total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.table import Table

from stallscope.report.bars import bar, legend, losses
from stallscope.report.document import Document
from stallscope.report.tables import energy, percent, seconds, table, whole

__all__ = ["Shown", "print_network"]

_BAR = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A network's document with the name of the accelerator it ran on."""

    accelerator: str
    document: Document


def print_network(console: Console, network: str, shown: Sequence[Shown]) -> None:
    """Print a network on an accelerator, and on the one beside it if there is any.

    Args:
        console: Where to print.
        network: Name of the network.
        shown: The accelerator asked for, then the one beside it.
    """
    names = " beside ".join(one.accelerator for one in shown)
    console.print(f"[bold]{network}[/bold] on [bold]{names}[/bold]", end="\n\n")
    for one in shown:
        console.print(_layers(one))
    _print_bars(console, shown)
    _print_notes(console, shown)


def _layers(one: Shown) -> Table:
    columns = [("layer", "left"), ("cycles", "right"), ("analytical", "right"), ("ratio", "right"),
               ("utilisation", "right"), ("time", "right"), ("energy", "right"),
               ("bound by", "left")]  # fmt: skip
    rows: list[list[RenderableType]] = []
    for layer in one.document["layers"]:
        times = f" x{layer['repeat']}" if layer["repeat"] > 1 else ""
        same = f" (= {layer['same_as']})" if layer["same_as"] else ""
        bound = layer["analytical"]["bound_by"]
        rows.append([layer["name"] + times + same, *_figures(layer), bound])
    rows.append(["---"])
    rows.append(["total", *_figures(one.document["total"]), ""])
    return table(columns, rows, one.accelerator)


def _figures(document: Document) -> list[str]:
    analytical = document["analytical"]["cycles"]
    ratio = f"{document['cycles'] / analytical:.3f}" if analytical else "-"
    return [whole(document["cycles"]), whole(analytical), ratio, percent(document["utilization"]),
            seconds(document["seconds_at_clock"]), energy(document["energy_pj"])]  # fmt: skip


def _print_bars(console: Console, shown: Sequence[Shown]) -> None:
    """Print the cycle stacks; bars of one layer have one scale."""
    ascii_only = console.options.ascii_only
    console.print("[bold]Where the cycles go[/bold] (bars of one layer share a scale)")
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, width=_BAR)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    stacks: list[Mapping[str, int]] = []
    rows = [[one.document["layers"][index] for one in shown]
            for index in range(len(shown[0].document["layers"]))]  # fmt: skip
    for layers in rows:
        scale = max(layer["cycles"] for layer in layers)
        name = layers[0]["name"]
        for layer in layers:
            stack: dict[str, int] = layer["cycle_stack"]
            stacks.append(stack)
            drawn = bar(stack, scale, _BAR, ascii_only=ascii_only)
            share = f"compute {percent(stack['compute'] / layer['cycles'])}, {losses(stack, 1)}"
            grid.add_row(name, drawn, share.rstrip(", "))
            name = ""
    console.print(grid)
    if len(shown) > 1:
        order = ", lower bar ".join(one.accelerator for one in shown)
        console.print(f"upper bar {order}")
    console.print(legend(stacks, ascii_only=ascii_only), end="\n\n")


def _print_notes(console: Console, shown: Sequence[Shown]) -> None:
    """Print the rules, the assumptions and how the runs went."""
    layers = [layer for one in shown for layer in one.document["layers"]]
    rules = sorted({layer["rules"]["reuse"] for layer in layers})
    console.print(f"Reuse rule: {', '.join(rules)}. Assumptions:")
    sentences: dict[str, list[str]] = {}
    for layer in shown[0].document["layers"]:
        for sentence in layer["assumptions"]:
            sentences.setdefault(sentence, []).append(layer["name"])
    for sentence, names in sentences.items():
        console.print(f"  {', '.join(names)}: {sentence}", markup=False)
    runs = [one.document["total"]["simulation"] for one in shown]
    cycles = sum(one.document["total"]["cycles"] for one in shown)
    skipped = sum(run["fast_forwarded_cycles"] for run in runs)
    cpu = sum(run["cpu_seconds"] for run in runs)
    if cycles:
        console.print(f"Simulated in {cpu:.2f} s CPU; {percent(min(1.0, skipped / cycles))} of the "
                      "cycles fast-forwarded, exactly.")  # fmt: skip

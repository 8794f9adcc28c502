"""The screen of ``stallscope run``: layers side by side, their bars, the total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from stallscope.report.bars import bar, legend, losses
from stallscope.report.document import Document
from stallscope.report.tables import energy, percent, seconds, table, whole

__all__ = ["Shown", "print_network"]

_BAR = 34
_NAME = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A network's document with the name of the accelerator it ran on."""

    accelerator: str
    document: Document


def print_network(console: Console, network: str, shown: Sequence[Shown], layers: str) -> None:
    """Print a network on an accelerator, and on the one beside it if there is any.

    Args:
        console: Where to print.
        network: Name of the network.
        shown: The accelerator asked for, then the ones beside it.
        layers: How many layers of it were run.
    """
    names = ", beside it ".join(f"[bold]{one.accelerator}[/bold]" for one in shown)
    console.print(f"[bold]{network}[/bold] ({layers}) on {names}")
    console.print(_layers(shown))
    for one in shown:
        _print_crossbars(console, one)
    _print_bars(console, shown)
    _print_notes(console, shown)


def _layers(shown: Sequence[Shown]) -> Table:
    columns = [("\nlayer", "left"), ("\ncycles", "right"), ("\nanalytical", "right"),
               ("\nratio", "right"), ("utili-\nsation", "right"), ("\nenergy", "right"),
               ("\ntime", "right")]  # fmt: skip
    for _ in shown[1:]:
        columns += [("|\n|", "left"), ("beside:\ncycles", "right"), ("\nratio", "right"),
                    ("utili-\nsation", "right")]  # fmt: skip
    rows: list[list[RenderableType]] = []
    documents = [one.document for one in shown]
    for layers in zip(*(document["layers"] for document in documents), strict=True):
        times = f" x{layers[0]['repeat']}" if layers[0]["repeat"] > 1 else ""
        same = f" (= {layers[0]['same_as']})" if layers[0]["same_as"] else ""
        rows.append([layers[0]["name"] + times + same, *_figures(layers)])
    rows.append(["---"])
    rows.append(["total", *_figures([document["total"] for document in documents])])
    return table(columns, rows, "")


def _print_crossbars(console: Console, shown: Shown) -> None:
    """Print what layers write into crossbars; nothing for other machines."""
    total = shown.document["total"].get("reram")
    if total is None:
        return
    columns = [("\nlayer", "left"), ("\nschedule", "left"), ("\nupdates", "right"),
               ("at\nleast", "right"), ("writing /\ncompute", "right"), ("\nhidden", "right"),
               ("writes of\na cell", "right")]  # fmt: skip
    rows: list[list[RenderableType]] = []
    for layer in shown.document["layers"]:
        if layer["same_as"]:
            continue
        facts = layer["reram"]
        estimate, filling = facts["analytical"], facts["filling"]
        rows.append(
            [layer["name"], facts["shown"], whole(facts["activity"]["updates"]),
             whole(filling["least_updates"]), f"{estimate['reprogram_per_compute']:.3g}",
             _share(facts["run"]["hidden"]), f"{facts['wear']['writes_max']:g}"]
        )  # fmt: skip
    rows.append(["---"])
    rows.append(["total", "", whole(total["updates"]), whole(total["least_updates"]),
                 f"{total['reprogram_per_compute']:.3g}", _share(total["hidden"]),
                 f"{total['writes_of_a_cell']:g}"])  # fmt: skip
    lasting = total["runs_by_writes"]
    ends = "" if lasting is None else f"; the most written cell lasts {whole(lasting)} runs"
    console.print(table(columns, rows, f"Weights written on {shown.accelerator}{ends}"))


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _figures(documents: Sequence[Document]) -> list[str]:
    first = documents[0]
    cells = [whole(first["cycles"]), whole(first["analytical"]["cycles"]), _ratio(first),
             percent(first["utilization"]), energy(first["energy_pj"]),
             seconds(first["seconds_at_clock"])]  # fmt: skip
    for document in documents[1:]:
        cells += ["|", whole(document["cycles"]), _ratio(document)]
        cells.append(percent(document["utilization"]))
    return cells


def _ratio(document: Document) -> str:
    analytical = document["analytical"]["cycles"]
    return f"{document['cycles'] / analytical:.3f}" if analytical else "-"


def _print_bars(console: Console, shown: Sequence[Shown]) -> None:
    """Print the cycle stacks; bars of one layer have one scale, equal layers one bar."""
    ascii_only = console.options.ascii_only
    console.print("[bold]Where the cycles go[/bold]")
    everything = list(zip(*(one.document["layers"] for one in shown), strict=True))
    rows = [layers for layers in everything if any(not layer["same_as"] for layer in layers)]
    names = min(_NAME, max(len(layers[0]["name"]) for layers in rows))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, overflow="ellipsis", width=names)
    grid.add_column(no_wrap=True, width=_BAR)
    rest = max(_NAME, console.width - names - _BAR - 3)
    grid.add_column(no_wrap=True, overflow="ellipsis", width=rest)
    stacks: list[Mapping[str, int]] = []
    for layers in rows:
        scale = max(layer["cycles"] for layer in layers)
        name = layers[0]["name"]
        for layer in layers:
            stack: dict[str, int] = layer["cycle_stack"]
            stacks.append(stack)
            drawn = bar(stack, scale, _BAR, ascii_only=ascii_only)
            share = f"compute {percent(stack['compute'] / layer['cycles'])}, {losses(stack, 2)}"
            grid.add_row(name, drawn, share.rstrip(", "))
            name = ""
    console.print(grid)
    if len(shown) > 1:
        order = ", then ".join(one.accelerator for one in shown)
        console.print(f"Bars of a layer: {order}; all of one layer have one scale.")
    for line in legend(stacks, console.width, ascii_only=ascii_only):
        console.print(line)


def _named(names: Sequence[str], layers: int) -> str:
    """Name layers: the first of many, none of all."""
    if len(names) == layers and layers > 1:
        return "all layers"
    more = len(names) - 3
    return ", ".join(names) if more < 3 else f"{', '.join(names[:3])} and {more} more"


def _print_notes(console: Console, shown: Sequence[Shown]) -> None:
    """Print the rules, the assumptions and how the runs went."""
    layers = [layer for one in shown for layer in one.document["layers"]]
    rules = sorted({layer["rules"]["reuse"] for layer in layers if layer["rules"] is not None})
    named = f", with the reuse rule {', '.join(rules)}" if rules else ""
    console.print(f"\n[bold]Assumptions[/bold]{named}")
    sentences: dict[str, list[str]] = {}
    for layer in shown[0].document["layers"]:
        for sentence in layer["assumptions"]:
            sentences.setdefault(sentence, []).append(layer["name"])
    grid = Table.grid(padding=(0, 1))
    for sentence, names in sentences.items():
        grid.add_row(" ", Text(_named(names, len(shown[0].document["layers"]))), Text(sentence))
    console.print(grid)
    runs = [one.document["total"]["simulation"] for one in shown]
    cycles = sum(one.document["total"]["cycles"] for one in shown)
    skipped = sum(run["fast_forwarded_cycles"] for run in runs)
    cpu = sum(run["cpu_seconds"] for run in runs)
    if cycles:
        console.print(f"Simulated in {cpu:.2f} s CPU; {percent(min(1.0, skipped / cycles))} of the "
                      "cycles fast-forwarded, exactly.")  # fmt: skip

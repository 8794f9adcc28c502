"""Documents as text for people: tables of counts, and bars that say where cycles went."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from stallscope.report.bars import bar, legend, losses
from stallscope.report.document import Document

__all__ = [
    "Column", "crossbar_lines", "energy", "make_console", "percent", "print_assumptions",
    "print_crossbars", "print_estimate", "print_result", "table",
]  # fmt: skip

_WIDTH = 100
_BAR = 50

Column = tuple[str, str]
"""A heading and how its cells are aligned: ``left`` or ``right``."""


def make_console() -> Console:
    """Return the console of stdout; 100 columns wide where it is no terminal."""
    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(width=_WIDTH, highlight=False)


def table(columns: Sequence[Column], rows: Sequence[Sequence[RenderableType]], title: str) -> Table:
    """Make a table; a row whose first cell is ``---`` is a line."""
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold",
                 pad_edge=False, padding=(0, 1, 0, 0))  # fmt: skip
    for heading, side in columns:
        made.add_column(heading, justify="right" if side == "right" else "left",
                        no_wrap=side == "right", overflow="fold")  # fmt: skip
    for row in rows:
        if row[0] == "---":
            made.add_section()
        else:
            made.add_row(*row)
    return made


def whole(value: int) -> str:
    """Write a count with separators."""
    return f"{value:,}"


def percent(value: float) -> str:
    """Write a share."""
    return f"{100 * value:.1f} %"


def energy(picojoules: float | None) -> str:
    """Write an energy with a fitting unit."""
    if picojoules is None:
        return "-"
    for unit, size in (("J", 1e12), ("mJ", 1e9), ("µJ", 1e6), ("nJ", 1e3)):
        if picojoules >= size:
            return f"{picojoules / size:.4g} {unit}"
    return f"{picojoules:.4g} pJ"


def seconds(value: float | None) -> str:
    """Write a time with a fitting unit; empty if not known."""
    if value is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value * 1e9:.4g} ns"


def print_result(console: Console, document: Document) -> None:
    """Print what a simulation found."""
    _print_summary(console, document, simulated=True)
    _print_stack(console, document)
    print_crossbars(console, document.get("reram"))
    _print_levels(console, document)
    _print_networks(console, document)
    _print_bandwidths(console, document["levels"])
    if document.get("memory") is not None:
        _print_memory(console, document["memory"], document["cycles"])
    _print_units(console, document["units"], document["cycles"])
    print_assumptions(console, document["assumptions"])


def _array(array: Document) -> str:
    """A systolic array's folds in a line."""
    shown = f"{array['rows']} x {array['columns']}, {array['stationary']} stationary: "
    shown += f"{whole(array['folds'])} folds on {percent(array['mapped'])} of the PEs"
    by_ours = array["convention"] == "stallscope"
    return shown if by_ours else f"{shown}, by the rules of {array['convention']}"


def print_estimate(console: Console, document: Document) -> None:
    """Print what the analytical model says."""
    _print_summary(console, document, simulated=False)
    print_crossbars(console, document.get("reram"))
    _print_levels(console, document)
    _print_networks(console, document)
    _print_bandwidths(console, document["levels"])
    print_assumptions(console, document["assumptions"])


def _print_summary(console: Console, document: Document, *, simulated: bool) -> None:
    analytical = document["analytical"]
    estimated = "none: rows of a program of its own"
    if analytical is not None:
        estimated = f"{whole(analytical['cycles'])}  bound by {analytical['bound_by']}"
    at_clock = seconds(document["seconds_at_clock"])
    lines = [("MACs", whole(document["problem"]["macs"]))]
    if simulated:
        lines.append(
            ("cycles", whole(document["cycles"]) + (f"  ({at_clock})" if at_clock else ""))
        )
        if analytical is not None:
            ratio = document["cycles"] / analytical["cycles"]
            estimated += f"  (simulated / analytical {ratio:.3f})"
    lines.append(("analytical cycles", estimated))
    lines.append(("utilisation", percent(document["utilization"])))
    if document.get("systolic"):
        lines.append(("array", _array(document["systolic"])))
    lines.append(("energy", energy(document["energy_pj"])))
    console.print(f"[bold]{document['name']}[/bold]")
    for label, value in lines:
        console.print(f"  {label:<18} {value}")


def _print_stack(console: Console, document: Document) -> None:
    stack: dict[str, int] = document["cycle_stack"]
    cycles = document["cycles"]
    ascii_only = console.options.ascii_only
    console.print("\n[bold]Where the cycles go[/bold]")
    console.print(bar(stack, cycles, _BAR, ascii_only=ascii_only), losses(stack, 3))
    for line in legend([stack], console.width, ascii_only=ascii_only):
        console.print(line)
    rows = []
    for name, amount in stack.items():
        rows.append([name, whole(amount), percent(amount / cycles)])
        if name == "compute" and document.get("sparsity"):
            lost = document["sparsity"]["imbalance_cycles"]
            rows.append(["  of which imbalance", whole(round(lost)), percent(lost / cycles)])
        parts: dict[str, int] = document.get(f"{name}_causes", {})
        rows += [[f"  {cause}", whole(part), ""] for cause, part in parts.items()]
    console.print(table([("class", "left"), ("cycles", "right"), ("share", "right")], rows, ""))


def print_crossbars(console: Console, reram: Document | None) -> None:
    """Print what was written into crossbars, and what that wears; nothing for other machines."""
    if reram is None:
        return
    console.print("\n[bold]Crossbars[/bold]")
    for label, value in crossbar_lines(reram):
        console.print(f"  {label:<18} {value}", markup=False)


def crossbar_lines(reram: Document) -> list[tuple[str, str]]:
    """Return what was written into crossbars, and what that wears, as labels and values."""
    filling, activity, wear = reram["filling"], reram["activity"], reram["wear"]
    spread = f"{filling['column_steps']} x {filling['loads']} loads on {filling['cores_used']}"
    return [
        ("schedule", f"{reram['shown']}; {spread} cores"),
        ("weight updates", f"{whole(activity['updates'])} ({whole(filling['least_updates'])} at "
                           f"least), {whole(activity['cells_written'])} cells written"),
        ("writing", _writing(reram)),
        ("multiplies", f"{whole(activity['multiplies'])}, {whole(activity['conversions'])} "
                       "conversions"),
        ("writes of a cell", f"{wear['writes_max']:g} at most, {wear['writes_mean']:.3g} on "
                             f"average; {_runs(wear['runs_by_writes'])}"),
    ]  # fmt: skip


def _writing(reram: Document) -> str:
    """How long writing takes beside computing, and how much of it nobody waits for."""
    estimate, run = reram["analytical"], reram["run"]
    text = f"{estimate['reprogram_per_compute']:.3g} of compute"
    if run is not None:
        hidden = run["hidden"]
        return text if hidden is None else f"{text}; {percent(hidden)} of it hidden"
    hidden = estimate["hidden_share"]
    return text if hidden is None else f"{text}; at best {percent(hidden)} of it hidden"


def _runs(runs: int | None) -> str:
    """How long cells last, in words."""
    return "endurance not given" if runs is None else f"they last {whole(runs)} runs"


def _print_levels(console: Console, document: Document) -> None:
    columns = [("level", "left"), ("used", "right"), ("tensor", "left"), ("tile", "right"),
               ("reads", "right"), ("fills", "right"), ("updates", "right"),
               ("energy", "right")]  # fmt: skip
    rows: list[list[RenderableType]] = []
    for level in document["levels"]:
        name, used = level["name"], f"{level['used_instances']}/{level['instances']}"
        for tensor, figures in level["tensors"].items():
            counts = [figures[key] for key in ("tile_words", "reads", "fills", "updates")]
            rows.append([name, used, tensor, *map(whole, counts), energy(figures["energy_pj"])])
            name = used = ""
        if not level["tensors"]:
            rows.append([name, used, "-", *[""] * 5])
    compute = document["compute"]
    used = f"{compute['used_instances']}/{compute['instances']}"
    rows.append([compute["name"], used, "MACs", "", whole(compute["computes"]), "", "",
                 energy(compute["energy_pj"])])  # fmt: skip
    console.print(table(columns, rows, "Storage, words over all used instances"))


def _print_networks(console: Console, document: Document) -> None:
    columns = [("network", "left"), ("tensor", "left"), ("words in", "right"),
               ("deliveries", "right"), ("reductions", "right"), ("links", "right"),
               ("hops/word", "right")]  # fmt: skip
    rows: list[list[RenderableType]] = []
    for network in document["networks"]:
        name = network["name"]
        for tensor, figures in network["tensors"].items():
            keys = ("words_in", "deliveries", "reductions", "link_transfers")
            hops = f"{figures['hops_average']:.2f}"
            rows.append([name, tensor, *(whole(figures[key]) for key in keys), hops])
            name = ""
    if rows:
        console.print(table(columns, rows, "Networks, words"))


def _print_bandwidths(console: Console, levels: Sequence[Document]) -> None:
    columns = [("level", "left"), *((f"{port}s", "left") for port in ("read", "write")),
               ("both", "left")]  # fmt: skip
    rows: list[list[RenderableType]] = [
        [level["name"], *(_rate(level[f"{port}_words_per_cycle"])
                          for port in ("read", "write", "shared"))]
        for level in levels
    ]  # fmt: skip
    title = "Words per cycle and used instance: average of limit"
    console.print(table(columns, rows, title))


def _rate(port: Mapping[str, float | None]) -> str:
    peak = "unlimited" if port["peak"] is None else f"{port['peak']:g}"
    return f"{port['achieved']:.3g} of {peak}"


def _print_memory(console: Console, memory: Document, cycles: int) -> None:
    """What each tensor moved to and from main memory, and where the channels' cycles went."""
    columns = [("tensor", "left"), ("", "left"), ("words", "right"), ("segments", "right"),
               ("bursts", "right"), ("used", "right"), ("row hits", "right"),
               ("activates", "right"), ("conflicts", "right")]  # fmt: skip
    keys = ("row_hits", "activates", "row_conflicts")
    rows: list[list[RenderableType]] = [
        [one["tensor"], one["action"], whole(one["words"]), whole(one["segments"]),
         whole(one["bursts"]), percent(one["efficiency"]), *(whole(one[key]) for key in keys)]
        for one in memory["streams"]
    ]  # fmt: skip
    title = f"{memory['level']} ({memory['device']}): bursts, and how much of them was used"
    console.print(table(columns, rows, title))
    for number, channel in enumerate(memory["cycles"]):
        parts = sorted(channel.items(), key=lambda part: -part[1])
        shown = ", ".join(f"{name} {percent(part / cycles)}" for name, part in parts if part)
        console.print(f"  channel {number}: {shown}", markup=False)
    rate, peak, spent = (
        memory[key] for key in ("bytes_per_cycle", "peak_bytes_per_cycle", "energy_pj")
    )
    paid = "" if spent is None else f"; {energy(sum(spent.values()))}"
    console.print(f"  {rate:.3g} of {peak:.3g} bytes per cycle{paid}", markup=False)


def _print_units(console: Console, units: Document, cycles: int) -> None:
    columns = [("unit", "left"), ("busy", "right"), ("idle", "right"), ("waits for", "left")]
    rows = []
    for name, unit in units.items():
        waits = sorted(unit["waiting"].items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{cause} {percent(amount / cycles)}" for cause, amount in waits[:3])
        rows.append([name, percent(unit["busy"] / cycles), percent(unit["idle"] / cycles), shown])
    console.print(table(columns, rows, "Units, share of the cycles"))


def print_assumptions(console: Console, assumptions: Sequence[str]) -> None:
    """Print what the figures rest on that no file says."""
    if assumptions:
        console.print("[bold]Assumptions[/bold]")
    grid = Table.grid(padding=(0, 1))
    for sentence in assumptions:
        grid.add_row(" -", Text(sentence))
    console.print(grid)

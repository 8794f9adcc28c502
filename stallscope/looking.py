"""What the commands that look at a recorded run do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stallscope.commands import load_case
from stallscope.loading_options import LoadOptions
from stallscope.options import read_window
from stallscope.report.outputs import check_free, json_text, write_file
from stallscope.report.tables import Column, make_console, percent, table, whole
from stallscope.traces.events.critical import critical_chain, in_words
from stallscope.traces.events.trace import Trace, read_trace

if TYPE_CHECKING:
    import pyarrow

    from stallscope.hw.bottleneck import WhatIf
    from stallscope.traces.events.critical import Stretch

__all__ = ["Part", "bottleneck", "expand", "explain", "export", "head", "info", "occupancy"]

_ROWS = 40
_BAR = 40
_HEAD: list[Column] = [("start", "right"), ("end", "right"), ("unit", "left"), ("step", "right"),
                       ("does", "left"), ("words", "right"), ("lost", "left"),
                       ("delivered", "right")]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """What part of a trace is meant: --window and --unit as given."""

    window: str | None = None
    units: tuple[str, ...] = ()

    def range(self, trace: Trace) -> tuple[int, int]:
        """Return the cycles meant, by default all that were recorded."""
        return trace.range(*((None, None) if self.window is None else read_window(self.window)))

    def rows(self, trace: Trace) -> Iterator[pyarrow.Table]:
        """Yield the rows meant."""
        window = (None, None) if self.window is None else read_window(self.window)
        return trace.batches(*window, units=self.units or None)


def info(folder: Path, as_json: bool) -> None:
    """Summarise a trace."""
    trace = read_trace(folder)
    meta = trace.meta
    units = _unit_facts(trace)
    facts: dict[str, Any] = {
        "name": meta.name,
        "cycles": meta.cycles,
        "complete": meta.is_complete,
        "window": list(meta.window) if meta.window else None,
        "rows": {"stored": meta.rows, "expanded": trace.rows},
        "repeats": meta.repeats,
        "bytes": sum(file.stat().st_size for file in trace.folder.iterdir() if file.is_file()),
        "stallscope": meta.stallscope,
        "inputs": [{"file": file, "sha256": digest} for file, digest in meta.inputs],
        "seed": meta.seed,
    }
    if as_json:
        typer.echo(json_text(facts | {"units": units}), nl=False)
        return
    console = make_console()
    console.print(f"[bold]{meta.name}[/bold]")
    window = f"{meta.window[0]}:{meta.window[1]}" if meta.window else "all"
    stored = f"{meta.rows:,} rows and {meta.repeats:,} repeats, {facts['bytes'] / 1e3:,.1f} kB"
    lines = [
        ("cycles", whole(meta.cycles) + ("" if meta.is_complete else "  until the deadlock")),
        ("recorded", window),
        ("stored", stored),
        ("expanded", f"{trace.rows:,} rows"),
        ("by", f"stallscope {meta.stallscope}"),
    ]
    for label, value in lines:
        console.print(f"  {label:<10} {value}")
    columns: list[Column] = [("unit", "left"), ("steps", "right"), ("waits", "right"),
                             ("busy", "right"), ("waiting", "right"),
                             ("words", "right")]  # fmt: skip
    rows = [[unit["unit"], *(whole(unit[name]) for name, _ in columns[1:])] for unit in units]
    console.print(table(columns, rows, ""))


def _unit_facts(trace: Trace) -> list[dict[str, Any]]:
    """Per unit: steps and waits recorded, and their cycles."""
    import numpy as np

    stored = trace.stored
    weights = stored.repeats.weights()
    spans = (stored.column("end") - stored.column("start")) * weights
    words = stored.column("words") * weights
    facts = []
    for name in trace.units:
        own = stored.unit_of == trace.number(name)
        works, waits = own & ~stored.is_wait, own & stored.is_wait
        facts.append(
            {
                "unit": name,
                "steps": int(np.sum(weights[works])),
                "waits": int(np.sum(weights[waits])),
                "busy": int(np.sum(spans[works])),
                "waiting": int(np.sum(spans[waits])),
                "words": int(np.sum(words[works])),
            }
        )
    return facts


def head(folder: Path, part: Part, count: int, as_json: bool) -> None:
    """List the first slices of a window."""
    trace = read_trace(folder)
    rows: list[dict[str, Any]] = []
    for batch in part.rows(trace):
        rows += batch.slice(0, count - len(rows)).to_pylist()
        if len(rows) >= count:
            break
    if as_json:
        typer.echo(json_text({"rows": rows}), nl=False)
        return
    cells = [_slice(row) for row in rows]
    make_console().print(table(_HEAD, cells, trace.meta.name))


def _slice(row: dict[str, Any]) -> list[RenderableType]:
    """One slice for people."""
    waits = row["awaits"] is not None
    lost = f"{row['wait_cycles']:,} {row['wait_class']}" if row["wait_cycles"] else ""
    return [
        whole(row["start"]),
        whole(row["end"]),
        row["unit"],
        whole(row["step"]),
        f"waits for {in_words(row['awaits'], row['tensor'])}" if waits else row["op"],
        "" if row["words"] is None else whole(row["words"]),
        lost,
        "" if waits else whole(row["delivered"]),
    ]


def expand(folder: Path, part: Part, out: Path, force: bool) -> None:
    """Write the expanded rows of a window, a batch at a time."""
    check_free(out, force=force)
    trace = read_trace(folder)
    part.range(trace)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = 0

    def write(partial: Path) -> None:
        nonlocal rows
        rows = _write_batches(part.rows(trace), partial)

    write_file(out, write)
    typer.echo(f"{rows:,} rows written to {out}")


def _write_batches(batches: Any, partial: Path) -> int:  # Any: pyarrow has no types
    """Write tables to one file, whose ending says the format; returns the rows."""
    import pyarrow.csv
    import pyarrow.parquet

    rows = 0
    writer: Any = None
    is_csv = partial.suffix == ".csv"
    for batch in batches:
        shown = _plain(batch)
        if writer is None:
            make = pyarrow.csv.CSVWriter if is_csv else pyarrow.parquet.ParquetWriter
            writer = make(partial, shown.schema)
        writer.write_table(shown)
        rows += shown.num_rows
    writer.close()
    return rows


def _plain(rows: pyarrow.Table) -> pyarrow.Table:
    """The same with texts as plain strings."""
    import pyarrow

    fields = [
        (field.name, pyarrow.string() if pyarrow.types.is_dictionary(field.type) else field.type)
        for field in rows.schema
    ]
    return rows.cast(pyarrow.schema(fields))


def occupancy(folder: Path, unit: str, every: int | None, part: Part, as_json: bool) -> None:
    """Show what a unit did over time."""
    trace = read_trace(folder)
    first, last = part.range(trace)
    step = every or max(1, -(-(last - first) // _ROWS))
    rows = trace.occupancy(unit, every=step, start=first, end=last).to_pylist()
    if as_json:
        typer.echo(json_text({"unit": unit, "rows": rows}), nl=False)
        return
    console = make_console()
    cells: list[list[RenderableType]] = [
        [whole(row["start"]), whole(row["end"]), whole(row["busy"]), whole(row["waiting"]),
         whole(row["idle"]), f"{row['words']:,.1f}",
         _bar(row, step, ascii_only=console.options.ascii_only)]
        for row in rows
    ]  # fmt: skip
    columns = [(name, "right") for name in ("start", "end", "busy", "waiting", "idle", "words")]
    console.print(table([*columns, ("busy, then waiting", "left")], cells, unit))


def _bar(row: dict[str, Any], length: int, *, ascii_only: bool) -> Text:
    """One interval as a bar."""
    busy = round(_BAR * row["busy"] / length)
    waiting = round(_BAR * (row["busy"] + row["waiting"]) / length) - busy
    text = Text("#" * busy if ascii_only else "█" * busy, style="green")
    return text.append("." * waiting, style="yellow")


def export(folder: Path, part: Part, out: Path, file_format: str | None, force: bool) -> None:
    """Write a trace for a viewer."""
    check_free(out, force=force)
    trace = read_trace(folder)
    first, last = part.range(trace)
    chosen = file_format or ("chrome" if out.suffix == ".json" else "perfetto")
    if chosen == "chrome":
        from stallscope.traces.events.chrome import export_chrome as write
    else:
        from stallscope.traces.events.perfetto_export import export_perfetto as write
    out.parent.mkdir(parents=True, exist_ok=True)
    done = write(trace, out, start=first, end=last)
    typer.echo(
        f"{done.slices:,} slices, {done.flows:,} arrows and {done.counters:,} counter values "
        f"written to {out}"
    )


# ---------------------------------------------------------------------- why


def explain(folder: Path, top: int, as_json: bool) -> None:
    """Say what the critical chain of a run is."""
    trace = read_trace(folder)
    chain = critical_chain(trace)
    if as_json:
        found = [asdict(one) | {"share": one.cycles / trace.cycles} for one in chain]
        typer.echo(json_text({"cycles": trace.cycles, "chain": found}), nl=False)
        return
    console = make_console()
    console.print(f"[bold]{trace.meta.name}: what took {trace.cycles:,} cycles[/bold]")
    console.print("One thing after the other, each because something waited for it:\n")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column()
    for one in chain[:top]:
        grid.add_row(percent(one.cycles / trace.cycles), whole(one.cycles), _sentence(one))
    left = chain[top:]
    if left:
        rest = sum(one.cycles for one in left)
        more = f"{len(left)} shorter stretches (--top)"
        grid.add_row(percent(rest / trace.cycles), whole(rest), more)
    console.print(grid)


def _sentence(one: Stretch) -> Text:
    """One stretch in words."""
    text = Text(f"{one.what}, ", style="bold").append(one.cause)
    plain = f"\n{one.because}; cycles {one.start:,} to {one.end:,}"
    return text.append(plain, style="not bold")


def _ideal(one: WhatIf) -> str:
    """What is ideal in a run, in words."""
    return f"{one.ideal} of {one.resource}" if one.resource else one.ideal


def bottleneck(
    files: Sequence[str], options: LoadOptions, as_json: bool, *, fast_forward: bool
) -> None:
    """Say what making one thing ideal at a time would save."""
    case = load_case(files, options)
    from stallscope.hw import bottleneck as hw

    found = hw.bottleneck(case, fast_forward=fast_forward)
    if as_json:
        document = {"name": case.name, "ideal_tiles": hw.IDEAL_TILES,
                    "runs": [asdict(one) for one in found]}  # fmt: skip
        typer.echo(json_text(document), nl=False)
        return
    base = found[0].cycles
    columns = [("ideal", "left"), ("cycles", "right"), ("saved", "right"), ("share", "right")]
    rows = [
        [_ideal(one), whole(one.cycles), whole(one.saved),
         percent(one.saved / base)]
        for one in found
    ]  # fmt: skip
    console = make_console()
    console.print(table(columns, rows, f"{case.name}: one thing ideal at a time"))
    banks = " Ideal banks do not conflict." if any(one.ideal == "banks" for one in found) else ""
    console.print(
        f"Ideal bandwidth is unlimited, ideal latency 0; ideal capacity holds {hw.IDEAL_TILES} "
        "tiles of each tensor; without contention every unit has all ports to itself. Another "
        f"address map is no ideal, but another choice; an ideal window is the largest.{banks}"
    )

"""The command ``run``: a network on an accelerator, with progress on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import stallscope
from stallscope.catalog import Network, Preset, accelerator_of, load_network, network_of
from stallscope.commands import Events, Output, warn_of_energy
from stallscope.hw.simulate import Tracing
from stallscope.report.document import SCHEMA_VERSION, Document
from stallscope.report.network import Shown, print_network
from stallscope.report.outputs import OutputFolder, json_text
from stallscope.report.tables import make_console
from stallscope.run import (
    LayerCase,
    LayerRun,
    LoadOptions,
    layer_row,
    load_layers,
    network_document,
    simulate_layers,
)
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Job", "run_network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to run: names or paths; ``beside`` may be ``none``."""

    accelerator: tuple[str, ...]
    network: str | None
    beside: str | None


@dataclass(slots=True)
class _Part:
    """The layers on one accelerator, and those that are done."""

    accelerator: str
    layers: list[LayerCase]
    done: list[LayerRun]


def run_network(
    job: Job,
    options: LoadOptions,
    output: Output,
    events: Events,
    *,
    fast_forward: bool,
    audit: bool,
) -> None:
    """Run a network layer by layer; what is finished is kept when a later layer fails."""
    folder = output.folder()
    chosen = [accelerator_of(name) for name in job.accelerator]
    network = load_network(_network(job, chosen[0]))
    parts = [_load(network, chosen, options)]
    twin = _twin(job, chosen, options)
    if twin is not None:
        parts.append(_load(network, [twin, *chosen[1:]], options))
    steps = [f"{part.accelerator}: {layer.name}" for part in parts for layer in part.layers]
    with _progress(steps) as advance:
        for part in parts:
            tracing = partial(_tracing, events, output, part.accelerator)
            for done in simulate_layers(
                part.layers, fast_forward=fast_forward, audit=audit, tracing=tracing
            ):
                part.done.append(done)
                advance()
                if folder is not None:
                    _write(folder, network, parts)
    document = _document(network, parts)
    for layer in document["layers"][:1]:
        warn_of_energy(layer)
    if output.as_json:
        typer.echo(json_text(document), nl=False)
        return
    shown = [Shown(accelerator=part.accelerator, document=network_document(part.done))
             for part in parts]  # fmt: skip
    print_network(make_console(), network.name, shown)
    if folder is not None:
        typer.echo(f"Written to {folder.path}: result.json, layers.csv, layers.parquet")


def _tracing(events: Events, output: Output, accelerator: str, layer: LayerCase) -> Tracing:
    """What to record of a layer: into ``traces/ACCELERATOR/LAYER`` of the output folder."""
    return events.tracing(output, "traces", *map(_as_folder, (accelerator, layer.name)))


def _as_folder(name: str) -> str:
    """A name as that of one folder."""
    kept = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in name)
    return kept.strip(". ") or "_"


def _network(job: Job, accelerator: Preset) -> Preset:
    name = job.network or accelerator.network
    if name is None:
        raise SpecError([Fault(place="--network", value="", rule="this accelerator has no example",
                               remedy="give --network NAME or FILE")])  # fmt: skip
    return network_of(name)


def _twin(job: Job, chosen: Sequence[Preset], options: LoadOptions) -> Preset | None:
    """Return the accelerator beside; a changed accelerator has no twin unless one is named."""
    name = job.beside or (None if options.overrides else chosen[0].beside)
    return None if name is None or name == "none" else accelerator_of(name)


def _load(network: Network, accelerator: Sequence[Preset], options: LoadOptions) -> _Part:
    layers = load_layers(network, [preset.path for preset in accelerator], options)
    return _Part(accelerator[0].name, layers, [])


def _document(network: Network, parts: Sequence[_Part]) -> Document:
    """Return the document of the run; ``beside`` is the second accelerator's."""
    first = parts[0]
    document: Document = {
        "schema": SCHEMA_VERSION,
        "stallscope": stallscope.__version__,
        "network": network.name,
        "accelerator": first.accelerator,
        "complete": all(len(part.done) == len(part.layers) for part in parts),
    } | network_document(first.done)
    document["beside"] = [
        {"accelerator": part.accelerator} | network_document(part.done) for part in parts[1:]
    ]
    return document


def _write(folder: OutputFolder, network: Network, parts: Sequence[_Part]) -> None:
    """Write what is finished so far."""
    rows = [layer_row(done, part.accelerator) for part in parts for done in part.done]
    folder.write_table("layers", rows)
    folder.write_json("result.json", _document(network, parts))


@contextlib.contextmanager
def _progress(steps: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Show progress on stderr, naming the step under way; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    left = iter([*steps[1:], "writing"])
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(steps[0], total=len(steps))
        yield lambda: bar.update(task, advance=1, description=next(left), refresh=True)

"""The command ``run``: a network on an accelerator, with progress on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stallscope.catalog import Preset, accelerator_of, load_network, network_of
from stallscope.commands import Events, Output, warn_of_energy
from stallscope.failures import note
from stallscope.hw.simulate import Tracing
from stallscope.mappings.case import Case
from stallscope.mappings.layers import LayerNetwork
from stallscope.network_results import NetworkResults, Part
from stallscope.network_runs import selected
from stallscope.report.network import Shown, print_network
from stallscope.report.outputs import json_text
from stallscope.report.tables import make_console
from stallscope.run import LayerCase, LayerRun, LoadOptions, load_layers, simulate_layers
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Job", "run_network"]

Simulation = Callable[[Part], Iterator[LayerRun]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to run: names or paths; ``beside`` may be ``none``.

    Attributes:
        layers: Patterns of the names of layers, as in a shell; none: all layers.
        jobs: Processes to simulate layers in.
    """

    accelerator: tuple[str, ...]
    network: str | None
    beside: str | None
    layers: tuple[str, ...] = ()
    jobs: int = 1


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
    whole = load_network(_network(job, chosen[0]))
    if options.zeros is not None:
        options.zeros.check(whole)
    network = selected(whole, job.layers)
    parts = [_load(network, chosen, options)]
    twin = _twin(job, chosen, options)
    if twin is not None:
        parts.append(_load(network, [twin, *chosen[1:]], options))
    for sentence in network.notes:
        note(sentence)
    for part in parts if options.zeros is not None else ():
        if not any(_heeds_zeros(layer) for layer in part.layers):
            note(f"{part.accelerator} stores and multiplies zeros like other words")
    results = NetworkResults(network=network.name, layers=len(whole.layers), parts=parts)

    def simulation(part: Part) -> Iterator[LayerRun]:
        tracing = partial(_tracing, events, output, part.accelerator)
        return simulate_layers(
            part.layers, fast_forward=fast_forward, audit=audit, tracing=tracing, jobs=job.jobs
        )

    _simulate(results, simulation, output)
    for layer in parts[0].document()["layers"][:1]:
        warn_of_energy(layer)
    if output.as_json:
        typer.echo(json_text(results.document()), nl=False)
        return
    shown = [Shown(accelerator=part.accelerator, document=part.document()) for part in parts]
    some = "" if len(network.layers) == len(whole.layers) else f" of {len(whole.layers)}"
    print_network(make_console(), network.name, shown, f"{len(network.layers)}{some} layers")
    if folder is not None:
        typer.echo(f"Written to {folder.path}: result.json, layers.csv, layers.parquet")


def _simulate(results: NetworkResults, simulation: Simulation, output: Output) -> None:
    """Simulate all layers; write each when it is done, and all files however it ends."""
    folder = output.folder()
    try:
        for part in results.parts:
            # Workers start here, before the bar has a thread.
            runs = simulation(part)
            with _progress(part) as advance:
                for run in runs:
                    part.add(run)
                    advance(run)
                    if folder is not None and run.same_as is None:
                        folder.write_csv("layers.csv", results.rows())
    finally:
        if folder is not None and results.done:
            results.write(folder)
            if results.done < results.asked:
                note(f"{results.done} of {results.asked} layers are done, and in {folder.path}")


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


def _heeds_zeros(layer: LayerCase) -> bool:
    """Whether an accelerator makes anything of zeros."""
    assert isinstance(layer.case, Case)  # crossbars have refused them
    architecture = layer.case.architecture
    has_formats = any(level.formats for level in architecture.levels)
    return architecture.compute.sparse is not None or has_formats


def _twin(job: Job, chosen: Sequence[Preset], options: LoadOptions) -> Preset | None:
    """Return the accelerator beside; a changed accelerator has no twin unless one is named."""
    name = job.beside or (None if options.overrides else chosen[0].beside)
    return None if name is None or name == "none" else accelerator_of(name)


def _load(network: LayerNetwork, accelerator: Sequence[Preset], options: LoadOptions) -> Part:
    layers = load_layers(network, [preset.path for preset in accelerator], options)
    return Part(accelerator[0].name, layers)


@contextlib.contextmanager
def _progress(part: Part) -> Iterator[Callable[[LayerRun], None]]:
    """Show progress on stderr, naming the layer under way; nothing where that is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    left = {layer.name: None for layer in part.layers}

    def text() -> str:
        return f"{part.accelerator}: {next(iter(left), 'writing')}"

    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(text(), total=len(left))

        def advance(run: LayerRun) -> None:
            left.pop(run.layer.name)
            bar.update(task, advance=1, description=text(), refresh=True)

        yield advance

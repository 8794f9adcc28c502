"""The command that runs networks: which layers, on what, and with which zeros."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from stallscope.failures import exit_codes
from stallscope.options import (
    Audit,
    Beside,
    DataflowChoice,
    Dataflows,
    Elision,
    Force,
    Jobs,
    Json,
    Layers,
    Links,
    NetworkName,
    NoFast,
    Out,
    Records,
    Reuse,
    Schedule,
    Set,
    Trace,
    TraceLevel,
    Window,
    is_on,
)

__all__ = ["add_network_commands"]

Density = Annotated[
    list[str] | None,
    typer.Option(
        "--density",
        metavar="TENSOR=SHARE",
        help="Words of a tensor that are not zero, of every layer, as Weights=0.2; "
        "may be repeated.",
    ),
]
Distributions = Annotated[
    list[str] | None,
    typer.Option(
        "--distribution",
        metavar="[TENSOR=]KIND",
        help="How they are drawn: uniform, per_channel:SPREAD, N:M, block:AxBx...",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all zeros that are drawn.")]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="Weights by the names of layers: .npz, .safetensors, .h5, .keras.",
    ),
]
Prune = Annotated[
    float | None,
    typer.Option(
        "--prune",
        metavar="SHARE",
        help="Make so many of the weights in the file zero, the smallest of each layer.",
    ),
]
Densities = Annotated[
    Path | None,
    typer.Option(
        "--densities",
        metavar="FILE",
        help="Densities by layer, CSV with layer,Weights,Inputs or YAML.",
    ),
]


def run(
    accelerator: Annotated[
        list[str],
        typer.Option(
            "--accelerator", metavar="NAME|FILE", help="A preset or file; may be repeated."
        ),
    ],
    network: NetworkName = None,
    layers: Layers = None,
    dataflow: DataflowChoice = Dataflows.AUTO,
    jobs: Jobs = 1,
    beside: Beside = None,
    out: Out = None,
    as_json: Json = False,
    trace: Trace = TraceLevel.OFF,
    window: Window = None,
    no_fast_forward: NoFast = False,
    audit: Audit = False,
    schedule: Schedule = None,
    records: Records = None,
    density: Density = None,
    distribution: Distributions = None,
    seed: Seed = 0,
    weights: Weights = None,
    prune: Prune = None,
    densities: Densities = None,
    reuse: Reuse = None,
    link_transfers: Links = None,
    first_read_elision: Elision = None,
    settings: Set = None,
    force: Force = False,
) -> None:
    """Run the main job: the layers of a network in series, buffers empty at each start."""
    with exit_codes():
        if no_fast_forward and audit:
            raise typer.BadParameter("give either --no-fast-forward or --audit-fast-forward")
        from stallscope import commands, networks
        from stallscope.zeros_options import network_zeros

        zeros = network_zeros(
            density=density or (), distribution=distribution or (), seed=seed, weights=weights,
            prune=prune, densities=densities,
        )  # fmt: skip
        options = commands.load_options(
            reuse, is_on(link_transfers), is_on(first_read_elision), settings, dataflow, schedule,
            records,
        )  # fmt: skip
        options = replace(options, zeros=zeros)
        networks.run_network(
            networks.Job(
                accelerator=tuple(accelerator),
                network=network,
                beside=beside,
                layers=tuple(layers or ()),
                jobs=jobs,
            ),
            options,
            commands.Output(out, as_json, force),
            commands.Events(trace.value, window, ()),
            fast_forward=not no_fast_forward,
            audit=audit,
        )


def add_network_commands(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(run)

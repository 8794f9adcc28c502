"""The main job: the layers of a network in series on an accelerator.

Every layer starts with empty buffers, so layers are independent: identical ones are simulated
once, and the network's cycles are the sum.

Not modelled: data kept on chip from one layer to the next, overlap of layers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stallscope.catalog import Network, with_preset_names
from stallscope.hw.result import Result
from stallscope.hw.simulate import Tracing, simulate
from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.loading import load
from stallscope.report.document import Document, result_document
from stallscope.report.outputs import Cell, Row
from stallscope.simcore.errors import DeadlockError, Fault, SpecError

__all__ = [
    "LayerCase", "LayerRun", "LoadOptions", "layer_row", "load_layers", "network_document",
    "simulate_layers", "total",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What the command line says about every case that is loaded; None leaves it to the files.

    ``check`` is whether a mapping must be legal (see `load`).
    """

    reuse: str | None = None
    link_transfers: bool | None = None
    first_read_elision: bool | None = None
    overrides: tuple[str, ...] = ()
    check: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCase:
    """One layer ready to be simulated."""

    name: str
    repeat: int
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRun:
    """One layer and what was found; ``same_as`` names the layer that was simulated for it."""

    layer: LayerCase
    result: Result
    same_as: str | None = None


def load_layers(
    network: Network, accelerator: Sequence[str | os.PathLike[str]], options: LoadOptions
) -> list[LayerCase]:
    """Load every layer's case; SpecError with every fault of all of them."""
    layers: list[LayerCase] = []
    faults: dict[Fault, None] = {}
    for layer in network.layers:
        try:
            case = load(
                *accelerator,
                *layer.files,
                name=layer.name,
                reuse=options.reuse,
                link_transfers=options.link_transfers,
                first_read_elision=options.first_read_elision,
                overrides=options.overrides,
            )
        except SpecError as error:
            faults |= {replace(fault, value=str(fault.value)): None for fault in error.faults}
            continue
        case = with_preset_names(case)
        layers.append(LayerCase(name=layer.name, repeat=layer.repeat, case=case))
    if faults:
        raise SpecError(list(faults))
    return layers


def simulate_layers(
    layers: Iterable[LayerCase],
    *,
    fast_forward: bool = True,
    audit: bool = False,
    tracing: Callable[[LayerCase], Tracing] | None = None,
) -> Iterator[LayerRun]:
    """Simulate layers one after the other, identical ones once.

    Args:
        layers: The layers.
        fast_forward: See `simulate`.
        audit: See `simulate`.
        tracing: What to record of a layer; None: nothing.

    Raises:
        DeadlockError: If a layer cannot go on; its name is in the reason.
        SimulationBug: If one of our own laws is broken.
    """
    done: dict[Case, LayerRun] = {}
    for layer in layers:
        case = layer.case
        key = _anonymous(case)
        first = done.get(key)
        if first is not None:
            result = replace(first.result, name=case.name, files=case.files)
            yield LayerRun(layer=layer, result=result, same_as=first.layer.name)
            continue
        try:
            trace = tracing(layer) if tracing is not None else "off"
            result = simulate(case, fast_forward=fast_forward, audit=audit, trace=trace)
        except DeadlockError as error:
            reason = f"layer {layer.name}: {error.reason}"
            raise DeadlockError(error.cycle, error.waiters, reason) from error
        done[key] = LayerRun(layer=layer, result=result)
        yield done[key]


def _anonymous(case: Case) -> Case:
    """Return the case without what does not change its result."""
    problem = case.problem.model_copy(update={"name": "problem"})
    files: tuple[InputFile, ...] = ()
    return case.model_copy(update={"name": "case", "problem": problem, "files": files})


def network_document(runs: Sequence[LayerRun]) -> Document:
    """Return the document of a network: its layers' documents and their total."""
    layers = []
    for run in runs:
        document = result_document(run.result, run.layer.case)
        layers.append(document | {"repeat": run.layer.repeat, "same_as": run.same_as})
    return {"layers": layers, "total": total(runs)}


def total(runs: Sequence[LayerRun]) -> Document:
    """Return the sums over all layers, each as often as it stands in the network."""
    pairs = [(run.result, run.layer.repeat) for run in runs]
    cycles = sum(result.cycles * times for result, times in pairs)
    analytical = sum(result.analytical.cycles * times for result, times in pairs)
    macs = sum(result.macs * times for result, times in pairs)
    slots = sum(result.cycles * result.counts.compute.instances * times for result, times in pairs)
    energy = _sum((result.energy_pj, times) for result, times in pairs)
    once = [run.result.simulation for run in runs if run.same_as is None]
    return {
        "layers": sum(times for _, times in pairs),
        "macs": macs,
        "cycles": cycles,
        "seconds_at_clock": _sum((result.seconds_at_clock, times) for result, times in pairs),
        "analytical": {
            "cycles": analytical,
            "energy_pj": _sum((result.analytical.energy_pj, times) for result, times in pairs),
        },
        "ratio": cycles / analytical if analytical else None,
        "utilization": macs / slots if slots else 0.0,
        "energy_pj": energy,
        "edp_pj_cycles": None if energy is None else energy * cycles,
        "cycle_stack": stack_of(pairs),
        "simulation": {
            "cpu_seconds": sum(info.cpu_seconds for info in once),
            "events": sum(info.events for info in once),
            "fast_forwarded_cycles": sum(info.fast_forwarded_cycles for info in once),
            "peak_memory_bytes": max((info.peak_memory_bytes for info in once), default=0),
        },
    }


def stack_of(pairs: Iterable[tuple[Result, int]]) -> dict[str, int]:
    """Sum cycle stacks, each taken a number of times."""
    stack: dict[str, int] = {}
    for result, times in pairs:
        for name, cycles in result.cycle_stack.items():
            stack[name] = stack.get(name, 0) + times * cycles
    return stack


def _sum(values: Iterable[tuple[float | None, int]]) -> float | None:
    """Sum, or None if a part is not known."""
    amount = 0.0
    for value, times in values:
        if value is None:
            return None
        amount += value * times
    return amount


def layer_row(run: LayerRun, accelerator: str) -> Row:
    """Return a layer's line of ``layers.csv``; nothing in it differs between equal runs."""
    result, estimate = run.result, run.result.analytical
    row: dict[str, Cell] = {
        "accelerator": accelerator,
        "layer": run.layer.name,
        "repeat": run.layer.repeat,
        "macs": result.macs,
        "cycles": result.cycles,
        "analytical_cycles": estimate.cycles,
        "ratio": result.cycles / estimate.cycles,
        "bound_by": estimate.bound_by,
        "utilization": result.utilization,
        "seconds_at_clock": result.seconds_at_clock,
        "energy_pj": result.energy_pj,
        "analytical_energy_pj": estimate.energy_pj,
    }
    return row | {f"{name}_cycles": cycles for name, cycles in result.cycle_stack.items()}

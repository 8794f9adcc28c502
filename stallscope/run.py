"""The main job: the layers of a network in series on an accelerator.

Every layer starts with empty buffers, so layers are independent: identical ones are simulated
once, and the network's cycles are the sum.

Not modelled: data kept on chip from one layer to the next, overlap of layers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from stallscope.catalog import with_preset_names
from stallscope.crossbar_cases import crossbar_cases
from stallscope.crossbars import refuse_rules, simulate_crossbar_case
from stallscope.hw.result import Result
from stallscope.hw.simulate import Tracing, simulate
from stallscope.layer_cases import ShapeCases, with_zeros
from stallscope.loading_options import LoadOptions
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.case import Case, InputFile
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.layers import Layer, LayerNetwork
from stallscope.mappings.loading import load
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.files import is_of_crossbars
from stallscope.options import ScheduleChoice
from stallscope.report.crossbars import crossbar_columns, crossbar_document, crossbar_totals
from stallscope.report.document import Document, inputs_document, result_document
from stallscope.report.outputs import Cell, Row
from stallscope.simcore.errors import DeadlockError, Fault, SpecError
from stallscope.workers import Workers

__all__ = [
    "LayerCase", "LayerRun", "LoadOptions", "layer_document", "layer_row", "load_layers",
    "network_document", "simulate_layers", "total",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCase:
    """One layer ready to be simulated.

    Attributes:
        dataflow: The tensor that stays in the array, if a template made the mapping.
    """

    name: str
    repeat: int
    case: Case | CrossbarCase
    dataflow: Dataflow | None = None

    @property
    def array(self) -> str:
        """MAC units along Y and X, ``16x16``; rows and columns of a logical crossbar."""
        if isinstance(self.case, CrossbarCase):
            crossbar = self.case.chip.crossbar
            return f"{crossbar.rows}x{crossbar.columns}"
        compute = self.case.architecture.compute
        return f"{compute.y}x{compute.x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRun:
    """One layer and what was found; ``same_as`` names the layer that was simulated for it."""

    layer: LayerCase
    result: Result
    same_as: str | None = None


def load_layers(
    network: LayerNetwork, accelerator: Sequence[str | os.PathLike[str]], options: LoadOptions
) -> list[LayerCase]:
    """Load every layer's case, or map its shape; SpecError with every fault of all of them."""
    if is_of_crossbars(accelerator):
        return _on_crossbars(network, accelerator, options)
    if options.schedule is not None or options.records is not None:
        rule, remedy = "is for accelerators of crossbars", "leave it out"
        place = "--schedule" if options.schedule is not None else "--records"
        value = options.schedule or options.records
        raise SpecError([Fault(place=place, value=str(value), rule=rule, remedy=remedy)])
    layers: list[LayerCase] = []
    faults: dict[Fault, None] = {}
    shapes: ShapeCases | None = None
    if options.dataflow is not None and all(layer.files for layer in network.layers):
        rule, remedy = "every layer comes with its mapping", "leave it out"
        raise SpecError([Fault(place="--dataflow", value=options.dataflow.value, rule=rule,
                               remedy=remedy)])  # fmt: skip
    if any(layer.shape is not None for layer in network.layers):
        shapes = _shape_cases(accelerator, options)
    for layer in network.layers:
        try:
            case, dataflow = _load_layer(layer, network, accelerator, options, shapes)
        except SpecError as error:
            faults |= {replace(fault, value=str(fault.value)): None for fault in error.faults}
            continue
        case = with_preset_names(case)
        layers.append(LayerCase(name=layer.name, repeat=layer.repeat, case=case, dataflow=dataflow))
    if not faults and options.zeros is not None:
        options.zeros.check_found(layer.case for layer in layers if isinstance(layer.case, Case))
    if faults:
        raise SpecError(list(faults))
    return layers


def _on_crossbars(
    network: LayerNetwork, chip: Sequence[str | os.PathLike[str]], options: LoadOptions
) -> list[LayerCase]:
    """Every layer on a chip of crossbars."""
    refuse_rules(options)
    choice = options.schedule or ScheduleChoice.DEFAULT
    if options.records is not None and choice is ScheduleChoice.DEFAULT:
        rule, remedy = "is of schedules that are looked for", "give --schedule, too"
        raise SpecError([Fault(place="--records", value=str(options.records), rule=rule,
                               remedy=remedy)])  # fmt: skip
    return [
        LayerCase(name=layer.name, repeat=layer.repeat, case=with_preset_names(case))
        for layer, case in crossbar_cases(network, chip, options.overrides, choice, options.records)
    ]


def _load_layer(
    layer: Layer,
    network: LayerNetwork,
    accelerator: Sequence[str | os.PathLike[str]],
    options: LoadOptions,
    shapes: ShapeCases | None,
) -> tuple[Case, Dataflow | None]:
    if layer.shape is not None and shapes is not None:
        return shapes.case(layer, network.files)
    case = load(
        *accelerator,
        *layer.files,
        name=layer.name,
        reuse=options.reuse,
        link_transfers=options.link_transfers,
        first_read_elision=options.first_read_elision,
        overrides=options.overrides,
    )
    return case if options.zeros is None else with_zeros(case, layer, options.zeros), None


def _shape_cases(accelerator: Sequence[str | os.PathLike[str]], options: LoadOptions) -> ShapeCases:
    loaded = load_accelerator(
        *accelerator,
        overrides=options.overrides,
        reuse=options.reuse,
        link_transfers=options.link_transfers,
        first_read_elision=options.first_read_elision,
    )
    return ShapeCases(loaded, options.dataflow, options.zeros)


@dataclass(frozen=True, slots=True)
class _Task:
    """One case to simulate."""

    layer: str
    case: Case | CrossbarCase
    tracing: Tracing


def simulate_layers(
    layers: Iterable[LayerCase],
    *,
    fast_forward: bool = True,
    audit: bool = False,
    tracing: Callable[[LayerCase], Tracing] | None = None,
    jobs: int = 1,
) -> Iterator[LayerRun]:
    """Simulate layers one after the other, identical ones once.

    Args:
        layers: The layers.
        fast_forward: See `simulate`.
        audit: See `simulate`.
        tracing: What to record of a layer; None: nothing.
        jobs: Processes. With more than one, layers come as they are done, and their results
            without the trace, which is in its folder.

    Raises:
        DeadlockError: If a layer cannot go on; its name is in the reason.
        SimulationBug: If one of our own laws is broken.
    """
    plan = _Plan([], [], [])
    numbers: dict[Case | CrossbarCase, int] = {}
    for layer in layers:
        number = numbers.setdefault(_anonymous(layer.case), len(plan.first))
        plan.layers.append((layer, number))
        if number == len(plan.first):
            trace = tracing(layer) if tracing is not None else Tracing()
            plan.first.append(layer)
            plan.tasks.append(_Task(layer.name, layer.case, trace))
    work = partial(_simulate, fast_forward=fast_forward, audit=audit)
    if jobs == 1 or len(plan.tasks) <= 1:
        return _in_order(plan, work)
    workers = Workers(partial(_without_trace, work), plan.tasks, jobs=jobs,
                      names=[f"layer {task.layer}" for task in plan.tasks])  # fmt: skip
    return _as_done(plan, workers)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is simulated for which layers.

    Attributes:
        layers: Every layer, with the number of its task.
        first: Per task, the layer that is simulated.
        tasks: The tasks.
    """

    layers: list[tuple[LayerCase, int]]
    first: list[LayerCase]
    tasks: list[_Task]

    def run(self, layer: LayerCase, number: int, result: Result) -> LayerRun:
        """Return a layer with the result of its task."""
        first = self.first[number]
        if layer is first:
            return LayerRun(layer=layer, result=result)
        case, own = layer.case, result.assumptions[len(first.case.assumptions) :]
        known = replace(result, name=case.name, files=case.files,
                        assumptions=(*case.assumptions, *own))  # fmt: skip
        return LayerRun(layer=layer, result=known, same_as=first.name)


def _in_order(plan: _Plan, work: Callable[[_Task], Result]) -> Iterator[LayerRun]:
    done: dict[int, Result] = {}
    for layer, number in plan.layers:
        if number not in done:
            done[number] = work(plan.tasks[number])
        yield plan.run(layer, number, done[number])


def _as_done(plan: _Plan, workers: Workers[_Task, Result]) -> Iterator[LayerRun]:
    for number, result in workers.finished():
        for layer, task in plan.layers:
            if task == number:
                yield plan.run(layer, number, result)


def _simulate(task: _Task, *, fast_forward: bool, audit: bool) -> Result:
    try:
        if isinstance(task.case, CrossbarCase):
            return simulate_crossbar_case(
                task.case, fast_forward=fast_forward, audit=audit, trace=task.tracing
            )
        return simulate(task.case, fast_forward=fast_forward, audit=audit, trace=task.tracing)
    except DeadlockError as error:
        reason = f"layer {task.layer}: {error.reason}"
        raise DeadlockError(error.cycle, error.waiters, reason) from error


def _without_trace(work: Callable[[_Task], Result], task: _Task) -> Result:
    return replace(work(task), trace=None)


def _anonymous(case: Case | CrossbarCase) -> Case | CrossbarCase:
    """Return the case without what does not change its result."""
    if isinstance(case, CrossbarCase):
        return case.model_copy(update={"name": "case", "files": (), "assumptions": ()})
    problem = case.problem.model_copy(update={"name": "problem"})
    files: tuple[InputFile, ...] = ()
    said: tuple[str, ...] = ()
    return case.model_copy(
        update={"name": "case", "problem": problem, "files": files, "assumptions": said}
    )


def network_document(runs: Sequence[LayerRun]) -> Document:
    """Return the document of a network: its layers' documents and their total."""
    return {"layers": [layer_document(run) for run in runs], "total": total(runs)}


def layer_document(run: LayerRun, like: Document | None = None) -> Document:
    """Return the document of one layer of a network.

    Args:
        run: The layer.
        like: The document of the layer that was simulated for it, whose parts are shared.
    """
    layer, result = run.layer, run.result
    if like is not None:
        document = like | {
            "name": result.name,
            "inputs": inputs_document(layer.case.files),
            "assumptions": list(result.assumptions),
        }
    elif isinstance(layer.case, CrossbarCase):
        document = crossbar_document(result, layer.case)
    else:
        document = result_document(result, layer.case)
    return document | {
        "repeat": layer.repeat,
        "same_as": run.same_as,
        "dataflow": layer.dataflow.value if layer.dataflow is not None else None,
        "array": layer.array,
    }


def total(runs: Sequence[LayerRun]) -> Document:
    """Return the sums over all layers, each as often as it stands in the network."""
    pairs = [(run.result, run.layer.repeat) for run in runs]
    cycles = sum(result.cycles * times for result, times in pairs)
    analytical = sum(result.analytical.cycles * times for result, times in pairs)
    macs = sum(result.macs * times for result, times in pairs)
    slots = sum(result.cycles * result.counts.compute.instances * times for result, times in pairs)
    energy = _sum((result.energy_pj, times) for result, times in pairs)
    once = [run.result.simulation for run in runs if run.same_as is None]
    on_crossbars = [(run.result, run.layer.case, run.layer.repeat) for run in runs
                    if isinstance(run.layer.case, CrossbarCase)]  # fmt: skip
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
        **crossbar_totals(on_crossbars),
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
        "dataflow": run.layer.dataflow.value if run.layer.dataflow is not None else None,
        "array": run.layer.array,
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
    if isinstance(run.layer.case, CrossbarCase):
        row |= crossbar_columns(result, run.layer.case)
    return row | {f"{name}_cycles": cycles for name, cycles in result.cycle_stack.items()}

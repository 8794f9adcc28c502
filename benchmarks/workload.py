"""Workloads: whole layers under the finite preset, with and without fast-forward."""

from __future__ import annotations

import resource
import sys

from benchmarks.engine import streaming_case
from benchmarks.timing import interleaved
from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.simulate import simulate
from stallscope.mappings.case import Case
from stallscope.mappings.loading import load
from stallscope.mappings.mapping import LevelMapping, Loop
from stallscope.mappings.problem import Dimension
from stallscope.traces.compile import compile_case

LARGE = 16


def alexnet() -> dict[str, Case]:
    """CONV1-5 on the finite preset, by name."""
    accelerator = accelerator_of("eyeriss-168")
    network = load_network(network_of("alexnet-conv"))
    return {
        layer.name: load(accelerator.path, *layer.files, name=layer.name)
        for layer in network.layers
    }


def doubled(case: Case) -> Case:
    """Every temporal loop of 16 or more iterations twice as long, and the bounds with it."""
    factors: dict[str, int] = {}
    levels = []
    for level in case.mapping.levels:
        loops = []
        for loop in level.temporal:
            times = 2 if loop.extent >= LARGE else 1
            factors[loop.dimension] = factors.get(loop.dimension, 1) * times
            loops.append(Loop(dimension=loop.dimension, extent=loop.extent * times))
        levels.append(LevelMapping(**{**dict(level), "temporal": tuple(loops)}))
    dimensions = tuple(
        Dimension(name=one.name, bound=one.bound * factors.get(one.name, 1))
        for one in case.problem.dimensions
    )
    # The doubled tiles need not fit the published buffers: capacity is not what is measured.
    wide = tuple(
        one.model_copy(update={"capacity_words": None}) for one in case.architecture.levels
    )
    return case.model_copy(
        update={
            "problem": case.problem.model_copy(update={"dimensions": dimensions}),
            "mapping": case.mapping.model_copy(update={"levels": tuple(levels)}),
            "architecture": case.architecture.model_copy(update={"levels": wide}),
        }
    )


def fast_forward_gain() -> tuple[str, float, str]:
    """(b) AlexNet CONV2: CPU time without fast-forward over the time with it."""
    case = alexnet()["conv2"]
    found: dict[bool, int] = {}

    def run(is_on: bool) -> None:
        result = simulate(case, fast_forward=is_on)
        found[is_on] = result.cycles
        assert result.macs == result.counts.compute.computes

    on, off = interleaved([lambda: run(True), lambda: run(False)], repeats=2)
    assert found[True] == found[False], found
    return "CONV2: fast-forward gain", off / on, f"{off:.2f} s without, {on:.3f} s with"


def doubling_cost() -> tuple[str, float, str]:
    """(b) CONV2 with every bound of 16 or more doubled, over CONV2."""
    case = alexnet()["conv2"]
    twice = doubled(case)
    assert twice.problem.macs == 4 * case.problem.macs
    single, double = interleaved([lambda: simulate(case), lambda: simulate(twice)])
    return "CONV2: cost of doubled bounds", double / single, f"{double:.3f} s over {single:.3f} s"


def network_cost() -> tuple[str, float, str]:
    """(c) CONV1-5: CPU seconds (the limit is 5) and memory."""
    cases = list(alexnet().values())

    def run() -> None:
        for case in cases:
            result = simulate(case)
            assert sum(result.cycle_stack.values()) == result.cycles

    (seconds,) = interleaved([run], repeats=2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = memory // 2**20 if sys.platform == "darwin" else memory // 2**10
    assert memory < 400, f"{memory} MB"
    return "CONV1-5: CPU seconds", seconds, f"{memory} MB at most"


def watching_cost() -> tuple[str, float, str]:
    """(d) A run that watches but skips nothing, over the same run without watching."""
    case = streaming_case(6000)
    program = compile_case(case)

    def run(is_on: bool) -> None:
        machine = Machine(program, case.architecture, FastForwardMode(is_on))
        if machine.fast_forward is not None:
            # Nothing ever matches: every look is in vain.
            machine.fast_forward._match = lambda old, now: None
        assert machine.run() == 4 * 6000 + 4
        assert machine.fast_forward is None or not machine.fast_forward.skips

    on, off = interleaved([lambda: run(True), lambda: run(False)])
    return "watching when nothing repeats", on / off, f"{on:.3f} s over {off:.3f} s"

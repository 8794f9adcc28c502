"""Arrays that skip zeros: a network with masks of its own per layer, and very many PEs."""

from __future__ import annotations

import time

from benchmarks.timing import interleaved
from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.simulate import simulate
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.case import Case
from stallscope.mappings.layers import ConvLayer, LayerNetwork
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.mappings.sparsity.study import study
from stallscope.mappings.templates import map_layer
from stallscope.run import LoadOptions, load_layers, simulate_layers
from stallscope.zeros import NetworkZeros

ACCELERATOR = "eyeriss-sparse-168"
WEIGHTS, INPUTS = 0.2, 0.5
SIDE = 128


def resnet() -> LayerNetwork:
    """ResNet-50, every shape of a layer once."""
    network = load_network(network_of("resnet50"))
    shapes = {layer.shape: layer for layer in reversed(network.layers)}
    first = tuple(layer for layer in network.layers if shapes[layer.shape] is layer)
    return network.model_copy(update={"layers": first})


def network_cost() -> tuple[str, float, str]:
    """The shapes of ResNet-50 with a fifth of the weights, PEs in queues: CPU seconds."""
    zeros = NetworkZeros(densities={"Weights": WEIGHTS, "Inputs": INPUTS}, seed=1)
    began = time.process_time()
    layers = load_layers(resnet(), [accelerator_of(ACCELERATOR).path], LoadOptions(zeros=zeros))
    mapped = time.process_time() - began
    events = 0
    for run in simulate_layers(layers):
        account = run.result.sparsity
        assert account is not None
        assert run.result.cycles >= account.ideal_cycles
        assert account.executed_macs + account.skipped_macs == run.result.macs
        events += run.result.simulation.events
    spent = time.process_time() - began
    shown = f"{len(layers)} shapes, {mapped:.1f} s of it to map them, {events:,} events"
    return "ResNet-50, zeros skipped: CPU seconds", spent, shown


def on_array(side: int | None) -> Case:
    """A layer on the preset's PEs, or on side x side of them with a proportionally wider layer."""
    settings: list[str] = []
    layer = ConvLayer(C=32, K=32, P=28, Q=28, R=3, S=3, padding=1)
    if side is not None:
        columns = f"architecture.DummyBuffer.instances={side}"
        settings = [columns, f"architecture.DummyBuffer.mesh_x={side}"]
        for name in ("ifmap_spad", "weights_spad", "psum_spad", "mac"):
            settings += [f"architecture.{name}.instances={side * side}",
                         f"architecture.{name}.mesh_x={side}"]  # fmt: skip
        settings += [f"architecture.shared_glb.{port}_bandwidth=1024" for port in ("read", "write")]
        settings += [
            "architecture.DRAM.shared_bandwidth=256",
            "architecture.shared_glb.capacity=8 MiB",
        ]
        layer = ConvLayer(C=256, K=256, P=16, Q=16, R=3, S=3, padding=1)
    accelerator = load_accelerator(accelerator_of(ACCELERATOR).path, overrides=settings)
    problem = layer.problem()
    zeros = Sparsity(operands=(Operand(tensor="Weights", density=WEIGHTS, seed=1),
                               Operand(tensor="Inputs", density=INPUTS, seed=2)))  # fmt: skip
    mapping = map_layer(problem, accelerator.platform.architecture)
    return accelerator.case(problem, mapping, name="layer", sparsity=zeros)


def size_cost() -> tuple[str, float, str]:
    """CPU time of a pass of 16 384 PEs in queues over that of 168."""
    few, many = on_array(None), on_array(SIDE)
    passes = [study(case, depths=()).passes for case in (few, many)]
    found = {}

    def run(case: Case) -> None:
        result = simulate(case)
        assert result.sparsity is not None
        found[case.architecture.compute.instances] = result.sparsity.pes

    spent = interleaved([lambda: run(few), lambda: run(many)], repeats=2)
    assert found[SIDE * SIDE] > 100 * found[168] * 0.7, found
    each = [1e3 * seconds / count for seconds, count in zip(spent, passes, strict=True)]
    shown = f"{each[1]:.2f} ms and {each[0]:.2f} ms a pass, {found[SIDE * SIDE]:,} PEs at work"
    return "98 times the PEs, zeros skipped: cost", each[1] / each[0], shown

"""Arrays that skip zeros: a network with masks of its own per layer, and very many PEs."""

from __future__ import annotations

import time

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.simulate import simulate
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.case import Case
from stallscope.mappings.layers import ConvLayer, LayerNetwork
from stallscope.mappings.sparsity.operands import Operand, Sparsity
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


def on_large_array() -> Case:
    """A 3x3 layer of ResNet-50 on 128 x 128 of the PEs, buffers and memory as much wider."""
    settings = [f"architecture.DummyBuffer.instances={SIDE}",
                f"architecture.DummyBuffer.mesh_x={SIDE}",
                "architecture.shared_glb.read_bandwidth=1024",
                "architecture.shared_glb.write_bandwidth=1024",
                "architecture.shared_glb.capacity=8 MiB",
                "architecture.DRAM.shared_bandwidth=256"]  # fmt: skip
    for name in ("ifmap_spad", "weights_spad", "psum_spad", "mac"):
        settings.append(f"architecture.{name}.instances={SIDE * SIDE}")
        settings.append(f"architecture.{name}.mesh_x={SIDE}")
    accelerator = load_accelerator(accelerator_of(ACCELERATOR).path, overrides=settings)
    problem = ConvLayer(C=256, K=256, P=14, Q=14, R=3, S=3, padding=(1, 1)).problem()
    zeros = Sparsity(operands=(Operand(tensor="Weights", density=WEIGHTS, seed=1),
                               Operand(tensor="Inputs", density=INPUTS, seed=2)))  # fmt: skip
    mapping = map_layer(problem, accelerator.platform.architecture)
    return accelerator.case(problem, mapping, name="layer", sparsity=zeros)


def large_array_cost() -> tuple[str, float, str]:
    """A layer on 16 384 PEs in queues, compiled and simulated: CPU seconds."""
    case = on_large_array()
    began = time.process_time()
    result = simulate(case)
    spent = time.process_time() - began
    account = result.sparsity
    assert account is not None
    assert account.executed_macs + account.skipped_macs == case.problem.macs
    assert account.pes > SIDE * SIDE // 2
    shown = f"{account.pes:,} PEs at work, {result.cycles:,} cycles"
    return "16 384 PEs, zeros skipped: CPU seconds", spent, shown

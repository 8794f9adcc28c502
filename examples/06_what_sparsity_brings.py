"""What does pruning four fifths of ResNet-18's weights bring on 168 PEs that skip zeros?

Weights are drawn from a normal distribution and pruned by magnitude layer by layer; half of the
activations are zero. Preset eyeriss-sparse-168: zeros of weights skipped, two tiles of each operand
in front of a PE. First what the PEs need, tiles in time: all waiting for the slowest in every pass,
each going on as far as its queue reaches, channels dealt anew, the work spread evenly. Then one
layer is simulated: what memories and metadata leave of that.
"""

import numpy as np

import stallscope as ss
from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.mappings.layers import Layer
from stallscope.mappings.sparsity.files import pattern_of
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.run import LoadOptions, load_layers

ACCELERATOR, NETWORK, SIMULATED = "eyeriss-sparse-168", "resnet18", "layer2.0.conv1"
KEPT = 0.2  # share of the weights that are left: those of largest magnitude
INPUTS = 0.5  # share of the activations that are not zero: a round figure
SEED = 18
QUEUE = 2  # tiles of each operand that wait in front of a PE, as in the preset
COLUMNS = ("dense", "ideal", "barrier", "queue", "endless", "dealt, barrier", "dealt, queue")


def pruned(layers: tuple[Layer, ...]) -> dict[str, Sparsity]:
    """Zeros of every layer."""
    numbers = np.random.default_rng(SEED)
    found = {}
    for layer in layers:
        assert layer.shape is not None
        problem = layer.shape.problem()
        values = numbers.standard_normal(problem.tensor("Weights").tile_shape(problem.bounds))
        weights = pattern_of(values, problem, "Weights", density=KEPT)
        inputs = Operand(tensor="Inputs", density=INPUTS, seed=SEED)
        found[layer.name] = Sparsity(operands=(Operand(tensor="Weights", pattern=weights), inputs))
    return found


def cycles_of(case: ss.Case) -> tuple[int, ...]:
    """Cycles of the PEs, one figure per column."""
    found = ss.imbalance(case, depths=(QUEUE, None))
    mapped, dealt = found.as_mapped, found.rebalanced
    (_, queue), (_, endless) = mapped.queue_cycles
    return (found.dense_cycles, mapped.ideal_cycles, mapped.barrier_cycles, queue, endless,
            dealt.barrier_cycles, dealt.queue_cycles[0][1])  # fmt: skip


def simulate(title: str, sparsity: dict[str, Sparsity], *settings: str) -> None:
    """Print where the cycles of one layer go."""
    run = ss.run_network(NETWORK, ACCELERATOR, layers=[SIMULATED], settings=settings,
                         sparsity=sparsity)  # fmt: skip
    result = run.layers[SIMULATED]
    slowest = 0.0 if result.sparsity is None else result.sparsity.imbalance_cycles
    computing, memory = result.cycle_stack["compute"], result.counts.levels[0].tensors.values()
    words = sum(one.reads + one.updates for one in memory)
    metadata = sum(one.metadata_reads + one.metadata_updates for one in memory)
    waiting = result.cycles - computing
    print(f"{title:8}{result.cycles:9,}{computing:11,}{waiting:9,}{slowest:12,.0f}"
          f"{words:22,}{metadata:18,}{(run.energy_pj or 0) / 1e6:7.1f} µJ")  # fmt: skip


network = load_network(network_of(NETWORK))
zeros = pruned(network.layers)
print(f"cycles without zeros, and how many times fewer with {1 - KEPT:.0%} of the weights zero")
print(f"{'':20}{COLUMNS[0]:>12}" + "".join(f"{name:>15}" for name in COLUMNS[1:]))
table = {layer.name: cycles_of(layer.case) for layer in load_layers(
    network, [accelerator_of(ACCELERATOR).path], LoadOptions(zeros=ss.NetworkZeros(given=zeros))
)}  # fmt: skip
table["all layers"] = tuple(sum(column) for column in zip(*table.values(), strict=True))
for name, (dense, *fewer) in table.items():
    print(f"{name:20}{dense:12,}" + "".join(f"{dense / one:15.2f}" for one in fewer))
print(f"\n{SIMULATED}, simulated")
print(f"{'':8}{'cycles':>9}{'computing':>11}{'waiting':>9}{'slowest PE':>12}"
      f"{'words of main memory':>22}{'of them metadata':>18}{'energy':>10}")  # fmt: skip
simulate("dense", {})
for mode in ("barrier", "queue"):
    simulate(mode, {SIMULATED: zeros[SIMULATED]}, f"architecture.mac.sparse.mode={mode}")

"""Which data flow suits which layer on a 16 x 16 systolic array, and where do its cycles go?

Three layers of ResNet-18, output- and weight-stationary, mapped by the template and simulated on
the preset gemmini-like-16. Below, one of them as SCALE-Sim would charge it, rule by rule.
"""

from __future__ import annotations

from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.simulate import simulate
from stallscope.hw.systolic.walk import walk_rules
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.case import Case
from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.layers import Layer
from stallscope.mappings.systolic import Convention
from stallscope.mappings.templates import map_layer

LAYERS = ("layer1.0.conv1", "layer4.0.conv2", "fc")
SHOWN = 3  # largest classes of the cycle stack besides computing


def case_of(layer: Layer, dataflow: Dataflow) -> Case:
    """Map one layer with one data flow."""
    assert layer.shape is not None
    accelerator = load_accelerator(accelerator_of("gemmini-like-16").path)
    problem = layer.shape.problem()
    mapping = map_layer(problem, accelerator.platform.architecture, dataflow=dataflow)
    return accelerator.case(problem, mapping, name=layer.name, layout=layer.shape.layout)


def main() -> None:
    """Print a line per layer and data flow, then one layer by SCALE-Sim's rules."""
    layers = {layer.name: layer for layer in load_network(network_of("resnet18")).layers}
    for name in LAYERS:
        for dataflow in (Dataflow.OS, Dataflow.WS):
            result = simulate(case_of(layers[name], dataflow))
            array = result.systolic
            assert array is not None
            losses = {name: n for name, n in result.cycle_stack.items() if name != "compute"}
            lost = sorted(losses, key=lambda cause: -losses[cause])[:SHOWN]
            print(
                f"{name:15} {dataflow}  {result.cycles:9,} cycles, "
                f"{result.utilization:6.1%} of peak; {array.folds:6,} folds on "
                f"{array.mapped:6.1%} of the PEs; "
                + ", ".join(f"{cause} {losses[cause] / result.cycles:.1%}" for cause in lost)
            )
    case = case_of(layers["layer4.0.conv2"], Dataflow.WS)
    print("\nlayer4.0.conv2, weight-stationary, by SCALE-Sim's rules")
    for step in walk_rules(case, Convention.SCALE_SIM):
        print(f"  {step.cycles:10,} {step.added:+10,}  {step.meaning}")


if __name__ == "__main__":
    main()

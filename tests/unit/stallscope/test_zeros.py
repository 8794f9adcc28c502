"""Zeros of networks: each layer its own, the same whichever others run, from files or drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import stallscope as ss
from stallscope.loading_options import LoadOptions
from stallscope.mappings.layers import ConvLayer, GemmLayer, Layer, LayerNetwork
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.operands import Distribution, Operand, Sparsity
from stallscope.run import LayerCase, load_layers, simulate_layers
from stallscope.zeros import REPEATED, NetworkZeros, Scatter
from stallscope.zeros_options import network_zeros, read_densities, read_scatter

CONV = ConvLayer(C=4, K=6, P=3, Q=3, R=3, S=3)
GEMM = GemmLayer(M=4, N=6, K=8)
ACCELERATOR = """\
stallscope: 1
architecture:
  name: small
  levels:
    - {name: DRAM, kind: dram, shared_bandwidth: 2}
    - {name: BUF, capacity: 512, shared_bandwidth: 8}
    - {name: PAD, instances: 6, mesh_x: 3, capacity: 64}
  compute: {name: MAC, instances: 6, mesh_x: 3, sparse: {skips: [Weights]}}
"""


def network(**shapes: ConvLayer | GemmLayer) -> LayerNetwork:
    layers = tuple(Layer(name=name, shape=shape) for name, shape in shapes.items())
    return LayerNetwork(name="net", layers=layers)


@pytest.fixture
def accelerator(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(ACCELERATOR)
    return path


def loaded(net: LayerNetwork, accelerator: Path, zeros: NetworkZeros) -> dict[str, LayerCase]:
    layers = load_layers(net, [accelerator], LoadOptions(zeros=zeros))
    return {layer.name: layer for layer in layers}


def mask(layer: LayerCase, tensor: str) -> np.ndarray:
    assert isinstance(layer.case, ss.Case)
    return masks(layer.case.problem, layer.case.sparsity)[tensor]


def refused(**options: object) -> str:
    with pytest.raises(ss.SpecError) as caught:
        network_zeros(**options)  # type: ignore[arg-type]
    return str(caught.value)


def test_layers_of_one_shape_are_mapped_once_and_have_zeros_of_their_own(accelerator) -> None:
    zeros = NetworkZeros(densities={"Weights": 0.25, "Inputs": 0.5}, seed=3)
    layers = loaded(network(a=CONV, b=CONV), accelerator, zeros)
    first, second = layers["a"].case, layers["b"].case
    assert first.mapping is second.mapping
    assert mask(layers["a"], "Weights").sum() == round(0.25 * CONV.weights)
    assert (mask(layers["a"], "Weights") != mask(layers["b"], "Weights")).any()
    runs = list(simulate_layers(layers.values()))
    assert [run.same_as for run in runs] == [None, None]


def test_a_layer_has_the_same_zeros_whichever_others_run(accelerator) -> None:
    zeros = NetworkZeros(densities={"Weights": 0.25}, seed=3)
    both = loaded(network(a=CONV, b=CONV), accelerator, zeros)
    alone = loaded(network(b=CONV), accelerator, zeros)
    assert (mask(both["b"], "Weights") == mask(alone["b"], "Weights")).all()
    other = loaded(network(b=CONV), accelerator, NetworkZeros(densities={"Weights": 0.25}, seed=4))
    assert (mask(other["b"], "Weights") != mask(alone["b"], "Weights")).any()


def test_a_density_of_one_is_dense_and_simulated_once(accelerator) -> None:
    zeros = NetworkZeros(densities={"Weights": 1.0})
    layers = loaded(network(a=CONV, b=CONV), accelerator, zeros)
    assert layers["a"].case.sparsity == Sparsity()
    assert [run.same_as for run in simulate_layers(layers.values())] == [None, "a"]


def test_densities_of_a_layer_come_before_those_of_all(accelerator, tmp_path) -> None:
    table = tmp_path / "densities.csv"
    table.write_text("layer,Weights,Inputs\na,0.5,\nb,,0.75\n")
    zeros = network_zeros(density=["Weights=0.25"], densities=table)
    assert zeros is not None
    layers = loaded(network(a=CONV, b=GEMM), accelerator, zeros)
    words = {name: {one.tensor: one.density for one in layer.case.sparsity.operands}
             for name, layer in layers.items()}  # fmt: skip
    assert words == {"a": {"Weights": 0.5}, "b": {"Weights": 0.25, "Inputs": 0.75}}
    assert layers["a"].case.files[-1].path == str(table)
    native = tmp_path / "densities.yaml"
    native.write_text("stallscope: 1\ndensities:\n  a: {Weights: 0.5}\n  b: {Inputs: 0.75}\n")
    assert read_densities(native)[0] == read_densities(table)[0]


def test_weights_of_a_file_are_pruned_layer_by_layer(accelerator, tmp_path) -> None:
    values = np.random.default_rng(7)
    conv = values.normal(size=(6, 4, 3, 3))
    gemm = 100 * values.normal(size=(8, 6))
    file = tmp_path / "net.npz"
    np.savez(file, **{"a.weight": conv, "b": gemm})
    zeros = network_zeros(weights=file, prune=0.75)
    assert zeros is not None
    layers = loaded(network(a=CONV, b=GEMM, c=GEMM), accelerator, zeros)
    kept = np.sort(np.abs(conv).ravel())[-round(0.25 * conv.size) :]
    assert (mask(layers["a"], "Weights") == (np.abs(conv) >= kept[0])).all()
    assert mask(layers["b"], "Weights").sum() == round(0.25 * gemm.size)
    assert layers["c"].case.sparsity == Sparsity()
    assert "zeros: net.npz has no weights of this layer: dense" in layers["c"].case.assumptions
    with pytest.raises(ss.SpecError, match="has no array by the name of a layer"):
        loaded(network(c=GEMM), accelerator, zeros)
    with pytest.raises(ss.SpecError, match=r"weights\.a"):
        loaded(network(a=GEMM), accelerator, zeros)


def test_structured_and_channel_wise_zeros_lie_along_what_is_summed_over(accelerator) -> None:
    zeros = network_zeros(distribution=["Weights=2:4", "Inputs=per_channel:0.1"],
                          density=["Inputs=0.5"])  # fmt: skip
    assert zeros is not None
    layers = loaded(network(a=CONV, b=GEMM), accelerator, zeros)
    assert (mask(layers["a"], "Weights").sum(axis=1) == 2).all()  # K, C, R, S
    rows = mask(layers["b"], "Weights").reshape(2, 4, 6)  # K in fours, N
    assert (rows.sum(axis=1) == 2).all()
    along = {one.tensor: one.along for one in layers["a"].case.sparsity.operands}
    assert along == {"Weights": 1, "Inputs": 1}
    outputs = NetworkZeros(
        densities={"Weights": 0.5},
        scatters={"": Scatter(distribution=Distribution.PER_CHANNEL, spread=0.2)},
    )
    (one,) = loaded(network(a=CONV), accelerator, outputs)["a"].case.sparsity.operands
    assert one.along == 0


def test_repeated_layers_are_said_to_have_the_same_zeros(accelerator) -> None:
    net = LayerNetwork(name="net", layers=(Layer(name="a", shape=GEMM, repeat=3),))
    layers = loaded(net, accelerator, NetworkZeros(densities={"Weights": 0.5}))
    assert REPEATED in layers["a"].case.assumptions


def test_kinds_of_drawing_are_read() -> None:
    assert read_scatter("uniform") == Scatter()
    assert read_scatter("1:3") == Scatter(distribution=Distribution.STRUCTURED, n=1, m=3)
    assert read_scatter("block:4x4") == Scatter(distribution=Distribution.BLOCK, block=(4, 4))
    for text in ("uniform:3", "5:4", "block:", "block:0x4", "per_channel", "gauss"):
        with pytest.raises(ss.SpecError, match="is none of uniform"):
            read_scatter(text)


def test_options_that_say_nothing_or_twice_are_refused(tmp_path) -> None:
    assert network_zeros() is None
    assert "is not TENSOR=SHARE" in refused(density=["Weights"])
    assert "density.Weights = 1.5: is not between 0 and 1" in refused(density=["Weights=1.5"])
    assert "--density Weights=0.2 to draw them" in refused(prune=0.8)
    assert "no density is given" in refused(distribution=["per_channel:0.1"])
    text = refused(weights=tmp_path / "w.npz", density=["Weights=0.5"])
    assert "Weights have the zeros of w.npz; give --prune" in text
    table = tmp_path / "bad.csv"
    table.write_text("name,Weights\n")
    assert "has no column layer" in refused(densities=table)
    table.write_text("layer,Weights\na,many\n")
    assert "bad.csv:2: densities.a.Weights = many: is no share" in refused(densities=table)


def test_an_unknown_layer_is_named_with_the_nearest() -> None:
    zeros = NetworkZeros(layers={"conf1": {"Weights": 0.5}})
    with pytest.raises(ss.SpecError, match="conf1: is no layer of net; did you mean conv1"):
        zeros.check(network(conv1=CONV))


def test_networks_run_from_python_with_zeros(accelerator, tmp_path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "stallscope: 1\nnetwork:\n  name: two\n  layers:\n"
        "    - {name: a, gemm: {M: 4, N: 6, K: 8}}\n    - {name: b, gemm: {M: 4, N: 6, K: 8}}\n"
    )
    dense = ss.run_network(str(file), str(accelerator))
    assert [run.same_as for run in dense.runs] == [None, "a"]
    assert dense.cycles == sum(result.cycles for result in dense.layers.values())
    assert dense.document()["total"]["cycles"] == dense.cycles
    zeros = Sparsity(operands=(Operand(tensor="Weights", density=0.25, seed=1),))
    some = ss.run_network(str(file), str(accelerator), sparsity={"b": zeros}, layers=["b"])
    assert [run.layer.case.sparsity for run in some.runs] == [zeros]
    with pytest.raises(ss.SpecError, match="is no layer of two"):
        ss.run_network(str(file), str(accelerator), sparsity={"c": zeros})
    assert dense.energy_pj is None

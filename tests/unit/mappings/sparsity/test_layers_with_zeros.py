"""Zeros of the layers of a network, and of all layers on an accelerator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from pydantic import ValidationError

from stallscope.crossbar_cases import ALL_WORDS, crossbar_cases
from stallscope.layer_cases import LOWERED_ZEROS, ShapeCases
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.layers import ConvLayer, GemmLayer, Layer
from stallscope.mappings.native_network import read_network
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.options import ScheduleChoice
from stallscope.simcore.errors import SpecError

PRESETS = Path(__file__).parents[4] / "stallscope" / "presets"
ACCELERATOR = """stallscope: 1
architecture:
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2, write_bandwidth: 2}
    - {name: PE, instances: 4, mesh_x: 2, capacity: 64, formats: {Weights: bitmask}}
  compute: {name: MAC, instances: 4, mesh_x: 2, sparse: {skips: [Weights]}}
"""
LAYERS = """stallscope: 1
network:
  layers:
    - {name: one, conv: {C: 4, K: 8, P: 4, Q: 4, R: 3, S: 3, padding: 1},
       sparsity: {Weights: {file: model.safetensors, entry: one.weight},
                  Inputs: {file: model.safetensors, entry: acts}}}
    - {name: two, gemm: {M: 2, N: 8, K: 4}, sparsity: {Weights: 0.5}}
    - {name: three, gemm: {M: 2, N: 8, K: 4}}
"""


@pytest.fixture
def network(tmp_path: Path):
    generator = np.random.default_rng(4)
    arrays = {
        "one.weight": generator.integers(-1, 2, (8, 4, 3, 3)).astype(np.float32),
        "acts": np.maximum(generator.normal(size=(1, 4, 4, 4)), 0),
    }
    safetensors.numpy.save_file(arrays, tmp_path / "model.safetensors")
    (tmp_path / "net.yaml").write_text(LAYERS, encoding="utf-8")
    return read_network(tmp_path / "net.yaml"), arrays


def accelerator(tmp_path: Path, more: str = "", **figures):
    file = tmp_path / "chip.yaml"
    file.write_text(ACCELERATOR + more, encoding="utf-8")
    return load_accelerator(file, **figures)


def test_layers_have_zeros_of_their_own_padded_as_they_are(network):
    layers, arrays = network
    first, second, third = layers.layers
    found = masks(first.shape.problem(), first.sparsity)
    assert np.array_equal(found["Weights"], arrays["one.weight"] != 0)
    assert found["Inputs"].shape == (1, 4, 6, 6)
    assert np.array_equal(found["Inputs"][:, :, 1:5, 1:5], arrays["acts"] != 0)
    assert second.sparsity == Sparsity(operands=(Operand(tensor="Weights", density=0.5),))
    assert third.sparsity == Sparsity()
    assert [Path(file.path).name for file in layers.files] == ["net.yaml", "model.safetensors"]


def test_faults_name_the_layer_and_its_line(tmp_path):
    text = LAYERS.replace("entry: acts", "entry: act").replace("0.5", "{density: 0.5, along: 2}")
    safetensors.numpy.save_file({"one.weight": np.ones((8, 4, 3))}, tmp_path / "model.safetensors")
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_network(tmp_path / "net.yaml")
    faults = [
        (fault.source.rpartition(":")[2], fault.place.partition(".sparsity.")[2])
        for fault in caught.value.faults
    ]
    assert faults == [("5", "Weights"), ("6", "Inputs.entry"), ("7", "Weights.along")]


def test_layers_with_files_say_it_there(tmp_path):
    head, layer = LAYERS.partition("    -")[0], "{name: a, files: [a.yaml], sparsity: {W: 1}}"
    (tmp_path / "net.yaml").write_text(f"{head}    - {layer}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="is of layers by their shapes; say it in the layer's"):
        read_network(tmp_path / "net.yaml")
    with pytest.raises(ValidationError, match="layer a has files: say there"):
        Layer(name="a", files=(Path("a"),),
              sparsity=Sparsity(operands=(Operand(tensor="W", density=1),)))  # fmt: skip


def test_an_accelerator_says_what_a_layer_does_not(tmp_path, network):
    layers, _ = network
    general = "sparsity: {Weights: {density: 0.25, seed: 3}, Inputs: 0.75}\n"
    shapes = ShapeCases(accelerator(tmp_path, general), None)
    cases = [shapes.case(layer, layers.files)[0] for layer in layers.layers]
    kept = [{name: mask.mean() for name, mask in masks(one.problem, one.sparsity).items()}
            for one in cases]  # fmt: skip
    assert list(kept[0]) == ["Weights", "Inputs"]
    assert kept[0]["Weights"] > 0.5
    assert kept[1] == {"Weights": 0.5, "Inputs": 0.75}
    assert kept[2] == {"Weights": 0.25, "Inputs": 0.75}
    assert cases[1].mapping == cases[2].mapping


def test_settings_are_about_every_layer(tmp_path, network):
    layers, _ = network
    chip = accelerator(tmp_path, overrides=["sparsity.Inputs.density=0.5"])
    shapes = ShapeCases(chip, None)
    case, _ = shapes.case(layers.layers[1], layers.files)
    assert case.sparsity == Sparsity(
        operands=(
            Operand(tensor="Weights", density=0.5),
            Operand(tensor="Inputs", density=0.5),
        )
    )
    changed = accelerator(tmp_path, overrides=["sparsity.Weights.density=0.5"])
    with pytest.raises(SpecError, match="zeros that are given as they are; give all of"):
        ShapeCases(changed, None).case(layers.layers[0], layers.files)


def test_zeros_that_suit_no_layer_are_refused(tmp_path):
    chip = accelerator(tmp_path, "sparsity: {Weight: 0.5}\n")
    for _ in range(2):  # the faults of one layer are not those of the next
        with pytest.raises(SpecError) as caught:
            chip.sparsity(GemmLayer(M=2, N=3, K=4), Sparsity())
        assert [fault.place for fault in caught.value.faults] == ["sparsity.Weight"]


ZEROS = Sparsity(operands=(Operand(tensor="Weights", density=0.5),))


def test_machines_of_matrix_products_take_zeros_as_words():
    loaded = replace(load_accelerator(PRESETS / "systolic-4.yaml"), lowers=True)
    layer = Layer(name="a", shape=ConvLayer(C=4, K=4, P=4, Q=4, R=3, S=3), sparsity=ZEROS)
    case, _ = ShapeCases(loaded, None).case(layer, ())
    assert case.sparsity == Sparsity()
    assert LOWERED_ZEROS in case.assumptions
    dense = layer.model_copy(update={"sparsity": Sparsity()})
    assert LOWERED_ZEROS not in ShapeCases(loaded, None).case(dense, ())[0].assumptions


def test_crossbars_take_zeros_as_words(network):
    layers, _ = network
    some = layers.model_copy(update={"layers": layers.layers[1:]})
    chip = [PRESETS / "isaac-like.yaml"]
    cases = crossbar_cases(some, chip, (), ScheduleChoice.DEFAULT)
    assert [ALL_WORDS in case.assumptions for _, case in cases] == [True, False]

"""The networks of the package have the work and the parameters that are published.

The figures are in tests/data/network_totals.json, with their sources.
"""

import json
from functools import cache
from pathlib import Path

import pytest

from stallscope.catalog import NETWORKS, load_network, network_of
from stallscope.mappings.layers import ConvLayer, GemmLayer, LayerNetwork

FIGURES = json.loads(
    (Path(__file__).parents[2] / "data/network_totals.json").read_text(encoding="utf-8")
)["networks"]
NORMALISED = ("resnet18", "resnet50", "mobilenetv2", "efficientnet-b0")
"""Networks whose convolutions have no biases but a normalisation: a scale and an offset each."""


@cache
def network(name: str) -> LayerNetwork:
    return load_network(network_of(name))


def test_every_network_by_shapes_has_figures() -> None:
    assert {entry.name for entry in NETWORKS} == {"alexnet-conv", *FIGURES}


@pytest.mark.parametrize("name", FIGURES)
def test_the_work_of_every_layer_and_of_the_network_is_the_tables(name: str) -> None:
    found = network(name)
    assert found.name == name
    layers = [[layer.name, layer.shape.macs, layer.repeat] for layer in found.layers if layer.shape]
    assert [row[:3] for row in FIGURES[name]["layers"]] == layers
    assert found.macs == FIGURES[name]["total_macs"]
    # The table's sum of convolutions leaves squeeze-and-excite layers out.
    convolutions = sum(
        layer.shape.macs
        for layer in found.layers
        if isinstance(layer.shape, ConvLayer) and ".se_" not in layer.name
    )
    assert convolutions == FIGURES[name]["conv_macs"]


@pytest.mark.parametrize("name", FIGURES)
def test_the_work_of_every_problem_is_its_layers(name: str) -> None:
    for layer in network(name).layers:
        assert layer.shape is not None
        assert layer.shape.problem().macs == layer.shape.macs


@pytest.mark.parametrize("name", [name for name, one in FIGURES.items() if one["published_gmacs"]])
def test_the_work_is_what_is_published(name: str) -> None:
    """To what is printed: the figures have two or three digits, and one is of another input."""
    published = FIGURES[name]["published_gmacs"]
    assert network(name).macs / 1e9 == pytest.approx(published, rel=0.011)


@pytest.mark.parametrize("name", [name for name, one in FIGURES.items() if one["parameters"]])
def test_parameters_are_those_that_are_published(name: str) -> None:
    """Weights by the shapes; biases or normalisations by the architecture."""
    count = 0
    for layer in network(name).layers:
        shape = layer.shape
        if isinstance(shape, GemmLayer):
            count += shape.weights + shape.N
        elif isinstance(shape, ConvLayer):
            # Squeeze-and-excite layers have biases and no normalisation.
            is_normalised = name in NORMALISED and ".se_" not in layer.name
            count += shape.weights + shape.K * (2 if is_normalised else 1)
    assert count == FIGURES[name]["parameters"]


@pytest.mark.parametrize("name", FIGURES)
def test_outputs_follow_from_inputs_and_paddings(name: str) -> None:
    """The tables name the input: what windows leave unread of it is less than a stride."""
    for layer, row in zip(network(name).layers, FIGURES[name]["layers"], strict=True):
        if isinstance(layer.shape, ConvLayer):
            shape, size = layer.shape, row[3]
            left = size + 2 * shape.padding[0] - shape.input_rows
            assert 0 <= left < shape.stride[0]
            assert shape.P == shape.Q


def test_depthwise_layers_are_in_groups_of_one_channel() -> None:
    depthwise = [layer.shape for layer in network("mobilenetv2").layers
                 if isinstance(layer.shape, ConvLayer) and layer.shape.groups > 1]  # fmt: skip
    assert len(depthwise) == 17
    for shape in depthwise:
        assert shape.groups == shape.C == shape.K


def test_resnet_50_has_few_shapes() -> None:
    shapes = [layer.shape for layer in network("resnet50").layers if layer.shape]
    assert len(shapes) == 54
    assert len({shape.problem() for shape in shapes}) == 24

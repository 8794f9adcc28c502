"""Shapes of layers: their work, the problems they are, and what is refused."""

from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stallscope.mappings.layers import (
    PADDING_IS_STORED,
    ConvLayer,
    GemmLayer,
    Layer,
    LayerNetwork,
)
from stallscope.mappings.layout import check_layout, rank_order
from stallscope.mappings.problem import Problem

sizes = st.integers(1, 6)
steps = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def convolutions(draw: st.DrawFn) -> ConvLayer:
    groups = draw(st.integers(1, 3))
    figures = {name: draw(sizes) for name in ("N", "P", "Q", "R", "S")}
    return ConvLayer(
        C=groups * draw(sizes), K=groups * draw(sizes), groups=groups, stride=draw(steps),
        dilation=draw(steps), **figures,
    )  # fmt: skip


def words(problem: Problem, tensor: str) -> int:
    return problem.tensor(tensor).tile_words(problem.bounds)


@given(layer=convolutions())
def test_the_problem_of_a_convolution_has_its_work_and_its_words(layer: ConvLayer) -> None:
    problem = layer.problem()
    assert problem.macs == layer.macs == prod(
        (layer.N, layer.K, layer.C // layer.groups, layer.P, layer.Q, layer.R, layer.S)
    )  # fmt: skip
    assert words(problem, "Weights") == layer.weights
    assert words(problem, "Outputs") == layer.N * layer.K * layer.P * layer.Q
    rows, columns = layer.input_rows, layer.input_columns
    assert words(problem, "Inputs") == layer.N * layer.C * rows * columns


@given(layer=convolutions(), size=st.integers(0, 4))
def test_the_rows_of_the_input_are_those_that_windows_touch(layer: ConvLayer, size: int) -> None:
    """Told apart from the formula: walk every window and weight."""
    touched = {
        layer.stride[0] * p + layer.dilation[0] * r
        for p in range(layer.P) for r in range(layer.R)
    }  # fmt: skip
    assert layer.input_rows == max(touched) + 1


def test_a_depthwise_convolution_is_a_group_per_channel() -> None:
    layer = ConvLayer(C=32, K=32, P=10, Q=10, R=3, S=3, padding=1, groups=32)
    problem = layer.problem()
    assert problem.bounds == {"N": 1, "G": 32, "K": 1, "C": 1, "P": 10, "Q": 10, "R": 3, "S": 3}
    assert layer.macs == 32 * 10 * 10 * 9
    for tensor in problem.tensors:
        assert "G" in tensor.dimensions


def test_one_group_has_no_dimension_of_groups() -> None:
    problem = ConvLayer(C=4, K=8, P=5, Q=5, R=3, S=3, stride=2).problem()
    assert list(problem.bounds) == ["N", "K", "C", "P", "Q", "R", "S"]
    rows = [(term.coefficient, term.dimension) for term in problem.tensor("Inputs").ranks[2]]
    assert rows == [(2, "P"), (1, "R")]


@given(m=sizes, n=sizes, k=sizes, batch=sizes)
def test_the_problem_of_a_product_has_its_work_and_its_words(
    m: int, n: int, k: int, batch: int
) -> None:
    layer = GemmLayer(M=m, N=n, K=k, batch=batch)
    problem = layer.problem()
    assert problem.macs == layer.macs == batch * m * n * k
    assert ("B" in problem.bounds) == (batch > 1)
    found = [words(problem, name) for name in ("Inputs", "Weights", "Outputs")]
    assert found == [batch * m * k, batch * k * n, batch * m * n]


def test_padding_is_a_named_assumption_and_changes_no_problem() -> None:
    plain = ConvLayer(C=1, K=1, P=5, Q=5, R=3, S=3)
    padded = plain.model_copy(update={"padding": (1, 1)})
    assert plain.assumptions == ()
    assert padded.assumptions == (PADDING_IS_STORED,)
    assert padded.problem() == plain.problem()
    assert Layer(name="a", shape=padded, remarks=("x",)).assumptions == ("x", PADDING_IS_STORED)


def test_one_figure_is_that_of_both_axes() -> None:
    layer = ConvLayer(C=1, K=1, P=4, Q=4, R=1, S=3, stride=2, padding=[0, 1], dilation=(1, 2))
    assert (layer.stride, layer.padding, layer.dilation) == ((2, 2), (0, 1), (1, 2))


@pytest.mark.parametrize(("figures", "rule"), [
    ({"groups": 3}, "groups 3 does not divide C 4; groups 3 does not divide K 8"),
    ({"padding": 3}, "padding is all that the windows read"),
    ({"stride": 0}, "greater than or equal to 1"),
    ({"stride": (1, 2, 3)}, "at most 2 items"),
    ({"C": 0}, "greater than or equal to 1"),
    ({"depth": 3}, "not permitted"),
])  # fmt: skip
def test_what_is_no_convolution_is_refused(figures: dict, rule: str) -> None:
    plain = {"C": 4, "K": 8, "P": 1, "Q": 1, "R": 3, "S": 3}
    with pytest.raises(ValidationError, match=rule):
        ConvLayer(**(plain | figures))


def test_a_layer_has_files_or_a_shape() -> None:
    shape = GemmLayer(M=1, N=1, K=1)
    with pytest.raises(ValidationError, match="layer a needs either files or a shape"):
        Layer(name="a")
    with pytest.raises(ValidationError, match="layer a needs either files or a shape"):
        Layer(name="a", shape=shape, files=(Path("b"),))


def test_the_work_of_a_network_counts_repeats_and_names_are_unique() -> None:
    shape = GemmLayer(M=2, N=3, K=4)
    layers = (Layer(name="a", shape=shape, repeat=5), Layer(name="b", files=(Path("b"),)))
    assert LayerNetwork(name="n", layers=layers).macs == 5 * 24
    with pytest.raises(ValidationError, match="layer a is there twice"):
        LayerNetwork(name="n", layers=(layers[0], layers[0]))


def test_a_convolution_is_stored_channels_last() -> None:
    """A pixel's channels are consecutive words, whatever the order of the problem's ranks."""
    for shape in (
        ConvLayer(C=4, K=6, P=5, Q=3, R=3, S=2),
        ConvLayer(C=4, K=6, P=5, Q=3, R=3, S=2, groups=2),
    ):
        problem, layout = shape.problem(), shape.layout
        check_layout(problem, layout)
        for tensor, channel in (("Inputs", "C"), ("Weights", "K"), ("Outputs", "K")):
            found = problem.tensor(tensor)
            order = rank_order(found, layout.of(tensor).order)
            assert {term.dimension for term in found.ranks[order[-1]]} == {channel}
    assert not GemmLayer(M=2, N=3, K=4).layout.tensors

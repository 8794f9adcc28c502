"""Arrays of frameworks in the problem's own order: word by word against what they mean."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import safetensors.numpy

from stallscope.mappings import native
from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.sparsity.files import pattern_of, read_operand
from stallscope.mappings.sparsity.masks import masks, unpack
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.sparsity.orders import arranged
from stallscope.simcore.errors import SpecError

CONV = ConvLayer(N=2, C=6, K=4, P=3, Q=5, R=3, S=2, stride=(2, 1), padding=(1, 0))
GROUPED = CONV.model_copy(update={"groups": 2})
DEPTHWISE = ConvLayer(C=4, K=8, P=3, Q=3, R=3, S=2, groups=4)
POINTWISE = ConvLayer(C=6, K=4, P=3, Q=5, R=1, S=1)
GEMM = GemmLayer(M=5, N=4, K=6)


def numbers(*shape):
    return np.arange(1, np.prod(shape) + 1).reshape(shape)


def test_torch_has_output_channels_of_all_groups_first():
    weights = numbers(4, 3, 3, 2)
    found = arranged(weights, GROUPED.problem(), "Weights", "torch")
    assert found.shape == (2, 2, 3, 3, 2)
    for group, k, c, r, s in np.ndindex(found.shape):
        assert found[group, k, c, r, s] == weights[group * 2 + k, c, r, s]


def test_keras_has_them_last():
    weights = numbers(3, 2, 3, 4)
    found = arranged(weights, GROUPED.problem(), "Weights", "keras")
    for group, k, c, r, s in np.ndindex(found.shape):
        assert found[group, k, c, r, s] == weights[r, s, c, group * 2 + k]


def test_depthwise_kernels_of_keras_name_the_group():
    weights = numbers(3, 2, 4, 2)
    found = arranged(weights, DEPTHWISE.problem(), "Weights", "keras")
    assert found.shape == (4, 2, 1, 3, 2)
    for group, k, _, r, s in np.ndindex(found.shape):
        assert found[group, k, 0, r, s] == weights[r, s, group, k]
    torch = arranged(numbers(8, 1, 3, 2), DEPTHWISE.problem(), "Weights", "torch")
    assert torch.shape == (4, 2, 1, 3, 2)
    assert torch.ravel().tolist() == list(range(1, 49))


def test_without_groups_torch_stores_a_convolution_as_it_is():
    weights = numbers(4, 6, 3, 2)
    problem = CONV.problem()
    assert arranged(weights, problem, "Weights", "own") is weights
    assert np.array_equal(arranged(weights, problem, "Weights", "torch"), weights)
    keras = arranged(weights.transpose(2, 3, 1, 0), problem, "Weights", "HWIO")
    assert np.array_equal(keras, weights)


@pytest.mark.parametrize(("order", "shape"), [("torch", (4, 6)), ("keras", (6, 4))])
def test_matrices_have_inputs_by_outputs(order, shape):
    weights = numbers(*shape)
    found = arranged(weights, GEMM.problem(), "Weights", order)
    assert np.array_equal(found, weights.T if order == "torch" else weights)
    inputs = numbers(5, 6)
    assert np.array_equal(arranged(inputs, GEMM.problem(), "Inputs", order), inputs)


@pytest.mark.parametrize(("order", "shape"), [("torch", (4, 6)), ("keras", (6, 4))])
def test_a_matrix_is_a_convolution_of_one_word(order, shape):
    weights = numbers(*shape)
    found = arranged(weights, POINTWISE.problem(), "Weights", order)
    assert found.shape == (4, 6, 1, 1)
    assert np.array_equal(found[..., 0, 0], weights if order == "torch" else weights.T)


@pytest.mark.parametrize("order", ["torch", "keras", "NCHW", "nhwc"])
@pytest.mark.parametrize("layer", [CONV, GROUPED])
def test_activations_are_padded_and_cut_where_no_window_reads(order, layer):
    """Windows of 3 rows, every second one: 3 of them read 7 of 6 rows with one on each side."""
    inputs = numbers(2, 6, 6, 6)
    given = inputs if order in ("torch", "NCHW") else inputs.transpose(0, 2, 3, 1)
    found = arranged(given, layer.problem(), "Inputs", order, padding=layer.padding)
    plain = found.reshape(2, 6, 7, 6)
    assert not plain[:, :, 0].any()
    assert np.array_equal(plain[:, :, 1:], inputs)
    shorter = given.take(range(5), axis=2 if order in ("torch", "NCHW") else 1)
    again = arranged(shorter, layer.problem(), "Inputs", order, padding=layer.padding)
    assert np.array_equal(again.reshape(plain.shape)[:, :, :6], plain[:, :, :6])
    assert not again.reshape(plain.shape)[:, :, 6].any()


def test_activations_of_windows_of_one_word_have_rows_and_columns_too():
    text = """stallscope: 1
problem:
  dimensions: {M: 4, C: 6, P: 3, Q: 5}
  tensors: {W: [M, C], I: [C, P, Q], O: [M, P, Q]}
  output: O
"""
    problem = native.read(text + TEXT_REST).problem
    inputs = numbers(6, 3, 5)
    assert np.array_equal(arranged(inputs.transpose(1, 2, 0), problem, "I", "HWC"), inputs)
    weights = numbers(4, 6, 1, 1)
    assert np.array_equal(arranged(weights, problem, "W", "OIHW"), weights[..., 0, 0])


TEXT_REST = """architecture: {levels: [{name: D}], compute: {name: MAC}}
mapping: {D: {temporal: [M=4, C=6, P=3, Q=5]}}
"""


@pytest.mark.parametrize(
    ("layer", "tensor", "shape", "order", "message"),
    [
        (CONV, "Weights", (4, 6, 3, 3), "own", "array = 4 x 6 x 3 x 3 .m: conv.: Weights is stored "
         "as 4 x 6 x 3 x 2: OIHW needs 4 x 6 x 3 x 2; look at the entry, the layout and"),
        (CONV, "Weights", (3, 2, 6, 4), "torch", "OIHW needs 4 x 6 x 3 x 2"),
        (CONV, "Weights", (4, 6, 3, 2), "keras", "HWIO needs 3 x 2 x 6 x 4, HWGO needs 3 x 2"),
        (GROUPED, "Weights", (4, 6, 3, 2), "torch", "2 x 2 x 3 x 3 x 2: OIHW needs 4 x 3"),
        (CONV, "Weights", (4, 6, 3, 2), "OIXW", "OIXW is no order of axes; did you mean OIHW"),
        (CONV, "Weights", (4, 6, 3, 2), "touch", "touch is no order of axes; did you mean torch"),
        (CONV, "Weights", (4, 6, 3, 2), "OIOW", "OIOW is no order of axes"),
        (CONV, "Weights", (4, 6), "torch", "OI needs 4 x 6"),
        (CONV, "Weights", (4, 6, 3, 2, 1, 1), "torch", "is stored as 4 x 6 x 3 x 2; look at"),
        (CONV, "Inputs", (2, 6, 9, 6), "torch", "stored as 2 x 6 x 7 x 6: OIHW needs 2 x"),
        (CONV, "Outputs", (2, 3, 5, 4), "keras", "which rank is which channel, row or"),
        (GEMM, "Weights", (4, 6), "own", "Weights is stored as 6 x 4: IO needs 6 x 4"),
    ],
)  # fmt: skip
def test_a_shape_that_does_not_fit_is_named_with_the_other(layer, tensor, shape, order, message):
    with pytest.raises(SpecError, match=message):
        arranged(numbers(*shape), layer.problem(), tensor, order, source="m: conv")


def test_orders_that_mean_the_same_are_one():
    layer = ConvLayer(C=1, K=1, P=3, Q=3, R=3, S=3)
    found = arranged(numbers(3, 3, 1, 1), layer.problem(), "Weights", "keras")
    assert found.ravel().tolist() == list(range(1, 10))


def test_a_pattern_is_where_values_are_not_zero():
    weights = numbers(4, 6, 3, 2) % 5 - 2
    problem = CONV.problem()
    assert np.array_equal(unpack(pattern_of(weights, problem, "Weights")), weights != 0)
    small = pattern_of(weights, problem, "Weights", threshold=1)
    assert np.array_equal(unpack(small), np.abs(weights) > 1)
    pruned = pattern_of(weights, problem, "Weights", density=0.25)
    assert unpack(pruned).sum() == 36
    with pytest.raises(SpecError, match=r"array\.density = 2: is not between 0 and 1"):
        pattern_of(weights, problem, "Weights", density=2)


def test_operands_of_a_layer_come_from_its_file(tmp_path):
    path = tmp_path / "model.safetensors"
    generator = np.random.default_rng(3)
    weights = generator.integers(-1, 2, (4, 3, 3, 2)).astype(np.float32)
    acts = np.maximum(generator.normal(size=(2, 6, 6, 6)), 0)
    safetensors.numpy.save_file({"conv.weight": weights, "conv.in": acts}, path)
    operands = [
        read_operand(GROUPED, name, path, entry)[0]
        for name, entry in (("Weights", "conv.weight"), ("Inputs", "conv.in"))
    ]
    found = masks(GROUPED.problem(), Sparsity(operands=tuple(operands)))
    assert found["Weights"].sum() == (weights != 0).sum()
    # Padded by a row on each side, of which the windows reach the first.
    assert found["Inputs"].shape == (2, 2, 3, 7, 6)
    assert found["Inputs"].sum() == (acts != 0).sum()
    with pytest.raises(SpecError, match=r"sparsity\.weights = weights: is no tensor; did you mean"):
        read_operand(GROUPED, "weights", path)
    by_problem, file = read_operand(GROUPED.problem(), "Weights", path, "conv.weight")
    assert by_problem == operands[0]
    assert file.path == str(path)


def test_every_order_of_letters_is_taken():
    weights = numbers(4, 6, 3, 2)
    for axes in itertools.permutations(range(4)):
        order = "".join("OIHW"[axis] for axis in axes)
        found = arranged(weights.transpose(axes), CONV.problem(), "Weights", order)
        assert np.array_equal(found, weights)

"""Which weight lies where: fillings, groups on the diagonal, and channels that are not there."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, LogicalCrossbar, Programming, Readout
from stallscope.mappings.reram.contents import Contents
from stallscope.mappings.reram.schedule import CrossbarSchedule
from stallscope.simcore.errors import SpecError


def contents(layer, weights, *, rows=3, columns=4, per_core=2, filling="strict"):
    chip = CrossbarChip(
        cores=1,
        crossbar=LogicalCrossbar(rows=rows, columns=columns, per_core=per_core),
        reading=Readout(read_ns=100, columns_per_adc=4, adc_gsps=1),
        writing=Programming(pulse_ns=50),
    )
    schedule = CrossbarSchedule(filling=filling)
    return Contents(CrossbarCase(layer=layer, chip=chip, schedule=schedule), np.array(weights))


def places(found, block, load):
    channels, positions = found.inputs(block, load)
    return list(zip(channels.tolist(), positions.tolist(), strict=True))


LAYER = ConvLayer(C=5, K=2, P=1, Q=1, R=1, S=3)
WEIGHTS = np.arange(30).reshape(2, 5, 1, 3)  # K, C, R, S


def test_strict_rows_are_channels_of_one_kernel_position_per_crossbar():
    found = contents(LAYER, WEIGHTS)
    assert places(found, 0, 0) == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert places(found, 0, 1) == [(0, 2), (1, 2), (2, 2)]
    assert places(found, 0, 3) == [(3, 2), (4, 2)]
    assert found.weights(0, 3).tolist() == [[11, 26], [14, 29]]


def test_packed_rows_are_those_of_the_im2col_matrix():
    found = contents(LAYER, WEIGHTS, filling="packed")
    assert places(found, 0, 1) == [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]
    assert places(found, 0, 2) == [(4, 0), (4, 1), (4, 2)]
    assert found.weights(0, 2).T.tolist() == [[12, 13, 14], [27, 28, 29]]


def test_a_rigid_product_takes_a_block_of_channels_per_crossbar():
    found = contents(GemmLayer(M=1, N=2, K=8), np.arange(16).reshape(8, 2), filling="rigid")
    assert places(found, 0, 0) == [(channel, 0) for channel in range(6)]
    assert found.weights(0, 1).tolist() == [[12, 13], [14, 15]]
    assert [part.shape for part in found.levels(0, 0)] == [(4, 3, 2), (4, 3, 2)]


def test_groups_lie_on_the_diagonal_with_zeros_beside_and_none_past_the_last():
    """5 depthwise groups in bundles of 3 rows: the second bundle has two, and a row too many."""
    layer = ConvLayer(C=5, K=5, P=1, Q=1, R=1, S=2, groups=5)
    found = contents(layer, np.arange(1, 11).reshape(5, 1, 1, 1, 2))
    assert found.weights(0, 0)[3:].tolist() == [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
    assert found.weights(1, 0)[:3].tolist() == [[7, 0], [0, 9], [0, 0]]
    assert places(found, 1, 0)[:3] == [(3, 0), (4, 0), (5, 0)]
    assert found.outputs(1) == slice(3, 5)


def test_groups_wider_than_a_crossbar_have_blocks_and_channels_of_their_own():
    layer = ConvLayer(C=4, K=10, P=1, Q=1, R=1, S=1, groups=2)
    found = contents(layer, np.arange(20).reshape(2, 5, 2, 1, 1))
    assert [found.outputs(block) for block in range(4)] == [
        slice(0, 4), slice(4, 5), slice(5, 9), slice(9, 10),
    ]  # fmt: skip
    assert places(found, 2, 0) == [(2, 0), (3, 0)]
    assert found.weights(3, 0).tolist() == [[18], [19]]


def test_a_batched_product_has_weights_of_its_own_per_product():
    found = contents(GemmLayer(M=1, N=2, K=3, batch=2), np.arange(12).reshape(2, 3, 2))
    assert found.weights(1, 0).tolist() == [[6, 7], [8, 9], [10, 11]]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros((2, 5, 3), dtype=int), r"Weights.shape = \(2, 5, 3\): the layer needs \(2, 5, 1"),
        (np.zeros((2, 5, 1, 3)), "Weights.dtype = float64: must be integer"),
        (np.full((2, 5, 1, 3), -129), "Weights = -129: signed words of 8 bits lie in -128 ... 127"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(SpecError, match=message):
        contents(LAYER, weights)

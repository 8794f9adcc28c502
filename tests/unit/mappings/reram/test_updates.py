"""How often weights are written: schedules whose count is told from the loops, and others' counts.

Reference: counts of tile-level LoadWeight events on a tile of 4 cores x 9 crossbars of 64 x 64 x
8 bits, the first load included; a model checked against loop walks (7 848 comparisons), for layers
of VGG-16, ResNet-50 (torchvision 0.29.2) and MobileNetV1.
"""

import pytest

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.updates import input_visits, weight_updates, weight_visits
from tests.unit.mappings.reram.tile import EXAMPLE, case

ORDERS = ("h w", "h", "h", "h14 w14", "p128", "p1000000")
"""Pixel by pixel; by rows; by rows with turns; by 14 x 14; by 128 pixels; the whole map."""
TURNS = (False, False, True, False, False, False)

LAYERS = {
    "resnet50 conv1": (ConvLayer(C=3, K=64, P=112, Q=112, R=7, S=7, stride=2), "strict",
                       (75264, 672, 561, 384, 588, 6)),
    "resnet50 layer4.2.conv3": (ConvLayer(C=512, K=2048, P=7, Q=7, R=1, S=1), "strict",
                                (3136, 448, 400, 64, 64, 64)),
    "the same, channels side by side": (ConvLayer(C=512, K=2048, P=7, Q=7, R=1, S=1), "rigid",
                                        (8, 8, 8, 8, 8, 8)),
    "vgg16 features.24": (ConvLayer(C=512, K=512, P=14, Q=14, R=3, S=3), "strict",
                          (3136, 224, 198, 16, 32, 16)),
    "mobilenet pw13": (ConvLayer(C=1024, K=1024, P=7, Q=7, R=1, S=1), "packed",
                       (392, 56, 32, 8, 8, 8)),
    "mobilenet dw1, bundled": (ConvLayer(C=32, K=32, P=112, Q=112, R=3, S=3, groups=32), "strict",
                               (1, 1, 1, 1, 1, 1)),
    "resnet50 conv1, packed": (ConvLayer(C=3, K=64, P=112, Q=112, R=7, S=7, stride=2), "packed",
                               (1, 1, 1, 1, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_updates_are_those_of_others(name):
    """Six schedules per layer."""
    layer, filling, expected = LAYERS[name]

    found = tuple(
        weight_updates(case(layer, order, filling=filling, snake=snake).walk)
        for order, snake in zip(ORDERS, TURNS, strict=True)
    )

    assert expected == found


@pytest.mark.parametrize(
    ("order", "snake", "expected"),
    [
        ("co h ko", False, 28 * 2),
        ("co h ko", True, 28 * (2 - 1) + 1),
        ("co ko h", False, 2),
        ("h4 co ko h", False, 7 * 2),
        ("h4 ko h", True, 7 * (2 - 1) + 1),
    ],
)
def test_updates_follow_the_order_of_loops(order, snake, expected):
    """Two loads and one step of output channels, 28 rows."""
    assert expected == weight_updates(case(EXAMPLE, order, snake=snake).walk)


def test_output_channels_outside_their_tiles_spoil_a_single_load():
    """Tiles outside output channels write the weights anew for every tile."""
    layer = ConvLayer(C=64, K=512, P=10, Q=10, R=3, S=3)

    assert weight_updates(case(layer, "co h").walk) == 2
    assert weight_updates(case(layer, "h co").walk) == 20


def test_a_cut_block_of_loads_is_walked_as_far_as_it_goes():
    """Five loads in blocks of two, thrice: 2 + 2 of them each time, and 1 that stays."""
    layer = GemmLayer(M=3, N=64, K=320)

    visits = weight_visits(case(layer, "ko2 h ko").walk)

    assert visits.tolist() == [[3, 3, 3, 3, 1]]


def test_turns_write_the_ends_half_as_often():
    """Three loads, there and back four times: the ends are kept from walk to walk."""
    layer = GemmLayer(M=4, N=64, K=192)

    visits = weight_visits(case(layer, "h ko", snake=True).walk)

    assert visits.tolist() == [[3, 4, 2]]


def test_inputs_stay_while_only_output_channels_change():
    """One load, a whole map: brought once for all steps of output channels."""
    layer = GemmLayer(M=1, N=1024, K=64)

    assert case(layer).walk.bounds["co"] == 4
    assert input_visits(case(layer).walk, by_bundle=False).sum() == 1


def test_a_large_layer_is_not_walked():
    """10^9 steps: the count is there at once."""
    layer = ConvLayer(N=1000, C=1024, K=1024, P=1000, Q=1000, R=1, S=1)

    assert weight_updates(case(layer, "h w").walk) == 10**9 * 4 * 16

"""Layers on PEs with scratch pads: what is laid where, what is kept, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.catalog import preset
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.analytical import analyze
from stallscope.mappings.architecture import Architecture, ComputeLevel, LevelKind, StorageLevel
from stallscope.mappings.dataflow import stays_in_pads
from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.legality import tile_extents
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.sizes import PieceSizes
from stallscope.mappings.templates import Dataflow, map_layer, plan_on_pads
from stallscope.mappings.templates.pads.storing import stored_words
from stallscope.simcore.errors import SpecError

ALEXNET = {
    # Shape, and cycles that the analytical model gives the mappings of presets/alexnet, which
    # timeloop-mapper v3.0.3 found for the accelerator.
    "conv1": (ConvLayer(C=3, K=96, P=55, Q=55, R=11, S=11, stride=4), 798_600),
    "conv2": (ConvLayer(C=48, K=256, P=27, Q=27, R=5, S=5), None),
    "conv3": (ConvLayer(C=256, K=384, P=13, Q=13, R=3, S=3), 958_464),
    "conv4": (ConvLayer(C=384, K=384, P=13, Q=13, R=3, S=3), 1_437_696),
    "conv5": (ConvLayer(C=384, K=256, P=13, Q=13, R=3, S=3), 958_464),
}


def eyeriss() -> Architecture:
    return load_accelerator(preset("eyeriss-168").path).platform.architecture


def array(
    pads: tuple[StorageLevel, ...], *, rows: int = 2, columns: int = 3, lanes: int = 1
) -> Architecture:
    """Main memory, a buffer of any size, and PEs with the pads given."""
    main = StorageLevel(name="DRAM", kind=LevelKind.DRAM, shared_words_per_cycle=4)
    inside = [pad.model_copy(update={"instances": rows * columns, "mesh_x": columns})
              for pad in pads]  # fmt: skip
    compute = ComputeLevel(name="mac", instances=rows * columns * lanes, mesh_x=columns * lanes)
    return Architecture(levels=(main, StorageLevel(name="BUF"), *inside), compute=compute)


def refused(layer: Problem, architecture: Architecture, **how: object) -> str:
    with pytest.raises(SpecError) as caught:
        map_layer(layer, architecture, **how)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, (_, cycles) in ALEXNET.items() if cycles])
def test_alexnet_is_no_slower_than_by_the_mappings_that_are_given(name: str) -> None:
    layer, cycles = ALEXNET[name]
    plan = plan_on_pads(layer.problem(), eyeriss())
    assert plan.steps <= cycles
    assert plan.cycles <= 1.1 * cycles


def test_a_matrix_product_fills_the_mesh_and_sums_up_on_chip() -> None:
    """12 x 8 x 6 on 2 x 3 PEs: 96 steps; 96 words out, none of them back in."""
    plan = plan_on_pads(GemmLayer(M=12, N=8, K=6).problem(), array((StorageLevel(name="PAD"),)))
    assert plan.steps == 12 * 8 * 6 // 6
    assert plan.words["Outputs"] == 96


def test_lanes_of_a_pe_are_used() -> None:
    plan = plan_on_pads(
        GemmLayer(M=12, N=8, K=6).problem(), array((StorageLevel(name="PAD"),), lanes=2)
    )
    assert plan.steps == 12 * 8 * 6 // 12
    assert plan.mapping.levels[-1].spatial_x


def test_pads_keep_what_they_hold_and_share_out_the_rest() -> None:
    layer = GemmLayer(M=12, N=8, K=6).problem()
    pads = (StorageLevel(name="A", holds=("Weights",)), StorageLevel(name="B"))
    mapping = map_layer(layer, array(pads))
    assert [level.keep for level in mapping.levels[-2:]] == [("Weights",), ("Inputs", "Outputs")]
    mapping = map_layer(layer, array(tuple(StorageLevel(name=name) for name in "ABC")))
    kept = [name for level in mapping.levels[-3:] for name in level.keep]
    assert sorted(kept) == ["Inputs", "Outputs", "Weights"]
    assert all(len(level.keep) == 1 for level in mapping.levels[-3:])


def test_a_tile_that_moves_is_held_twice_where_it_fits() -> None:
    pads = (
        StorageLevel(name="I", holds=("Inputs",), capacity_words=4),
        StorageLevel(name="W", holds=("Weights",), capacity_words=8),
        StorageLevel(name="O", holds=("Outputs",), capacity_words=8),
    )
    layer = GemmLayer(M=64, N=64, K=64).problem()
    mapping = map_layer(layer, array(pads))
    spans = tile_extents(layer, mapping)[-1]
    outside = {loop.dimension for level in mapping.levels[:2] for loop in level.temporal}
    for pad, level in zip(pads, mapping.levels[2:], strict=True):
        (held,) = level.buffering
        tensor = layer.tensor(held.tensor)
        has_room = 2 * tensor.tile_words(spans) <= (pad.capacity_words or 0)
        assert held.tiles == (2 if has_room and outside & tensor.dimensions else 1)


@pytest.mark.parametrize("flow", list(Dataflow))
def test_the_tensor_that_stays_may_be_asked_for(flow: Dataflow) -> None:
    layer = ConvLayer(C=64, K=64, P=28, Q=28, R=3, S=3).problem()
    mapping = map_layer(layer, eyeriss(), dataflow=flow.value)
    assert stays_in_pads(layer, eyeriss(), mapping) is flow


def test_a_depthwise_layer_uses_the_columns_for_pixels_or_groups() -> None:
    layer = ConvLayer(C=96, K=96, P=56, Q=56, R=3, S=3, groups=96).problem()
    plan = plan_on_pads(layer, eyeriss())
    assert plan.steps <= 1.25 * layer.macs / 168


def test_a_whole_mapping_is_checked_and_extents_are_refused() -> None:
    layer = GemmLayer(M=12, N=8, K=6).problem()
    architecture = array((StorageLevel(name="PAD"),))
    mapping = map_layer(layer, architecture)
    assert map_layer(layer, architecture, blocking=mapping) is mapping
    text = refused(layer, architecture, blocking={"M": 4})
    assert "blocking = M=4: extents of tiles are taken for systolic arrays alone" in text


def test_what_has_no_place_in_a_pe_is_refused() -> None:
    layer = GemmLayer(M=4, N=4, K=4).problem()
    text = refused(layer, array((StorageLevel(name="PAD", holds=("Weights", "Outputs")),)))
    assert "problem.tensors.Inputs: no level of the PEs may hold it: PAD" in text
    alone = Architecture(levels=(StorageLevel(name="DRAM"),), compute=ComputeLevel(name="mac"))
    assert "needs a buffer between main memory and the MACs" in refused(layer, alone)
    text = refused(layer, array((StorageLevel(name="PAD", capacity_words=2),)))
    assert "no tile of the layer fits these levels" in text
    assert "BUF unbounded, PAD 2" in text


def test_an_unknown_data_flow_is_named_with_those_there_are() -> None:
    text = refused(GemmLayer(M=4, N=4, K=4).problem(), eyeriss(), dataflow="rs")
    assert "dataflow = rs: must be one of os, ws, is" in text


def test_a_layer_of_one_multiply_is_mapped() -> None:
    plan = plan_on_pads(GemmLayer(M=1, N=1, K=1).problem(), eyeriss())
    assert (plan.steps, plan.passes) == (1, 1)


def test_partial_sums_stay_where_words_are_wide() -> None:
    """Sums of 32 bits leave a pad for a buffer of 16 bits only when they are complete."""
    pads = (StorageLevel(name="PAD", capacity_words=24, word_bits=32),)
    layer = GemmLayer(M=16, N=16, K=64).problem()
    mapping = map_layer(layer, array(pads))
    outside = [loop for level in mapping.levels[:2] for loop in level.temporal]
    last = max((at for at, loop in enumerate(outside) if loop.dimension in "MN"), default=-1)
    assert all(loop.dimension != "K" for loop in outside[: last + 1])


def test_estimates_are_near_the_analytical_model() -> None:
    accelerator = load_accelerator(preset("eyeriss-168").path)
    for layer in (
        ConvLayer(C=64, K=256, P=56, Q=56, R=1, S=1), ConvLayer(C=64, K=64, P=14, Q=14, R=3, S=3),
        GemmLayer(M=128, N=768, K=768),
    ):  # fmt: skip
        plan = plan_on_pads(layer.problem(), accelerator.platform.architecture)
        estimate = analyze(accelerator.case(layer.problem(), plan.mapping, name="layer"))
        assert plan.steps == estimate.compute_cycles
        assert estimate.cycles <= plan.cycles <= 1.25 * estimate.cycles


@pytest.mark.parametrize("form", [
    TensorFormat(tensor="T", format=Format.BITMASK), TensorFormat(tensor="T", format=Format.CSC),
    TensorFormat(tensor="T", format=Format.CSR), TensorFormat(tensor="T", format=Format.CSF),
    TensorFormat(tensor="T", format=Format.COORDINATE),
    TensorFormat(tensor="T", format=Format.RUN_LENGTH),
    TensorFormat(tensor="T", format=Format.RUN_LENGTH, pack_bits=None),
    TensorFormat(tensor="T", format=Format.BITMASK, metadata=False),
])  # fmt: skip
def test_room_is_given_for_tiles_without_a_zero_and_none_is_larger(form: TensorFormat) -> None:
    shape = (4, 3, 7)
    rooms = stored_words(form, [np.array([size]) for size in shape], 16)
    for density in (1.0, 0.9, 0.3):
        mask = np.random.default_rng(5).random(shape) < density
        words = PieceSizes(mask, form, 16).of(np.zeros((1, 3), np.int64), np.array(shape))
        assert sum(words) <= rooms
        assert density < 1 or sum(words) == rooms

"""Analytical cycles of crossbars: every limited port, by words that can be told by hand."""

import pytest

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    HTree,
    MainMemory,
    Overlap,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.counting import activity_of, counts_of, flows_of, has_maps_on_chip
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.limits import limits_of
from tests.unit.mappings.reram.tile import case, tile

# Ten pixels; two loads (64 and 36 rows); 64 + 64 + 22 outputs: three cores of one tile.
LAYER = GemmLayer(M=10, N=150, K=100)
WEIGHTS, INPUTS, RESULTS = 100 * 150, 10 * 100, 10 * 150

PORTS = {
    "memory read": ({"memory": TileMemory(read_bytes_per_cycle=1)}, WEIGHTS + INPUTS),
    "memory write": ({"memory": TileMemory(write_bytes_per_cycle=1)}, RESULTS),
    "h-tree root down": ({"htree": HTree(root_bytes_per_cycle=1)}, WEIGHTS + INPUTS),
    "h-tree root up": ({"htree": HTree(root_bytes_per_cycle=1)}, RESULTS),
    "h-tree branch down": ({"htree": HTree(branch_bytes_per_cycle=1)}, 100 * 64 + INPUTS),
    "h-tree branch up": ({"htree": HTree(branch_bytes_per_cycle=1)}, 10 * 64),
    "input buffer read": ({"input_buffer": CoreBuffer(read_bytes_per_cycle=1)}, INPUTS),
    "input buffer write": ({"input_buffer": CoreBuffer(write_bytes_per_cycle=1)}, INPUTS),
    # Two bytes of each sum are read for the second load, one of each result as it leaves.
    "partial sums read": ({"partial_sums": CoreBuffer(read_bytes_per_cycle=1)}, 10 * 64 * 3),
    "partial sums write": ({"partial_sums": CoreBuffer(write_bytes_per_cycle=1)}, 10 * 64 * 4),
    "main": ({"main_memory": MainMemory(bandwidth_bytes_per_cycle=1)}, WEIGHTS),
}


@pytest.mark.parametrize("port", PORTS)
def test_ports_need_their_bytes(port):
    """One byte per cycle: as many cycles as bytes."""
    chip, expected = PORTS[port]
    one = case(LAYER, chip=tile(**chip))

    assert limits_of(one, flows_of(one)).ports[f"{port} bandwidth"] == expected


def test_the_vector_unit_needs_its_operations():
    """Two row blocks of 64 columns and ten pixels: one addition; one activation per result."""
    one = case(LAYER, chip=tile(vector=VectorUnit(adds_per_cycle=2, activations_per_cycle=4)))

    ports = limits_of(one, flows_of(one)).ports

    assert ports == {"vector adds": 10 * 64 // 2, "vector activations": 10 * 64 // 4}


def test_maps_that_do_not_fit_pass_the_memory():
    """One byte too many: inputs and results come from and go to main memory each time."""
    whole = {"main_memory": MainMemory(bandwidth_bytes_per_cycle=1)}
    fits = case(LAYER, chip=tile(**whole, memory=TileMemory(capacity_bytes=INPUTS + RESULTS)))
    passes = case(LAYER, chip=tile(**whole, memory=TileMemory(capacity_bytes=INPUTS + RESULTS - 1)))

    assert has_maps_on_chip(fits)
    assert not has_maps_on_chip(passes)
    assert limits_of(fits, flows_of(fits)).ports["main bandwidth"] == WEIGHTS
    assert limits_of(passes, flows_of(passes)).ports["main bandwidth"] == WEIGHTS + INPUTS + RESULTS
    main, memory = counts_of(passes).levels[:2]
    assert main.tensors["Inputs"].reads == memory.tensors["Inputs"].fills == INPUTS
    assert main.tensors["Outputs"].updates == memory.tensors["Outputs"].reads == RESULTS
    assert "Inputs" not in counts_of(fits).levels[0].tensors


def test_a_slow_port_bounds_the_run():
    """What needs longest names the bound; compute stays what it is."""
    one = case(LAYER, chip=tile(memory=TileMemory(read_bytes_per_cycle="1/10")))

    estimate = analyze_crossbars(one)

    assert estimate.cycles == 10 * (WEIGHTS + INPUTS)
    assert estimate.bound_by == "memory read bandwidth"
    assert estimate.compute_cycles == 10 * 2 * 800
    assert estimate.level_cycles == {"memory read bandwidth": estimate.cycles}


def test_full_crossbars_without_writing_are_all_in_use():
    """36 crossbars of 64 x 64 at every multiply, pulses of no length: utilization 1."""
    layer = ConvLayer(C=64, K=256, P=8, Q=8, R=3, S=3)
    chip = tile()
    free = chip.writing.model_copy(update={"pulse_ns": chip.writing.verify_ns})

    estimate = analyze_crossbars(case(layer, chip=chip.model_copy(update={"writing": free})))

    assert estimate.utilization == 1.0
    assert estimate.bound_by == "compute"


@pytest.mark.parametrize(
    ("overlap", "drivers", "expected"),
    [
        # Three cores of four slices and one slot: 12 crossbars in 3 rounds of 5; two updates.
        (Overlap.NONE, 5, 16_000 + 2 * 3 * 3200),
        (Overlap.NONE, None, 16_000 + 2 * 3200),
        # Core by core, a round each; every core is written for a third of that.
        (Overlap.PARTIAL, 5, max(2 * 3 * 3200, 16_000 + 2 * 3200)),
        (Overlap.PARTIAL, None, 16_000 + 2 * 3200),
        # The second weights are written beside the first stretch of 8 000.
        (Overlap.SHADOW, 5, 9600 + max(8000, 9600) + 8000),
        (Overlap.SHADOW, None, 3200 + 8000 + 8000),
    ],
)
def test_writing_follows_drivers_and_overlap(overlap, drivers, expected):
    """Ten pixels per load, 800 cycles each."""
    chip = tile(overlap=overlap, writing={"crossbars_at_once": drivers})

    assert analyze_crossbars(case(LAYER, chip=chip)).cycles == expected


def test_data_aware_writing_is_bounded_by_nothing():
    """Without the weights, writing may take no time at all."""
    one = case(LAYER, chip=tile(writing={"data_aware": True}))

    assert analyze_crossbars(one).cycles == 16_000


def test_runs_of_inputs_are_told_for_both_forms():
    """Windows: a run per input row; pixels: a run per kernel row and pixel."""
    layer = ConvLayer(C=64, K=64, P=4, Q=6, R=3, S=3)

    activity = activity_of(case(layer, "h2"))

    assert activity.window_runs == 2 * (2 + 3 - 1)
    assert activity.pixel_runs == 4 * 6 * 3
    assert activity_of(case(layer, "p6")).window_runs is None

"""The systolic presets have the sizes they name, and templates map layers onto them."""

import pytest

from stallscope.catalog import ACCELERATORS, preset
from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case, Platform
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.loading import load_platform
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.templates import Dataflow, plan_layer

SIDES = {"tpu-like-128": 128, "gemmini-like-16": 16, "systolic-4": 4}


def platform(name: str) -> Platform:
    return load_platform(preset(name).path)


def convolution(**bounds: int) -> Problem:
    """A layer in the notation of networks: tensors Weights, Inputs, Outputs."""
    step = bounds.pop("stride", 1)
    ranks = {
        "Weights": [("K",), ("C",), ("R",), ("S",)],
        "Inputs": [("C",), ("P", "R"), ("Q", "S")],
        "Outputs": [("K",), ("P",), ("Q",)],
    }
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tuple(
            Tensor(
                name=name,
                ranks=tuple(
                    tuple(
                        Term(
                            dimension=one, coefficient=step if one in "PQ" and len(rank) > 1 else 1
                        )
                        for one in rank
                    )
                    for rank in of
                ),
                is_output=name == "Outputs",
            )
            for name, of in ranks.items()
        ),
    )


# Shapes of ResNet-50 (torchvision): the stem, a 3 x 3 and a strided 1 x 1 of the last stage.
LAYERS = (
    convolution(K=64, C=3, P=112, Q=112, R=7, S=7, stride=2),
    convolution(K=512, C=512, P=7, Q=7, R=3, S=3),
    convolution(K=2048, C=1024, P=7, Q=7, R=1, S=1, stride=2),
)


def test_every_systolic_preset_is_listed() -> None:
    names = [entry.name for entry in ACCELERATORS]
    assert set(SIDES) <= set(names)


@pytest.mark.parametrize("name", SIDES)
def test_arrays_are_square_and_load_one_tile_ahead(name: str) -> None:
    chip = platform(name).architecture
    side = SIDES[name]
    assert (chip.compute.x, chip.compute.y) == (side, side)
    assert chip.levels[-1].capacity_words == 2 * side**2
    assert [level.word_bits for level in chip.levels] == [8, 8, 32, 32]


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("layer", LAYERS, ids=["stem", "3x3", "1x1"])
def test_layers_of_a_network_fit_every_preset(name: str, layer: Problem) -> None:
    chip = platform(name).architecture
    plan = plan_layer(layer, chip)
    check_mapping(layer, chip, plan.mapping)
    assert plan.cycles >= layer.macs / chip.compute.instances


def test_gemmini_has_the_sizes_of_its_default_configuration() -> None:
    """256 KiB of 8-bit words, 64 KiB of 32-bit words, a bus of 128 bits."""
    dram, scratchpad, accumulator, array = platform("gemmini-like-16").architecture.levels
    assert (scratchpad.capacity_words, accumulator.capacity_words) == (256 * 1024, 16 * 1024)
    assert (dram.read_words_per_cycle, dram.write_words_per_cycle) == (16, 16)
    assert scratchpad.shared_words_per_cycle == 4 * 16
    assert array.holds == ("Weights", "Outputs")


def test_the_tpu_has_half_the_widths_of_the_first_one() -> None:
    """24 MiB / 2, 4096 accumulators of 128 columns, one channel of HBM2 at 700 MHz."""
    chip = platform("tpu-like-128").architecture
    dram, buffer, accumulators, _ = chip.levels
    assert (buffer.capacity_words, accumulators.capacity_words) == (12 * 2**20, 4096 * 128)
    assert dram.memory is not None
    assert dram.memory.device == dram_device("hbm2")
    assert chip.clock_mhz == 700
    assert float(dram.memory.peak_bits_per_cycle(700)) * 700e6 / 8 == pytest.approx(32e9)


def test_every_action_with_a_source_has_an_energy() -> None:
    """Registers have none in any preset, nor have the tiny buffers of the one to learn on."""
    layer = convolution(K=8, C=4, P=6, Q=6, R=3, S=3)
    for name, without in (
        ("gemmini-like-16", {"array"}), ("systolic-4", {"array", "scratchpad", "accumulator"})
    ):  # fmt: skip
        chip = platform(name)
        plan = plan_layer(layer, chip.architecture, dataflow=Dataflow.WS)
        estimate = analyze(
            Case(problem=layer, mapping=plan.mapping, energy=chip.energy,
                 architecture=chip.architecture)
        )  # fmt: skip
        assert {action.split(".")[0] for action in estimate.missing} == without
        assert estimate.energy_pj is not None
        dram = estimate.counts.levels[0].tensors
        words = sum(tensor.reads + tensor.updates for tensor in dram.values())
        assert words == sum(plan.words.values())
        lines = [line for line in estimate.ledger if line.component == "DRAM"]
        assert sum(line.pj for line in lines) == pytest.approx(162.5 * words)

"""The presets are legal, say their sources, and give the reference's figures."""

from fractions import Fraction
from pathlib import Path

import pytest

import stallscope as ss
from stallscope.catalog import (
    ACCELERATORS,
    accelerator_of,
    load_network,
    network_of,
    preset,
    with_preset_names,
)
from stallscope.mappings.accelerator import load_accelerator
from stallscope.mappings.architecture import Network
from stallscope.mappings.dram_catalog import dram_device
from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.templates import map_layer
from stallscope.mappings.topology import XyBus
from stallscope.run import LoadOptions, load_layers

# Timeloop v3.0.3 (6b41058) on the cases map_alexnet_conv1..5: cycles, and the sum of the
# energies of all levels and MACs, pJ.
TIMELOOP = {
    "conv1": (798_600, 859_787_063),
    "conv2": (3_732_480, 3_269_456_185),
    "conv3": (958_464, 1_273_289_270),
    "conv4": (1_437_696, 1_467_346_714),
    "conv5": (958_464, 1_056_700_884),
}


def layers(accelerator: str) -> dict[str, ss.Case]:
    chosen = accelerator_of(accelerator)
    assert chosen.network is not None
    network = load_network(network_of(chosen.network))
    loaded = load_layers(network, [chosen.path], LoadOptions())
    return {layer.name: layer.case for layer in loaded}


EYERISS = [entry.name for entry in ACCELERATORS if entry.network == "alexnet-conv"]


@pytest.mark.parametrize("accelerator", EYERISS)
def test_estimates_are_timeloops_figures(accelerator: str) -> None:
    for name, case in layers(accelerator).items():
        estimate = ss.analyze(case)
        assert estimate.cycles == TIMELOOP[name][0]
        assert estimate.energy_pj == pytest.approx(TIMELOOP[name][1], abs=1)
        assert estimate.missing == ()


def test_the_finite_preset_has_the_limits_it_names() -> None:
    case = layers("eyeriss-168")["conv1"]
    dram, glb = case.architecture.level("DRAM"), case.architecture.level("shared_glb")
    assert dram.shared_words_per_cycle == Fraction(4)
    assert (dram.read_latency_cycles, dram.write_latency_cycles) == (50, 50)
    assert (glb.read_words_per_cycle, glb.write_words_per_cycle) == (16, 16)
    assert case.architecture.compute.instances == 168


LAYER = Path(__file__).parents[2] / "data/eyeriss_layer.yaml"


def test_the_ddr4_preset_has_the_device_and_the_bus_it_names(tmp_path) -> None:
    case = layers("eyeriss-168-ddr4")["conv1"]
    dram, glb = case.architecture.level("DRAM"), case.architecture.level("shared_glb")
    assert dram.memory == MainMemory(device=dram_device("DDR4-2400"))
    assert case.architecture.clock_mhz == 200
    widths = {one.tensor: one.topology for one in glb.network.separate}
    assert widths == {
        name: XyBus(words_per_cycle=width, delay_cycles=1)
        for name, width in (("Weights", 4), ("Inputs", 1), ("Outputs", 4))
    }
    twin = layers("eyeriss-168")["conv1"].architecture
    plain = [level.model_copy(update={"network": Network()}) for level in case.architecture.levels]
    assert plain[1:] == list(twin.levels[1:])
    assert case.architecture.compute == twin.compute


@pytest.mark.usefixtures("dram_kernel")
def test_the_ddr4_preset_waits_for_its_buses_and_reads_rows() -> None:
    """A small layer: every input passes the bus of one word, every word a burst of the device."""
    result = ss.simulate(ss.load(preset("eyeriss-168-ddr4").path, LAYER))
    down = result.counts.networks[1].tensors
    assert result.cycles > down["Inputs"].words_in
    assert result.memory is not None
    # Weights 2*8*3*3, inputs 2*6*6 and outputs 8*4*4 words of 2 bytes in bursts of 64.
    assert result.memory.commands["reads"] >= -(-(144 + 72) * 2 // 64)
    assert result.memory.commands["writes"] == 8 * 4 * 4 * 2 // 64
    assert result.cycle_stack["network_bandwidth"] > 0


def test_the_twin_differs_in_main_memory_only() -> None:
    finite = layers("eyeriss-168")["conv1"].architecture
    unlimited = layers("eyeriss-168-unlimited")["conv1"].architecture
    assert finite.levels[1:] == unlimited.levels[1:]
    assert finite.compute == unlimited.compute
    assert unlimited.levels[0].shared_words_per_cycle is None
    assert unlimited.levels[0].read_latency_cycles == 0


def test_files_of_presets_are_named_without_their_place() -> None:
    case = with_preset_names(layers("eyeriss-168")["conv3"])
    assert [file.path for file in case.files] == [
        "preset:eyeriss-168.yaml", "preset:alexnet/conv3.yaml",
    ]  # fmt: skip


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ss.SpecError, match="did you mean eyeriss-168"):
        preset("eyeris-168")
    with pytest.raises(ss.SpecError, match="no preset and no file of this name"):
        accelerator_of("eyeris-168")


def test_a_network_file_reports_every_fault(tmp_path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        "stallscope: 1\n"
        "network:\n"
        "  name: n\n"
        "  layers:\n"
        "    - {name: a, files: []}\n"
        "    - {name: b, files: [b.yaml], repeat: 0}\n"
        "    - {name: b, fils: [b.yaml]}\n"
    )
    with pytest.raises(ss.SpecError) as raised:
        load_network(network_of(str(file)))
    message = str(raised.value)
    assert "net.yaml:5: network.layers[0].files" in message
    assert "network.layers[1].repeat = 0: needs a whole number >= 1" in message
    assert "did you mean files?" in message
    assert "b is there twice" in message


SPARSE = [entry.name for entry in ACCELERATORS
          if load_accelerator(entry.path).platform.architecture.compute.sparse]  # fmt: skip


@pytest.mark.parametrize("accelerator", SPARSE)
def test_arrays_that_skip_zeros_have_mappings_of_convolutions_and_products(
    accelerator: str,
) -> None:
    loaded = load_accelerator(preset(accelerator).path)
    for shape in (
        ConvLayer(C=32, K=64, P=14, Q=14, R=3, S=3, padding=1),
        GemmLayer(M=64, N=48, K=96),
    ):
        problem = shape.problem()
        mapping = map_layer(problem, loaded.platform.architecture)
        case = loaded.case(problem, mapping, name="layer")
        assert case.architecture.compute.sparse is not None
        assert "Weights" in case.architecture.compute.sparse.skips
        assert {one.tensor for one in case.architecture.levels[0].formats} >= {"Weights"}


def test_the_sparse_eyeriss_is_the_dense_one_with_formats_and_skips() -> None:
    dense, sparse = (load_accelerator(preset(name).path).platform
                     for name in ("eyeriss-168", "eyeriss-sparse-168"))  # fmt: skip
    twice = [level.model_copy(update={"capacity_words": 2 * (level.capacity_words or 0)})
             for level in dense.architecture.levels[-3:]]  # fmt: skip
    plain = [level.model_copy(update={"formats": ()}) for level in sparse.architecture.levels]
    assert plain == [*dense.architecture.levels[:-3], *twice]
    compute = sparse.architecture.compute.model_copy(update={"sparse": None})
    assert compute == dense.architecture.compute
    assert sparse.energy is not None
    assert sparse.energy == dense.energy

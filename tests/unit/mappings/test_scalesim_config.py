"""SCALE-Sim's configurations of versions 1 to 3, and every key that nothing is made of."""

from pathlib import Path

import pytest

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.scalesim import ScaleSimConfig, read_config
from stallscope.mappings.scalesim_config import Interface
from stallscope.simcore.errors import SpecError

VERSION_1 = """\
[architecture_presets]
ArrayHeight:    32
ArrayWidth:     16
IfmapSramSz:    1024
FilterSramSz:   512
OfmapSramSz:    256

[network_presets]
TopologyCsvLoc: "./topologies/yolo_tiny.csv"
"""
VERSION_2 = """\
[general]
run_name = eyeriss

[architecture_presets]
ArrayHeight:    12
ArrayWidth:     14
IfmapSramSzkB:    36
FilterSramSzkB:   37
OfmapSramSzkB:    38
IfmapOffset:    0
FilterOffset:   10000000
OfmapOffset:    20000000
Dataflow : WS
Bandwidth : 10, 20,30
MemoryBanks: 1

[run_presets]
InterfaceBandwidth: CALC
SRAM_row_size: 2
"""
VERSION_3 = """\
[general]
run_name = tpu

[architecture_presets]
ArrayHeight: 256
ReadRequestBuffer: 100
WriteRequestBuffer: 200
Bandwidth : 10

[layout]
IfmapCustomLayout: True
FilterCustomLayout: False
IfmapSRAMBankBandwidth: 64
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterSRAMBankBandwidth: 640
FilterSRAMBankNum: 1
FilterSRAMBankPort: 3

[sparsity]
SparsitySupport : true   # of the weights
SparseRep : ellpack_block
OptimizedMapping : false
BlockSize : 8
RandomNumberGeneratorSeed : 40

[run_presets]
InterfaceBandwidth = USER
UseRamulatorTrace: True
"""


def read(folder: Path, text: str) -> ScaleSimConfig:
    file = folder / "scale.cfg"
    file.write_text(text)
    return read_config(file)


def given(config: ScaleSimConfig) -> dict:
    return config.model_dump(exclude_none=True, exclude={"ignored", "file"})


def ignored(config: ScaleSimConfig) -> list[str]:
    return [one.field for one in config.ignored]


def test_version_1(tmp_path: Path) -> None:
    config = read(tmp_path, VERSION_1)
    assert given(config) == {
        "array_height": 32, "array_width": 16, "ifmap_sram_kb": 1024, "filter_sram_kb": 512,
        "ofmap_sram_kb": 256, "topology": "./topologies/yolo_tiny.csv",
    }  # fmt: skip
    assert ignored(config) == ["TopologyCsvLoc"]
    assert config.file.path == str(tmp_path / "scale.cfg")


def test_version_2(tmp_path: Path) -> None:
    config = read(tmp_path, VERSION_2)
    assert given(config) == {
        "run_name": "eyeriss", "array_height": 12, "array_width": 14, "ifmap_sram_kb": 36,
        "filter_sram_kb": 37, "ofmap_sram_kb": 38, "ifmap_offset": 0, "filter_offset": 10_000_000,
        "ofmap_offset": 20_000_000, "dataflow": Dataflow.WS, "bandwidths": (10, 20, 30),
        "memory_banks": 1, "interface": Interface.CALC,
    }  # fmt: skip
    assert ignored(config) == [
        "IfmapOffset", "FilterOffset", "OfmapOffset", "MemoryBanks", "SRAM_row_size",
    ]  # fmt: skip
    place = tmp_path / "scale.cfg"
    assert f"{place}:15: MemoryBanks (1) is ignored: SCALE-Sim does not read it either" in (
        config.notes
    )
    assert config.notes[-1] == (
        f"{place}:19: SRAM_row_size (2) is ignored: no key of SCALE-Sim that is known here"
    )


def test_version_3(tmp_path: Path) -> None:
    config = read(tmp_path, VERSION_3)
    assert given(config) == {
        "run_name": "tpu", "array_height": 256, "bandwidths": (10,), "ifmap_bank_bandwidth": 64,
        "filter_bank_bandwidth": 640, "read_request_buffer": 100, "write_request_buffer": 200,
        "ifmap_custom_layout": True, "filter_custom_layout": False, "ifmap_bank_count": 10,
        "filter_bank_count": 1, "ifmap_bank_ports": 2, "filter_bank_ports": 3,
        "sparsity_support": True, "sparse_representation": "ellpack_block",
        "optimized_mapping": False, "block_size": 8, "random_seed": 40,
        "interface": Interface.USER, "use_ramulator_trace": True,
    }  # fmt: skip
    used = {"run_name", "ArrayHeight", "Bandwidth", "IfmapSRAMBankBandwidth",
            "FilterSRAMBankBandwidth", "InterfaceBandwidth"}  # fmt: skip
    keys = [line.partition(":")[0].partition("=")[0].strip()
            for line in VERSION_3.splitlines() if line and line[0] != "["]  # fmt: skip
    assert ignored(config) == [key for key in keys if key not in used]


def test_layouts_may_stand_among_the_presets_and_keys_in_any_letters(tmp_path: Path) -> None:
    config = read(tmp_path, "[architecture_presets]\narrayheight: 3\nIFMAPSRAMBANKNUM: 4\n")
    assert given(config) == {"array_height": 3, "ifmap_bank_count": 4}
    assert ignored(config) == ["IfmapSRAMBankNum"]


def test_a_key_that_is_nearly_known_names_the_known_one(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "[general]\nArayHeight: 3\n").notes
    assert note.endswith("no key of SCALE-Sim that is known here; did you mean ArrayHeight?")


def test_every_fault_comes_with_its_line(tmp_path: Path) -> None:
    text = (
        "stray: 1\n[architecture_presets]\nArrayHeight: 0\nArrayWidth: wide\nDataflow: rs\n"
        "Bandwidth: 1,x\nIfmapSramSz: 3\nIfmapSramSzkB: 4\njust words\n[run_presets]\n"
        "InterfaceBandwidth: FAST\nUseRamulatorTrace: maybe\n"
    )
    place = tmp_path / "scale.cfg"
    with pytest.raises(SpecError) as raised:
        read(tmp_path, text)
    found = [str(fault).removeprefix(f"{place}:") for fault in raised.value.faults]
    assert found == [
        "1: file = stray: 1: stands before the first section; begin with a section, [general]",
        "3: ArrayHeight = 0: needs a whole number >= 1",
        "4: ArrayWidth = wide: needs a whole number >= 1",
        "5: Dataflow = rs: needs os, ws or is",
        "6: Bandwidth = 1,x: needs a whole number >= 1",
        f"8: IfmapSramSzkB = 4: is given in {place}:7 too; keep one of the two",
        "9: file = just words: is no section and no key; give [section] or key : value",
        "11: InterfaceBandwidth = FAST: needs CALC or USER",
        "12: UseRamulatorTrace = maybe: needs True or False",
    ]


@pytest.mark.parametrize("text", ["", "[general]\n", "# nothing\n"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SpecError, match="has no keys; is it a configuration of SCALE-Sim"):
        read(tmp_path, text)

"""Settings of files of crossbars, and files written back."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.loading import load
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    LogicalCrossbar,
    MainMemory,
    Overlap,
    Pipeline,
    Programming,
    Readout,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.files import (
    load_crossbars,
    read_crossbars,
)
from stallscope.mappings.reram.native_writing import dump_crossbars
from stallscope.mappings.reram.schedule import (
    Axis,
    CrossbarSchedule,
    Filling,
    InputForm,
    ScheduleLoop,
)
from stallscope.mappings.schema import schema
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.reram.texts import CHIP, HEAD, LAYER, written


def test_settings_change_what_the_files_say(tmp_path: Path) -> None:
    file = written(tmp_path)
    case = load_crossbars(
        file,
        overrides=[
            "crossbars.writing.iterations=1",
            "crossbars.memory.read_bytes_per_cycle=8",
            "schedule.snake=false",
            "schedule.loops=[ko, {h: 2}]",
            "crossbars.main_memory=null",
            "crossbars.input_buffer.capacity=1 KiB",
            "layer.conv.K=64",
            "energy.crossbars.adc=2 pJ",
            "energy.memory.read=3",
            "name=x",
        ],
    )
    assert case.chip.writing.iterations == 1
    assert case.chip.memory.read_bytes_per_cycle == 8
    assert case.chip.main_memory is None
    assert case.chip.input_buffer.capacity_bytes == 1024
    assert [loop.axis for loop in case.schedule.loops] == [Axis.KO, Axis.H]
    assert isinstance(case.layer, ConvLayer)
    assert (case.layer.K, case.name) == (64, "x")
    assert case.energy is not None
    assert case.energy.energy_pj("crossbars", "adc") == 2
    assert case.energy.energy_pj("memory", "read") == 3
    assert case.files == load_crossbars(file).files


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("crossbars.writing.iteratons=5", "--set crossbars.writing.iteratons=5: .*iterations"),
        (
            "crossbars.cores=none",
            "--set crossbars.cores=none: crossbars.cores = none: needs a whole",
        ),
        ("crossbars.overlap=partial=1", "needs one of none, shadow, partial"),
        ("crossbar.rows=5", "no section crossbar; did you mean crossbars"),
        ("crossbars=5", "needs a key of the section"),
        ("crossbars.cores.x=5", "cores is no mapping"),
        ("crossbars.cores", "needs path=value; as in crossbars.writing.iterations=10"),
        ("mapping.GLB=5", "no section mapping"),
        ("crossbars.crossbar.per_core=1", r"case.yaml:2: crossbars: overlap shadow|--set"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, setting: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected):
        load_crossbars(written(tmp_path), overrides=[setting])


def test_faults_of_the_files_keep_their_line_beside_settings(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + CHIP.replace("cores: 4", "cores: -4") + LAYER)
    with pytest.raises(SpecError, match=r"case.yaml:4: crossbars.cores = -4"):
        load_crossbars(file, overrides=["schedule.snake=true"])
    assert load_crossbars(file, overrides=["crossbars.cores=2"]).chip.cores == 2


rates = st.fractions(min_value=Fraction(1, 99), max_value=99, max_denominator=99)
sizes = st.integers(1, 300)
buffers = st.builds(
    CoreBuffer,
    capacity_bytes=st.none() | sizes,
    read_bytes_per_cycle=st.none() | rates,
    write_bytes_per_cycle=st.none() | rates,
)
chips = st.builds(
    CrossbarChip,
    name=st.text(min_size=1, max_size=5),
    clock_mhz=st.sampled_from([1000.0, 1.5]),
    tiles=sizes,
    cores=sizes,
    partial_sum_bits=st.integers(1, 64),
    crossbar=st.builds(
        LogicalCrossbar,
        rows=sizes,
        columns=sizes,
        per_core=st.integers(2, 9),
        is_differential=st.booleans(),
    ),
    reading=st.builds(
        Readout,
        read_ns=rates,
        columns_per_adc=sizes,
        adc_gsps=rates,
        adc_bits=st.none() | st.integers(1, 32),
        pipeline=st.sampled_from(Pipeline),
    ),
    writing=st.builds(
        Programming,
        pulse_ns=rates,
        iterations=st.integers(1, 2),
        columns_per_pulse=st.none() | sizes,
        crossbars_at_once=st.none() | sizes,
        data_aware=st.booleans(),
        endurance_writes=st.none() | rates,
    ),
    overlap=st.sampled_from(Overlap),
    memory=st.builds(TileMemory, capacity_bytes=st.none() | sizes, burst_bytes=sizes),
    partial_sums=buffers,
    main_memory=st.none() | st.builds(MainMemory, latency_cycles=st.integers(0, 9)),
    vector=st.builds(VectorUnit, adds_per_cycle=st.none() | rates),
)
schedules = st.builds(
    CrossbarSchedule,
    filling=st.sampled_from(Filling),
    loops=st.permutations([Axis.N, Axis.CO, Axis.KO, Axis.H]).map(
        lambda axes: tuple(ScheduleLoop(axis=axis, step=at + 1) for at, axis in enumerate(axes))
    ),
    snake=st.booleans(),
    inputs=st.sampled_from(InputForm),
)
layers = st.builds(
    ConvLayer, C=sizes, K=sizes, P=sizes, Q=sizes, R=sizes, S=sizes, dilation=st.integers(1, 2)
) | st.builds(GemmLayer, M=sizes, N=sizes, K=sizes, batch=st.integers(1, 3))


@settings(max_examples=40)
@given(
    st.builds(
        CrossbarCase,
        name=st.sampled_from(["case", "a b"]),
        layer=layers,
        chip=chips,
        schedule=schedules,
        energy=st.sampled_from([None, EnergyTable(source="x")]),
        assumptions=st.sampled_from([(), ("one", "two")]),
    )
)
def test_what_is_written_reads_back(case: CrossbarCase) -> None:
    assert read_crossbars(dump_crossbars(case)) == case


def test_the_way_back_keeps_what_a_device_gave(tmp_path: Path) -> None:
    text = CHIP.replace("pulse: 50 ns, verify: 10 ns, ", "").replace(
        "cores:", "device: neurosim-50ns\n  cores:", 1
    )
    energy = "energy: {components: {crossbars: {actions: {adc: 1}}}}\n"
    case = load_crossbars(written(tmp_path, HEAD + text + LAYER + energy))
    assert case.chip.writing.pulse_ns == 50
    assert case.energy is not None
    assert case.energy.energy_pj("crossbars", "pulse") == 33.333
    assert read_crossbars(dump_crossbars(case)) == case.model_copy(update={"files": ()})


def test_the_schema_names_every_key() -> None:
    tree = schema("crossbars")["properties"]
    assert set(tree) == {
        "stallscope",
        "name",
        "crossbars",
        "layer",
        "schedule",
        "energy",
        "assumptions",
    }
    chip = tree["crossbars"]["properties"]
    assert {"cores", "clock", "clock_mhz", "device"} <= set(chip)
    assert {"pulse", "pulse_ns", "endurance"} <= set(chip["writing"]["properties"])
    assert chip["overlap"] == {"enum": ["none", "shadow", "partial"]}
    assert {"read_bandwidth", "capacity"} <= set(chip["memory"]["properties"])
    assert {"loops", "snake", "filling"} <= set(tree["schedule"]["properties"])
    assert "pulse" in schema("reram_device")["properties"]["reram_device"]["properties"]


def test_loading_them_as_a_case_on_storage_levels_says_what_to_use(tmp_path: Path) -> None:
    file = written(tmp_path)
    with pytest.raises(SpecError, match=r"case.yaml:3: crossbars: has no place .* load_crossbars"):
        load(file)

"""Files of crossbars: every notation, every fault with its line, settings, and the way back."""

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    HTree,
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
    is_of_crossbars,
    load_chip,
    load_crossbars,
    read_crossbars,
)
from stallscope.mappings.reram.schedule import (
    Axis,
    CrossbarSchedule,
    Filling,
    InputForm,
    ScheduleLoop,
)
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.reram.texts import CHIP, HEAD, LAYER, SCHEDULE, faults


def test_figures_carry_units_and_are_exact() -> None:
    case = read_crossbars(HEAD + CHIP + LAYER + SCHEDULE)
    assert case.name == "conv3"
    assert case.layer == ConvLayer(C=128, K=256, P=28, Q=28, R=3, S=3, padding=(1, 1))
    assert case.schedule == CrossbarSchedule(
        filling=Filling.RIGID,
        loops=(
            ScheduleLoop(axis=Axis.CO),
            ScheduleLoop(axis=Axis.H, step=4),
            ScheduleLoop(axis=Axis.KO),
        ),
        snake=True,
        inputs=InputForm.WINDOW,
    )
    assert case.chip == CrossbarChip(
        clock_mhz=2000.0,
        cores=4,
        crossbar=LogicalCrossbar(rows=64, columns=32, per_core=9),
        reading=Readout(
            read_ns=100,
            columns_per_adc=64,
            adc_gsps=Fraction(128, 100),
            shift_add_ns=Fraction(1, 2),
            pipeline=Pipeline.ELASTIC,
        ),
        writing=Programming(
            pulse_ns=50,
            verify_ns=10,
            iterations=10,
            power_budget_mw=500,
            pulse_power_mw=Fraction(1, 50),
            endurance_writes=10**6,
            pulses_per_level=Fraction(3, 2),
        ),
        overlap=Overlap.SHADOW,
        memory=TileMemory(
            capacity_bytes=65_536,
            read_bytes_per_cycle=32,
            write_bytes_per_cycle=16,
            burst_bytes=32,
            latency_cycles=20,
        ),
        htree=HTree(
            root_bytes_per_cycle=32, branch_bytes_per_cycle=Fraction(1, 3), hop_latency_cycles=1
        ),
        partial_sums=CoreBuffer(capacity_bytes=16_384),
        main_memory=MainMemory(bandwidth_bytes_per_cycle=1, latency_cycles=100),
        vector=VectorUnit(adds_per_cycle=64),
    )
    assert case.assumptions == ("padding is stored with the inputs and moved like them",)


def test_figures_left_out_that_matter_are_named() -> None:
    chip = (
        "crossbars:\n  cores: 1\n  crossbar: {rows: 2, columns: 2, per_core: 1}\n"
        "  reading: {read: 1 ns, columns_per_adc: 1, adc_rate: 1}\n  writing: {pulse: 1}\n"
    )
    case = read_crossbars(HEAD + chip + "layer: {gemm: {M: 2, N: 3, K: 4}}\n")
    assert (case.name, case.layer) == ("case", GemmLayer(M=2, N=3, K=4))
    (said,) = case.assumptions
    assert "clock_mhz 1000" in said
    assert "crossbar.cell_bits 2" in said
    assert "writing.verify_ns 0" in said


def test_every_fault_comes_with_its_line() -> None:
    found = faults(
        """\
stallscope: 1
problem: {dimensions: {M: 4}}
mapping: {GLB: {}}
crossbar: {}
crossbars:
  cores: 0
  crossbar: {rows: 64, colums: 64, per_core: 9}
  reading: {read: 100 kg, columns_per_adc: x, adc_rate: 0, pipeline: syncronous}
  writing: {pulse: -5 ns, data_aware: 1}
  memory: {read_bandwidth: 4 words/cycle, capacity: 1.5}
  overlap: [none]
  htree: 3
layer: {conv: {C: 3, K: 8, P: 4, R: 3, S: 3}, gemm: {M: 1}}
schedule: {loops: [co, {hh: 4}, {ko: 0}, {h: 1, w: 2}], snake: yes, fillings: strict}
energy: {components: {memory: {read: 1}, GLB: {read: 2}, crossbars: {actions: {adcs: 1}}}}
"""
    )
    expected = [
        "2: problem: has no place in files of crossbars; give the layer by its shape",
        "3: mapping: has no place in files of crossbars; give the order of loops as schedule:",
        "4: file.crossbar: unknown key crossbar; did you mean crossbars?",
        "6: crossbars.cores = 0: needs a whole number >= 1",
        "7: crossbars.crossbar.colums = 64: unknown key colums; did you mean columns?",
        "8: crossbars.reading.read_ns = 100 kg: unknown unit kg; known here: ns, ps, us",
        "8: crossbars.reading.columns_per_adc = x: needs a whole number, has text",
        "8: crossbars.reading.adc_gsps = 0: needs a figure above 0",
        "8: crossbars.reading.pipeline = syncronous: needs one of synchronous, elastic; "
        "did you mean synchronous?",
        "9: crossbars.writing.pulse_ns = -5 ns: needs a figure >= 0",
        "9: crossbars.writing.data_aware = 1: needs true or false, has a number",
        "10: crossbars.memory.capacity_bytes = 1.5: is 1.5 bytes, needs a whole number >= 1",
        "10: crossbars.memory.read_bytes_per_cycle = 4 words/cycle: unknown unit words/cycle",
        "11: crossbars.overlap = [none]: needs one of none, shadow, partial",
        "12: crossbars.htree = 3: needs a mapping, has a number",
        "7: crossbars.crossbar: needs columns",
        "13: layer: needs a shape, conv: or gemm:, has both",
        "14: schedule.loops[1] = hh: needs an axis: n, co, ko, h, w, p",
        "14: schedule.loops[2].ko = 0: needs a whole number >= 1",
        "14: schedule.loops[3]: needs an axis, or an axis and its step; as in co or {h: 4}",
        "14: schedule.snake = yes: needs true or false, has text",
        "14: schedule.fillings = strict: unknown key fillings; did you mean filling?",
        "15: energy.crossbars.adcs: crossbars has no action adcs; did you mean adc?",
    ]
    missing = [one for one in expected if not any(one in fault for fault in found)]
    assert (missing, len(found)) == ([], len(expected)), "\n".join(found)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("overlap: shadow", "overlap: shadow, "), "needs one of none, shadow, partial"),
        (("per_core: 9", "per_core: 1"), "overlap shadow needs two logical crossbars"),
        ((", pulse_power: 20 uW", ""), "power_budget_mw needs pulse_power_mw beside it"),
        (("weight_bits: 8", "weight_bits: 65"), "less than or equal to 64"),
        (("{h: 4}", "{h: 4}, {h: 3}"), "steps of h must divide each other"),
        (("{h: 4}", "{p: 4}"), "windows need a tile of rows and columns"),
        (("cores: 4\n", "cores: 4\n  cores: 5\n"), "key 'cores' is given twice"),
        (("clock: 2 GHz", "clock: 2 GHz\n  clock_mhz: 2000"), "says the same as clock_mhz"),
        (("clock: 2 GHz", "clock: 2 Hz/s"), "unknown unit"),
        (("stallscope: 1", "stallscope: 2"), "format version must be 1"),
        (("stallscope: 1\n", ""), "is no native file: crossbars have no other notation"),
        (("layer: {name: conv3, conv: {", "layer: {conv: {C: {}, "), "given twice"),
        (("layer: ", "layers: "), "unknown key layers; did you mean layer?"),
        (("overlap: shadow", "overlap:"), "is empty; leave overlap out for its default"),
    ],
)
def test_faults_of_parts_that_do_not_go_together(change: tuple[str, str], expected: str) -> None:
    text = HEAD + CHIP + LAYER + SCHEDULE
    assert change[0] in text
    with pytest.raises(SpecError, match="(?s).*" + expected.replace("{", r"\{")):
        read_crossbars(text.replace(*change))


def test_a_case_may_be_split_over_files(tmp_path: Path) -> None:
    chip, layer, order, more = (tmp_path / f"{name}.yaml" for name in "clom")
    chip.write_text(HEAD + CHIP)
    layer.write_text(HEAD + "name: mine\n" + LAYER)
    order.write_text(HEAD + SCHEDULE)
    more.write_text(HEAD + "crossbars: {tiles: 2}\n")
    case = load_crossbars(chip, layer, order, more)
    assert (case.name, case.chip.tiles, case.schedule.snake) == ("mine", 2, True)
    assert [Path(file.path).name for file in case.files] == [
        "c.yaml",
        "l.yaml",
        "o.yaml",
        "m.yaml",
    ]
    assert load_crossbars(chip, layer, name="other").name == "other"
    with pytest.raises(SpecError, match=r"crossbars.clock = 2 GHz: is given in .*c.yaml:3 too"):
        load_crossbars(chip, layer, chip)
    with pytest.raises(SpecError, match="no file has a layer: section; name one more file"):
        load_crossbars(chip)
    with pytest.raises(SpecError) as raised:
        load_crossbars(chip, tmp_path / "none.yaml")
    assert len(raised.value.faults) == 1  # the layer may be in the file that is not there
    with pytest.raises(SpecError, match="no file is named"):
        load_crossbars()


def test_a_chip_for_a_network_has_no_layer(tmp_path: Path) -> None:
    chip, layer = tmp_path / "c.yaml", tmp_path / "l.yaml"
    chip.write_text(HEAD + CHIP)
    layer.write_text(HEAD + LAYER + SCHEDULE)
    found = load_chip(chip)
    assert (found.name, found.schedule, found.energy) == ("crossbars", None, None)
    shape = GemmLayer(M=1, N=2, K=3)
    case = found.case(shape, CrossbarSchedule(), name="fc", assumptions=("said",))
    assert (case.layer, case.chip, case.name) == (shape, found.chip, "fc")
    assert case.assumptions == ("said",)
    with pytest.raises(SpecError, match="layer: a network has layers of its own"):
        load_chip(chip, layer)


def test_files_of_crossbars_are_recognised(tmp_path: Path) -> None:
    kinds = {
        "chip": HEAD + CHIP,
        "layer": HEAD + LAYER,
        "headless": CHIP,
        "broken": "crossbars: [",
        "other": HEAD + "architecture: {}\n",
        "list": "- crossbars\n",
    }
    found = {}
    for name, text in kinds.items():
        (tmp_path / name).write_text(text)
        found[name] = is_of_crossbars([tmp_path / name])
    assert found == {
        "chip": True,
        "layer": True,
        "headless": True,
        "broken": False,
        "other": False,
        "list": False,
    }
    assert is_of_crossbars([tmp_path / "other", tmp_path / "chip"])
    assert not is_of_crossbars([tmp_path / "none"])

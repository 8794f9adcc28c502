"""Loading from files in any split, recognising notations, rules and overrides."""

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings import native
from stallscope.mappings.case import Reuse, Rules
from stallscope.mappings.loading import load, load_architecture, load_energy, load_problem
from stallscope.simcore.errors import SpecError

DATA = Path(__file__).parents[2] / "data"
NATIVE = DATA / "native_case.yaml"
TWINS = DATA / "timeloop_twins"
TIMELOOP = (TWINS / "problem.yaml", TWINS / "02_row_container_03.yaml")


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def sections() -> dict[str, str]:
    """Native sections as texts, each a file of its own."""
    found: dict[str, str] = {}
    name = ""
    for line in NATIVE.read_text(encoding="utf-8").splitlines()[1:]:
        if not line.startswith(" "):
            name = line.partition(":")[0]
            found[name] = "stallscope: 1\n"
        found[name] += line + "\n"
    return found


def test_a_split_case_equals_the_whole(tmp_path: Path) -> None:
    paths = [write(tmp_path, f"{name}.yaml", text) for name, text in sections().items()]
    whole, split = load(NATIVE), load(*paths)
    assert split.model_copy(update={"files": whole.files}) == whole
    assert [str(path) for path in paths] == [file.path for file in split.files]


def test_files_are_recorded_as_given_with_their_digest() -> None:
    case = load(str(NATIVE))
    assert [file.path for file in case.files] == [str(NATIVE)]
    assert len(case.files[0].sha256) == 64


def test_a_timeloop_section_may_be_split_key_by_key(tmp_path: Path) -> None:
    text = TIMELOOP[0].read_text(encoding="utf-8")
    at = text.index("  instance:")
    first = write(tmp_path, "shape.yaml", text[:at])
    second = write(tmp_path, "instance.yaml", "problem:\n" + text[at:])
    assert load(first, second, TIMELOOP[1]).problem == load(*TIMELOOP).problem


def test_native_and_timeloop_sections_combine(tmp_path: Path) -> None:
    problem = """stallscope: 1
problem:
  name: conv
  dimensions: {C: 4, M: 8, R: 3, P: 6}
  tensors: {Weights: [C, M, R], Inputs: [C, R + P], Outputs: [M, P]}
  output: Outputs
"""
    mixed = load(write(tmp_path, "p.yaml", problem), TIMELOOP[1])
    assert mixed.problem == load(*TIMELOOP).problem
    assert mixed.rules.reuse is Reuse.TIMELOOP


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("stallscope: 1\nproblem: {}\n", "problem: is native in .* and Timeloop's here"),
        ("problem: {instance: {C: 3}}\n", "problem.instance.*is given in .*problem.yaml.* too"),
        ("mapping: [{target: RF, type: temporal}]\n", "mapping.*is given in .* too"),
        ("problem: {dimensions: {C: 1}}\n", "start a native file with stallscope: 1"),
        ("foo: 1\n", "has no section of a case, only foo"),
        ("ERT: {tables: []}\nfoo: 1\n", "unknown key foo"),
    ],
)
def test_files_that_clash_or_say_nothing(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load(*TIMELOOP, write(tmp_path, "extra.yaml", extra))


def test_every_fault_of_every_file_comes_at_once(tmp_path: Path) -> None:
    texts = sections()
    texts["problem"] = texts["problem"].replace("M: 8", "M: 0")
    texts["architecture"] = texts["architecture"].replace("8 KiB", "8 KiX")
    paths = [write(tmp_path, f"{name}.yaml", text) for name, text in texts.items()]
    with pytest.raises(SpecError) as caught:
        load(*paths, tmp_path / "none.yaml")
    assert [Path(fault.source).name for fault in caught.value.faults] == [
        "none.yaml",
        "problem.yaml:3",
        "architecture.yaml:7",
    ]


def test_legality_faults_carry_file_and_line(tmp_path: Path) -> None:
    text = NATIVE.read_text(encoding="utf-8").replace("P=7", "P=8")
    with pytest.raises(SpecError, match=r"case.yaml:20: mapping.DRAM.temporal = P=8"):
        load(write(tmp_path, "case.yaml", text))


def test_missing_sections_and_no_files_are_named() -> None:
    with pytest.raises(SpecError, match=r"problem.yaml: architecture: no file has") as caught:
        load(TIMELOOP[0])
    assert len(caught.value.faults) == 2
    with pytest.raises(SpecError, match="no file is named"):
        load()


def test_rules_and_name_may_be_given() -> None:
    case = load(
        *TIMELOOP, name="mine", reuse="overlap", link_transfers=False, first_read_elision=False
    )
    assert case.name == "mine"
    assert case.rules == Rules(reuse=Reuse.OVERLAP, link_transfers=False, first_read_elision=False)
    assert load(*TIMELOOP, reuse=Reuse.OVERLAP).rules.link_transfers is True
    with pytest.raises(SpecError, match=r"rules.reuse = overlop: needs overlap or timeloop"):
        load(*TIMELOOP, reuse="overlop")


def test_parts_load_alone(tmp_path: Path) -> None:
    assert load_problem(TIMELOOP[0]).macs == 576
    architecture = load_architecture(TIMELOOP[1])
    assert [level.name for level in architecture.levels] == ["DRAM", "GLB", "RF"]
    assert load_energy(architecture, TIMELOOP[1]) is None
    whole = load(NATIVE)
    assert load_energy(whole.architecture, NATIVE) == whole.energy
    with pytest.raises(SpecError, match="no file has a architecture: section"):
        load_architecture(TIMELOOP[0])
    with pytest.raises(SpecError, match="needs a whole number"):
        load_problem(write(tmp_path, "p.yaml", sections()["problem"].replace("M: 8", "M: 0")))


@pytest.mark.parametrize(
    ("setting", "path", "expected"),
    [
        ("architecture.GLB.read_words_per_cycle=16", "read_words_per_cycle", Fraction(16)),
        ("architecture.GLB.read_bandwidth=1/3", "read_words_per_cycle", Fraction(1, 3)),
        ("architecture.GLB.capacity=1 KiB", "capacity_words", 512),
        ("architecture.GLB.capacity_words = 700", "capacity_words", 700),
        ("architecture.levels.GLB.holds=[Weights, Inputs, Outputs]", "holds",
         ("Weights", "Inputs", "Outputs")),
    ],
)  # fmt: skip
def test_overrides_of_a_level(setting: str, path: str, expected: object) -> None:
    case = load(*TIMELOOP, overrides=[setting])
    assert expected == getattr(case.architecture.level("GLB"), path)
    assert case.files == load(*TIMELOOP).files


def test_overrides_of_every_section() -> None:
    case = load(
        NATIVE,
        overrides=[
            "name=other", "problem.R=1", "mapping.RF.temporal=[]", "energy.GLB.read=1 nJ",
            "mapping.GLB.buffering.Weights=2", "architecture.GLB.network.links=false",
            "architecture.DRAM.network.hop_latency=2", "architecture.mac.pipeline=3",
            "rules.reuse=timeloop", "architecture.clock=100 MHz", "problem.Inputs=[C, P + R]",
        ],
    )  # fmt: skip
    assert (case.name, case.problem.bounds["R"], case.rules.reuse) == ("other", 1, Reuse.TIMELOOP)
    assert case.energy is not None
    assert case.energy.energy_pj("GLB", "read") == 1000.0
    assert {entry.tensor for entry in case.mapping.by_level["GLB"].buffering} == {
        "Inputs", "Weights",
    }  # fmt: skip
    assert case.architecture.level("GLB").network.links is False
    assert case.architecture.level("DRAM").network.hop_latency_cycles == 2
    assert (case.architecture.compute.pipeline_cycles, case.architecture.clock_mhz) == (3, 100.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("architecture.GBL.capacity=1", "no key GBL; did you mean GLB"),
        ("architecture.GLB.capcity=1", "--set architecture.GLB.capcity=1: .*did you mean capacity"),
        ("architecture.GLB.capacity=1 KiX", "unknown unit KiX"),
        ("architecture.levels=3", "needs a list of levels"),
        ("architecture.levels.GLX.x=3", "no entry GLX; did you mean GLB"),
        ("architecture.levels.0=3", "not a key of a list"),
        ("archtecture.GLB.capacity=1", "did you mean architecture"),
        ("architecture=1", "needs a key of the section"),
        ("architecture.GLB", "needs path=value"),
        (".=1", "needs path=value"),
        ("problem.M=[", "not valid YAML"),
        ("problem.M=16", r"factors of M multiply to 8, its bound is 16"),
        ("mapping.GLB.keep=[Weigts]", "did you mean Weights"),
        ("mapping.GLB.keep.Weights=1", "no key keep|not a key of a list"),
        ("architecture.GLB.capacity_words=5", r"02_row_container_03.yaml:\d+: mapping.GLB: GLB"),
    ],
)
def test_bad_overrides_name_the_nearest_key(setting: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load(*TIMELOOP, overrides=[setting])


def test_an_override_may_make_a_case_legal(tmp_path: Path) -> None:
    text = NATIVE.read_text(encoding="utf-8").replace("8 KiB", "8 B")
    path = write(tmp_path, "case.yaml", text)
    assert load(path, overrides=["architecture.GLB.capacity=8 KiB"]).mapping == load(NATIVE).mapping


def test_a_loaded_timeloop_case_survives_the_native_format() -> None:
    case = load(*TIMELOOP)
    again = native.read(native.dump(case))
    assert again.model_copy(update={"files": case.files}) == case

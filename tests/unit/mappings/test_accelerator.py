"""An accelerator without a problem: what its files may say, and where settings take effect."""

from pathlib import Path

import pytest

from stallscope.mappings.accelerator import Accelerator, load_accelerator
from stallscope.mappings.case import Reuse
from stallscope.mappings.layers import GemmLayer
from stallscope.simcore.errors import SpecError
from tests.plain_template import map_plainly

ARCHITECTURE = """\
stallscope: 1
architecture:
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2}
    - {name: REGS, capacity: 4}
  compute: {name: MAC}
rules: {link_transfers: true}
"""
PROBLEM = GemmLayer(M=2, N=3, K=4).problem()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    file = tmp_path / "accelerator.yaml"
    file.write_text(ARCHITECTURE)
    return file


def case(accelerator: Accelerator, **figures: object):
    mapping = map_plainly(PROBLEM, accelerator.platform.architecture)
    return accelerator.case(PROBLEM, mapping, name="layer", **figures)


def test_a_case_has_the_accelerators_files_and_rules(files: Path) -> None:
    made = case(load_accelerator(files), assumptions=("said",))
    assert (made.name, made.problem) == ("layer", PROBLEM)
    assert [file.path for file in made.files] == [str(files)]
    assert made.rules.link_transfers is True
    assert made.assumptions[-1] == "said"


def test_rules_asked_for_are_before_those_of_files_and_settings(files: Path) -> None:
    settings = ("rules.reuse=timeloop", "rules.first_read_elision=false")
    made = case(load_accelerator(files, overrides=settings, link_transfers=False, reuse="overlap"))
    assert made.rules.reuse is Reuse.OVERLAP
    assert made.rules.link_transfers is False
    assert made.rules.first_read_elision is False


def test_settings_of_the_architecture_and_of_the_mapping_take_effect(files: Path) -> None:
    settings = ("architecture.DRAM.read_bandwidth=8", "mapping.REGS.buffering.Weights=2")
    loaded = load_accelerator(files, overrides=settings)
    assert loaded.platform.architecture.levels[0].read_words_per_cycle == 8
    made = case(loaded)
    assert made.mapping.by_level["REGS"].buffering[0].tiles == 2
    assert made.architecture.levels[0].read_words_per_cycle == 8


def test_a_mapping_that_is_not_legal_is_refused(files: Path) -> None:
    loaded = load_accelerator(files, overrides=("architecture.REGS.holds=[Outputs]",))
    with pytest.raises(SpecError, match="REGS"):
        case(loaded)


def test_a_layout_is_that_of_every_layer(tmp_path: Path, files: Path) -> None:
    files.write_text(ARCHITECTURE + "layout: {Inputs: {order: [K, M]}}\n")
    assert case(load_accelerator(files)).layout.tensors[0].order == ("K", "M")
    files.write_text(ARCHITECTURE + "layout: {Inputs: {order: [P, M]}}\n")
    with pytest.raises(SpecError, match="layout"):
        case(load_accelerator(files))


def test_faults_of_all_files_come_together(tmp_path: Path, files: Path) -> None:
    files.write_text(ARCHITECTURE.replace("capacity: 4", "capacity: none"))
    more = tmp_path / "more.yaml"
    more.write_text(
        "stallscope: 1\n"
        "problem: {dimensions: {M: 1}, tensors: {A: [M], B: [M]}, output: B}\n"
        "mapping: {DRAM: {}}\n"
    )
    with pytest.raises(SpecError) as raised:
        load_accelerator(files, more, tmp_path / "absent.yaml")
    message = str(raised.value)
    assert "accelerator.yaml:5" in message
    assert "problem: a layer by its shape has a problem of its own; take the problem out" in message
    assert "mapping: a layer by its shape has a mapping of its own" in message
    assert "absent.yaml" in message


def test_an_accelerator_needs_an_architecture(tmp_path: Path) -> None:
    file = tmp_path / "energy.yaml"
    file.write_text("stallscope: 1\nenergy: {components: {MAC: {compute: 1}}}\n")
    with pytest.raises(SpecError, match="no file has a architecture: section"):
        load_accelerator(file)

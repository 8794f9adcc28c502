"""SCALE-Sim's configurations as machines."""

from fractions import Fraction
from pathlib import Path

import pytest

from stallscope.mappings.case import InputFile
from stallscope.mappings.scalesim_architecture import architecture_of
from stallscope.mappings.scalesim_config import Interface, ScaleSimConfig, read_config
from stallscope.mappings.systolic import Convention
from stallscope.simcore.errors import SpecError

FILE = InputFile(path="scale.cfg", sha256="")
CONFIG = ScaleSimConfig(
    run_name="small",
    array_height=4,
    array_width=8,
    ifmap_sram_kb=1,
    filter_sram_kb=2,
    ofmap_sram_kb=3,
    file=FILE,
)


def test_every_operand_has_a_buffer() -> None:
    made = architecture_of(CONFIG)
    assert [(level.name, level.capacity_words, level.holds) for level in made.levels[1:4]] == [
        ("IFMAP", 1024, ("Inputs",)),
        ("FILTER", 2048, ("Weights",)),
        ("OFMAP", 3072, ("Outputs",)),
    ]
    assert (made.compute.y, made.compute.x, made.levels[-1].capacity_words) == (4, 8, 64)
    assert made.compute.systolic is not None
    assert made.compute.systolic.convention is Convention.SCALE_SIM


def test_main_memory_is_as_fast_as_needed_unless_the_interface_says_otherwise() -> None:
    free = architecture_of(CONFIG)
    assert all(level.widths.write is None for level in free.levels)
    user = CONFIG.model_copy(
        update={"interface": Interface.USER, "bandwidths": (5, 6, 7), "filter_bank_bandwidth": 9}
    )
    made = architecture_of(user)
    assert [level.write_words_per_cycle for level in made.levels[:4]] == [
        Fraction(7), Fraction(5), Fraction(9), None,
    ]  # fmt: skip


def test_what_is_missing_is_told_at_once() -> None:
    bare = ScaleSimConfig(interface=Interface.USER, array_height=4, file=FILE)
    with pytest.raises(SpecError) as caught:
        architecture_of(bare)
    text = str(caught.value)
    for key in ("ArrayWidth", "IfmapSramSzkB", "FilterSramSzkB", "OfmapSramSzkB", "Bandwidth"):
        assert key in text


def test_a_key_that_looks_like_the_missing_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "scale.cfg"
    text = "[architecture_presets]\nArrayHieght : 4\nIfmapSRAMBankNum : 4\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        architecture_of(read_config(path))
    text = str(caught.value)
    assert "needs ArrayHeight; is it ArrayHieght?" in text
    assert text.count("is it") == 1

"""Layouts in the native notation, and their check against the problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from stallscope.mappings import native
from stallscope.mappings.layout import Layout, TensorPlace, check_layout
from stallscope.mappings.loading import load, load_platform
from stallscope.mappings.problem import Tensor, Term
from stallscope.simcore.errors import SpecError
from stallscope.traces.compile import compile_case

DATA = Path(__file__).parents[2] / "data"
TEXT = (DATA / "native_case.yaml").read_text(encoding="utf-8")
LAYOUT = """layout:
  Inputs: {order: [R, C], row: 64 B, base: 1 MiB}
  Weights: {base: 0}
"""


def test_a_layout_says_order_rows_and_base_in_words() -> None:
    case = native.read(TEXT + LAYOUT)
    assert case.layout == Layout(
        tensors=(
            TensorPlace(tensor="Inputs", order=("R", "C"), row_words=32, base_words=2**19),
            TensorPlace(tensor="Weights", base_words=0),
        )
    )
    assert native.read(native.dump(case)) == case


def test_sizes_are_words_of_main_memory() -> None:
    text = TEXT.replace("name: DRAM", "name: DRAM, word_bits: 8") + LAYOUT
    assert native.read(text).layout.of("Inputs").row_words == 64


def test_a_layout_reaches_the_program() -> None:
    program = compile_case(native.read(TEXT + LAYOUT))
    (inputs,) = [one for one in program.tensors if one.name == "Inputs"]
    assert inputs.base == 2**19
    assert inputs.strides == (1, 32)  # 29 rows of the 4 channels, each padded to 32 words


def test_without_the_section_tensors_are_dense() -> None:
    assert native.read(TEXT).layout == Layout() == native.read(TEXT + "layout: {}\n").layout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Inputs: {", "Inpts: {", "layout.Inpts: the problem has no tensor Inpts; did you mean "
         "Inputs?"),
        ("[R, C]", "[R]", r"layout.Inputs.order = \[R\]: must name each of the 2 ranks of Inputs "
         "once; its ranks are C, P or R"),
        ("[R, C]", "[R, P]", "must name each of the 2 ranks"),
        ("[R, C]", "[R, C, C]", "must name each of the 2 ranks"),
        ("[R, C]", "[R, M]", "M names 0 ranks of Inputs, must name one; its ranks are C, P or R"),
        ("[R, C]", "RC", "layout.Inputs.order = RC: needs a list of names, has text"),
        ("64 B", "3 B", "layout.Inputs.row_words = 3 B: is 1.5 words of 16 bits, needs a whole"),
        ("64 B", "0", "layout.Inputs.row_words = 0: is 0 words of 16 bits, needs a whole number"),
        ("1 MiB", "-1", "layout.Inputs.base_words = -1: .*needs a whole number >= 0"),
        ("1 MiB", "[0]", r"layout.Inputs.base_words = \[0\]: needs a number, has a list"),
        ("row: 64", "rwo: 64", "layout.Inputs.rwo = 64 B: unknown key rwo; did you mean row"),
        ("{base: 0}", "3", "layout.Weights = 3: needs a mapping, has a number"),
    ],
)  # fmt: skip
def test_faults_name_line_path_value_and_remedy(old: str, new: str, message: str) -> None:
    assert old in LAYOUT
    with pytest.raises(SpecError, match=message) as caught:
        native.read(TEXT + LAYOUT.replace(old, new), "case.yaml")
    assert [fault.source.partition(":")[0] for fault in caught.value.faults] == ["case.yaml"]


def test_faults_of_a_layout_and_of_the_mapping_are_reported_at_once() -> None:
    text = TEXT.replace("P=7", "P=6") + LAYOUT.replace("[R, C]", "[R]").replace("Weights", "W")
    with pytest.raises(SpecError) as caught:
        native.read(text, "case.yaml")
    assert [fault.place.partition(".")[0] for fault in caught.value.faults] == [
        "mapping", "layout", "layout",
    ]  # fmt: skip


def test_a_rank_without_a_dimension_of_its_own_cannot_be_ordered() -> None:
    """Rank 0 is C, which rank 1 (C + R) depends on as well."""
    text = TEXT.replace("Inputs: [C, 2*P + R]", "Inputs: [C, C + R]")
    with pytest.raises(SpecError, match="C names 2 ranks of Inputs, must name one; leave it out"):
        native.read(text + LAYOUT)


def test_a_layout_made_in_python_is_checked_the_same_way() -> None:
    problem = native.read(TEXT).problem
    check_layout(problem, Layout(tensors=(TensorPlace(tensor="Inputs", order=("R", "C")),)))
    with pytest.raises(SpecError, match=r"layout\.X: the problem has no tensor X"):
        check_layout(problem, Layout(tensors=(TensorPlace(tensor="X"),)))
    with pytest.raises(ValidationError, match="Inputs is placed twice"):
        Layout(tensors=(TensorPlace(tensor="Inputs"), TensorPlace(tensor="Inputs", row_words=2)))
    scalar = Tensor(name="S", ranks=((Term(dimension="M"),),))
    assert Layout().of(scalar.name) == TensorPlace(tensor="S")


def test_settings_place_tensors(tmp_path: Path) -> None:
    file = tmp_path / "case.yaml"
    file.write_text(TEXT, encoding="utf-8")
    case = load(file, overrides=["layout.Inputs.row=8", "layout.Inputs.order=[P, C]"])
    assert case.layout.of("Inputs") == TensorPlace(tensor="Inputs", order=("P", "C"), row_words=8)
    with pytest.raises(SpecError, match=r"layout\.Inpts: the problem has no tensor Inpts"):
        load(file, overrides=["layout.Inpts.row=8"])


def test_a_layout_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    case, layout = tmp_path / "case.yaml", tmp_path / "layout.yaml"
    case.write_text(TEXT, encoding="utf-8")
    layout.write_text("stallscope: 1\n" + LAYOUT, encoding="utf-8")
    assert load(layout, case).layout == native.read(TEXT + LAYOUT).layout
    assert load_platform(layout, case).architecture == load(case).architecture

"""Every rule between problem, architecture and mapping, at its limit and one beyond."""

from pathlib import Path
from typing import Any

import pytest

from stallscope.mappings import native
from stallscope.mappings.case import Case
from stallscope.mappings.legality import check_mapping, tile_extents
from stallscope.mappings.mapping import Buffering, Loop, Mapping
from stallscope.simcore.errors import SpecError

DATA = Path(__file__).parents[2] / "data"
CASE = native.read((DATA / "native_case.yaml").read_text(encoding="utf-8"))


def loops(text: str) -> tuple[Loop, ...]:
    pairs = (item.split("=") for item in text.split())
    return tuple(Loop(dimension=name, extent=int(extent)) for name, extent in pairs)


def mapped(name: str, case: Case = CASE, **update: Any) -> Mapping:
    return Mapping(
        levels=tuple(
            entry.model_copy(update=update) if entry.level == name else entry
            for entry in case.mapping.levels
        )
    )


def built(level: str, **update: Any) -> Case:
    levels = tuple(
        spec.model_copy(update=update) if spec.name == level else spec
        for spec in CASE.architecture.levels
    )
    architecture = CASE.architecture.model_copy(update={"levels": levels})
    return CASE.model_copy(update={"architecture": architecture})


def check(case: Case = CASE, mapping: Mapping | None = None) -> None:
    check_mapping(case.problem, case.architecture, mapping or case.mapping)


def fault(case: Case = CASE, mapping: Mapping | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        check(case, mapping)
    return str(caught.value)


def test_a_legal_mapping_passes() -> None:
    check()


def test_tiles_span_own_and_inner_blocks_up_to_the_bound() -> None:
    spans = tile_extents(CASE.problem, mapped("GLB", temporal=loops("C=4 P=5")))
    assert list(spans) == [{"M": 8, "C": 4, "P": 14, "R": 3}, {"M": 8, "C": 4, "P": 5, "R": 3},
            {"M": 1, "C": 1, "P": 1, "R": 3}]  # fmt: skip


def test_a_remainder_is_legal_and_an_unneeded_iteration_is_not() -> None:
    check(mapping=Mapping(levels=(
        CASE.mapping.levels[0].model_copy(update={"temporal": loops("P=3")}),
        CASE.mapping.levels[1].model_copy(update={"temporal": loops("C=4 P=5")}),
        CASE.mapping.levels[2],
    )))  # fmt: skip
    message = fault(mapping=mapped("DRAM", temporal=loops("P=8")))
    assert "the bound 14 needs 7 iterations here, not 8; write P=7" in message
    message = fault(mapping=mapped("DRAM", temporal=loops("M=2 P=7")))
    assert "needs 1 iteration here, not 2; leave M=2 out" in message


def test_factors_must_cover_the_bound() -> None:
    message = fault(mapping=mapped("DRAM", temporal=loops("P=6")))
    assert "the factors of P multiply to 12, its bound is 14; a further factor P=2" in message


def test_unknown_and_missing_names_are_all_named() -> None:
    assert "no dimension X" in fault(mapping=mapped("DRAM", temporal=loops("X=7")))
    assert "did you mean Weights" in fault(mapping=mapped("RF", keep=("Weigts",)))
    missing = Mapping(levels=CASE.mapping.levels[:2])
    assert "level RF is not mapped" in fault(mapping=missing)
    message = fault(mapping=mapped("RF", level="RFF"))
    assert "no storage level RFF; did you mean RF?" in message
    assert "level RF is not mapped" in message
    turned = Mapping(levels=CASE.mapping.levels[::-1])
    assert "order: DRAM, GLB, RF" in fault(mapping=turned)


def test_buffering_needs_a_kept_tensor_once() -> None:
    twice = (Buffering(tensor="Inputs", tiles=1), Buffering(tensor="Inputs", tiles=2))
    assert "Inputs is given twice" in fault(mapping=mapped("GLB", buffering=twice))
    message = fault(mapping=mapped("GLB", keep=("Weights", "Outputs")))
    assert "GLB does not keep Inputs" in message


def test_capacity_is_exact_and_the_remedy_fits() -> None:
    # Weights 8x4x3 = 96, Inputs 4x(2+3) = 20, Outputs 8x2 = 16; two tiles of Inputs
    check(built("GLB", capacity_words=152))
    message = fault(built("GLB", capacity_words=151))
    expected = "GLB needs 152 words for Weights+2 x Inputs+Outputs, has 151"
    assert expected in message
    assert "lower the buffering" in message
    single = mapped("GLB", buffering=())
    check(built("GLB", capacity_words=132), single)
    message = fault(built("GLB", capacity_words=131), single)
    assert "P 2 -> 1 at this level fits" in message
    fixed = Mapping(levels=(
        CASE.mapping.levels[0].model_copy(update={"temporal": loops("P=14")}),
        single.levels[1].model_copy(update={"temporal": loops("C=4")}), single.levels[2],
    ))  # fmt: skip
    check(built("GLB", capacity_words=131), fixed)


def test_a_remedy_may_take_several_loops_or_a_bypass_or_more_words() -> None:
    single = mapped("GLB", buffering=())
    message = fault(built("GLB", capacity_words=10), single)
    assert "C 4 -> 1, M 8 -> 1" in message or "M 8 -> 1, C 4 -> 1" in message
    bare = mapped("RF", temporal=(), keep=("Weights", "Inputs", "Outputs"))
    with pytest.raises(SpecError, match="without Weights the rest fits"):
        check(built("RF", capacity_words=2), bare)
    with pytest.raises(SpecError, match="give it 3 words"):
        check(built("RF", capacity_words=1), bare)


def test_multiple_buffering_divides_the_capacity() -> None:
    single = mapped("GLB", buffering=())
    check(built("GLB", capacity_words=264, multiple_buffering=2), single)
    message = fault(built("GLB", capacity_words=263, multiple_buffering=2), single)
    assert "has 131 (263 / multiple_buffering 2)" in message


def test_min_utilization_is_a_least_share() -> None:
    single = mapped("GLB", buffering=())
    check(built("GLB", capacity_words=264, min_utilization=0.5), single)
    message = fault(built("GLB", capacity_words=266, min_utilization=0.5), single)
    assert "holds 132 words, min_utilization 0.5 of 266 asks for 133" in message


def test_spatial_loops_must_fit_x_y_and_the_instances() -> None:
    message = fault(built("RF", instances=4))
    assert "need 8 along X, there are 4 RF per GLB; M 8 -> 4 fits, with 2 in time" in message
    turned = mapped("GLB", spatial_x=(), spatial_y=loops("M=8"))
    assert "need 8 along Y, there is 1 RF per GLB" in fault(mapping=turned)
    check(built("RF", instances=8, mesh_x=1), turned)


def test_residents_must_be_allowed_and_somewhere() -> None:
    message = fault(built("GLB", holds=("Weights",)))
    assert "GLB may hold only Weights; drop Inputs from keep" in message
    bare = Mapping(
        levels=tuple(
            level.model_copy(update={"keep": ("Outputs", "Weights"), "buffering": ()})
            for level in CASE.mapping.levels
        )
    )
    assert "no level keeps Inputs; keep Inputs at DRAM" in fault(mapping=bare)


def test_all_faults_come_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        check(built("GLB", capacity_words=100), mapped("DRAM", temporal=loops("P=6")))
    assert [fault.place for fault in caught.value.faults] == ["mapping", "mapping.GLB"]


def test_a_tensor_with_words_of_another_width_than_its_level_is_refused() -> None:
    first = CASE.problem.tensors[0]
    narrow = first.model_copy(update={"word_bits": 8})
    problem = CASE.problem.model_copy(update={"tensors": (narrow, *CASE.problem.tensors[1:])})
    message = fault(CASE.model_copy(update={"problem": problem}))
    assert f"problem.tensors.{first.name}.word_bits = 8" in message
    assert "others are not modelled yet" in message

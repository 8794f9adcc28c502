"""Systolic arrays in the notation, and which mappings they can run."""

from typing import Any

import pytest

from stallscope.mappings import native
from stallscope.mappings.case import Case
from stallscope.mappings.native_writing import dump
from stallscope.mappings.schema import schema
from stallscope.mappings.systolic import Convention
from stallscope.simcore.errors import SpecError

CASE = """
stallscope: 1
problem:
  dimensions: {M: 12, N: 6, K: 8}
  tensors: {A: [M, K], B: [K, N], O: [M, N]}
  output: O
architecture:
  levels:
    - {name: DRAM, kind: dram}
    - {name: SPAD, capacity: 1024}
    - {name: array, capacity: 32}
  compute:
    name: mac
    instances: 16
    mesh_x: 4
    systolic: {tile_rows: 2, in_words_per_cycle: 4, convention: scale-sim}
mapping:
  DRAM: {temporal: [], keep: [A, B, O]}
  SPAD: {temporal: [N=2, K=2], keep: [A, B, O]}
  array: {temporal: [M=12], spatial_y: [K=4], spatial_x: [N=3], keep: [B]}
"""


def read(*edits: tuple[str, str]) -> Case:
    text = CASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return native.read(text)


def fault(*edits: tuple[str, str]) -> str:
    with pytest.raises(SpecError) as caught:
        read(*edits)
    return str(caught.value)


def test_an_array_is_read_and_written() -> None:
    case = read()
    array = case.architecture.compute.systolic
    assert array is not None
    assert (array.tile_rows, array.tile_columns, array.in_words_per_cycle) == (2, 1, 4)
    assert array.convention is Convention.SCALE_SIM
    again = native.read(dump(case))
    assert again.architecture == case.architecture


def test_the_schema_knows_the_array() -> None:
    compute: Any = schema("architecture")["properties"]["architecture"]["properties"]["compute"]
    assert "tile_rows" in compute["properties"]["systolic"]["properties"]


def test_a_key_that_is_not_known_is_told_with_the_nearest() -> None:
    text = fault(("tile_rows", "tile_row"))
    assert "architecture.mac.systolic.tile_row" in text
    assert "did you mean tile_rows?" in text


def test_tiles_cover_the_array() -> None:
    text = fault(("tile_rows: 2", "tile_rows: 3"))
    assert "tile_rows 3 does not divide the array of 4 x 4 PEs" in text


def test_the_registers_are_one_instance() -> None:
    text = fault(("{name: array, capacity: 32}", "{name: array, instances: 4, capacity: 32}"))
    assert "give it one instance, not 4" in text


def test_one_tensor_is_stationary() -> None:
    text = fault(("keep: [B]", "keep: [B, A]"))
    assert "keeps the one tensor that is stationary" in text


def test_the_stationary_tensor_has_every_dimension_in_space() -> None:
    text = fault(("keep: [B]", "keep: [A]"))
    assert "A is stationary and has no dimension N" in text


def test_results_move_along_columns() -> None:
    text = fault(("spatial_y: [K=4], spatial_x: [N=3]", "spatial_y: [N=3], spatial_x: [K=4]"))
    assert "one of A, O moves along rows" in text
    assert "put the dimensions that the one does not have on X" in text


def test_no_other_level_has_a_fan_out() -> None:
    text = fault(
        ("{name: array, capacity: 32}", "{name: array, capacity: 32}"),
        ("temporal: [N=2, K=2], keep", "temporal: [N=2], spatial_x: [K=2], keep"),
    )
    assert "only the array's registers have a fan-out" in text


def test_a_pe_holds_one_word_of_the_stationary_tensor() -> None:
    """A tile of two words per PE would take twice the rows that are charged for its shift."""
    text = fault(("temporal: [N=2, K=2]", "temporal: [N=2]"), ("[M=12]", "[K=2, M=12]"))
    assert "mapping.array.temporal = K=2: a PE would hold several words of B at once" in text
    assert "move K to a level further out, where it makes folds" in text


def test_windows_cannot_be_stationary() -> None:
    text = fault(
        ("{M: 12, N: 6, K: 8}", "{M: 12, N: 6, K: 8, R: 3}"),
        ("A: [M, K], B: [K, N]", "A: [M + R, K], B: [K, N, R]"),
        ("temporal: [M=12], spatial_y: [K=4], spatial_x: [N=3], keep: [B]",
         "temporal: [N=3, R=3], spatial_y: [K=4], spatial_x: [M=4], keep: [A]"),
        ("temporal: [N=2, K=2]", "temporal: [N=2, K=2, M=3]"),
    )  # fmt: skip
    assert "A has windows (M + R), the array's registers are loaded whole" in text


def test_a_controller_feeds_no_array() -> None:
    text = fault(
        ("{name: DRAM, kind: dram}", "{name: DRAM, kind: dram, memory: {device: ddr4-2400}}"),
        ("  levels:", "  clock: 1 GHz\n  levels:"),
        ("keep: [A, B, O]}\n  array", "keep: [A, O]}\n  array"),
    )
    assert "whose controller serves buffers only" in text

"""Outputs are whole or absent, and a folder in use is left alone."""

from pathlib import Path

import pyarrow.parquet
import pytest

from stallscope.report.outputs import OutputFolder, json_text, write_file
from stallscope.simcore.errors import SpecError


def test_a_table_is_written_twice_with_every_column(tmp_path: Path) -> None:
    rows = [{"layer": "a", "cycles": 3}, {"layer": "b", "cycles": 4, "energy_pj": 1.5}]
    OutputFolder(tmp_path / "new" / "deep").write_table("layers", rows)
    text = (tmp_path / "new/deep/layers.csv").read_text()
    assert text == "layer,cycles,energy_pj\na,3,\nb,4,1.5\n"
    table = pyarrow.parquet.read_table(tmp_path / "new/deep/layers.parquet")
    assert table.to_pylist() == [
        {"layer": "a", "cycles": 3, "energy_pj": None},
        {"layer": "b", "cycles": 4, "energy_pj": 1.5},
    ]


def test_a_folder_that_is_not_empty_needs_force(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(SpecError, match="is not empty; name another folder or give --force"):
        OutputFolder(tmp_path)
    OutputFolder(tmp_path, force=True).write_json("result.json", {"cycles": 1})
    assert (tmp_path / "mine").read_text() == "keep"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(SpecError, match="is a file"):
        OutputFolder(tmp_path / "mine", force=True)


def test_nothing_is_made_before_the_first_file(tmp_path: Path) -> None:
    OutputFolder(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_failed_write_leaves_the_old_file_and_no_scrap(tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    target.write_text("old")

    def fail(partial: Path) -> None:
        partial.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_file(target, fail)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert target.read_text() == "old"


def test_json_refuses_what_json_has_no_number_for() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"cycles": float("nan")})

"""Outputs are whole or absent, and a folder in use is left alone."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


CELLS = {
    "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
    "number": st.none() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53),
    "text": st.none() | st.text(max_size=5),
    "nothing": st.none(),
}


@given(rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=20))
def test_a_column_is_what_pyarrow_makes_of_it(rows: list[dict]) -> None:
    with TemporaryDirectory() as folder:
        OutputFolder(Path(folder), force=True).write_table("cells", rows)
        written = pyarrow.parquet.read_table(Path(folder) / "cells.parquet")
    expected = pyarrow.table({name: [row[name] for row in rows] for name in rows[0]})
    assert expected.equals(written)


def test_a_table_is_written_without_pandas(tmp_path: Path) -> None:
    """It costs 0.4 s, and pyarrow imports it for the asking."""
    code = (
        "import sys; from pathlib import Path; from stallscope.report.outputs import OutputFolder\n"
        f"rows = [{{'a': 'x', 'b': 1, 'c': 1.5, 'd': None}}]\n"
        f"OutputFolder(Path({str(tmp_path)!r})).write_table('layers', rows)\n"
        "print('pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


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

"""Does the packed document hold the cases, and nothing depend on how it was made?"""

from __future__ import annotations

import json
from importlib.resources import files

from stallscope.validation.packing import pack, unpack

OWN = files("stallscope.validation").joinpath("data/timeloop.json").read_text("utf-8")


def test_the_own_copy_is_small_and_names_its_source():
    document = json.loads(OWN)
    assert len(OWN) < 400_000
    assert "v3.0.3" in document["source"]
    assert document["format"] == 1


def test_packing_what_was_unpacked_gives_the_same_bytes(tmp_path):
    unpack(json.loads(OWN), tmp_path)
    assert pack(sorted(tmp_path.iterdir()), json.loads(OWN)["source"]) == OWN


def test_a_case_is_unpacked_as_files(tmp_path):
    unpack(json.loads(OWN), tmp_path)
    names = sorted(path.name for path in (tmp_path / "fuzz_2_072").iterdir())
    assert names == ["ERT.yaml", "architecture.yaml", "expected.json", "expected_fullwalk.json",
                     "mapping.yaml", "problem.yaml"]  # fmt: skip
    expected = json.loads((tmp_path / "own_3l_spP_R1" / "expected.json").read_text())
    glb = next(level for level in expected["results"]["levels"] if level["name"] == "RF")
    assert glb["tensors"]["Inputs"]["reads_total"] == 7296 * 8

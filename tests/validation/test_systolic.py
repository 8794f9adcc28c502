"""Does the array take what SCALE-Sim, STONNE and an RTL array take, each by its own rules?

The figures: stallscope/validation/data/systolic.json, its sources named there. A part of them in
the default suite, all of them in the slow one.
"""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from stallscope.simcore.errors import SpecError
from stallscope.validation import systolic, validate
from stallscope.validation.systolic_packing import pack

OWN = files("stallscope.validation") / "data" / "systolic.json"


def document():
    return json.loads(OWN.read_text(encoding="utf-8"))


def written(tmp_path, content):
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(content))
    return file


def test_a_part_of_the_figures_is_met(tmp_path):
    """Every class, on arrays of at most 32 x 32."""
    content = document()
    small = [row for row in content["cases"] if "params" in row or row["array_rows"] <= 32]
    content["cases"] = small[::5]
    content["scale_sim_rtl"]["rows"] = content["scale_sim_rtl"]["rows"][:4]
    report = validate("systolic", written(tmp_path, content))
    assert report.misses == ()
    kinds = {point.kind for point in report.points}
    assert kinds >= {systolic.CALC, systolic.OVERCOUNT, systolic.STALLS, systolic.MESH,
                     systolic.NARROW, systolic.RTL}  # fmt: skip
    assert len(report.points) > 150


@pytest.mark.slow
def test_all_figures_are_met():
    report = validate("systolic")
    assert report.misses == ()
    summary = report.summary()
    assert summary["total_cycles"]["points"] == summary["total_cycles"]["exact"] == 105
    assert summary[systolic.CALC]["exact"] == summary[systolic.CALC]["points"] == 715
    assert summary[systolic.MESH]["exact"] == summary[systolic.MESH]["points"] == 48
    assert summary[systolic.NARROW]["worst_abs_error_pct"] == 0
    # what is only reported: its total follows from its own words of main memory
    assert summary[systolic.ITS_WORDS]["mean_abs_error_pct"] < 3


def test_a_wrong_figure_is_a_miss(tmp_path):
    content = document()
    row = next(row for row in content["cases"] if row.get("mode") == "CALC")
    row["total_cycles"] += 1
    content["cases"], content["scale_sim_rtl"]["rows"] = [row], []
    report = validate("systolic", written(tmp_path, content))
    assert [point.metric for point in report.misses] == ["total_cycles"]
    assert not report.is_within


def test_the_own_copy_is_packed_from_the_references_form():
    content = document()
    again = json.loads(pack([content], content["source"]))
    assert again == content


def test_a_folder_leaves_out_what_has_no_cases(tmp_path):
    content = document()
    content["cases"], content["scale_sim_rtl"]["rows"] = [], content["scale_sim_rtl"]["rows"][:1]
    (tmp_path / "rtl.json").write_text(json.dumps(content))
    (tmp_path / "speed.json").write_text('{"records": []}')
    report = validate("systolic", tmp_path)
    assert [point.case for point in report.points] == ["n=4"]
    assert [entry.case for entry in report.excluded] == ["speed.json"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("[]", "needs one JSON object"),
        ("{", "cannot be read as JSON"),
        ('{"records": []}', "needs cases of SCALE-Sim or STONNE"),
        ('{"cases": [{"dataflow": "os"}]}', "a case is not in the known form"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, text, rule):
    file = tmp_path / "cases.json"
    file.write_text(text)
    with pytest.raises(SpecError, match=rule):
        validate("systolic", file)

"""`stallscope validate noc`, and the example of docs/networks.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.validation.noc_file import BATCH, NEURON, RUN, write

PAGE = Path(__file__).parents[2] / "docs" / "networks.md"


def test_a_file_of_cases_is_judged(desk) -> None:
    file = write(desk.folder, curves=[RUN], batch=[BATCH], trees=[NEURON])
    ran = desk.run("validate", "noc", "--cases", str(file), "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert document["validation"] == "noc"
    assert [point["simulated"] for point in document["points"][1:]] == [46.0, 46.0, 1024.0]
    assert document["summary"]["batch"]["exact"] == 1


def test_a_figure_outside_its_limit_ends_with_1_and_is_named(desk) -> None:
    file = write(desk.folder, batch=[BATCH | {"batch_duration": 48.0}])
    ran = desk.run("validate", "noc", "--cases", str(file))
    assert ran.code == 1
    assert "batch: judged by errors of at most 2 %" in ran.out
    assert "reference 48.0, ours 46.0 (batch)" in ran.out


def test_another_file_ends_with_2(desk) -> None:
    ran = desk.run("validate", "noc", "--cases", str(desk.write("cases.json", "{}")))
    assert (ran.code, ran.out) == (2, "")
    assert "holds no cases" in ran.err


@pytest.mark.skipif(not PAGE.exists(), reason="no checkout around the tests")
def test_the_example_of_the_page_runs(capsys) -> None:
    text = PAGE.read_text(encoding="utf-8")
    example = text.partition("```python\n")[2].partition("```")[0]
    exec(compile(example, "networks.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [
        "160 9 300", "(65, 'sums') [(65, 'sums'), (109, 'filter')]"
    ]  # fmt: skip

"""Systolic arrays from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stallscope.cli import app

CASE = str(Path(__file__).parents[1] / "data" / "systolic_case.yaml")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_result_says_what_the_array_did() -> None:
    document = json.loads(run("simulate", CASE, "--json"))
    array = document["systolic"]
    assert (array["rows"], array["columns"], array["stationary"]) == (8, 8, "B")
    # 20 columns on 8: two whole ones and a half, three times.
    assert array["folds"] == 9
    assert array["mapped"] == pytest.approx((8 + 8 + 4) / 24)
    assert array["multiplied_until"] <= document["cycles"]


def test_the_array_is_in_the_summary() -> None:
    shown = run("simulate", CASE)
    assert "8 x 8, B stationary: 9 folds on 83.3 % of the PEs" in shown


def test_a_convention_is_reached_rule_by_rule() -> None:
    shown = run("convention", CASE, "--to", "scale-sim")
    assert "every fold is charged all rows and columns" in shown
    steps = json.loads(run("convention", CASE, "--to", "scale-sim", "--json"))["steps"]
    assert steps[-1]["cycles"] - steps[0]["cycles"] == sum(step["added"] for step in steps)


def test_a_convention_that_is_not_known_is_told_with_the_nearest() -> None:
    result = CliRunner().invoke(app, ["convention", CASE, "--to", "scalesim"])
    assert result.exit_code == 2


def test_instructions_have_the_arrays_names(tmp_path: Path) -> None:
    program, flat = str(tmp_path / "p.json"), str(tmp_path / "flat.parquet")
    run("compile", CASE, "--out", program)
    head = run("program", "head", program, "--count", "2")
    assert "PRELOAD" in head
    assert "MATMUL" in head
    run("program", "expand", program, "--out", flat)
    looped = json.loads(run("execute", program, CASE, "--json"))
    expanded = json.loads(run("execute", flat, CASE, "--json"))
    assert looped["cycles"] == expanded["cycles"]
    assert looped["cycle_stack"] == expanded["cycle_stack"]


def test_a_layer_on_an_array_is_computed_right() -> None:
    assert "all equal" in run("verify", CASE)

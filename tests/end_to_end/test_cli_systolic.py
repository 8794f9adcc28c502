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


CONFIG = """
[general]
run_name = small
[architecture_presets]
ArrayHeight: 32
ArrayWidth: 32
IfmapSramSzkB: 512
FilterSramSzkB: 512
OfmapSramSzkB: 256
Dataflow: {dataflow}
[run_presets]
InterfaceBandwidth: CALC
"""
TOPOLOGY = """Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides
first, 30, 30, 3, 3, 16, 40, 1

second, 28, 28, 1, 1, 40, 64, 1, extra
"""  # noqa: E501


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_scale_sims_files_give_scale_sims_cycles(tmp_path: Path, dataflow: str) -> None:
    """Its published formula, for both layers; it reports the index of the last cycle."""
    config, topology = tmp_path / "scale.cfg", tmp_path / "net.csv"
    config.write_text(CONFIG.format(dataflow=dataflow))
    topology.write_text(TOPOLOGY)
    shown = run("run", "--network", str(topology), "--accelerator", str(config), "--json")
    layers = json.loads(shown)["layers"]
    for layer, (m, n, k) in zip(layers, [(784, 40, 144), (784, 64, 40)], strict=True):
        kind = {"os": (m, n, k), "ws": (k, n, m), "is": (k, m, n)}[dataflow]
        folds = -(-kind[0] // 32) * -(-kind[1] // 32)
        each = kind[2] + 62 + (0 if dataflow == "os" else 32)
        assert layer["systolic"]["folds"] == folds
        assert layer["cycles"] == folds * each
        assert any("im2col" in sentence for sentence in layer["assumptions"])

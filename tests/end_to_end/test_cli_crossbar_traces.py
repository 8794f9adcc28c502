"""Traces of crossbars on the command line: recorded, looked into, explained, exported."""

import json

import pyarrow.parquet
import pytest

from stallscope.catalog import preset
from stallscope.traces.events.critical import in_words
from stallscope.traces.events.trace import read_trace

LAYER = """\
stallscope: 1
layer: {name: conv3, conv: {C: 128, K: 256, P: 6, Q: 28, R: 3, S: 3, padding: 1}}
schedule: {loops: [co, {h: 1}, ko]}
"""
CHIP = str(preset("reram-tile-4").path)
UPDATES = 12
"""Two loads for each of six rows."""


@pytest.fixture
def folder(desk):
    """A traced run of a layer of six rows."""
    layer, out = desk.write("layer.yaml", LAYER), desk.folder / "out"
    ran = desk.run("simulate", CHIP, layer, "--out", out, "--trace", "full")
    assert ran.code == 0
    assert "trace: 96 steps and their waits" in ran.err
    return out


def test_the_same_result_with_and_without_a_trace(desk, folder) -> None:
    plain = json.loads(desk.run("simulate", CHIP, desk.folder / "layer.yaml", "--json").out)
    traced = json.loads((folder / "result.json").read_text())
    for document in (plain, traced):
        del document["simulation"]
    assert plain == traced


def test_info_and_head_name_what_units_do(desk, folder) -> None:
    facts = json.loads(desk.run("trace", "info", folder, "--json").out)
    steps = {unit["unit"]: unit["steps"] for unit in facts["units"]}
    assert steps == {
        "tile 0 inputs": 12, "tile 0 weights": 2 * UPDATES,
        **{f"tile 0 core {core}": 12 for core in range(4)},
        **{f"tile 0 core {core} results": 6 for core in range(4)},
    }  # fmt: skip
    ran = desk.run("trace", "head", folder, "--unit", "tile 0 weights", "--json")
    rows = json.loads(ran.out)["rows"]
    # The load of a core's half of the weights, its way, and the write of 38.4 us.
    assert [row["op"] for row in rows[:3]] == ["LOAD", "WAIT", "PROGRAM"]
    assert (rows[2]["end"] - rows[2]["start"], rows[2]["words"]) == (38_400, 128 * 9 // 2 * 256)
    awaited = in_words(rows[1]["awaits"], rows[1]["tensor"])
    assert awaited == "the words of Weights for tile 0 core 0"
    assert "waits for" in desk.run("trace", "head", folder, "--count", "9").out


def test_a_run_that_waits_for_writing_says_so(desk, folder) -> None:
    chain = json.loads(desk.run("explain", folder, "--json").out)["chain"]
    assert sum(one["cycles"] for one in chain) == read_trace(folder).cycles
    spent = {}
    for one in chain:
        spent[one["cause"]] = spent.get(one["cause"], 0) + one["cycles"]
    # Nothing hides a write: every one of them is on the chain, and every multiply.
    assert (spent["reprogram"], spent["compute"]) == (UPDATES * 38_400, UPDATES * 28 * 800)
    assert "x PROGRAM at the pace of tile 0 drivers" in desk.run("explain", folder).out


def test_occupancy_expansion_and_exports(desk, folder) -> None:
    ran = desk.run("trace", "occupancy", folder, "tile 0 core 0", "--json")
    busy = sum(row["busy"] for row in json.loads(ran.out)["rows"])
    assert busy == UPDATES * 28 * 800
    rows = desk.folder / "rows.parquet"
    assert desk.run("trace", "expand", folder, "--out", rows).code == 0
    ops = pyarrow.parquet.read_table(rows).column("op").to_pylist()
    assert {"LOAD", "PROGRAM", "MVM", "STORE", "WAIT"} == set(ops)
    chrome = desk.folder / "run.json"
    assert desk.run("trace", "export", folder, "--out", chrome).code == 0
    names = {event.get("name") for event in json.loads(chrome.read_text())["traceEvents"]}
    assert {"PROGRAM Weights", "LOAD Weights", "LOAD Inputs", "MVM", "STORE Outputs"} <= names
    perfetto = desk.folder / "run.pftrace"
    ran = desk.run("trace", "export", folder, "--out", perfetto, "--window", "0:60000")
    assert ran.code == 0
    assert "slices" in ran.out


def test_the_report_shows_time(desk, folder) -> None:
    assert desk.run("report", folder).code == 0
    page = (folder / "report.html").read_text()
    assert "Weights at tile 0 core 3" in page
    assert "sets of crossbars" in page
    assert "PROGRAM" in page


def test_a_window_of_some_units(desk) -> None:
    layer, out = desk.write("layer.yaml", LAYER), desk.folder / "out"
    ran = desk.run("simulate", CHIP, layer, "--out", out, "--trace", "window",
                   "--window", "48000:50000", "--unit", "tile 0 core 2")  # fmt: skip
    assert ran.code == 0
    rows = json.loads(desk.run("trace", "head", out, "--json").out)["rows"]
    (wait, work) = rows
    assert (wait["op"], wait["start"], wait["wait_class"]) == ("WAIT", 0, "reprogram")
    assert (work["op"], work["end"] - work["start"]) == ("MVM", 28 * 800)
    assert work["start"] == wait["end"] in range(48_000, 50_000)
    ran = desk.run("simulate", CHIP, layer, "--out", out, "--force", "--trace", "full",
                   "--unit", "tile 9")  # fmt: skip
    assert ran.code == 2
    assert "is no unit; units: tile 0 inputs, tile 0 weights" in ran.err


def test_layers_of_a_network_are_traced(desk) -> None:
    network = desk.write("net.yaml", "stallscope: 1\nnetwork:\n  layers:\n"
                         "    - {name: a, gemm: {M: 6, N: 300, K: 700}}\n")  # fmt: skip
    out = desk.folder / "out"
    ran = desk.run("run", "--accelerator", "reram-tile-4", "--network", network, "--out", out,
                   "--trace", "full")  # fmt: skip
    assert ran.code == 0
    (trace,) = (out / "traces" / "reram-tile-4").iterdir()
    assert read_trace(trace).rows > 0

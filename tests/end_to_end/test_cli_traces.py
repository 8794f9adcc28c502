"""Recording and looking at a run from the command line, as a user would."""

from __future__ import annotations

import csv
import json

import pyarrow.parquet
import pytest


@pytest.fixture
def run_folder(desk):
    """A traced run of the small case."""
    out = desk.folder / "run"
    ran = desk.run("simulate", *desk.files, "--out", out, "--trace", "full")
    assert ran.code == 0, ran.err
    assert "steps and their waits, about" in ran.err
    return out


def test_a_traced_run_leaves_its_trace_beside_its_result(run_folder) -> None:
    names = sorted(path.name for path in run_folder.iterdir())
    assert names == sorted(
        ["result.json", "trace"]
        + [f"{table}.{kind}" for table in ("levels", "networks", "units", "ledger")
           for kind in ("csv", "parquet")]
    )  # fmt: skip


def test_a_trace_needs_a_folder(desk) -> None:
    ran = desk.run("simulate", *desk.files, "--trace", "full")
    assert (ran.code, ran.out) == (2, "")
    assert "--trace = full: needs a folder to write to; give --out DIR" in ran.err


@pytest.mark.parametrize("text", ["5", "a:b", "3:1", "-1:5"])
def test_a_window_that_is_none(desk, text) -> None:
    out = desk.folder / "run"
    ran = desk.run("simulate", *desk.files, "--out", out, "--trace", "window", "--window", text)
    assert ran.code == 2
    assert "window" in ran.err
    assert not (out / "result.json").exists()


def test_the_same_result_with_and_without_a_trace(desk, run_folder) -> None:
    plain = json.loads(desk.run("simulate", *desk.files, "--json").out)
    traced = json.loads((run_folder / "result.json").read_text())
    for document in (plain, traced):
        del document["simulation"]
    assert plain == traced


def test_info_says_what_a_trace_is_of(desk, run_folder) -> None:
    facts = json.loads(desk.run("trace", "info", run_folder, "--json").out)
    result = json.loads((run_folder / "result.json").read_text())
    assert facts["cycles"] == result["cycles"]
    assert facts["inputs"][0]["sha256"] == result["inputs"]["sha256"][0]
    assert {unit["unit"] for unit in facts["units"]} == set(result["units"])
    for unit in facts["units"]:
        account = result["units"][unit["unit"]]
        busy = account["busy"] + account["waiting"].get("contention", 0)
        assert unit["busy"] == busy
    shown = desk.run("trace", "info", run_folder).out
    assert "Weights DRAM->GLB" in shown


def test_head_lists_the_first_slices(desk, run_folder) -> None:
    rows = json.loads(desk.run("trace", "head", run_folder, "--count", "3", "--json").out)["rows"]
    assert len(rows) == 3
    assert list(rows[0])[:10] == [
        "start", "end", "unit", "op", "tensor", "step", "words", "bytes", "wait_class",
        "wait_cycles",
    ]  # fmt: skip
    shown = desk.run("trace", "head", run_folder, "--unit", "MAC", "--window", "10:40").out
    assert "waits for" in shown
    assert "COMPUTE" in shown
    assert "FILL" not in shown


def test_a_part_that_is_not_there(desk, run_folder) -> None:
    ran = desk.run("trace", "head", run_folder, "--window", "99999:100000")
    assert ran.code == 2
    assert "must lie within the cycles recorded, 0:" in ran.err
    ran = desk.run("trace", "head", run_folder, "--unit", "PE")
    assert ran.code == 2
    assert "is not a unit of the trace; recorded: Weights DRAM->GLB" in ran.err


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_expand_writes_every_slice(desk, run_folder, ending) -> None:
    facts = json.loads(desk.run("trace", "info", run_folder, "--json").out)
    out = desk.folder / f"rows.{ending}"
    assert desk.run("trace", "expand", run_folder, "--out", out).code == 0
    if ending == "csv":
        rows = list(csv.DictReader(out.open()))
    else:
        rows = pyarrow.parquet.read_table(out).to_pylist()
    assert len(rows) == facts["rows"]["expanded"]
    again = desk.run("trace", "expand", run_folder, "--out", out)
    assert again.code == 2
    assert "exists; name another file or give --force" in again.err


@pytest.mark.parametrize(("name", "begins"), [("run.json", b"{"), ("run.pftrace", b"\n")])
def test_export_writes_for_a_viewer(desk, run_folder, name, begins) -> None:
    out = desk.folder / name
    ran = desk.run("trace", "export", run_folder, "--out", out, "--window", "0:50")
    assert ran.code == 0, ran.err
    assert "arrows" in ran.out
    assert out.read_bytes()[:1] == begins
    assert desk.run("trace", "export", run_folder, "--out", out).code == 2
    again = desk.run("trace", "export", run_folder, "--out", out, "--format", "chrome", "--force")
    assert again.code == 0
    assert json.loads(out.read_text())["traceEvents"]


def test_occupancy_covers_the_run(desk, run_folder) -> None:
    ran = desk.run("trace", "occupancy", run_folder, "MAC", "--every", "10", "--json")
    rows = json.loads(ran.out)["rows"]
    result = json.loads((run_folder / "result.json").read_text())
    assert (rows[0]["start"], rows[-1]["end"]) == (0, result["cycles"])
    assert sum(row["busy"] for row in rows) == result["units"]["MAC"]["busy"]
    assert "busy, then waiting" in desk.run("trace", "occupancy", run_folder, "MAC").out


def test_explain_sums_to_the_run(desk, run_folder) -> None:
    document = json.loads(desk.run("explain", run_folder, "--json").out)
    assert sum(one["cycles"] for one in document["chain"]) == document["cycles"]
    shown = desk.run("explain", run_folder).out
    assert "dram_bandwidth" in shown
    assert "the run ends with it" in shown


def test_bottleneck_lists_what_would_be_saved(desk) -> None:
    document = json.loads(desk.run("bottleneck", *desk.files, "--json").out)
    first = document["runs"][0]
    assert (first["ideal"], first["saved"]) == ("nothing", 0)
    assert {run["ideal"] for run in document["runs"]} >= {"bandwidth", "capacity", "contention"}
    assert "one thing ideal at a time" in desk.run("bottleneck", *desk.files).out


def test_a_window_alone_is_enough(desk) -> None:
    out = desk.folder / "run"
    assert desk.run("simulate", *desk.files, "--out", out, "--window", "10:30").code == 0
    facts = json.loads(desk.run("trace", "info", out, "--json").out)
    assert facts["window"] == [10, 30]
    ran = desk.run("explain", out)
    assert ran.code == 2
    assert "record with --trace full" in ran.err


def test_a_network_leaves_a_trace_per_layer(desk, preset_traced) -> None:
    out, ran = preset_traced
    assert ran.code == 0, ran.err
    traces = sorted(path.name for path in (out / "traces" / "eyeriss-168").iterdir())
    assert traces == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    size = sum(path.stat().st_size for path in out.rglob("*") if path.parent.name in traces)
    assert size < 20e6
    ran = desk.run("trace", "info", out)
    assert ran.code == 2
    assert "holds the traces of several layers; name one:" in ran.err


def test_a_deadlock_says_where_its_trace_is(desk) -> None:
    program = desk.folder / "layer.program"
    assert desk.run("compile", *desk.files, "--out", program).code == 0
    tight = desk.write("tight.yaml", (desk.folder / "architecture.yaml").read_text().replace(
        "capacity: 64", "capacity: 2"))  # fmt: skip
    out = desk.folder / "run"
    ran = desk.run("execute", program, tight, "--out", out, "--trace", "full")
    assert ran.code == 3
    assert f"the trace until the deadlock is in {out / 'trace'}" in ran.err
    assert "until the deadlock" in desk.run("trace", "info", out).out


def test_no_trace_there(desk) -> None:
    ran = desk.run("trace", "info", desk.folder)
    assert ran.code == 2
    assert "holds no event trace; name the --out folder of a run with --trace full" in ran.err


def test_an_open_wait_is_in_the_trace_of_a_deadlock(desk) -> None:
    program = desk.folder / "layer.program"
    assert desk.run("compile", *desk.files, "--out", program).code == 0
    slow = (desk.folder / "architecture.yaml").read_text().replace("capacity: 64", "capacity: 8")
    tight = desk.write("tight.yaml", slow)
    out = desk.folder / "run"
    ran = desk.run("execute", program, tight, "--out", out, "--trace", "full")
    assert ran.code == 3, ran.out
    rows = json.loads(desk.run("trace", "head", out, "--count", "999", "--json").out)["rows"]
    cycles = json.loads(desk.run("trace", "info", out, "--json").out)["cycles"]
    if cycles:
        assert [row for row in rows if row["op"] == "WAIT" and row["end"] == cycles]
    ran = desk.run("explain", out)
    assert ran.code == 2
    assert "is of a run that stopped" in ran.err


def test_a_new_run_without_a_trace_takes_the_old_one_away(desk, run_folder) -> None:
    ran = desk.run("simulate", *desk.files, "--out", run_folder, "--force")
    assert ran.code == 0
    assert desk.run("explain", run_folder).code == 2


def test_options_that_do_not_go_together(desk) -> None:
    out = desk.folder / "run"
    ran = desk.run("simulate", *desk.files, "--out", out, "--unit", "MAC")
    assert (ran.code, ran.out) == (2, "")
    assert "--unit = MAC: says what a trace records; give --trace full or --window too" in ran.err
    ran = desk.run("simulate", *desk.files, "--out", out, "--trace", "full", "--window", "3:5")
    assert ran.code == 2
    assert "window = 3:5: does not go with the trace full; give the trace window" in ran.err


def test_a_window_past_the_run_says_so(desk) -> None:
    out = desk.folder / "run"
    ran = desk.run("simulate", *desk.files, "--out", out, "--window", "99990:99999")
    assert ran.code == 0
    assert "nothing was recorded: the run has" in ran.err
    ran = desk.run("trace", "head", out)
    assert ran.code == 2
    assert "nothing was recorded" in ran.err


@pytest.mark.parametrize("name", ["events.parquet", "repeats.parquet"])
def test_a_damaged_trace_is_named(desk, run_folder, name) -> None:
    (run_folder / "trace" / name).write_bytes(b"garbage")
    ran = desk.run("trace", "info", run_folder)
    assert ran.code == 2
    assert "is no whole Parquet file" in ran.err
    assert "record the run again" in ran.err

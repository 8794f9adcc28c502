"""Crossbars on the command line: what takes their files, what refuses them, and what is printed."""

import csv
import json
from pathlib import Path

import pytest

from stallscope.catalog import preset

LAYER = """\
stallscope: 1
layer: {name: conv3, conv: {C: 128, K: 256, P: 28, Q: 28, R: 3, S: 3, padding: 1}}
schedule: {loops: [co, {h: 1}, ko]}
"""
CHIP = str(preset("reram-tile-4").path)


@pytest.fixture
def layer(desk) -> str:
    return desk.write("layer.yaml", LAYER)


def test_an_estimate_says_what_is_written(desk, layer: str) -> None:
    """56 updates of two loads for 28 rows: 1568 multiplies of 800 ns, writes of 38.4 us."""
    ran = desk.run("analyze", CHIP, layer, "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    reram = document["reram"]
    assert reram["activity"]["updates"] == 56
    assert reram["filling"]["least_updates"] == 2
    assert reram["analytical"]["compute_cycles"] == 28 * 28 * 2 * 800
    assert reram["analytical"]["reprogram_cycles"] == 56 * 38_400
    assert reram["analytical"]["hidden_share"] == 0
    assert reram["wear"]["writes_max"] == 56
    assert document["analytical"]["bound_by"] == "reprogram"
    assert (document["problem"]["macs"], document["rules"]) == (231_211_008, None)
    assert [level["name"] for level in document["levels"]] == [
        "main", "memory", "input buffer", "partial sums", "crossbars",
    ]  # fmt: skip
    assert "no energy given, counted as 0 pJ: main.read" in ran.err


def test_a_person_sees_updates_writing_and_wear(desk, layer: str) -> None:
    ran = desk.run("analyze", CHIP, layer, "--set", "schedule.snake=true",
                   "--set", "crossbars.overlap=shadow", "--set", "crossbars.writing.endurance=1e6",
                   "--set", "crossbars.crossbar.per_core=18")  # fmt: skip
    assert ran.code == 0
    shown = " ".join(ran.out.split())
    assert "schedule strict: co, h 1, ko, snake; 1 x 2 loads on 4 cores" in shown
    assert "weight updates 29 (2 at least)" in shown
    # Not hidden: the first write (38.4 us), and what the first row (22.4 us) leaves of the second:
    # after it the load at a turn stays for two rows. 1 - 54.4 / (29 x 38.4).
    assert "of compute; at best 95.1 % of it hidden" in shown
    # Two sets of crossbars take turns: 29 updates are 14.5 writes of a cell, mean of two runs.
    assert "writes of a cell 14.5 at most" in shown
    assert "they last 68,965 runs" in shown


def test_a_run_counts_what_the_estimate_says(desk, layer: str) -> None:
    ran = desk.run("simulate", CHIP, layer, "--json")
    assert ran.code == 0
    document = json.loads(ran.out)
    estimate = json.loads(desk.run("analyze", CHIP, layer, "--json").out)
    assert document["reram"]["activity"] == estimate["reram"]["activity"]
    assert document["reram"]["wear"] == estimate["reram"]["wear"]
    assert document["cycles"] > document["analytical"]["cycles"] == estimate["cycles"]
    assert document["energy_pj"] == pytest.approx(estimate["energy_pj"])
    counts = ("reads", "fills", "updates", "temporal_reductions", "tile_words")
    for ours, theirs in zip(document["levels"], estimate["levels"], strict=True):
        for tensor, figures in ours["tensors"].items():
            assert [figures[key] for key in counts] == [
                theirs["tensors"][tensor][key] for key in counts
            ]
    assert sum(document["cycle_stack"].values()) == document["cycles"]
    assert document["reram"]["run"]["interval_cycles"] == 800
    # Nothing computes while weights are written: all of it is waited for.
    waited = document["cycle_stack"]["reprogram"] + document["fill_causes"]["reprogram"]
    assert (waited, document["reram"]["run"]["hidden"]) == (56 * 38_400, 0)
    again = json.loads(desk.run("simulate", CHIP, layer, "--json", "--no-fast-forward").out)
    assert again | {"simulation": None} == document | {"simulation": None}


def test_cores_that_idle_do_not_wait_for_weights(desk) -> None:
    """Five blocks on four cores: in the second step three cores let weights pass."""
    layer = desk.write("l.yaml", "stallscope: 1\nlayer: {gemm: {M: 1, N: 320, K: 64}}\n")
    run = json.loads(desk.run("simulate", CHIP, layer, "--json").out)["reram"]["run"]
    assert run["writing_cycles"] == run["waiting_cycles"] == 5 * 38_400
    assert run["hidden"] == 0


def test_a_run_can_be_audited_and_reported(desk, layer: str) -> None:
    out = desk.folder / "out"
    ran = desk.run("simulate", CHIP, layer, "--audit-fast-forward", "--out", out)
    assert ran.code == 0
    assert "Where the cycles go" in ran.out
    assert "writing            1.71 of compute; " in ran.out
    assert desk.run("report", out).code == 0
    page = (out / "report.html").read_text()
    assert "partial sums" in page
    assert '<th scope="row">weight updates</th><td>56 (2 at least), ' in page
    document = json.loads((out / "result.json").read_text())
    del document["reram"]["wear"]["writes_max"]
    (out / "result.json").write_text(json.dumps(document))
    ran = desk.run("report", out, "--force")
    assert ran.code == 2
    assert "result.json.reram.wear.writes_max" in ran.err
    assert desk.run("simulate", CHIP, layer, "--out", out).code == 2  # not empty


def test_a_network_adds_up_what_is_written(desk) -> None:
    network = desk.write(
        "net.yaml",
        "stallscope: 1\nnetwork:\n  layers:\n"
        "    - {name: a, conv: {C: 128, K: 64, P: 6, Q: 6, R: 3, S: 3, padding: 1}, repeat: 2}\n"
        "    - {name: b, gemm: {M: 6, N: 300, K: 700}}\n"
        "    - {name: c, gemm: {M: 6, N: 300, K: 700}}\n",
    )
    out = desk.folder / "out"
    given = ["run", "--accelerator", "reram-tile-4", "--network", network]
    ran = desk.run(*given, "--set", "crossbars.writing.endurance=1000", "--out", out)
    assert ran.code == 0
    total = json.loads((out / "result.json").read_text())["total"]
    # a: two loads for each of six rows; b and c: two steps of channels, a load of 64 of 700 rows.
    assert total["reram"]["updates"] == 2 * 12 + 22 + 22
    assert total["reram"]["least_updates"] == 2 * 2 + 22 + 22
    assert (total["reram"]["writes_of_a_cell"], total["reram"]["runs_by_writes"]) == (68, 14)
    shown = " ".join(ran.out.split())
    assert "Weights written on reram-tile-4; the most written cell lasts 14 runs" in shown
    assert "c (= b)" in shown
    rows = list(csv.DictReader((out / "layers.csv").open()))
    assert [row["updates"] for row in rows] == ["12", "22", "22"]
    assert [row["schedule"] for row in rows] == ["strict: h 1", "strict: h 6", "strict: h 6"]
    best = desk.run(*given, "--schedule", "updates", "--json", "--jobs", "2")
    assert best.code == 0
    found = json.loads(best.out)
    assert found["total"]["reram"]["updates"] == found["total"]["reram"]["least_updates"] == 12
    assert "schedule: the best that was found for updates" in found["layers"][0]["assumptions"]
    row = desk.run(*given, "--json", "--layers", "a")
    own = desk.write("own.yaml", "stallscope: 1\nschedule: {loops: [ko, {h: 2}]}\n")
    ran = desk.run(*given, "--accelerator", own, "--json", "--layers", "a")
    assert ran.code == 0
    assert json.loads(ran.out)["total"]["reram"]["updates"] == 4
    assert json.loads(row.out)["total"]["cycles"] > json.loads(ran.out)["total"]["cycles"]


def test_results_are_written_to_a_folder(desk, layer: str) -> None:
    out = desk.folder / "out"
    assert desk.run("analyze", CHIP, layer, "--out", out).code == 0
    rows = list(csv.DictReader((out / "levels.csv").open()))
    weights = next(row for row in rows if (row["level"], row["tensor"]) == ("main", "Weights"))
    assert int(weights["reads"]) == 28 * 256 * 128 * 9
    assert json.loads((out / "result.json").read_text())["reram"]["run"] is None


@pytest.mark.parametrize(
    "command",
    [
        ["bottleneck", CHIP], ["convention", CHIP], ["execute", CHIP, CHIP],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_commands_about_mappings_refuse_crossbars(desk, command: list[str]) -> None:
    ran = desk.run(*command)
    assert (ran.code, ran.out) == (2, "")
    assert "describes crossbars, which have a schedule and no mapping; " in ran.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--reuse", "overlap"], "--reuse = overlap: is a rule of storage levels"),
        (["--link-transfers", "on"], "--link-transfers = True: is a rule of storage levels"),
        (["--set", "architecture.GLB.capacity=1"], "no section architecture"),
        (["--set", "crossbars.partial_sums.capacity=1 KiB"],
         "crossbars.partial_sums.capacity_bytes = 1024: a core's partial sums"),
        (["--set", "crossbars.writing.data_aware=true"],
         "which cells change depends on the weights"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_crossbars_is_refused(
    desk, layer: str, options: list[str], expected: str
) -> None:
    ran = desk.run("analyze", CHIP, layer, *options)
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err


def test_every_fault_of_a_chip_and_a_layer_is_told(desk) -> None:
    chip = desk.write("chip.yaml", Path(CHIP).read_text().replace("cores: 4", "cores: 0"))
    layer = desk.write("layer.yaml", LAYER.replace("{h: 1}", "{hh: 1}"))
    ran = desk.run("analyze", chip, layer)
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 2
    assert f"{layer}:3: schedule.loops[1] = hh: needs an axis" in ran.err


def test_sections_of_storage_levels_beside_crossbars_are_refused(desk, layer: str) -> None:
    ran = desk.run("analyze", CHIP, layer, *desk.files[:2])
    assert ran.code == 2
    assert "architecture: has no place in files of crossbars" in ran.err
    assert "problem: has no place in files of crossbars; give the layer by its shape" in ran.err


def test_presets_of_crossbars_are_listed_and_printed(desk) -> None:
    kinds = json.loads(desk.run("presets", "--json").out)
    assert [entry["name"] for entry in kinds["crossbars"]] == [
        "reram-tile-4", "isaac-like", "puma-like",
    ]  # fmt: skip
    assert desk.run("presets", "isaac-like").out.startswith("stallscope: 1\n")


# The reference's worked example: 64 and 128 KiB of partial sums per tile, 16 KiB of inputs.
@pytest.mark.parametrize(("partial_sums", "updates"), [("16 KiB", 8), ("32 KiB", 5)])
def test_the_best_schedule_is_the_references(
    desk, layer: str, partial_sums: str, updates: int
) -> None:
    settings = ["--set", f"crossbars.partial_sums.capacity={partial_sums}"]
    ran = desk.run("explore", CHIP, layer, "--json", "--filling", "strict", *settings)
    assert ran.code == 0
    found = json.loads(ran.out)
    best = found["best"][0]
    assert best["updates"] == updates
    assert found["given"]["updates"] == found["row_by_row"]["updates"] == 56
    assert len(found["best"]) == 5
    again = desk.write("best.yaml", json.dumps({"stallscope": 1, "schedule": best["schedule"]}))
    only_layer = desk.write("only.yaml", "\n".join(LAYER.splitlines()[:2]))
    document = json.loads(desk.run("analyze", CHIP, only_layer, again, "--json", *settings).out)
    assert document["reram"]["activity"]["updates"] == updates
    assert document["cycles"] == best["cycles"]


def test_a_search_is_shown_with_a_schedule_to_paste(desk, layer: str) -> None:
    ran = desk.run("explore", CHIP, layer, "--objective", "cycles", "--top", "2")
    assert ran.code == 0
    assert "conv3 on reram-tile-4: least cycles" in ran.out
    assert ran.out.count("\n strict: ") + ran.out.count("\n packed: ") == 2
    assert "schedule:\n" in ran.out
    too_small = ["--set", "crossbars.partial_sums.capacity=1 KiB"]
    ran = desk.run("explore", CHIP, layer, *too_small)
    assert ran.code == 0
    assert "the files' schedule does not fit" in ran.err
    ran = desk.run("explore", CHIP, layer, "--set", "crossbars.partial_sums.capacity=64 B")
    assert ran.code == 2
    assert "one pixel needs 128 bytes" in ran.err


def test_the_best_schedules_are_kept(desk, layer: str) -> None:
    """A search of less does not replace what is known; a run takes what is known."""
    records = desk.folder / "best.json"
    search = ["explore", CHIP, layer, "--records", records, "--json", "--top", "1"]
    less = json.loads(desk.run(*search, "--filling", "packed").out)
    more = json.loads(desk.run(*search).out)
    again = json.loads(desk.run(*search, "--filling", "packed").out)
    assert less["recorded"] == less["best"][0]
    assert more["recorded"]["updates"] == again["recorded"]["updates"] == 8
    assert len(json.loads(records.read_text())["records"]) == 1
    network = desk.write("net.yaml", "stallscope: 1\nnetwork: {layers: [{name: a, conv: "
                         "{C: 128, K: 256, P: 28, Q: 28, R: 3, S: 3, padding: 1}}]}\n")  # fmt: skip
    known = json.loads(records.read_text())
    known["records"][0]["schedule"] = {"loops": [{"axis": "h", "step": 2}], "snake": True}
    records.write_text(json.dumps(known))
    given = ["run", "--accelerator", "reram-tile-4", "--network", network, "--records", records]
    ran = desk.run(*given, "--schedule", "updates", "--json")
    assert json.loads(ran.out)["total"]["reram"]["updates"] == 15
    ran = desk.run(*given)
    assert ran.code == 2
    assert "is of schedules that are looked for; give --schedule, too" in ran.err
    records.write_text("{}")
    ran = desk.run(*search)
    assert ran.code == 2
    assert "has no key 'crossbar_schedules'" in ran.err


def test_only_crossbars_are_explored(desk) -> None:
    ran = desk.run("explore", *desk.files)
    assert ran.code == 2
    assert "no file has a crossbars: section" in ran.err


def test_a_schedule_is_chosen_for_crossbars_only(desk) -> None:
    ran = desk.run("run", "--accelerator", "systolic-4", "--schedule", "updates")
    assert ran.code == 2
    assert "--schedule = updates: is for accelerators of crossbars; leave it out" in ran.err
    ran = desk.run("run", "--accelerator", "systolic-4", "--records", "x.json")
    assert "--records = x.json: is for accelerators of crossbars; leave it out" in ran.err


def test_a_network_on_crossbars_names_the_layers_that_cannot_be(desk) -> None:
    ran = desk.run("run", "--accelerator", "reram-tile-4", "--network", "alexnet-conv")
    assert ran.code == 2
    assert "conv1: files: crossbars take layers by their shapes" in ran.err
    small = ["--set", "crossbars.partial_sums.capacity=16 B"]
    ran = desk.run("run", "--accelerator", "reram-tile-4", *small)
    assert ran.code == 2
    assert "conv1_1: crossbars.partial_sums.capacity_bytes" in ran.err

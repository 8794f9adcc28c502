"""Do crossbars take what the reference says, and is every figure of it accounted for?

The figures: stallscope/validation/data/reram.json, its sources named there. A part of them in the
default suite, all of them in the slow one.
"""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from stallscope.simcore.errors import SpecError
from stallscope.validation import reram_peers, reram_timing, reram_updates, validate
from stallscope.validation.reram_packing import pack

OWN = files("stallscope.validation") / "data" / "reram.json"
SCORED = {reram_updates.UPDATES, reram_updates.REDUCTIONS, reram_updates.SHAPES,
          reram_updates.LAYERS, reram_updates.SEARCHED, reram_updates.FITS, reram_updates.FOUND,
          reram_updates.WEAR,
          reram_timing.MULTIPLY, reram_timing.REWRITE, reram_timing.CONVOLUTION,
          reram_timing.UNEQUAL, reram_peers.PUMA, reram_peers.PUMA_COUNTS,
          reram_peers.MNSIM}  # fmt: skip


def documents():
    return json.loads(OWN.read_text(encoding="utf-8"))["documents"]


def written(tmp_path, content, name="cases.json"):
    file = tmp_path / name
    file.write_text(json.dumps(content))
    return file


def short(updates):
    """The example, and of every other network nothing."""
    return updates | the_example(updates)


def the_example(updates):
    """The network of one layer, and no search."""
    networks = {
        filling: {"seed_example": every["seed_example"]}
        for filling, every in updates["networks"].items()
    }
    return {"networks": networks}


def some(timing, *names):
    """Entries by name; of the convolution its tiles of rows and the whole map."""
    return {
        name: {key: value for key, value in timing[name].items() if not key.startswith("snake")}
        for name in names
    }


def test_a_part_of_the_figures_is_met(tmp_path):
    """Every class; times and wear of networks that are left out are left out by name."""
    updates, timing, peers = documents()
    timing = {name: entry for name, entry in timing.items() if not name.startswith("example")} | {
        "example_conv_461us_144serial": timing["example_conv_461us_144serial"]
    }
    content = {"documents": [short(updates), timing, peers]}
    report = validate("reram", written(tmp_path, content))
    assert report.misses == ()
    assert report.is_within
    kinds = {point.kind for point in report.points if point.scored}
    assert kinds == SCORED
    assert len(report.points) > 450
    left_out = {entry.case for entry in report.excluded}
    assert left_out == {"vgg16", "resnet50", "mobilenet_v1", "aihwkit", "mnsim vgg8",
                        "conv_4x4_c32_k32"}  # fmt: skip
    # 56 updates a row at a time, 2 at least, however loads are filled.
    saved = "; ".join(
        f"{filling} reference 96.43 %, ours 96.43 %" for filling in ("strict", "rigid", "packed")
    )
    assert report.to_json()["notes"] == [
        f"updates saved, all layers, row -> unlimited, seed_example: {saved}"
    ]


@pytest.mark.slow
def test_all_figures_are_met():
    report = validate("reram")
    assert report.misses == ()
    assert {point.kind for point in report.points if point.scored} == SCORED
    summary = report.summary()
    for kind, points in ((reram_updates.UPDATES, 168), (reram_updates.REDUCTIONS, 1176),
                         (reram_updates.LAYERS, 1974), (reram_updates.WEAR, 152)):  # fmt: skip
        assert summary[kind]["points"] == summary[kind]["exact"] == points
        assert summary[kind]["analytical_mean_abs_error_pct"] < 0.01


@pytest.mark.parametrize(
    ("at", "path", "metric"),
    [
        (0, ("networks", "strict", "seed_example", "updates", "default_row"), "updates"),
        (0, ("networks", "rigid", "seed_example", "reduction_pct", "row", "64KiB_2B"),
         "reduction_pct"),
        (1, ("isaac_mvm", "latency_ns"), "latency_ns"),
        (1, ("example_conv_32us", "row", "double_ns"), "double_ns"),
        (1, ("reprogram_tile144_serial", "total_ns"), "total_ns"),
    ],
)  # fmt: skip
def test_a_wrong_figure_is_a_miss(tmp_path, at, path, metric):
    content = documents()[at]
    content = some(content, path[0]) if at else the_example(content)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += 1
    report = validate("reram", written(tmp_path, content))
    assert [point.metric for point in report.misses] == [metric]
    assert not report.is_within


def test_what_equal_tiles_hide_is_told(tmp_path):
    """Tiles of 6 x 128 + 16 pixels: the reference's own equal ones cost 144 us more."""
    timing = documents()[1]
    names = ("example_conv_461us_144serial", "example_conv_4.6ms")
    content = {name: {"snake_64KiB": timing[name]["snake_64KiB"]} for name in names}
    report = validate("reram", written(tmp_path, content))
    found = {
        point.case: (point.simulated, point.figure, point.reference)
        for point in report.points
        if point.kind == reram_timing.UNEQUAL
    }
    assert found["example_conv_461us_144serial"] == (3_699_200, 3_843_200, 3_843_200)
    assert found["example_conv_4.6ms"] == (36_876_800, 37_020_800, 37_020_800)


def test_other_names_of_the_same_forms_are_read(tmp_path):
    """By hand: 16 steps of 200 ns and two more; 20 columns at 0.5 GS/s; 5 pulses of 64 rows."""
    entries = {
        "isaac_mvm_200ns_stage": {"latency_ns": 3600, "initiation_interval_ns": 3200},
        "seed_64x64_4b_adc16cols": {"steps": 4, "t_conv_ns": 12.5, "latency_ns": 600},
        "slow_adc_20cols_0.05GSps": {"t_conv_ns": 400, "stage_ns": 400},
        "reprogram_row_parallel_5it": {"per_xbar_ns": 16_000, "total_ns": 16_000},
        "reprogram_tile36_serial": {"per_xbar_ns": 3200, "total_ns": 115_200},
        "example_conv_16us": {"min": {"loads": 2, "single_ns": 1_286_400,
                                      "double_ns": 1_270_400}},
        "stated": {"n_bits": 6, "dac_bits": 2, "t_read_ns": 40, "latency_ns": 250},
    }  # fmt: skip
    report = validate("reram", written(tmp_path, entries))
    assert report.excluded == ()
    assert report.misses == ()
    assert {point.case for point in report.points} == set(entries)


@pytest.mark.parametrize(
    "entries",
    [
        {"mystery": {"latency_ns": 5}},
        {"reprogram_by_moonlight": {"per_xbar_ns": 5, "total_ns": 5}},
        {"example_conv_7.7us": {"row": {"loads": 1, "single_ns": 1, "double_ns": 1}}},
        {"example_conv_32us": {"oddly": {"loads": 1, "single_ns": 1, "double_ns": 1}}},
        {"event_check": {"other": 1, "unequal": 5221}},
    ],
)
def test_a_name_that_says_nothing_is_left_out_by_name(tmp_path, entries):
    report = validate("reram", written(tmp_path, entries))
    (left_out,) = report.excluded
    assert left_out.case.startswith(next(iter(entries)))
    assert "does not say what it was computed from" in left_out.why


def test_a_multiply_of_unknown_name_is_added_up_from_the_stages_it_states(tmp_path):
    """4 steps of 30 ns and two more; what it was derived from is not compared with itself."""
    entry = {"steps": 4, "t_conv_ns": 12.5, "stage_ns": 30, "latency_ns": 180,
             "initiation_interval_ns": 120}  # fmt: skip
    report = validate("reram", written(tmp_path, {"mystery": entry}))
    assert report.misses == ()
    assert [point.metric for point in report.points] == ["latency_ns", "initiation_interval_ns"]
    wrong = validate("reram", written(tmp_path, {"mystery": entry | {"latency_ns": 181}}))
    assert [point.metric for point in wrong.misses] == ["latency_ns"]


def test_an_unknown_tile_is_left_out_and_the_others_are_compared(tmp_path):
    updates = the_example(documents()[0])
    updates["networks"]["strict"]["seed_example"]["updates"]["default_spiral"] = 7
    report = validate("reram", written(tmp_path, updates))
    assert "seed_example strict: default_spiral" in {entry.case for entry in report.excluded}
    assert report.misses == ()


def test_the_own_copy_is_packed_from_the_references_forms():
    text = OWN.read_text(encoding="utf-8")
    content = json.loads(text)
    assert pack(content["documents"], content["source"]) == text


def test_a_folder_leaves_out_what_has_no_cases(tmp_path):
    written(tmp_path, some(documents()[1], "isaac_mvm"), "timing.json")
    written(tmp_path, {"puma": {"mvm_paper": 1}, "isaac": {"crossbar": {"value": 1}}}, "table.json")
    report = validate("reram", tmp_path)
    assert report.misses == ()
    assert [entry.case for entry in report.excluded] == ["table.json"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("no json", "cannot be read as JSON"),
        ("[1]", "needs one JSON object"),
        ('{"a": 1}', "needs weight updates, timing of crossbars, or figures of other tools"),
        ('{"networks": {"strict": {"x": {"layers": [{"name": "y"}]}}}}', "not in the known form"),
        ('{"networks": {"loose": {"x": {"layers": []}}}}', "not in the known form"),
    ],
)
def test_a_file_in_another_form_is_refused(tmp_path, text, rule):
    file = tmp_path / "cases.json"
    file.write_text(text)
    with pytest.raises(SpecError, match=rule):
        validate("reram", file)

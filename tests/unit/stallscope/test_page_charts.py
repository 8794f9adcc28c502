"""The charts of the page: what they show sums to the result, and their colours stay apart."""

import json
import re
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from stallscope.report.bars import CLASSES
from stallscope.report.page import timeline as timelines
from stallscope.report.page.drawing import area, blocks, ticks
from stallscope.report.page.over_time import OverTime, over_time
from stallscope.report.page.palette import STATES, TONES, letter, ramp, tone
from stallscope.report.page.timeline import timeline
from stallscope.traces.events.trace import Trace, read_trace


@pytest.fixture(params=["run", "layer"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def charts(folder: Path) -> tuple[dict, Trace, OverTime]:
    trace = read_trace(folder)
    time = over_time(trace, [])
    assert time is not None
    return json.loads((folder / "result.json").read_text()), trace, time


def test_the_lanes_sum_to_the_units_accounts(folder: Path) -> None:
    document, _, time = charts(folder)
    assert sorted(lane.name for lane in time.units) == sorted(document["units"])
    assert time.units[0].op == "COMPUTE"
    for lane in time.units:
        account = document["units"][lane.name]
        totals = {band.name: round(band.total) for band in lane.bands}
        work = totals.pop("work", 0)
        if lane.op == "COMPUTE":  # bursts that a port makes longer are busy, and not at work
            assert account["charged"] == {"compute": work} | totals
        else:
            assert account["busy"] == work
            assert sum(account["waiting"].values()) == sum(totals.values())


def test_an_interval_is_busy_waiting_or_idle_as_the_trace_says(run: Path) -> None:
    _, trace, time = charts(run)
    for lane in time.units:
        table = trace.occupancy(lane.name, every=time.every)
        lengths = np.diff([*table.column("start").to_pylist(), time.end])
        parts = sum(band.values for band in lane.bands) + lane.idle
        assert lengths == pytest.approx(parts)
        assert table.column("idle").to_pylist() == pytest.approx(lane.idle)
        assert table.column("words").to_pylist() == pytest.approx(lane.words)


def test_the_power_is_the_energy(folder: Path) -> None:
    document, _, time = charts(folder)
    assert time.power is not None
    seconds = document["seconds_at_clock"]
    joules = time.power.mean * 1e-3 * seconds
    assert document["energy_pj"] * 1e-12 == pytest.approx(joules, rel=1e-9)
    by_component: dict[str, float] = {}
    for line in document["ledger"]:
        mine = by_component.get(line["component"], 0.0)
        by_component[line["component"]] = mine + line["pj"]
    for band in time.power.bands:
        assert by_component[band.name] * 1e-9 == pytest.approx(band.total * seconds, rel=1e-9)


def test_the_words_held_reach_the_peak_of_the_result(folder: Path) -> None:
    document, _, time = charts(folder)
    levels = {level["name"]: level["tensors"] for level in document["levels"]}
    assert time.held
    for lane in time.held:
        assert levels[lane.level][lane.tensor]["peak_words"] == lane.scale
        assert (lane.mean <= lane.most).all()


def test_the_axis_has_about_300_intervals(layer: Path) -> None:
    document, _, time = charts(layer)
    assert (0, document["cycles"]) == (time.begin, time.end)
    assert 290 <= time.width <= 300
    assert -(-document["cycles"] // 300) == time.every


def test_the_timeline_is_the_window_of_the_trace(layer: Path) -> None:
    trace = read_trace(layer)
    shown = timeline(trace)
    assert shown is not None
    assert (trace.cycles // 2 - 2000, trace.cycles // 2 + 2000) == (shown.begin, shown.end)
    assert not shown.is_cut
    rows = trace.window(shown.begin, shown.end)
    assert rows.num_rows == shown.count == sum(len(lane.slices) for lane in shown.lanes)
    columns = [rows.column(name).to_pylist() for name in ("unit", "start", "end", "step", "words")]
    drawn = [(lane.name, *row[:4]) for lane in shown.lanes for row in lane.slices]
    assert sorted(zip(*columns, strict=True), key=str) == sorted(drawn, key=str)
    for lane in shown.lanes:
        assert all(a[1] <= b[0] for a, b in zip(lane.slices, lane.slices[1:], strict=False))


def test_too_many_slices_are_cut_and_it_says_so(
    layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timelines, "MOST", 100)
    shown = timeline(read_trace(layer), (1_000_000, 1_004_000))
    assert shown is not None
    assert shown.is_cut
    assert (shown.begin, shown.asked) == (1_000_000, 1_004_000)
    assert 100 <= shown.count <= 100 + len(shown.lanes)


def test_a_run_that_stopped_shows_its_end(layer: Path, tmp_path: Path) -> None:
    trace = read_trace(layer)
    object.__setattr__(trace.meta, "is_complete", False)
    shown = timeline(trace)
    assert shown is not None
    assert (trace.cycles - 4000, trace.cycles) == (shown.begin, shown.end)


def test_every_class_of_the_docs_has_a_colour_a_letter_and_words() -> None:
    assert set(CLASSES) <= set(TONES)
    for name in CLASSES:
        assert TONES[name].meaning.endswith(".")
        assert name == tone(name)
    lettered = ("buffer_port", "buffer_capacity", "compute", "fill", "unmapped", "x")
    assert [letter(name) for name in lettered] == ["B", "C", "", "<", "", ""]
    assert tone("</style>") == "other"
    timing = Path(__file__).parents[3] / "docs" / "timing.md"
    states = set(re.findall(r"\(?(?:state )?`(\w+)`", timing.read_text(encoding="utf-8")))
    assert set(STATES) <= states


# Machado, Oliveira and Fernandes (2009): linear RGB as seen with severity 1.0.
SIGHTS = {
    "trichromat": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanope": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                  (-0.003882, -0.048116, 1.051998)),
    "deuteranope": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                    (-0.011820, 0.042940, 0.968881)),
    "tritanope": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                  (0.004733, 0.691367, 0.303900)),
}  # fmt: skip
MODELLED = ("compute", "fill", "dram_bandwidth", "dram_latency", "buffer_port", "buffer_capacity",
            "buffer_latency", "network_bandwidth", "network_latency", "compute_latency", "drain",
            "imbalance", "unmapped", "work", "idle", "reprogram")  # fmt: skip


def lab(colour: str, sight: tuple) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as someone sees it."""
    rgb = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(sight) @ linear, 0, 1)
    to_xyz = [(0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)]
    xyz = np.array(to_xyz) @ seen / (0.9505, 1, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_the_colours_stay_apart_for_colour_blind_readers(mode: str, sight: str) -> None:
    """A CIE76 difference of 15; what is never on one chart (PE stack, lanes) aside."""
    apart = {frozenset(pair) for pair in product(("imbalance", "unmapped"), ("work", "idle"))}
    seen = {name: lab(getattr(TONES[name], mode), SIGHTS[sight]) for name in MODELLED}
    for one, other in combinations(MODELLED, 2):
        if frozenset((one, other)) not in apart:
            assert float(np.linalg.norm(seen[one] - seen[other])) >= 15, (one, other)


def test_components_get_lighter_or_darker_inwards() -> None:
    assert ramp(3, "light") == ["#2b2466", "#746ea9", "#bdb9ec"]
    assert ramp(1, "dark") == ["#dcdafb"]
    assert ramp(0, "dark") == []


def test_an_area_is_a_run_of_steps() -> None:
    assert area(np.array([0, 0])) == ""
    assert area(np.array([50, 50, 100]), 0.5) == "M0 100v-50h2v-50h0.5V100z"


def test_blocks_stand_where_their_spans_are() -> None:
    assert blocks([(0, 2), (2.5, 3)], 30, 70) == "M0 30h2v40h-2zM2.5 30h0.5v40h-0.5z"


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (0, 4, [0, 1, 2, 3, 4]),
        (0, 2_008_646, [0, 500_000, 1_000_000, 1_500_000, 2_000_000]),
        (1_002_323, 1_006_323, [1_003_000, 1_004_000, 1_005_000, 1_006_000]),
        (0, 1200, [0, 200, 400, 600, 800, 1000, 1200]),
    ],
)
def test_ticks_are_round_cycles(begin: int, end: int, expected: list[int]) -> None:
    assert expected == [tick.cycle for tick in ticks(begin, end)]

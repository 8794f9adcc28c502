"""What zeros bring, from a shell: hand-made zeros whose cycles are known."""

import json

import numpy as np
import pytest

from stallscope.report.imbalance import heat_map, histogram
from stallscope.report.page.imbalance import work_map
from stallscope.report.page.reading import Sparsity

CASE = """\
stallscope: 1
problem:
  dimensions: {M: 4, N: 3, K: 4}
  tensors: {A: [M, K], B: [N, K], Z: [M, N]}
  output: Z
architecture:
  levels:
    - {name: DRAM, kind: dram}
    - {name: RF, instances: 2, capacity_words: 64}
  compute: {name: mac, instances: 2, sparse: {skips: [A], mode: queue}}
mapping:
  DRAM: {temporal: [N=3, M=2], spatial_x: [M=2]}
  RF: {temporal: [K=4]}
sparsity:
  A: {file: a.npz, entry: A}
"""
ROWS = [[1, 1, 1, 1], [0, 2, 0, 0], [0, 0, 0, 3], [4, 4, 4, 4]]
"""The PEs alternate over rows of 4, 1, 1 and 4 words that are not zero, three times."""


@pytest.fixture
def case(desk) -> str:
    np.savez(desk.folder / "a.npz", A=np.array(ROWS))
    return desk.write("case.yaml", CASE)


def test_cycles_are_those_of_the_slowest_pe_pass_by_pass(desk, case: str) -> None:
    ran = desk.run("sparsity", case, "--json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(ran.out)
    mapped = document["as_mapped"]
    assert document["operands"] == {"A": {"words": 16, "nonzeros": 10, "density": 10 / 16}}
    assert (document["passes"], document["pes"], document["dense_cycles"]) == (6, 2, 24)
    assert mapped["barrier_cycles"] == 3 * (4 + 4)
    assert mapped["queue_cycles"][-1] == {"depth": None, "cycles": 3 * (4 + 1)}
    assert mapped["ideal_cycles"] == 3 * 10 / 2
    assert mapped["packed_cycles"] == 3 * (3 + 3)  # five steps on two PEs take three cycles
    assert mapped["heat_map"] == [[15, 15]]
    assert mapped["histogram"] == {"width": 1, "counts": [0, 6, 0, 0, 6]}
    assert mapped["lost_cycles"] == 24 - 15


def test_depths_can_be_asked_for(desk, case: str) -> None:
    document = json.loads(desk.run("sparsity", case, "--json", "--depth", "3", "--depth", "0").out)
    queues = document["as_mapped"]["queue_cycles"]
    assert [one["depth"] for one in queues] == [0, 3, None]
    assert [one["cycles"] for one in queues] == sorted(
        (one["cycles"] for one in queues), reverse=True
    )


def test_people_get_a_table_and_two_drawings(desk, case: str) -> None:
    ran = desk.run("sparsity", case)
    assert ran.code == 0
    assert "10 of 16 words are not zero (62.5 %)" in ran.out
    assert "queue, FIFO unlimited" in ran.out
    assert "9 cycles to imbalance (37.5 % of the barrier's)" in ran.out
    assert "15 to 15 steps" in ran.out


def test_pes_that_mind_no_zeros_are_refused(desk, case: str) -> None:
    dense = CASE.replace(", sparse: {skips: [A], mode: queue}", "")
    ran = desk.run("sparsity", desk.write("dense.yaml", dense))
    assert ran.code == 2
    assert "architecture.mac.sparse" in ran.err
    assert "say what they skip" in ran.err


def test_wide_arrays_are_drawn_by_their_busiest_pes() -> None:
    rows = [[0] * 128 for _ in range(4)]
    rows[3][127] = 9
    lines = [line.plain for line in heat_map(rows, ascii_only=True)]
    assert len(lines) == 3
    assert lines[0] == "  " + " " * 64
    assert lines[1] == "  " + " " * 63 + "@"
    assert "2 x 2 PEs" in lines[2]


def test_unused_pes_and_empty_bins_are_drawn() -> None:
    assert heat_map([[5, None]], ascii_only=True)[0].plain == "  @x"
    drawn = histogram({"width": 2, "counts": [3, 0, 1]}, ascii_only=True)
    assert [line.plain.split()[0] for line in drawn] == ["0", "2", "4"]
    assert "75.0 %" in drawn[0].plain
    assert "#" not in drawn[1].plain


def test_the_report_page_shows_the_work_of_every_pe(desk, case: str) -> None:
    out = desk.folder / "out"
    assert desk.run("simulate", case, "--out", out).code == 0
    document = json.loads((out / "result.json").read_text(encoding="utf-8"))["sparsity"]
    assert (document["mesh"], document["places"]) == ([1, 2], [[0, 0], [0, 1]])
    assert document["steps"] == [15, 15]
    assert desk.run("report", out).code == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Work of the PEs" in page
    assert "row 0, column 1: 15 steps" in page
    assert "18 took no cycle" in page


def test_a_map_of_many_pes_is_drawn_in_groups() -> None:
    found = Sparsity(
        mode="queue", pes=2, mesh=(2, 128), places=((0, 0), (1, 127)), executed_macs=12,
        active_macs=12, gated_macs=0, skipped_macs=0, steps=(3, 9), imbalance_cycles=0.0,
        dense_cycles=12, ideal_cycles=6,
    )  # fmt: skip
    drawn = work_map(found)
    assert (drawn.rows, drawn.columns, drawn.group) == (1, 64, 2)
    assert [cell.steps for cell in drawn.cells] == [3, *[None] * 62, 9]
    assert [(one.low, one.high, one.pes) for one in drawn.bins if one.pes] == [(3, 3, 1), (9, 9, 1)]


def test_an_estimate_says_that_it_knows_no_zeros(desk, case: str) -> None:
    sentence = "zeros: the analytical estimate takes them as words like the others"
    for command in ("analyze", "simulate"):
        document = json.loads(desk.run(command, case, "--json").out)
        assert sentence in document["assumptions"]
        assert document["problem"]["macs"] == 48


def test_a_run_says_that_its_hardware_makes_nothing_of_zeros(desk, case: str) -> None:
    sentence = "zeros: no level stores them in a format, no PE skips or gates them"
    path = desk.write("plain.yaml", CASE.replace(", sparse: {skips: [A], mode: queue}", ""))
    for command in ("analyze", "simulate"):
        assert sentence in json.loads(desk.run(command, path, "--json").out)["assumptions"]
        assert sentence not in json.loads(desk.run(command, case, "--json").out)["assumptions"]

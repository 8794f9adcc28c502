"""What a user asks of a run with a DRAM controller: tables, chain, trace, page, what-ifs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stallscope.catalog import accelerator_of

pytestmark = pytest.mark.usefixtures("dram_kernel")

LAYER = Path(__file__).parents[1] / "data/eyeriss_layer.yaml"


@pytest.fixture
def files():
    return [str(accelerator_of("eyeriss-168-ddr4").path), str(LAYER)]


def test_the_tables_say_what_main_memory_did(desk, files):
    out = desk.run("simulate", *files).out
    assert "DRAM (DDR4-2400): bursts" in out
    assert "channel 0: " in out
    ran = desk.run("simulate", *files, "--json")
    # Every command has its price: no action of words in this memory needs one.
    assert "no energy given" not in ran.err
    memory = json.loads(ran.out)["memory"]
    assert memory["energy_pj"]["write"] > 0
    assert memory["commands"]["writes"] == 8 * 4 * 4 * 2 // 64
    assert sum(memory["cycles"][0].values()) > 0


def test_a_recorded_run_is_explained_and_shown(desk, files, tmp_path):
    folder = str(tmp_path / "run")
    desk.run("simulate", *files, "--out", folder, "--trace", "full")
    chain = desk.run("explain", folder).out
    assert "waits for a chunk of Outputs for DRAM" in chain
    assert "READ at the pace of DRAM" in chain
    assert "WRITE" in desk.run("trace", "head", folder, "--count", "1000").out
    desk.run("report", folder)
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Outputs DRAM writes" in page


def test_what_ifs_try_the_controller(desk, files):
    out = desk.run("bottleneck", *files).out
    for what in ("refresh of DRAM", "window of DRAM", "address map rochrabacobg of DRAM"):
        assert what in out


def test_rows_of_ones_own_are_refused_where_addresses_are_needed(desk, files, tmp_path):
    program = str(tmp_path / "p.program")
    desk.run("compile", *files, "--out", program)
    desk.run("execute", program, *files)
    rows = str(tmp_path / "rows.parquet")
    desk.run("program", "expand", program, "--out", rows)
    looped, flat = (desk.run("execute", one, *files).out for one in (program, rows))
    assert looped == flat
    pq.write_table(pq.read_table(rows).replace_schema_metadata(None), tmp_path / "own.parquet")
    failed = desk.run("execute", str(tmp_path / "own.parquet"), files[0])
    assert failed.code == 2
    assert "has a controller, which needs addresses" in failed.err

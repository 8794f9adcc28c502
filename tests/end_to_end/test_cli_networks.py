"""Networks from a shell: layers by their shapes, some of them, in processes, and stopped."""

import functools
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet
import pytest
from rich.console import Console

from stallscope import layer_cases, networks
from stallscope.catalog import NETWORKS, load_network
from stallscope.mappings.native_network import read_network
from tests.plain_template import map_plainly
from tests.sets import some

ACCELERATOR = """\
stallscope: 1
architecture:
  name: small
  levels:
    - {name: DRAM, kind: dram, shared_bandwidth: 2, read_latency: 5}
    - {name: BUF, shared_bandwidth: 4}
    - {name: REGS}
  compute: {name: MAC, instances: 6, mesh_x: 3}
"""
NETWORK = """\
stallscope: 1
network:
  name: three
  layers:
    - {name: block1.conv, conv: {C: 2, K: 3, P: 2, Q: 2, R: 2, S: 2, padding: 1}}
    - {name: block1.dw, conv: {C: 2, K: 2, P: 2, Q: 2, R: 2, S: 2, groups: 2}, repeat: 3}
    - {name: block2.conv, conv: {C: 2, K: 3, P: 2, Q: 2, R: 2, S: 2, padding: 1}}
    - {name: fc, gemm: {M: 2, N: 3, K: 4}}
"""
WORK = 3 * 2 * 16 * 2 + 3 * 2 * 16 + 24


@pytest.fixture
def files(desk, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The options of a small run whose layers the plain template maps."""
    monkeypatch.setattr(layer_cases, "template", lambda: map_plainly)
    network = desk.write("three.yaml", NETWORK)
    return ("--network", network, "--accelerator", desk.write("small.yaml", ACCELERATOR))


def test_a_network_of_shapes_is_mapped_simulated_and_tabulated(desk, files) -> None:
    folder = desk.folder / "out"
    ran = desk.run("run", *files, "--out", folder)
    assert ran.code == 0, ran.err
    assert ran.err == "warning: no energy table: energies are null\n"
    for words in ("three (4 layers)", "block1.dw x3", "block2.conv (= block1.conv)", "total",
                  "padding is stored with the inputs"):  # fmt: skip
        assert words in ran.out
    document = json.loads((folder / "result.json").read_text())
    assert document["total"]["macs"] == WORK
    assert document["total"]["layers"] == 6
    assert [layer["dataflow"] for layer in document["layers"]] == ["ws"] * 4
    assert [layer["array"] for layer in document["layers"]] == ["2x3"] * 4
    assert document["layers"][1]["problem"]["dims"]["G"] == 2
    table = pyarrow.parquet.read_table(folder / "layers.parquet").to_pylist()
    assert [row["layer"] for row in table] == ["block1.conv", "block1.dw", "block2.conv", "fc"]
    assert {(row["dataflow"], row["array"], row["energy_pj"]) for row in table} == {
        ("ws", "2x3", None)
    }
    lines = (folder / "layers.csv").read_text().splitlines()
    assert lines[0].startswith("accelerator,layer,repeat,dataflow,array,macs,cycles,")
    assert sum(row["cycles"] * row["repeat"] for row in table) == document["total"]["cycles"]


def test_the_dataflow_can_be_said(desk, files) -> None:
    ran = desk.run("run", *files, "--dataflow", "os", "--json")
    assert {layer["dataflow"] for layer in json.loads(ran.out)["layers"]} == {"os"}
    assert desk.run("run", *files, "--dataflow", "rs").code == 2


def test_some_layers_are_run(desk, files) -> None:
    ran = desk.run("run", *files, "--layers", "block1.*", "--layers", "fc")
    assert ran.code == 0, ran.err
    assert "three (3 of 4 layers)" in ran.out
    assert "block2" not in ran.out
    document = json.loads(desk.run("run", *files, "--layers", "*.dw", "--json").out)
    assert [layer["name"] for layer in document["layers"]] == ["block1.dw"]
    assert document["network_layers"] == 4


def test_a_pattern_without_a_layer_is_refused(desk, files) -> None:
    ran = desk.run("run", *files, "--layers", "block1.cnv", "--layers", "fc")
    assert ran.code == 2
    assert ran.err == (
        "error: --layers = block1.cnv: matches no layer of three; did you mean block1.conv?\n"
    )


def test_processes_write_the_same_files(desk, files) -> None:
    written = []
    for jobs in ("1", "3"):
        folder = desk.folder / jobs
        assert desk.run("run", *files, "--jobs", jobs, "--out", folder).code == 0
        document = json.loads((folder / "result.json").read_text())
        for part in (*document["layers"], document["total"]):
            del part["simulation"]
        tables = [(folder / f"layers.{kind}").read_bytes() for kind in ("csv", "parquet")]
        written.append((document, tables))
    assert written[0] == written[1]
    assert desk.run("run", *files, "--jobs", "0").code == 2


def test_a_topology_of_scale_sim_is_a_network(desk, files) -> None:
    table = desk.write(
        "topology.csv",
        "Layer,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,Num Filter,Strides,,E\n"
        "Conv1,4,4,1,1,2,3,2,,7\n,,,,,,,,,\nConv2_DP,3,3,2,2,2,1,1\n",
    )
    ran = desk.run("run", "--network", table, *files[2:], "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["network"] == "topology"
    assert [layer["problem"]["dims"]["P"] for layer in document["layers"]] == [3, 2]
    notes = ran.err.splitlines()
    assert f"{table}:2: Conv1: 3x3 outputs by SCALE-Sim's rule" in notes[0]
    assert f"{table}:4: Conv2_DP: DP in its name: 2 groups of one channel" in notes[1]
    assert notes[2].startswith(f"{table}:2: E (7) is ignored")
    assert "3x3 outputs by SCALE-Sim's rule" in document["layers"][0]["assumptions"][0]
    assert [file.rpartition("/")[2] for file in document["layers"][0]["inputs"]["files"]] == [
        "small.yaml", "topology.csv",
    ]  # fmt: skip


def test_progress_is_shown_on_a_terminal_and_never_on_stdout(
    desk, files, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    shown = functools.partial(Console, file=terminal, force_terminal=True, width=80)
    monkeypatch.setattr(networks, "Console", shown)
    ran = desk.run("run", *files, "--json")
    assert json.loads(ran.out)["complete"] is True
    for words in ("small: block1.conv", "small: fc", "small: writing", "4/4"):
        assert words in terminal.getvalue()


LONG = """\
stallscope: 1
problem:
  dimensions: {M: 4, C: 4, P: 3000001}
  tensors: {Weights: [M, C], Inputs: [C, P], Outputs: [M, P]}
  output: Outputs
mapping:
  DRAM: {temporal: [P=3000001]}
  GLB: {temporal: [C=4], spatial_x: [M=4]}
"""


@pytest.mark.parametrize("jobs", some(["1", "2"], quick=["2"]))
def test_ctrl_c_keeps_what_is_finished_and_ends_every_process(desk, jobs: str) -> None:
    desk.write("long.yaml", LONG)
    desk.write("longer.yaml", LONG.replace("3000001", "4000001"))
    network = desk.write(
        "net.yaml",
        "stallscope: 1\nnetwork:\n  name: net\n  layers:\n"
        "    - {name: short, files: [problem.yaml, mapping.yaml]}\n"
        "    - {name: long, files: [long.yaml]}\n"
        "    - {name: longer, files: [longer.yaml]}\n",
    )
    folder = desk.folder / "out"
    arguments = ["run", "--network", network, "--accelerator", desk.files[0], "--no-fast-forward",
                 "--jobs", jobs, "--out", str(folder)]  # fmt: skip
    code = f"import sys; from stallscope.cli import main; sys.argv[1:] = {arguments}; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (folder / "layers.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes at once
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == f"1 of 3 layers are done, and in {folder}\nstopped\n"
    document = json.loads((folder / "result.json").read_text())
    assert (document["complete"], document["total"]["layers"]) == (False, 1)
    assert pyarrow.parquet.read_table(folder / "layers.parquet").num_rows == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


PAGE = Path(__file__).parents[2] / "docs/networks_of_layers.md"


@pytest.mark.skipif(not PAGE.exists(), reason="no checkout around the tests")
def test_the_page_has_a_network_that_is_one_and_the_figures_of_the_presets(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "small.yaml"
    file.write_text(example)
    small = read_network(file)
    assert [layer.name for layer in small.layers] == ["conv1", "depthwise", "attention"]
    rows = re.findall(r"\| (`[^|]*`) \| ([0-9 ,]+) \|", page)
    figures: dict[str, int] = {}
    for names, totals in rows:
        found = [int(total.replace(" ", "")) for total in totals.split(",")]
        figures |= dict(zip(re.findall("`(.*?)`", names), found, strict=True))
    expected = {one.name: load_network(one).macs for one in NETWORKS if one.name != "alexnet-conv"}
    assert expected == figures


def test_layers_get_zeros_by_their_names(desk) -> None:
    network = desk.write("three.yaml", NETWORK)
    skipping = "mesh_x: 3, sparse: {skips: [Weights]}}"
    sparse = ACCELERATOR.replace("mesh_x: 3}", skipping)
    sparse = sparse.replace("{name: REGS}", "{name: REGS, instances: 6, mesh_x: 3}")
    files = ("--network", network, "--accelerator", desk.write("sparse.yaml", sparse))
    ran = desk.run("run", *files, "--density", "Weights=0.5", "--seed", "3", "--layers", "*.conv",
                   "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    layers = json.loads(ran.out)["layers"]
    assert [layer["same_as"] for layer in layers] == [None, None]
    dense = ("--network", network, "--accelerator", desk.write("small.yaml", ACCELERATOR))
    ran = desk.run("run", *dense, "--density", "Weights=0.5", "--layers", "fc")
    assert "small stores and multiplies zeros like other words" in ran.err
    ran = desk.run("run", *files, "--prune", "0.5")
    assert ran.code == 2
    assert "prunes the weights of a file, and none is given" in ran.err

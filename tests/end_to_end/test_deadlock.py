"""A program on an architecture whose buffer is smaller than the window: exit 3 and a table."""

from __future__ import annotations

CASE = """\
stallscope: 1
problem:
  dimensions: {M: 16, C: 8}
  tensors: {W: [M, C], O: [M]}
  output: O
architecture:
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 1}
    - {name: buffer, capacity: %d}
  compute: {name: mac}
mapping:
  DRAM: {temporal: [M=16], keep: [W, O]}
  buffer: {temporal: [C=8], keep: [W, O]}
"""


def test_a_buffer_too_small_for_its_consumer_ends_with_exit_3_and_who_waits_for_what(desk):
    tmp_path = desk.folder
    (tmp_path / "roomy.yaml").write_text(CASE % 64)
    (tmp_path / "tight.yaml").write_text(CASE.split("problem:")[0] + "architecture:\n"
                                         + (CASE % 4).split("architecture:\n")[1]
                                         .split("mapping:")[0])  # fmt: skip
    roomy, program = tmp_path / "roomy.yaml", tmp_path / "layer.program"
    assert desk.run("compile", roomy, "--out", program).code == 0
    run = desk.run("execute", program, tmp_path / "tight.yaml")
    assert run.code == 3, run.err
    assert "deadlock at cycle" in run.err
    assert "W buffer released" in run.err
    assert "since cycle" in run.err

"""A program on an architecture whose buffer is smaller than the window: exit 3 and a table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def _stallscope(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = "import sys; from stallscope.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", command, *arguments], cwd=folder, capture_output=True, text=True
    )


def test_a_buffer_too_small_for_its_consumer_ends_with_exit_3_and_who_waits_for_what(desk):
    tmp_path = desk.folder
    (tmp_path / "roomy.yaml").write_text(CASE % 64)
    (tmp_path / "tight.yaml").write_text(CASE.split("problem:")[0] + "architecture:\n"
                                         + (CASE % 4).split("architecture:\n")[1]
                                         .split("mapping:")[0])  # fmt: skip
    roomy, program = tmp_path / "roomy.yaml", tmp_path / "layer.program"
    assert desk.run("compile", roomy, "--out", program).code == 0
    run = _stallscope(tmp_path, "execute", "layer.program", "tight.yaml")
    assert run.returncode == 3, run.stderr
    assert "Traceback" not in run.stderr
    assert "deadlock at cycle" in run.stderr
    assert "W buffer released" in run.stderr
    assert "since cycle" in run.stderr

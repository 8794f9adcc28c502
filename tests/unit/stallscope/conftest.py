"""A case small enough to follow by hand, as one native file."""

from pathlib import Path

import pytest

TINY = """\
stallscope: 1
name: tiny
problem:
  dimensions: {M: 4, C: 4, P: 8}
  tensors: {Weights: [M, C], Inputs: [C, P], Outputs: [M, P]}
  output: Outputs
architecture:
  clock: 100 MHz
  levels:
    - {name: DRAM, kind: dram, read_bandwidth: 2, write_bandwidth: 2, read_latency: 10}
    - {name: GLB, capacity: 64, read_bandwidth: 4, write_bandwidth: 4}
  compute: {name: MAC, instances: 4}
mapping:
  DRAM: {temporal: [P=8]}
  GLB: {temporal: [C=4], spatial_x: [M=4]}
energy:
  source: made up
  components:
    DRAM: {read: 100, write: 100}
    GLB: {read: 6, write: 7, area: 1000}
    MAC: {compute: 1}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of the small case, in a folder of its own."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path

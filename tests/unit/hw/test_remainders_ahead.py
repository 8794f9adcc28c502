"""Remainders that an instance further on meets before the one whose loops are walked."""

from __future__ import annotations

import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings import native
from tests.property.laws import figures

CASE = """
stallscope: 1
problem:
  dimensions: {{C: {bound}, M: 2, P: 5}}
  tensors: {{W: [M, C], I: [C, P], O: [M, P]}}
  output: O
architecture:
  levels:
    - {{name: DRAM, kind: dram, read_bandwidth: 2}}
    - {{name: GLB, instances: 2}}
    - {{name: RF, instances: 2, write_latency: 20}}
  compute: {{name: mac, instances: 2}}
mapping:
  DRAM: {{temporal: [M=2], spatial_x: [C=2], keep: [W, I, O]}}
  GLB: {{temporal: [C=20], keep: [I, O]}}
  RF: {{temporal: [P=5], keep: [W, O], buffering: {{W: 3}}}}
"""


@pytest.mark.parametrize("bound", [21, 30, 34, 38, 39, 40])
def test_iterations_that_another_instance_does_not_have_are_not_skipped(bound):
    """The second instance has bound - 20 of the 20 iterations of C: the rest are unlike."""
    case = native.read(CASE.format(bound=bound))
    result = simulate(case)
    assert result.counts.compute.computes == bound * 2 * 5
    assert figures(simulate(case, fast_forward=False)) == figures(result)
    simulate(case, audit=True)

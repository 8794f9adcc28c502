"""Streams below a main memory of a known pace: when a chunk is there, lands, and is written."""

from __future__ import annotations

import pytest

from stallscope.hw.memory import attached
from stallscope.hw.simulate import simulate
from stallscope.mappings import native
from tests.plain_memory import PlainChannels

PACE, LATENCY = 10, 5
CASE = """
stallscope: 1
problem:
  dimensions: {{M: 1, C: 8}}
  tensors: {{W: [M, C], O: [M]}}
  output: O
architecture:
  clock: 1000 MHz
  levels:
    - {{name: DRAM, kind: dram, memory: {{device: bytes, chunk: {chunk}}}}}
    - {{name: GLB, write_bandwidth: 1}}
  compute: {{name: MAC}}
dram_device:
  name: bytes
  organisation: {{bank_groups: 1, banks_per_group: 2, rows: 65536, columns: 8,
                 device_width_bits: 8, bus_width_bits: 8, burst_length: 8, source: made up}}
  timings: {{tCK: 1 ns, CL: 3, CWL: 2, tRCDRD: 3, tRCDWR: 3, tRP: 3, tRAS: 7, tCCD_S: 4, tCCD_L: 4,
            tRRD_S: 2, tRRD_L: 2, tFAW: 8, tWTR_S: 1, tWTR_L: 1, tRTP: 2, tWR: 3, tRTRS: 1,
            tREFI: 9999, tRFC: 20, source: made up}}
mapping:
  DRAM: {{keep: [W, O]}}
  GLB: {{temporal: [C=8], keep: [W, O]}}
"""


@pytest.fixture
def run(monkeypatch):
    made = []

    def channels(*_, **__):
        made.append(PlainChannels(PACE, LATENCY))
        return made[-1]

    def simulated(chunk):
        case = native.read(CASE.format(chunk=chunk))
        return simulate(case, trace="full"), made[-1]

    monkeypatch.setattr(attached, "Controller", channels)
    return simulated


def _slices(result, unit):
    rows = result.trace.window(units=[unit]).to_pylist()
    return [(row["start"], row["end"], row["words"]) for row in rows if row["op"] != "WAIT"]


def test_a_tile_of_one_chunk_lands_when_all_of_it_is_there(run):
    """Two bursts of 8 bytes: there at 25; 8 words into the buffer: 33; 8 MACs: 41."""
    result, memory = run("64 B")
    assert _slices(result, "W DRAM reads") == [(0, 25, 8)]
    assert _slices(result, "W DRAM->GLB") == [(25, 33, 8)]
    assert memory.log[0] == (0, 0, False, (0, 8))
    written = 25 + 8 + 8
    assert _slices(result, "O DRAM writes")[-1] == (written, written + PACE + LATENCY, 1)
    assert result.cycles == written + PACE + LATENCY


def test_chunks_land_while_the_next_ones_are_read(run):
    """Four words each: there at 15 and 25, landed at 19 and 29: four cycles sooner."""
    result, _ = run("8 B")
    assert _slices(result, "W DRAM reads") == [(0, 15, 4), (15, 25, 4)]
    assert _slices(result, "W DRAM->GLB") == [(15, 19, 4), (25, 29, 4)]
    assert result.cycles == 29 + 8 + PACE + LATENCY

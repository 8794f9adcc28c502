"""A chip, a layer and a schedule as text."""

from pathlib import Path

import pytest

from stallscope.mappings.reram.files import (
    read_crossbars,
)
from stallscope.simcore.errors import SpecError

CHIP = """\
crossbars:
  clock: 2 GHz
  cores: 4
  partial_sum_bits: 16
  output_bits: 8
  crossbar: {rows: 64, columns: 32, per_core: 9, weight_bits: 8, cell_bits: 2}
  reading:
    {input_bits: 8, dac_bits: 1, read: 0.1 us, columns_per_adc: 64, adc_rate: 1280 MS/s,
     shift_add: 500 ps, pipeline: elastic}
  writing: {pulse: 50 ns, verify: 10 ns, iterations: 10, power_budget: 0.5 W, pulse_power: 20 uW,
            endurance: 1e6, pulses_per_level: 1.5}
  overlap: shadow
  memory: {capacity: 64 KiB, read_bandwidth: 64 GB/s, write_bandwidth: 16 B/cycle,
           burst: 32 B, latency: 10 ns}
  htree: {root_bandwidth: 32, branch_bytes_per_cycle: 1/3, hop_latency: 1}
  partial_sums: {capacity: 16 KiB}
  main_memory: {bandwidth: 16 Gb/s, latency_cycles: 100}
  vector: {adds_per_cycle: 64}
"""
LAYER = "layer: {name: conv3, conv: {C: 128, K: 256, P: 28, Q: 28, R: 3, S: 3, padding: 1}}\n"
SCHEDULE = "schedule: {filling: rigid, loops: [co, {h: 4}, ko], snake: true, inputs: window}\n"
HEAD = "stallscope: 1\n"


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as raised:
        read_crossbars(text, "f.yaml")
    return [str(fault).removeprefix("f.yaml:") for fault in raised.value.faults]


def written(folder: Path, text: str = HEAD + CHIP + LAYER + SCHEDULE) -> Path:
    file = folder / "case.yaml"
    file.write_text(text)
    return file

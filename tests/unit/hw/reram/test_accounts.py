"""Where the cycles of all cores went."""

from __future__ import annotations

from fractions import Fraction

from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    LogicalCrossbar,
    Programming,
    Readout,
    TileMemory,
)


def test_a_core_with_nothing_left_to_do_may_wait_longer_than_others_work():
    """Seven columns on three cores: in the last step two of them let the work pass.

    Before that they wait for their sums to be stored, 25 bytes at 50 cycles each and one core
    after another: longer than the first core multiplies.
    """
    chip = CrossbarChip(
        cores=3,
        crossbar=LogicalCrossbar(rows=6, columns=1, per_core=4),
        reading=Readout(read_ns=3, columns_per_adc=4, adc_gsps=1),
        writing=Programming(pulse_ns=1),
        memory=TileMemory(write_bytes_per_cycle=Fraction(1, 50)),
        partial_sums=CoreBuffer(capacity_bytes=100),
    )
    case = CrossbarCase(layer=ConvLayer(C=5, K=7, P=5, Q=5, R=1, S=3), chip=chip)
    found = simulate_crossbars(case)
    stack = found.pe_stack
    assert sum(stack.values()) == 3 * found.cycles
    assert min(stack.values()) >= 0
    assert stack["buffer_capacity"] > 0
    assert stack["drain"] < 3 * found.cycle_stack["drain"]

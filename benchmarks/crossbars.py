"""Searching schedules on crossbars: schedules per CPU second, on the 3 x 3 layers of ResNet-50."""

from __future__ import annotations

from benchmarks.timing import interleaved
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    LogicalCrossbar,
    Programming,
    Readout,
)
from stallscope.mappings.reram.explore import Objective, explore

CHANNELS_AND_SIZES = ((64, 56), (128, 28), (256, 14), (512, 7))
UPDATES = 1 + 6 + 7 + 16
"""Fewest updates of the four: 1 load; 2 of 5 tiles, 4 of 2 tiles, with turns; 16 loads."""


def search_rate() -> tuple[str, float, str]:
    """Thousand schedules per CPU second, bounded and the best of them estimated."""
    core = CoreBuffer(capacity_bytes=16 * 1024)
    chip = CrossbarChip(
        cores=4,
        crossbar=LogicalCrossbar(rows=64, columns=64, per_core=9),
        reading=Readout(read_ns=100, columns_per_adc=64, adc_gsps="1.28"),
        writing=Programming(pulse_ns=50, iterations=10),
        input_buffer=core,
        partial_sums=core.model_copy(update={"capacity_bytes": 20 * 1024}),
    )
    layers = [
        ConvLayer(C=channels, K=channels, P=size, Q=size, R=3, S=3, padding=1)
        for channels, size in CHANNELS_AND_SIZES
    ]

    def search() -> tuple[int, int]:
        found = [explore(layer, chip, Objective.CYCLES, spill=False) for layer in layers]
        return sum(one.scored for one in found), sum(one.best[0].updates for one in found)

    scored, updates = search()
    assert updates == UPDATES, updates
    (seconds,) = interleaved([search])
    rate = scored / seconds / 1000
    return "search on crossbars: 10^3/s", rate, f"{scored} schedules, {seconds:.3f} s"

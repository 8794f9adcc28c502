"""Crossbars: schedules searched per CPU second, and what a network with reprogramming costs."""

from __future__ import annotations

from benchmarks.timing import interleaved
from stallscope.catalog import accelerator_of, load_network, network_of
from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    LogicalCrossbar,
    Programming,
    Readout,
)
from stallscope.mappings.reram.explore import Objective, explore
from stallscope.mappings.reram.files import load_chip
from stallscope.mappings.reram.row_by_row import row_by_row
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, ScheduleLoop

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


def network_cost() -> tuple[str, float, str]:
    """CPU seconds of ResNet-50 on the preset tile, an output row at a time, equal layers once."""
    files = load_chip(accelerator_of("reram-tile-4").path)
    layers = {one.shape: one.name for one in load_network(network_of("resnet50")).layers}

    def run() -> tuple[int, int]:
        cycles = updates = 0
        for shape, name in layers.items():
            assert shape is not None
            schedule = row_by_row(shape, files.chip)
            result = simulate_crossbars(
                CrossbarCase(name=name, layer=shape, chip=files.chip, schedule=schedule)
            )
            assert result.reram is not None
            cycles += result.cycles
            updates += result.reram.activity.updates
        return cycles, updates

    cycles, updates = run()
    (seconds,) = interleaved([run])
    shown = f"{len(layers)} shapes, {cycles:,} cycles, {updates:,} updates"
    return "ResNet-50 on crossbars: CPU s", seconds, shown


def fast_forward_gain() -> tuple[str, float, str]:
    """Plain over fast-forwarded CPU time where weights are written at every pixel."""
    chip = load_chip(accelerator_of("reram-tile-4").path).chip
    layer = ConvLayer(C=128, K=128, P=28, Q=28, R=3, S=3, padding=1)
    schedule = CrossbarSchedule(loops=(ScheduleLoop(axis=Axis.P),))
    case = CrossbarCase(layer=layer, chip=chip, schedule=schedule)

    def plain() -> int:
        return simulate_crossbars(case, fast_forward=False).cycles

    def fast() -> int:
        return simulate_crossbars(case).cycles

    assert plain() == fast()
    slow, quick = interleaved([plain, fast])
    return "fast-forward on crossbars: gain", slow / quick, f"{slow:.2f} s, {quick:.3f} s"

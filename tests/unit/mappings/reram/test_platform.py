"""The chip as levels of a report: widths of words, and bits with their own widths."""

from fractions import Fraction

import pytest

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    HTree,
    LogicalCrossbar,
    MainMemory,
    Programming,
    Readout,
    TileMemory,
)
from stallscope.mappings.reram.counting import counts_of
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.platform import bits_moved, platform_of
from stallscope.mappings.reram.row_by_row import row_by_row
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, ScheduleLoop
from stallscope.report.crossbars import crossbar_estimate, schedule_text

LAYER = ConvLayer(C=12, K=10, P=6, Q=5, R=3, S=3)
SPILLING = CrossbarSchedule(loops=(ScheduleLoop(axis=Axis.KO), ScheduleLoop(axis=Axis.H, step=2)))


def case(
    *, main: bool = True, capacity: int | None = 10, weight_bits: int = 8, output_bits: int = 8
) -> CrossbarCase:
    chip = CrossbarChip(
        cores=3,
        tiles=2,
        output_bits=output_bits,
        crossbar=LogicalCrossbar(rows=8, columns=4, per_core=9, weight_bits=weight_bits),
        reading=Readout(read_ns=10, columns_per_adc=4, adc_gsps=1),
        writing=Programming(pulse_ns=5),
        memory=TileMemory(capacity_bytes=capacity, read_bytes_per_cycle=6),
        htree=HTree(root_bytes_per_cycle=12),
        partial_sums=CoreBuffer(capacity_bytes=80, write_bytes_per_cycle=3),
        main_memory=MainMemory(bandwidth_bytes_per_cycle=2, latency_cycles=7) if main else None,
    )
    return CrossbarCase(layer=LAYER, chip=chip, schedule=SPILLING)


def test_levels_have_the_chips_capacities_and_widths() -> None:
    platform = platform_of(case())
    main, memory, inputs, sums, crossbars = platform.architecture.levels
    assert (main.word_bits, main.shared_words_per_cycle, main.read_latency_cycles) == (8, 2, 7)
    assert (memory.instances, memory.capacity_words, memory.read_words_per_cycle) == (2, 10, 6)
    assert memory.network.words_per_cycle == 12
    assert (inputs.instances, inputs.capacity_words) == (6, None)
    assert (sums.word_bits, sums.capacity_words) == (16, 40)
    assert sums.write_words_per_cycle == Fraction(3, 2)
    assert (crossbars.word_bits, crossbars.capacity_words) == (8, 9 * 8 * 4)
    assert platform_of(case(main=False)).architecture.levels[0].name == "memory"


@pytest.mark.parametrize(
    ("weight_bits", "output_bits", "shared"), [(8, 8, 8), (4, 8, 8), (8, 5, 8)]
)
def test_words_of_memories_are_bytes_unless_all_have_one_width(
    weight_bits: int, output_bits: int, shared: int
) -> None:
    platform = platform_of(case(weight_bits=weight_bits, output_bits=output_bits))
    assert platform.architecture.level("memory").word_bits == shared
    wide = case().chip.model_copy(update={"output_bits": 16})
    wide = wide.model_copy(
        update={
            "reading": wide.reading.model_copy(update={"input_bits": 16}),
            "crossbar": wide.crossbar.model_copy(update={"weight_bits": 16}),
        }
    )
    sixteen = case().model_copy(update={"chip": wide})
    assert platform_of(sixteen).architecture.level("memory").word_bits == 16
    assert platform_of(sixteen).architecture.level("memory").read_words_per_cycle == 3


def test_every_word_that_moved_has_its_own_width() -> None:
    """Maps do not fit: results of 5 bits pass the memory; unfinished sums of 16 come and go."""
    spilling = case(weight_bits=4, output_bits=5)
    counts = {level.name: level for level in counts_of(spilling).levels}
    results = 10 * 30
    weights = counts["memory"].tensors["Weights"].reads
    inputs = counts["memory"].tensors["Inputs"].reads
    unfinished = counts["memory"].tensors["Outputs"].updates - results
    assert unfinished > 0
    memory = bits_moved(spilling, counts["memory"], results)
    down = 4 * weights + 8 * inputs + 16 * unfinished
    assert memory.read == down + 5 * results + 16 * unfinished
    assert memory.written == 4 * weights + 8 * inputs + 16 * unfinished + (memory.read - down)
    main = bits_moved(spilling, counts["main"], results)
    assert main.read == down
    assert main.written == 5 * results + 16 * unfinished


def test_results_that_stay_in_the_memory_are_not_read_again() -> None:
    staying = case(capacity=None, output_bits=5)
    level = next(one for one in counts_of(staying).levels if one.name == "memory")
    results = 10 * 30
    unfinished = level.tensors["Outputs"].updates - results
    moved = bits_moved(staying, level, results)
    reads = 8 * (level.tensors["Weights"].reads + level.tensors["Inputs"].reads)
    assert moved.read == reads + 16 * unfinished
    assert level.tensors["Outputs"].reads == unfinished


def test_rates_of_a_document_are_what_the_ports_are_bound_by() -> None:
    """A port that sets the pace is used all the time, whatever the widths of its words."""
    slow = case(weight_bits=4, output_bits=5)
    memory = slow.chip.memory.model_copy(update={"read_bytes_per_cycle": Fraction(1, 50)})
    slow = slow.model_copy(
        update={"chip": slow.chip.model_copy(update={"memory": memory, "tiles": 1})}
    )
    estimate = analyze_crossbars(slow)
    assert estimate.bound_by == "memory read bandwidth"
    document = crossbar_estimate(estimate, slow)
    rate = document["levels"][1]["read_words_per_cycle"]
    assert rate["achieved"] == pytest.approx(rate["peak"], rel=1e-4)
    beside = document["analytical"]["levels"][1]["read_words_per_cycle"]
    assert beside == rate
    assert (document["reram"]["run"], document["levels"][1]["word_bits"]) == (None, 8)


def test_the_default_is_a_row_as_wide_as_sums_allow() -> None:
    chip = case().chip
    # 80 bytes hold ten pixels of four columns of 16 bits.
    assert schedule_text(row_by_row(LAYER, chip)) == "strict: h 1"
    wide = LAYER.model_copy(update={"Q": 11})
    assert schedule_text(row_by_row(wide, chip)) == "strict: h 1, w 10"
    column = LAYER.model_copy(update={"Q": 1, "P": 25})
    assert schedule_text(row_by_row(column, chip)) == "strict: h 10"
    free = chip.model_copy(update={"partial_sums": CoreBuffer()})
    assert schedule_text(row_by_row(column, free)) == "strict: h 25"
    assert schedule_text(CrossbarSchedule()) == "strict: one tile"
    assert schedule_text(SPILLING) == "strict: ko, h 2"

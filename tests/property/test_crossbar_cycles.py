"""Analytical cycles of crossbars against a plain timeline of writes and multiplies."""

from hypothesis import given, settings

from stallscope.mappings.reram.chip import (
    CoreBuffer,
    HTree,
    MainMemory,
    Overlap,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.schedule import Axis
from stallscope.mappings.reram.timing import at_once, cycles_of, multiply_timing, write_ns
from tests.property.crossbar_counting import blocks_at, pixels_of
from tests.property.crossbars import crossbar_cases, walked

FREE = {
    "memory": TileMemory(), "htree": HTree(), "input_buffer": CoreBuffer(),
    "partial_sums": CoreBuffer(), "vector": VectorUnit(), "main_memory": MainMemory(),
}  # fmt: skip


def stretches(case):
    """Every update in order: cores of tile 0 that are written, the load, pixels until the next."""
    found, before = [], None
    for step in walked(case.walk, case.walk.steps):
        now = (step.at[Axis.CO], step.at[Axis.KO])
        if now != before:
            cores = [core for core, _ in blocks_at(case, now[0]) if core < case.chip.cores]
            found.append([len(cores), case.lowered.loads[now[1]], 0])
        before = now
        found[-1][2] += pixels_of(step) * step.size[Axis.N]
    return found


def rounds(chip, crossbars):
    return 1 if at_once(chip) is None else -(-crossbars // at_once(chip))


def together(case, interval):
    """A tile's cores are written and compute together; shadow crossbars one update ahead."""
    chip = case.chip
    halves, drivers, computed = [0, 0], 0, 0
    for number, (cores, load, pixels) in enumerate(stretches(case)):
        rows = chip.crossbar.rows if chip.writing.whole_crossbars else max(load.slots)
        count = rounds(chip, cores * len(load.slots) * chip.crossbar.slices)
        # What the update replaces must be done with: the last weights, or those before them.
        free = halves[number % 2] if chip.overlap is Overlap.SHADOW else computed
        drivers = max(drivers, free) + count * cycles_of(write_ns(chip, rows), chip)
        computed = max(computed, drivers) + pixels * interval
        halves[number % 2] = computed
    return computed


def each_by_itself(case, interval):
    """Every core is written when it is done; limited drivers serve one core at a time."""
    chip = case.chip
    done, drivers = [0] * chip.cores, 0
    for cores, load, pixels in stretches(case):
        rows = chip.crossbar.rows if chip.writing.whole_crossbars else max(load.slots)
        count = rounds(chip, len(load.slots) * chip.crossbar.slices)
        for core in range(cores):
            begin = done[core] if at_once(chip) is None else max(done[core], drivers)
            drivers = begin + count * cycles_of(write_ns(chip, rows), chip)
            done[core] = drivers + pixels * interval
    return max(done)


@settings(max_examples=80)
@given(case=crossbar_cases())
def test_cycles_are_those_of_a_plain_timeline(case):
    """With ports that are never in the way: equal, unless cores wait for the drivers they share."""
    case = case.model_copy(update={"chip": case.chip.model_copy(update=FREE)})
    interval = multiply_timing(case.chip).in_cycles(case.chip).interval

    cycles = analyze_crossbars(case).cycles

    if case.chip.overlap is not Overlap.PARTIAL:
        assert cycles == together(case, interval)
    elif at_once(case.chip) is None:
        assert cycles == each_by_itself(case, interval)
    else:
        assert cycles <= each_by_itself(case, interval)

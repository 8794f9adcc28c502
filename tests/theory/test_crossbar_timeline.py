"""Does a chip of crossbars take what a plain timeline of its steps says, cycle for cycle?

The timeline has a walk, sizes and durations of its own; of the product it takes only how a layer is
cut into blocks and loads. It cannot tell who of several gets a port first, so on these machines
every limited port serves one kind of transfer: main memory the weights, the write port of the input
buffer what comes, its read port the multiplies, the vector unit additions and activations.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.hw.reram.simulate import simulate_crossbars
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    HTree,
    LogicalCrossbar,
    MainMemory,
    Overlap,
    Programming,
    Readout,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, ScheduleLoop
from tests.property.crossbar_machines import legal
from tests.property.crossbars import crossbar_cases
from tests.theory.crossbar_steps import steps_of
from tests.theory.crossbar_timeline import Timeline

RATES = st.sampled_from([None, 1, 3])
LATENCIES = st.sampled_from([0, 3, 50])


@st.composite
def unshared(draw):
    """Any small layer and schedule, on one tile without a port that two kinds of transfer want."""
    case = draw(crossbar_cases())
    chip = case.chip
    is_partial = chip.overlap is Overlap.PARTIAL
    memory = TileMemory(
        capacity_bytes=draw(st.sampled_from([None, None, 60])), latency_cycles=draw(LATENCIES)
    )
    main = None
    if chip.main_memory is not None:
        # Cores that are written by themselves load by themselves; maps that do not fit pass, too.
        shared = is_partial or memory.capacity_bytes is not None
        main = MainMemory(
            bandwidth_bytes_per_cycle=None if shared else draw(RATES),
            latency_cycles=draw(LATENCIES),
        )
    writing = chip.writing
    if is_partial:
        writing = writing.model_copy(update={"crossbars_at_once": None})
    update = {
        "tiles": 1,
        "memory": memory,
        "main_memory": main,
        "writing": writing,
        "htree": HTree(hop_latency_cycles=draw(LATENCIES)),
        "input_buffer": CoreBuffer(
            capacity_bytes=draw(st.sampled_from([None, 40, 200])),
            read_bytes_per_cycle=draw(RATES), write_bytes_per_cycle=draw(RATES),
        ),
        "partial_sums": CoreBuffer(capacity_bytes=draw(st.sampled_from([None, 100, 400]))),
        "vector": VectorUnit(adds_per_cycle=draw(RATES), activations_per_cycle=draw(RATES)),
    }  # fmt: skip
    chip = chip.model_copy(update=update)
    return legal(CrossbarCase(layer=case.layer, chip=chip, schedule=case.schedule))


@settings(max_examples=28)
@given(case=unshared())
def test_a_run_takes_what_the_timeline_says(case):
    """With sums on their way to the memory and back, shadow crossbars, groups, windows, pixels."""
    assert Timeline(case).end() == simulate_crossbars(case).cycles


@pytest.mark.slow
@settings(max_examples=400)
@given(case=unshared())
def test_many_runs_take_what_the_timeline_says(case):
    """The same on many more."""
    assert Timeline(case).end() == simulate_crossbars(case).cycles


def spilling():
    """Three loads in blocks of two around tiles of rows; sums take 500 cycles to the memory."""
    layer = ConvLayer(C=192, K=128, P=8, Q=1, R=1, S=1)
    loops = (
        ScheduleLoop(axis=Axis.H, step=2), ScheduleLoop(axis=Axis.KO, step=2),
        ScheduleLoop(axis=Axis.KO), ScheduleLoop(axis=Axis.H),
    )  # fmt: skip
    chip = CrossbarChip(
        cores=2,
        crossbar=LogicalCrossbar(rows=64, columns=64, per_core=1),
        reading=Readout(read_ns=1, columns_per_adc=64, adc_gsps=64),
        writing=Programming(pulse_ns=1),
        htree=HTree(hop_latency_cycles=500),
    )
    return CrossbarCase(layer=layer, chip=chip, schedule=CrossbarSchedule(loops=loops))


def test_sums_come_back_after_a_short_block_of_loads_only_when_they_have_left():
    """The second visit of a pixel is in the first block, the third in the last and shorter one."""
    case = spilling()
    visits = [(step.place[2], step.visit) for step in steps_of(case)][:6]
    assert visits == [(0, (0, 0)), (1, (0, 0)), (0, (0, 1)), (1, (0, 1)), (0, (1, 0)), (1, (1, 0))]
    assert Timeline(case).end() == simulate_crossbars(case).cycles

"""Random chips whose ports, links and buffers are in the way, and long layers that repeat."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CoreBuffer,
    CrossbarChip,
    HTree,
    LogicalCrossbar,
    MainMemory,
    Overlap,
    Pipeline,
    Programming,
    Readout,
    TileMemory,
    VectorUnit,
)
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, Filling, ScheduleLoop
from stallscope.simcore.errors import SpecError
from tests.property import crossbars

RATES = st.sampled_from([None, None, Fraction(1, 2), Fraction(3, 2), 1, 2, 3, 8])
DELAYS = st.sampled_from([0, 0, 1, 7])


@st.composite
def busy_chips(draw):
    """Chips of a few small crossbars, with every limit that a chip may have."""
    overlap = draw(st.sampled_from(Overlap))
    buffer = st.builds(
        CoreBuffer,
        capacity_bytes=st.sampled_from([None, None, 40, 200]),
        read_bytes_per_cycle=RATES,
        write_bytes_per_cycle=RATES,
    )
    return CrossbarChip(
        tiles=draw(st.integers(1, 2)),
        cores=draw(st.integers(1, 4)),
        overlap=overlap,
        crossbar=LogicalCrossbar(
            rows=draw(st.integers(2, 6)), columns=draw(st.integers(2, 6)),
            per_core=draw(st.integers(2, 5)), weight_bits=4,
        ),
        reading=Readout(
            input_bits=draw(st.integers(1, 4)), read_ns=draw(st.integers(1, 4)),
            columns_per_adc=4, adc_gsps=draw(st.sampled_from([1, 4])),
            pipeline=draw(st.sampled_from(Pipeline)),
        ),
        writing=Programming(
            pulse_ns=draw(st.sampled_from([0, 1, 5])), verify_ns=draw(st.integers(0, 2)),
            iterations=draw(st.integers(1, 3)), whole_crossbars=draw(st.booleans()),
            crossbars_at_once=draw(st.sampled_from([None, None, 1, 3, 8])),
        ),
        memory=TileMemory(
            capacity_bytes=draw(st.sampled_from([None, 60])), read_bytes_per_cycle=draw(RATES),
            write_bytes_per_cycle=draw(RATES), burst_bytes=draw(st.sampled_from([1, 4, 16])),
            latency_cycles=draw(DELAYS),
        ),
        htree=HTree(
            root_bytes_per_cycle=draw(RATES), branch_bytes_per_cycle=draw(RATES),
            hop_latency_cycles=draw(DELAYS),
        ),
        input_buffer=draw(buffer),
        partial_sums=draw(buffer),
        main_memory=draw(
            st.none()
            | st.builds(MainMemory, bandwidth_bytes_per_cycle=RATES, latency_cycles=DELAYS)
        ),
        vector=VectorUnit(adds_per_cycle=draw(RATES), activations_per_cycle=draw(RATES)),
    )  # fmt: skip


@st.composite
def machines(draw):
    """Any small layer and schedule on such a chip."""
    return legal(
        CrossbarCase(
            layer=draw(crossbars.layers()),
            chip=draw(busy_chips()),
            schedule=draw(crossbars.schedules()),
        )
    )


@st.composite
def long_machines(draw, rows=(10, 60), channels=20):
    """Layers of many rows or pixels, so that a walk repeats itself."""
    layer = ConvLayer(
        N=draw(st.integers(1, 2)), C=draw(st.integers(2, 8)), K=draw(st.integers(4, channels)),
        P=draw(st.integers(*rows)), Q=draw(st.integers(1, 3)), R=draw(st.integers(1, 3)), S=1,
    )  # fmt: skip
    tile = draw(st.sampled_from([Axis.H, Axis.P]))
    snake = draw(st.booleans())
    loops = [ScheduleLoop(axis=tile, step=draw(st.integers(1, 2)))]
    for axis in draw(st.permutations([Axis.CO, Axis.KO, Axis.N])):
        loops.insert(draw(st.integers(0, len(loops))), ScheduleLoop(axis=axis))
    schedule = CrossbarSchedule(
        filling=draw(st.sampled_from(Filling)), loops=tuple(loops), snake=snake
    )
    return legal(CrossbarCase(layer=layer, chip=draw(busy_chips()), schedule=schedule))


def legal(case):
    """The case, if it fits its chip."""
    try:
        check_crossbars(case)
    except SpecError:
        assume(False)
    return case

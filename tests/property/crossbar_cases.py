"""Random layers, chips of crossbars and schedules: small enough to execute on values."""

from __future__ import annotations

from hypothesis import strategies as st

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import (
    CrossbarChip,
    LogicalCrossbar,
    Overlap,
    Programming,
    Readout,
)
from stallscope.mappings.reram.schedule import (
    Axis,
    CrossbarSchedule,
    Filling,
    InputForm,
    ScheduleLoop,
)


@st.composite
def convolutions(draw):
    """Plain, grouped and depthwise ones, strided and dilated."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 5]))
    few = st.integers(1, 3)
    return ConvLayer(
        N=draw(st.integers(1, 2)), groups=groups,
        C=groups * draw(st.integers(1, 9 if groups == 1 else 3)),
        K=groups * draw(st.integers(1, 13 if groups == 1 else 4)),
        P=draw(st.integers(1, 5)), Q=draw(st.integers(1, 5)), R=draw(few), S=draw(few),
        stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        dilation=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
    )  # fmt: skip


@st.composite
def products(draw):
    """Matrix products, some batched."""
    return GemmLayer(
        M=draw(st.integers(1, 9)), N=draw(st.integers(1, 13)), K=draw(st.integers(1, 19)),
        batch=draw(st.sampled_from([1, 1, 2, 3])),
    )  # fmt: skip


@st.composite
def chips(draw):
    """Chips of a few small crossbars."""
    overlap = draw(st.sampled_from(Overlap))
    return CrossbarChip(
        tiles=draw(st.integers(1, 2)),
        cores=draw(st.integers(1, 3)),
        overlap=overlap,
        crossbar=LogicalCrossbar(
            rows=draw(st.integers(1, 6)),
            columns=draw(st.integers(1, 5)),
            per_core=draw(st.integers(2 if overlap is Overlap.SHADOW else 1, 5)),
            weight_bits=draw(st.integers(1, 9)),
            cell_bits=draw(st.integers(1, 4)),
            is_differential=draw(st.booleans()),
        ),
        reading=Readout(
            input_bits=draw(st.integers(1, 9)), dac_bits=draw(st.integers(1, 4)),
            read_ns=100, columns_per_adc=8, adc_gsps=1,
        ),
        writing=Programming(pulse_ns=50, whole_crossbars=draw(st.booleans())),
    )  # fmt: skip


@st.composite
def schedules(draw):
    """Loops in any order, some blocked; tiles of rows and columns or of pixel numbers."""
    tile = draw(st.sampled_from([(), (Axis.H,), (Axis.H, Axis.W), (Axis.P,)]))
    axes = [axis for axis in (Axis.N, Axis.CO, Axis.KO) if draw(st.booleans())] + list(tile)
    loops = [ScheduleLoop(axis=axis, step=draw(st.integers(1, 4))) for axis in axes]
    loops = list(draw(st.permutations(loops)))
    snake = draw(st.booleans())
    for axis in axes:
        at = next(i for i, loop in enumerate(loops) if loop.axis is axis)
        if snake and axis is Axis.KO:
            loops[at] = ScheduleLoop(axis=axis)
        elif draw(st.integers(0, 3)) == 0:
            outer = ScheduleLoop(axis=axis, step=loops[at].step * draw(st.integers(2, 3)))
            loops.insert(draw(st.integers(0, at)), outer)
    return CrossbarSchedule(
        filling=draw(st.sampled_from(Filling)),
        loops=tuple(loops),
        snake=snake,
        inputs=draw(st.sampled_from([InputForm.AUTO, InputForm.PIXEL])),
    )


@st.composite
def crossbar_cases(draw):
    """A layer, a chip and a schedule."""
    return CrossbarCase(
        layer=draw(st.one_of(convolutions(), products())),
        chip=draw(chips()),
        schedule=draw(schedules()),
    )

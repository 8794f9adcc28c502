"""Random layers, chips and schedules for crossbars, and walks of them step by step.

The walk does what a schedule says one step at a time, as slowly and plainly as can be: the closed
forms must arrive at the same.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import prod

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.layers import ConvLayer, GemmLayer
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
from stallscope.mappings.reram.schedule import (
    Axis,
    CrossbarSchedule,
    Filling,
    InputForm,
    ScheduleLoop,
)

FEW = st.integers(1, 3)
RATES = st.sampled_from(
    [None, None, None, Fraction(1, 20), Fraction(1, 2), Fraction(3, 2), 1, 3, 8]
)
DELAYS = st.sampled_from([0, 0, 1, 7])
MOST_STEPS = 2000
"""Of a case: what a plain walk, or a run, does in little time."""


@st.composite
def layers(draw):
    """Convolutions, in groups or not, strided and dilated, and matrix products, some batched."""
    if draw(st.integers(0, 4)) == 0:
        return GemmLayer(
            M=draw(st.integers(1, 8)), N=draw(st.integers(1, 11)), K=draw(st.integers(1, 17)),
            batch=draw(st.sampled_from([1, 1, 2, 3])),
        )  # fmt: skip
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 5]))
    return ConvLayer(
        N=draw(FEW), groups=groups,
        C=groups * draw(st.integers(1, 7 if groups == 1 else 3)),
        K=groups * draw(st.integers(1, 11 if groups == 1 else 3)),
        P=draw(st.integers(1, 6)), Q=draw(st.integers(1, 5)), R=draw(FEW), S=draw(FEW),
        stride=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        dilation=(draw(st.integers(1, 2)), draw(st.integers(1, 2))),
    )  # fmt: skip


@st.composite
def chips(draw):
    """Chips of a few small crossbars, with every limit that a chip may have.

    A pixel of any layer fits the smallest buffers, so that every layer has a schedule.
    """
    overlap = draw(st.sampled_from(Overlap))
    buffers = st.builds(
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
            rows=draw(st.integers(1, 6)), columns=draw(st.integers(1, 6)),
            per_core=draw(st.integers(2 if overlap is Overlap.SHADOW else 1, 5)),
            weight_bits=draw(st.integers(1, 9)), cell_bits=draw(st.integers(1, 4)),
            is_differential=draw(st.booleans()),
        ),
        reading=Readout(
            input_bits=draw(st.integers(1, 9)), dac_bits=draw(st.integers(1, 4)),
            read_ns=draw(st.integers(1, 4)), columns_per_adc=4,
            adc_gsps=draw(st.sampled_from([1, 4])), pipeline=draw(st.sampled_from(Pipeline)),
        ),
        writing=Programming(
            pulse_ns=draw(st.sampled_from([0, 1, 5])), verify_ns=draw(st.integers(0, 2)),
            iterations=draw(FEW), whole_crossbars=draw(st.booleans()),
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
        input_buffer=draw(buffers),
        partial_sums=draw(buffers),
        main_memory=draw(
            st.none()
            | st.builds(MainMemory, bandwidth_bytes_per_cycle=RATES, latency_cycles=DELAYS)
        ),
        vector=VectorUnit(adds_per_cycle=draw(RATES), activations_per_cycle=draw(RATES)),
    )  # fmt: skip


@st.composite
def schedules(draw):
    """Any order of the axes, any blocking."""
    tile = draw(st.sampled_from([(), (Axis.H,), (Axis.W,), (Axis.H, Axis.W), (Axis.P,)]))
    snake = draw(st.booleans())
    loops = []
    for axis in (Axis.N, Axis.CO, Axis.KO, *tile):
        once = snake and axis is Axis.KO
        for step in draw(st.sampled_from([(1,), (2,), (2, 1), (4, 2), (6, 3, 1), (3,), ()])):
            if not (once and step > 1):
                loops.append(ScheduleLoop(axis=axis, step=step))
    order = draw(st.permutations(range(len(loops))))
    # Loops of one axis keep their order: the longer step outside.
    given = {axis: [loop for loop in loops if loop.axis is axis] for axis in Axis}
    loops = [given[loops[number].axis].pop(0) for number in order]
    by_number = any(loop.axis is Axis.P for loop in loops)
    forms = [InputForm.AUTO, InputForm.PIXEL] + ([] if by_number else [InputForm.WINDOW])
    return CrossbarSchedule(
        filling=draw(st.sampled_from(Filling)),
        loops=tuple(loops),
        snake=snake,
        inputs=draw(st.sampled_from(forms)),
    )


@st.composite
def crossbar_cases(draw):
    """A layer, a chip, and a schedule that need not fit it."""
    return short(CrossbarCase(layer=draw(layers()), chip=draw(chips()), schedule=draw(schedules())))


def short(case):
    """The case, if it has few steps."""
    assume(prod(loop.extent for loop in case.walk.loops) <= MOST_STEPS)
    return case


class Step:
    """Where a walk is: position and size per axis, and the indices of its loops."""

    def __init__(self, at, size, indices):
        self.at, self.size, self.indices = at, size, indices


def walked(walk, depth):
    """Every step of the first ``depth`` loops, in order."""
    turns = Counter()

    def inside(number, at, size, indices):
        if number == depth:
            yield Step(dict(at), dict(size), tuple(indices))
            return
        loop = walk.loops[number]
        start, length = at[loop.axis], size[loop.axis]
        pieces = [
            (start + begin, min(loop.step, length - begin)) for begin in range(0, length, loop.step)
        ]
        backward = False
        if loop.axis is Axis.KO and walk.snake:
            backward = turns[number] % 2 == 1
            turns[number] += 1
        for index in range(len(pieces)):
            place, span = pieces[len(pieces) - 1 - index if backward else index]
            yield from inside(
                number + 1,
                {**at, loop.axis: place},
                {**size, loop.axis: span},
                [*indices, (loop.axis, index, len(pieces))],
            )

    yield from inside(0, dict.fromkeys(Axis, 0), dict(walk.bounds), [])


def changes(walk, depth, key):
    """The steps of the first ``depth`` loops at which what ``key`` tells of them changes."""
    before = None
    for step in walked(walk, depth):
        now = key(step)
        if now != before:
            yield step
        before = now

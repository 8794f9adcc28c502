"""Random layers, chips and schedules for crossbars, and walks of them step by step.

The walk does what a schedule says one step at a time, as slowly and plainly as can be: the closed
forms must arrive at the same.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

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

SMALL = st.integers(1, 3)
WIDTHS = st.sampled_from([None, None, None, 1, 7, Fraction(1, 3), Fraction(1, 20)])


@st.composite
def layers(draw):
    """Convolutions, in groups or not, and matrix products: some hundred steps at most."""
    if draw(st.integers(0, 4)) == 0:
        return GemmLayer(
            M=draw(st.integers(1, 6)), N=draw(st.integers(1, 9)), K=draw(st.integers(1, 9)),
            batch=draw(st.integers(1, 3)),
        )  # fmt: skip
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 4]))
    return ConvLayer(
        N=draw(st.integers(1, 3)), C=groups * draw(SMALL), K=groups * draw(st.integers(1, 7)),
        P=draw(st.integers(1, 7)), Q=draw(st.integers(1, 5)), R=draw(SMALL), S=draw(SMALL),
        stride=draw(st.integers(1, 2)), dilation=draw(st.integers(1, 2)), groups=groups,
    )  # fmt: skip


@st.composite
def chips(draw):
    """Chips of a few small crossbars."""
    return CrossbarChip(
        tiles=draw(st.integers(1, 2)),
        cores=draw(SMALL),
        crossbar=LogicalCrossbar(
            rows=draw(st.integers(1, 4)),
            columns=draw(st.integers(1, 4)),
            per_core=draw(st.integers(2, 5)),
            is_differential=draw(st.booleans()),
        ),
        reading=Readout(read_ns=draw(st.integers(1, 3)), columns_per_adc=2, adc_gsps=1),
        writing=Programming(
            pulse_ns=draw(st.integers(1, 3)),
            iterations=draw(SMALL),
            whole_crossbars=draw(st.booleans()),
            crossbars_at_once=draw(st.sampled_from([None, 1, 5])),
        ),
        overlap=draw(st.sampled_from(Overlap)),
        main_memory=draw(
            st.sampled_from([None, MainMemory()])
            | st.builds(MainMemory, bandwidth_bytes_per_cycle=WIDTHS)
        ),
        memory=TileMemory(
            capacity_bytes=draw(st.sampled_from([None, 100])),
            read_bytes_per_cycle=draw(WIDTHS),
            write_bytes_per_cycle=draw(WIDTHS),
        ),
        htree=HTree(root_bytes_per_cycle=draw(WIDTHS), branch_bytes_per_cycle=draw(WIDTHS)),
        input_buffer=CoreBuffer(
            capacity_bytes=draw(st.sampled_from([None, 20])), read_bytes_per_cycle=draw(WIDTHS)
        ),
        partial_sums=CoreBuffer(write_bytes_per_cycle=draw(WIDTHS)),
        vector=VectorUnit(adds_per_cycle=draw(WIDTHS)),
    )


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
    """Cases of which a walk takes some thousand steps at most."""
    return CrossbarCase(layer=draw(layers()), chip=draw(chips()), schedule=draw(schedules()))


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

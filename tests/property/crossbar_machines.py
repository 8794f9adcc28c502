"""Random cases that fit their chips, and long layers that repeat."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.schedule import Axis, CrossbarSchedule, Filling, ScheduleLoop
from stallscope.simcore.errors import SpecError
from tests.property.crossbars import chips, crossbar_cases, short


@st.composite
def machines(draw):
    """Any small layer and schedule that fits its chip."""
    return legal(draw(crossbar_cases()))


@st.composite
def long_machines(draw, rows=(10, 60), channels=12):
    """Layers of many rows or pixels, so that a walk repeats itself."""
    layer = ConvLayer(
        N=draw(st.integers(1, 2)), C=draw(st.integers(1, 6)), K=draw(st.integers(2, channels)),
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
    return legal(short(CrossbarCase(layer=layer, chip=draw(chips()), schedule=schedule)))


def legal(case):
    """The case, if it fits its chip."""
    try:
        check_crossbars(case)
    except SpecError:
        assume(False)
    return case

"""The search over schedules on crossbars: its bounds, and that nothing better is left out."""

from itertools import permutations, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stallscope.mappings.energy import Action, ComponentEnergy, EnergyTable
from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CoreBuffer, Overlap
from stallscope.mappings.reram.estimate import analyze_with_activity
from stallscope.mappings.reram.explore import Candidate, Objective, explore
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.schedule import (
    Axis,
    CrossbarSchedule,
    Filling,
    InputForm,
    ScheduleLoop,
)
from stallscope.mappings.reram.scoring import Part, Scorer, orders_of
from stallscope.mappings.reram.tilings import tilings_of
from stallscope.mappings.reram.wear import wear_of
from stallscope.simcore.errors import SpecError
from tests.property.crossbars import chips, layers

ENERGY = EnergyTable(
    components=tuple(
        ComponentEnergy(
            component=name,
            actions=tuple(Action(name=action, energy_pj=pj) for action, pj in figures.items()),
        )
        for name, figures in {
            "main": {"read": 90, "write": 80},
            "memory": {"read": 7, "write": 8, "leak": 0.5},
            "input buffer": {"read": 1, "write": 2},
            "partial sums": {"read": 0.75, "update": 1, "write": 0.5},
            "h-tree": {"byte": 3},
            "crossbars": {"adc": 2, "pulse": 30, "verify": 5},
            "vector": {"add": 0.1},
        }.items()
    )
)
AXIS = {Part.IMAGES: Axis.N, Part.CHANNELS: Axis.CO, Part.LOADS: Axis.KO}


def schedule_of(order, tilings, at, filling):
    loops = []
    for part in order.parts:
        loops += tilings.loops(at) if part is Part.TILES else [ScheduleLoop(axis=AXIS[part])]
    by_window = bool(tilings.by_window[at])
    return CrossbarSchedule(
        filling=filling, loops=tuple(loops), snake=order.snake,
        inputs=InputForm.WINDOW if by_window else InputForm.PIXEL,
    )  # fmt: skip


@settings(max_examples=25)
@given(
    layer=layers(), chip=chips(), filling=st.sampled_from(Filling), spill=st.booleans(),
    inputs=st.sampled_from(InputForm), data=st.data(),
)  # fmt: skip
def test_bounds_hold_for_every_schedule(layer, chip, filling, spill, inputs, data):
    """Updates and cells exactly; cycles and energy never above, and equal without shadow."""
    case = CrossbarCase(
        layer=layer, chip=chip, energy=ENERGY, schedule=CrossbarSchedule(filling=filling)
    )
    tilings = tilings_of(case.lowered, chip, inputs)
    assume(len(tilings.rows))
    scorer = Scorer(case, tilings)
    order = data.draw(st.sampled_from(orders_of(scorer.extents, spill=spill)))
    at = data.draw(st.integers(0, len(tilings.rows) - 1))
    one = case.model_copy(update={"schedule": schedule_of(order, tilings, at, filling)})

    bounds = scorer.bounds(order)
    estimate, activity = analyze_with_activity(one)

    check_crossbars(one)
    assert bounds.updates[at] == activity.updates
    assert bounds.cells[at] == activity.cells_written
    assert bounds.cycles[at] <= estimate.cycles
    assert bounds.energy_pj[at] <= estimate.energy_pj * (1 + 1e-9)
    turns = order.snake and order.place(Part.CHANNELS) >= 0
    if chip.overlap is not Overlap.SHADOW and not turns and not tilings.singles[at]:
        assert bounds.cycles[at] == estimate.cycles
        assert bounds.energy_pj[at] == pytest.approx(estimate.energy_pj, rel=1e-9)


def every_schedule(layer, filling):
    """All tiles of all sizes in all orders, written down plainly."""
    tiles = [
        [ScheduleLoop(axis=Axis.H, step=h), ScheduleLoop(axis=Axis.W, step=w)]
        for h, w in product(range(1, layer.P + 1), range(1, layer.Q + 1))
    ]
    tiles += [[ScheduleLoop(axis=Axis.P, step=p)] for p in range(1, layer.P * layer.Q)]
    for tile, order in product(tiles, permutations("nct")):
        loops = []
        for part in order:
            loops += {
                "n": [ScheduleLoop(axis=Axis.N)], "c": [ScheduleLoop(axis=Axis.CO)], "t": tile
            }[part]  # fmt: skip
        for snake in (False, True):
            yield CrossbarSchedule(
                filling=filling, snake=snake, loops=(*loops, ScheduleLoop(axis=Axis.KO))
            )


@settings(max_examples=4)
@given(
    chip=chips(), filling=st.sampled_from(Filling), objective=st.sampled_from(Objective),
    room=st.sampled_from([None, 24]), sizes=st.tuples(*[st.integers(1, 4)] * 4),
)  # fmt: skip
def test_no_schedule_is_better_than_what_is_found(chip, filling, objective, room, sizes):
    """Against every tile of every size in every order: none has a smaller score."""
    rows, columns, channels, images = sizes
    layer = ConvLayer(N=min(2, images), C=channels, K=9, P=rows, Q=min(3, columns), R=2, S=2)
    chip = chip.model_copy(update={"partial_sums": CoreBuffer(capacity_bytes=room)})

    found = explore(layer, chip, objective, energy=ENERGY, fillings=(filling,), keep=1)

    score = found.best[0].score(objective)
    for schedule in every_schedule(layer, filling):
        case = CrossbarCase(layer=layer, chip=chip, energy=ENERGY, schedule=schedule)
        try:
            check_crossbars(case)
        except SpecError:
            continue
        estimate, activity = analyze_with_activity(case)
        other = Candidate(
            schedule=schedule, updates=activity.updates, cycles=estimate.cycles,
            bound_by=estimate.bound_by, energy_pj=estimate.energy_pj,
            writes_max=wear_of(case, activity).writes_max, cells_written=activity.cells_written,
        ).score(objective)  # fmt: skip
        if objective is Objective.ENERGY:
            assert score[0] <= other[0] * (1 + 1e-12)
        else:
            assert score <= other


@settings(max_examples=8)
@given(layer=layers(), chip=chips(), objective=st.sampled_from(Objective), spill=st.booleans())
def test_what_is_left_unestimated_is_no_better(layer, chip, objective, spill):
    """Estimating every schedule gives the same best ones, in the same order."""
    asked = {"energy": ENERGY, "spill": spill, "fillings": (Filling.STRICT,)}

    some = explore(layer, chip, objective, keep=3, **asked)
    every = explore(layer, chip, objective, keep=100_000, **asked)

    assert every.best[:3] == some.best
    assert every.estimated == every.scored == len(every.best)
    assert some.estimated <= every.estimated

"""The search on one published example, and what it says when there is nothing to find.

Reference: the convolution of 1x28x28, 128 -> 256, 3x3, padded, on the tile of ``tile.py``; all
cores' partial sums of 2 bytes in a buffer of so many KiB, windows in one of so many.
"""

import pytest

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import CoreBuffer
from stallscope.mappings.reram.explore import Objective, explore
from stallscope.mappings.reram.schedule import Axis, Filling, InputForm
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.reram.tile import EXAMPLE, tile

# KiB of partial sums and of inputs: updates, tile, turns. Where the reference has a tile of 7 x 28
# for 16 KiB of inputs (its windows leave padding out, ours do not), 14 x 14 takes as many updates.
FOUND = {
    (32, 4): (25, (5, 7), True),
    (32, 16): (15, (2, 28), True),
    (64, 4): (25, (5, 7), True),
    (64, 16): (8, (4, 28), True),
    (128, 4): (25, (5, 7), True),
    (128, 16): (5, (14, 14), True),
    (128, 32): (5, (7, 28), True),
    (256, 32): (3, (14, 28), True),
    (512, 32): (3, (14, 28), True),
    (512, 64): (2, (28, 28), False),
}


def chip(sums_kib, inputs_kib, **changes):
    """The tile; the buffer of partial sums is shared out to four cores."""
    return tile(
        partial_sums=CoreBuffer(capacity_bytes=sums_kib * 1024 // 4),
        input_buffer=CoreBuffer(capacity_bytes=inputs_kib * 1024),
        **changes,
    )


@pytest.mark.parametrize(("sums", "inputs"), FOUND)
def test_the_fewest_updates_are_those_of_others(sums, inputs):
    """Updates, tile and whether loads turn."""
    found = explore(
        EXAMPLE, chip(sums, inputs), Objective.UPDATES, fillings=(Filling.STRICT,),
        inputs=InputForm.WINDOW, keep=1,
    )  # fmt: skip

    best = found.best[0]
    steps = {loop.axis: loop.step for loop in best.schedule.loops}
    size = (steps.get(Axis.H, 28), steps.get(Axis.W, 28))
    assert FOUND[sums, inputs] == (best.updates, size, best.schedule.snake)


def test_partial_sums_that_may_leave_allow_fewer_updates():
    """Loads outside tiles are written once each; the words that leave and return are the price."""
    inside = explore(EXAMPLE, chip(32, 4), Objective.UPDATES, keep=1)
    spilled = explore(EXAMPLE, chip(32, 4), Objective.UPDATES, spill=True, keep=1)

    assert spilled.best[0].updates == 2
    assert inside.best[0].updates > 2
    assert spilled.scored > inside.scored


def test_equal_schedules_are_told_simplest_first():
    """One load and one step of output channels: all take one update, the bare one is first."""
    layer = ConvLayer(C=64, K=64, P=14, Q=14, R=3, S=3)

    found = explore(layer, tile(), Objective.UPDATES)

    assert [one.updates for one in found.best] == [1] * 5
    assert found.best[0].schedule.loops == ()
    assert not any(one.schedule.snake for one in found.best)


def test_a_search_is_the_same_every_time():
    """Equal results, in equal order."""
    asked = (EXAMPLE, chip(64, 16), Objective.CYCLES)

    assert explore(*asked) == explore(*asked)


def test_nothing_that_fits_is_said_with_its_reason():
    """Not even one pixel's partial sums: 64 x 2 bytes."""
    small = tile(partial_sums=CoreBuffer(capacity_bytes=127))

    with pytest.raises(SpecError, match=r"one pixel needs 128 bytes"):
        explore(EXAMPLE, small, Objective.UPDATES)


def test_windows_that_never_fit_are_said():
    """Nine pixels of 64 channels are the smallest window."""
    small = tile(input_buffer=CoreBuffer(capacity_bytes=9 * 64 - 1))

    with pytest.raises(SpecError, match=r"1 rows x 1 columns takes 576 bytes"):
        explore(EXAMPLE, small, Objective.UPDATES, inputs=InputForm.WINDOW)


def test_objectives_need_their_figures():
    """No energy without a table; nothing where only the weights say what is written."""
    aware = tile(writing={"data_aware": True})

    with pytest.raises(SpecError, match="energy needs an energy table"):
        explore(EXAMPLE, tile(), Objective.ENERGY)
    for objective in Objective:
        with pytest.raises(SpecError, match="what writing takes depends on the weights"):
            explore(EXAMPLE, aware, objective)


def test_writing_that_no_power_suffices_for_is_said():
    """Before anything is searched."""
    weak = tile(writing={"power_budget_mw": 10, "pulse_power_mw": 1})

    with pytest.raises(SpecError, match=r"one pulse writes 64 cells of 1.0 mW each: 64.0 mW"):
        explore(EXAMPLE, weak, Objective.UPDATES)

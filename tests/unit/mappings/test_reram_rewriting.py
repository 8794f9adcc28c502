"""Writing only what changes, row by row and cell by cell."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stallscope.mappings.layers import ConvLayer, GemmLayer
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, LogicalCrossbar, Programming, Readout
from stallscope.mappings.reram.rewriting import Rewriting
from stallscope.mappings.reram.schedule import CrossbarSchedule


def a_case(layer, *, rows=2, columns=3, per_core=1, cores=1, weight_bits=4, filling="strict",
           **writing):  # fmt: skip
    writing = {"pulse_ns": 50, "data_aware": True, "pulses_per_level": 2} | writing
    chip = CrossbarChip(
        cores=cores,
        crossbar=LogicalCrossbar(
            rows=rows, columns=columns, per_core=per_core, weight_bits=weight_bits,
            cell_bits=2,
        ),
        reading=Readout(read_ns=100, columns_per_adc=3, adc_gsps=1),
        writing=Programming(**writing),
    )  # fmt: skip
    return CrossbarCase(layer=layer, chip=chip, schedule=CrossbarSchedule(filling=filling))


# K x N; stored with an offset of 8: -8 is levels 0 0, 7 is 3 3, 0 is 0 2 (low slice first).
TWO_LOADS = np.array([[-8, 0, 7], [-8, -8, -8], [-8, 4, 7], [-7, -8, -8]])


def test_a_row_takes_the_pulses_of_its_cell_that_moves_furthest():
    """Low slice: 0 0 3 -> 0 0 3 / 0 0 0 -> 1 0 0; high slice: 0 2 3 -> 0 3 3 / nothing."""
    cost = Rewriting(a_case(GemmLayer(M=1, N=3, K=4)), TWO_LOADS).cost((0, 0), (0, 1), 0)
    assert cost.each_ns == (2 * 50, 2 * 50)
    assert (cost.rows_changed, cost.cells_changed, cost.pulses, cost.most_pulses) == (2, 2, 4, 2)
    assert cost.ns == 100
    assert cost.crossbars == 2


def test_before_the_first_update_all_cells_are_at_level_zero():
    """Low slice: one cell to 3 (6 pulses); high slice: to 2 and 3 in one row (6 pulses)."""
    cost = Rewriting(a_case(GemmLayer(M=1, N=3, K=4)), TWO_LOADS).cost(None, (0, 0), 0)
    assert cost.each_ns == (6 * 50, 6 * 50)
    assert (cost.cells_changed, cost.pulses) == (3, 6 + 4 + 6)


@pytest.mark.parametrize(("passes", "pulses"), [(1, 6), (2, 10)])
def test_set_and_reset_are_apart_if_they_need_passes_of_their_own(passes, pulses):
    """One row of one slice: 0 -> 3 (6 pulses up) beside 2 -> 0 (4 pulses down)."""
    case = a_case(GemmLayer(M=1, N=2, K=2), rows=1, columns=2, weight_bits=2, passes=passes)
    cost = Rewriting(case, np.array([[-2, 0], [1, -2]])).cost((0, 0), (0, 1), 0)
    assert cost.each_ns == (pulses * 50,)


def test_columns_past_those_of_a_pulse_come_after_them():
    """3 columns, two at a time: the row of 3 and 2 levels takes 6 + 4 pulses, not 6."""
    case = a_case(GemmLayer(M=1, N=3, K=1), rows=1, weight_bits=2, columns_per_pulse=2,
                  verify_ns=10)  # fmt: skip
    cost = Rewriting(case, np.array([[1, -2, 0]])).cost(None, (0, 0), 0)
    assert cost.each_ns == ((6 + 4) * 60,)


def test_part_of_a_pulse_is_a_pulse():
    case = a_case(GemmLayer(M=1, N=1, K=1), rows=1, weight_bits=2,
                  pulses_per_level=Fraction(1, 2))  # fmt: skip
    cost = Rewriting(case, np.array([[1]])).cost(None, (0, 0), 0)
    # The cell goes up three levels; those of unused columns two, to a weight of zero.
    assert (cost.pulses, cost.most_pulses) == (2 + 1 + 1, 2)


def test_crossbars_that_a_load_does_not_use_are_set_to_zero():
    """Three row blocks on two crossbars: the second load leaves the second crossbar at zero."""
    case = a_case(GemmLayer(M=1, N=3, K=6), per_core=2, weight_bits=2, filling="rigid")
    rewriting = Rewriting(case, np.ones((6, 3), dtype=np.int64))
    assert [load.rows for load in case.lowered.loads] == [4, 2]
    assert (rewriting.levels((0, 1), 0)[1] == 2).all()
    cost = rewriting.cost((0, 0), (0, 1), 0)
    assert cost.each_ns == (0, 2 * 2 * 50)
    assert cost.cells_changed == 6


def test_a_core_without_a_block_keeps_what_it_has():
    case = a_case(GemmLayer(M=1, N=3, K=2), cores=2)
    cost = Rewriting(case, np.full((2, 3), 7)).cost(None, (0, 0), 1)
    assert cost.ns == 0
    assert cost.cells_changed == cost.pulses == 0
    assert len(cost.each_ns) == 2


def test_the_same_weights_again_take_nothing_and_there_and_back_is_symmetric():
    layer = ConvLayer(C=5, K=4, P=2, Q=2, R=3, S=3)
    case = a_case(layer, rows=4, columns=4, per_core=3)
    weights = np.random.default_rng(3).integers(-8, 8, (4, 5, 3, 3))
    rewriting = Rewriting(case, weights)
    assert rewriting.cost((0, 2), (0, 2), 0).pulses == 0
    there, back = rewriting.cost((0, 0), (0, 1), 0), rewriting.cost((0, 1), (0, 0), 0)
    assert there.pulses == back.pulses > 0
    assert there.each_ns == back.each_ns


def test_data_aware_pulses_are_those_of_a_plain_walk_over_all_cells():
    """An independent count: every cell on its own, in Python."""
    layer = ConvLayer(C=6, K=7, P=2, Q=2, R=2, S=2)
    case = a_case(layer, rows=4, columns=3, per_core=2, cores=2, passes=2, weight_bits=5)
    weights = np.random.default_rng(4).integers(-16, 16, (7, 6, 2, 2))
    rewriting = Rewriting(case, weights)
    one, other = rewriting.levels((0, 1), 1), rewriting.levels((1, 2), 0)
    assert one.shape == other.shape == (2, 3, 4, 3)
    cost = rewriting.cost((0, 1), (1, 2), 0)
    before, after = rewriting.levels((0, 1), 0), other
    times = []
    for slot in range(2):
        for part in range(3):
            total = 0
            for row in range(4):
                cells = [int(after[slot, part, row, c] - before[slot, part, row, c])
                         for c in range(3)]  # fmt: skip
                total += 2 * max(0, *cells) + 2 * max(0, *(-cell for cell in cells))
            times.append(total * 50)
    assert list(cost.each_ns) == times
    assert cost.pulses == 2 * int(np.abs(after - before).sum())

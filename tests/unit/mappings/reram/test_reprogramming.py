"""Time of writing beside time of computing, and wear, against figures of others.

Reference: the convolution of 1x28x28, 128 -> 256, 3x3, on the tile of ``tile.py``; one pulse of
50 ns per row (3.2 us per crossbar) or ten, all crossbars at once or one of 144 after another; and
wear of whole networks under an endurance of 10^6 writes.
"""

from fractions import Fraction

import pytest

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import LogicalCrossbar, Overlap
from stallscope.mappings.reram.counting import activity_of
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.reprogramming import reload_costs, reload_total
from stallscope.mappings.reram.wear import runs_until, wear_of
from tests.unit.mappings.reram.tile import EXAMPLE, case, tile

# Order, turns: updates, then per pulses and crossbars at a time: one after the other, overlapped.
# With turns the last of seven tiles is cut (6 x 128 + 16 pixels).
RUNS = {
    ("h", False): (56, {(1, None): (1433600, 1257600), (10, None): (3046400, 1814400),
                        (1, 1): (27059200, 25827200), (10, 1): (259302400, 258070400)}),
    ("p128", True): (8, {(1, None): (1280000, 1257600), (10, None): (1510400, 1286400),
                         (1, 1): (4940800, 3699200), (10, 1): (38118400, 36876800)}),
    ("", False): (2, {(1, None): (1260800, 1257600), (10, None): (1318400, 1286400),
                      (1, 1): (2176000, 1715200), (10, 1): (10470400, 9843200)}),
}  # fmt: skip


@pytest.mark.parametrize(("order", "snake"), RUNS)
def test_runs_take_what_others_say(order, snake):
    """Both ways to write, two numbers of pulses, all drivers or one."""
    updates, expected = RUNS[order, snake]

    costs = reload_costs(case(EXAMPLE, order, snake=snake))

    found = {(c.iterations, c.at_once): (c.serial_ns, c.overlapped_ns) for c in costs.costs}
    assert updates == costs.updates
    assert expected == found


def test_the_ratio_is_writing_over_computing():
    """56 updates of 32 us beside 1 568 multiplies of 800 ns."""
    costs = reload_costs(case(EXAMPLE, "h"), iterations=(10,), at_once=(None,))

    assert pytest.approx(56 * 32_000 / (1568 * 800)) == costs.costs[0].ratio


def test_layers_add_up_to_a_network():
    """A layer that stands twice counts twice."""
    layer = reload_costs(case(EXAMPLE, "h"))

    total = reload_total("both", [layer, reload_costs(case(EXAMPLE))], [2, 1])

    assert total.updates == 2 * 56 + 2
    assert total.costs[0].serial_ns == 2 * 1433600 + 1260800
    assert total.costs[0].compute_ns == 3 * 1568 * 800


@pytest.mark.parametrize(
    ("order", "runs"), [("h w", 637), ("h", 17857), ("", 500_000)], ids=["pixel", "row", "map"]
)
def test_cells_stand_as_many_runs_as_others_say(order, runs):
    """Loads are writes of the first cell: 1 568, 56 and 2 of 10^6."""
    chip = tile(writing={"endurance_writes": 1_000_000})

    assert runs == wear_of(case(EXAMPLE, order, chip=chip)).runs_by_writes


@pytest.mark.parametrize(
    ("loads", "runs"), [(2579, 387), (103, 9708), (10312, 96), (850, 1176)],
    ids=["vgg16 by rows", "vgg16", "resnet50 by rows", "resnet50"],
)  # fmt: skip
def test_networks_stand_as_many_runs_as_others_say(loads, runs):
    """Loads of all layers together."""
    assert runs == runs_until(Fraction(10**6), loads)


def test_wear_of_full_crossbars_is_even():
    """Every cell is written in every load: maximum and means are one."""
    wear = wear_of(case(EXAMPLE, "h"))

    assert (wear.crossbars_used, wear.crossbars, wear.loads_max) == (144, 144, 56)
    assert (wear.writes_mean, wear.writes_mean_all, wear.pulses_mean) == (56, 56, 56)
    assert wear.runs_by_writes is None


def test_wear_of_part_of_the_chip_is_told_apart():
    """One core of four, rows 48 of 64, columns 32 of 64, in two crossbars of nine."""
    layer = ConvLayer(C=48, K=32, P=5, Q=5, R=1, S=2)
    chip = tile(writing={"whole_crossbars": False, "iterations": 3, "verify_ns": 10})

    wear = wear_of(case(layer, chip=chip))

    assert (wear.crossbars_used, wear.crossbars) == (2 * 4, 144)
    assert (wear.cells_used, wear.cells) == (2 * 48 * 32 * 4, 144 * 64 * 64)
    assert (wear.writes_max, wear.writes_mean) == (1, 1.0)
    # Every pulse is verified, and a verify stresses the cell, too.
    assert (wear.pulses_max, wear.pulses_mean) == (6, 6.0)
    assert pytest.approx(2 * 48 * 32 / (36 * 64 * 64)) == wear.writes_mean_all


def test_shadow_crossbars_share_the_wear():
    """Twice the crossbars, each with half of the loads."""
    crossbar = LogicalCrossbar(rows=64, columns=64, per_core=18)
    chip = tile(overlap=Overlap.SHADOW, crossbar=crossbar)

    wear = wear_of(case(EXAMPLE, "h", chip=chip))

    assert (wear.crossbars_used, wear.loads_max, wear.loads_mean) == (288, 28, 28.0)


def test_executed_pulses_take_the_place_of_stated_ones():
    """What a run counted decides the means."""
    activity = activity_of(case(EXAMPLE, "h"))
    chip = tile(writing={"data_aware": True})
    executed = type(activity)(
        **{name: getattr(activity, name) for name in activity.__slots__ if name != "pulses"},
        pulses=activity.cells_written // 2,
    )

    assert activity_of(case(EXAMPLE, "h", chip=chip)).pulses is None
    assert wear_of(case(EXAMPLE, "h", chip=chip)).pulses_mean is None
    assert wear_of(case(EXAMPLE, "h", chip=chip), executed).pulses_mean == 28


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [(Overlap.NONE, 3046400), (Overlap.SHADOW, 1814400), (Overlap.PARTIAL, 3046400)],
)
def test_cycles_follow_the_overlap(overlap, expected):
    """56 updates of 32 us on 18 crossbars per core; with all cores alike, partial gains nothing."""
    crossbar = LogicalCrossbar(rows=64, columns=64, per_core=18)
    chip = tile(overlap=overlap, crossbar=crossbar, writing={"iterations": 10})

    # A strict load takes one block of input channels, however many crossbars are left.
    estimate = analyze_crossbars(case(EXAMPLE, "h", chip=chip))

    assert expected == estimate.cycles
    assert estimate.bound_by == "reprogram"
    assert estimate.compute_cycles == 1568 * 800

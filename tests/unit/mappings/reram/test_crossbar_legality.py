"""What cannot run on crossbars, and what is said of it."""

import pytest

from stallscope.mappings.layers import ConvLayer
from stallscope.mappings.reram.chip import CoreBuffer
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.reram.tile import EXAMPLE, case, tile

BUFFERS = {
    "partial_sums": CoreBuffer(capacity_bytes=16 * 1024),
    "input_buffer": CoreBuffer(capacity_bytes=16 * 1024),
}


def test_a_tile_that_just_fits_passes():
    """128 pixels x 64 columns x 2 bytes are the 16 KiB of a core; one more are not."""
    chip = tile(**BUFFERS)

    check_crossbars(case(EXAMPLE, "p128", chip=chip))
    with pytest.raises(SpecError, match=r"129 pixels need 16 512 bytes.*at most 128 fit"):
        check_crossbars(case(EXAMPLE, "p129", chip=chip))


def test_too_many_partial_sums_name_a_tile_that_fits():
    """The remedy, followed, passes."""
    chip = tile(**BUFFERS)

    with pytest.raises(SpecError, match=r"steps of h of at most 4 fit, with w as it is"):
        check_crossbars(case(EXAMPLE, "h5", chip=chip))
    check_crossbars(case(EXAMPLE, "h4", chip=chip))


def test_rows_that_do_not_fit_are_cut_in_both_directions():
    """A row of 300 pixels is more than the buffer takes."""
    layer = ConvLayer(C=64, K=64, P=300, Q=300, R=1, S=1)
    chip = tile(**BUFFERS)

    with pytest.raises(SpecError, match=r"a tile of h 1, w 128 fits"):
        check_crossbars(case(layer, "h1", chip=chip))
    check_crossbars(case(layer, "h1 w128", chip=chip))


def test_a_window_that_does_not_fit_is_named():
    """Asked for windows, the whole row of one does not fit 1 KiB; pixels do."""
    chip = tile(input_buffer=CoreBuffer(capacity_bytes=1024))

    with pytest.raises(SpecError, match=r"window of a tile of 1 rows x 28 columns takes 5 760"):
        check_crossbars(case(EXAMPLE, "h1", chip=chip, inputs="window"))
    check_crossbars(case(EXAMPLE, "h1", chip=chip))


def test_inputs_of_a_pixel_that_do_not_fit_are_named():
    """Nine crossbars of 64 rows take 576 bytes."""
    chip = tile(input_buffer=CoreBuffer(capacity_bytes=575))

    with pytest.raises(SpecError, match=r"one pixel's inputs of a load takes 576 bytes"):
        check_crossbars(case(EXAMPLE, "h1", chip=chip))
    check_crossbars(
        case(EXAMPLE, "h1", chip=tile(input_buffer=CoreBuffer(capacity_bytes=576)))
    )  # fmt: skip


def test_all_faults_are_told_at_once():
    """Partial sums, power, and weights that are not there."""
    chip = tile(
        partial_sums=CoreBuffer(capacity_bytes=1),
        writing={"power_budget_mw": 10, "pulse_power_mw": 1, "data_aware": True},
    )

    with pytest.raises(SpecError) as caught:
        check_crossbars(case(EXAMPLE, "h1", chip=chip))

    assert [fault.place for fault in caught.value.faults] == [
        "crossbars.writing.power_budget_mw",
        "crossbars.writing.data_aware",
        "crossbars.partial_sums.capacity_bytes",
    ]
    assert "10 columns_per_pulse" in str(caught.value)
    assert "one pixel needs 128 bytes" in str(caught.value)


def test_turns_need_a_loop_of_single_loads():
    """Blocks of loads have no one way back."""
    layer = ConvLayer(C=512, K=64, P=4, Q=4, R=3, S=3)

    with pytest.raises(SpecError, match=r"snake the loads are walked one by one"):
        check_crossbars(case(layer, "ko4 h", snake=True))
    check_crossbars(case(layer, "h ko", snake=True))


def test_weights_that_are_given_may_decide_the_pulses():
    """Data-aware writing with weights is legal."""
    check_crossbars(case(EXAMPLE, chip=tile(writing={"data_aware": True})), has_weights=True)

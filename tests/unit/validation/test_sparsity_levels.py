"""Sparsity per level beside published runs: a few cases with their law, all of them if slow."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from stallscope.simcore.errors import SpecError
from stallscope.validation.documents import own_copy
from stallscope.validation.points import Report
from stallscope.validation.sparsity_levels import LIMITS, levels_points
from stallscope.validation.sparsity_levels_packing import pack

OWN = files("stallscope.validation").joinpath("data/sparsity_levels.json").read_text("utf-8")
FORMATS, CORES = "format_comparison_spMspM", "tensor_core_case_study"


@pytest.fixture(scope="module")
def own():
    return own_copy("sparsity_levels")


def cycles(points, where=""):
    metric = "level_cycles" if where else "cycles"
    return [p.analytical for p in points if (p.metric, p.where) == (metric, where)]


def only(own, section, **values):
    """The document with those cases alone that have these values."""
    cases = [c for c in own[section]["cases"] if all(c[k] == v for k, v in values.items())]
    return {section: {"cases": cases}}


def test_the_own_copy_is_small_names_its_source_and_is_packed_as_it_is(own):
    assert len(OWN) < 400_000
    assert "de0374a" in own["source"]
    assert pack(json.loads(OWN), own["source"]) == OWN


def test_gated_steps_take_their_time(own):
    """128^3 updates of the register, and a fill of each of its 128^2 results."""
    points, _ = levels_points(only(own, FORMATS, format="bitmask", density=0.1))
    assert cycles(points) == [128**3 + 128**2]
    assert all(point.is_exact for point in points)


@pytest.mark.parametrize(
    ("density", "words"),
    [
        (0.1, (128 + 1) * 1664),  # every word of A, for each column of B, and of B once
        (0.8, 2 * 128**3 * (205 / 256) ** 2),  # pairs that meet, of both operands
    ],
)
def test_coordinate_lists_take_the_words_that_are_left_and_14_bits_each(own, density, words):
    points, _ = levels_points(only(own, FORMATS, format="coordinate_list", density=density))
    assert cycles(points) == [words * (1 + 14 / 8) / 2]
    assert all(point.is_exact for point in points)


def test_a_core_that_picks_2_of_8_reads_inputs_for_all_8(own):
    """SMEM: 1/4 of the weights and 4 bits each, every input, over 42 words a cycle."""
    chosen = {"design": "STC_flexible-RF2x-24-bandwidth", "M": 128, "weight_density": 0.25}
    points, _ = levels_points(only(own, CORES, **chosen))
    weights, inputs = 128 * 1152 * 8 // 4, 2 * 1152 * 1024
    assert cycles(points) == [-(-(weights * 1.5 + inputs) // 42)] == [66707]
    assert cycles(points, "MAC") == [128 * 1152 * 1024 / 4 / 1024]


def test_a_dual_side_core_takes_work_over_its_lanes_mean_use(own):
    chosen = {"design": "DSTC-RF2x-24-bandwidth", "M": 128, "weight_density": 0.25}
    points, _ = levels_points(only(own, CORES, **chosen))
    assert (cycles(points), cycles(points, "MAC")) == ([37083], [28444])
    assert all(point.is_exact for point in points)


def test_a_pe_takes_a_cycle_per_pair_that_meets_wherever_the_zeros_are(own):
    section = own["eyeriss_v2_PE_mobilenet0.5"]
    layer = next(one for one in section["layers"] if one["layer"] == "L25")
    points, _ = levels_points({"eyeriss_v2_PE_mobilenet0.5": {"layers": [layer]}})
    pairs = zip(
        layer["nnz_inputs_per_channel"], layer["nnz_weights_per_input_channel"], strict=True
    )
    point = points[0]
    assert point.simulated == sum(a * b for a, b in pairs) == point.reference == 948572
    assert point.analytical == pytest.approx(922441.6875)  # independent operands meet less often


def test_layers_without_zeros_are_left_out_by_name(own):
    layers = [{"layer": "L02", "ground_truth_cycles": 544768}]
    points, excluded = levels_points({"eyeriss_v2_PE_mobilenet0.5": {"layers": layers}})
    assert points == []
    assert [one.case for one in excluded] == ["Eyeriss v2 PE L02"]


def test_an_unknown_design_is_left_out_by_name(own):
    case = own[CORES]["cases"][0] | {"design": "another"}
    points, excluded = levels_points({CORES: {"cases": [case]}})
    assert points == []
    assert "none of TC, STC" in excluded[0].why


def test_a_case_that_lacks_something_is_the_users_fault(own):
    with pytest.raises(SpecError, match="not in the known form"):
        levels_points({CORES: {"cases": [{"design": "TC"}]}})


@pytest.mark.slow
def test_all_points_are_exact_but_for_those_with_a_limit():
    points, excluded = levels_points()
    report = Report(validation="sparsity", points=tuple(points), limits=LIMITS)
    assert len(excluded) == 13
    assert sum(not point.is_exact for point in points if point.scored) == 25
    assert not report.misses
    assert sum(point.is_exact for point in points if point.metric == "cycles") == 124


@pytest.mark.slow
def test_real_runs_take_what_is_expected_of_them():
    """Pairs of 5 + 16 bits, three in 64: within 0.2 % of the mean over all places of the zeros."""
    points, _ = levels_points()
    packed = [point for point in points if point.metric == "packed_words"]
    assert len(packed) == 9
    for point in packed:
        assert point.simulated == pytest.approx(point.analytical, rel=2e-3)
        assert 1.0 < point.simulated / point.reference < 1.06

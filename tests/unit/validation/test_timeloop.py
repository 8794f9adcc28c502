"""Are the cases read, scored and refused as docs/formats.md says?"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from stallscope.simcore.errors import SpecError
from stallscope.validation import NAMES, validate
from stallscope.validation.figures import CYCLES, Key
from stallscope.validation.timeloop import score
from stallscope.validation.timeloop_cases import read_case, reference_cases


@pytest.fixture
def folder(references, tmp_path):
    """A copy of one case to tamper with."""
    place = tmp_path / "cases" / "own_2l_slide_P"
    shutil.copytree(references["own_2l_slide_P"].folder, place)
    return place


def by_class(points, metric):
    """Classes of a metric's points."""
    return {point.kind for point in points if point.metric == metric}


def test_one_case_folder_or_a_folder_of_them(folder):
    (folder.parent / "notes").mkdir()
    assert len(reference_cases(folder)) == len(reference_cases(folder.parent)) == 1
    one, many = validate("timeloop", folder), validate("timeloop", str(folder.parent))
    assert one == many == validate("timeloop", folder.parent.parent)
    assert one.is_within


@pytest.mark.parametrize("metric", ["reads", "fills", "network_words", "energy_pj", "hops"])
def test_a_wrong_figure_is_a_miss(references, metric):
    """Also where the closed form is scored, and by no more than the print's rounding."""
    reference = references["own_byp_rf_I"]
    key = next(k for k in reference.figures if k.metric == metric and reference.figures[k])
    wrong = dict(reference.figures) | {key: reference.figures[key] + 1}
    misses = [p for p in score(replace(reference, figures=wrong)) if p.scored and not p.is_exact]
    assert [(p.where, p.metric) for p in misses] == [(f"{key.place}.{key.tensor}", metric)]


def test_an_average_that_is_whole_is_not_rounded(references):
    tolerances = {
        (point.where, point.metric): point.tolerance for point in score(references["fuzz_3_119"])
    }
    assert tolerances["PEB.Inputs", "reads"] == 2.0  # 70 words of 4 instances: printed 18 each
    assert tolerances["DRAM.Inputs", "reads"] == 0.0
    assert tolerances["DRAM <==> GLB.Inputs", "hops"] == 0.005


def test_a_full_walk_is_what_execution_is_compared_with(references):
    points = score(references["fuzz_2_072"])
    walked, printed = [
        point for point in points if (point.where, point.metric) == ("DRAM.Inputs", "reads")
    ]
    assert (walked.kind, walked.reference, walked.simulated) == ("full walk", 16.0, 16.0)
    assert (printed.kind, printed.reference, printed.analytical) == ("default walk", 13.0, 13.0)
    assert (walked.scored, printed.scored) == ("simulated", "analytical")


def test_without_a_full_walk_the_closed_form_is_scored(references):
    points = score(replace(references["fuzz_2_072"], full_walk=None))
    reads = next(p for p in points if (p.where, p.metric) == ("DRAM.Inputs", "reads"))
    assert (reads.kind, reads.scored, reads.is_exact) == ("default walk", "analytical", True)


def test_imperfect_factors_are_compared_with_the_true_counts(references):
    points = score(references["own_3l_imperfect_M7"])
    inputs = next(p for p in points if (p.where, p.metric) == ("GLB.Inputs", "reads"))
    assert (inputs.kind, inputs.reference, inputs.simulated) == ("imperfect", 64.0, 64.0)
    assert all(point.is_exact for point in points if point.scored)
    only_default = score(replace(references["own_3l_imperfect_M7"], full_walk=None))
    assert {p.scored for p in only_default if p.metric == "reads"} == {""}


def test_a_padded_loop_is_not_executed(references):
    cycles = next(p for p in score(references["own_2l_imperfect_P7"]) if p.metric == "cycles")
    assert (cycles.kind, cycles.simulated, cycles.analytical) == ("padded loop", 21.0, 24.0)


def test_throttled_cycles_are_reported_and_the_bound_scored(references):
    points = score(references["own_bw_multi"])
    cycles = next(p for p in points if p.metric == "cycles_throttled")
    bound = next(p for p in points if p.metric == "analytical_cycles" and not p.where)
    assert (cycles.kind, cycles.scored) == ("throttled", "")
    assert cycles.simulated >= cycles.reference == bound.simulated == 10944


def test_network_latencies_delay_the_first_and_last_word_only(references):
    cycles = next(p for p in score(references["own_bw_latency"]) if p.metric == "cycles")
    assert (cycles.kind, cycles.simulated, cycles.scored) == ("plain", 4644.0, "simulated")


def test_switches_of_the_environment_are_honoured(references):
    rules = references["own_flag_no_links"].load().rules
    assert (rules.link_transfers, rules.first_read_elision) == (False, True)
    rules = references["own_flag_no_elision"].load().rules
    assert (rules.link_transfers, rules.first_read_elision) == (True, False)


def test_the_alternative_rule_of_partial_sums_is_excluded_by_name(references):
    report = validate("timeloop", references["own_flag_updated_rmw"].folder)
    assert [entry.case for entry in report.excluded] == ["own_flag_updated_rmw"]
    assert not report.is_within


def test_energies_beside_the_figures_replace_a_missing_table(references):
    case = references["map_alexnet_conv2"].load()
    assert case.energy is not None
    assert case.energy.energy_pj("mac", "compute") == pytest.approx(2.2)


@pytest.mark.parametrize("name", ["own_bad_rf_capacity", "own_bad_fanout", "own_bad_factors"])
def test_a_rejection_names_level_value_and_limit(references, name):
    (point,) = score(references[name])
    assert (point.metric, point.simulated, point.is_exact) == ("rejected", 1.0, True)


def test_a_rejection_with_other_numbers_is_a_miss(references):
    message = "couldn't map level RF: mapped tile size 18 exceeds buffer capacity 16"
    (point,) = score(replace(references["own_bad_rf_capacity"], rejection=message))
    assert not point.is_exact


def test_a_case_that_should_be_rejected_but_loads_is_a_miss(references):
    (point,) = score(replace(references["own_2l_ws"], rejection="couldn't map level GLB"))
    assert (point.where, point.is_exact) == ("accepted", False)


def test_a_case_we_cannot_load_is_a_miss_with_our_reason(references):
    (point,) = score(replace(references["own_bad_rf_capacity"], rejection=""))
    assert (point.metric, point.is_exact) == ("accepted", False)
    assert "RF needs 19 words" in point.where


def test_a_figure_we_do_not_have_counts_as_zero(references):
    reference = references["own_byp_rf_I"]
    figures = dict(reference.figures) | {Key("RF", "Inputs", "reads"): 5.0}
    reads = [p for p in score(replace(reference, figures=figures)) if p.where == "RF.Inputs"]
    assert [(p.reference, p.simulated, p.is_exact) for p in reads] == [(5.0, 0.0, False)]
    assert CYCLES in reference.figures


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "needs one JSON object"),
        ("{}", "not in the form"),
        (json.dumps({"results": {"levels": [], "summary": {}}}), "not in the form"),
        (json.dumps({"results": []}), "not in the form"),
    ],
)
def test_figures_in_another_form_are_refused(folder, text, message):
    (folder / "expected.json").write_text(text)
    with pytest.raises(SpecError, match=message):
        read_case(folder)


def test_a_folder_without_cases_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"has no Timeloop cases; name a folder"):
        validate("timeloop", tmp_path)
    with pytest.raises(SpecError, match="has no Timeloop cases"):
        validate("timeloop", tmp_path / "absent")


@pytest.mark.parametrize(
    "name",
    [n for n in NAMES if n not in ("timeloop", "dram", "noc", "systolic", "reram", "sparsity")],
)
def test_sets_to_come_are_not_built_yet(name):
    with pytest.raises(
        SpecError, match=f"validate = {name}: is not built yet; built: timeloop, dram, noc"
    ):
        validate(name)


def test_other_names_are_refused():
    with pytest.raises(SpecError, match="validate = spice: is no reference set"):
        validate("spice")

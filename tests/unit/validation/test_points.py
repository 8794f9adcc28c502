"""Does a report say what its points say?"""

from __future__ import annotations

import json

import pytest

from stallscope.validation.points import Excluded, Point, Report


def point(reference=10.0, simulated=10.0, **given):
    """A scored point of metric reads."""
    fields = {"case": "c", "where": "RF.W", "kind": "plain", "metric": "reads",
              "analytical": simulated, "tolerance": 0.0}  # fmt: skip
    return Point(reference=reference, simulated=simulated, **fields | given)


@pytest.mark.parametrize(
    ("simulated", "exact"), [(10.0, True), (10.005, True), (9.995, True), (10.0051, False)]
)
def test_a_point_is_exact_up_to_its_tolerance(simulated, exact):
    assert exact is point(10.0, simulated, tolerance=0.005).is_exact


def test_the_scored_figure_decides():
    """A point of the analytical figure does not mind what was executed, and says both."""
    quirk = point(10.0, 12.0, analytical=10.0, scored="analytical")
    assert quirk.is_exact
    assert quirk.error_pct == 0.0
    assert (quirk.to_json()["simulated"], quirk.to_json()["executed"]) == (10.0, 12.0)
    assert not point(10.0, 12.0, analytical=10.0).is_exact


def test_an_error_against_zero_has_no_percentage():
    assert point(0.0, 0.0).error_pct == 0.0
    assert point(0.0, 1.0).error_pct is None
    assert not point(0.0, 1.0).is_exact


def test_a_report_is_within_if_every_scored_point_is():
    reported = point(10.0, 20.0, scored="")
    assert not Report(validation="t", points=()).is_within
    assert not Report(validation="t", points=(reported,)).is_within
    assert Report(validation="t", points=(point(), reported)).is_within
    wrong = point(10.0, 11.0)
    report = Report(validation="t", points=(point(), wrong, reported))
    assert not report.is_within
    assert report.misses == (wrong,)


def test_the_summary_has_a_line_per_metric_and_per_class():
    points = (
        point(10.0, 11.0, analytical=10.0),
        point(20.0, 20.0),
        point(40.0, 38.0),
        point(5.0, 9.0, metric="cycles", kind="throttled", scored=""),
    )
    summary = Report(validation="t", points=points).summary()
    assert list(summary) == ["reads", "plain", "throttled"]
    assert summary["reads"] == {
        "points": 3,
        "exact": 1,
        "mean_abs_error_pct": 5.0,
        "median_abs_error_pct": 5.0,
        "worst_abs_error_pct": 10.0,
        "spearman": pytest.approx(1.0),
        "analytical_mean_abs_error_pct": pytest.approx(5 / 3),
    }
    assert summary["throttled"]["worst_abs_error_pct"] == 80.0
    assert summary["throttled"]["spearman"] is None


def test_ranks_in_reverse_correlate_negatively():
    points = tuple(point(float(n), float(9 - n)) for n in range(1, 6))
    assert Report(validation="t", points=points).summary()["reads"]["spearman"] == pytest.approx(-1)


def test_the_outside_form_is_json_with_every_key():
    report = Report(
        validation="timeloop",
        points=(point(analytical=None), point(scored="")),
        excluded=(Excluded(case="x", why="because"),),
    )
    document = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert list(document) == ["validation", "points", "summary", "excluded"]
    assert document["points"][0] == {
        "case": "c", "class": "plain", "metric": "reads", "reference": 10.0, "simulated": 10.0,
        "analytical": None, "tolerance": 0.0, "error_pct": 0.0, "where": "RF.W",
        "scored": "simulated", "executed": 10.0,
    }  # fmt: skip
    assert document["points"][1]["scored"] is None
    assert document["excluded"] == [{"case": "x", "why": "because"}]

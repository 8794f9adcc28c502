"""Do closed form and execution give every figure that Timeloop printed?

The figures: stallscope/validation/data/timeloop.json (75 cases; default suite) and
tests/data/timeloop_rest.json (the other 235; slow), Timeloop v3.0.3's own output.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stallscope.validation import validate
from stallscope.validation.packing import unpack

REST = Path(__file__).parents[1] / "data" / "timeloop_rest.json"
METRICS = {
    "reads", "fills", "updates", "link_transfers", "temporal_reductions", "tile_words",
    "network_words", "spatial_reductions", "hops", "energy_pj", "cycles", "analytical_cycles",
}  # fmt: skip


def check(report, cases):
    """Every scored figure is exact, both roads, and waits only ever add cycles."""
    assert report.misses == ()
    assert not METRICS - {point.metric for point in report.points if point.scored}
    assert cases == len({p.case for p in report.points} | {e.case for e in report.excluded})
    for point in report.points:
        if point.kind in ("plain", "imperfect") and point.analytical is not None:
            assert abs(point.analytical - point.reference) <= point.tolerance + 1e-9 * abs(
                point.reference
            ), point
        if point.kind == "throttled":
            # Timeloop rounds a quotient of floating-point numbers up: at times by one too many.
            assert point.simulated >= point.reference - 1, point


def test_every_figure_of_the_own_copy_is_timeloops():
    report = validate("timeloop")
    check(report, cases=75)
    assert [entry.case for entry in report.excluded] == ["own_flag_updated_rmw"]


@pytest.mark.slow
def test_every_figure_of_all_other_cases_is_timeloops(tmp_path):
    unpack(json.loads(REST.read_text(encoding="utf-8")), tmp_path)
    check(validate("timeloop", tmp_path), cases=235)

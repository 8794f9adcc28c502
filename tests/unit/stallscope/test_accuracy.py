"""A validation report as text: what nobody judges stands beside the reference, too."""

import io

from rich.console import Console

from stallscope.report.accuracy import print_report
from stallscope.validation.points import Point, Report


def point(number: int, *, kind: str = "whole", scored: str = "", **figures: float | None) -> Point:
    given = {"reference": 200.0, "simulated": 150.0, "analytical": None} | figures
    return Point(case=f"case {number}", where="", kind=kind, metric="cycles", tolerance=0.0,
                 scored=scored, **given)  # fmt: skip


def shown(*points: Point) -> list[str]:
    out = io.StringIO()
    report = Report(validation="set", points=points)
    print_report(Console(file=out, width=200), report.to_json())
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return lines[lines.index("") + 1 :] if "" in lines else lines


def test_points_that_are_reported_only_stand_beside_the_reference() -> None:
    lines = shown(
        point(1), point(2, kind="scored", scored="simulated", simulated=200.0),
        point(3, kind="none", reference=0.0), point(4, simulated=1_234_567.0, reference=0.0268206),
    )  # fmt: skip
    at = lines.index("reported, not scored: whole")
    assert lines[at + 1] == "  case 1, cycles: reference 200, ours 150 (-25.00 %)"
    assert lines[at + 2].startswith("  case 4, cycles: reference 0.0268206, ours 1,234,567 (+")
    assert lines[at + 3 :] == [
        "reported, not scored: none", "  case 3, cycles: reference 0, ours 150",
    ]  # fmt: skip


def test_no_more_than_twelve_points_of_a_class_are_listed() -> None:
    twelve = shown(*map(point, range(12)))
    assert "more" not in twelve[-1]
    assert sum(line.startswith("  case") for line in twelve) == 12
    fourteen = shown(*map(point, range(14)))
    assert fourteen[-1] == "  ..., 2 more"
    assert sum(line.startswith("  case") for line in fourteen) == 12

"""A validation report as text: a line per metric, points only reported, points outside."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from stallscope.report.document import Document
from stallscope.report.tables import table

__all__ = ["print_report"]

_MOST = 20
_MOST_OF_A_CLASS = 12
_NAMED = 3


def print_report(console: Console, document: Document) -> None:
    """Print a validation report.

    Args:
        console: Where to print.
        document: The report in the form of docs/formats.md.
    """
    columns = [("metric", "left"), ("points", "right"), ("exact", "right"), ("mean error", "right"),
               ("worst error", "right"), ("analytical mean", "right")]  # fmt: skip
    rows = []
    for name, line in document["summary"].items():
        rows.append([name, f"{line['points']:,}", f"{line['exact']:,}",
                     _error(line.get("mean_abs_error_pct")),
                     _error(line.get("worst_abs_error_pct")),
                     _error(line.get("analytical_mean_abs_error_pct"))])  # fmt: skip
    console.print(table(columns, rows, f"validation: {document['validation']}"))
    limits = document.get("limits", {})
    for kind, limit in limits.items():
        console.print(f"{kind}: {_judged(limit)}", markup=False)
    for kind, mean in document.get("missed_means", {}).items():
        console.print(f"[bold]{kind}: {mean:.3g} % on average is past its limit[/bold]")
    for note in document.get("notes", ()):
        console.print(note, markup=False)
    _print_reported(console, document["points"])
    outside = [point for point in document["points"] if _is_outside(point, limits)]
    if outside:
        console.print("[bold]Scored points outside the reference's rounding or the limit[/bold]")
    for point in outside[:_MOST]:
        where = f"{point['case']} {point.get('where', '')} {point['metric']}"
        figures = f"reference {point['reference']}, ours {_scored(point)} ({point['class']})"
        console.print(f"  {where}: {figures}", markup=False)
    if len(outside) > _MOST:
        console.print(f"  ... {len(outside) - _MOST} more")
    for why in dict.fromkeys(excluded["why"] for excluded in document["excluded"]):
        cases = [one["case"] for one in document["excluded"] if one["why"] == why]
        named = ", ".join(cases[:_NAMED]) + (f", ... ({len(cases)})" if len(cases) > _NAMED else "")
        console.print(f"excluded: {named}: {why}", markup=False)


def _print_reported(console: Console, points: Sequence[Document]) -> None:
    """Print the points that nothing judges, class by class: the reference's figure and ours."""
    classes: dict[str, list[Document]] = {}
    for point in points:
        if not point.get("scored", "simulated"):
            classes.setdefault(point["class"], []).append(point)
    for name, members in classes.items():
        console.print(f"reported, not scored: {name}", markup=False)
        for point in members[:_MOST_OF_A_CLASS]:
            named = filter(None, (point["case"], point.get("where"), point["metric"]))
            error = point["error_pct"]
            off = "" if error is None else f" ({error:+.2f} %)"
            figures = f"reference {_figure(point['reference'])}, ours {_figure(point['simulated'])}"
            console.print(f"  {', '.join(named)}: {figures}{off}", markup=False)
        if len(members) > _MOST_OF_A_CLASS:
            console.print(f"  ..., {len(members) - _MOST_OF_A_CLASS} more")


def _figure(value: float) -> str:
    """Return a figure with six digits, a large one whole."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.6g}"


def _scored(point: Document) -> float | None:
    """Return the figure of ours that must equal the reference; None for a point only reported."""
    scored = point.get("scored", "simulated")
    figure: float | None = point.get(scored) if scored else None
    return figure


def _is_outside(point: Document, limits: Document) -> bool:
    figure, reference = _scored(point), point["reference"]
    if figure is None or point["tolerance"] is None:
        return False
    limit = limits.get(point["class"], {})
    if limit.get("metric", point["metric"]) != point["metric"]:
        return False
    slack = 1e-9 * max(1.0, abs(reference))  # the last bits of a decimal fraction are no error
    if abs(figure - reference) <= point["tolerance"] + slack:
        return False
    error = point["error_pct"]
    return not limit or error is None or bool(abs(error) > limit["worst_pct"])


def _judged(limit: Document) -> str:
    what = f" of the {limit['metric']}" if "metric" in limit else ""
    mean = f", {limit['mean_pct']:g} % on average" if "mean_pct" in limit else ""
    return f"judged by errors{what} of at most {limit['worst_pct']:g} %{mean}"


def _error(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"

"""What the page's script shows under the pointer: the charts' numbers as one JSON tree.

Interval charts: ``lanes`` of ``series``, each a label, the name of a look, and a value per
interval. The timeline: per lane the columns start, end, step, words, tensor, class, lost cycles and
what a wait awaited (null: a step). Texts that come again are numbers into ``texts``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stallscope.report.page.over_time import HeldLane, OverTime, PowerChart, UnitLane
from stallscope.report.page.palette import tone
from stallscope.report.page.timeline import SliceLane, Timeline
from stallscope.traces.events.columns import MULTIPLYING, WAIT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Amounts = NDArray[np.float64]

__all__ = ["hover_data"]

Tree = dict[str, Any]  # a JSON tree is open


def hover_data(time: OverTime | None, window: Timeline | None, looks: Sequence[str]) -> Tree:
    """Return the tree.

    Args:
        time: Charts over the whole run.
        window: The timeline.
        looks: Names of components, by number of their colour.
    """
    tree: Tree = {}
    if time is not None:
        axis = {"begin": time.begin, "end": time.end, "every": time.every}
        tree["units"] = axis | {"lanes": [_unit(lane) for lane in time.units]}
        tree["held"] = axis | {"lanes": [_held(lane) for lane in time.held]}
        if time.power is not None:
            tree["power"] = axis | {"lanes": [_power(time.power, looks)]}
    if window is not None:
        tree["timeline"] = _timeline(window)
    return tree


def _unit(lane: UnitLane) -> Tree:
    series: list[Tree] = [
        {"label": "at work" if band.name == "work" else band.name, "look": tone(band.name),
         "unit": "cycles", "values": _numbers(band.values)}
        for band in reversed(lane.bands)
    ]  # fmt: skip
    series.append(
        {"label": "idle", "look": "idle", "unit": "cycles", "values": _numbers(lane.idle)}
    )
    what = "MACs" if lane.op in MULTIPLYING else "words"
    series.append({"label": what, "look": None, "unit": "", "values": _numbers(lane.words)})
    return {"name": lane.name, "series": series}


def _held(lane: HeldLane) -> Tree:
    series = [
        {"label": "most", "look": "held-most", "unit": lane.unit, "values": lane.most.tolist()},
        {"label": "mean", "look": "held-mean", "unit": lane.unit, "values": lane.mean.tolist()},
    ]
    return {"name": f"{lane.tensor} at {lane.level}", "series": series}


def _power(chart: PowerChart, looks: Sequence[str]) -> Tree:
    series: list[Tree] = [
        {"label": "all", "look": None, "unit": chart.unit, "values": _rounded(chart.total)}
    ]
    series += [
        {"label": band.name, "look": f"part-{looks.index(band.name)}", "unit": chart.unit,
         "values": _rounded(band.values)}
        for band in chart.bands
    ]  # fmt: skip
    return {"name": "Power", "series": series}


def _numbers(values: Amounts) -> list[float | int]:
    """Whole where they are, which is short; else two places."""
    rounded = [round(value, 2) for value in values.tolist()]
    return [int(value) if value == int(value) else value for value in rounded]


def _rounded(values: Amounts) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]


def _timeline(window: Timeline) -> Tree:
    texts: dict[str, int] = {}

    def number(text: str | None) -> int | None:
        return None if text is None else texts.setdefault(text, len(texts))

    lanes = [_slices(lane, number) for lane in window.lanes]
    looks = {text: tone(text) for text in texts}
    return {"begin": window.begin, "end": window.end, "lanes": lanes, "texts": list(texts),
            "looks": [looks[text] for text in texts]}  # fmt: skip


def _slices(lane: SliceLane, number: Callable[[str | None], int | None]) -> Tree:
    columns: list[list[int | None]] = [[] for _ in range(8)]
    for start, end, step, words, tensor, op, cause, lost, awaits in lane.slices:
        awaited = number(awaits) if op == WAIT else None
        row = (start, end, step, words, number(tensor), number(cause), lost, awaited)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return {"name": lane.name, "op": lane.op, "columns": columns}

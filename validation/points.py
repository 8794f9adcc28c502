"""A validation report: points with reference, simulated and analytical figure, and a summary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean, median

import numpy as np

__all__ = ["Excluded", "Limit", "Point", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One figure of one case.

    Attributes:
        case: Name of the case.
        where: What of the case: level or network and tensor, or empty for the run.
        kind: The report's ``class``: which rule the point follows.
        metric: Name of the figure; that of a cycle figure has ``cycles`` in it.
        reference: The reference's figure.
        simulated: Ours, executed (for a metric ``analytical_...`` the closed form's).
        analytical: Ours, by closed form, or None where there is none.
        tolerance: The reference's print rounding and no more.
        scored: ``simulated`` or ``analytical``: which of ours must equal the reference; empty for
            a point that is reported only.
    """

    case: str
    where: str
    kind: str
    metric: str
    reference: float
    simulated: float
    analytical: float | None
    tolerance: float
    scored: str = "simulated"

    @property
    def figure(self) -> float:
        """Our figure that is scored; the simulated one where none is."""
        if self.scored == "analytical" and self.analytical is not None:
            return self.analytical
        return self.simulated

    @property
    def is_exact(self) -> bool:
        """Whether that figure equals the reference within the tolerance."""
        # The last bits of a decimal fraction are not an error of anybody's.
        slack = 1e-9 * max(1.0, abs(self.reference))
        return abs(self.figure - self.reference) <= self.tolerance + slack

    @property
    def error_pct(self) -> float | None:
        """Error of the scored figure in percent; None if the reference is 0 and ours not."""
        return _error_pct(self.figure, self.reference)

    def to_json(self) -> dict[str, object]:
        """Return the point in the report's outside form.

        ``simulated`` is the figure that is scored; where that is the closed form's (a quirk of
        the reference, named by the class), ``executed`` is what the run counted.
        """
        return {
            "case": self.case,
            "class": self.kind,
            "metric": self.metric,
            "reference": self.reference,
            "simulated": self.figure,
            "analytical": self.analytical,
            "tolerance": self.tolerance,
            "error_pct": self.error_pct,
            "where": self.where,
            "scored": self.scored or None,
            "executed": self.simulated,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A case left out, by name, and the reason."""

    case: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How far the points of a class may be off, where they cannot be exact.

    Attributes:
        worst_pct: Largest error of a point, percent.
        mean_pct: Largest mean of their absolute errors, percent; None: any.
        metric: Metric that is judged; the others of the class are only reported. None: all.
    """

    worst_pct: float
    mean_pct: float | None = None
    metric: str | None = None

    def judges(self, point: Point) -> bool:
        """Whether a point of its class is judged."""
        return self.metric in (None, point.metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a validation found.

    Attributes:
        validation: Name of the reference set.
        points: Its figures.
        excluded: Cases left out.
        limits: Classes whose scored points are judged by an error in percent; all others must be
            exact within their tolerance.
    """

    validation: str
    points: tuple[Point, ...]
    excluded: tuple[Excluded, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=dict)

    @property
    def is_within(self) -> bool:
        """Whether every judged point and mean is within its limit or tolerance; there is one."""
        return bool(self._judged) and not self.misses and not self.missed_means

    @property
    def _judged(self) -> tuple[Point, ...]:
        """Scored points, but for those that their class's limit does not judge."""
        limits = self.limits
        return tuple(
            point for point in self.points
            if point.scored and (point.kind not in limits or limits[point.kind].judges(point))
        )  # fmt: skip

    @property
    def misses(self) -> tuple[Point, ...]:
        """The judged points outside their limit or tolerance."""
        return tuple(point for point in self._judged if not self._passes(point))

    @property
    def missed_means(self) -> dict[str, float]:
        """Mean absolute error, percent, of the classes whose limit of it is not kept."""
        found = {}
        for kind, limit in self.limits.items():
            errors = _known(point.error_pct for point in self._judged if point.kind == kind)
            if limit.mean_pct is not None and errors and fmean(errors) > limit.mean_pct:
                found[kind] = fmean(errors)
        return found

    def _passes(self, point: Point) -> bool:
        limit = self.limits.get(point.kind)
        if point.is_exact or limit is None:
            return point.is_exact
        return point.error_pct is not None and abs(point.error_pct) <= limit.worst_pct

    def summary(self) -> dict[str, dict[str, float | None]]:
        """Return a line per metric (scored points) and one per class (all its points)."""
        lines = {
            metric: _line([p for p in self.points if p.metric == metric and p.scored])
            for metric in dict.fromkeys(p.metric for p in self.points if p.scored)
        }
        for kind in dict.fromkeys(p.kind for p in self.points):
            lines.setdefault(kind, _line([p for p in self.points if p.kind == kind]))
        return lines

    def to_json(self) -> dict[str, object]:
        """Return the report in its outside form (docs/formats.md); ``limits`` where it has any."""
        limits = {
            kind: {name: value for name, value in asdict(limit).items() if value is not None}
            for kind, limit in self.limits.items()
        }
        document: dict[str, object] = {
            "validation": self.validation,
            "points": [point.to_json() for point in self.points],
            "summary": self.summary(),
            "excluded": [{"case": entry.case, "why": entry.why} for entry in self.excluded],
        }
        if self.missed_means:
            document["missed_means"] = self.missed_means
        return document | ({"limits": limits} if limits else {})


def _line(points: Sequence[Point]) -> dict[str, float | None]:
    """Summarise points by the figure that is scored; errors in percent."""
    errors = _known(_error_pct(p.figure, p.reference) for p in points)
    analytical = _known(
        _error_pct(p.analytical, p.reference) for p in points if p.analytical is not None
    )
    return {
        "points": len(points),
        "exact": sum(point.is_exact for point in points),
        "mean_abs_error_pct": fmean(errors) if errors else None,
        "median_abs_error_pct": median(errors) if errors else None,
        "worst_abs_error_pct": max(errors) if errors else None,
        "spearman": _spearman([p.reference for p in points], [p.figure for p in points]),
        "analytical_mean_abs_error_pct": fmean(analytical) if analytical else None,
    }


def _known(errors: Iterable[float | None]) -> list[float]:
    return [abs(error) for error in errors if error is not None]


def _error_pct(ours: float, reference: float) -> float | None:
    if ours == reference:
        return 0.0
    return 100.0 * (ours - reference) / reference if reference else None


def _spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Rank correlation, ties by mean rank; None without two different values on both sides."""
    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    import pandas  # costs 0.4 s, and only reports with figures need it

    ranks = [pandas.Series(values).rank().to_numpy() for values in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])

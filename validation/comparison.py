"""Analytical beside simulated: every figure of a case, and every difference by cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from stallscope.hw.result import Result
from stallscope.hw.simulate import simulate
from stallscope.mappings.case import Case
from stallscope.validation.causes import Cause, ThreeRoads, three_roads
from stallscope.validation.figures import CYCLES, ENERGY, Key

if TYPE_CHECKING:
    import pandas

__all__ = ["Comparison", "ComparisonRow", "compare", "compare_result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One figure by both roads, or one part of a difference.

    Attributes:
        place: Storage level, network, MAC unit; ``run`` for the whole.
        tensor: Tensor, or empty.
        figure: ``reads``, ``hops``, ``energy_pj``, ``cycles`` and so on.
        analytical: The closed form's figure; None in a row that is a part of a difference.
        simulated: The executed figure; None likewise.
        difference: simulated - analytical, or this cause's part of it.
        cause: Empty when equal; for cycles the class of the cycle stack (one row each, which
            sum to the difference); for counts and energies the counting rule that differs.
    """

    place: str
    tensor: str
    figure: str
    analytical: float | None
    simulated: float | None
    difference: float
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All figures of a case by both roads.

    Attributes:
        name: The case's name.
        rows: Per level, tensor and network, then compute, energy and cycles.
    """

    name: str
    rows: tuple[ComparisonRow, ...]

    @property
    def differences(self) -> tuple[ComparisonRow, ...]:
        """The rows with a difference, parts included."""
        return tuple(row for row in self.rows if row.difference)

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a table.

        Columns: place, tensor, figure, cause (str); analytical, simulated (float, null in a row
        that is a part of a difference); difference (float). Counts are words over all used
        instances, energies pJ, hops averages per word.
        """
        import pandas  # costs 0.4 s: only who asks for a table pays

        columns = list(ComparisonRow.__dataclass_fields__)
        return pandas.DataFrame([asdict(row) for row in self.rows], columns=columns)


def compare(case: Case) -> Comparison:
    """Analyse and simulate a case and set the figures side by side.

    Raises:
        DeadlockError: If the simulation cannot go on.
    """
    return compare_result(case, simulate(case))


def compare_result(case: Case, result: Result) -> Comparison:
    """Set the figures of a simulation that has run beside the analytical ones."""
    roads = three_roads(case, result)
    rows = [_row(roads, key) for key in roads.default if key not in (CYCLES, ENERGY)]
    if ENERGY in roads.default:
        rows += [*_leakage(roads), _row(roads, ENERGY)]
    rows += _cycles(roads)
    return Comparison(name=case.name, rows=tuple(rows))


def _row(roads: ThreeRoads, key: Key) -> ComparisonRow:
    analytical, simulated = roads.default[key], roads.executed[key]
    cause = roads.cause(key)
    is_total = key == ENERGY
    if is_total and cause is Cause.UNEXPLAINED and any(True for _ in _leakage(roads)):
        label = "leakage"  # the counts agree; a longer run leaks more
    else:
        label = cause.value
    return ComparisonRow(
        place=key.place or "run",
        tensor=key.tensor,
        figure=key.metric,
        analytical=analytical,
        simulated=simulated,
        difference=simulated - analytical if cause is not Cause.NONE else 0.0,
        cause=label,
    )


def _leakage(roads: ThreeRoads) -> Iterator[ComparisonRow]:
    pairs = zip(roads.estimate.counts.levels, roads.result.counts.levels, strict=True)
    for estimated, executed in pairs:
        one, other = estimated.leakage_pj, executed.leakage_pj
        if one is None or other is None:
            continue
        yield ComparisonRow(
            place=executed.name,
            tensor="",
            figure="leakage_pj",
            analytical=one,
            simulated=other,
            difference=other - one,
            cause="cycles" if other != one else "",
        )


def _cycles(roads: ThreeRoads) -> Iterator[ComparisonRow]:
    """The cycles of both roads, then what their difference is made of."""
    estimate, result = roads.estimate, roads.result
    analytical, simulated = roads.default[CYCLES], roads.executed[CYCLES]
    yield ComparisonRow(
        place="run",
        tensor="",
        figure="cycles",
        analytical=analytical,
        simulated=simulated,
        difference=simulated - analytical,
        cause="" if simulated == analytical else "by class, below",
    )
    parts = {name: n for name, n in result.cycle_stack.items() if name != "compute"}
    # A padded last iteration is a step of the closed form, not of the machine.
    parts["remainder"] = result.cycle_stack["compute"] - estimate.compute_cycles
    # The closed form's own cycles above compute are waits that both roads have.
    parts[f"in the analytical bound: {estimate.bound_by}"] = (
        estimate.compute_cycles - estimate.cycles
    )
    for cause, amount in parts.items():
        if amount:
            yield ComparisonRow(
                place="run", tensor="", figure="cycles", analytical=None, simulated=None,
                difference=float(amount), cause=cause,
            )  # fmt: skip

"""Validation against Timeloop: every figure it printed, by closed form and by execution.

What is executed is compared with what Timeloop printed. The closed form is scored instead where
Timeloop's own print is not what hardware would do; such a point's class names the quirk, and it
counts as one only if a closed form without the quirk equals the execution exactly. The tolerance
is the rounding of Timeloop's print and no more.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from math import ceil

from stallscope.hw.simulate import simulate
from stallscope.mappings.case import Case
from stallscope.mappings.nest import Nest
from stallscope.simcore.errors import DeadlockError, SpecError
from stallscope.validation.causes import Cause, ThreeRoads, three_roads
from stallscope.validation.figures import CYCLES, ENERGY, Key
from stallscope.validation.points import Excluded, Point, Report
from stallscope.validation.timeloop_cases import ReferenceCase, own_cases, reference_cases

__all__ = ["score", "validate_timeloop"]

PLAIN = "plain"
FULL_WALK = "full walk"
IMPERFECT = "imperfect"
PADDED = "padded loop"
THROTTLED = "throttled"
REJECTED = "rejected"

_PRINTED_DECIMALS = 0.005  # energies and average hops are printed with two decimals
_NOT_DONE = {
    "TIMELOOP_ENABLE_UPDATED_RMW": "an alternative rule of partial sums, not Timeloop's default: "
    "they bounce between the two outermost levels only",
}


def validate_timeloop(cases: str | os.PathLike[str] | None = None) -> Report:
    """Compare with Timeloop's figures.

    Args:
        cases: A case folder or a folder of them; None for the project's own copy.

    Returns:
        The report. Classes: ``plain``; ``full walk`` (execution against Timeloop's walk of every
        iteration) and ``default walk`` (closed form against its shortcut); ``imperfect``
        (remainders: true counts) and ``padded loop`` (cycles of such a case, where Timeloop counts
        the last iteration as a whole one; scored by the closed form); ``throttled`` (simulated
        cycles where a bandwidth is limited: reported, not scored); ``hops after bypass``,
        ``shared links`` and ``outer level cannot add`` (Timeloop's quirks, scored by the closed
        form); ``rejected``.

    Raises:
        SpecError: If there are no cases, or a file of figures is not in the known form.
    """
    if cases is not None:
        return _report(reference_cases(cases))
    with own_cases() as own:
        return _report(own)


def _report(cases: tuple[ReferenceCase, ...]) -> Report:
    points: list[Point] = []
    excluded = []
    for case in cases:
        why = [text for switch, text in _NOT_DONE.items() if case.environment.get(switch) == "1"]
        if why:
            excluded.append(Excluded(case=case.name, why=why[0]))
        else:
            points += score(case)
    return Report(validation="timeloop", points=tuple(points), excluded=tuple(excluded))


def score(reference: ReferenceCase) -> list[Point]:
    """Run one case by both roads and return its points."""
    if reference.rejection:
        return [_rejection(reference)]
    try:
        case = reference.load()
        roads = three_roads(case, simulate(case))
    except (SpecError, DeadlockError) as error:
        first = str(error).splitlines()[0]
        return [Point(case=reference.name, where=first, kind=PLAIN, metric="accepted",
                      reference=1, simulated=0, analytical=None, tolerance=0)]  # fmt: skip
    return list(_Scorer(reference, case, roads).points())


class _Scorer:
    """Makes the points of one case."""

    def __init__(self, reference: ReferenceCase, case: Case, roads: ThreeRoads) -> None:
        self._reference = reference
        self._case = case
        self._roads = roads
        self._is_imperfect = bool(Nest(case).ragged)
        self._total_tolerance = 0.0

    def points(self) -> Iterator[Point]:
        for key, printed in self._reference.figures.items():
            if key in (CYCLES, ENERGY):
                continue
            if key in self._roads.executed:
                tolerance = self._tolerance(key)
                if key.metric == "energy_pj":
                    self._total_tolerance += tolerance
                yield from self._figure(key, printed, tolerance)
            elif printed and (key.metric != "energy_pj" or self._case.energy is not None):
                yield self._point(key, PLAIN, printed, 0.0, executed=0.0, analytical=0.0)
        if ENERGY in self._reference.figures and ENERGY in self._roads.executed:
            # A sum of rounded figures is as far off as they are together.
            energy = self._reference.figures[ENERGY]
            yield from self._figure(ENERGY, energy, self._total_tolerance)
        yield from self._cycles()

    def _figure(self, key: Key, printed: float, tolerance: float) -> Iterator[Point]:
        roads, walked = self._roads, self._reference.full_walk
        executed, default, full = roads.executed[key], roads.default[key], roads.full[key]
        cause = roads.cause(key)
        quirk = cause.value if cause in _QUIRKS else ""
        if self._is_imperfect:
            # Timeloop's shortcut is wrong here, by its own full walk: only that is a reference.
            true = printed if walked is None else walked.get(key, printed)
            yield self._point(key, IMPERFECT, true, tolerance, executed, full,
                              "" if walked is None else "simulated")  # fmt: skip
        elif quirk:
            yield self._point(key, quirk, printed, tolerance, executed, default, "analytical")
        elif walked is not None:
            true = walked.get(key, printed)
            yield self._point(key, FULL_WALK, true, tolerance, executed, full)
            if true != printed:
                kind = Cause.SHORTCUT.value
                yield self._point(key, kind, printed, tolerance, executed, default, "analytical")
        elif cause is Cause.SHORTCUT:
            yield self._point(key, cause.value, printed, tolerance, executed, default, "analytical")
        else:
            yield self._point(key, PLAIN, printed, tolerance, executed, default)

    def _cycles(self) -> Iterator[Point]:
        printed, walked = self._reference.figures[CYCLES], self._reference.full_walk
        executed, default = self._roads.executed[CYCLES], self._roads.default[CYCLES]
        true = printed if walked is None else walked[CYCLES]
        if any(
            rate is not None
            for level in self._case.architecture.levels
            for rate in (level.read_words_per_cycle, level.write_words_per_cycle,
                         level.shared_words_per_cycle)
        ):  # fmt: skip
            reported = Key("", "", "cycles_throttled")
            yield self._point(reported, THROTTLED, true, 0.0, executed, default, "")
        elif self._roads.result.cycle_stack["compute"] < self._roads.estimate.compute_cycles:
            # Timeloop counts a smaller last iteration as a whole one.
            yield self._point(CYCLES, PADDED, true, 0.0, executed, default, "analytical")
        else:
            kind = IMPERFECT if self._is_imperfect else PLAIN if walked is None else FULL_WALK
            yield self._point(CYCLES, kind, true, 0.0, executed, default)
        bounds = {"": (printed, default)} | {
            name: (cycles, float(self._roads.estimate.level_cycles[name]))
            for name, cycles in self._reference.level_cycles.items()
        }
        kind = IMPERFECT if self._is_imperfect else PLAIN
        for place, (wanted, ours) in bounds.items():
            yield self._point(Key(place, "", "analytical_cycles"), kind, wanted, 0.0, ours, ours)

    def _point(
        self,
        key: Key,
        kind: str,
        printed: float,
        tolerance: float,
        executed: float,
        analytical: float,
        scored: str = "simulated",
    ) -> Point:
        return Point(
            case=self._reference.name,
            where=f"{key.place}.{key.tensor}" if key.tensor else key.place,
            kind=kind,
            metric=key.metric,
            reference=printed,
            simulated=executed,
            analytical=analytical,
            tolerance=tolerance,
            scored=scored,
        )

    def _tolerance(self, key: Key) -> float:
        """How far the print may be from the figure it stands for."""
        if key.metric == "hops":
            return _PRINTED_DECIMALS
        if key.metric == "energy_pj":
            return self._energy_tolerance(key)
        if key.metric == "tile_words":
            return 0.0
        return self._rounding(key)

    def _rounding(self, key: Key) -> float:
        """Averages per instance are printed as whole words: rounded, fills cut."""
        used = self._roads.used_instances(key.place)
        if not self._roads.full[key] % used:
            return 0.0
        return used - 1.0 if key.metric == "fills" else used / 2

    def _energy_tolerance(self, key: Key) -> float:
        """Two decimals; and energies follow from the averages in whole words."""
        # A network prints energy, link transfers and reductions apart.
        if key.place not in self._case.architecture.level_index:
            return _PRINTED_DECIMALS * (3 if key.tensor else 1)
        table, spec = self._case.energy, self._case.architecture.level(key.place)
        tolerance = _PRINTED_DECIMALS
        for metric, action in (("reads", "read"), ("fills", "write"), ("updates", "update")):
            words = self._rounding(Key(key.place, key.tensor, metric))
            if words and table is not None:
                each = table.energy_pj(key.place, action) or 0.0
                blocks = ceil(self._roads.used_instances(key.place) / spec.cluster_size)
                is_single = spec.block_words == spec.cluster_size == 1
                tolerance += each * (words if is_single else blocks)
        return tolerance


_QUIRKS = (Cause.LINKS, Cause.BYPASS_HOPS, Cause.NO_ADDER)


def _rejection(reference: ReferenceCase) -> Point:
    """A rejected case: ours must name what Timeloop's message names, with its numbers."""
    try:
        reference.load()
    except SpecError as error:
        said = re.sub(r"(?<=\d)\s(?=\d{3})", "", str(error))
        named = all(re.search(rf"\b{re.escape(word)}\b", said) for word in _named(reference))
        ours = float(named)
        where = str(error).splitlines()[0]
    else:
        ours, where = 0.0, "accepted"
    return Point(case=reference.name, where=where, kind=REJECTED, metric="rejected",
                 reference=1.0, simulated=ours, analytical=None, tolerance=0.0)  # fmt: skip


def _named(reference: ReferenceCase) -> list[str]:
    """Level or dimension and the numbers of Timeloop's message.

    Where it names the MACs we name the level whose loops spread over them.
    """
    message = reference.rejection
    named = re.findall(r"(?:map|storage) level (\w+)|of dimension (\w+)", message)
    words = [level or dimension for level, dimension in named]
    if "Arithmetic" in message:
        words = []
    return words + re.findall(r"\b\d+\b", message)

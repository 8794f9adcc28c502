"""Search for the best schedule of a layer on a chip of crossbars.

Every filling, every number of pieces that a map can be cut into, every order of images, output
channels, tiles and loads, with and without turns: all that fit a core's buffers are bounded by
light arithmetic (``scoring``); the most promising are then estimated one by one, in the order of
their bounds, until no bound promises more than what is found. What is returned is what estimating
every one of them would return.

Not modelled: loops blocked twice along one axis; tiles of unlike sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np

from stallscope.mappings.energy import EnergyTable
from stallscope.mappings.layers import Shape
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import CrossbarChip, Overlap
from stallscope.mappings.reram.estimate import analyze_with_activity
from stallscope.mappings.reram.legality import check_crossbars, writing_faults
from stallscope.mappings.reram.schedule import (
    Axis,
    CrossbarSchedule,
    Filling,
    InputForm,
    ScheduleLoop,
)
from stallscope.mappings.reram.scoring import Bounds, Floats, Order, Part, Scorer, orders_of
from stallscope.mappings.reram.tilings import Tilings, tilings_of
from stallscope.mappings.reram.wear import wear_of
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Candidate", "Exploration", "Objective", "candidate_of", "explore"]


class Objective(StrEnum):
    """What is to be small."""

    UPDATES = "updates"
    """Times that weights are written."""
    CYCLES = "cycles"
    """Cycles by the analytical model."""
    ENERGY = "energy"
    """Energy by the analytical model."""
    WEAR = "wear"
    """Writes of the most written cell; then cells written in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A schedule and what the closed forms say of it.

    Attributes:
        schedule: The schedule.
        updates: Times that weights are written.
        cycles, bound_by, energy_pj: Of the analytical model.
        writes_max: Writes of the most written cell.
        cells_written: Cells written in all.
    """

    schedule: CrossbarSchedule
    updates: int
    cycles: int
    bound_by: str
    energy_pj: float | None
    writes_max: Fraction
    cells_written: int

    def score(self, objective: Objective) -> tuple[float, ...]:
        """What is compared: smaller is better; equal ones by updates."""
        match objective:
            case Objective.UPDATES:
                return (self.updates,)
            case Objective.CYCLES:
                return (self.cycles, self.updates)
            case Objective.ENERGY:
                assert self.energy_pj is not None  # explore's own check
                return (self.energy_pj, self.updates)
            case Objective.WEAR:
                return (float(self.writes_max), self.cells_written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What a search found.

    Attributes:
        objective: What was to be small.
        best: The best schedules, the best first; equal ones by updates, then the simpler first
            (without turns, of fewer loops, of fewer pieces).
        scored: Schedules that fit and were bounded.
        estimated: Of these, schedules that were estimated one by one.
    """

    objective: Objective
    best: tuple[Candidate, ...]
    scored: int
    estimated: int


def candidate_of(case: CrossbarCase) -> Candidate:
    """Return a case's schedule with its figures.

    Raises:
        SpecError: If the schedule cannot run.
    """
    check_crossbars(case)
    estimate, activity = analyze_with_activity(case)
    return Candidate(
        schedule=case.schedule,
        updates=activity.updates,
        cycles=estimate.cycles,
        bound_by=estimate.bound_by,
        energy_pj=estimate.energy_pj,
        writes_max=wear_of(case, activity).writes_max,
        cells_written=activity.cells_written,
    )


def explore(
    layer: Shape, chip: CrossbarChip, objective: Objective, *, energy: EnergyTable | None = None,
    fillings: Sequence[Filling] = tuple(Filling), inputs: InputForm = InputForm.AUTO,
    spill: bool = False, keep: int = 5,
) -> Exploration:  # fmt: skip
    """Return the best schedules of a layer.

    Args:
        layer: The layer.
        chip: The chip.
        objective: What is to be small.
        energy: Energies; needed for that objective.
        fillings: Fillings to try; those that come to the same loads count once.
        inputs: Form that inputs come in.
        spill: Whether partial sums may leave a core before they are complete.
        keep: Schedules to return at most.

    Raises:
        SpecError: If no schedule fits, the objective needs figures that are not there, or what
            writing takes depends on the weights (``data_aware``).
    """
    _check(chip, objective, energy)
    asked = _Asked(layer=layer, chip=chip, objective=objective, energy=energy, inputs=inputs)
    groups = list(_groups(asked, fillings, spill=spill))
    if not groups:
        # Not even a tile of one pixel fits: what is in its way says so.
        pixel = (ScheduleLoop(axis=Axis.H), ScheduleLoop(axis=Axis.W))
        schedule = CrossbarSchedule(filling=fillings[0], loops=pixel, inputs=inputs)
        check_crossbars(asked.case(schedule))
    best, estimated = _settle(asked, groups, keep)
    scored = sum(len(group.tilings.rows) for group in groups)
    return Exploration(objective=objective, best=best, scored=scored, estimated=estimated)


def _check(chip: CrossbarChip, objective: Objective, energy: EnergyTable | None) -> None:
    faults = writing_faults(chip, has_weights=True)
    if objective is Objective.ENERGY and energy is None:
        faults.append(
            Fault(place="energy", value="", rule="the objective energy needs an energy table",
                  remedy="give one, or take cycles")
        )  # fmt: skip
    if chip.writing.data_aware:
        faults.append(
            Fault(place="crossbars.writing.data_aware", value=True,
                  rule="what writing takes depends on the weights, which a search does not know",
                  remedy="leave data_aware out")
        )  # fmt: skip
    if faults:
        raise SpecError(faults)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the search is about."""

    layer: Shape
    chip: CrossbarChip
    objective: Objective
    energy: EnergyTable | None
    inputs: InputForm

    def case(self, schedule: CrossbarSchedule) -> CrossbarCase:
        return CrossbarCase(
            layer=self.layer, chip=self.chip, schedule=schedule, energy=self.energy
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Group:
    """The tilings of one filling in one order, and their keys, most important first.

    A key is a score no larger than the candidate's own, then how simple the candidate is.
    """

    filling: Filling
    order: Order
    tilings: Tilings
    keys: Floats

    def schedule(self, at: int, inputs: InputForm) -> CrossbarSchedule:
        """The schedule of one tiling."""
        loops: list[ScheduleLoop] = []
        for part in self.order.parts:
            if part is Part.TILES:
                loops += self.tilings.loops(at)
            else:
                loops.append(ScheduleLoop(axis=_AXIS[part]))
        return CrossbarSchedule(
            filling=self.filling, loops=tuple(loops), snake=self.order.snake, inputs=inputs
        )


_AXIS = {Part.IMAGES: Axis.N, Part.CHANNELS: Axis.CO, Part.LOADS: Axis.KO}
_SLACK = 1 - 1e-9
"""Energies are sums of floats: a bound may be too high by some of their digits."""


def _groups(asked: _Asked, fillings: Sequence[Filling], *, spill: bool) -> Iterator[_Group]:
    """Every filling that loads differently, in every order."""
    seen = []
    for filling in fillings:
        case = asked.case(CrossbarSchedule(filling=filling))
        if case.lowered.loads in seen:
            continue
        seen.append(case.lowered.loads)
        tilings = tilings_of(case.lowered, asked.chip, asked.inputs)
        if not len(tilings.rows):
            continue
        scorer = Scorer(case, tilings)
        for order in orders_of(scorer.extents, spill=spill):
            # A tile that is the whole map has no loop: it is the same wherever tiles stand.
            which = (tilings.pieces > 1) | (order.parts[0] is Part.TILES)
            keys = (*_scores(asked, scorer.bounds(order)), *_simplicity(order, tilings))
            yield _Group(
                filling=filling, order=order, tilings=tilings.only(which),
                keys=np.stack(keys)[:, which],
            )  # fmt: skip


def _scores(asked: _Asked, bounds: Bounds) -> tuple[Floats, ...]:
    """What ``Candidate.score`` says, at least."""
    updates = bounds.updates.astype(np.float64)
    match asked.objective:
        case Objective.UPDATES:
            return (updates,)
        case Objective.CYCLES:
            return (bounds.cycles.astype(np.float64), updates)
        case Objective.ENERGY:
            return (bounds.energy_pj * _SLACK, updates)
        case Objective.WEAR:
            sets = 2 if asked.chip.overlap is Overlap.SHADOW else 1
            return (updates / sets, bounds.cells.astype(np.float64))


def _simplicity(order: Order, tilings: Tilings) -> tuple[Floats, ...]:
    """Simpler schedules are smaller: no turns, few loops, few pieces, whole rows."""
    cuts = (tilings.high > 1).astype(np.int64) + (tilings.wide > 1)
    snake = np.full(cuts.shape, order.snake)
    ranks = (snake, cuts, tilings.pieces, tilings.by_number, tilings.wide)
    return tuple(rank.astype(np.float64) for rank in ranks)


def _settle(
    asked: _Asked, groups: Sequence[_Group], keep: int
) -> tuple[tuple[Candidate, ...], int]:  # fmt: skip
    """Estimate in the order of the bounds until what is kept cannot be beaten."""
    keys = np.concatenate([group.keys for group in groups], axis=1)
    starts = np.cumsum([0, *(len(group.tilings.rows) for group in groups)])
    found: list[tuple[tuple[float, ...], int, Candidate]] = []
    estimated = 0
    for at in np.lexsort(keys[::-1]):
        bound = tuple(float(key) for key in keys[:, at])
        if len(found) == keep and bound >= found[-1][0]:
            break
        owner = int(np.searchsorted(starts, at, side="right")) - 1
        group = groups[owner]
        schedule = group.schedule(int(at - starts[owner]), asked.inputs)
        candidate = candidate_of(asked.case(schedule))
        estimated += 1
        scores = candidate.score(asked.objective)
        found.append(((*scores, *bound[len(scores) :]), int(at), candidate))
        found = sorted(found, key=lambda one: one[:2])[:keep]
    return tuple(candidate for *_, candidate in found), estimated

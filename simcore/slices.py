"""The slices that a unit reports to who records the run: each when it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stallscope.simcore.counter import Effects
from stallscope.simcore.recorder import AT_DUE, NOTHING

if TYPE_CHECKING:
    from stallscope.simcore.unit import Unit

__all__ = ["outcome_of", "report_wait", "report_work"]


def report_wait(unit: Unit, start: int, awaited: int, split: Sequence[int]) -> None:
    """Report a wait that ends now; ``split`` is its charge per cause."""
    assert unit.recorder is not None
    now = unit.env._now
    cause = max(range(len(split)), key=split.__getitem__)
    lost = now - start
    row = (start, now, unit.order, awaited, unit.steps, NOTHING, NOTHING, lost, cause, NOTHING)
    unit.recorder.slice(row, split if split[cause] < lost else None)


def report_work(
    unit: Unit, start: int, kind: int, due: int, lost: Mapping[int, int], outcome: int
) -> None:
    """Report a step that ends now; ``lost`` are the cycles it took longer, per cause."""
    assert unit.recorder is not None
    total = sum(lost.values())
    cause = min(lost, key=lambda one: (-lost[one], one)) if total else NOTHING
    split = None
    if total and lost[cause] < total:
        split = [lost.get(one, 0) for one in range(len(unit.account.causes))]
    now, step = unit.env._now, unit.steps
    row = (start, now, unit.order, NOTHING, step, kind, due, total, cause, outcome)
    unit.recorder.slice(row, split)


def outcome_of(unit: Unit, done: int, at_end: Effects, at_due: Effects) -> int:
    """Number of what a step that ends now changes, once its words have moved and when due."""
    assert unit.recorder is not None
    wait = done - unit.env._now
    changes = [(counter.number, amount, wait) for counter, amount in at_end]
    changes += [(counter.number, amount, AT_DUE - wait) for counter, amount in at_due]
    return unit.recorder.outcome(tuple(changes))

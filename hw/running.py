"""Running the units of a machine to their end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stallscope.simcore.environment import Environment
from stallscope.simcore.errors import DeadlockError, Waiter
from stallscope.simcore.unit import Unit

__all__ = ["run_units"]


def run_units(env: Environment, units: Sequence[Unit]) -> None:
    """Start all units and run until nothing is due any more.

    Raises:
        DeadlockError: If units wait for each other, or time stands still.
    """
    for unit in units:
        unit.start()
    reason = ""
    try:
        env.run_all()
    except TimeoutError as error:
        reason = str(error)
    if reason or not all(unit.is_finished for unit in units):
        raise DeadlockError(env.cycle, list(_waiters(units)), reason)


def _waiters(units: Sequence[Unit]) -> Iterator[Waiter]:
    """Who waits for what, and since when."""
    for unit in units:
        counter = unit.awaited
        need = None if counter is None else counter.awaited_by(unit)
        if unit.is_finished or counter is None or need is None:
            continue
        yield Waiter(
            unit=unit.name, awaits=counter.name, have=counter.value, need=need, since=unit.since
        )

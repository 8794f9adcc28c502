"""The three families of errors: the user's, a simulation that cannot go on, and ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["DeadlockError", "Fault", "SimulationBug", "SpecError", "Waiter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with an input.

    Attributes:
        place: Path into the spec, such as ``architecture.GLB.capacity_words``.
        value: The offending value, as the user would recognise it.
        rule: What must hold.
        remedy: What the user can do.
        source: ``file:line`` where known, else an empty string.
    """

    place: str
    value: object
    rule: str
    remedy: str = ""
    source: str = ""

    def __str__(self) -> str:
        where = f"{self.source}: {self.place}" if self.source else self.place
        shown = f" = {self.value}" if self.value is not None and self.value != "" else ""
        tail = f"; {self.remedy}" if self.remedy else ""
        return f"{where}{shown}: {self.rule}{tail}"


class SpecError(ValueError):
    """The user's input is wrong. Carries every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[SpecError], tuple[object, ...]]:
        return SpecError, (self.faults,)


class SimulationBug(RuntimeError):
    """One of our laws is broken: a defect of stallscope, never of the input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiter:
    """One line of a deadlock's table: who waits for what since when."""

    unit: str
    awaits: str
    have: int
    need: int
    since: int


class DeadlockError(RuntimeError):
    """Nothing is due any more, or time stands still, and units have not finished."""

    def __init__(self, cycle: int, waiters: Sequence[Waiter], reason: str = "") -> None:
        self.cycle = cycle
        self.waiters: tuple[Waiter, ...] = tuple(waiters)
        self.reason = reason or "no pending event"
        super().__init__(self.table())

    def __reduce__(self) -> tuple[type[DeadlockError], tuple[object, ...]]:
        return DeadlockError, (self.cycle, self.waiters, self.reason)

    def table(self) -> str:
        """Return the table of waiting units as aligned text."""
        head = ("unit", "awaits", "has", "needs", "since cycle")
        rows = [(w.unit, w.awaits, str(w.have), str(w.need), str(w.since)) for w in self.waiters]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = [f"deadlock at cycle {self.cycle}: {self.reason}"]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *rows]
        ]
        return "\n".join(lines)

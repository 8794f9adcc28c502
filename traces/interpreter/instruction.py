"""Naming an instruction and a word, and the error of a program that computes something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stallscope.simcore.errors import DeadlockError, SimulationBug, Waiter
from stallscope.traces.program import Op, TensorLayout

__all__ = ["FunctionError", "Instruction", "StandstillError", "word"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One step of one unit.

    Attributes:
        unit: Name of the unit.
        op: What it does.
        step: Number of the step in the unit's stream, from 0.
    """

    unit: str
    op: Op
    step: int

    def __str__(self) -> str:
        return f"{self.unit}, {self.op.value} step {self.step}"


class FunctionError(SimulationBug):
    """A program reads a word that is not there, or moves something else than it says.

    Attributes:
        place: The instruction, or the part of the program.
    """

    def __init__(self, place: Instruction | str, what: str) -> None:
        self.place = place
        super().__init__(f"{place}: {what}")


class StandstillError(DeadlockError):
    """No unit of an interpreted program can go on. There is no time: steps stand for cycles."""

    def __init__(self, waiters: Sequence[Waiter]) -> None:
        super().__init__(0, waiters, "every unit waits for another")

    def table(self) -> str:
        """Return the table of waiting units as aligned text."""
        head = ("unit", "awaits", "has", "needs", "at step")
        rows = [(w.unit, w.awaits, str(w.have), str(w.need), str(w.since)) for w in self.waiters]
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = [f"deadlock of the program (executed without time): {self.reason}"]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [head, *rows]
        ]
        return "\n".join(lines)


def word(layout: TensorLayout, at: Sequence[int]) -> str:
    """Name a word: its coordinates, and its row-major address if the tensor has such a word."""
    coordinates = f"{layout.name}[{', '.join(str(int(index)) for index in at)}]"
    if any(not 0 <= index < size for index, size in zip(at, layout.shape, strict=True)):
        return f"{coordinates} (outside the tensor)"
    address = 0
    for index, size in zip(at, layout.shape, strict=True):
        address = address * size + int(index)
    return f"{coordinates} (word address {address})"

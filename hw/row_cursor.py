"""A stream's place in the rows of a user's own flat program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stallscope.hw.cursor import Cursor, Gate
from stallscope.simcore.counter import Channel, Counter
from stallscope.simcore.errors import Fault, SpecError
from stallscope.simcore.unit import Unit
from stallscope.traces.program import ComputeStream, MoverStream
from stallscope.traces.rows.program import RowStream

__all__ = ["RowCursor", "Wire"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A counter that rows name by its number.

    Attributes:
        counter: The counter.
        channel: The channel it is of.
        state: State of a unit that waits for it.
        feeder: Unit that makes it grow; for room, any of those that do.
    """

    counter: Counter
    channel: Channel
    state: int
    feeder: Unit


class RowCursor(Cursor):
    """Walks rows: what a step waits for, frees and finishes is what its row says.

    It has no loops, and does not keep what fast-forward needs: rows run one by one.
    """

    __slots__ = ("_at", "_name", "_rows", "_wires")

    def __init__(self, stream: MoverStream | ComputeStream, name: str, rows: RowStream) -> None:
        super().__init__(stream, {})
        self._at = 0
        self._name = name
        self._rows = rows
        self._wires: Sequence[Wire] = ()
        self.record = rows.records[0]

    def connect(self, wires: Sequence[Wire]) -> None:
        """Tell the cursor what the numbers in its rows mean."""
        self._wires = wires
        self.gates = self._gates()

    def step(self) -> int:
        """Go on to the next row; -1 at the end."""
        rows, wires, at = self._rows, self._wires, self._at
        self.freed = tuple((wires[number].counter, words) for number, words in rows.frees[at])
        self.finished = tuple(wires[number].counter for number, _ in rows.finishes[at])
        self._check(at)
        self._at = at + 1
        if self._at >= len(rows.records):
            return -1
        self.record = rows.records[self._at]
        self.gates = self._gates()
        return 0

    def version(self, reductions: Sequence[int], steps: int) -> int:
        """Write-backs that the row waits for; 0 where it starts at zero, else at least -1."""
        return self._rows.versions[self._at]

    def _gates(self) -> tuple[Gate, ...]:
        wires = self._wires
        return tuple(
            Gate(wires[number].counter, value, wires[number].state, wires[number].feeder)
            for number, value in self._rows.waits[self._at]
        )

    def _check(self, at: int) -> None:
        """Room that is freed must have been taken.

        Raises:
            SpecError: If the row frees words that have not come yet.
        """
        for number, words in self._rows.frees[at]:
            wire = self._wires[number]
            held = wire.channel.reserved - wire.counter.value
            if words > held:
                rule = f"frees words of {wire.channel.name} that have not come: it holds {held}"
                remedy = "wait for their delivery first (column wait_for)"
                place = f"{self._name}, step {at}, frees"
                raise SpecError([Fault(place=place, value=words, rule=rule, remedy=remedy)])

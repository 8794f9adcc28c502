"""Recording a run: what is asked for, and what is left on disk however the run ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from stallscope.mappings.case import InputFile
from stallscope.mappings.pricing import LedgerLine
from stallscope.simcore.environment import Environment
from stallscope.simcore.errors import DeadlockError, Fault, SpecError
from stallscope.simcore.recorder import Recorder
from stallscope.simcore.unit import Unit
from stallscope.traces.events.columns import TraceMeta
from stallscope.traces.events.recording import Lanes, Recording, Selection
from stallscope.traces.events.trace import Trace

__all__ = ["Prices", "Recordable", "Recorded", "Subject", "Tracing", "paid_for"]

Prices = Iterable[tuple[str, str, str, float]]
"""Component, action, tensor, pJ per word: see `TraceMeta.prices`."""

_SAME: Mapping[str, str] = {}


class Recordable(Protocol):
    """A machine whose run can be recorded.

    Attributes:
        env: Its environment.
        cycles: Cycles of the run, once it has run.
    """

    env: Environment
    cycles: int

    @property
    def units(self) -> Sequence[Unit]:
        """All units, in unit order."""

    def record(self, recorder: Recorder) -> None:
        """Have the run recorded; before it begins."""

    def run(self) -> int:
        """Run to the end; returns the cycles."""

    def check(self, cycles: int) -> None:
        """Check the laws that cost nothing."""


class Subject(Protocol):
    """What a recording is of: the meaning of its numbers.

    Attributes:
        name: Name of what was run.
        files: The files it was read from.
        clock_mhz: Base clock, or None when unknown.
        is_own: Whether rows of the user's own are executed.
    """

    name: str
    files: tuple[InputFile, ...]
    clock_mhz: float | None
    is_own: bool

    def lanes(self) -> Lanes:
        """Who is recorded, before the run."""

    def prices(self, ledger: Sequence[LedgerLine]) -> Prices:
        """What traffic costs, after the run: energy of the run over its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """What event trace a run leaves.

    Attributes:
        level: ``off``; ``summary``: the result's own accounts, no events; ``window``: events of
            some cycles; ``full``.
        window: For ``window``: first cycle, and the one after the last.
        units: Names of the units recorded; None: all.
        folder: Where to; None: a temporary folder that goes with the result.
    """

    level: str = "off"
    window: tuple[int, int] | None = None
    units: tuple[str, ...] | None = None
    folder: Path | None = None

    @property
    def is_on(self) -> bool:
        """Whether events are recorded."""
        return self.level in ("window", "full")


class Recorded:
    """A run of a machine, recorded if asked.

    Args:
        machine: Not yet run.
        subject: What it is of.
        tracing: What is to be recorded.
        keep: Keep slices in memory, for the audit.

    Raises:
        SpecError: If what is to be recorded makes no sense.
    """

    def __init__(
        self, machine: Recordable, subject: Subject, tracing: Tracing, *, keep: bool
    ) -> None:  # fmt: skip
        _check(machine, tracing)
        self._machine = machine
        self._subject = subject
        self._owner: TemporaryDirectory[str] | None = None
        self._recording: Recording | None = None
        if tracing.is_on:
            units = None if tracing.units is None else frozenset(tracing.units)
            selection = Selection(window=tracing.window, units=units)
            folder = self._folder(tracing)
            self._recording = Recording(folder, subject.lanes(), selection, keep=keep)
            machine.record(self._recording)

    def _folder(self, tracing: Tracing) -> Path:
        if tracing.folder is not None:
            return tracing.folder
        self._owner = TemporaryDirectory(prefix="stallscope-trace-")
        return Path(self._owner.name)

    def run(self) -> int:
        """Run the machine and check it; returns the cycles.

        A run that is stopped, or ends in a deadlock, leaves the trace of what came before.
        """
        machine = self._machine
        try:
            cycles = machine.run()
            machine.check(cycles)
        except (DeadlockError, KeyboardInterrupt):
            machine.cycles = machine.env.cycle
            if self._recording is not None:
                for unit in machine.units:
                    unit.break_off()
                self._end(self._recording, (), is_complete=False)
            raise
        except BaseException:
            if self._recording is not None:
                self._recording.discard()
            raise
        return cycles

    def trace(self, ledger: Sequence[LedgerLine]) -> Trace | None:
        """Close the recording; returns its trace, if there is one."""
        if self._recording is None:
            return None
        self._end(self._recording, ledger, is_complete=True)
        return Trace(self._recording.folder, self._owner)

    def _end(
        self, recording: Recording, ledger: Sequence[LedgerLine], *, is_complete: bool
    ) -> None:  # fmt: skip
        """Close a recording and write what it is of."""
        rows, repeats = recording.close()
        lanes, selection, subject = recording.lanes, recording.selection, self._subject
        names = tuple(unit.name for unit in lanes.units)
        leakage = sum(line.pj for line in ledger if line.action == "leak")
        cycles = self._machine.cycles
        recording.finish(
            TraceMeta(
                name=subject.name,
                stallscope=version("stallscope"),
                inputs=tuple((file.path, file.sha256) for file in subject.files),
                seed=None,
                cycles=cycles,
                is_complete=is_complete,
                window=selection.window,
                rows=rows,
                repeats=repeats,
                classes=lanes.classes,
                counters=lanes.counters,
                outcomes=recording.outcomes,
                units=lanes.known(),
                recorded=tuple(n for n in names if selection.units is None or n in selection.units),
                prices=tuple(subject.prices(ledger)),
                leakage_pj_per_cycle=leakage / cycles if cycles else 0.0,
                clock_mhz=subject.clock_mhz,
                is_own=subject.is_own,
            )
        )


def paid_for(
    ledger: Iterable[LedgerLine], paid_as: Mapping[str, str], places: Mapping[str, str] = _SAME
) -> dict[tuple[str, str, str], float]:
    """Sum a ledger, leakage aside, by component, action and tensor.

    Args:
        ledger: Energies of a run.
        paid_as: Actions that are paid under another name.
        places: Components likewise.
    """
    paid: dict[tuple[str, str, str], float] = {}
    for line in ledger:
        if line.action != "leak":
            place = places.get(line.component, line.component)
            key = (place, paid_as.get(line.action, line.action), line.tensor)
            paid[key] = paid.get(key, 0.0) + line.pj
    return paid


def _check(machine: Recordable, trace: Tracing) -> None:
    """Whether what is to be recorded makes sense."""
    faults = []
    levels = ("off", "summary", "window", "full")
    if trace.level not in levels:
        rule = f"must be one of {', '.join(levels)}"
        faults.append(Fault(place="trace", value=trace.level, rule=rule))
    window = trace.window
    if trace.level == "window" and window is None:
        rule, remedy = "needs a range of cycles", "give one: a first cycle and a later one"
        faults.append(Fault(place="trace", value=trace.level, rule=rule, remedy=remedy))
    if window is not None and trace.level != "window":
        shown = f"{window[0]}:{window[1]}"
        rule, remedy = f"does not go with the trace {trace.level}", "give the trace window"
        faults.append(Fault(place="window", value=shown, rule=rule, remedy=remedy))
    if window is not None and not 0 <= window[0] < window[1]:
        shown = f"{window[0]}:{window[1]}"
        rule = "must be a first cycle of at least 0 and a later one"
        faults.append(Fault(place="window", value=shown, rule=rule))
    names = [unit.name for unit in machine.units]
    for name in trace.units or ():
        if name not in names:
            remedy = f"units: {', '.join(names)}"
            faults.append(Fault(place="trace units", value=name, rule="is no unit", remedy=remedy))
    if faults:
        raise SpecError(faults)

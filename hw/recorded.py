"""Recording a run: what is asked for, and what is left on disk however the run ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stallscope.hw.machine import Machine
from stallscope.hw.tracing import begin, end
from stallscope.mappings.case import Platform
from stallscope.mappings.pricing import LedgerLine
from stallscope.simcore.errors import DeadlockError, Fault, SpecError
from stallscope.traces.events.recording import Recording, Selection
from stallscope.traces.events.trace import Trace

__all__ = ["Recorded", "Tracing"]


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
        case: What it runs, or runs on.
        tracing: What is to be recorded.
        keep: Keep slices in memory, for the audit.

    Raises:
        SpecError: If what is to be recorded makes no sense.
    """

    def __init__(self, machine: Machine, case: Platform, tracing: Tracing, *, keep: bool) -> None:
        _check(machine, tracing)
        self._machine = machine
        self._case = case
        self._owner: TemporaryDirectory[str] | None = None
        self._recording: Recording | None = None
        if tracing.is_on:
            units = None if tracing.units is None else frozenset(tracing.units)
            selection = Selection(window=tracing.window, units=units)
            self._recording = begin(machine, self._folder(tracing), selection, keep=keep)

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
                end(self._recording, machine, self._case, is_complete=False)
            raise
        except BaseException:
            if self._recording is not None:
                self._recording.discard()
            raise
        return cycles

    def trace(self, ledger: Iterable[LedgerLine]) -> Trace | None:
        """Close the recording; returns its trace, if there is one."""
        if self._recording is None:
            return None
        end(self._recording, self._machine, self._case, ledger)
        return Trace(self._recording.folder, self._owner)


def _check(machine: Machine, trace: Tracing) -> None:
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

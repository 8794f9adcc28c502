"""Run a case and put together its result."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from stallscope.hw.counting import count
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.ports import CAUSES
from stallscope.hw.result import Result, SimulationInfo, UnitAccount
from stallscope.hw.tracing import begin, end
from stallscope.mappings.analytical import Estimate, analyze
from stallscope.mappings.architecture import Network
from stallscope.mappings.case import Case, Platform
from stallscope.mappings.pricing import LedgerLine, price
from stallscope.simcore.errors import DeadlockError, Fault, SimulationBug, SpecError
from stallscope.simcore.unit import Unit
from stallscope.traces.compile import compile_case
from stallscope.traces.events.recording import Recording, Selection
from stallscope.traces.events.trace import Trace
from stallscope.traces.flat import FlatProgram
from stallscope.traces.program import Program
from stallscope.traces.rows import RowProgram

__all__ = ["Tracing", "execute", "simulate"]


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


def simulate(
    case: Case,
    *,
    fast_forward: bool = True,
    audit: bool = False,
    trace: str | Tracing = "off",
    window: tuple[int, int] | None = None,
    contention: bool = True,
) -> Result:
    """Simulate a case cycle by cycle.

    Args:
        case: A checked case (`stallscope.load` checks).
        fast_forward: Skip stretches that repeat; the result is the same without.
        audit: Run every stretch that would be skipped, and check that it repeats.
        trace: ``off``, ``summary``, ``window`` or ``full`` (see `Tracing`): what of the run's
            events `Result.trace` holds.
        window: For ``window``: first cycle, and the one after the last.
        contention: Whether units share ports and network entries; False: each has them to itself,
            which no machine does, to see what contention costs.

    Returns:
        The result; equal inputs give equal results, its `simulation` part aside.

    Raises:
        SpecError: If the trace asked for makes no sense.
        DeadlockError: If units wait for each other. The trace until then is kept in its folder.
        SimulationBug: If one of our own laws is broken.
    """
    tracing = trace if isinstance(trace, Tracing) else Tracing(level=trace, window=window)
    program = compile_case(case)
    return execute(
        program, case, fast_forward=fast_forward, audit=audit, trace=tracing, contention=contention
    )


def execute(
    program: Program | FlatProgram | RowProgram,
    case: Platform,
    *,
    fast_forward: bool = True,
    audit: bool = False,
    trace: Tracing | None = None,
    contention: bool = True,
) -> Result:
    """Execute a program on the architecture of ``case``; see `simulate`.

    A flat program gives the result of the looped one, step by step: nothing of it is skipped.

    Args:
        program: Compiled, expanded, or the user's own rows (`read_rows`).
        case: The case it was compiled from; for the user's own rows a platform (`load_platform`)
            is enough, and there is no estimate.
        fast_forward: See `simulate`.
        audit: See `simulate`.
        trace: See `simulate`.
        contention: See `simulate`.

    Raises:
        SpecError: If a program was compiled and ``case`` is none, or rows free what never came.
    """
    began = time.process_time()
    hopless = program.hopless if isinstance(program, RowProgram) else ()
    mode = FastForwardMode(fast_forward, audit)
    machine = Machine(program, case.architecture, mode, contention=contention)
    recorder = _begin(machine, trace, keep=audit) if trace is not None else None
    cycles = _run(machine, case, recorder)
    estimate = _estimate(program, case)
    counts = count(machine)
    priced = price(case, counts, cycles)
    stack = _cycle_stack(machine, cycles)
    clock = case.architecture.clock_mhz
    units = case.architecture.compute.instances
    program = machine.program
    return Result(
        name=case.name,
        files=case.files,
        dims=dict(program.dims),
        macs=program.macs,
        cycles=cycles,
        seconds_at_clock=cycles / (clock * 1e6) if clock else None,
        utilization=program.macs / (units * cycles),
        cycle_stack=stack,
        pe_stack=_pe_stack(machine, stack, cycles),
        counts=priced.counts,
        units={unit.name: _account(machine, unit, cycles) for unit in machine.units},
        energy_pj=priced.energy_pj,
        ledger=priced.ledger,
        estimate=estimate,
        assumptions=(*case.assumptions, *_assumptions(machine, hopless)),
        simulation=_information(machine, began),
        fill_causes=_causes(machine.array.fill or []),
        drain_causes=_causes(machine.drain_causes(cycles)),
        port_words={server.name: server.words for server in machine.arbiter.servers},
        trace=_trace(recorder, machine, case, priced.ledger),
    )


def _estimate(program: Program | FlatProgram | RowProgram, case: Platform) -> Estimate | None:
    """The analytical figures; rows of the user's own have none: they name no problem."""
    if isinstance(program, RowProgram):
        return None
    if not isinstance(case, Case):
        rule = "a compiled program needs the case it was compiled from"
        raise SpecError([Fault(place="case", value=case.name, rule=rule, remedy="use load()")])
    return analyze(case)


def _begin(machine: Machine, trace: Tracing, *, keep: bool) -> _Recorder | None:
    """Have the run recorded, if asked."""
    _check_tracing(machine, trace)
    if not trace.is_on:
        return None
    owner = None
    folder = trace.folder
    if folder is None:
        owner = TemporaryDirectory(prefix="stallscope-trace-")
        folder = Path(owner.name)
    units = None if trace.units is None else frozenset(trace.units)
    selection = Selection(window=trace.window, units=units)
    return _Recorder(begin(machine, folder, selection, keep=keep), owner)


def _check_tracing(machine: Machine, trace: Tracing) -> None:
    faults = []
    levels = ("off", "summary", "window", "full")
    if trace.level not in levels:
        rule = f"must be one of {', '.join(levels)}"
        faults.append(Fault(place="trace", value=trace.level, rule=rule))
    window = trace.window
    if (trace.level == "window") != (window is not None):
        rule = "the trace window and a range of cycles go together"
        remedy = "give both, or neither"
        faults.append(Fault(place="trace", value=trace.level, rule=rule, remedy=remedy))
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


def _run(machine: Machine, case: Platform, recorder: _Recorder | None) -> int:
    """Run and check a machine; a deadlock leaves the trace of what came before."""
    try:
        cycles = machine.run()
        machine.check(cycles)
    except DeadlockError:
        if recorder is not None:
            end(recorder.recording, machine, case, is_complete=False)
        raise
    except BaseException:
        if recorder is not None:
            recorder.recording.discard()
        raise
    return cycles


@dataclass(frozen=True, slots=True)
class _Recorder:
    """A recording, and what deletes its folder later, if anything."""

    recording: Recording
    owner: TemporaryDirectory[str] | None


def _trace(
    recorder: _Recorder | None, machine: Machine, case: Platform, ledger: Sequence[LedgerLine]
) -> Trace | None:
    """Close the recording; returns its trace."""
    if recorder is None:
        return None
    end(recorder.recording, machine, case, ledger)
    return Trace(recorder.recording.folder, recorder.owner)


def _information(machine: Machine, began: float) -> SimulationInfo:
    """How the run went, since CPU second ``began`` of this process."""
    forward = machine.fast_forward
    return SimulationInfo(
        cpu_seconds=time.process_time() - began,
        events=machine.env.processed,
        fast_forwarded_cycles=forward.skipped_cycles if forward else 0,
        peak_memory_bytes=_peak_memory(),
    )


def _peak_memory() -> int:
    """Largest resident size of this process so far, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _causes(cycles: Sequence[int]) -> dict[str, int]:
    """Cycles by the name of their cause."""
    named = zip(CAUSES, cycles, strict=False)
    return {cause.value: amount for cause, amount in named if amount}


def _cycle_stack(machine: Machine, cycles: int) -> dict[str, int]:
    """Array cycles per class; their sum is checked."""
    array = machine.array
    stack = {"compute": array.computing, "fill": sum(array.fill or [])}
    stack |= _causes(array.stack)
    stack["drain"] = cycles - array.last
    if sum(stack.values()) != cycles or min(stack.values()) < 0:
        raise SimulationBug(f"the cycle stack {stack} does not sum to {cycles} cycles")
    return {name: amount for name, amount in stack.items() if amount or name == "compute"}


def _pe_stack(machine: Machine, stack: Mapping[str, int], cycles: int) -> dict[str, int]:
    """PE-cycles per class; their sum is checked."""
    pes = machine.architecture.compute.instances
    used = machine.array.plan.pes
    computes = machine.binding.computes(machine.array)
    spread = {name: amount * used for name, amount in stack.items()}
    spread["imbalance"] = spread["compute"] - computes
    spread["compute"] = computes
    spread["unmapped"] = (pes - used) * cycles
    if sum(spread.values()) != pes * cycles or min(spread.values()) < 0:
        raise SimulationBug(f"the PE stack {spread} does not sum to {pes} x {cycles}")
    return {name: amount for name, amount in spread.items() if amount or name == "compute"}


def _account(machine: Machine, unit: Unit, cycles: int) -> UnitAccount:
    """A unit's states, and what they are charged to; what is left after its end is idle."""
    states = dict(zip(unit.STATES, unit.states, strict=True))
    busy = states.pop("busy")
    states.pop("idle")
    waiting = {name: amount for name, amount in states.items() if amount}
    idle = cycles - busy - sum(waiting.values())
    causes = unit.causes.copy()
    if unit is machine.array:
        causes = machine.array.charged()
    else:
        causes[unit.cause_of(unit.IDLE)] -= unit.states[unit.IDLE]
    charged = _causes(causes)
    if sum(charged.values()) != busy + sum(waiting.values()) or min(causes) < 0:
        raise SimulationBug(f"{unit.name}: {charged} does not sum to {busy} busy and {waiting}")
    return UnitAccount(busy=busy, idle=idle, waiting=waiting, charged=charged)


def _assumptions(machine: Machine, hopless: Sequence[str]) -> list[str]:
    """Named assumptions of the run itself; ``hopless``: networks whose hops rows leave out."""
    tiles = ", ".join(
        f"{tensor} at {level} {number}" for (tensor, level), number in machine.binding.tiles.items()
        if (tensor, level) in machine.channels
    )  # fmt: skip
    found = [f"buffering: tiles held: {tiles}"] if tiles else []
    level = machine.architecture.level
    names = [name for name in hopless if _costs_hops(level(name).network)]
    if names:
        shown = ", ".join(names)
        found.append(f"hops: rows that say nothing of them take none below {shown}")
    return found


def _costs_hops(network: Network) -> bool:
    """Whether a hop takes time or energy."""
    energies = (network.energy_per_hop_pj, network.router_energy_pj)
    return network.hop_latency_cycles > 0 or any(energies)

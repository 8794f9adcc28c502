"""Run a case and put together its result."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence

from stallscope.hw.counting import count
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.ports import CAUSES
from stallscope.hw.result import Result, SimulationInfo, UnitAccount
from stallscope.mappings.analytical import analyze
from stallscope.mappings.case import Case
from stallscope.mappings.pricing import price
from stallscope.simcore.errors import Fault, SimulationBug, SpecError
from stallscope.simcore.unit import Unit
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import FlatProgram
from stallscope.traces.program import Program

__all__ = ["execute", "simulate"]


def simulate(
    case: Case, *, fast_forward: bool = True, audit: bool = False, trace: str = "off"
) -> Result:
    """Simulate a case cycle by cycle.

    Args:
        case: A checked case (`stallscope.load` checks).
        fast_forward: Skip stretches that repeat; the result is the same without.
        audit: Run every stretch that would be skipped, and check that it repeats.
        trace: ``off`` or ``summary`` (the result's own accounts); event traces are not built yet.

    Returns:
        The result; equal inputs give equal results, its `simulation` part aside.

    Raises:
        SpecError: If another trace is asked for.
        DeadlockError: If units wait for each other.
        SimulationBug: If one of our own laws is broken.
    """
    if trace not in ("off", "summary"):
        rule, remedy = "event traces are not built yet", "give off or summary"
        raise SpecError([Fault(place="trace", value=trace, rule=rule, remedy=remedy)])
    return execute(compile_case(case), case, fast_forward=fast_forward, audit=audit)


def execute(
    program: Program | FlatProgram, case: Case, *, fast_forward: bool = True, audit: bool = False
) -> Result:
    """Execute a program on the architecture of ``case``; see `simulate`.

    A flat program gives the result of the looped one, step by step: nothing of it is skipped.
    """
    began = time.process_time()
    machine = Machine(program, case.architecture, FastForwardMode(fast_forward, audit))
    program = machine.program
    cycles = machine.run()
    machine.check(cycles)
    estimate = analyze(case)
    counts = count(machine)
    priced = price(case, counts, cycles)
    stack = _cycle_stack(machine, cycles)
    clock = case.architecture.clock_mhz
    units = case.architecture.compute.instances
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
        units={unit.name: _account(unit, cycles) for unit in machine.units},
        energy_pj=priced.energy_pj,
        ledger=priced.ledger,
        estimate=estimate,
        assumptions=(*case.assumptions, *_assumptions(machine)),
        simulation=_information(machine, began),
        fill_causes=_causes(machine.array.fill or []),
        drain_causes=_causes(machine.drain_causes(cycles)),
        port_words={server.name: server.words for server in machine.arbiter.servers},
    )


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


def _account(unit: Unit, cycles: int) -> UnitAccount:
    """A unit's states; what is left after its end is idle."""
    states = dict(zip(unit.STATES, unit.states, strict=True))
    busy = states.pop("busy")
    states.pop("idle")
    waiting = {name: amount for name, amount in states.items() if amount}
    return UnitAccount(busy=busy, idle=cycles - busy - sum(waiting.values()), waiting=waiting)


def _assumptions(machine: Machine) -> list[str]:
    """Named assumptions of the run itself."""
    tiles = ", ".join(
        f"{tensor} at {level} {number}" for (tensor, level), number in machine.binding.tiles.items()
        if (tensor, level) in machine.channels
    )  # fmt: skip
    return [f"buffering: tiles held: {tiles}"] if tiles else []

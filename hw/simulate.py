"""Run a case and put together its result."""

from __future__ import annotations

import time
from collections.abc import Sequence

from stallscope.hw.accounts import account, by_cause, cycle_stack, pe_stack
from stallscope.hw.counting import count
from stallscope.hw.information import information
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.memory.summary import command_lines, summarise
from stallscope.hw.recorded import Recorded, Tracing
from stallscope.hw.result import Result
from stallscope.hw.sparse.account import sparsity_account
from stallscope.hw.sparse.pieces import Masks
from stallscope.hw.sparse.plan import SparsePlan, plan_sparse
from stallscope.hw.systolic.account import array_account
from stallscope.hw.systolic.rules import FoldRules
from stallscope.hw.tracing import MachineSubject
from stallscope.mappings.analytical import Estimate, analyze
from stallscope.mappings.architecture import Network
from stallscope.mappings.case import Case, Platform
from stallscope.mappings.pricing import price
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.rebalancing import rebalance
from stallscope.mappings.sparsity.study import estimate_assumptions
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import FlatProgram
from stallscope.traces.program import Program
from stallscope.traces.rows.program import RowProgram

__all__ = ["Tracing", "execute", "simulate"]


def simulate(
    case: Case,
    *,
    fast_forward: bool = True,
    audit: bool = False,
    trace: str | Tracing = "off",
    window: tuple[int, int] | None = None,
    contention: bool = True,
    fold_rules: FoldRules | None = None,
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
        fold_rules: What folds of a systolic array are charged for, in place of the rules of its
            convention.

    Returns:
        The result; equal inputs give equal results, its `simulation` part aside.

    Raises:
        SpecError: If the trace asked for makes no sense.
        DeadlockError: If units wait for each other. The trace until then is kept in its folder.
        SimulationBug: If one of our own laws is broken.
    """
    return execute(
        compile_case(case), case, fast_forward=fast_forward, audit=audit, trace=trace,
        window=window, contention=contention, fold_rules=fold_rules,
    )  # fmt: skip


def execute(
    program: Program | FlatProgram | RowProgram,
    case: Platform,
    *,
    fast_forward: bool = True,
    audit: bool = False,
    trace: str | Tracing = "off",
    window: tuple[int, int] | None = None,
    contention: bool = True,
    fold_rules: FoldRules | None = None,
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
        window: See `simulate`.
        contention: See `simulate`.
        fold_rules: See `simulate`.

    Raises:
        SpecError: If a program was compiled and ``case`` is none, or rows free what never came.
    """
    began = time.process_time()
    mode = FastForwardMode(fast_forward, audit)
    given = _masks(case)
    machine = Machine(
        program, case.architecture, mode, contention=contention, fold_rules=fold_rules,
        masks=given, sparse=_sparse_plan(program, case, given),
    )  # fmt: skip
    tracing = trace if isinstance(trace, Tracing) else Tracing(level=trace, window=window)
    recorded = Recorded(machine, MachineSubject(machine, case), tracing, keep=audit)
    recorded.run()
    return _result(program, machine, case, recorded, began)


def _masks(case: Platform) -> Masks:
    """Which words of the tensors are not zero, channels dealt to the PEs anew if asked for."""
    if not isinstance(case, Case):
        return {}
    given = masks(case.problem, case.sparsity)
    array = case.architecture.compute.sparse
    return rebalance(case, given)[0] if array is not None and array.rebalance else given


def _sparse_plan(
    program: Program | FlatProgram | RowProgram, case: Platform, given: Masks
) -> SparsePlan | None:
    """What zeros make of the array's work; None: nothing, or its PEs mind none.

    Raises:
        SpecError: If that is asked of rows of the user's own.
    """
    array = case.architecture.compute.sparse
    if array is None:
        return None
    place = "architecture.compute.sparse"
    if isinstance(program, RowProgram) or not isinstance(case, Case):
        rule = "needs a problem: rows of one's own do not say where a step's words are"
        raise SpecError([Fault(place=place, value=array.mode.value, rule=rule)])
    compiled = program.program if isinstance(program, FlatProgram) else program
    return plan_sparse(case, compiled, given)


def _result(
    program: Program | FlatProgram | RowProgram,
    machine: Machine,
    case: Platform,
    recorded: Recorded,
    began: float,
) -> Result:
    """The result of a machine that has run."""
    cycles, macs = machine.cycles, machine.program.macs
    hopless = program.hopless if isinstance(program, RowProgram) else ()
    memory = summarise(machine, cycles)
    priced = price(case, count(machine), cycles, command_lines(machine))
    stack = cycle_stack(machine, cycles)
    clock = case.architecture.clock_mhz
    return Result(
        name=case.name,
        files=case.files,
        dims=dict(machine.program.dims),
        macs=macs,
        cycles=cycles,
        seconds_at_clock=cycles / (clock * 1e6) if clock else None,
        utilization=_utilization(machine, cycles),
        cycle_stack=stack,
        pe_stack=pe_stack(machine, stack, cycles),
        counts=priced.counts,
        units={unit.name: account(machine, unit, cycles) for unit in machine.units},
        energy_pj=priced.energy_pj,
        ledger=priced.ledger,
        estimate=_estimate(program, case),
        assumptions=(
            *case.assumptions,
            *estimate_assumptions(case),
            *_assumptions(machine, hopless),
        ),
        simulation=information(machine.env, machine.fast_forward, began),
        fill_causes=by_cause(machine.array.fill or []),
        drain_causes=by_cause(machine.drain_causes(cycles)),
        port_words={server.name: server.words for server in machine.arbiter.servers},
        memory=memory,
        systolic=array_account(machine),
        sparsity=sparsity_account(machine),
        trace=recorded.trace(priced.ledger),
    )


def _utilization(machine: Machine, cycles: int) -> float:
    """Multiply-accumulates that took a cycle of a MAC, per MAC and cycle; 0 if none did."""
    executed = machine.program.macs
    if machine.sparse is not None:
        executed = machine.sparse.total(machine.array).executed
    return executed / (machine.architecture.compute.instances * cycles) if executed else 0.0


def _estimate(program: Program | FlatProgram | RowProgram, case: Platform) -> Estimate | None:
    """The analytical figures; rows of the user's own have none: they name no problem."""
    if isinstance(program, RowProgram):
        return None
    if not isinstance(case, Case):
        rule = "a compiled program needs the case it was compiled from"
        raise SpecError([Fault(place="case", value=case.name, rule=rule, remedy="use load()")])
    return analyze(case)


def _assumptions(machine: Machine, hopless: Sequence[str]) -> list[str]:
    """Named assumptions of the run itself; ``hopless``: networks whose hops rows leave out."""
    tiles = ", ".join(
        f"{tensor} at {level} {number}" for (tensor, level), number in machine.binding.tiles.items()
        if (tensor, level) in machine.channels
    )  # fmt: skip
    found = [f"buffering: tiles held: {tiles}"] if tiles else []
    if machine.sparse is not None:
        found += machine.sparse.plan.assumptions()
    level = machine.architecture.level
    names = [name for name in hopless if _costs_hops(level(name).network)]
    if names:
        shown = ", ".join(names)
        found.append(f"hops: rows that say nothing of them take none below {shown}")
    names = [one.name for one in machine.architecture.levels if one.is_interleaved]
    if names and machine.is_own:
        shown = ", ".join(names)
        found.append(f"banks: rows do not say where words lie: one run a transfer at {shown}")
    return found


def _costs_hops(network: Network) -> bool:
    """Whether a hop takes time or energy."""
    energies = (network.energy_per_hop_pj, network.router_energy_pj)
    return network.hop_latency_cycles > 0 or any(energies)

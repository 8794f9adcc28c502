"""Run a case on crossbars and put together its result."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stallscope.hw.accounts import by_cause
from stallscope.hw.information import information
from stallscope.hw.recorded import Recorded, Tracing
from stallscope.hw.reram.accounts import (
    account,
    chip_account,
    cycle_stack,
    drain_causes,
    pe_stack,
)
from stallscope.hw.reram.counting import count, executed
from stallscope.hw.reram.machine import ChipMachine
from stallscope.hw.reram.tracing import ChipSubject
from stallscope.hw.result import Result
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.estimate import analyze_crossbars
from stallscope.mappings.reram.legality import check_crossbars
from stallscope.mappings.reram.pricing import price_crossbars
from stallscope.mappings.reram.rewriting import Rewriting
from stallscope.traces.reram.program import compile_crossbars

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["simulate_crossbars"]


def simulate_crossbars(
    case: CrossbarCase,
    *,
    fast_forward: bool = True,
    audit: bool = False,
    weights: NDArray[Any] | None = None,
    trace: str | Tracing = "off",
    window: tuple[int, int] | None = None,
) -> Result:
    """Simulate a case on crossbars cycle by cycle.

    Args:
        case: The case.
        fast_forward: Skip stretches that repeat; the result is the same without.
        audit: Run every stretch that would be skipped, and check that it repeats.
        weights: Values of the weights, as for `Contents`; needed where only changes are written
            (``data_aware``).
        trace: ``off``, ``summary``, ``window`` or ``full`` (see `Tracing`): what of the run's
            events `Result.trace` holds.
        window: For ``window``: first cycle, and the one after the last.

    Returns:
        The result; equal inputs give equal results, its `simulation` part aside.

    Raises:
        SpecError: If the schedule cannot run on the chip, or the trace asked for makes no sense.
        DeadlockError: If units wait for each other. The trace until then is kept in its folder.
        SimulationBug: If one of our own laws is broken.
    """
    check_crossbars(case, has_weights=weights is not None)
    began = time.process_time()
    rewriting = None
    if weights is not None and case.chip.writing.data_aware:
        rewriting = Rewriting(case, weights)
    machine = ChipMachine(
        compile_crossbars(case), case, fast_forward=fast_forward, audit=audit, rewriting=rewriting
    )
    tracing = trace if isinstance(trace, Tracing) else Tracing(level=trace, window=window)
    recorded = Recorded(machine, ChipSubject(machine), tracing, keep=audit)
    cycles = recorded.run()
    return _result(case, machine, recorded, cycles, began)


def _result(
    case: CrossbarCase, machine: ChipMachine, recorded: Recorded, cycles: int, began: float
) -> Result:  # fmt: skip
    """The result of a machine that has run."""
    activity, estimate = executed(machine), analyze_crossbars(case)
    priced = price_crossbars(case, count(machine), activity, cycles)
    crossbar, chip = case.chip.crossbar, case.chip
    places = chip.all_cores * crossbar.per_core * crossbar.rows * crossbar.columns
    return Result(
        name=case.name,
        files=case.files,
        dims=case.layer.problem().bounds,
        macs=case.layer.macs,
        cycles=cycles,
        seconds_at_clock=cycles / (chip.clock_mhz * 1e6),
        utilization=case.layer.macs * machine.binding.interval / (places * cycles),
        cycle_stack=cycle_stack(machine, cycles),
        pe_stack=pe_stack(machine, cycles),
        counts=priced.counts,
        units={unit.name: account(unit, cycles) for unit in machine.units},
        energy_pj=priced.energy_pj,
        ledger=priced.ledger,
        estimate=estimate,
        assumptions=(*case.assumptions, *_assumptions(machine)),
        simulation=information(machine.env, machine.fast_forward, began),
        port_words={server.name: server.words for server in machine.arbiter.servers},
        fill_causes=by_cause(machine.floor.fill),
        drain_causes=drain_causes(machine, cycles),
        reram=chip_account(machine, activity),
        trace=recorded.trace(priced.ledger),
    )


def _assumptions(machine: ChipMachine) -> list[str]:
    """Named assumptions of the run itself."""
    chip = machine.case.chip
    found = []
    if chip.main_memory is not None:
        where = "stay in the tile's memory" if machine.binding.stays else (
            "pass the tile's memory from and to main memory")  # fmt: skip
        found.append(f"maps: inputs and results {where}")
    form = "windows of tiles" if machine.program.walk.by_window else "pixels"
    found.append(f"inputs: come by {form}")
    return found

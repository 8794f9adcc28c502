"""Where the cycles of a chip that has run went: its stacks, and the account of every unit.

Cycles of multiplying are split by what set their pace: reads (``compute``), the ADCs beyond them,
additions beyond both, ports beyond all. The chip's are split as those of its cores together.
"""

from __future__ import annotations

from stallscope.hw.accounts import by_cause
from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.reram.core import Core
from stallscope.hw.reram.loading import Programmer
from stallscope.hw.reram.machine import ChipMachine
from stallscope.hw.result import CrossbarAccount, UnitAccount
from stallscope.mappings.reram.activity import Activity
from stallscope.mappings.reram.timing import multiply_timing
from stallscope.simcore.errors import SimulationBug
from stallscope.simcore.unit import Unit

__all__ = ["account", "chip_account", "cycle_stack", "drain_causes", "pe_stack"]

_PARTS = {
    Cause.CONVERSION: Core.CONVERTING,
    Cause.REDUCTION: Core.REDUCING,
    Cause.BUFFER_PORT: Core.WAITING,
}


def cycle_stack(machine: ChipMachine, cycles: int) -> dict[str, int]:
    """Cycles of the chip per class; their sum is checked."""
    floor = machine.floor
    stack = _split(machine.cores, floor.computing)
    stack["fill"] = sum(floor.fill)
    for name, amount in by_cause(floor.stack).items():
        if name == Cause.COMPUTE:
            # A core that is done with a tile waits for one that is not.
            name = "imbalance"
        stack[name] = stack.get(name, 0) + amount
    stack["drain"] = cycles - floor.last
    return _checked(stack, cycles)


def pe_stack(machine: ChipMachine, cycles: int) -> dict[str, int]:
    """Cycles of all cores per class; their sum is checked."""
    total: dict[str, int] = {}
    for core in machine.cores:
        busy = core.account.states[core.BUSY] + core.account.states[core.CONTENTION]
        parts = _split([core], busy)
        before = core.before or [0] * len(CAUSES)
        parts["fill"] = sum(before)
        waits = [
            all_of_it - early - working
            for early, working, all_of_it in zip(
                before, core.worked, core.account.causes, strict=True
            )
        ]
        waits[core.latency_cause] -= core.account.states[core.IDLE]
        for name, amount in by_cause(waits).items():
            name = "imbalance" if name == Cause.COMPUTE else name
            parts[name] = parts.get(name, 0) + amount
        # A core without a block in the last steps may let them pass after the last multiply.
        end = max(core.last, machine.floor.last)
        parts["imbalance"] = parts.get("imbalance", 0) + end - core.last
        parts["drain"] = cycles - end
        for name, amount in parts.items():
            total[name] = total.get(name, 0) + amount
    cores = machine.case.chip.all_cores
    total["unmapped"] = (cores - len(machine.cores)) * cycles
    return _checked(total, cores * cycles)


def _split(cores: list[Core], cycles: int) -> dict[str, int]:
    """Split cycles of multiplying as those of some cores are."""
    whole = sum(core.tally[Core.CYCLES] for core in cores)
    parts = {
        cause.value: cycles * sum(core.tally[number] for core in cores) // whole if whole else 0
        for cause, number in _PARTS.items()
    }
    return {"compute": cycles - sum(parts.values())} | parts


def _checked(stack: dict[str, int], cycles: int) -> dict[str, int]:
    if sum(stack.values()) != cycles or min(stack.values()) < 0:
        raise SimulationBug(f"the stack {stack} does not sum to {cycles} cycles")
    return {name: amount for name, amount in stack.items() if amount or name == "compute"}


def account(unit: Unit, cycles: int) -> UnitAccount:
    """A unit's states, and what they are charged to; what is left after its end is idle."""
    states = dict(zip(unit.STATES, unit.account.states, strict=True))
    busy = states.pop("busy")
    states.pop("idle")
    waiting = {name: amount for name, amount in states.items() if amount}
    causes = unit.account.causes.copy()
    causes[unit.cause_of(unit.IDLE)] -= unit.account.states[unit.IDLE]
    charged = by_cause(causes)
    if sum(charged.values()) != busy + sum(waiting.values()) or min(causes) < 0:
        raise SimulationBug(f"{unit.name}: {charged} does not sum to {busy} busy and {waiting}")
    return UnitAccount(
        busy=busy, idle=cycles - busy - sum(waiting.values()), waiting=waiting, charged=charged
    )


def drain_causes(machine: ChipMachine, cycles: int) -> dict[str, int]:
    """What the cycles after the last multiply went to: those of the store that ended last.

    A core with nothing left to do may come to its end later: until then it is imbalance.
    """
    floor = machine.floor
    number, last = max(enumerate(machine.stores), key=lambda one: (one[1].end, one[1].order))
    spent = [b - a for a, b in zip(floor.blame_at_end[number], last.blame(), strict=True)]
    found = by_cause(spent) | {"imbalance": floor.left - floor.last}
    if sum(found.values()) != cycles - floor.last:
        raise SimulationBug(f"{found} does not sum to {cycles - floor.last} cycles of drain")
    return {name: amount for name, amount in found.items() if amount}


def chip_account(machine: ChipMachine, activity: Activity) -> CrossbarAccount:
    """What the chip did."""
    writing = sum(unit.tally[Programmer.WRITING] for unit in machine.programmers)
    waiting = sum(core.tally[Core.UNWRITTEN] for core in machine.cores)
    timing = multiply_timing(machine.case.chip).in_cycles(machine.case.chip)
    return CrossbarAccount(
        activity=activity,
        interval_cycles=machine.binding.interval,
        latency_cycles=int(timing.interval) + machine.binding.latencies.tail,
        writing_cycles=writing,
        waiting_cycles=waiting,
        hidden=max(0.0, 1 - waiting / writing) if writing else None,
        until=machine.floor.last,
    )

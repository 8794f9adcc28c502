"""Where the cycles of a machine that has run went: its stacks, and the account of every unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stallscope.hw.machine import Machine
from stallscope.hw.ports import CAUSES
from stallscope.hw.result import UnitAccount
from stallscope.hw.sparse.account import own_waits
from stallscope.simcore.errors import SimulationBug
from stallscope.simcore.unit import Unit

__all__ = ["account", "by_cause", "cycle_stack", "pe_stack"]


def by_cause(cycles: Sequence[int]) -> dict[str, int]:
    """Cycles by the name of their cause."""
    named = zip(CAUSES, cycles, strict=False)
    return {cause.value: amount for cause, amount in named if amount}


def cycle_stack(machine: Machine, cycles: int) -> dict[str, int]:
    """Array cycles per class; their sum is checked."""
    array = machine.array
    lost = by_cause(array.stack)
    if "compute" in lost:
        raise SimulationBug(f"{lost['compute']} cycles of waiting are charged to the array's work")
    stack = {"compute": array.computing, "fill": sum(array.fill or [])} | lost
    stack["drain"] = cycles - array.last
    if sum(stack.values()) != cycles or min(stack.values()) < 0:
        raise SimulationBug(f"the cycle stack {stack} does not sum to {cycles} cycles")
    return {name: amount for name, amount in stack.items() if amount or name == "compute"}


def pe_stack(machine: Machine, stack: Mapping[str, int], cycles: int) -> dict[str, int]:
    """PE-cycles per class; their sum is checked."""
    pes = machine.architecture.compute.instances
    used = machine.array.plan.pes
    computes = machine.binding.computes(machine.array)
    if machine.sparse is not None:
        computes = machine.sparse.total(machine.array).executed
    spread = {name: amount * used for name, amount in stack.items()}
    spread["imbalance"] = spread["compute"] - computes
    spread["compute"] = computes
    for cause, (waited, macs) in own_waits(machine).items():
        name = CAUSES[cause].value
        spread["imbalance"] += waited * used
        # Waits in whole cycles: of broken ones no more counts than the array was at work.
        macs = min(macs, max(0, spread["imbalance"]))
        spread[name] = spread.get(name, 0) - waited * used + macs
        spread["imbalance"] -= macs
    spread["unmapped"] = (pes - used) * cycles
    if sum(spread.values()) != pes * cycles or min(spread.values()) < 0:
        raise SimulationBug(f"the PE stack {spread} does not sum to {pes} x {cycles}")
    return {name: amount for name, amount in spread.items() if amount or name == "compute"}


def account(machine: Machine, unit: Unit, cycles: int) -> UnitAccount:
    """A unit's states, and what they are charged to; what is left after its end is idle."""
    states = dict(zip(unit.STATES, unit.account.states, strict=True))
    busy = states.pop("busy")
    states.pop("idle")
    waiting = {name: amount for name, amount in states.items() if amount}
    idle = cycles - busy - sum(waiting.values())
    causes = unit.account.causes.copy()
    if unit is machine.array:
        causes = machine.array.charged()
    else:
        causes[unit.cause_of(unit.IDLE)] -= unit.account.states[unit.IDLE]
    charged = by_cause(causes)
    if sum(charged.values()) != busy + sum(waiting.values()) or min(causes) < 0:
        raise SimulationBug(f"{unit.name}: {charged} does not sum to {busy} busy and {waiting}")
    return UnitAccount(busy=busy, idle=idle, waiting=waiting, charged=charged)

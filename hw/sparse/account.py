"""What zeros made of the work of an array that has run."""

from __future__ import annotations

from math import prod

from stallscope.hw.machine import Machine
from stallscope.hw.result import SparsityAccount
from stallscope.hw.sparse.array import SparsePeArray
from stallscope.simcore.errors import SimulationBug

__all__ = ["own_waits", "sparsity_account"]


def sparsity_account(machine: Machine) -> SparsityAccount | None:
    """Return what zeros made of the array's work, or None if its PEs mind no zeros.

    Raises:
        SimulationBug: If what its bursts came to is not what their contents say.
    """
    if machine.sparse is None:
        return None
    array, plan = machine.array, machine.sparse.plan
    total = machine.sparse.total(array)
    # Every burst of the stream is executed once: how often each content comes is in its loops.
    again = prod(
        loop.extent
        for loop in machine.program.compute.loops
        if loop.dimension not in plan.pieces.contents
    )
    steps = tuple((plan.bursts.done * again).tolist())
    if sum(steps) != total.steps:
        raise SimulationBug(f"PEs executed {total.steps} steps, their work has {sum(steps)}")
    every = machine.binding.computes(array)
    waits = own_waits(machine).values()
    at_work = array.computing + sum(cycles for cycles, _ in waits)
    idle = sum(macs for _, macs in waits) / array.plan.pes
    records = zip(array.fresh, array.stale, array.plan.cycles, strict=True)
    return SparsityAccount(
        mode=plan.array.mode.value,
        pes=plan.pieces.pes,
        mesh=plan.mesh,
        places=plan.places,
        executed_macs=total.executed,
        active_macs=total.active,
        gated_macs=total.executed - total.active,
        skipped_macs=every - total.executed,
        steps=steps,
        imbalance_cycles=max(0.0, at_work - idle - total.steps / plan.pieces.pes),
        dense_cycles=sum((fresh + stale) * cycles for fresh, stale, cycles in records),
        ideal_cycles=-(-total.steps // plan.pieces.pes),
    )


def own_waits(machine: Machine) -> dict[int, tuple[int, int]]:
    """What PEs waited for at units of their own, by the number of the cause.

    Returns:
        Array cycles in which all PEs at work did, and MAC-cycles over all MACs. Empty where PEs
        mind no zeros.
    """
    if machine.sparse is None:
        return {}
    array = machine.array
    assert isinstance(array, SparsePeArray)
    lanes = array.plan.pes // machine.sparse.plan.pieces.pes
    return {
        cause: (cycles, lanes * waits)
        for cause, (cycles, waits) in enumerate(zip(array.waited, array.waits, strict=True))
        if cycles or waits
    }

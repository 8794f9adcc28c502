"""What a systolic array did in a run: its folds, and how much of it they used."""

from __future__ import annotations

from stallscope.hw.machine import Machine
from stallscope.hw.result import ArrayAccount

__all__ = ["array_account"]


def array_account(machine: Machine) -> ArrayAccount | None:
    """Account of a machine that has run; None if its array is not systolic."""
    bound, compute = machine.binding.systolic, machine.architecture.compute
    if bound is None or compute.systolic is None:
        return None
    program, folds, used = machine.program, 0, 0
    for stream in program.movers:
        if stream.child != bound.registers:
            continue
        key = (stream.tensor, stream.child)
        mover = machine.drains[key] if stream.is_output else machine.fills[key]
        for record, times in zip(stream.records, mover.tally, strict=True):
            folds += times
            used += times * record.rows * record.columns
    return ArrayAccount(
        rows=compute.y,
        columns=compute.x,
        stationary=bound.stationary,
        convention=compute.systolic.convention.value,
        folds=folds,
        mapped=used / (folds * compute.instances) if folds else 0.0,
        multiplied_until=machine.array.multiplied,
    )

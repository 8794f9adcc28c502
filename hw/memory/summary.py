"""What a main memory with a controller did in a run: commands, cycles, bursts, energy."""

from __future__ import annotations

from collections.abc import Sequence

from stallscope.hw.dram.energy import command_energies, energy_pj
from stallscope.hw.dram.layout import ACCOUNTS
from stallscope.hw.machine import Machine
from stallscope.hw.memory.lane import Lane
from stallscope.hw.memory.streams import Writes
from stallscope.hw.result import MemoryAccount, MemoryStream
from stallscope.mappings.dram import DramDevice
from stallscope.mappings.pricing import LedgerLine

__all__ = ["command_lines", "summarise"]

_COUNTS = {
    "activate": "activates", "read": "reads", "write": "writes", "refresh": "refreshes",
}  # fmt: skip
"""Actions that are paid per command, and the count of each."""


def summarise(machine: Machine, cycles: int) -> MemoryAccount | None:
    """What main memory did in a run of so many cycles; None without a controller."""
    if machine.memory is None:
        return None
    level = machine.architecture.levels[0]
    memory, controller = level.memory, machine.memory.controller
    assert memory is not None
    controller.advance(cycles)
    device = memory.device
    counts = controller.counts()
    clock = machine.architecture.clock_mhz
    assert clock is not None
    moved = (counts["reads"] + counts["writes"]) * device.burst_bytes
    return MemoryAccount(
        level=level.name,
        device=device.name,
        bytes_per_cycle=moved / cycles,
        peak_bytes_per_cycle=float(memory.peak_bits_per_cycle(clock)) / 8,
        commands=counts,
        cycles=tuple(
            dict(zip(ACCOUNTS, channel, strict=True))
            for channel in controller.accounts(cycles).tolist()
        ),
        energy_pj=_energy(device, counts, controller.clocks()),
        streams=tuple(_stream(machine, lane) for lane in machine.lanes),
    )


def command_lines(machine: Machine, account: MemoryAccount | None) -> Sequence[LedgerLine]:
    """The energy of a main memory's commands and standby, as lines of the ledger."""
    memory = machine.architecture.levels[0].memory
    if account is None or memory is None or account.energy_pj is None:
        return ()
    lines = []
    each = command_energies(memory.device)
    idle, active = each.idle_clock_pj, each.active_clock_pj
    for action, pj in account.energy_pj.items():
        if action in _COUNTS:
            count: int | float = account.commands[_COUNTS[action]]
        else:
            price = active if action == "active_standby" else idle
            count = round(pj / price) if price else 0
        if count:
            lines.append(
                LedgerLine(component=account.level, action=action, tensor="", count=count,
                           pj_each=pj / count, pj=pj)
            )  # fmt: skip
    return lines


def _energy(device: DramDevice, counts: dict[str, int], clocks: int) -> dict[str, float] | None:
    return energy_pj(device, counts, clocks) if device.currents is not None else None


def _stream(machine: Machine, lane: Lane) -> MemoryStream:
    """What the lane of one tensor moved."""
    assert machine.memory is not None
    is_write = isinstance(lane, Writes)
    key = next(key for key, channel in machine.channels.items() if channel is lane.channel)
    stream = next(one for one in machine.program.movers if (one.tensor, one.child) == key)
    mover = machine.drains[key] if is_write else machine.fills.get(key) or machine.refills[key]
    words = segments = 0
    for number, times in enumerate(mover.tally):
        words += times * stream.records[number].busiest_parent
        segments += times * lane.plan.addresses.segments[number]
    bits = machine.architecture.levels[0].word_bits
    moved = 8 * lane.bursts * lane.plan.burst_bytes
    counts = machine.memory.controller.source_counts(lane.source)
    return MemoryStream(
        tensor=stream.tensor,
        action="write" if is_write else "read",
        words=words,
        segments=segments,
        bursts=lane.bursts,
        efficiency=words * bits / moved if moved else 1.0,
        **counts,
    )

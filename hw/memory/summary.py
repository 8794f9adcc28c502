"""What a main memory with a controller did in a run: commands, cycles, bursts, energy."""

from __future__ import annotations

from stallscope.hw.dram.energy import actions, energy_pj
from stallscope.hw.dram.layout import ACCOUNTS
from stallscope.hw.machine import Machine
from stallscope.hw.memory.lane import Lane
from stallscope.hw.memory.streams import Writes
from stallscope.hw.result import MemoryAccount, MemoryStream
from stallscope.mappings.pricing import LedgerLine

__all__ = ["command_lines", "summarise"]


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
        energy_pj=energy_pj(device, counts, controller.clocks()) if device.currents else None,
        streams=tuple(_stream(machine, lane) for lane in machine.lanes),
    )


def command_lines(machine: Machine) -> tuple[LedgerLine, ...]:
    """The energy of a main memory's commands and standby, as lines of the ledger.

    None without a controller, or if its device has no currents. The machine has run.
    """
    level = machine.architecture.levels[0]
    if machine.memory is None or level.memory is None or level.memory.device.currents is None:
        return ()
    controller = machine.memory.controller
    done = actions(level.memory.device, controller.counts(), controller.clocks())
    return tuple(
        LedgerLine(component=level.name, action=action, tensor="", count=count, pj_each=each,
                   pj=count * each)
        for action, (count, each) in done.items() if count
    )  # fmt: skip


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

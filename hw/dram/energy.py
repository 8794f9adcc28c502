"""Energy of a DRAM by command: counts times figures that follow from the device's currents.

Each command costs what it draws above active standby, for as long as it draws it, in all devices
of a rank (the power calculation of data sheets): V x mA x ns = pJ, so clocks are multiplied by
tCK. Standby is counted per clock and rank, with a row open or with all banks closed.

Not modelled: I/O and termination energy, power-down, the VPP supply, temperature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stallscope.mappings.dram import DramDevice
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["CommandEnergies", "actions", "command_energies", "energy_pj"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnergies:
    """Energy of each command and of standby of one rank, pJ.

    Attributes:
        activate_pj: ACT and the PRE that follows it.
        read_pj: RD, without I/O.
        write_pj: WR, without I/O.
        refresh_pj: REF of all banks.
        active_clock_pj: A clock with a row open.
        idle_clock_pj: A clock with all banks closed.
    """

    activate_pj: float
    read_pj: float
    write_pj: float
    refresh_pj: float
    active_clock_pj: float
    idle_clock_pj: float


def command_energies(device: DramDevice) -> CommandEnergies:
    """Return the energies of a device.

    Raises:
        SpecError: If the device has no currents.
    """
    currents, timings = device.currents, device.timings
    if currents is None:
        rule = "energies need currents"
        remedy = "give VDD, IDD0, IDD2N, IDD3N, IDD4R, IDD4W, IDD5AB"
        place = f"{device.name}.currents"
        raise SpecError([Fault(place=place, value="", rule=rule, remedy=remedy)])
    per_ma_clock = currents.VDD_v * float(timings.tCK_ns) * device.devices
    active, idle = currents.IDD3N_ma, currents.IDD2N_ma
    standby = active * timings.tRAS + idle * timings.tRP
    row = currents.IDD0_ma * (timings.tRAS + timings.tRP) - standby
    return CommandEnergies(
        activate_pj=per_ma_clock * row,
        read_pj=per_ma_clock * (currents.IDD4R_ma - active) * device.burst_clocks,
        write_pj=per_ma_clock * (currents.IDD4W_ma - active) * device.burst_clocks,
        refresh_pj=per_ma_clock * (currents.IDD5AB_ma - active) * timings.tRFC,
        active_clock_pj=per_ma_clock * active,
        idle_clock_pj=per_ma_clock * idle,
    )


def actions(
    device: DramDevice, counts: Mapping[str, int], clocks: int
) -> dict[str, tuple[int, float]]:  # fmt: skip
    """Return how often each action was done, and the energy of one, pJ.

    Args:
        device: The memory.
        counts: Counts of all channels by name (`Controller.counts`).
        clocks: Clocks of the run, the same in every channel.

    Returns:
        (count, pJ each) by action: activate, read, write, refresh (commands), active_standby,
        precharged_standby (clocks of a rank).
    """
    each, built = command_energies(device), device.organisation
    active = counts["active_rank_clocks"]
    idle = clocks * built.channels * built.ranks - active
    return {
        "activate": (counts["activates"], each.activate_pj),
        "read": (counts["reads"], each.read_pj),
        "write": (counts["writes"], each.write_pj),
        "refresh": (counts["refreshes"], each.refresh_pj),
        "active_standby": (active, each.active_clock_pj),
        "precharged_standby": (idle, each.idle_clock_pj),
    }


def energy_pj(device: DramDevice, counts: Mapping[str, int], clocks: int) -> dict[str, float]:
    """Return the energy of each action, pJ; see `actions`."""
    return {name: count * each for name, (count, each) in actions(device, counts, clocks).items()}

"""An independent checker of a DRAM channel's command log: which rule, if any, it breaks.

It knows the standard's rules and nothing of how the controller keeps them: every pair of commands
is looked at, and data bursts as intervals on the bus.
"""

from __future__ import annotations

from itertools import pairwise

from stallscope.hw.dram import layout as at

COLUMN = (at.RD, at.WR)
CLOSES = (at.PRE, at.PRE_REFRESH, at.PRE_AUTO)


def violations(device, log, is_dual):
    """Return a line per broken rule. ``log``: (clock, kind, bank; a rank for REF) in order."""
    found = []
    timings, built = device.timings, device.organisation
    rank_banks = built.bank_groups * built.banks_per_group
    log = sorted(log, key=lambda entry: entry[0])
    found += _one_a_clock(log, is_dual)
    found += _states(log, rank_banks)
    for i, (then, kind, bank) in enumerate(log):
        for now, other, second in log[i + 1 :]:
            least = _least(device, timings, rank_banks, (kind, bank), (other, second))
            if now - then < least:
                found.append(f"{kind}@{then} of {bank}, {other}@{now} of {second}: {least}")
    for rank in range(built.ranks):
        acts = [t for t, kind, bank in log if kind == at.ACT and bank // rank_banks == rank]
        for i in range(4, len(acts)):
            if acts[i] - acts[i - 4] < timings.tFAW:
                found.append(f"five ACTs from {acts[i - 4]} to {acts[i]}")
    return found + _bus(device, log, rank_banks)


def _one_a_clock(log, is_dual):
    found = []
    clocks = {}
    for t, kind, _ in log:
        if kind != at.PRE_AUTO:  # the device does that by itself
            clocks.setdefault(t, []).append(kind in COLUMN)
    for t, kinds in clocks.items():
        if len(kinds) > (2 if is_dual else 1) or len(set(kinds)) < len(kinds):
            found.append(f"too many commands at {t}")
    return found


def _states(log, rank_banks):
    """Rows are opened closed and used open; a rank is refreshed closed."""
    found, is_open = [], {}
    for t, kind, bank in log:
        if kind == at.REF:
            if any(is_open.get(bank * rank_banks + i) for i in range(rank_banks)):
                found.append(f"REF@{t} with a row open")
            continue
        if bool(is_open.get(bank)) is (kind == at.ACT):
            found.append(f"{kind}@{t} of bank {bank}, open: {is_open.get(bank)}")
        is_open[bank] = kind not in CLOSES
    return found


def _least(device, timings, rank_banks, first, second):
    """Clocks that must lie between two commands, data bus aside."""
    (kind, bank), (other, last) = first, second
    data = device.burst_clocks
    rank = bank if kind == at.REF else bank // rank_banks
    if rank != (last if other == at.REF else last // rank_banks):
        return 0
    if kind == at.REF:
        return timings.tRFC
    if other == at.REF:
        return timings.tRP if kind in CLOSES else 0
    same_group = bank // device.organisation.banks_per_group == (
        last // device.organisation.banks_per_group
    )
    gap = 0
    if bank == last:
        gap = _same_bank(device, timings, kind, other)
    if kind == other == at.ACT:
        gap = max(gap, timings.tRRD_L if same_group else timings.tRRD_S)
    if kind == other and kind in COLUMN:
        gap = max(gap, data, timings.tCCD_L if same_group else timings.tCCD_S)
    if kind == at.WR and other == at.RD:
        turn = timings.tWTR_L if same_group else timings.tWTR_S
        gap = max(gap, device.write_latency + data + turn)
    if kind in (at.PRE, at.PRE_REFRESH) and other in (at.PRE, at.PRE_REFRESH):
        gap = max(gap, timings.tPPD)
    return gap


def _same_bank(device, timings, kind, other):
    write_end = device.write_latency + device.burst_clocks
    if kind == at.ACT:
        if other in CLOSES:
            return timings.tRAS
        if other == at.ACT:
            return timings.tRAS + timings.tRP
        return (timings.tRCDRD if other == at.RD else timings.tRCDWR) - timings.AL
    if kind in CLOSES and other == at.ACT:
        return timings.tRP
    if kind == at.RD and other in CLOSES:
        return timings.AL + timings.tRTP
    if kind == at.WR and other in CLOSES:
        return write_end + timings.tWR
    return 0


def _bus(device, log, rank_banks):
    """Data bursts do not overlap, and rest tRTRS where the rank changes or a write follows."""
    found = []
    bursts = sorted(
        (t + (device.read_latency if kind == at.RD else device.write_latency), kind, bank)
        for t, kind, bank in log
        if kind in COLUMN
    )
    for (start, kind, bank), (following, other, second) in pairwise(bursts):
        gap = following - start - device.burst_clocks
        turns = bank // rank_banks != second // rank_banks or (kind, other) == (at.RD, at.WR)
        if gap < (device.timings.tRTRS if turns else 0):
            found.append(f"data of {kind}@{start} and {other}@{following} are {gap} apart")
    return found

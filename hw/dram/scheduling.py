"""Which command a channel issues next, and when.

Bank queues are scanned round robin from the one after the last that issued. In a bank queue the
first request whose next command is legal is served: ACT if the bank is closed, a column command
if the request's row is open, PRE for another row. PRE is for the oldest request only, and only if
no request of the queue hits the open row or the row has served `MARGIN` column commands.

A rank whose refresh is due takes no commands but PRE of its open banks, then REF.
"""

# ruff: noqa: F403, F405  # the names are the fields of the arrays, all in one place

from __future__ import annotations

from stallscope.hw.dram.commands import activate, column, precharge, refresh
from stallscope.hw.dram.jit import Ints, helper
from stallscope.hw.dram.layout import *

__all__ = ["due", "earliest_hit", "issue", "plan", "plan_bank"]


@helper
def read_at(s: Ints, bank: int) -> int:
    """Clock from which a bank's open row may be read."""
    group = s[BANK_GROUP + bank]
    return max(s[READ_AT + bank], max(s[READ_SAME + group], s[READ_TURN + group]))


@helper
def write_at(s: Ints, bank: int) -> int:
    """Clock from which a bank's open row may be written."""
    group = s[BANK_GROUP + bank]
    return max(s[WRITE_AT + bank], max(s[WRITE_SAME + group], s[WRITE_TURN + group]))


@helper
def pre_at(s: Ints, bank: int) -> int:
    """Clock from which a bank may be closed."""
    return max(s[PRE_AT + bank], s[RANK_PRE_AT + s[BANK_RANK + bank]])


@helper
def wants_close(s: Ints, bank: int) -> bool:
    """Whether the oldest request of an open bank may have the row closed."""
    read, write = s[HIT_READ + bank], s[HIT_WRITE + bank]
    return read != 0 and write != 0 and ((read < 0 and write < 0) or s[SERVED + bank] >= MARGIN)


@helper
def plan_bank(s: Ints, bank: int) -> int:
    """Find when a bank queue can issue its next command, all else unchanged."""
    at = hit = FOREVER
    if s[LENGTH + bank] == 0 or s[WAITING + s[BANK_RANK + bank]]:
        pass
    elif s[ROW + bank] < 0:
        at = max(s[ACT_AT + bank], s[GROUP_ACT + s[BANK_GROUP + bank]])
    else:
        if s[HIT_READ + bank] >= 0:
            hit = read_at(s, bank)
        if s[HIT_WRITE + bank] >= 0:
            hit = min(hit, write_at(s, bank))
        at = min(hit, pre_at(s, bank)) if wants_close(s, bank) else hit
    s[READY + bank] = at
    s[HIT_READY + bank] = hit
    return at


@helper
def plan_next(s: Ints, c: Ints, at: int) -> None:
    """Keep when the next command can be issued: that of a bank queue at ``at``, or a refresh."""
    if s[N_WAITING]:
        for rank in range(c[N_RANKS]):
            if s[WAITING + rank]:
                at = min(at, plan_refresh(s, c, rank))
    s[NEXT_ISSUE] = at


@helper
def plan(s: Ints, c: Ints) -> None:
    """Plan every bank queue anew."""
    at = FOREVER
    for bank in range(c[N_BANKS]):
        at = min(at, plan_bank(s, bank))
    plan_next(s, c, at)


@helper
def plan_after(s: Ints, c: Ints, bank: int, is_column: bool) -> None:
    """Plan again what a row or column command to ``bank`` may have held back.

    A column command holds back other columns, and an ACT other ACTs; a PRE only others' PREs.
    """
    is_open = s[ROW + bank] >= 0
    holds_open = is_column or (c[PRE_PRE] > 0 and not is_open)
    holds_closed = is_open and not is_column
    first = FOREVER
    for other in range(c[N_BANKS]):
        at = s[READY + other]
        if at == FOREVER:
            continue
        if other == bank or (holds_open and s[ROW + other] >= 0):
            at = plan_bank(s, other)
        elif holds_closed and s[ROW + other] < 0:
            at = max(s[ACT_AT + other], s[GROUP_ACT + s[BANK_GROUP + other]])
            s[READY + other] = at
        first = min(first, at)
    plan_next(s, c, first)


@helper
def earliest_hit(s: Ints, c: Ints) -> tuple[int, int]:
    """Return when the earliest pending column command can go, and what holds it until then."""
    at = FOREVER
    for bank in range(c[N_BANKS]):
        at = min(at, s[HIT_READY + bank])
    kind = IDLE
    if at < FOREVER:
        for bank in range(c[N_BANKS]):
            if s[HIT_READY + bank] == at:
                kind = min(kind, hit_class(s, bank, at))
    return at, kind


@helper
def hit_class(s: Ints, bank: int, at: int) -> int:
    """Return what holds the column command of a bank that can go at clock ``at``."""
    group, kind = s[BANK_GROUP + bank], IDLE
    if s[HIT_READ + bank] >= 0 and read_at(s, bank) == at:
        kind = holder(s[READ_AT + bank], s[READ_SAME + group], s[READ_TURN + group])
    if s[HIT_WRITE + bank] >= 0 and write_at(s, bank) == at:
        found = holder(s[WRITE_AT + bank], s[WRITE_SAME + group], s[WRITE_TURN + group])
        kind = min(kind, found)
    return kind


@helper
def holder(bank_at: int, same_at: int, turn_at: int) -> int:
    """What holds a column command: its row, the bus in the same direction, or its turning."""
    if turn_at > same_at and turn_at > bank_at:
        return TURNAROUND
    return ROW_WAIT if bank_at > same_at else BANDWIDTH


@helper
def plan_refresh(s: Ints, c: Ints, rank: int) -> int:
    """Clock at which a rank that waits for its refresh can take its next command."""
    is_closed = s[RANK_OPEN + rank] == 0
    at = 0 if is_closed else FOREVER
    first = rank * c[RANK_GROUPS] * c[GROUP_BANKS]
    for bank in range(first, first + c[RANK_GROUPS] * c[GROUP_BANKS]):
        if is_closed:
            at = max(at, s[ACT_AT + bank])
        elif s[ROW + bank] >= 0:
            at = min(at, pre_at(s, bank))
    return at


@helper
def due(s: Ints, c: Ints, t: int) -> None:
    """Let refreshes that fall due at clock ``t`` wait at their ranks."""
    if s[REF_DUE] > t:
        return
    while s[REF_DUE] <= t:
        s[N_WAITING] += 1 - s[WAITING + s[REF_RANK]]
        s[WAITING + s[REF_RANK]] = 1
        s[REF_RANK] = (s[REF_RANK] + 1) % c[N_RANKS]
        s[REF_DUE] += c[REF_INTERVAL]
    plan(s, c)


@helper
def issue(s: Ints, c: Ints, t: int) -> None:
    """Issue what can be issued at clock ``t``: one command, or one of row and one of column."""
    s[N_COMMANDS] = 0
    if s[NEXT_ISSUE] > t:
        return
    if s[N_WAITING]:
        for rank in range(c[N_RANKS]):
            if s[WAITING + rank] and issue_refresh(s, c, rank, t):
                plan(s, c)
                return
    is_column = issue_queued(s, c, t, -1)
    if c[IS_DUAL] and is_column >= 0 and s[NEXT_ISSUE] <= t:
        issue_queued(s, c, t, is_column)


@helper
def issue_refresh(s: Ints, c: Ints, rank: int, t: int) -> bool:
    """Issue a PRE for a refresh, or the REF; False if neither can be."""
    if plan_refresh(s, c, rank) > t:
        return False
    if s[RANK_OPEN + rank] == 0:
        refresh(s, c, rank, t)
        return True
    first = rank * c[RANK_GROUPS] * c[GROUP_BANKS]
    for bank in range(first, first + c[RANK_GROUPS] * c[GROUP_BANKS]):
        if s[ROW + bank] >= 0 and pre_at(s, bank) <= t:
            precharge(s, c, bank, t, PRE_REFRESH)
            return True
    return False


@helper
def next_bank(s: Ints, c: Ints, t: int) -> int:
    """Return the bank queue that has a legal command and comes first round robin, or -1."""
    last = s[LAST_BANK]
    for bank in range(last + 1, c[N_BANKS]):
        if s[READY + bank] <= t:
            return bank
    for bank in range(last + 1):
        if s[READY + bank] <= t:
            return bank
    return -1


@helper
def issue_queued(s: Ints, c: Ints, t: int, first: int) -> int:
    """Issue the next command of the first bank queue that has a legal one.

    ``first`` is -1 for the clock's first command, else whether that was a column command: a second
    of the same kind is dropped. Return whether the command is a column command; -1: none.
    """
    bank = next_bank(s, c, t)
    if bank < 0:
        return -1
    s[LAST_BANK] = bank
    is_row = s[ROW + bank] < 0 or (wants_close(s, bank) and pre_at(s, bank) <= t)
    if first >= 0 and first != is_row:
        return -1
    if s[ROW + bank] < 0:
        activate(s, c, bank, t)
    elif is_row:
        precharge(s, c, bank, t, PRE)
    else:
        column(s, c, bank, legal_hit(s, bank, t), t)
    plan_after(s, c, bank, not is_row)
    return 0 if is_row else 1


@helper
def legal_hit(s: Ints, bank: int, t: int) -> int:
    """Position of the oldest request of a bank queue whose column command is legal."""
    read, write = s[HIT_READ + bank], s[HIT_WRITE + bank]
    if read >= 0 and read_at(s, bank) > t:
        read = -1
    if write >= 0 and write_at(s, bank) > t:
        write = -1
    if read < 0 or write < 0:
        return max(read, write)
    return min(read, write)

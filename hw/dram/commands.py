"""What a command does to a channel: the state of its bank and when others may follow it.

Every rule is a "not before" clock. Column commands of the same direction keep the data bus free
(and tCCD_L within a bank group); a change of direction or rank waits for the bus to turn.
"""

# ruff: noqa: F403, F405  # the names are the fields of the arrays, all in one place

from __future__ import annotations

from stallscope.hw.dram.jit import Ints, helper
from stallscope.hw.dram.layout import *
from stallscope.hw.dram.queues import complete, hits

__all__ = ["activate", "column", "precharge", "refresh"]


@helper
def note(s: Ints, kind: int, bank: int, t: int) -> None:
    """Leave the command where a log can see it."""
    o = LOGGED + s[N_COMMANDS] * LOG
    s[o + LOGGED_AT] = t
    s[o + LOGGED_KIND] = kind
    s[o + LOGGED_BANK] = bank
    s[N_COMMANDS] += 1


@helper
def activate(s: Ints, c: Ints, bank: int, t: int) -> None:
    """Open the row of the bank's oldest request."""
    note(s, ACT, bank, t)
    o = c[SLOTS] + s[c[BANK_QUEUES] + bank * c[DEPTH]] * SLOT
    s[ROW + bank] = s[o + SLOT_ROW]
    s[OWNER + bank] = s[o + SLOT_SOURCE]
    s[SERVED + bank] = 0
    s[READ_AT + bank] = t + c[ACT_READ]
    s[WRITE_AT + bank] = t + c[ACT_WRITE]
    s[PRE_AT + bank] = max(s[PRE_AT + bank], t + c[ACT_PRE])
    s[ACT_AT + bank] = t + c[ACT_ACT]
    source = c[SOURCES] + s[o + SLOT_SOURCE] * SOURCE
    s[ACTIVATES] += 1
    s[source + SOURCE_ACTIVATES] += 1
    if s[WAS_CLOSED_FOR_ROW + bank]:
        s[CONFLICTS] += 1
        s[source + SOURCE_CONFLICTS] += 1
    else:
        s[MISSES] += 1
    rank = s[BANK_RANK + bank]
    s[RANK_OPEN + rank] += 1
    s[FAW_0 + rank] = s[FAW_1 + rank]
    s[FAW_1 + rank] = s[FAW_2 + rank]
    s[FAW_2 + rank] = s[FAW_3 + rank]
    s[FAW_3 + rank] = t
    window = s[FAW_0 + rank] + c[FAW]
    for i in range(c[RANK_GROUPS]):
        group = rank * c[RANK_GROUPS] + i
        gap = c[ACT_ACT_L] if group == s[BANK_GROUP + bank] else c[ACT_ACT_S]
        s[GROUP_ACT + group] = max(s[GROUP_ACT + group], t + gap, window)
    hits(s, c, bank)


@helper
def precharge(s: Ints, c: Ints, bank: int, t: int, kind: int) -> None:
    """Close a bank's row; ``kind`` says what for."""
    note(s, kind, bank, t)
    rank = s[BANK_RANK + bank]
    s[ROW + bank] = -1
    s[HIT_READ + bank] = -1
    s[HIT_WRITE + bank] = -1
    s[ACT_AT + bank] = max(s[ACT_AT + bank], t + c[PRE_ACT])
    s[WAS_CLOSED_FOR_ROW + bank] = kind == PRE
    if kind != PRE_AUTO:
        s[RANK_PRE_AT + rank] = t + c[PRE_PRE]
    s[RANK_OPEN + rank] -= 1
    s[PRECHARGES] += 1


@helper
def refresh(s: Ints, c: Ints, rank: int, t: int) -> None:
    """Refresh all banks of a rank, all of them closed."""
    note(s, REF, rank, t)
    for i in range(c[RANK_GROUPS] * c[GROUP_BANKS]):
        bank = rank * c[RANK_GROUPS] * c[GROUP_BANKS] + i
        s[ACT_AT + bank] = t + c[REF_ACT]
        s[WAS_CLOSED_FOR_ROW + bank] = 0
    s[WAITING + rank] = 0
    s[N_WAITING] -= 1
    s[REF_END + rank] = t + c[REF_ACT]
    s[REFRESHES] += 1


@helper
def column(s: Ints, c: Ints, bank: int, index: int, t: int) -> None:
    """Read or write the request at ``index`` of the bank's queue."""
    o = c[SLOTS] + s[c[BANK_QUEUES] + bank * c[DEPTH] + index] * SLOT
    is_write = s[o + SLOT_WRITE]
    note(s, WR if is_write else RD, bank, t)
    if s[SERVED + bank]:
        s[HITS] += 1
        s[c[SOURCES] + s[o + SLOT_SOURCE] * SOURCE + SOURCE_HITS] += 1
    s[SERVED + bank] += 1
    s[OWNER + bank] = s[o + SLOT_SOURCE]
    kind = 2 if is_write else 1
    if s[LAST_KIND] and s[LAST_KIND] != kind:
        s[TURNS] += 1
    s[LAST_KIND] = kind
    s[DATA_SLOT_END] = t + c[DATA]
    end = t + (c[WRITE_END] if is_write else c[READ_END])
    s[DATA_END] = max(s[DATA_END], end)
    if is_write:
        s[WRITES] += 1
        s[PRE_AT + bank] = max(s[PRE_AT + bank], t + c[WRITE_PRE])
        after_write(s, c, s[BANK_RANK + bank], s[BANK_GROUP + bank], t)
    else:
        s[READS] += 1
        s[PRE_AT + bank] = max(s[PRE_AT + bank], t + c[READ_PRE])
        after_read(s, c, s[BANK_RANK + bank], s[BANK_GROUP + bank], t)
    complete(s, c, bank, index, end)
    hits(s, c, bank)
    if c[IS_CLOSED] and s[HIT_READ + bank] < 0 and s[HIT_WRITE + bank] < 0:
        # The device closes the row by itself as soon as it may.
        precharge(s, c, bank, s[PRE_AT + bank], PRE_AUTO)


@helper
def after_read(s: Ints, c: Ints, rank: int, group: int, t: int) -> None:
    """Hold back column commands that would meet a read's data."""
    for i in range(c[N_GROUPS]):
        if i == group:
            s[READ_SAME + i] = max(s[READ_SAME + i], t + c[READ_READ_L])
            s[WRITE_TURN + i] = max(s[WRITE_TURN + i], t + c[READ_WRITE])
        elif s[GROUP_RANK + i] == rank:
            s[READ_SAME + i] = max(s[READ_SAME + i], t + c[READ_READ_S])
            s[WRITE_TURN + i] = max(s[WRITE_TURN + i], t + c[READ_WRITE])
        else:
            s[READ_TURN + i] = max(s[READ_TURN + i], t + c[READ_READ_R])
            s[WRITE_TURN + i] = max(s[WRITE_TURN + i], t + c[READ_WRITE_R])


@helper
def after_write(s: Ints, c: Ints, rank: int, group: int, t: int) -> None:
    """Hold back column commands that would meet a write's data."""
    for i in range(c[N_GROUPS]):
        if i == group:
            s[WRITE_SAME + i] = max(s[WRITE_SAME + i], t + c[WRITE_WRITE_L])
            s[READ_TURN + i] = max(s[READ_TURN + i], t + c[WRITE_READ_L])
        elif s[GROUP_RANK + i] == rank:
            s[WRITE_SAME + i] = max(s[WRITE_SAME + i], t + c[WRITE_WRITE_S])
            s[READ_TURN + i] = max(s[READ_TURN + i], t + c[WRITE_READ_S])
        else:
            s[WRITE_TURN + i] = max(s[WRITE_TURN + i], t + c[WRITE_WRITE_R])
            s[READ_TURN + i] = max(s[READ_TURN + i], t + c[WRITE_READ_R])

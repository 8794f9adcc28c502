"""The critical chain of a recorded run as lines of a table."""

from __future__ import annotations

from dataclasses import dataclass

from stallscope.report.page.palette import tone
from stallscope.traces.events.critical import Stretch, critical_chain
from stallscope.traces.events.trace import Trace

__all__ = ["ChainLine", "chain_lines"]

_SHOWN = 8
"""Stretches with a line of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLine:
    """One stretch of the chain; the last line may stand for all shorter ones.

    Attributes:
        what: What took the time.
        because: What waited for it.
        amount: Cycles.
        share: Share of the run.
        look: Name of the colour of its class; empty for the last line.
        cause: Its class.
    """

    what: str
    because: str
    amount: int
    share: float
    look: str
    cause: str


def chain_lines(trace: Trace) -> list[ChainLine]:
    """Return the chain, its longest stretches first; nothing for a part of a run."""
    meta = trace.meta
    is_whole = meta.window is None and len(meta.recorded) == len(meta.units)
    if not (is_whole and meta.is_complete and trace.cycles):
        return []
    chain = critical_chain(trace)
    lines = [_line(one, trace.cycles) for one in chain[:_SHOWN]]
    rest = chain[_SHOWN:]
    if rest:
        amount = sum(one.cycles for one in rest)
        lines.append(
            ChainLine(
                what=f"{len(rest)} shorter stretches",
                because="",
                amount=amount,
                share=amount / trace.cycles,
                look="",
                cause="",
            )
        )
    return lines


def _line(one: Stretch, cycles: int) -> ChainLine:
    return ChainLine(
        what=one.what,
        because=one.because,
        amount=one.cycles,
        share=one.cycles / cycles,
        look=tone(one.cause),
        cause=one.cause,
    )

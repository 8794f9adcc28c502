"""A program's streams on a systolic array: what its bursts, and the tiles it shifts, take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stallscope.hw.mover import MoverPlan
from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.systolic.folds import Fold, Folds, Shift
from stallscope.hw.systolic.rules import FoldRules, rules_of
from stallscope.mappings.architecture import Architecture
from stallscope.simcore.servers import Demand, Server
from stallscope.traces.program import MoverStream, Program, Record, Work

__all__ = ["ANY_TILES", "BoundArray", "stalls_of"]

ANY_TILES = 1 << 60
"""As many tiles as there is room for."""


class BoundArray:
    """The systolic array of an architecture, with what a program keeps in its registers.

    Attributes:
        registers: Name of the level that its registers are.
        stationary: Tensor that they keep.
        folds: What its folds take.
    """

    def __init__(
        self, program: Program, architecture: Architecture, rules: FoldRules | None,
        cycle_ticks: int,
    ) -> None:  # fmt: skip
        systolic = architecture.compute.systolic
        assert systolic is not None
        self.registers = architecture.levels[-1].name
        kept = {
            plan.tensor: plan.tile_words for plan in program.buffers if plan.level == self.registers
        }
        self.stationary = next(iter(kept), "")
        self._plane = max(kept.values(), default=0)
        self._ticks = cycle_ticks
        self.folds = Folds(
            architecture.compute,
            rules or rules_of(systolic.convention),
            is_output=program.output in kept,
        )

    def most_tiles(self, level: str) -> int:
        """Tiles of a tensor that a level may hold at once."""
        exposes = level == self.registers and not self.folds.rules.prefetches
        return 1 if exposes else ANY_TILES

    def burst(self, work: Work) -> Fold:
        """What one kind of burst takes."""
        return self.folds.fold(work.cycles, work.rows, work.columns)

    def shifted(
        self, plan: MoverPlan, stream: MoverStream, parts: Sequence[Sequence[tuple[Server, int]]],
        burst: int, *, is_up: bool,
    ) -> MoverPlan:  # fmt: skip
        """Plan of a mover whose child is the registers: rows are shifted in, or out.

        A tile takes a register of every PE, however few it fills.

        Args:
            plan: The plan, as of any level.
            stream: The stream.
            parts: Per record, the servers and words of its transfer.
            burst: Words of a burst.
            is_up: Whether it is the drain of an output.
        """
        moves = [self._shift(record, is_out=is_up) for record in stream.records]
        idle = CAUSES.index(Cause.SHIFT)
        return replace(
            plan,
            demands=tuple(
                Demand(part, move.cycles * self._ticks, idle, burst)
                for part, move in zip(parts, moves, strict=True)
            ),
            room=tuple(self._plane if room else 0 for room in plan.room),
            released=tuple(self._plane if words else 0 for words in plan.released),
            tile_words=tuple(self._plane if words else 0 for words in plan.tile_words),
            skew=tuple(move.latency for move in moves) if is_up else (),
            rows=tuple(move.rows for move in moves) if is_up else (),
        )

    def _shift(self, record: Record, *, is_out: bool) -> Shift:
        if not record.words:
            return Shift(cycles=0, rows=0, latency=0)
        return self.folds.shift(record.rows, record.columns, is_out=is_out)


def stalls_of(fold: Fold) -> tuple[tuple[int, int], ...]:
    """Causes and cycles of what a burst takes besides its multiply-accumulates."""
    parts = ((Cause.EDGE_PORT, fold.edge), (Cause.SKEW, fold.skew), (Cause.FOLD, fold.lead))
    return tuple((CAUSES.index(cause), cycles) for cause, cycles in parts if cycles)

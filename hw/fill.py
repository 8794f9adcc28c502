"""Fills: the movers that bring tiles of an operand down."""

from __future__ import annotations

from collections.abc import Generator, Hashable

from stallscope.hw.cursor import Cursor
from stallscope.hw.mover import Carrier, MoverPlan
from stallscope.simcore.counter import Counter
from stallscope.simcore.environment import Event
from stallscope.simcore.slices import outcome_of

__all__ = ["Fill"]


class Fill(Carrier):
    """Brings the tiles of an operand from the parent to the child."""

    shadow: Cursor | None = None
    shadow_plan: MoverPlan

    def run(self) -> Generator[Event, None, None]:
        """Execute the stream."""
        channel, plan, env, source = self.channel, self.plan, self.env, self.source
        cursor, stepped, moving = self.cursor, 0, self.moving
        while stepped >= 0:
            record = cursor.record
            yield from self._prepare(record)
            demand = plan.demands[record] if moving is None else self._look_up(moving, record)
            if demand.total:
                yield self.submit(demand)
                done = self.ended(demand)
            else:
                done = env._now
            self.tally[record] += 1
            if moving is not None:
                moving.book(self.moved)
            delay = plan.latency if self.steps else plan.latency + plan.first_delay
            due = self.in_order(done + delay)
            stepped = cursor.step()
            is_left = source is not None and stepped < plan.parent_depth
            left = (*cursor.freed, *(self._leave(stepped) if is_left else ()))
            arrived = ((channel.delivered, 1),)
            if self.recorder is not None:
                self.report(self._kind(record), demand, due, outcome_of(self, done, left, arrived))
            self.steps += 1
            if left:
                self.later(done, left)
            channel.delivered.send(demand.cause, done, plan.latency_cause)
            self.later(due, arrived)
        self.stop()

    def _leave(self, stepped: int) -> tuple[tuple[Counter, int], ...]:
        """The parent's tile is used up: its words that the next one does not have are free."""
        assert self.source is not None
        assert self.shadow is not None
        self.parent_tiles += 1
        before = self.shadow.record
        words = self.shadow_plan.tile_words[before]
        if stepped >= 0:
            self.shadow.step()
            words = self.shadow_plan.released[self.shadow.record]
        return ((self.source.released, words),)

    def relative(self, level: int, base: int) -> Hashable:
        """With the parent's tile."""
        shadow = self.shadow.relative(level, base) if self.shadow else None
        return (super().relative(level, base), shadow)

    def shift(
        self, level: int, iterations: int, cycles: int, times: int, growth: list[int]
    ) -> None:
        """Apply ``times`` periods, to the parent's tile as well."""
        super().shift(level, iterations, cycles, times, growth)
        if self.shadow is not None:
            self.shadow.jump(level, times * iterations)

"""A counter wakes every unit that waits for it, when its value is reached and not before."""

from __future__ import annotations

from stallscope.simcore.counter import Channel
from stallscope.simcore.environment import Environment
from stallscope.simcore.position import Position
from stallscope.simcore.unit import Unit


class _Waiting(Unit):
    """Waits for a counter to reach a value, and notes when it has."""

    def __init__(self, env, order, counter, need, log):
        super().__init__(env, f"unit {order}", order, Position([], {}), 1)
        self.counter, self.need, self.log = counter, need, log

    def cause_of(self, state):
        return 0

    def run(self):
        yield self.wait(self.counter, self.need, self.SOURCE, None)
        self.log.append((self.env.cycle, self.name))


def test_units_wake_at_their_own_values_in_unit_order():
    env, log = Environment(), []
    counter = Channel(env, "W GLB", 8, False, 0).delivered
    units = [_Waiting(env, order, counter, need, log) for order, need in ((3, 1), (2, 1), (1, 3))]
    for unit in units:
        unit.start()
    for cycle in (4, 6, 9):
        env.call(cycle, 0, None, lambda _: counter.add(1))
    env.run_all()
    assert log == [(4, "unit 2"), (4, "unit 3"), (9, "unit 1")]
    assert [counter.awaited_by(unit) for unit in units] == [None, None, None]


def test_awaited_values_are_counted_from_the_value():
    """For the fast-forward: no absolute value is in a state, and a shift moves what is awaited."""
    env = Environment()
    counter = Channel(env, "W GLB", 8, False, 0).delivered
    units = [_Waiting(env, order, counter, need, []) for order, need in ((1, 5), (2, 3))]
    for unit in units:
        counter.until(unit.need, unit)
    counter.add(1)
    before = counter.state(1)
    counter.shift(10, 0)
    assert (0, 4, 2) == before == counter.state(11)
    assert [counter.awaited_by(unit) for unit in units] == [15, 13]

"""Servers, transfers and the arbiter, read as timing diagrams: (tick at which it ended, who)."""

from __future__ import annotations

import pytest

from stallscope.simcore import arbiter
from stallscope.simcore.arbiter import Arbiter
from stallscope.simcore.environment import Environment
from stallscope.simcore.position import Position
from stallscope.simcore.servers import Demand, Server
from stallscope.simcore.unit import Unit

TICKS = 16


class Client(Unit):
    """Submits given transfers, each at a cycle or when the one before has ended."""

    def __init__(self, bench, name, order, jobs):
        super().__init__(bench.env, name, order, Position([], {}), 1)
        self.bench, self.jobs = bench, jobs
        self.slot = bench.arbiter.slot(self)

    def run(self):
        for cycle, demand in self.jobs:
            if cycle > self.env.cycle:
                event = self._event()
                self.env.at(cycle, self.order, event)
                yield event
            yield self.slot.submit(demand, max(self.tick, self.env.cycle * TICKS))
            self.tick = self.slot.complete()
            self.bench.log.append((self.tick, self.name))


class Bench:
    """Two ports of one word per cycle and of sixteen words per cycle."""

    def __init__(self):
        self.env = Environment()
        self.log = []
        self.slow = Server("slow", 16, 1, 0, 0)
        self.fast = Server("fast", 1, 1, 0, 0)
        self.arbiter = Arbiter(self.env, TICKS, [self.slow, self.fast])

    def words(self, count, *servers, burst=64, least=0):
        return Demand([(server, count) for server in servers], least, 0, burst)

    def run(self, **jobs):
        clients = [
            Client(self, name, 1000 + index, job) for index, (name, job) in enumerate(jobs.items())
        ]
        used = [
            frozenset(server.name for _, demand in job for server, _ in demand.path)
            for job in jobs.values()
        ]
        self.arbiter.connect(used)
        for client in clients:
            client.start()
        self.env.run_all()
        return self.log


def test_a_transfer_nobody_contends_with_is_one_event():
    bench = Bench()
    assert bench.run(a=[(0, bench.words(1000, bench.slow, burst=1))]) == [(16000, "a")]
    assert bench.env.processed <= 3  # the process's start, the end of the transfer, its end


def test_the_slowest_server_sets_the_pace():
    bench = Bench()
    log = bench.run(a=[(0, bench.words(10, bench.slow, bench.fast))])
    assert log == [(160, "a")]
    assert (bench.slow.held, bench.fast.held) == (160, 10)


def test_words_of_successive_transfers_share_a_cycle():
    """Sixteen one-word transfers at sixteen words per cycle take one cycle, not sixteen."""
    bench = Bench()
    one = bench.words(1, bench.fast)
    assert bench.run(a=[(0, one)] * 16)[-1] == (16, "a")


def test_an_indivisible_access_does_not_share():
    bench = Bench()
    wide = Server("fast", 1, 16, 0, 0)
    wide.bind(bench.env, TICKS)
    assert wide.ticks(1) == 16
    assert wide.ticks(17) == 32


def test_two_transfers_take_turns_burst_by_burst():
    """Four bursts each of one word per cycle, interleaved; unit order breaks the tie."""
    bench = Bench()
    four = bench.words(4, bench.slow, burst=1)
    assert bench.run(a=[(0, four)], b=[(0, four)]) == [(7 * 16, "a"), (8 * 16, "b")]


def test_a_short_transfer_does_not_wait_for_a_long_one():
    bench = Bench()
    long, short = bench.words(100, bench.slow, burst=10), bench.words(1, bench.slow)
    log = bench.run(a=[(0, long)], b=[(3, short)])
    assert log == [(11 * 16, "b"), (101 * 16, "a")]


def test_the_one_that_can_start_earliest_goes_first():
    """b's path is free at once, a's only at 10: b is not held up by a's earlier place."""
    bench = Bench()
    log = bench.run(
        a=[(1, bench.words(16, bench.slow, bench.fast))],
        b=[(1, bench.words(16, bench.fast))],
        c=[(0, bench.words(10, bench.slow))],
    )
    assert log == [(2 * 16, "b"), (160, "c"), (160 + 256, "a")]


def crowd(bench):
    """Three transfers, again and again, that meet in every way; the log of their ends."""
    demands = [
        bench.words(9, bench.slow, bench.fast, burst=2),
        bench.words(40, bench.fast, burst=7),
        bench.words(5, bench.slow, burst=3),
    ]
    jobs = {
        name: [(start + turn * gap, demand) for turn in range(40)]
        for name, start, gap, demand in zip("abc", (0, 3, 5), (31, 17, 23), demands, strict=True)
    }
    return bench.run(**jobs)


def test_a_plan_that_is_remembered_is_the_one_that_would_be_made(monkeypatch):
    remembering, forgetting = Bench(), Bench()
    log = crowd(remembering)
    monkeypatch.setattr(arbiter, "_MOST_PLANS", 0)
    assert log == crowd(forgetting)
    assert len(remembering.arbiter._known_plans) > len(forgetting.arbiter._known_plans) == 1
    for name in ("slow", "fast"):
        one, other = getattr(remembering, name), getattr(forgetting, name)
        assert (one.free, one.held, one.words) == (other.free, other.held, other.words)


def test_transfers_without_a_common_server_do_not_meet():
    bench = Bench()
    log = bench.run(a=[(0, bench.words(5, bench.slow))], b=[(0, bench.words(80, bench.fast))])
    assert sorted(log) == [(80, "a"), (80, "b")]


def test_work_that_takes_longer_than_the_port_holds_the_port_evenly():
    """Ten cycles of work with five words: the port is held for five of them in all."""
    bench = Bench()
    assert bench.run(a=[(0, bench.words(5, bench.slow, least=160))]) == [(160, "a")]
    assert bench.slow.held == 80


@pytest.mark.parametrize("words", [1, 2, 7, 63, 64, 65, 1000])
@pytest.mark.parametrize("burst", [1, 3, 64])
def test_bursts_hold_every_server_for_its_whole_time(words, burst):
    bench = Bench()
    demand = bench.words(words, bench.slow, bench.fast, burst=burst)
    for _, ticks in demand.path:
        starts = range(0, demand.total, demand.burst)
        lengths = [min(demand.burst, demand.total - start) for start in starts]
        holds = [demand.hold(ticks, s, n) for s, n in zip(starts, lengths, strict=True)]
        assert sum(holds) == ticks
        assert all(0 <= hold <= length for hold, length in zip(holds, lengths, strict=True))

"""Servers with a width, and transfers that hold several of them burst by burst.

Time is exact: a cycle is cut into ticks such that every server moves a word in a whole number of
ticks, so words of successive bursts share a cycle. A transfer holds each server of its path for
its own time; its slowest server sets the pace. It is cut into bursts, and between bursts another
transfer may take a server: the one that can start earliest, then the one ready earliest, then the
least recently served since it became active, then unit order.

Nothing is simulated burst by burst while nobody contends: state stands at the last interaction
and the end is known in closed form. Transfers that share servers while both are active are
planned together up to the next completion, and planned again if a new one comes before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import gcd

from stallscope.simcore.environment import (
    AFTER_ARBITRATION,
    ARBITRATE,
    FOREVER,
    Environment,
    Event,
)
from stallscope.simcore.unit import Unit

__all__ = ["Demand", "Server", "Servers", "Transfer"]


class Server:
    """Something a transfer holds: a port, a link.

    Attributes:
        name: Unique name.
        word_ticks: Ticks it needs per word.
        access_words: Words of an indivisible access.
        cause: Number of the cause a transfer it slows down is charged to.
        free: Tick from which it is free.
        held: Ticks it was held.
        words: Words it moved.
    """

    def __init__(self, name: str, word_ticks: int, access_words: int, cause: int) -> None:
        self.name = name
        self.word_ticks = word_ticks
        self.access_words = access_words
        self.cause = cause
        self.free = 0
        self.held = 0
        self.words = 0
        self.stamp = 0
        self.cycle_ticks = 1
        self._env: Environment | None = None

    def bind(self, env: Environment, cycle_ticks: int) -> None:
        """Tell the server its clock."""
        self._env = env
        self.cycle_ticks = cycle_ticks

    def ticks(self, words: int) -> int:
        """Ticks it is held for ``words``."""
        return -(-words // self.access_words) * self.access_words * self.word_ticks

    def relative(self, level: int, base: int) -> int:
        """How long it is still held; all of the past is alike."""
        assert self._env is not None
        return max(0, self.free - self._env._now * self.cycle_ticks)

    def marks(self) -> list[int]:
        """Ticks held and words moved."""
        return [self.held, self.words]

    def phase(self) -> list[int]:
        """Nothing counts down here."""
        return []

    def resume(self) -> None:
        """Nothing to plan."""

    def deadline(self) -> int:
        """A server acts on nothing of its own."""
        return FOREVER

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """A server has no end."""
        return FOREVER

    def shift(self, level: int, iterations: int, cycles: int, times: int, growth: list[int]) -> None:
        """Move on; account for the words of the periods."""
        self.free += times * cycles * self.cycle_ticks
        self.held += times * growth[0]
        self.words += times * growth[1]


class Demand:
    """What one kind of transfer asks of its servers; made once, used for every such transfer.

    Attributes:
        path: (server, ticks it is held) pairs, none of them 0.
        names: Names of the servers of the path.
        total: Ticks of the slowest server.
        burst: Ticks of one burst on the slowest server.
        is_even: Whether every whole burst holds each server equally long.
        port_cause: Cause of the slowest server.
        cause: The same, or the unit's own if its own work takes longer.
        words: Words counted at each server of the path.
    """

    __slots__ = ("burst", "cause", "is_even", "last", "names", "path",
                 "port_cause", "total", "words")  # fmt: skip

    def __init__(
        self, parts: Sequence[tuple[Server, int]], least: int, idle_cause: int, burst_words: int
    ) -> None:
        made = [(server, server.ticks(words), words) for server, words in parts if words]
        held = [(server, ticks, words) for server, ticks, words in made if ticks]
        self.path = tuple((server, ticks) for server, ticks, _ in held)
        self.names = frozenset(server.name for server, _, _ in held)
        self.words = tuple(words for _, _, words in held)
        slowest = max(held, key=lambda part: part[1], default=None)
        self.total = max(least, slowest[1]) if slowest else least
        self.port_cause = slowest[0].cause if slowest else idle_cause
        self.cause = self.port_cause if slowest and slowest[1] > least else idle_cause
        most = max(self.words, default=1)
        self.burst = self._even_burst(max(1, -(-self.total * burst_words // most)))
        self.is_even = all(self.burst * ticks % self.total == 0 for _, ticks in self.path)
        self.last = self.total - (-(-self.total // self.burst) - 1) * self.burst if self.total else 0

    def _even_burst(self, wanted: int) -> int:
        """A burst near the wanted one in which every server's share is whole, if there is one."""
        if self.total <= wanted:
            return max(self.total, 1)
        unit = self.total // gcd(self.total, *(ticks for _, ticks in self.path))
        return max(unit, wanted // unit * unit) if unit <= 2 * wanted else wanted

    def hold(self, ticks: int, start: int, length: int) -> int:
        """Ticks a server of ``ticks`` in all is held by the burst that begins at ``start``."""
        total = self.total
        return -(-(start + length) * ticks // total) + (-start * ticks // total)


class Transfer:
    """The transfer slot of one unit, with the state of the transfer under way.

    Attributes:
        unit: Whose it is.
        rivals: Slots whose paths may share a server with this one.
        demand: What the transfer under way asks for.
        ready: Tick from which its next burst may start; after the last one, its end.
        progress: Ticks of its slowest server done.
        served: Tick at which its last burst started; -1 before the first.
        is_active: Whether a transfer is under way.
        is_alone: Whether its end was planned with no rival in sight.
        sent: Transfers submitted so far.
        due: Cycle at which the unit will be woken, as planned.
        last_start: Tick at which the last burst starts, as planned.
        end: Tick at which the transfer ends, as planned.
    """

    demand: Demand
    event: Event

    def __init__(self, unit: Unit, servers: Servers) -> None:
        self.name = f"{unit.name} transfer"
        self.unit = unit
        self.servers = servers
        self.env = servers.env
        self.cycle_ticks = servers.cycle_ticks
        self.rivals: tuple[Transfer, ...] = ()
        self.ready = 0
        self.progress = 0
        self.served = -1
        self.is_active = False
        self.is_alone = False
        self.sent = 0
        self.stamp = 0
        self.due = FOREVER
        self.last_start = 0
        self.end = 0

    def submit(self, demand: Demand, ready: int) -> Event:
        """Start a transfer whose first burst may start at tick ``ready``; wait on the event.

        The usual transfer meets no rival: its end follows here, and costs one event.
        """
        self.stamp += 1
        self.sent += 1
        self.demand = demand
        self.ready = ready
        self.progress = 0
        self.served = -1
        self.is_active = True
        event = self.event = Event(self.env, self)
        for rival in self.rivals:
            if rival.is_active and not demand.names.isdisjoint(rival.demand.names):
                self.servers.contend(self)
                return event
        start = ready
        for server, _ in demand.path:
            if server.free > start:
                start = server.free
        end = start + demand.total
        self.is_alone = True
        self.plan(end, end - demand.last)
        return event

    def complete(self) -> int:
        """Book the transfer whose event came; returns the tick at which it ended."""
        if self.is_alone:
            self.advance(FOREVER)
        else:
            self.servers.settle(self)
        self.stamp += 1
        self.is_active = self.is_alone = False
        self.due = FOREVER
        demand = self.demand
        for (server, ticks), words in zip(demand.path, demand.words, strict=True):
            server.stamp += 1
            server.held += ticks
            server.words += words
        return self.ready

    def start(self) -> int:
        """Earliest tick at which the next burst can start."""
        start = self.ready
        if self.progress < self.demand.total:
            for server, _ in self.demand.path:
                if server.free > start:
                    start = server.free
        return start

    def burst(self, start: int) -> None:
        """Do the next burst at tick ``start``."""
        self.stamp += 1
        demand = self.demand
        length = min(demand.burst, demand.total - self.progress)
        for server, ticks in demand.path:
            held = demand.hold(ticks, self.progress, length)
            if held:
                server.free = start + held
                server.stamp += 1
        self.progress += length
        self.ready = start + length
        self.served = start

    def advance(self, limit: int) -> None:
        """Do the bursts that start before ``limit`` with nobody in the way, all at once."""
        demand = self.demand
        left = demand.total - self.progress
        start = self.start()
        if not left or start >= limit:
            return
        if left == demand.burst and left == demand.total:
            # One burst, the usual case: every server is held for its whole time.
            for server, ticks in demand.path:
                server.free = start + ticks
                server.stamp += 1
            self.progress = left
            self.ready = start + left
            self.served = start
            return
        bursts = -(-left // demand.burst)
        if limit != FOREVER:
            bursts = min(bursts, -((start - limit) // demand.burst))
        before = (bursts - 1) * demand.burst
        self.progress += before
        self.burst(start + before)

    def plan(self, end: int, last_start: int) -> None:
        """Wake the unit in the cycle in which the transfer ends.

        A burst that starts within that very cycle is decided by its arbitration, so the unit
        is woken after it.
        """
        due = end // self.cycle_ticks
        if due < self.env._now:
            due = self.env._now
        self.due = due
        self.end = end
        self.last_start = last_start
        order = self.unit.order
        if last_start >= due * self.cycle_ticks:
            order += AFTER_ARBITRATION
        self.env.at(due, order, self.event)

    def unplan(self) -> None:
        """Take the planned end off the calendar."""
        if self.due != FOREVER:
            self.env.cancel(self.event)
            self.due = FOREVER
        self.is_alone = False
        self.stamp += 1

    # ------------------------------------------------------------------ fast-forward

    def relative(self, level: int, base: int) -> Hashable:
        """What is under way; the progress of a long transfer is a countdown, see `limit`."""
        if not self.is_active:
            return None
        now = self.env._now * self.cycle_ticks
        demand = self.demand
        active = [rival for rival in self.rivals if rival.is_active]
        behind = sum((rival.served, rival.unit.order) < (self.served, self.unit.order)
                     for rival in active)  # fmt: skip
        left = demand.total - self.progress
        return (
            self.ready - now,
            demand.path and tuple((server.name, ticks) for server, ticks in demand.path),
            demand.total if left <= demand.burst or not demand.is_even else -1,
            left if left <= demand.burst or not demand.is_even else -1,
            behind,
            self.served < 0,
        )

    def marks(self) -> list[int]:
        """Transfers submitted, and what is left of the one under way."""
        left = self.demand.total - self.progress if self.is_active else 0
        return [self.sent, left]

    def phase(self) -> list[int]:
        """As the marks, and the ticks to the planned end, which lies nearer than the last touch."""
        sent, left = self.marks()
        planned = self.end - self.env._now * self.cycle_ticks if self.due != FOREVER else left
        return [sent, left, min(left, planned)]

    def resume(self) -> None:
        """Plan the end of the transfer under way again, from the state it has now."""
        if self.is_active:
            self.servers.plan_again(self)

    def deadline(self) -> int:
        """Cycle at which the transfer under way ends, as planned."""
        return self.due

    def limit(self, level: int, before: list[int], now: list[int], iterations: int) -> int:
        """Periods until a transfer that shrinks every period has one burst left."""
        shrunk = before[1] - now[1]
        if shrunk == 0:
            return FOREVER
        if shrunk < 0 or before[0] != now[0] or not self.demand.is_even:
            return 0
        if shrunk % self.demand.burst:
            return 0
        return max(0, (now[2] - self.demand.burst - 1) // shrunk)

    def shift(self, level: int, iterations: int, cycles: int, times: int, growth: list[int]) -> None:
        """Move the transfer under way; the planned end moves with it, or is planned again."""
        by = times * cycles * self.cycle_ticks
        self.ready += by
        if self.served >= 0:
            self.served += by
        self.progress -= times * growth[1]
        self.sent += times * growth[0]
        if self.due != FOREVER:
            self.due += times * cycles


class Servers:
    """All servers and transfers of a machine, and the arbiter between them."""

    def __init__(self, env: Environment, cycle_ticks: int, servers: Iterable[Server]) -> None:
        self.env = env
        self.cycle_ticks = cycle_ticks
        self.servers = tuple(servers)
        for server in self.servers:
            server.bind(env, cycle_ticks)
        self.transfers: list[Transfer] = []
        self._dirty: list[Transfer] = []

    def slot(self, unit: Unit) -> Transfer:
        """Make the transfer slot of a unit."""
        transfer = Transfer(unit, self)
        self.transfers.append(transfer)
        return transfer

    def connect(self, paths: Sequence[frozenset[str]]) -> None:
        """Tell every slot, in order, which others may share a server with it."""
        for transfer, path in zip(self.transfers, paths, strict=True):
            transfer.rivals = tuple(
                other
                for other, names in zip(self.transfers, paths, strict=True)
                if other is not transfer and path & names
            )

    # ------------------------------------------------------------------ arbitration

    def contend(self, transfer: Transfer) -> None:
        """Bring a new transfer's rivals up to the present and have all arbitrated this cycle."""
        now = self.env._now * self.cycle_ticks
        rivals = [member for member in self._cluster(transfer) if member is not transfer]
        run(rivals, now)
        for rival in rivals:
            rival.unplan()
        self._dirty += [*rivals, transfer]
        self._request()

    def settle(self, transfer: Transfer) -> None:
        """Do the bursts of a transfer that ends now, and its rivals' that were decided before."""
        cluster = self._cluster(transfer)
        now = self.env._now * self.cycle_ticks
        run(cluster, max(now, transfer.last_start + 1))
        rivals = [member for member in cluster if member is not transfer]
        if rivals:
            self._dirty += rivals
            self._request()

    def _cluster(self, transfer: Transfer) -> list[Transfer]:
        """Active transfers that share servers with this one, directly or through others."""
        found = [transfer]
        for member in found:
            names = member.demand.names
            for rival in member.rivals:
                if (
                    rival.is_active
                    and rival not in found
                    and not names.isdisjoint(rival.demand.names)
                ):
                    found.append(rival)
        if len(found) > 1:
            found.sort(key=lambda member: member.unit.order)
        return found

    def _request(self) -> None:
        if self._arbitration is None:
            self._arbitration = self.env.call(self.env._now, ARBITRATE, self, self._arbitrate)

    _arbitration: Event | None = None

    def _arbitrate(self, event: Event) -> None:
        """Plan every cluster in which something changed up to its next completion."""
        self._arbitration = None
        dirty, self._dirty = self._dirty, []
        dirty.sort(key=lambda member: member.unit.order)
        done: set[str] = set()
        for transfer in dirty:
            if transfer.is_active and transfer.name not in done:
                cluster = self._cluster(transfer)
                done.update(member.name for member in cluster)
                self._plan(cluster)

    def plan_again(self, transfer: Transfer) -> None:
        """Plan again from the state a transfer has now (after a skip)."""
        cluster = self._cluster(transfer)
        for member in cluster:
            member.unplan()
        self._plan(cluster)

    def _plan(self, cluster: list[Transfer]) -> None:
        if len(cluster) == 1:
            self._plan_alone(cluster[0])
            return
        servers = {server.name: server for member in cluster for server, _ in member.demand.path}
        saved = [(member.progress, member.ready, member.served) for member in cluster]
        free = {name: server.free for name, server in servers.items()}
        first = run(cluster, FOREVER, until_done=True)
        end, start = first.ready, first.served
        for member, (progress, ready, served) in zip(cluster, saved, strict=True):
            member.progress, member.ready, member.served = progress, ready, served
        for name, server in servers.items():
            server.free = free[name]
        first.plan(end, start)

    def _plan_alone(self, transfer: Transfer) -> None:
        demand = transfer.demand
        start = transfer.start()
        end = start + demand.total - transfer.progress
        transfer.is_alone = True
        transfer.plan(end, end - demand.last if transfer.progress < demand.total else transfer.served)


def run(cluster: Sequence[Transfer], limit: int, until_done: bool = False) -> Transfer:
    """Advance transfers burst by burst, in the arbiter's order.

    Args:
        cluster: Active transfers, in unit order.
        limit: Bursts that would start at this tick or later are left.
        until_done: Stop at the first transfer that ends; bursts starting before its end count.

    Returns:
        The transfer that ended first; the first of the cluster if none did.
    """
    if len(cluster) == 1 and not until_done:
        cluster[0].advance(limit)
        return cluster[0]
    first = cluster[0]
    if until_done:
        ended = [member for member in cluster if member.progress == member.demand.total]
        if ended:
            first = min(ended, key=lambda member: member.ready)
            limit = first.ready
    waiting = [member for member in cluster if member.progress < member.demand.total]
    while waiting:
        best, best_key = waiting[0], None
        for member in waiting:
            key = (member.start(), member.ready, member.served, member.unit.order)
            if best_key is None or key < best_key:
                best, best_key = member, key
        if best_key[0] >= limit:
            break
        best.burst(best_key[0])
        if best.progress == best.demand.total:
            waiting.remove(best)
            if until_done and best.ready < limit:
                first, limit = best, best.ready
    return first

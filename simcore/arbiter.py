"""The arbiter: which of several transfers takes a server that they share, burst by burst.

First the transfer that can start earliest, then the one ready earliest, then the least recently
served since it became active, then unit order; an idle arbiter remembers nothing. Transfers that
share servers while both are active are planned together up to the next completion, and planned
again if a new one comes before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from stallscope.simcore.environment import ARBITRATE, FOREVER, Environment, Event
from stallscope.simcore.servers import Demand, Server
from stallscope.simcore.transfer import Transfer
from stallscope.simcore.unit import Unit

__all__ = ["Arbiter"]


_MOST_PLANS = 4096
"""Plans that are remembered: contention repeats with the loops, far oftener than that."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of a cluster if nobody joins it; ticks from the moment it is planned.

    Attributes:
        first: Which member ends first.
        end: When.
        start: When its last burst starts.
        served: Per member, whether a burst of its own comes before that.
    """

    first: int
    end: int
    start: int
    served: tuple[bool, ...]


class Arbiter:
    """All servers and transfers of a machine, and the arbiter between them."""

    def __init__(self, env: Environment, cycle_ticks: int, servers: Iterable[Server]) -> None:
        self.env = env
        self.cycle_ticks = cycle_ticks
        self.servers = tuple(servers)
        for server in self.servers:
            server.bind(env, cycle_ticks)
        self.transfers: list[Transfer] = []
        self._dirty: list[Transfer] = []
        self._known_plans: dict[Hashable, _Plan] = {}
        self._known_paces: dict[tuple[Demand, ...], tuple[int, ...]] = {}

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
            cluster[0].unit.press(cluster[0].demand.cause)
            self._plan_alone(cluster[0])
            return
        self._press(cluster)
        now = self.env._now * self.cycle_ticks
        state = _relative(cluster, now)
        known = self._known_plans.get(state)
        if known is None:
            if len(self._known_plans) >= _MOST_PLANS:
                self._known_plans.clear()
            known = self._known_plans[state] = _next_end(cluster, now)
        for member, is_served in zip(cluster, known.served, strict=True):
            if is_served:
                member.touch()
        cluster[known.first].plan(now + known.end, now + known.start)

    def _press(self, cluster: Sequence[Transfer]) -> None:
        """Say who sets the pace of transfers that share servers."""
        demands = tuple(member.demand for member in cluster)
        paces = self._known_paces.get(demands)
        if paces is None:
            paces = self._known_paces[demands] = _paces(demands)
        for member, pace in zip(cluster, paces, strict=True):
            member.unit.press(pace)

    def _plan_alone(self, transfer: Transfer) -> None:
        demand = transfer.demand
        start = transfer.start()
        end = start + demand.total - transfer.progress
        transfer.is_alone = True
        transfer.plan(
            end, end - demand.last if transfer.progress < demand.total else transfer.served
        )


def _relative(cluster: Sequence[Transfer], now: int) -> Hashable:
    """All that decides who of a cluster ends first and when, relative to the tick ``now``."""
    state: list[Hashable] = []
    for member in cluster:
        served = member.served - now if member.served >= 0 else None
        ready = member.ready
        state += (member.demand, member.progress, ready - now, served)
        # A server that is free before the transfer is ready is free: when it became so is nothing.
        state += [max(server.free - ready, 0) for server, _ in member.demand.path]
    return tuple(state)


def _next_end(cluster: Sequence[Transfer], now: int) -> _Plan:
    """Find out which of a cluster ends first, burst by burst; nothing is changed."""
    servers = {server.name: server for member in cluster for server, _ in member.demand.path}
    saved = [(member.progress, member.ready, member.served) for member in cluster]
    free = {name: server.free for name, server in servers.items()}
    first = run(cluster, FOREVER, until_done=True)
    plan = _Plan(
        first=cluster.index(first), end=first.ready - now, start=first.served - now,
        served=tuple(member.progress != was[0] for member, was in zip(cluster, saved, strict=True)),
    )  # fmt: skip
    for member, (progress, ready, served) in zip(cluster, saved, strict=True):
        member.progress, member.ready, member.served = progress, ready, served
    for name, server in servers.items():
        server.free = free[name]
    return plan


def _paces(demands: Sequence[Demand]) -> tuple[int, ...]:
    """Cause of the server that sets the pace of each of several transfers, by what they ask for.

    Of the servers that one shares with others, it is the one that all of them together hold
    longest; its own slowest where it shares none.
    """
    load: dict[str, int] = {}
    users: dict[str, int] = {}
    for demand in demands:
        for server, ticks in demand.path:
            load[server.name] = load.get(server.name, 0) + ticks
            users[server.name] = users.get(server.name, 0) + 1
    paces = []
    for demand in demands:
        shared = [server for server, _ in demand.path if users[server.name] > 1]
        slowest = max(shared, key=lambda server: load[server.name], default=None)
        paces.append(slowest.contended if slowest else demand.cause)
    return tuple(paces)


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
        best, start = _next(waiting)
        if start >= limit:
            break
        best.burst(start)
        if best.progress == best.demand.total:
            waiting.remove(best)
            if until_done and best.ready < limit:
                first, limit = best, best.ready
    return first


def _next(waiting: Sequence[Transfer]) -> tuple[Transfer, int]:
    """Whose turn it is, and when it starts: first by start, then ready, served, unit order."""
    best, least = waiting[0], FOREVER
    for member in waiting:
        # Inlined `Transfer.start`: planning contention is mostly this loop (CONV2 doubled).
        start = member.ready
        for server, _ in member.demand.path:
            if server.free > start:
                start = server.free
        # Transfers come in unit order: on a full tie the earlier one stays.
        if start < least or (
            start == least and (member.ready, member.served) < (best.ready, best.served)
        ):
            best, least = member, start
    return best, least

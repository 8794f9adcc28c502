"""What the bursts of a sparse array ask of servers: words at each, by what the bursts come to.

Every word of an operand goes the same way (`readings` sees to it), so the words at a server are
those of the busiest instance, once or several times. Ways are looked up once per record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from stallscope.hw.binding import Binding, elided
from stallscope.hw.buffer.banks import Runs
from stallscope.hw.fabrics import Direction
from stallscope.hw.sparse.bursts import BurstWork
from stallscope.hw.sparse.plan import SparsePlan
from stallscope.hw.sparse.reading import Reading, scaled
from stallscope.mappings.sparsity.hardware import Mode
from stallscope.simcore.servers import Server
from stallscope.traces.program import Crossing

__all__ = ["Asking", "Part"]

Part = tuple[Server, int]
"""A server, and the words that a burst moves there."""


class Asking:
    """Words at every server that a burst holds.

    Args:
        binding: Everything else, bound.
        plan: What zeros make of the compute stream.
    """

    def __init__(self, binding: Binding, plan: SparsePlan) -> None:
        self._binding = binding
        self._ports = binding.ports
        self._stream = binding.program.compute
        self._plan = plan
        self._shares = [plan.pieces.pes // np.array(one.groups) for one in plan.readings]
        self._ways: dict[tuple[int, int], list[list[Part]]] = {}
        self._fixed: dict[tuple[int, int, bool], list[Part]] = {}

    def parts(self, record: int, burst: BurstWork, *, is_fresh: bool) -> list[Part]:
        """Return the servers that a burst holds, in the order of first mention.

        Args:
            record: Its record in the program.
            burst: What it comes to.
            is_fresh: Whether it may be the first to touch its output words.
        """
        found: dict[str, int] = {}
        servers: dict[str, Server] = {}
        for reading in self._plan.readings:
            asked = self._asked if reading.depends else self._always
            for server, words in asked(record, reading, burst, is_fresh):
                servers.setdefault(server.name, server)
                found[server.name] = found.get(server.name, 0) + words
        return [(servers[name], words) for name, words in found.items()]

    def _always(
        self, record: int, reading: Reading, burst: BurstWork, is_fresh: bool
    ) -> Sequence[Part]:
        """What an operand asks for that no zero matters to."""
        key = (record, reading.at, is_fresh)
        if key not in self._fixed:
            access = self._stream.records[record].accesses[reading.at]
            skipped = elided(reading.operand, access, is_fresh, busiest=True)
            self._fixed[key] = [
                *self._level(reading, "read", access.busiest_words - skipped),
                *self._networks(reading, access.crossings),
                *self._level(reading, "write", access.busiest_words),
            ]
        return self._fixed[key]

    def _asked(
        self, record: int, reading: Reading, burst: BurstWork, is_fresh: bool
    ) -> Iterator[Part]:
        """What an operand asks for, by what the burst comes to."""
        busiest, fresh, operand = burst.busiest[reading.at], burst.busiest_fresh, reading.operand
        if self._plan.array.mode is Mode.PACKED:
            share = self._shares[reading.at]
            busiest = tuple((-(-burst.reads[reading.at] // share)).tolist())
            fresh = -(-burst.fresh // int(share[0]))
        is_elided = operand.is_output and operand.elide_first and is_fresh
        yield from self._level(reading, "read", busiest[0] - (fresh if is_elided else 0))
        for words, way in zip(busiest, self._way(record, reading), strict=True):
            for server, each in way:
                yield server, each * words
        yield from self._level(reading, "write", busiest[0])

    def _way(self, record: int, reading: Reading) -> list[list[Part]]:
        """Servers that one word holds, network by network."""
        key = (record, reading.at)
        if key not in self._ways:
            access = self._stream.records[record].accesses[reading.at]
            one = scaled(access, 1, [1] * len(access.crossings), 0, 0)
            self._ways[key] = [self._networks(reading, [each]) for each in one.crossings]
        return self._ways[key]

    def _level(self, reading: Reading, port: str, words: int) -> list[Part]:
        """Servers of the level that an operand is read from; only outputs are written."""
        operand = reading.operand
        if port == "write" and not operand.is_output:
            return []
        unit, runs = self._stream.unit, Runs.single(words)
        return self._ports.access(unit, operand.level, port, operand.tensor, runs)

    def _networks(self, reading: Reading, crossings: Sequence[Crossing]) -> list[Part]:
        operand = reading.operand
        direction = Direction.UP if operand.is_output else Direction.DOWN
        return [
            part
            for crossing in crossings
            for part in self._ports.link(self._stream.unit, operand.tensor, crossing, direction)
        ]

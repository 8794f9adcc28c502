"""Ports and links of the storage levels and networks, as servers.

A level has a read and a write port (fills and updates), each with its own width, and possibly a
limit on both together; a level with banks gives each bank an even share. A tensor lives in one
bank, or across all of them: then a transfer holds every bank for the accesses it makes there. A
network has the width at which words enter it from the outer level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from math import lcm

from stallscope.hw.buffer.banks import Interleaving, Runs, accesses
from stallscope.hw.fabrics import Direction, Fabrics
from stallscope.hw.sparse.fronts import fronts
from stallscope.mappings.architecture import Architecture, LevelKind, StorageLevel
from stallscope.mappings.sparsity.hardware import Format
from stallscope.simcore.servers import Server
from stallscope.traces.program import Crossing

__all__ = ["CAUSES", "Cause", "Ports"]

DEFAULT_BURST_WORDS = 64
"""Words after which another unit may take a port when no level on the path says otherwise."""


class Cause(StrEnum):
    """What can hold a unit up (docs/timing.md).

    ``compute`` is the array at work: it holds up a drain that waits for a tile, never the array.
    ``edge_port`` to ``fold`` are a systolic array's: words that enter or leave at its edges, rows
    shifted in and out, waves on their way through it, and what a convention charges per fold.
    ``decoding`` is turning compressed words into plain ones, or the other way.
    ``reprogram`` is writing crossbars, ``conversion`` their ADCs beyond the time of a read,
    ``reduction`` the digital sums that follow.
    """

    DRAM_BANDWIDTH = "dram_bandwidth"
    DRAM_ROW = "dram_row"
    DRAM_TURNAROUND = "dram_turnaround"
    DRAM_REFRESH = "dram_refresh"
    BUFFER_PORT = "buffer_port"
    BUFFER_CAPACITY = "buffer_capacity"
    NETWORK_BANDWIDTH = "network_bandwidth"
    NETWORK_CONTENTION = "network_contention"
    DECODING = "decoding"
    NETWORK_LATENCY = "network_latency"
    DRAM_LATENCY = "dram_latency"
    BUFFER_LATENCY = "buffer_latency"
    EDGE_PORT = "edge_port"
    SHIFT = "shift"
    SKEW = "skew"
    FOLD = "fold"
    REPROGRAM = "reprogram"
    CONVERSION = "conversion"
    REDUCTION = "reduction"
    COMPUTE = "compute"
    COMPUTE_LATENCY = "compute_latency"


CAUSES = tuple(Cause)


class Ports:
    """All servers of an architecture that limit anything.

    Args:
        architecture: The architecture; what it leaves unlimited has no server.
        banks: Per level and tensor, the bank it lives in, where banks are not interleaved.
        owners: Units that have all servers to themselves, a what-if; none: all units share them.
    """

    def __init__(
        self,
        architecture: Architecture,
        banks: dict[tuple[str, str], int],
        owners: Sequence[str] = (),
    ) -> None:
        self._banks = banks
        self._owners = tuple(owners)
        self._levels = {level.name: level for level in architecture.levels}
        self._interleaved = {
            level.name: _interleaving(level)
            for level in architecture.levels
            if level.is_interleaved
        }
        self.fabrics = Fabrics(architecture)
        links = list(self.fabrics.widths())
        rates = [rate for level in architecture.levels for rate in _rates(level)]
        codecs = [*_codecs(architecture)]
        codecs += [(one.name, one.words_per_cycle) for one in fronts(architecture.compute)]
        rates += [width for _, width in (*links, *codecs)]
        self.cycle_ticks = lcm(*(rate.numerator for rate in rates)) if rates else 1
        self.servers: dict[str, Server] = {}
        for level in architecture.levels:
            self._add_level(level)
        for name, width in links:
            self._add(name, width, None, Cause.NETWORK_BANDWIDTH, Cause.NETWORK_CONTENTION)
        for name, width in codecs:
            self._add(name, width, None, Cause.DECODING)

    def _add_level(self, level: StorageLevel) -> None:
        is_dram = level.kind is LevelKind.DRAM
        cause = Cause.DRAM_BANDWIDTH if is_dram else Cause.BUFFER_PORT
        for port, width in level.widths.by_port() if level.memory is None else ():
            for bank in range(level.banks if width is not None else 0):
                assert width is not None
                self._add(f"{level.name}.{port}.{bank}", width / level.banks, level, cause)
        if level.network.words_per_cycle is not None:
            width = level.network.words_per_cycle
            self._add(f"{level.name}.network", width, None, Cause.NETWORK_BANDWIDTH)

    def _add(
        self, name: str, width: Fraction, level: StorageLevel | None, cause: Cause,
        contended: Cause | None = None,
    ) -> None:  # fmt: skip
        ticks = self.cycle_ticks / width
        access = level.access_words if level else 1
        for owner in self._owners or ("",):
            own = self._own(name, owner)
            self.servers[own] = Server(
                own, int(ticks), access, CAUSES.index(cause), CAUSES.index(contended or cause)
            )

    def _own(self, name: str, owner: str) -> str:
        """Name of a server that a unit holds."""
        return f"{name} of {owner}" if self._owners else name

    def is_interleaved(self, level: str) -> bool:
        """Whether it matters where the words of an access lie at a level."""
        return level in self._interleaved

    def access(
        self, owner: str, level: str, port: str, tensor: str, runs: Runs
    ) -> list[tuple[Server, int]]:
        """Servers that an access of a unit to some words holds, with the words each moves.

        Where banks are interleaved these are the words of whole accesses.
        """
        spread = self._interleaved.get(level)
        shares = [(self._banks.get((level, tensor), 0), runs.total)]
        if spread is not None:
            counts = accesses(runs, spread).tolist()
            shares = [(at, count * spread.access_words) for at, count in enumerate(counts) if count]
        names = [
            (self._own(f"{level}.{which}.{bank}", owner), words)
            for bank, words in shares
            for which in (port, "shared")
        ]
        return [(self.servers[name], words) for name, words in names if name in self.servers]

    def link(
        self, owner: str, tensor: str, crossing: Crossing, direction: Direction
    ) -> list[tuple[Server, int]]:  # fmt: skip
        """Servers of the network below a level that a unit holds, with the words on each."""
        level = self._levels[crossing.network]
        loads = []
        if not level.network.lane(tensor):
            loads.append((f"{level.name}.network", crossing.busiest_words))
        key = self.fabrics.find(level.name, tensor)
        if key is not None:
            loads += self.fabrics.loads(key, crossing, direction)
        names = [(self._own(name, owner), words) for name, words in loads]
        return [(self.servers[name], words) for name, words in names if name in self.servers]

    def entry(self, owner: str, level: str, tensor: str) -> Server | None:
        """The entry of the network below a level that a tensor uses, if that has a width."""
        has_own = bool(self._levels[level].network.lane(tensor))
        return None if has_own else self.find(owner, f"{level}.network")

    def find(self, owner: str, name: str) -> Server | None:
        """A server that a unit holds, by name; None if there is none."""
        return self.servers.get(self._own(name, owner))

    def burst_words(self, levels: Sequence[str]) -> int:
        """Words of one burst of a transfer between levels: the smallest any of them asks for."""
        asked = [self._levels[name].burst_words for name in levels if name in self._levels]
        given = [words for words in asked if words is not None]
        return min(given, default=DEFAULT_BURST_WORDS)


def _interleaving(level: StorageLevel) -> Interleaving:
    """How addresses of a level are spread over its banks."""
    return Interleaving(
        banks=level.banks,
        interleave_words=level.interleave_words or level.access_words,
        access_words=level.access_words,
    )


def _codecs(architecture: Architecture) -> Iterator[tuple[str, Fraction]]:
    """What encodes and decodes the compressed tensors of levels, with words per cycle."""
    for level in architecture.levels:
        for form in level.formats:
            is_compressed = form.format is not Format.UNCOMPRESSED
            if is_compressed and form.words_per_cycle is not None:
                for which in ("encoder", "decoder"):
                    yield f"{level.name}.{which} {form.tensor}", form.words_per_cycle


def _rates(level: StorageLevel) -> list[Fraction]:
    """Widths of a level's servers, a bank's share each."""
    widths = level.widths.by_port() if level.memory is None else ()
    rates = [rate / level.banks for _, rate in widths if rate is not None]
    if level.network.words_per_cycle is not None:
        rates.append(level.network.words_per_cycle)
    return rates

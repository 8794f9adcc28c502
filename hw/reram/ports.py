"""Ports and links of a chip of crossbars, as servers; words are bytes.

Of a tile: its memory's read and write ports, the root of its H-tree down and up, per core the
branch down and up, the input buffer's and the partial-sum buffer's ports, the vector unit, and the
drivers that write crossbars where a core has not its own. Of the chip: main memory. What is not
limited has no server.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd, lcm

from stallscope.hw.ports import CAUSES, Cause
from stallscope.mappings.reram.chip import CrossbarChip, Overlap
from stallscope.mappings.reram.timing import at_once
from stallscope.simcore.servers import Server

__all__ = ["MAIN", "ChipPorts"]

MAIN = "main"
"""Name of the server of main memory."""


class ChipPorts:
    """All servers of a chip that limit anything.

    Args:
        chip: The chip.
        tiles: Tiles in use.
        cores: Per tile, its cores in use.

    Attributes:
        servers: By name.
        cycle_ticks: Ticks of a cycle: every server moves a byte in a whole number of them.
    """

    def __init__(self, chip: CrossbarChip, tiles: int, cores: Iterable[int]) -> None:
        rates = _rates(chip, tiles, tuple(cores))
        limited = {name: found for name, found in rates.items() if found[0] is not None}
        self.cycle_ticks = 1
        for rate, _, _ in limited.values():
            assert rate is not None
            ticks = rate.numerator // gcd(rate.numerator, rate.denominator)
            self.cycle_ticks = lcm(self.cycle_ticks, ticks)
        self.servers: dict[str, Server] = {}
        for name, (rate, cause, contended) in limited.items():
            assert rate is not None
            self.servers[name] = Server(
                name,
                int(self.cycle_ticks / rate),
                1,
                CAUSES.index(cause),
                CAUSES.index(contended),
            )

    def parts(self, *asked: tuple[str, int]) -> list[tuple[Server, int]]:
        """Servers with what is asked of each, unlimited ones left out."""
        return [(self.servers[name], amount) for name, amount in asked if name in self.servers]


_Rates = dict[str, tuple[Fraction | None, Cause, Cause]]


def _rates(chip: CrossbarChip, tiles: int, cores: tuple[int, ...]) -> _Rates:
    """Bytes per cycle (additions, cycles) of everything, and what waiting for it is charged to."""
    port = (Cause.BUFFER_PORT, Cause.BUFFER_PORT)
    link = (Cause.NETWORK_BANDWIDTH, Cause.NETWORK_CONTENTION)
    main = chip.main_memory
    rates: _Rates = {
        MAIN: (main.bandwidth_bytes_per_cycle if main is not None else None,
               Cause.DRAM_BANDWIDTH, Cause.DRAM_BANDWIDTH)
    }  # fmt: skip
    for tile in range(tiles):
        rates |= {
            f"tile {tile} memory read": (chip.memory.read_bytes_per_cycle, *port),
            f"tile {tile} memory write": (chip.memory.write_bytes_per_cycle, *port),
            f"tile {tile} root down": (chip.htree.root_bytes_per_cycle, *link),
            f"tile {tile} root up": (chip.htree.root_bytes_per_cycle, *link),
        }
        if chip.overlap is Overlap.PARTIAL and at_once(chip) is not None:
            # A cycle of the drivers is a word of this server.
            drivers = (Cause.REPROGRAM, Cause.REPROGRAM)
            rates[f"tile {tile} drivers"] = (Fraction(1), *drivers)
        for core in range(cores[tile]):
            name = f"tile {tile} core {core}"
            rates |= {
                f"{name} branch down": (chip.htree.branch_bytes_per_cycle, *link),
                f"{name} branch up": (chip.htree.branch_bytes_per_cycle, *link),
                f"{name} inputs read": (chip.input_buffer.read_bytes_per_cycle, *port),
                f"{name} inputs write": (chip.input_buffer.write_bytes_per_cycle, *port),
                f"{name} sums read": (chip.partial_sums.read_bytes_per_cycle, *port),
                f"{name} sums write": (chip.partial_sums.write_bytes_per_cycle, *port),
                f"{name} activation": (chip.vector.activations_per_cycle,
                                       Cause.REDUCTION, Cause.REDUCTION),
            }  # fmt: skip
    return rates

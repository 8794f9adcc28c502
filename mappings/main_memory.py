"""A main memory with a controller: the device, how it is scheduled, and how movers ask it."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

from pydantic import Field

from stallscope.mappings.dram import DramController, DramDevice
from stallscope.mappings.spec import Spec

__all__ = ["MainMemory"]

CHUNK_BYTES = 4096
"""Bytes a mover asks for at once: the boundary that no AXI burst crosses (IHI 0022, A3.4.1)."""


class MainMemory(Spec):
    """What makes a storage level a DRAM with banks instead of a bandwidth and a latency.

    Attributes:
        device: The device.
        controller: How its controllers schedule.
        chunk_bytes: Bytes a mover asks for at once, and passes on when all of them are there.
    """

    device: DramDevice
    controller: DramController = DramController()
    chunk_bytes: int = Field(default=CHUNK_BYTES, ge=1)

    @cached_property
    def stripe_bytes(self) -> int:
        """Bytes of a row of all banks.

        So much further only the row is another if it is the most significant field of an address
        (`DramController.rows_shift`).
        """
        return self.device.capacity_bytes // self.device.organisation.rows

    def peak_bits_per_cycle(self, clock_mhz: float) -> Fraction:
        """Bits per cycle of the core's clock that all channels move at most."""
        built = self.device.organisation
        bits = 2 * built.bus_width_bits * built.channels
        return bits * self.clock_cycles(clock_mhz) ** -1

    def clock_cycles(self, clock_mhz: float) -> Fraction:
        """Cycles of the core per clock of the device, exactly."""
        return Fraction(str(clock_mhz)) * self.device.timings.tCK_ns / 1000

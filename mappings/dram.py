"""DRAM devices and their controller: organisation, timings, currents, scheduling options.

Timings keep their JEDEC names and are in clocks of the device (tCK), as data sheets and controller
presets give them. Every group of figures names its source; nothing has a typical default.

Not modelled: data sheets' power-down and self-refresh states, per-bank and fine-granularity
refresh, read and write CRC, temperature.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

from pydantic import Field, field_validator, model_validator

from stallscope.mappings.spec import Name, Rate, Spec

__all__ = [
    "AddressField", "DramController", "DramCurrents", "DramDevice", "DramOrganisation",
    "DramTimings", "RowPolicy", "address_fields",
]  # fmt: skip

MAX_CLOCKS = 10**10
"""Longest timing, clocks: sums of them stay far below the end of time."""
_POWERS = ("channels", "ranks", "bank_groups", "banks_per_group", "rows", "columns",
           "device_width_bits", "bus_width_bits", "burst_length")  # fmt: skip


class RowPolicy(StrEnum):
    """What becomes of a row after a column command (docs/dram.md)."""

    OPEN = "open"
    CLOSED = "closed"


class AddressField(StrEnum):
    """A field of an address, by its two letters in an address map."""

    ROW = "ro"
    CHANNEL = "ch"
    RANK = "ra"
    BANK = "ba"
    BANK_GROUP = "bg"
    COLUMN = "co"


class DramOrganisation(Spec):
    """How a memory is built; every figure is a power of two.

    Attributes:
        channels: Independent channels, each with its own controller.
        ranks: Ranks that share a channel's buses.
        bank_groups: Bank groups of a rank (1: none).
        banks_per_group: Banks of a group.
        rows: Rows of a bank.
        columns: Columns of a row, each as wide as the bus.
        device_width_bits: Data pins of one device.
        bus_width_bits: Data pins of a channel.
        burst_length: Beats of a burst (BL), two per clock.
        dual_command: Whether a row and a column command may be issued in the same clock (HBM).
        source: Where the figures are from.
    """

    channels: int = Field(default=1, ge=1, le=64)
    ranks: int = Field(default=1, ge=1, le=8)
    bank_groups: int = Field(ge=1, le=16)
    banks_per_group: int = Field(ge=1, le=32)
    rows: int = Field(ge=1, le=2**24)
    columns: int = Field(ge=1, le=2**16)
    device_width_bits: int = Field(ge=1, le=1024)
    bus_width_bits: int = Field(ge=8, le=1024)
    burst_length: int = Field(ge=2, le=64)
    dual_command: bool = False
    source: Name

    @field_validator(*_POWERS)
    @classmethod
    def _power(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("needs a power of two: addresses are cut into fields of bits")
        return value

    @model_validator(mode="after")
    def _widths(self) -> DramOrganisation:
        if self.bus_width_bits < self.device_width_bits:
            raise ValueError(
                f"bus_width_bits {self.bus_width_bits} is less than one device's "
                f"{self.device_width_bits}"
            )
        if self.columns < self.burst_length:
            raise ValueError(f"columns {self.columns} hold no burst of {self.burst_length}")
        return self


def _clocks(least: int = 0) -> int:
    """Return the field of a timing in clocks."""
    return Field(ge=least, le=MAX_CLOCKS)  # type: ignore[no-any-return]  # pydantic's own way


class DramTimings(Spec):
    """Timings by their JEDEC names, in clocks; tCK_ns is the clock itself.

    Attributes:
        tCK_ns: Clock period, ns; data moves twice per clock.
        CL: Read latency without AL.
        CWL: Write latency without AL.
        AL: Additive latency.
        tRCDRD: ACT to RD.
        tRCDWR: ACT to WR.
        tRP: PRE to ACT.
        tRAS: ACT to PRE.
        tCCD_S: Column command to column command, another bank group.
        tCCD_L: The same within a bank group.
        tRRD_S: ACT to ACT, another bank group.
        tRRD_L: The same within a bank group.
        tFAW: Window that holds at most four ACTs of a rank.
        tWTR_S: End of write data to RD, another bank group.
        tWTR_L: The same within a bank group.
        tRTP: RD to PRE.
        tWR: End of write data to PRE.
        tRTRS: Clocks the data bus rests between ranks, and between a read and a write.
        tREFI: Refresh interval of a rank.
        tRFC: REF to ACT.
        tPPD: PRE to PRE (LPDDR4); 0 where the standard has no such rule.
        source: Where the figures are from.
    """

    tCK_ns: Rate
    CL: int = _clocks(1)
    CWL: int = _clocks(1)
    AL: int = Field(default=0, ge=0, le=MAX_CLOCKS)
    tRCDRD: int = _clocks(1)
    tRCDWR: int = _clocks(1)
    tRP: int = _clocks(1)
    tRAS: int = _clocks(1)
    tCCD_S: int = _clocks(1)
    tCCD_L: int = _clocks(1)
    tRRD_S: int = _clocks(1)
    tRRD_L: int = _clocks(1)
    tFAW: int = _clocks()
    tWTR_S: int = _clocks()
    tWTR_L: int = _clocks()
    tRTP: int = _clocks()
    tWR: int = _clocks()
    tRTRS: int = _clocks()
    tREFI: int = _clocks(1)
    tRFC: int = _clocks(1)
    tPPD: int = Field(default=0, ge=0, le=MAX_CLOCKS)
    source: Name

    @model_validator(mode="after")
    def _order(self) -> DramTimings:
        for short, long in (("tCCD_S", "tCCD_L"), ("tRRD_S", "tRRD_L"), ("tWTR_S", "tWTR_L")):
            if getattr(self, short) > getattr(self, long):
                raise ValueError(
                    f"{short} {getattr(self, short)} is longer than {long} {getattr(self, long)}"
                )
        if self.tREFI <= self.tRFC:
            raise ValueError(f"tREFI {self.tREFI} leaves no clock beside tRFC {self.tRFC}")
        if min(self.tRCDRD, self.tRCDWR) <= self.AL:
            raise ValueError(f"needs AL below tRCD, has {self.AL}")
        return self


class DramCurrents(Spec):
    """Supply voltage and currents of one device, from which energies follow.

    Attributes:
        VDD_v: Supply, V.
        IDD0_ma: One bank activated and precharged every tRC, mA.
        IDD2N_ma: Precharged standby, mA.
        IDD3N_ma: Active standby, mA.
        IDD4R_ma: Burst read, mA.
        IDD4W_ma: Burst write, mA.
        IDD5AB_ma: All-bank refresh, mA.
        source: Where the figures are from.
    """

    VDD_v: float = Field(gt=0, le=100)
    IDD0_ma: float = Field(ge=0, le=1e6)
    IDD2N_ma: float = Field(ge=0, le=1e6)
    IDD3N_ma: float = Field(ge=0, le=1e6)
    IDD4R_ma: float = Field(ge=0, le=1e6)
    IDD4W_ma: float = Field(ge=0, le=1e6)
    IDD5AB_ma: float = Field(ge=0, le=1e6)
    source: Name

    @model_validator(mode="after")
    def _above_standby(self) -> DramCurrents:
        for name in ("IDD4R_ma", "IDD4W_ma", "IDD5AB_ma"):
            if getattr(self, name) < self.IDD3N_ma:
                raise ValueError(
                    f"needs {name} of at least active standby, IDD3N {self.IDD3N_ma:g}, "
                    f"has {getattr(self, name):g}"
                )
        return self


class DramDevice(Spec):
    """A kind of memory: organisation, timings and, if energies are wanted, currents."""

    name: Name
    organisation: DramOrganisation
    timings: DramTimings
    currents: DramCurrents | None = None

    @cached_property
    def burst_bytes(self) -> int:
        """Bytes of one burst, the unit of requests."""
        return self.organisation.bus_width_bits * self.organisation.burst_length // 8

    @cached_property
    def burst_clocks(self) -> int:
        """Clocks a burst keeps the data bus (BL/2)."""
        return self.organisation.burst_length // 2

    @property
    def read_latency(self) -> int:
        """RD to the first data, clocks (RL)."""
        return self.timings.AL + self.timings.CL

    @property
    def write_latency(self) -> int:
        """WR to the first data, clocks (WL)."""
        return self.timings.AL + self.timings.CWL

    @property
    def tRTW(self) -> int:
        """RD to WR, clocks: the read's data, then tRTRS, then the write's."""
        latency = self.read_latency + self.burst_clocks - self.write_latency
        return max(latency + self.timings.tRTRS, 1)

    @property
    def devices(self) -> int:
        """Devices of a rank."""
        return self.organisation.bus_width_bits // self.organisation.device_width_bits

    @cached_property
    def capacity_bytes(self) -> int:
        """Bytes of all channels."""
        bits = sum(address_bits(self).values())
        return self.burst_bytes << bits


class DramController(Spec):
    """How a channel's controller schedules (docs/dram.md).

    Attributes:
        row_policy: Whether rows stay open.
        address_map: Fields of a burst's address, most significant first, such as
            ``rochrababgco``.
        window: Requests in the transaction queue.
        bank_queue: Requests in the queue of each bank.
        outstanding: Requests of one source in a channel that are accepted and not ended; None is
            unlimited.
        posted_writes: Whether a write gives its credit back one clock after acceptance instead of
            at the end of its data.
        refresh: Whether the memory is refreshed.
        dual_command: A row and a column command in one clock; None: as the device can.
    """

    row_policy: RowPolicy = RowPolicy.OPEN
    address_map: str = "rochrababgco"
    window: int = Field(default=32, ge=1, le=1024)
    bank_queue: int = Field(default=8, ge=1, le=64)
    outstanding: int | None = Field(default=None, ge=1, le=2**20)
    posted_writes: bool = False
    refresh: bool = True
    dual_command: bool | None = None

    @field_validator("address_map")
    @classmethod
    def _fields(cls, value: str) -> str:
        names = [value[i : i + 2] for i in range(0, len(value), 2)]
        if sorted(names) != sorted(AddressField):
            raise ValueError(
                "needs each of ro, ch, ra, ba, bg, co once, most significant first, "
                "such as rochrababgco"
            )
        return value

    @property
    def rows_shift(self) -> bool:
        """Whether adding a multiple of the stripe to an address changes its row only."""
        return self.address_map.startswith(AddressField.ROW)


def address_bits(device: DramDevice) -> dict[AddressField, int]:
    """Return the bits of every field of a burst's address."""
    built = device.organisation
    sizes = {
        AddressField.ROW: built.rows,
        AddressField.CHANNEL: built.channels,
        AddressField.RANK: built.ranks,
        AddressField.BANK: built.banks_per_group,
        AddressField.BANK_GROUP: built.bank_groups,
        AddressField.COLUMN: built.columns // built.burst_length,
    }
    return {field: size.bit_length() - 1 for field, size in sizes.items()}


def address_fields(
    device: DramDevice, options: DramController
) -> dict[AddressField, tuple[int, int]]:
    """Return (lowest bit, bits) of every field in the address of a burst."""
    bits = address_bits(device)
    fields: dict[AddressField, tuple[int, int]] = {}
    low = 0
    for i in range(len(options.address_map) - 2, -1, -2):
        field = AddressField(options.address_map[i : i + 2])
        fields[field] = (low, bits[field])
        low += bits[field]
    return fields

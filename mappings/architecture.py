"""The architecture: storage levels from outermost to innermost, networks, one compute level.

Figures are per instance. What is not given is unlimited (bandwidth), zero (latency) or unbounded
(capacity), as in Timeloop; a run prints such assumptions by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

from pydantic import Field, model_validator

from stallscope.mappings.banking import Banking, PortsText, Widths, bank_ports
from stallscope.mappings.main_memory import MainMemory
from stallscope.mappings.sparsity.hardware import SparseArray, TensorFormat
from stallscope.mappings.spec import MAX_LATENCY_CYCLES, Name, Rate, Spec
from stallscope.mappings.systolic import Systolic
from stallscope.mappings.topology import Topology

__all__ = [
    "Architecture", "Banking", "ComputeLevel", "LevelKind", "Network", "SeparateNetwork",
    "StorageLevel", "memory_clashes",
]  # fmt: skip

_GIVEN_BY_DEVICE = (
    "read_words_per_cycle", "write_words_per_cycle", "shared_words_per_cycle", "access_words",
    "banks",
)  # fmt: skip


class LevelKind(StrEnum):
    """What a storage level is made of."""

    DRAM = "dram"
    BUFFER = "buffer"


class SeparateNetwork(Spec):
    """A network of its own that one tensor travels on, beside the others' (Eyeriss has three)."""

    tensor: Name
    topology: Topology


class Network(Spec):
    """The network from one storage level down to the next level (and back up).

    Attributes:
        words_per_cycle: Words that enter the network per cycle and instance of the outer level;
            None is unlimited.
        hop_latency_cycles: Cycles a word needs per hop.
        multicast: Whether one word entering reaches several destinations. Partial sums combine
            on every network.
        topology: What connects the outer level with the instances of the inner one: links with
            widths and delays of their own, in place of ``hop_latency_cycles``. None: only the
            entry has a width.
        separate: Tensors that have a network of their own, instead of this one.
        links: Whether neighbouring instances of the inner level pass words to each other.
        fill_latency_cycles: Delay of the first delivery (Timeloop's network_fill_latency).
        drain_latency_cycles: Delay of the last write-back (network_drain_latency).
        energy_per_hop_pj: Energy of one word over one hop; None means not given.
        router_energy_pj: Energy of one word through one router; None means not given.
        ingress_energy_pj: Energy of one word entering; None means not given.
    """

    words_per_cycle: Rate | None = None
    hop_latency_cycles: int = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)
    multicast: bool = True
    topology: Topology | None = None
    separate: tuple[SeparateNetwork, ...] = ()
    links: bool = False
    fill_latency_cycles: int = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)
    drain_latency_cycles: int = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)
    energy_per_hop_pj: float | None = Field(default=None, ge=0)
    router_energy_pj: float | None = Field(default=None, ge=0)
    ingress_energy_pj: float | None = Field(default=None, ge=0)

    @cached_property
    def topologies(self) -> dict[str, Topology]:
        """Topology of every network here, by the tensor that has it alone; ``""``: the others'."""
        shared = {} if self.topology is None else {"": self.topology}
        return shared | {one.tensor: one.topology for one in self.separate}

    def lane(self, tensor: str) -> str:
        """Which of `topologies` a tensor travels on: its own, or the others'."""
        return tensor if any(one.tensor == tensor for one in self.separate) else ""

    @model_validator(mode="after")
    def _once(self) -> Network:
        names = [one.tensor for one in self.separate]
        if len(set(names)) != len(names):
            raise ValueError("separate names a tensor twice")
        return self


class StorageLevel(Spec):
    """One storage level; ``instances`` copies, ``mesh_x`` of them side by side.

    Attributes:
        name: Unique name.
        kind: Main memory or on-chip buffer.
        instances: Copies in the whole accelerator.
        mesh_x: Copies along X; ``instances`` is a multiple of it. None: all of them.
        word_bits: Bits of a word.
        capacity_words: Words one instance holds, or None if unbounded.
        block_words: Words one access moves (Timeloop's words per block).
        cluster_size: Instances that share one access (Timeloop's cluster-size).
        read_words_per_cycle: Read port, words per cycle; None is unlimited.
        write_words_per_cycle: Write port (fills and updates); None is unlimited.
        shared_words_per_cycle: Limit on reads and writes together; None is unlimited.
        read_latency_cycles: From the end of the read to delivery.
        write_latency_cycles: From the end of the write to visibility.
        burst_words: Words after which another unit may take the port; None: see docs/timing.md.
        access_words: Words of an indivisible access: transfers occupy whole multiples.
        banks: Banks that share the port's bandwidth evenly (1: one monolithic array).
        banking: Whether a tensor lives in one bank or across all of them (docs/timing.md).
        interleave_words: Consecutive words in one bank before the next, a multiple of
            ``access_words``; None: that many.
        ports: Ports of every bank in place of the widths: accesses per cycle, ``1RW``, ``1R1W``,
            ``<n>RW``, ``<n>R<m>W``.
        port_words: Words that one port moves per cycle; None: ``access_words``.
        multiple_buffering: Timeloop's figure: the capacity check uses capacity / this.
        min_utilization: Least share of the capacity a mapping must use, 0 to 1.
        holds: Tensors the level may hold, or None for any.
        memory: For main memory with banks: its device and controller, which give bandwidth and
            latency; read_latency_cycles and write_latency_cycles come on top (the way to it).
        network: The network from this level down to the next.
        can_reduce: Whether the level adds arriving partial sums in place; one that cannot sends
            the old values down as words of their own. None: all levels but main memory.
        formats: How it stores the tensors that are not stored as they are.
    """

    name: Name
    kind: LevelKind = LevelKind.BUFFER
    instances: int = Field(default=1, ge=1)
    mesh_x: int | None = Field(default=None, ge=1)
    word_bits: int = Field(default=16, ge=1)
    capacity_words: int | None = Field(default=None, ge=1)
    block_words: int = Field(default=1, ge=1)
    cluster_size: int = Field(default=1, ge=1)
    read_words_per_cycle: Rate | None = None
    write_words_per_cycle: Rate | None = None
    shared_words_per_cycle: Rate | None = None
    read_latency_cycles: int = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)
    write_latency_cycles: int = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)
    burst_words: int | None = Field(default=None, ge=1)
    access_words: int = Field(default=1, ge=1)
    banks: int = Field(default=1, ge=1)
    banking: Banking = Banking.TENSOR
    interleave_words: int | None = Field(default=None, ge=1)
    ports: PortsText | None = None
    port_words: int | None = Field(default=None, ge=1)
    multiple_buffering: Rate = Fraction(1)
    min_utilization: float = Field(default=0.0, ge=0, le=1)
    holds: tuple[Name, ...] | None = None
    memory: MainMemory | None = None
    network: Network = Network()
    can_reduce: bool | None = None
    formats: tuple[TensorFormat, ...] = ()

    @property
    def x(self) -> int:
        """Instances along X."""
        return self.mesh_x if self.mesh_x is not None else self.instances

    @property
    def y(self) -> int:
        """Instances along Y."""
        return self.instances // self.x

    @property
    def reduces(self) -> bool:
        """Whether arriving partial sums are added here."""
        return self.can_reduce if self.can_reduce is not None else self.kind is not LevelKind.DRAM

    @property
    def is_interleaved(self) -> bool:
        """Whether the words of a tensor lie across all banks."""
        return self.banking is Banking.INTERLEAVED

    @cached_property
    def widths(self) -> Widths:
        """Words per cycle of one instance: as given, or those of all banks' ports."""
        if self.ports is None:
            return Widths(
                read=self.read_words_per_cycle,
                write=self.write_words_per_cycle,
                shared=self.shared_words_per_cycle,
            )
        each = self.banks * (self.port_words or self.access_words)
        found = bank_ports(self.ports)
        counts = (found.reads, found.writes, found.shared)
        read, write, shared = (Fraction(each * count) if count else None for count in counts)
        return Widths(read=read, write=write, shared=shared)

    @model_validator(mode="after")
    def _mesh(self) -> StorageLevel:
        if self.instances % self.x:
            raise ValueError(f"mesh_x {self.x} does not divide {self.instances} instances")
        return self

    @model_validator(mode="after")
    def _beside_memory(self) -> StorageLevel:
        if self.memory is not None:
            given = {name: getattr(self, name) for name in StorageLevel.model_fields}
            for field, (rule, remedy) in memory_clashes(given).items():
                raise ValueError(f"{field} {rule}; {remedy}")
        return self

    @model_validator(mode="after")
    def _banks(self) -> StorageLevel:
        faults = []
        if self.interleave_words is not None and not self.is_interleaved:
            faults.append("interleave_words needs banking: interleaved")
        elif (self.interleave_words or 0) % self.access_words:
            faults.append(
                f"interleave_words {self.interleave_words} cuts accesses of {self.access_words}"
                " words: make it a multiple of access_words"
            )
        if self.ports is None and self.port_words is not None:
            faults.append("port_words needs ports, such as ports: 1R1W")
        given = (self.read_words_per_cycle, self.write_words_per_cycle, self.shared_words_per_cycle)
        if self.ports is not None and any(width is not None for width in given):
            faults.append(f"ports {self.ports} say the same as the bandwidths: give one of the two")
        if self.memory is not None and (self.is_interleaved or self.ports is not None):
            faults.append("banks and ports are those of its memory: leave banking and ports out")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def memory_clashes(figures: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """What a level with a memory may not say: rule and remedy by field.

    Args:
        figures: Fields of the level that are given.
    """
    clashes: dict[str, tuple[str, str]] = {}
    if figures.get("kind", LevelKind.BUFFER) != LevelKind.DRAM:
        clashes["kind"] = ("must be dram beside a memory", "give kind: dram")
    if figures.get("instances", 1) != 1:
        clashes["instances"] = ("must be 1 beside a memory", "give the device more channels")
    for field in _GIVEN_BY_DEVICE:
        default = StorageLevel.model_fields[field].default
        if figures.get(field, default) != default:
            clashes[field] = ("is what the memory's device gives", "leave it out")
    return clashes


class ComputeLevel(Spec):
    """The MAC units: ``instances`` copies, each one multiply-accumulate per cycle.

    Attributes:
        pipeline_cycles: Depth of the MAC pipeline: a result is visible that much later.
        systolic: How the units are joined into a systolic array; None: they are not.
        sparse: What the PEs do about zeros; None: zeros are words like the others.
    """

    name: Name
    instances: int = Field(default=1, ge=1)
    mesh_x: int | None = Field(default=None, ge=1)
    word_bits: int = Field(default=16, ge=1)
    pipeline_cycles: int = Field(default=0, ge=0, le=MAX_LATENCY_CYCLES)
    systolic: Systolic | None = None
    sparse: SparseArray | None = None

    @property
    def x(self) -> int:
        """Units along X."""
        return self.mesh_x if self.mesh_x is not None else self.instances

    @property
    def y(self) -> int:
        """Units along Y."""
        return self.instances // self.x

    @model_validator(mode="after")
    def _mesh(self) -> ComputeLevel:
        if self.instances % self.x:
            raise ValueError(f"mesh_x {self.x} does not divide {self.instances} instances")
        return self

    @model_validator(mode="after")
    def _tiles(self) -> ComputeLevel:
        if self.systolic is not None:
            tile, mesh = self.systolic, f"{self.y} x {self.x}"
            for what, tiles, units in (
                ("tile_rows", tile.tile_rows, self.y), ("tile_columns", tile.tile_columns, self.x)
            ):  # fmt: skip
                if units % tiles:
                    raise ValueError(f"{what} {tiles} does not divide the array of {mesh} PEs")
        return self


class Architecture(Spec):
    """Storage levels, outermost first, and the compute level.

    Attributes:
        clock_mhz: Base clock, or None when unknown (no seconds are reported then).
    """

    name: Name = "architecture"
    clock_mhz: float | None = Field(default=None, gt=0)
    levels: tuple[StorageLevel, ...] = Field(min_length=1)
    compute: ComputeLevel

    @cached_property
    def level_index(self) -> dict[str, int]:
        """Position of every storage level, 0 for the outermost."""
        return {level.name: index for index, level in enumerate(self.levels)}

    def level(self, name: str) -> StorageLevel:
        """Return the storage level called ``name``; KeyError if there is none."""
        return self.levels[self.level_index[name]]

    @model_validator(mode="after")
    def _unique(self) -> Architecture:
        names = [level.name for level in self.levels] + [self.compute.name]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"level {', '.join(twice)} is declared twice")
        return self

    @model_validator(mode="after")
    def _memory(self) -> Architecture:
        inner = [level.name for level in self.levels[1:] if level.memory is not None]
        if inner:
            raise ValueError(f"{inner[0]} has a memory, only the outermost level may")
        if self.levels[0].memory is not None and self.clock_mhz is None:
            raise ValueError(f"{self.levels[0].name} has a memory, which needs clock_mhz")
        return self

    @model_validator(mode="after")
    def _registers(self) -> Architecture:
        registers = self.levels[-1]
        if self.compute.systolic is not None and registers.instances != 1:
            raise ValueError(
                f"{registers.name} is the registers of one systolic array: give it one instance, "
                f"not {registers.instances}"
            )
        return self

"""Topologies: how one instance of a storage level is connected to the X x Y instances below it.

A topology is described without the size of its grid, which the two levels give. Widths are words
per cycle, delays cycles; every link has a partner of its own in the other direction (operands and
partial sums travel on separate networks, as in Eyeriss: Chen et al., JSSC 52(1), 2017, section
IV-B). What a link costs in energy belongs to the network, per word and hop.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from stallscope.mappings.spec import MAX_LATENCY_CYCLES, Rate, Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = [
    "Axis", "Bus", "Clusters", "FlatTopology", "Mesh", "Neighbour", "Ring", "RouterPipeline",
    "Topology", "Tree", "TreeShape", "XyBus", "read_topology",
]  # fmt: skip

_Cycles = Annotated[int, Field(ge=0, le=MAX_LATENCY_CYCLES)]


class TreeShape(StrEnum):
    """How wide a tree's links are, level by level."""

    THIN = "thin"
    CHUBBY = "chubby"
    FAT = "fat"


class Axis(StrEnum):
    """The direction in which neighbours are linked."""

    X = "x"
    Y = "y"


class _Fabric(Spec):
    """What all topologies have in common.

    Attributes:
        multicast: Whether one word entering reaches several destinations; else each gets its own.
        reduces: Whether partial sums that meet are added on the way; else each travels alone.
        blocking: Whether a word leaves only when all links to all its destinations are free at
            the moments it needs them: nothing waits on the way.
    """

    multicast: bool = True
    reduces: bool = True
    blocking: bool = False


class Bus(_Fabric):
    """One medium that all instances listen to.

    Attributes:
        words_per_cycle: Width.
        delay_cycles: From the source to every listener.
    """

    kind: Literal["bus"] = "bus"
    words_per_cycle: Rate
    delay_cycles: _Cycles = 0
    reduces: bool = False
    blocking: bool = True


class XyBus(_Fabric):
    """A Y bus with one X bus per row; instances take words whose tags match (Eyeriss's GIN).

    A word is delivered to all matching instances at once, and only when all are ready.

    Attributes:
        words_per_cycle: Width of the Y bus and of each X bus.
        delay_cycles: From the source to every listener; Eyeriss: 1 (JSSC 2017, "within one
            cycle").
    """

    kind: Literal["xy_bus"] = "xy_bus"
    words_per_cycle: Rate
    delay_cycles: _Cycles = 1
    reduces: bool = False
    blocking: bool = True


class Tree(_Fabric):
    """A binary tree with the source at its root; partial sums meet in adders on the way up.

    Instances are its leaves in row order, filled up to a power of two.

    Attributes:
        root_words_per_cycle: Words that enter (or leave) at the root.
        leaf_words_per_cycle: Words a leaf takes.
        shape: ``thin``: every link is as wide as a leaf's; ``fat``: as wide as all leaves below
            it; ``chubby``: the root's width is divided at every level, down to a leaf's. Levels
            that only divide it are wires without switches: each word of the root's width has a
            sub-tree of its own (MAERI: Kwon et al., ASPLOS 2018).
        levels_per_cycle: Levels of switches that a word passes in one cycle on the way down; None:
            all of them.
        adder_cycles: Cycles of one adder, level by level on the way up.
    """

    kind: Literal["tree"] = "tree"
    root_words_per_cycle: Rate
    leaf_words_per_cycle: Rate
    shape: TreeShape = TreeShape.CHUBBY
    levels_per_cycle: int | None = Field(default=1, ge=1)
    adder_cycles: _Cycles = 1


class Mesh(_Fabric):
    """A router per instance, links to the four neighbours, X first and then Y.

    Every instance, and the source, has a port of its own at its router: a link in and one out.

    Attributes:
        words_per_cycle: Width of a link: the flit, in words.
        router_delay_cycles: From a head's arrival at a router to its arrival at the next router,
            or at the end of the port.
        port_delay_cycles: From a port into the router.
        entry_words_per_cycle: Width of the source's port; None: a link's.
        inject_x: Column of the router at which the source is.
        inject_y: Its row.
    """

    kind: Literal["mesh"] = "mesh"
    words_per_cycle: Rate
    router_delay_cycles: _Cycles
    port_delay_cycles: _Cycles = 1
    entry_words_per_cycle: Rate | None = None
    inject_x: int = Field(default=0, ge=0)
    inject_y: int = Field(default=0, ge=0)


class Ring(_Fabric):
    """Instances in row order, each linked to the next, the last to the first; the shorter way.

    Every instance, and the source, has a port of its own, as in a mesh.

    Attributes:
        words_per_cycle: Width of a link.
        delay_cycles: From one station of the ring to the next, or out of it.
        port_delay_cycles: From a port into the ring.
        inject: Instance (in row order) at which the source is.
    """

    kind: Literal["ring"] = "ring"
    words_per_cycle: Rate
    delay_cycles: _Cycles = 1
    port_delay_cycles: _Cycles = 1
    inject: int = Field(default=0, ge=0)


class Neighbour(_Fabric):
    """Systolic links: the source feeds the first instance of each row (or column), the others
    take from the one before, a whole word per step.

    Attributes:
        axis: Direction of the links.
        words_per_cycle: Width of a link.
        hop_cycles: A word is stored and forwarded: cycles from one instance to the next.
    """

    kind: Literal["neighbour"] = "neighbour"
    axis: Axis
    words_per_cycle: Rate
    hop_cycles: int = Field(default=1, ge=1, le=MAX_LATENCY_CYCLES)


FlatTopology = Annotated[Bus | XyBus | Tree | Mesh | Ring | Neighbour, Field(discriminator="kind")]
"""A topology of one level."""


class Clusters(Spec):
    """Clusters of instances: one topology between clusters and one inside each (Eyeriss v2:
    Chen et al., JETCAS 9(2), 2019: a mesh of clusters, all-to-all inside).

    Attributes:
        columns: Instances of a cluster along X; the grid is a multiple of it.
        rows: Instances of a cluster along Y.
        between: From the source to the clusters.
        inside: From where a cluster is reached to its instances.
    """

    kind: Literal["clusters"] = "clusters"
    columns: int = Field(ge=1)
    rows: int = Field(ge=1)
    between: FlatTopology
    inside: FlatTopology

    @property
    def multicast(self) -> bool:
        """Whether both parts do."""
        return self.between.multicast and self.inside.multicast

    @property
    def reduces(self) -> bool:
        """Whether both parts do; else no sums are added on the way, between clusters neither."""
        return self.between.reduces and self.inside.reduces

    @property
    def blocking(self) -> bool:
        """Whether one part does not let words wait on the way."""
        return self.between.blocking or self.inside.blocking


Topology = Annotated[
    Bus | XyBus | Tree | Mesh | Ring | Neighbour | Clusters, Field(discriminator="kind")
]
"""Any topology, chosen by its ``kind``."""


class RouterPipeline(Spec):
    """An input-queued router with virtual channels, in the words of its pipeline.

    A head passes a router in routing + channel allocation + switch allocation + traversal cycles
    (allocation of a channel counts 0 if it is speculative), and then the wire.

    Attributes:
        channels: Virtual channels per link.
        buffer_flits: Flits a channel holds.
        routing_cycles: Computing the route; 0 if the router before has done it.
        channel_allocation_cycles: Getting a channel of the next link.
        switch_allocation_cycles: Getting the switch, flit by flit.
        traversal_cycles: Crossing the switch, pipelined.
        wire_cycles: Crossing the link.
        credit_cycles: Processing a credit that came back, besides its own wire and the cycle in
            which it is sent.
        speculative: Whether a head asks for channel and switch at once.
        waits_for_tail: Whether a channel is given away only when it is known to be empty.
    """

    channels: int = Field(ge=1, le=64)
    buffer_flits: int = Field(ge=1, le=4096)
    routing_cycles: int = Field(ge=0, le=1000)
    channel_allocation_cycles: int = Field(ge=0, le=1000)
    switch_allocation_cycles: int = Field(ge=0, le=1000)
    traversal_cycles: int = Field(ge=0, le=1000)
    wire_cycles: int = Field(default=1, ge=1, le=1000)
    credit_cycles: int = Field(ge=0, le=1000)
    speculative: bool = False
    waits_for_tail: bool = False

    @property
    def router_delay_cycles(self) -> int:
        """From a head's arrival at a router to its arrival at the next, nobody in its way."""
        channel = 0 if self.speculative else self.channel_allocation_cycles
        return self.routing_cycles + channel + self.flight_cycles

    @property
    def flight_cycles(self) -> int:
        """From asking for the switch, and getting it, to the next router's buffer."""
        return self.switch_allocation_cycles + self.traversal_cycles + self.wire_cycles


_ANY: TypeAdapter[Topology] = TypeAdapter(Topology)


def read_topology(values: object, place: str = "topology") -> Topology:
    """Make a topology of parsed values, such as a YAML mapping.

    Args:
        values: A mapping with the key ``kind`` and the keys of that kind.
        place: Its path, for faults.

    Raises:
        SpecError: Every fault, with its place.
    """
    try:
        return _ANY.validate_python(values)
    except ValidationError as error:
        faults = [
            Fault(
                place=".".join([place, *(str(part) for part in detail["loc"])]),
                value="" if isinstance(detail["input"], dict) else detail["input"],
                rule=detail["msg"].removeprefix("Value error, "),
            )
            for detail in error.errors(include_url=False)
        ]
        raise SpecError(faults) from error

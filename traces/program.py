"""The program: one looped instruction stream per unit, small however long the run.

A mover's stream is a loop nest whose every step moves one tile of one tensor from a storage level
(the parent) to the next one that keeps the tensor (the child). What a step moves depends on the
loop that stepped (and, for neighbour links, on the loop that stepped before; with remainders, on
where the clipped dimensions stand): a **record** says it, and a few records serve the whole run.
For the output the same stream is run twice, as refill (down) and drain (up).

The compute stream walks the loops outside which some operand's tile changes; one step is a burst
of multiply-accumulates between which no tile changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

__all__ = [
    "Access",
    "BufferPlan",
    "ComputeStream",
    "Crossing",
    "KeyedStep",
    "MoverStream",
    "Op",
    "Operand",
    "Program",
    "Record",
    "SpatialBlock",
    "StreamLoop",
    "TensorLayout",
    "Work",
]


KeyedStep = tuple[int, tuple[tuple[int, int, int], ...], int, int, int]
"""A kind of step with remainders: loop that steps, (class now, class before, move) per bounded
dimension, memory before (0: none), record, memory after."""


class Op(StrEnum):
    """Operations of the instruction set.

    A systolic array's stationary operand is preloaded and its bursts are matrix products: names
    of their own for a fill and a compute.
    """

    FILL = "FILL"
    REFILL = "REFILL"
    DRAIN = "DRAIN"
    COMPUTE = "COMPUTE"
    PRELOAD = "PRELOAD"
    MATMUL = "MATMUL"

    @property
    def role(self) -> Op:
        """What it does, whatever it is called."""
        return {Op.PRELOAD: Op.FILL, Op.MATMUL: Op.COMPUTE}.get(self, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLoop:
    """One temporal loop of a stream.

    Attributes:
        dimension: Dimension it runs over.
        extent: Iterations, when nothing is clipped.
        step: Iterations of the dimension one iteration of the loop spans.
        is_reduction: Whether the stream's tensor does not depend on the dimension.
        address_words: Words the tile's address in main memory moves per iteration.
    """

    dimension: str
    extent: int
    step: int
    is_reduction: bool = False
    address_words: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What one step puts on the network below one level; totals over its instances.

    Attributes:
        network: Name of the outer level the network hangs below.
        words_in: Words entering.
        busiest_words: Words entering at the busiest instance of the outer level.
        deliveries: Words arriving at inner instances.
        multicast: (instances reached, words) pairs, ascending.
        hops: Sum of hops over the words that enter.
        links: Words passed between neighbours instead.
        longest: Hops to the furthest destination, rounded up.
        groups: Where the network has a topology: (words, destinations) of what enters at the
            busiest instance of the outer level, destinations numbered row by row.
    """

    network: str
    words_in: int
    busiest_words: int
    deliveries: int
    multicast: tuple[tuple[int, int], ...]
    hops: Fraction
    links: int = 0
    longest: int = 0
    groups: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One kind of step of a mover.

    Attributes:
        words: Words that are new to the child instance that gets most.
        room: Words the representative child makes room for.
        released: Words of the previous tile the child need not keep.
        tile_words: Words of the representative child's tile.
        busiest_parent: Words read from (written to) the busiest parent instance.
        parent_words: The same over all parent instances.
        child_words: Words arriving over all children, neighbours' included.
        busiest_links: Words the busiest child hands to a neighbour.
        links: Words passed between neighbours, all children.
        crossings: One per network on the way, outermost first.
        boxes: New words as (offset, size) per rank and box, of the representative child.
        slides: Whether the child keeps what the new tile shares with the one before, and only
            the rest is new. False where nothing is shared; with remainders it may be True there.
        sources: (taker, giver) pairs, numbers within the innermost block: which neighbour a
            child takes its new words from. The giver had them in the step before.
        rows: Where the child is the innermost storage level, positions along Y of the block below
            it at which the representative child's tile has work; elsewhere 1.
        columns: The same along X.
        supply: What a parent that is main memory gives or takes, as (offset, size) per rank and
            box, relative to the step's origin; a box stands twice if it is read twice. Of a
            parent with interleaved banks the same of the instance that gives most, relative to
            the step's origin there. Empty below other parents.
    """

    words: int
    room: int
    released: int
    tile_words: int
    busiest_parent: int
    parent_words: int
    child_words: int
    busiest_links: int
    links: int
    crossings: tuple[Crossing, ...]
    boxes: tuple[tuple[tuple[int, int], ...], ...]
    slides: bool = False
    sources: tuple[tuple[int, int], ...] = ()
    rows: int = 1
    columns: int = 1
    supply: tuple[tuple[tuple[int, int], ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoverStream:
    """The tiles of one tensor that pass between two consecutive levels that keep it.

    Attributes:
        tensor: Tensor moved.
        parent: Outer level.
        child: Inner level.
        is_output: Runs as refill and drain.
        loops: Loops walked, outermost first; the innermost one touches the tensor.
        bounds: (dimension, bound) of every dimension with remainders.
        idle_inside: Steps of the loops inside that do not touch the tensor (dropped).
        parent_depth: Leading loops outside the parent's own tile; a step of one of these means a
            new parent tile. 0 when the parent is the outermost level and holds everything.
        parent_is_memory: Whether the parent holds the tensor from the start.
        elide_first: Whether the first visit of an output tile starts from zero.
        records: The kinds of step.
        first: Record of the first step.
        table: Per loop that steps, per loop that stepped before (its number, or len(loops) for
            the first step): number of the record. Empty with remainders.
        keyed: With remainders, every kind of step: see `KeyedStep`.
        classes: Per bound, the class of each origin of the dimension, in units of ``grain``.
        grain: Per bound, the step between origins.
        networks: Outer level of every network crossed.
        spans: (dimension, iterations) a tile of the child spans, before clipping.
    """

    tensor: str
    parent: str
    child: str
    is_output: bool
    loops: tuple[StreamLoop, ...]
    bounds: tuple[tuple[str, int], ...]
    idle_inside: int
    parent_depth: int
    parent_is_memory: bool
    elide_first: bool
    records: tuple[Record, ...]
    first: int
    table: tuple[tuple[int, ...], ...]
    keyed: tuple[KeyedStep, ...]
    classes: tuple[tuple[int, ...], ...]
    grain: tuple[int, ...]
    networks: tuple[str, ...]
    spans: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one compute burst reads (and for the output updates) at the operand's level.

    Attributes:
        busiest_words: Words at the busiest instance of the level.
        words: Words over all instances.
        fresh_words: Of these, output words touched for the first time when every reduction loop
            outside the burst is at 0.
        busiest_fresh: The same at the busiest instance.
        crossings: Networks between the level and the MACs.
    """

    busiest_words: int
    words: int
    fresh_words: int
    busiest_fresh: int
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """How the array gets one tensor: the innermost level that keeps it.

    Attributes:
        tensor: The tensor.
        level: Innermost level that keeps it.
        depth: Leading loops of the compute stream outside the tile; -1 if the level is the
            outermost one and nobody delivers.
        is_output: Whether it is read and updated.
        elide_first: Whether the first touch of an output word is not read.
    """

    tensor: str
    level: str
    depth: int
    is_output: bool
    elide_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One kind of compute burst.

    Attributes:
        cycles: Multiply-accumulates of the busiest unit, one per cycle.
        computes: Multiply-accumulates over all units.
        loads: (multiply-accumulates, units) pairs, most first; idle units not listed.
        accesses: Per operand, in the stream's order.
        rows: Positions along Y of the block below the innermost level that have work in the
            burst, most of them at once.
        columns: The same along X.
    """

    cycles: int
    computes: int
    loads: tuple[tuple[int, int], ...]
    accesses: tuple[Access, ...]
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeStream:
    """The bursts of the MAC array; the fields are those of `MoverStream`.

    Attributes:
        inner: Loops inside a burst, outermost first: every unit walks them, as far as the bounds
            let it, with one multiply-accumulate per step.
    """

    unit: str
    loops: tuple[StreamLoop, ...]
    inner: tuple[StreamLoop, ...]
    bounds: tuple[tuple[str, int], ...]
    operands: tuple[Operand, ...]
    records: tuple[Work, ...]
    first: int
    table: tuple[tuple[int, ...], ...]
    keyed: tuple[KeyedStep, ...]
    classes: tuple[tuple[int, ...], ...]
    grain: tuple[int, ...]
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferPlan:
    """What one level must hold of one tensor.

    Attributes:
        level: The storage level.
        tensor: The tensor.
        tile_words: Largest tile of one instance.
        tiles: Tiles asked for by the mapping, or None for the default.
    """

    level: str
    tensor: str
    tile_words: int
    tiles: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorLayout:
    """Where a tensor's words are.

    Attributes:
        name: The tensor.
        ranks: Per rank the (dimension, coefficient) pairs that sum to the coordinate.
        shape: Words per rank of the whole tensor.
        strides: Words from one coordinate of each rank to the next in main memory.
        base: Word of main memory at which it begins; None: the memory places it.
        is_output: Whether it is the tensor that is written.
    """

    name: str
    ranks: tuple[tuple[tuple[str, int], ...], ...]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    base: int | None
    is_output: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialBlock:
    """The instances of the next level below one instance of a level.

    Attributes:
        level: The outer level.
        loops: Spatial loops, outermost first. Instances are numbered with the innermost loop
            fastest; the origins of an instance are the sum over its loops and its parent's.
        is_multicast: Whether one word that enters reaches several instances. Partial sums
            combine everywhere.
    """

    level: str
    loops: tuple[StreamLoop, ...]
    is_multicast: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """All streams of one mapped layer.

    Attributes:
        name: Name of the case.
        dims: (dimension, bound) pairs.
        macs: Multiply-accumulates of the layer.
        output: The tensor that is written.
        output_dimensions: Dimensions it depends on.
        tensors: Layout of every tensor, in the problem's order.
        blocks: The spatial loops of every level, outermost first.
        shares_words: Whether destinations share single words (rule ``overlap``), or only whole
            deliveries that are equal, block by block (``timeloop``).
        movers: Streams between levels, in unit order.
        compute: The array's stream.
        buffers: What each level must hold.
        used_instances: (level, instances) the mapping uses.
        fanouts: (level, instances of the next level below one instance).
        registers: Level that is the registers of a systolic array; None: there is no such array.
    """

    name: str
    dims: tuple[tuple[str, int], ...]
    macs: int
    output: str
    output_dimensions: tuple[str, ...]
    tensors: tuple[TensorLayout, ...]
    blocks: tuple[SpatialBlock, ...]
    shares_words: bool
    movers: tuple[MoverStream, ...]
    compute: ComputeStream
    buffers: tuple[BufferPlan, ...]
    used_instances: tuple[tuple[str, int], ...]
    fanouts: tuple[tuple[str, int], ...]
    registers: str | None = None

"""What hardware makes of zeros: formats of storage levels, and PEs that skip, gate and queue."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, model_validator

from stallscope.mappings.spec import Name, Rate, Spec

__all__ = ["Format", "Mode", "SparseArray", "TensorFormat", "TensorRate"]


class Format(StrEnum):
    """How the words of a tile are stored (docs/sparsity.md has the sizes)."""

    UNCOMPRESSED = "uncompressed"
    """All words, zeros too; no metadata."""
    BITMASK = "bitmask"
    """The words that are not zero, and one bit per word of the tile."""
    RUN_LENGTH = "run_length"
    """Pairs of a run of zeros (``run_bits``) and a word, packed as Eyeriss does: as many whole
    pairs as fit in ``pack_bits``."""
    COORDINATE = "coordinate"
    """The words that are not zero, each with its coordinate in every rank."""
    CSR = "csr"
    """Rows (the outermost rank) by pointers, the rest of the ranks as one coordinate."""
    CSC = "csc"
    """Columns (the innermost rank) by pointers, the rest of the ranks as one coordinate."""
    CSF = "csf"
    """A tree: per rank the coordinates that are not empty, and pointers to them."""


class TensorFormat(Spec):
    """How one storage level holds one tensor.

    A tile, or the part of one that is new, is compressed by itself: it is what is moved, too.

    Attributes:
        tensor: The tensor.
        format: How it is stored.
        run_bits: Bits of a run length (Eyeriss: 5).
        pack_bits: Bits that hold a whole number of pairs (Eyeriss: 64 for three pairs); None:
            pairs are packed without gaps.
        metadata: Whether metadata words are stored, moved and charged. False is a what-if.
        words_per_cycle: Words that the decoder or encoder in front of an instance handles per
            cycle, counted as uncompressed words are stored, zeros left out; None is unlimited.
    """

    tensor: Name
    format: Format
    run_bits: int = Field(default=5, ge=1, le=32)
    pack_bits: int | None = Field(default=64, ge=1)
    metadata: bool = True
    words_per_cycle: Rate | None = None


class Mode(StrEnum):
    """Which PEs wait for which."""

    BARRIER = "barrier"
    """All PEs begin a pass together: every pass takes as long as its slowest PE."""
    QUEUE = "queue"
    """A PE begins its next pass when its tiles are there: it runs ahead as far as FIFOs and
    buffers let it. What is multicast waits for room at the slowest receiver."""
    PACKED = "packed"
    """Networks bring any operand to any PE: what a pass has to multiply is packed onto all PEs
    evenly (SIGMA), and the next pass begins when it is done."""


class TensorRate(Spec):
    """Words of one tensor per cycle."""

    tensor: Name
    words_per_cycle: Rate


class SparseArray(Spec):
    """What the PEs do about zeros.

    A PE is an instance of the innermost storage level, with the MACs below it; those are in lock
    step. A pass of a PE is what it does between two iterations of the temporal loops outside it.

    Attributes:
        skips: Operands whose zeros take no cycle: a multiply-accumulate is executed only where all
            of them are not zero. One is leader and the others follow; two are intersected.
        gates: Operands whose zeros take a cycle, but no energy: the MAC and the reads of the
            operands that are not gating stand still.
        mode: Which PEs wait for which.
        fifo_depth: Tiles that wait in front of each PE beyond those its buffers hold, per operand;
            as many finished tiles of the output behind it. None is unlimited.
        rebalance: Whether indices that only name channels are dealt to the PEs anew, by their
            words that are not zero, before the run: a what-if (docs/sparsity.md).
        decoders: Words that the decoder of each PE hands on per cycle, of those that the PE reads.
        intersections_per_cycle: Coordinates that the intersection unit of each PE looks at per
            cycle: a step counts once for each of the operands that is not zero there; None is
            unlimited.
    """

    skips: tuple[Name, ...] = ()
    gates: tuple[Name, ...] = ()
    mode: Mode = Mode.BARRIER
    fifo_depth: int | None = Field(default=0, ge=0)
    rebalance: bool = False
    decoders: tuple[TensorRate, ...] = ()
    intersections_per_cycle: Rate | None = None

    @model_validator(mode="after")
    def _consistent(self) -> SparseArray:
        for what, names in (("skips", self.skips), ("gates", self.gates)):
            if len(set(names)) != len(names):
                raise ValueError(f"{what} names a tensor twice")
        both = sorted(set(self.skips) & set(self.gates))
        if both:
            raise ValueError(f"skips and gates both name {', '.join(both)}")
        if self.intersections_per_cycle is not None and len(self.skips) < 2:
            raise ValueError("intersections_per_cycle needs two operands in skips")
        return self

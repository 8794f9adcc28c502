"""A main memory with a controller in a machine: where tensors begin, and the lanes' plans."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from stallscope.hw.dram.controller import Controller
from stallscope.hw.memory.addresses import Addresses
from stallscope.hw.memory.component import Memory
from stallscope.hw.memory.lane import LanePlan
from stallscope.hw.ports import CAUSES, Cause
from stallscope.hw.transferring import Wiring
from stallscope.mappings.architecture import Architecture
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.program import MoverStream, Program, TensorLayout

__all__ = ["ACCOUNTS", "Attached", "attach", "place"]

ACCOUNTS = (
    Cause.DRAM_BANDWIDTH, Cause.DRAM_TURNAROUND, Cause.DRAM_ROW, Cause.DRAM_REFRESH,
    Cause.DRAM_LATENCY, Cause.DRAM_LATENCY,
)  # fmt: skip
"""What the accounts of the channels are charged to; with nothing to do, data is on its way."""


class Attached:
    """A main memory with a controller, and the tensors in it.

    Args:
        wiring: What all units of the machine share.
        channels: The controllers.
        program: What is executed.
        level: Name of the level.
        order: Place of the memory in the order of units.
        word_bits: Bits of a word.
        burst_bytes: Bytes of a burst.
        stripe_bytes: Bytes of a row of all banks.
        chunk_bytes: Bytes that are asked for at once.
        size_bytes: Bytes of the memory.

    Attributes:
        level: Name of the level.
        controller: Its channels.
        memory: The component.
        bases: Bit at which each tensor begins.

    Raises:
        SpecError: If tensors overlap, or reach past the end.
    """

    def __init__(
        self, wiring: Wiring, channels: Controller, program: Program, level: str, order: int, *,
        word_bits: int, burst_bytes: int, stripe_bytes: int, chunk_bytes: int, size_bytes: int,
    ) -> None:  # fmt: skip
        self.level = level
        self.controller = channels
        causes = [CAUSES.index(cause) for cause in ACCOUNTS]
        self.memory = Memory(wiring.env, level, order, channels, causes, len(CAUSES))
        self._word_bits = word_bits
        self._burst_bytes = burst_bytes
        self._chunk_words = max(1, chunk_bytes * 8 // word_bits)
        self._layouts = {layout.name: layout for layout in program.tensors}
        self._stripe_bits = 8 * stripe_bytes
        self.bases = place(program.tensors, word_bits, self._stripe_bits)
        _check(program.tensors, self.bases, word_bits, 8 * size_bytes, level)
        is_shared = _share_rows(program.tensors, self.bases, word_bits, self._stripe_bits)
        if is_shared or not channels.rows_shift:
            # A row in use may be either tensor's, or the next one be in another bank: nothing moves
            # by whole rows then.
            self._stripe_bits = 0

    def plan(self, stream: MoverStream) -> LanePlan:
        """Plan of the lanes of a stream."""
        addresses = Addresses(
            stream, self._layouts[stream.tensor], self.bases[stream.tensor], self._word_bits,
            8 * self._burst_bytes, self._chunk_words,
        )  # fmt: skip
        return LanePlan(
            addresses=addresses,
            burst_bytes=self._burst_bytes,
            stripe_bits=self._stripe_bits,
            bandwidth=CAUSES.index(Cause.DRAM_BANDWIDTH),
            latency=CAUSES.index(Cause.DRAM_LATENCY),
        )

    @property
    def chunk_words(self) -> int:
        """Words of a chunk."""
        return self._chunk_words


def attach(
    program: Program, architecture: Architecture, wiring: Wiring, order: int
) -> Attached | None:  # fmt: skip
    """The main memory with a controller of an architecture, or None if there is none.

    Args:
        program: What is executed.
        architecture: What it is executed on.
        wiring: What all units of the machine share.
        order: Place of the memory in the order of units.

    Raises:
        SpecError: If tensors do not fit, or the array itself reads a tensor from the memory.
    """
    level = architecture.levels[0]
    memory = level.memory
    if memory is None:
        return None
    _check_operands(program, level.name)
    assert architecture.clock_mhz is not None  # the architecture's own check
    streams = [stream for stream in program.movers if stream.parent == level.name]
    channels = Controller(
        memory.device,
        memory.controller,
        sources=sum(2 if stream.is_output else 1 for stream in streams),
        cycles_per_clock=memory.clock_cycles(architecture.clock_mhz),
    )
    return Attached(
        wiring, channels, program, level.name, order,
        word_bits=level.word_bits,
        burst_bytes=memory.device.burst_bytes,
        stripe_bytes=memory.stripe_bytes,
        chunk_bytes=memory.chunk_bytes,
        size_bytes=memory.device.capacity_bytes,
    )  # fmt: skip


def _check_operands(program: Program, level: str) -> None:
    """Whether only movers ask the memory."""
    rule = f"is read by the MACs from {level}, whose controller serves movers only"
    faults = [
        Fault(place=f"mapping.{level}.keep", value=operand.tensor, rule=rule,
              remedy=f"keep {operand.tensor} at a level further in as well")
        for operand in program.compute.operands if operand.level == level
    ]  # fmt: skip
    if faults:
        raise SpecError(faults)


def place(
    layouts: Sequence[TensorLayout], word_bits: int, stripe_bits: int
) -> dict[str, int]:  # fmt: skip
    """Bit at which each tensor begins.

    A tensor that is not told where follows the others, at the beginning of a row of all banks.
    """
    bases = {one.name: one.base * word_bits for one in layouts if one.base is not None}
    end = max((bases[one.name] + _bits(one, word_bits) for one in layouts if one.name in bases),
              default=0)  # fmt: skip
    for layout in layouts:
        if layout.name not in bases:
            bases[layout.name] = base = -(-end // stripe_bits) * stripe_bits
            end = base + _bits(layout, word_bits)
    return bases


def _bits(layout: TensorLayout, word_bits: int) -> int:
    """Bits from a tensor's first to its last word."""
    pairs = zip(layout.shape, layout.strides, strict=True)
    return (1 + sum((size - 1) * stride for size, stride in pairs)) * word_bits


def _share_rows(
    layouts: Sequence[TensorLayout], bases: dict[str, int], word_bits: int, stripe_bits: int
) -> bool:
    """Whether two tensors lie in one row of all banks."""
    spans = sorted(
        (bases[one.name] // stripe_bits,
         (bases[one.name] + _bits(one, word_bits) - 1) // stripe_bits)
        for one in layouts
    )  # fmt: skip
    return any(after[0] <= before[1] for before, after in pairwise(spans))


def _check(
    layouts: Sequence[TensorLayout], bases: dict[str, int], word_bits: int, size_bits: int,
    level: str,
) -> None:  # fmt: skip
    """Whether the tensors fit, and none lies in another."""
    faults = []
    spans = sorted((bases[one.name], bases[one.name] + _bits(one, word_bits), one.name)
                   for one in layouts)  # fmt: skip
    for (_, end, one), (start, _, other) in pairwise(spans):
        if start < end:
            rule = f"begins in {one}, which ends at word {end // word_bits}"
            faults.append(Fault(place=f"layout.{other}.base", value=start // word_bits, rule=rule,
                                remedy="leave the base out, and the memory places it"))  # fmt: skip
    for start, end, name in spans:
        if end > size_bits:
            rule = f"ends at bit {end}, {level} has {size_bits}"
            faults.append(Fault(place=f"layout.{name}", value=start // word_bits, rule=rule,
                                remedy="choose a larger device or more channels"))  # fmt: skip
    if faults:
        raise SpecError(faults)

"""A program executed on values: law L6 for crossbars.

Every stream goes by its own loops: what the inputs' has brought is driven, what the weights' has
written is multiplied with, and results lie where their own stream puts them.
Crossbars keep what was last written to them, cell by cell; an update writes the rows that a load
uses (or all rows, if the chip writes whole crossbars), a multiply drives the rows that its load
uses. So a step whose weights are not there computes with what is. Output tiles live in the cores'
partial-sum buffers from visit to visit; what leaves unfinished is kept in the tile's memory.

Sums are digital and exact; that they fit ``partial_sum_bits`` is reported, not enforced. Results
are not activated and not cut to ``output_bits``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.hw.reram.values import CrossbarArithmetic, Noise
from stallscope.mappings.layers import ConvLayer, GemmLayer, Shape
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.contents import Contents, checked_words
from stallscope.mappings.reram.lowering import LoweredLayer
from stallscope.simcore.errors import Fault, SpecError
from stallscope.traces.reram.cursor import Place
from stallscope.traces.reram.program import compile_crossbars
from stallscope.traces.reram.steps import Step, Visit, program_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Values = NDArray[Any]  # int64 where nothing errs, else float64

__all__ = ["ValueRun", "execute_on_values"]

_UNWRITTEN = -(1 << 40)
"""What memory holds before anything is written: reading it must not pass for a sum of zero."""
_WORD_BITS = 63
"""Bits of the largest sum that is computed exactly, without its sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRun:
    """What came of executing a program on values.

    Attributes:
        outputs: The sums, shape per rank as in the layer's problem; int64 if cells and converters
            are ideal, else float64.
        updates: Times that the weights held were replaced.
        multiplies: Matrix-vector multiplies, one per pixel, load and core at work.
        spilled_words: Partial sums that left the cores' buffers.
        refilled_words: Partial sums that came back.
        sum_bits: Bits that the largest sum at the end of a step needs, with its sign.
    """

    outputs: Values
    updates: int
    multiplies: int
    spilled_words: int
    refilled_words: int
    sum_bits: int


def execute_on_values(
    case: CrossbarCase,
    weights: NDArray[Any],
    inputs: NDArray[Any],
    *,
    noise: Noise | None = None,
    signed_inputs: bool = True,
    steps: Iterable[Step] | None = None,
) -> ValueRun:
    """Execute the program of a case on integers.

    Args:
        case: Layer, chip and schedule; ``chip.reading.adc_bits`` is the converters' resolution.
        weights: Integers of ``weight_bits``, signed, shape per rank as in the layer's problem.
        inputs: Integers of ``input_bits``, likewise, padding included.
        noise: How cells err; None: not at all.
        signed_inputs: Whether inputs are in two's complement, else unsigned.
        steps: The steps to execute; None: those of the case's program.

    Raises:
        SpecError: If the tensors do not fit the layer or their bits; all faults at once.
    """
    shape, bits = _shape(case.layer, "Inputs"), case.chip.reading.input_bits
    words, faults = checked_words("Inputs", inputs, shape, bits, is_signed=signed_inputs)
    faults += _overflow(case)
    try:
        contents = Contents(case, weights)
    except SpecError as error:
        raise SpecError([*error.faults, *faults]) from error
    if faults:
        raise SpecError(faults)
    arithmetic = CrossbarArithmetic(case.chip, noise or Noise(), is_signed=signed_inputs)
    run = _Run(case, contents, arithmetic, _stored(case.layer, words))
    for step in program_steps(compile_crossbars(case)) if steps is None else steps:
        run.execute(step)
    return run.finish()


class _Run:
    """Crossbars, buffers and memory while a program is executed."""

    def __init__(
        self,
        case: CrossbarCase,
        contents: Contents,
        arithmetic: CrossbarArithmetic,
        inputs: Integers,
    ) -> None:
        layer, chip = case.lowered, case.chip
        self._case, self._contents, self._arithmetic = case, contents, arithmetic
        self._inputs = inputs
        kind = np.int64 if arithmetic.is_exact else np.float64
        empty = (chip.slots, chip.crossbar.slices, chip.crossbar.rows, chip.crossbar.columns)
        self._cells = [np.zeros(empty) for _ in range(layer.used_cores)]
        size = (layer.images, sum(layer.blocks), layer.pixels)
        self._memory: Values = np.full(size, _UNWRITTEN, dtype=kind)
        self._results: Values = np.full(size, _UNWRITTEN, dtype=kind)
        self._brought: Place | None = None
        self._visit: Visit | None = None
        self._buffers: dict[int, Values] = {}
        self._updates = self._multiplies = self._spilled = self._refilled = self._largest = 0

    def execute(self, step: Step) -> None:
        """Do one step."""
        if step.written is not None:
            self._update(*step.written)
        if step.opened is not None:
            self._leave()
            self._enter(step.opened)
        self._brought = step.brought or self._brought
        assert self._brought is not None  # the first step brings some
        brought, layer = self._brought, self._case.lowered
        images, pixels = self._inputs[brought.image], _pixels(layer, brought)
        for core, buffer in self._buffers.items():
            block, needed = (layer.block(co, core) for co in (step.place.co, brought.co))
            assert block is not None  # only such cores have a buffer
            assert needed is not None  # no step of co has more blocks than the first
            driven = self._window(images, pixels, *self._contents.inputs(needed, brought.ko))
            at = 0
            for slot, rows in enumerate(layer.loads[step.place.ko].slots):
                cells = self._cells[core][slot, :, :rows, : layer.blocks[block]]
                buffer += self._arithmetic.multiply(cells, driven[:, at : at + rows])
                at += rows
            self._multiplies += len(pixels)
            self._largest = max(self._largest, int(np.abs(buffer).max()))

    def finish(self) -> ValueRun:
        """Write the last tile back and return everything."""
        self._leave()
        return ValueRun(
            outputs=_as_problem(self._case.layer, self._results),
            updates=self._updates,
            multiplies=self._multiplies,
            spilled_words=self._spilled,
            refilled_words=self._refilled,
            sum_bits=self._largest.bit_length() + 1,
        )

    def _update(self, co: int, ko: int) -> None:
        """Write the weights of a load into all cores that have a block."""
        self._updates += 1
        layer = self._case.lowered
        for core, cells in enumerate(self._cells):
            block = layer.block(co, core)
            if block is None:
                continue
            for slot, levels in enumerate(self._contents.levels(block, ko)):
                rows = self._arithmetic.written(self._row_levels(levels))
                cells[slot, :, : rows.shape[1]] = rows

    def _row_levels(self, levels: Integers) -> Integers:
        """The levels of all rows that are written: cells without a weight hold a zero."""
        crossbar = self._case.chip.crossbar
        used, columns = levels.shape[1:]
        rows = crossbar.rows if self._case.chip.writing.whole_crossbars else used
        written = np.empty((crossbar.slices, rows, crossbar.columns), dtype=np.int64)
        written[...] = self._contents.zero[:, None, None]
        written[:, :used, :columns] = levels
        return written

    def _enter(self, visit: Visit) -> None:
        """Start on an output tile: from zero, or from its partial sums."""
        self._visit = visit
        layer, place = self._case.lowered, visit.place
        pixels = _pixels(layer, place)
        self._buffers = {}
        for core in range(layer.used_cores):
            block = layer.block(place.co, core)
            if block is None:
                continue
            kept = self._memory[place.image, self._contents.outputs(block)][:, pixels].T
            if not visit.is_first:
                self._refilled += kept.size
            self._buffers[core] = np.zeros_like(kept) if visit.is_first else kept.copy()

    def _leave(self) -> None:
        """Write the output tile to memory, as partial sums or as results."""
        visit = self._visit
        if visit is None:
            return
        place, layer = visit.place, self._case.lowered
        target = self._results if visit.is_last else self._memory
        pixels = _pixels(layer, place)
        for core, buffer in self._buffers.items():
            block = layer.block(place.co, core)
            assert block is not None  # only such cores have a buffer
            channels = np.arange(*self._contents.outputs(block).indices(target.shape[1])[:2])
            target[place.image, channels[:, None], pixels[None, :]] = buffer.T
            self._spilled += 0 if visit.is_last else buffer.size

    def _window(
        self, image: Integers, pixels: Integers, channels: Integers, positions: Integers
    ) -> Integers:
        """What drives the rows: shape (pixels, rows); a channel that is not there drives none."""
        layer = self._case.lowered
        y, x = pixels // layer.columns * layer.stride[0], pixels % layer.columns * layer.stride[1]
        down = positions // layer.kernel[1] * layer.dilation[0]
        along = positions % layer.kernel[1] * layer.dilation[1]
        is_there = channels < len(image)
        found = image[
            np.where(is_there, channels, 0)[None, :],
            y[:, None] + down[None, :],
            x[:, None] + along[None, :],
        ]
        driven: Integers = np.where(is_there, found, 0)
        return driven


def _pixels(layer: LoweredLayer, place: Place) -> Integers:
    """Numbers of the output pixels of a place."""
    rows, columns, pixels = (
        np.arange(*each, dtype=np.int64) for each in (place.rows, place.columns, place.pixels)
    )
    return (rows[:, None, None] * layer.columns + columns[:, None] + pixels).ravel()


def _shape(layer: Shape, name: str) -> tuple[int, ...]:
    problem = layer.problem()
    tensor = next(tensor for tensor in problem.tensors if tensor.name == name)
    return tensor.tile_shape(problem.bounds)


def _stored(layer: Shape, inputs: Integers) -> Integers:
    """Inputs by image, channel of all groups, row and column."""
    match layer:
        case ConvLayer():
            return inputs.reshape(layer.N, layer.C, *inputs.shape[-2:])
        case GemmLayer():
            products = inputs.reshape(layer.batch, layer.M, layer.K).transpose(0, 2, 1)
            return products.reshape(1, layer.batch * layer.K, layer.M, 1)


def _as_problem(layer: Shape, results: Values) -> Values:
    """Results by image, channel and pixel in the shape of the layer's problem."""
    if isinstance(layer, GemmLayer):
        results = results.reshape(layer.batch, layer.N, layer.M).transpose(0, 2, 1)
    return results.reshape(_shape(layer, "Outputs"))


def _overflow(case: CrossbarCase) -> list[Fault]:
    """Whether a sum could leave 64 bits: every product of a stored weight and an input counts."""
    chip, layer = case.chip, case.lowered
    terms = layer.channels * layer.kernel[0] * layer.kernel[1]
    bits = chip.crossbar.weight_bits + chip.reading.input_bits + terms.bit_length()
    if bits <= _WORD_BITS:
        return []
    rule = f"sums of {terms} products may need {bits} bits; {_WORD_BITS} are computed exactly"
    return [Fault(place="layer", value="", rule=rule, remedy="give weights or inputs fewer bits")]

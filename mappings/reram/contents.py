"""What the cells of crossbars hold: which weight lies where, and its levels.

Rows of a load follow its filling: a kernel position per logical crossbar (strict), input channels
(a 1x1 kernel filled rigidly), or rows of the im2col matrix channel by channel (packed). A bundle
of groups lies on the diagonal of its block; cells beside it hold a weight of zero.

A weight is an integer of ``weight_bits`` in two's complement. Its levels, least significant slice
first, are the digits to the base 2^cell_bits of

* the weight plus 2^(weight_bits - 1), if weights are stored with an offset: a weight of zero is
  not the lowest level;
* its positive part, then its negative part, if they have cells of their own.

Source: ISAAC (ISCA 2016), section 5, for offset and slices.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from stallscope.mappings.layers import ConvLayer, GemmLayer, Shape
from stallscope.mappings.reram.case import CrossbarCase
from stallscope.mappings.reram.chip import LogicalCrossbar
from stallscope.mappings.reram.schedule import Filling
from stallscope.simcore.errors import Fault, SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

__all__ = ["LARGEST_BITS", "Contents", "checked_words", "levels_of"]

LARGEST_BITS = 32
"""Bits of the widest weights and inputs whose products are computed."""


def levels_of(weights: Integers, crossbar: LogicalCrossbar) -> Integers:
    """Return the levels of weights.

    Args:
        weights: Integers of ``crossbar.weight_bits``, any shape.
        crossbar: How they are stored.

    Returns:
        Shape (crossbar.slices, *weights.shape), each below 2^cell_bits.
    """
    parts = (
        (np.maximum(weights, 0), np.maximum(-weights, 0))
        if crossbar.is_differential
        else (weights + (1 << crossbar.weight_bits - 1),)
    )
    digits = -(-crossbar.weight_bits // crossbar.cell_bits)
    mask = (1 << crossbar.cell_bits) - 1
    return np.stack(
        [part >> crossbar.cell_bits * digit & mask for part in parts for digit in range(digits)]
    )


def checked_words(
    name: str, given: NDArray[Any], shape: tuple[int, ...], bits: int, *, is_signed: bool
) -> tuple[Integers, list[Fault]]:
    """Check one tensor of integers: its shape, type and range.

    Args:
        name: Of the tensor.
        given: The words.
        shape: What the layer needs.
        bits: Bits of a word.
        is_signed: Whether words are in two's complement.

    Returns:
        The words, int64, and what is wrong with them.
    """
    words = np.asarray(given)
    faults = []
    if bits > LARGEST_BITS:
        faults.append(Fault(place=f"tensors.{name}", value=f"{bits} bits",
                            rule=f"values are computed up to {LARGEST_BITS} bits"))  # fmt: skip
    if words.shape != shape:
        faults.append(Fault(place=f"tensors.{name}.shape", value=words.shape,
                            rule=f"the layer needs {shape}"))  # fmt: skip
    if not np.issubdtype(words.dtype, np.integer):
        faults.append(Fault(place=f"tensors.{name}.dtype", value=words.dtype,
                            rule="must be integer"))  # fmt: skip
    if faults or not words.size:
        return np.zeros(shape, dtype=np.int64), faults
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
    low, high = int(words.min()), int(words.max())
    if low < least or high > most:
        kind = "signed" if is_signed else "unsigned"
        faults.append(
            Fault(place=f"tensors.{name}", value=low if low < least else high,
                  rule=f"{kind} words of {bits} bits lie in {least} ... {most}",
                  remedy="quantise it, or give more bits")
        )  # fmt: skip
    return words.astype(np.int64), faults


class Contents:
    """The weights of a layer as they lie in crossbars."""

    def __init__(self, case: CrossbarCase, weights: NDArray[Any]) -> None:
        """Take the weights of a case.

        Args:
            case: The case.
            weights: Integers of ``chip.crossbar.weight_bits``, shape per rank as in the layer's
                problem: (K, C, R, S), (G, K/G, C/G, R, S), (K, N) or (B, K, N).

        Raises:
            SpecError: If they have another shape or type, or do not fit their bits.
        """
        bits = case.chip.crossbar.weight_bits
        problem = case.layer.problem()
        shape = next(t for t in problem.tensors if t.name == "Weights").tile_shape(problem.bounds)
        words, faults = checked_words("Weights", weights, shape, bits, is_signed=True)
        if faults:
            raise SpecError(faults)
        self._case = case
        self._matrix = _by_output(case.layer, words)
        self._starts = (0, *accumulate(case.lowered.blocks))
        self.zero: Integers = levels_of(np.zeros((), dtype=np.int64), case.chip.crossbar)
        """Levels of a weight of zero, one per slice: what cells without a weight are set to."""

    def outputs(self, block: int) -> slice:
        """Output channels of a column block."""
        return slice(self._starts[block], self._starts[block + 1])

    def inputs(self, block: int, load: int) -> tuple[Integers, Integers]:
        """Return what drives the rows of a load for a block, its crossbars one after another.

        Returns:
            Input channel and kernel position of every row; a channel past the last of the layer
            (a bundle that is not full) drives nothing.
        """
        layer = self._case.lowered
        channels, positions = self._rows(load)
        return channels + layer.owners[block] * layer.channels, positions

    def weights(self, block: int, load: int) -> Integers:
        """Weights of a block, shape (rows of the load, columns of the block)."""
        layer = self._case.lowered
        outputs = np.arange(self._starts[block], self._starts[block + 1])
        channels, positions = self.inputs(block, load)
        found = self._matrix[
            outputs[None, :], (channels % layer.group_channels)[:, None], positions[:, None]
        ]
        per_group = len(self._matrix) // layer.groups
        is_of_group = (channels // layer.group_channels)[:, None] == outputs[None, :] // per_group
        kept: Integers = np.where(is_of_group, found, 0)
        return kept

    def levels(self, block: int, load: int) -> tuple[Integers, ...]:
        """Levels of a block per logical crossbar, shape (slices, used rows, columns)."""
        levels = levels_of(self.weights(block, load), self._case.chip.crossbar)
        edges = (0, *accumulate(self._case.lowered.loads[load].slots))
        return tuple(levels[:, first:end] for first, end in pairwise(edges))

    def _rows(self, load: int) -> tuple[Integers, Integers]:
        """Channel of the bundle and kernel position of every row of a load."""
        layer = self._case.lowered
        kernel = layer.kernel[0] * layer.kernel[1]
        piece = layer.loads[load]
        if self._case.schedule.filling is Filling.PACKED and layer.bundle == 1:
            first = sum(before.rows for before in layer.loads[:load])
            rows = np.arange(first, first + piece.rows, dtype=np.int64)
            return rows // kernel, rows % kernel
        channels = np.arange(*piece.channels, dtype=np.int64)
        positions = np.arange(*piece.kernel, dtype=np.int64)
        return np.tile(channels, len(positions)), np.repeat(positions, len(channels))


def _by_output(layer: Shape, weights: Integers) -> Integers:
    """Weights by output channel, input channel of its group and kernel position."""
    match layer:
        case ConvLayer():
            return weights.reshape(layer.K, layer.C // layer.groups, layer.R * layer.S)
        case GemmLayer():
            products = weights.reshape(layer.batch, layer.K, layer.N).transpose(0, 2, 1)
            return products.reshape(layer.batch * layer.N, layer.K, 1)

"""From the order in which frameworks store an array to the problem's own order of its ranks.

An order is a string of letters, one per axis, outermost first: O and I are output and input
channels, N (the same as O) is the batch of activations, C the same as I, H and W are rows and
columns, G is a group of channels. Torch stores OIHW, OI and NCHW, Keras HWIO, IO and NHWC. Where
the problem has groups and an order has no G, the outputs' channels of weights, and the channels of
activations, are those of all groups, one group after the other.

What a rank of an operand is follows from the problem: a dimension that both operands and the output
have is a group, one that only the output shares is O, one that only the other operand shares is I,
and a rank on which windows slide is a row or column.

Not modelled: orders of outputs, and of problems with any other number of tensors than three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.fields import nearest
from stallscope.mappings.problem import Problem, Tensor, Term
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["FRAMEWORKS", "OWN", "arranged"]

Array = NDArray[Any]  # Any: whatever numbers a file holds

OWN = "own"
"""The order of the problem's ranks."""
FRAMEWORKS = ("torch", "keras")
"""Whose orders are known by name."""

_AXES = {0: "", 1: "W", 2: "HW", 3: "DHW"}
_SYNONYMS = str.maketrans("NC", "OI")
_LETTERS = "GOIDHW"


def arranged(
    array: Array,
    problem: Problem,
    tensor: str,
    order: str,
    *,
    padding: Sequence[int] = (),
    place: str = "array",
    source: str = "",
) -> Array:
    """Bring an array into the order of a tensor's ranks.

    Args:
        array: The array, any type.
        problem: The problem whose tensor it is.
        tensor: The tensor's name.
        order: ``own``, ``torch``, ``keras``, or letters such as ``OIHW``.
        padding: Zeros added on each side of rows and of columns, or of as many ranks as slide.
        place: Path of the operand, for faults.
        source: Where the array comes from, for faults.

    Returns:
        The array as the tensor stores it, shape ``tensor.tile_shape(bounds)``. Rows and columns at
        the end that no window reaches are cut, if they are fewer than a step of the windows.

    Raises:
        SpecError: If the array does not have that shape in this order; if the order is none, or
            cannot be known for this tensor.
    """
    spec = problem.tensor(tensor)
    shape = spec.tile_shape(problem.bounds)
    given = f"{_by(array.shape)}{f' ({source})' if source else ''}"
    if order == OWN and not padding and array.shape == shape:
        return array
    stored = f"{tensor} is stored as {_by(shape)}"
    ranks = _Ranks.of(problem, spec, padding)
    if ranks is None:
        rule = f"{stored}; which rank is which channel, row or column is not known"
        remedy = "bring the array into that order, padded, and leave layout and padding out"
        raise SpecError([Fault(place=place, value=given, rule=rule, remedy=remedy)])
    orders = ranks.orders(order, array.ndim)
    if orders is None:
        rule = f"{order} is no order of axes"
        remedy = nearest(order, (OWN, *FRAMEWORKS, "OIHW", "HWIO", "NCHW", "NHWC"))
        raise SpecError([Fault(place=place, value=given, rule=rule, remedy=remedy)])
    for one in orders:
        fitted = ranks.fitted(array, one)
        if fitted is not None:  # a second one that fits differs in axes of one word only
            return fitted
    needs = ", ".join(f"{one} needs {_by(ranks.needs(one))}" for one in orders)
    rule = stored + (f": {needs}" if needs else "")
    remedy = "look at the entry, the layout and the padding"
    raise SpecError([Fault(place=place, value=given, rule=rule, remedy=remedy)])


def _by(shape: Sequence[int]) -> str:
    return " x ".join(str(size) for size in shape) or "one number"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranks:
    """The ranks of an operand by their letters.

    Attributes:
        sizes: Words per rank, in the tensor's order.
        steps: Words from one window to the next, per rank on which windows slide.
        padding: Zeros to add on each side, per letter.
        is_activation: Whether the channels that groups have each are I; else O.
    """

    sizes: dict[str, int]
    steps: dict[str, int]
    padding: dict[str, int]
    is_activation: bool

    @classmethod
    def of(cls, problem: Problem, tensor: Tensor, padding: Sequence[int]) -> _Ranks | None:
        """The ranks of a tensor; None if it is not known what they are."""
        others = [one for one in problem.tensors if not one.is_output and one != tensor]
        if tensor.is_output or len(others) != 1:
            return None
        kinds = [_kind(rank, others[0], problem.output) for rank in tensor.ranks]
        is_activation = tensor.name == "Inputs" or any(len(rank) > 1 for rank in tensor.ranks)
        is_activation = is_activation or kinds.count("O") > 1
        letters = _named(kinds)
        if letters is None or len(padding) not in (0, sum(letter in "DHW" for letter in letters)):
            return None
        moving = [letter for letter in letters if letter in "DHW"]
        return cls(
            sizes=dict(zip(letters, tensor.tile_shape(problem.bounds), strict=True)),
            steps={
                letter: term.coefficient
                for letter, rank in zip(letters, tensor.ranks, strict=True)
                if len(rank) > 1
                for term in rank
                if term.dimension in problem.output.dimensions
            },
            padding=dict(zip(moving, padding, strict=False)),
            is_activation=is_activation,
        )

    @property
    def _of_all_groups(self) -> str:
        """The channels that an order without G has of all groups."""
        return "I" if self.is_activation else "O"

    def orders(self, order: str, axes: int) -> list[str] | None:
        """The orders that a word stands for, for an array of so many axes; None if it is none."""
        if order == OWN:
            return ["".join(self.sizes)]
        spatial = _AXES.get(axes - 2)
        if order in FRAMEWORKS and spatial is None:
            return []
        if order == "torch":
            return [f"OI{spatial}"]
        if order == "keras":
            return [f"O{spatial}I"] if self.is_activation else [f"{spatial}IO", f"{spatial}GO"]
        letters = order.upper().translate(_SYNONYMS)
        if set(letters) - set(_LETTERS) or len(set(letters)) != len(letters):
            return None
        return [letters]

    def needs(self, order: str) -> tuple[int, ...]:
        """The shape that an array in this order must have; padding is still to come."""
        sizes = dict(self.sizes)
        if "G" in sizes and "G" not in order:
            sizes[self._of_all_groups] = sizes["G"] * sizes.get(self._of_all_groups, 1)
        return tuple(sizes.get(axis, 1) - 2 * self.padding.get(axis, 0) for axis in order)

    def fitted(self, array: Array, order: str) -> Array | None:
        """The array in the tensor's order; None if it does not have the shape for it."""
        left = set(self.sizes) - set(order) - ({"G"} if self._of_all_groups in order else set())
        if len(order) != array.ndim or any(self.sizes[letter] > 1 for letter in left):
            return None
        for axis, needed, size in zip(order, self.needs(order), array.shape, strict=True):
            if not needed <= size < needed + self.steps.get(axis, 1):
                return None
        margins = [self.padding.get(axis, 0) for axis in order]
        if any(margins):
            array = np.pad(array, [(margin, margin) for margin in margins])
        ends = [needed + 2 * margin
                for needed, margin in zip(self.needs(order), margins, strict=True)]  # fmt: skip
        array = array[tuple(slice(end) for end in ends)]  # what no window reads comes last
        axes = order
        if "G" in self.sizes and "G" not in order:
            at = order.index(self._of_all_groups)
            each = self.sizes.get(self._of_all_groups, 1)
            array = array.reshape(*array.shape[:at], self.sizes["G"], each, *array.shape[at + 1 :])
            axes = f"{order[:at]}G{order[at:]}"
        here = [axis for axis in axes if axis in self.sizes]
        array = array.reshape([size for axis, size in zip(axes, array.shape, strict=True)
                               if axis in self.sizes])  # fmt: skip
        moved = np.transpose(array, [here.index(axis) for axis in self.sizes if axis in here])
        return moved.reshape(tuple(self.sizes.values()))


def _kind(rank: Sequence[Term], other: Tensor, output: Tensor) -> str:
    """What a rank of an operand is: O, I, G, S for rows and columns, or nothing known."""
    if len(rank) != 1:
        return "S" if rank else ""
    name = rank[0].dimension
    if name in output.dimensions:
        return "G" if name in other.dimensions else "O"
    sums = [len(one) for one in other.ranks for term in one if term.dimension == name]
    return "" if not sums else "I" if max(sums) == 1 else "S"


def _named(kinds: list[str]) -> tuple[str, ...] | None:
    """A letter per rank; None if there is none, or two are alike."""
    plain = [at for at, kind in enumerate(kinds) if kind == "O"]
    moving = [at for at, kind in enumerate(kinds) if kind == "S"]
    if len(plain) > 1 and not moving:  # windows of one word: rows and columns are the outputs'
        moving = plain[len(plain) % 2 :]
    axes = _AXES.get(len(moving))
    if axes is None:
        return None
    letters = list(kinds)
    for at, letter in zip(moving, axes, strict=True):
        letters[at] = letter
    return tuple(letters) if all(letters) and len(set(letters)) == len(letters) else None

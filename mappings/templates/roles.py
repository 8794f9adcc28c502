"""Which tensor is what in a contraction of two operands, and which dimensions play which part.

Nothing follows from the names of dimensions. A dimension belongs to the pixels when inputs and
outputs have it, to the columns when weights and outputs have it, to the reduction when both
operands have it and the outputs do not, to the groups when all three have it. One that has a
single index plays no part.

The operand with windows (a rank of more than one term, as declared) is the inputs. Where neither
has one, the operand called ``Weights`` is the weights; where none is called so, the operand that
the problem declares first is the inputs: ``A`` of ``A x B``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from stallscope.mappings.dataflow import Dataflow
from stallscope.mappings.problem import Problem, Tensor
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Roles", "roles_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The parts that tensors and dimensions play; dimensions of one index are left out.

    Attributes:
        inputs: The operand that shares the pixels with the outputs.
        weights: The operand that shares the columns with the outputs.
        outputs: The result.
        bounds: Bound of every dimension below.
        groups: Dimensions of all three tensors.
        pixels: Those of inputs and outputs, in the order of the outputs' ranks.
        columns: Those of weights and outputs, likewise (output channels).
        reduction: Those of the operands alone; those of windows last.
        is_windowed: Whether inputs have a rank in which two dimensions move.
    """

    inputs: Tensor
    weights: Tensor
    outputs: Tensor
    bounds: dict[str, int]
    groups: tuple[str, ...]
    pixels: tuple[str, ...]
    columns: tuple[str, ...]
    reduction: tuple[str, ...]
    is_windowed: bool

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, weights, outputs."""
        return (self.inputs, self.weights, self.outputs)

    @property
    def is_strided(self) -> bool:
        """Whether a tile of inputs has holes or overlaps, so that it is no block of a matrix."""
        moving = [[t for t in rank if self.bounds.get(t.dimension, 1) > 1]
                  for rank in self.inputs.ranks]  # fmt: skip
        return self.is_windowed or any(term.coefficient > 1 for rank in moving for term in rank)

    def kept(self, dataflow: Dataflow) -> Tensor:
        """The tensor that a data flow keeps in the registers."""
        return {
            Dataflow.OS: self.outputs, Dataflow.WS: self.weights, Dataflow.IS: self.inputs
        }[dataflow]  # fmt: skip

    def axes(self, dataflow: Dataflow) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Dimensions on the rows, on the columns, and of the stream, of a data flow."""
        return {
            Dataflow.OS: (self.pixels, self.columns, self.reduction),
            Dataflow.WS: (self.reduction, self.columns, self.pixels),
            Dataflow.IS: (self.reduction, self.pixels, self.columns),
        }[dataflow]

    def size(self, dimensions: tuple[str, ...]) -> int:
        """Product of the bounds of some dimensions."""
        return prod(self.bounds[name] for name in dimensions)


def roles_of(problem: Problem) -> Roles:
    """Find the parts in a problem.

    Raises:
        SpecError: The problem is no product of two operands summed over what they share.
    """
    operands = [tensor for tensor in problem.tensors if not tensor.is_output]
    if len(operands) != 2:
        shown = ", ".join(tensor.name for tensor in problem.tensors)
        rule = "a template maps a product of two operands"
        remedy = "write the mapping by hand, or split the problem"
        raise SpecError([Fault(place="problem.tensors", value=shown, rule=rule, remedy=remedy)])
    inputs, weights = _operands(operands)
    bounds = {name: bound for name, bound in problem.bounds.items() if bound > 1}
    _check(bounds, inputs, weights, problem.output)
    parts = _parts(bounds, inputs, weights, problem.output)
    moving = [{term.dimension for term in rank if term.dimension in bounds}
              for rank in inputs.ranks]  # fmt: skip
    windows = {name for rank in moving if len(rank) > 1 for name in rank}
    return Roles(
        inputs=inputs, weights=weights, outputs=problem.output, bounds=bounds,
        groups=parts[0], pixels=parts[1], columns=parts[2],
        reduction=tuple(sorted(parts[3], key=lambda name: name in windows)),
        is_windowed=bool(windows),
    )  # fmt: skip


def _operands(operands: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return inputs and weights."""
    first, second = operands
    windowed = [any(len(rank) > 1 for rank in tensor.ranks) for tensor in operands]
    if all(windowed):
        rule = "both operands have windows, a template knows them of the inputs alone"
        shown = f"{first.name}, {second.name}"
        remedy = "give one of them plain dimensions"
        raise SpecError([Fault(place="problem.tensors", value=shown, rule=rule, remedy=remedy)])
    if any(windowed):
        return (first, second) if windowed[0] else (second, first)
    return (second, first) if first.name.lower() == "weights" else (first, second)


def _check(bounds: dict[str, int], inputs: Tensor, weights: Tensor, outputs: Tensor) -> None:
    """Refuse dimensions that play none of the parts, and windows on the weights' side."""
    faults = []
    for name in bounds:
        owners = [tensor.name for tensor in (inputs, weights, outputs) if name in tensor.dimensions]
        if len(owners) < 2:
            rule = f"belongs to {' and '.join(owners) or 'no tensor'} alone: no part of a product"
            remedy = "sum or repeat it in a layer of its own"
            faults.append(Fault(place=f"problem.dimensions.{name}", value=bounds[name], rule=rule,
                                remedy=remedy))  # fmt: skip
    for tensor in (weights, inputs, outputs):
        names = [term.dimension for rank in tensor.ranks for term in rank]
        twice = sorted({name for name in names if name in bounds and names.count(name) > 1})
        if twice:
            rule = f"{', '.join(twice)} stands in two places of {tensor.name}: a diagonal"
            remedy = "write the mapping by hand"
            faults.append(Fault(place=f"problem.tensors.{tensor.name}", value="", rule=rule,
                                remedy=remedy))  # fmt: skip
    if faults:
        raise SpecError(faults)


def _parts(
    bounds: dict[str, int], inputs: Tensor, weights: Tensor, outputs: Tensor
) -> tuple[tuple[str, ...], ...]:
    """Return groups, pixels, columns and reduction, in the order of the tensors' own ranks."""
    ranked = [term.dimension for tensor in (outputs, weights) for rank in tensor.ranks
              for term in rank]  # fmt: skip
    order = [name for name in dict.fromkeys(ranked) if name in bounds]
    found: dict[tuple[bool, bool, bool], list[str]] = {}
    for name in order:
        key = tuple(name in tensor.dimensions for tensor in (inputs, weights, outputs))
        found.setdefault((key[0], key[1], key[2]), []).append(name)
    kinds = ((True, True, True), (True, False, True), (False, True, True), (True, True, False))
    return tuple(tuple(found.get(kind, ())) for kind in kinds)

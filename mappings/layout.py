"""Where tensors live in main memory: order of ranks, padding of rows, first word.

A tensor is stored with its ranks nested in some order, the last one contiguous. Rows of the last
rank may be padded to a multiple of some words; a tensor may be told where to begin. What is not
said is dense, in the problem's order of ranks, at a place the memory chooses.
"""

from __future__ import annotations

from math import prod

from pydantic import Field, model_validator

from stallscope.mappings.fields import nearest
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.spec import Name, Spec
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Layout", "TensorPlace", "check_layout", "rank_order", "strides_of"]


class TensorPlace(Spec):
    """Where one tensor lives in main memory.

    Attributes:
        tensor: The tensor.
        order: Ranks from the slowest to the contiguous one, each named by a dimension that only
            it depends on; None: as the problem declares them.
        row_words: Rows of the contiguous rank begin at multiples of so many words.
        base_words: Word at which the tensor begins; None: the memory places it.
    """

    tensor: Name
    order: tuple[Name, ...] | None = None
    row_words: int = Field(default=1, ge=1)
    base_words: int | None = Field(default=None, ge=0)


class Layout(Spec):
    """Places of tensors; those not listed are dense and placed by the memory."""

    tensors: tuple[TensorPlace, ...] = ()

    def of(self, tensor: str) -> TensorPlace:
        """Return the place of a tensor."""
        found = (place for place in self.tensors if place.tensor == tensor)
        return next(found, TensorPlace(tensor=tensor))

    @model_validator(mode="after")
    def _once(self) -> Layout:
        names = [place.tensor for place in self.tensors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is placed twice")
        return self


def check_layout(problem: Problem, layout: Layout) -> None:
    """Check a layout against the problem whose tensors it places.

    Raises:
        SpecError: A tensor that the problem does not have, an order that does not name every
            rank once; every fault.
    """
    faults = []
    tensors = {tensor.name: tensor for tensor in problem.tensors}
    for place in layout.tensors:
        tensor = tensors.get(place.tensor)
        if tensor is None:
            faults.append(Fault(place=f"layout.{place.tensor}", value="",
                                rule=f"the problem has no tensor {place.tensor}",
                                remedy=nearest(place.tensor, tensors)))  # fmt: skip
            continue
        try:
            rank_order(tensor, place.order)
        except ValueError as error:
            shown = "[" + ", ".join(place.order or ()) + "]"
            faults.append(Fault(place=f"layout.{place.tensor}.order", value=shown,
                                rule=str(error), remedy=_orderable(tensor)))  # fmt: skip
    if faults:
        raise SpecError(faults)


def _orderable(tensor: Tensor) -> str:
    """Say by which dimensions each rank may be named."""
    names = []
    for rank in tensor.ranks:
        others = [term.dimension for other in tensor.ranks if other is not rank for term in other]
        names.append(" or ".join(t.dimension for t in rank if t.dimension not in others))
    if "" in names:
        return "leave it out: some rank has no dimension of its own to be named by"
    return "its ranks are " + ", ".join(names)


def rank_order(tensor: Tensor, order: tuple[str, ...] | None) -> tuple[int, ...]:
    """Numbers of a tensor's ranks, slowest first.

    Raises:
        ValueError: If the names do not tell every rank once.
    """
    if order is None:
        return tuple(range(len(tensor.ranks)))
    numbers = []
    for name in order:
        ranks = [at for at, rank in enumerate(tensor.ranks) if name in {t.dimension for t in rank}]
        if len(ranks) != 1:
            raise ValueError(f"{name} names {len(ranks)} ranks of {tensor.name}, must name one")
        numbers.append(ranks[0])
    if sorted(numbers) != list(range(len(tensor.ranks))):
        raise ValueError(f"must name each of the {len(tensor.ranks)} ranks of {tensor.name} once")
    return tuple(numbers)


def strides_of(tensor: Tensor, shape: tuple[int, ...], place: TensorPlace) -> tuple[int, ...]:
    """Words from one coordinate of each rank to the next.

    Args:
        tensor: The tensor.
        shape: Words per rank.
        place: Its place.

    Raises:
        ValueError: As `rank_order`.
    """
    order = rank_order(tensor, place.order)
    sizes = [shape[rank] for rank in order]
    if sizes:
        sizes[-1] = -(-sizes[-1] // place.row_words) * place.row_words
    strides = [0] * len(shape)
    for at, rank in enumerate(order):
        strides[rank] = prod(sizes[at + 1 :])
    return tuple(strides)

"""The problem: named dimensions with bounds, and tensors as affine projections of them.

A tensor's rank is a sum of ``coefficient x dimension`` terms: a convolution's input column is
``Wstride x P + Wdilation x R``. A tile spans the bounding box of its iterations in every rank, so
holes made by stride or dilation are stored, moved and counted (as Timeloop does).

Not modelled: an output whose rank has more than one term.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod

from pydantic import Field, model_validator

from stallscope.mappings.spec import Name, Spec

__all__ = ["Dimension", "Problem", "Tensor", "Term"]


class Dimension(Spec):
    """One loop variable of the problem: ``name`` runs over 0 .. ``bound`` - 1."""

    name: Name
    bound: int = Field(ge=1)


class Term(Spec):
    """One summand of a rank: ``coefficient`` (words per step) times a dimension."""

    dimension: Name
    coefficient: int = Field(default=1, ge=1)


class Tensor(Spec):
    """An operand or the result.

    Attributes:
        name: The tensor's name, as used by the mapping's keep lists.
        ranks: Per rank, the terms that sum to its coordinate. A scalar has none.
        is_output: Whether the tensor is read and updated (partial sums).
        word_bits: Bits of one word, or None for the storage level's word.
    """

    name: Name
    ranks: tuple[tuple[Term, ...], ...]
    is_output: bool = False
    word_bits: int | None = Field(default=None, ge=1)

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """Names of the dimensions the tensor depends on."""
        return frozenset(term.dimension for rank in self.ranks for term in rank)

    def tile_shape(self, extents: Mapping[str, int]) -> tuple[int, ...]:
        """Words per rank of the bounding box of ``extents`` iterations per dimension."""
        return tuple(
            1 + sum(term.coefficient * (extents[term.dimension] - 1) for term in rank)
            for rank in self.ranks
        )

    def tile_words(self, extents: Mapping[str, int]) -> int:
        """Words of the bounding box of ``extents`` iterations per dimension."""
        return prod(self.tile_shape(extents))

    def origin(self, position: Mapping[str, int]) -> tuple[int, ...]:
        """Coordinates, per rank, of the iteration at ``position``; absent dimensions are 0."""
        return tuple(
            sum(term.coefficient * position.get(term.dimension, 0) for term in rank)
            for rank in self.ranks
        )


class Problem(Spec):
    """Dimensions and tensors of one layer; one multiply-accumulate per iteration."""

    name: Name = "problem"
    dimensions: tuple[Dimension, ...] = Field(min_length=1)
    tensors: tuple[Tensor, ...] = Field(min_length=1)

    @cached_property
    def bounds(self) -> dict[str, int]:
        """Bound of every dimension, in the order of their declaration."""
        return {dimension.name: dimension.bound for dimension in self.dimensions}

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the whole problem."""
        return prod(self.bounds.values())

    @cached_property
    def output(self) -> Tensor:
        """The tensor that is written."""
        return next(tensor for tensor in self.tensors if tensor.is_output)

    def tensor(self, name: str) -> Tensor:
        """Return the tensor called ``name``; KeyError if there is none."""
        for tensor in self.tensors:
            if tensor.name == name:
                return tensor
        raise KeyError(name)

    @model_validator(mode="after")
    def _consistent(self) -> Problem:
        bounds = [dimension.name for dimension in self.dimensions]
        names = [tensor.name for tensor in self.tensors]
        for what, listed in (("dimension", bounds), ("tensor", names)):
            twice = sorted({name for name in listed if listed.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {', '.join(twice)} is declared twice")
        for tensor in self.tensors:
            unknown = sorted(tensor.dimensions - set(bounds))
            if unknown:
                raise ValueError(f"tensor {tensor.name} uses undeclared {', '.join(unknown)}")
        outputs = [tensor for tensor in self.tensors if tensor.is_output]
        if len(outputs) != 1:
            raise ValueError(f"needs exactly one output (read-write) tensor, has {len(outputs)}")
        for rank in outputs[0].ranks:
            if len(rank) != 1 or rank[0].coefficient != 1:
                raise ValueError(f"output {outputs[0].name} needs one plain dimension per rank")
        return self

"""Sparseloop's runs as cases of our own: problem, levels, mapping; and the densities they state.

A run names its levels (innermost first, MACs in front), their bandwidths and which tensors they
hold, and the loops from outermost to innermost. Words are 8 bits wide (16 in Eyeriss).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, prod

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.mapping import LevelMapping, Loop
from stallscope.mappings.mapping import Mapping as NestMapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.levels import (
    Dense,
    Density,
    Hypergeometric,
    Structured,
)
from stallscope.validation.documents import Json

__all__ = [
    "built",
    "conv_tensors",
    "gemm_tensors",
    "is_compressed",
    "of_words",
    "pointwise_tensors",
]


def gemm_tensors() -> tuple[Tensor, ...]:
    """Tensors of Z[m, n] = sum over k of A[m, k] x B[k, n]."""
    return (
        _tensor("A", ("M", "K")), _tensor("B", ("K", "N")), _tensor("Z", ("M", "N"), output=True)
    )  # fmt: skip


def pointwise_tensors() -> tuple[Tensor, ...]:
    """Tensors of a 1 x 1 convolution of an E x F image, C to M channels."""
    return (
        _tensor("Weights", ("M", "C")),
        _tensor("Inputs", ("F", "E", "C")),
        _tensor("Outputs", ("F", "E", "M"), output=True),
    )


def conv_tensors(strides: Mapping[str, int]) -> tuple[Tensor, ...]:
    """Tensors of a convolution.

    Args:
        strides: Stride and dilation by Timeloop's names: Wstride, Wdilation, Hstride, Hdilation.
    """
    width = _sum("P", strides["Wstride"], "R", strides["Wdilation"])
    height = _sum("Q", strides["Hstride"], "S", strides["Hdilation"])
    return (
        _tensor("Weights", ("C", "M", "R", "S")),
        Tensor(name="Inputs", ranks=(_plain("N"), _plain("C"), width, height)),
        _tensor("Outputs", ("N", "M", "Q", "P"), output=True),
    )


def built(run: Json, tensors: Sequence[Tensor], word_bits: int) -> Case:
    """A run as a case.

    Bounds are the products of the run's own loops: a mapper may have padded the layer.

    Args:
        run: ``levels`` and ``mapping_outer_to_inner``.
        tensors: The problem's tensors.
        word_bits: Bits of a word at every level.
    """
    mapped = run["mapping_outer_to_inner"]
    bounds: dict[str, int] = {name: 1 for one in tensors for name in sorted(one.dimensions)}
    for entry in mapped:
        for loop in entry["loops_outer_to_inner"]:
            bounds[loop["dim"]] *= loop["bound"]
    storage, compute = [], 1
    for entry in mapped:
        level = run["levels"][entry["level"]]
        storage.append(_level(entry["level"], level, compute, word_bits))
        compute *= prod(
            loop["bound"] for loop in entry["loops_outer_to_inner"] if loop.get("spatial")
        )
    dimensions = tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items())
    return Case(
        problem=Problem(dimensions=dimensions, tensors=tuple(tensors)),
        architecture=Architecture(
            levels=tuple(storage), compute=ComputeLevel(name="MAC", instances=compute)
        ),
        mapping=NestMapping(levels=tuple(_mapped(entry, run["levels"]) for entry in mapped)),
        rules=Rules(reuse=Reuse.TIMELOOP, link_transfers=False),
    )


def is_compressed(levels: Json, tensor: str) -> bool:
    """Whether any level of a run stores a tensor compressed: else its zeros are words."""
    forms = (level["tensors"].get(tensor, {}).get("format") for level in levels.values())
    return any(form not in (None, "none") for form in forms)


def of_words(distribution: str, share: float, words: int) -> Density:
    """A density by the name the reference gives it.

    Args:
        distribution: ``hypergeometric`` or ``fixed-structured``.
        share: Share of the words that are not zero.
        words: Words of the tensor.
    """
    if share >= 1:
        return Dense()
    if distribution == "hypergeometric":
        return Hypergeometric(total=words, nonzero=ceil(share * words - 1e-9 * words))
    return Structured(share=share)


def _level(name: str, level: Json, instances: int, word_bits: int) -> StorageLevel:
    return StorageLevel(
        name=name,
        instances=instances,
        word_bits=word_bits,
        read_words_per_cycle=_width(level.get("Read bandwidth")),
        write_words_per_cycle=_width(level.get("Write bandwidth")),
    )


def _width(value: object) -> Fraction | None:
    return None if value in (None, "-") else Fraction(str(value))


def _mapped(entry: Json, levels: Json) -> LevelMapping:
    loops: Iterable[Json] = entry["loops_outer_to_inner"]
    by_axis: dict[str | None, list[Loop]] = {None: [], "Y": [], "X": []}
    for loop in loops:
        by_axis[loop.get("spatial")].append(Loop(dimension=loop["dim"], extent=loop["bound"]))
    return LevelMapping(
        level=entry["level"],
        temporal=tuple(by_axis[None]),
        spatial_y=tuple(by_axis["Y"]),
        spatial_x=tuple(by_axis["X"]),
        keep=tuple(levels[entry["level"]]["tensors"]),
    )


def _tensor(name: str, dimensions: Sequence[str], *, output: bool = False) -> Tensor:
    return Tensor(name=name, ranks=tuple(_plain(one) for one in dimensions), is_output=output)


def _plain(dimension: str) -> tuple[Term, ...]:
    return (Term(dimension=dimension),)


def _sum(one: str, by: int, other: str, by_other: int) -> tuple[Term, ...]:
    return (Term(dimension=one, coefficient=by), Term(dimension=other, coefficient=by_other))

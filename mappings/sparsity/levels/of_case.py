"""A case with zeros, as the expected-value model sees it: what to expect of any drawing.

The same design (formats of levels, PEs that skip or gate), the same distributions, no seed. Words
anywhere become `Hypergeometric`, n of m `Structured`; densities per channel, blocks and given
zeros are counted tile by tile on the mask itself (`ActualData`), as no closed form is exact.

At the innermost levels, accesses are those of the steps that are executed; of an operand that is
stored compressed and not skipped on, only the words that are stored.

Not modelled: PEs that wait for each other; decoders; MACs in lock step below one PE (refused where
they skip); how tiles' metadata are rounded up.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from stallscope.mappings.case import Case
from stallscope.mappings.nest import Nest
from stallscope.mappings.problem import Tensor
from stallscope.mappings.sparsity.hardware import Format
from stallscope.mappings.sparsity.levels.actions import Act, Action
from stallscope.mappings.sparsity.levels.densities import (
    ActualData,
    Density,
    Hypergeometric,
    Structured,
)
from stallscope.mappings.sparsity.levels.design import Design, LevelFormat
from stallscope.mappings.sparsity.levels.model import LevelsEstimate, estimate_levels
from stallscope.mappings.sparsity.masks import draw, kept_words, sparsity_faults
from stallscope.mappings.sparsity.operands import Distribution, Operand
from stallscope.mappings.walk import Walk
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["densities_of", "design_of", "expected_levels"]


def expected_levels(case: Case, *, walk: Walk = Walk.FULL) -> LevelsEstimate:
    """Estimate a case with its own zeros and its own hardware.

    Args:
        case: A legal case.
        walk: How the dense words are counted, see `analyze`.

    Raises:
        SpecError: If the zeros do not suit the tensors, or PEs of several MACs skip.
    """
    return estimate_levels(case, design_of(case), densities_of(case), walk=walk)


def densities_of(case: Case) -> dict[str, Density]:
    """What is known of the words of the tensors that are not dense.

    Raises:
        SpecError: If the zeros do not suit the tensors.
    """
    faults = sparsity_faults(case.problem, case.sparsity)
    if faults:
        raise SpecError(faults)
    bounds = case.problem.bounds
    return {
        one.tensor: _density(case.problem.tensor(one.tensor), bounds, one)
        for one in case.sparsity.operands
    }


def design_of(case: Case) -> Design:
    """What the case's hardware does about zeros.

    Raises:
        SpecError: If PEs of several MACs skip: those wait for each other at every step.
    """
    sparse = case.architecture.compute.sparse
    formats = tuple(
        LevelFormat(level=level.name, tensor=form.tensor, form=form)
        for level in case.architecture.levels
        for form in level.formats
        if form.format is not Format.UNCOMPRESSED
    )
    if sparse is None or not (sparse.skips or sparse.gates):
        return Design(formats=formats)
    if Nest(case).blocks[-1].fanout > 1 and sparse.skips:
        fault = Fault(
            place=f"mapping.{case.architecture.levels[-1].name}.spatial",
            value=Nest(case).blocks[-1].fanout,
            rule="several MACs of a PE step together, which has no mean in closed form here",
            remedy="simulate it, or give each MAC a PE of its own",
        )
        raise SpecError([fault])
    return Design(
        formats=formats,
        actions=tuple(
            Action(act=act, level=_innermost(case, tensor), tensor=tensor.name, on=leaders)
            for tensor in case.problem.tensors
            for act, leaders in ((Act.SKIP, sparse.skips), (Act.GATE, sparse.gates))
            if leaders and not (act is Act.GATE and tensor.name in sparse.gates)
        ),
    )


def _innermost(case: Case, tensor: Tensor) -> str:
    """Level whose words go to the MACs."""
    return [one.level for one in case.mapping.levels if tensor.name in one.keep][-1]


def _density(tensor: Tensor, bounds: Mapping[str, int], operand: Operand) -> Density:
    words = tensor.tile_words(bounds)
    if operand.pattern is None and operand.distribution is Distribution.UNIFORM:
        return Hypergeometric(total=words, nonzero=kept_words(operand.density or 0, words))
    if operand.pattern is None and operand.distribution is Distribution.STRUCTURED:
        return Structured(share=float(Fraction(operand.n or 0, operand.m or 1)))
    return ActualData(draw(tensor, bounds, operand))

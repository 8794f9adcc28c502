"""Random mapped layers whose operands have zeros and are stored compressed at some levels."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.simcore.errors import SpecError
from tests.property.strategies import cases

FORMATS = [Format.BITMASK, Format.RUN_LENGTH, Format.COORDINATE, Format.CSR, Format.CSC,
           Format.CSF]  # fmt: skip
DENSITIES = st.sampled_from([0.0, 0.3, 0.7, 1.0])
RATES = [None, None, Fraction(1), Fraction(1, 2), Fraction(3)]


@st.composite
def _formats(draw, names, *, metadata, rates, kinds):
    """A format for some of the tensors."""
    some = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    return tuple(
        TensorFormat(
            tensor=name,
            format=draw(st.sampled_from(kinds)),
            metadata=metadata,
            pack_bits=draw(st.sampled_from([64, None])),
            words_per_cycle=draw(st.sampled_from(RATES)) if rates else None,
        )
        for name in some
    )


@st.composite
def compressed(
    draw, base=None, *, metadata=True, rates=True, density=DENSITIES, kinds=FORMATS, **options
):
    """A case of ``base`` (else any) that stores operands compressed, with zeros.

    The output is compressed seldom: that makes sense on few machines.
    """
    case = draw(cases(**options) if base is None else base)
    inputs = [tensor.name for tensor in case.problem.tensors if not tensor.is_output]
    names = inputs + [case.problem.output.name] * (draw(st.integers(0, 5)) == 0)
    levels = list(case.architecture.levels)
    for _ in levels:
        at = draw(st.integers(0, len(levels) - 1))
        own = draw(_formats(names, metadata=metadata, rates=rates, kinds=kinds))
        levels[at] = levels[at].model_copy(update={"formats": own})
    architecture = case.architecture.model_copy(update={"levels": tuple(levels)})
    zeros = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    operands = tuple(
        Operand(tensor=name, density=draw(density), seed=draw(st.integers(0, 3)))
        for name in zeros
    )  # fmt: skip
    update = {"architecture": architecture, "sparsity": Sparsity(operands=operands)}
    return case.model_copy(update=update)


def plain(case):
    """The same without formats and zeros."""
    levels = tuple(level.model_copy(update={"formats": ()}) for level in case.architecture.levels)
    architecture = case.architecture.model_copy(update={"levels": levels})
    return case.model_copy(update={"architecture": architecture, "sparsity": Sparsity()})


def result_of(case):
    """The run; where the machine cannot move it, Hypothesis looks for another."""
    try:
        return simulate(case)
    except SpecError:
        assume(False)

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
def formats(draw, *, metadata, rates=True, kinds=FORMATS):
    """A format for some of the tensors."""
    made = []
    for name in draw(st.sampled_from(["W", "I", "WI", "WIO", "IO", "O"])):
        made.append(
            TensorFormat(
                tensor=name,
                format=draw(st.sampled_from(kinds)),
                metadata=metadata,
                pack_bits=draw(st.sampled_from([64, None])),
                words_per_cycle=draw(st.sampled_from(RATES)) if rates else None,
            )
        )
    return tuple(made)


@st.composite
def compressed(draw, *, metadata=True, rates=True, density=DENSITIES, kinds=FORMATS, **options):
    """A case that stores operands compressed somewhere; they have zeros unless density is 1."""
    case = draw(cases(**options))
    levels = list(case.architecture.levels)
    count = draw(st.integers(1, len(levels)))
    for _ in range(count):
        at = draw(st.integers(0, len(levels) - 1))
        own = draw(formats(metadata=metadata, rates=rates, kinds=kinds))
        levels[at] = levels[at].model_copy(update={"formats": own})
    architecture = case.architecture.model_copy(update={"levels": tuple(levels)})
    operands = tuple(
        Operand(tensor=name, density=draw(density), seed=draw(st.integers(0, 3)))
        for name in draw(st.sampled_from(["W", "I", "WI", "WIO"]))
    )
    return case.model_copy(
        update={"architecture": architecture, "sparsity": Sparsity(operands=operands)}
    )


def plain(case):
    """The same without formats and zeros."""
    levels = tuple(level.model_copy(update={"formats": ()}) for level in case.architecture.levels)
    architecture = case.architecture.model_copy(update={"levels": levels})
    return case.model_copy(update={"architecture": architecture, "sparsity": Sparsity()})


def is_possible(case):
    """Whether the machine moves it; else Hypothesis looks for another."""
    try:
        simulate(case)
    except SpecError:
        assume(False)

"""Random mapped layers whose operands have zeros and are stored compressed at some levels."""

from __future__ import annotations

from fractions import Fraction
from math import prod

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import Format, TensorFormat
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.simcore.errors import SpecError
from tests.property.strategies import LATENCIES, WIDTHS, cases

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


@st.composite
def whole_sums(draw, *, kinds=FORMATS, metadata=True, density=DENSITIES):
    """A matrix product whose sums are whole when they leave the PEs, compressed further out.

    Its tiles go over the columns and rows of the output only; the bounds may leave remainders.
    """
    loop = st.tuples(st.sampled_from("MN"), st.sampled_from([2, 3, 5]))
    nests = [draw(st.lists(loop, max_size=2)) for _ in range(4)]
    assume(prod(extent for nest in nests for _, extent in nest) <= 500)
    bounds = {"M": 1, "N": 1, "K": draw(st.sampled_from([1, 4]))}
    for name, extent in (one for nest in nests for one in nest):
        bounds[name] *= extent
    for name in draw(st.sampled_from(["", "", "M", "MN"])):
        bounds[name] -= bounds[name] > 3
    inner = (Loop(dimension="K", extent=bounds["K"]),)
    first, second, across, last = (
        tuple(Loop(dimension=name, extent=extent) for name, extent in nest) for nest in nests
    )
    keep = ("W", "I", "O")
    mapping = Mapping(
        levels=(
            LevelMapping(level="L0", temporal=first, keep=keep),
            LevelMapping(level="L1", temporal=second, spatial_x=across, keep=keep),
            LevelMapping(level="L2", temporal=last + inner, keep=keep),
        )
    )
    pes = prod(one.extent for one in across)
    where = draw(st.sampled_from(["0", "1", "01"]))
    levels = []
    for at, instances in enumerate((1, 1, pes)):
        own = draw(_formats(["O"], metadata=metadata, rates=metadata, kinds=kinds))
        levels.append(
            StorageLevel(
                name=f"L{at}", kind="buffer" if at else "dram", instances=instances,
                read_words_per_cycle=draw(WIDTHS), write_words_per_cycle=draw(WIDTHS),
                formats=own if str(at) in where else (), read_latency_cycles=draw(LATENCIES),
                network=Network(words_per_cycle=draw(WIDTHS), multicast=draw(st.booleans())),
            )
        )  # fmt: skip
    ranks = {"W": "MK", "I": "KN", "O": "MN"}
    tensors = tuple(
        Tensor(name=name, ranks=tuple((Term(dimension=one),) for one in own),
               is_output=name == "O")
        for name, own in ranks.items()
    )  # fmt: skip
    case = Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=n) for name, n in bounds.items()),
            tensors=tensors,
        ),
        architecture=Architecture(
            levels=tuple(levels), compute=ComputeLevel(name="MAC", instances=pes)
        ),
        mapping=mapping,
        rules=Rules(reuse=draw(st.sampled_from(list(Reuse)))),
        sparsity=Sparsity(operands=(Operand(tensor="O", density=draw(density)),)),
    )
    try:
        check_mapping(case.problem, case.architecture, case.mapping)
    except SpecError:
        assume(False)
    return case

"""Random machines with sparse operands, for the laws: masks, skips, gates and modes."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.hw.simulate import simulate
from stallscope.mappings.mapping import Loop
from stallscope.mappings.sparsity.hardware import Mode, SparseArray, TensorRate
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.simcore.errors import SpecError
from tests.property.strategies import cases, loop_nests

KINDS = st.sampled_from(["time"] * 8 + ["lane"])
EXTENTS = st.sampled_from([2, 2, 3, 4, 5, 8])


@st.composite
def pe_nests(draw, levels, longest):
    """Loops per level with PEs below the first or second one, and now and then lanes in each."""
    bounds = dict.fromkeys("CMPR", 1)
    temporal = [[] for _ in range(levels)]
    spatial = [([], []) for _ in range(levels)]
    above = draw(st.integers(0, min(1, levels - 1)))
    for kind in ["pes", "pes", *draw(st.lists(KINDS, max_size=7))]:
        name, extent = draw(st.sampled_from("CMPR")), draw(EXTENTS)
        if extent * bounds["C"] * bounds["M"] * bounds["P"] * bounds["R"] > longest:
            continue
        bounds[name] *= extent
        loop = Loop(dimension=name, extent=extent)
        if kind == "time":
            at = draw(st.integers(0, levels - 1))
            temporal[at].insert(draw(st.integers(0, len(temporal[at]))), loop)
        else:
            spatial[above if kind == "pes" else -1][draw(st.integers(0, 1))].append(loop)
    return temporal, spatial, bounds


DENSITIES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.5, 0.8, 1.0])


@st.composite
def sparse_cases(draw, *, modes=tuple(Mode), densities=DENSITIES, fronts=False, **options):
    """A legal case with sparse operands; those that would have to be told roughly are left out.

    Args:
        fronts: Whether PEs may have decoders and intersection units.
    """
    case = draw(cases(nests=draw(st.sampled_from([pe_nests, pe_nests, loop_nests])), **options))
    operands = [
        Operand(tensor=name, density=draw(densities), seed=draw(st.integers(0, 99)))
        for name in "WI"
        if draw(st.integers(0, 3))
    ]
    kinds = {name: draw(st.sampled_from(["skip", "skip", "gate", "none"])) for name in "WI"}
    skips = tuple(name for name, kind in kinds.items() if kind == "skip")
    rates = st.sampled_from([Fraction(1, 3), Fraction(1), Fraction(3, 2)])
    slow = draw(st.lists(st.sampled_from("WI"), unique=True)) if fronts else []
    is_intersected = fronts and len(skips) > 1 and draw(st.booleans())
    array = SparseArray(
        skips=skips,
        decoders=tuple(TensorRate(tensor=name, words_per_cycle=draw(rates)) for name in slow),
        intersections_per_cycle=draw(rates) if is_intersected else None,
        gates=tuple(name for name, kind in kinds.items() if kind == "gate"),
        mode=draw(st.sampled_from(modes)),
        fifo_depth=draw(st.sampled_from([0, 1, 3, None])),
    )
    return with_array(case, array, Sparsity(operands=tuple(operands)))


def with_array(case, array, sparsity):
    """The case with sparse operands on an array that minds them."""
    compute = case.architecture.compute.model_copy(update={"sparse": array})
    architecture = case.architecture.model_copy(update={"compute": compute})
    return case.model_copy(update={"architecture": architecture, "sparsity": sparsity})


def run(case, **options):
    """A run; what is refused is no example."""
    try:
        return simulate(case, **options)
    except SpecError:
        assume(False)

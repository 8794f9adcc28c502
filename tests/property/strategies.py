"""Random mapped layers for the laws: legal, small enough to walk, long enough to repeat.

Bounds are drawn as products of factors that are dealt to temporal and spatial slots of the
levels, so that every mapping covers its problem; some bounds are then lowered to make remainders.
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.simcore.errors import SpecError

WIDTHS = st.sampled_from([None, None, *map(Fraction, ("1/2", "1", "2", "3", "3/10", "16", "5/3"))])
LATENCIES = st.sampled_from([0, 0, 1, 3, 20])


def _plain(name):
    return (Term(dimension=name),)


@st.composite
def problems(draw, bounds):
    """A convolution with stride and dilation that slides along one rank or along two."""
    column = (
        Term(dimension="P", coefficient=draw(st.sampled_from([1, 1, 2]))),
        Term(dimension="R", coefficient=draw(st.sampled_from([1, 1, 2]))),
    )
    row = draw(st.sampled_from([_plain("C"), _plain("C"), (*_plain("M"), *_plain("C"))]))
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=(
            Tensor(name="W", ranks=(_plain("M"), _plain("C"), _plain("R"))),
            Tensor(name="I", ranks=(row, column)),
            Tensor(name="O", ranks=(_plain("M"), _plain("P")), is_output=True),
        ),
    )


@st.composite
def loop_nests(draw, levels, longest):
    """Loops per level: temporal lists and spatial X/Y lists, and the product per dimension."""
    reached = dict.fromkeys("CMPR", 1)
    temporal = [[] for _ in range(levels)]
    spatial = [([], []) for _ in range(levels)]
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from("CMPR"))
        extent = draw(st.sampled_from([2, 3, 4, 5, 8, 13, 20]))
        if extent * _product(reached) > longest:
            continue
        reached[name] *= extent
        at = draw(st.integers(0, levels - 1))
        where = draw(st.integers(0, 5))
        loop = Loop(dimension=name, extent=extent)
        if where > 1 or extent > 4:
            temporal[at].insert(draw(st.integers(0, len(temporal[at]))), loop)
        else:
            spatial[at][where].append(loop)
    return temporal, spatial, reached


def _product(values):
    total = 1
    for value in values.values():
        total *= value
    return total


@st.composite
def architectures(draw, spatial, *, limited):
    """Levels whose instances fit the spatial loops; with limited widths and latencies, or none."""
    levels = []
    x = y = 1
    for at in range(len(spatial) + 1):
        if at == len(spatial):
            compute = ComputeLevel(
                name="MAC",
                instances=x * y,
                mesh_x=x,
                pipeline_cycles=draw(st.sampled_from([0, 0, 2])) if limited else 0,
            )
            break
        figures = {}
        if limited:
            figures = {
                "read_words_per_cycle": draw(WIDTHS),
                "write_words_per_cycle": draw(WIDTHS),
                "shared_words_per_cycle": draw(st.sampled_from([None, None, None, Fraction(3, 2)])),
                "read_latency_cycles": draw(LATENCIES),
                "write_latency_cycles": draw(LATENCIES),
                "burst_words": draw(st.sampled_from([None, 1, 2, 7])),
                "banks": draw(st.sampled_from([1, 1, 2])),
                "access_words": draw(st.sampled_from([1, 1, 4])),
                "network": Network(
                    words_per_cycle=draw(WIDTHS),
                    hop_latency_cycles=draw(st.sampled_from([0, 0, 1])),
                    fill_latency_cycles=draw(st.sampled_from([0, 0, 5])),
                    drain_latency_cycles=draw(st.sampled_from([0, 0, 4])),
                    multicast=draw(st.sampled_from([True, True, False])),
                    links=draw(st.booleans()),
                ),
            }
        levels.append(
            StorageLevel(
                name=f"L{at}",
                kind="buffer" if at else "dram",
                instances=x * y,
                mesh_x=x,
                **figures,
            )
        )
        for loop in spatial[at][0]:
            x *= loop.extent
        for loop in spatial[at][1]:
            y *= loop.extent
    return Architecture(levels=tuple(levels), compute=compute)


@st.composite
def cases(draw, *, limited=True, longest=4000, remainders=True, max_levels=4, nests=loop_nests):
    """A legal case; ``longest`` bounds its multiply-accumulates."""
    count = draw(st.integers(1, max_levels))
    temporal, spatial, bounds = draw(nests(count, longest))
    if remainders and draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from("CMPR"))
        bounds[name] = max(1, bounds[name] - draw(st.integers(1, 3)))
    levels = []
    for at in range(count):
        keep = [name for name in "WIO" if at == 0 or draw(st.integers(0, 3))]
        tiles = st.sampled_from([1, 1, 2, 3])
        levels.append(
            LevelMapping(
                level=f"L{at}",
                temporal=tuple(temporal[at]),
                spatial_x=tuple(spatial[at][0]),
                spatial_y=tuple(spatial[at][1]),
                keep=tuple(keep),
                buffering=tuple(Buffering(tensor=name, tiles=draw(tiles)) for name in keep),
            )
        )
    case = Case(
        problem=draw(problems(bounds)),
        architecture=draw(architectures(spatial, limited=limited)),
        mapping=Mapping(levels=tuple(levels)),
        rules=Rules(
            reuse=draw(st.sampled_from(list(Reuse))),
            link_transfers=draw(st.sampled_from([None, True, False])) if limited else None,
            first_read_elision=draw(st.sampled_from([True, True, True, False])),
        ),
    )
    try:
        check_mapping(case.problem, case.architecture, case.mapping)
    except SpecError:
        assume(False)
    return case

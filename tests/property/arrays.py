"""Random layers on arrays: a wide block, several loops along each axis, maybe another block.

Unlike in `layers`, the array may be wider and higher than what the mapping uses of it, dimensions
may run along both axes or twice along one, and networks may have a topology.
"""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem
from stallscope.mappings.topology import Axis, Bus, Mesh, Neighbour, XyBus
from stallscope.simcore.errors import SpecError
from tests.property.layers import (
    convolution,
    depthwise,
    inner_product,
    least,
    product,
    sliding,
    tensor,
    three,
)

KINDS = [product, product, convolution, convolution, depthwise, sliding, three, inner_product]
TOPOLOGIES = [
    None,
    None,
    None,
    Bus(words_per_cycle=4),
    XyBus(words_per_cycle=2),
    Mesh(words_per_cycle=1, router_delay_cycles=1),
    Neighbour(axis=Axis.X, words_per_cycle=1),
]


def _place(draw, names, reached, loops, extents, limit):
    """Add a loop if the product stays within a limit; whether it does."""
    name, extent = draw(st.sampled_from(names)), draw(st.sampled_from(extents))
    total = extent
    for loop in loops:
        total *= loop.extent
    if total > limit:
        return
    loops.insert(draw(st.integers(0, len(loops))), Loop(dimension=name, extent=extent))
    reached[name] *= extent


def _products(loops):
    total = 1
    for loop in loops:
        total *= loop.extent
    return total


@st.composite
def _networks(draw, topologies):
    topology = draw(st.sampled_from(topologies))
    return Network(
        multicast=draw(st.sampled_from([True, True, True, False])) if topology is None else True,
        links=draw(st.booleans()),
        topology=topology,
    )


@st.composite
def _nests(draw, names, count):
    """Temporal, Y and X loops per level, and the product per dimension; one block is wide."""
    reached = dict.fromkeys(names, 1)
    temporal, rows, columns = ([[] for _ in range(count)] for _ in range(3))
    wide = draw(st.sampled_from([count - 1, count - 1, count - 1, draw(st.integers(0, count - 1))]))
    for _ in range(draw(st.integers(0, 3))):
        _place(draw, names, reached, rows[wide], [2, 3, 4, 5], 12)
    for _ in range(draw(st.integers(0, 3))):
        _place(draw, names, reached, columns[wide], [2, 3, 4, 5], 12)
    if draw(st.integers(0, 2)) == 0:
        at = draw(st.integers(0, count - 1))
        for axis in draw(st.lists(st.sampled_from([rows, columns]), min_size=1, max_size=2)):
            _place(draw, names, reached, axis[at], [2, 3], 12)
    for _ in range(draw(st.integers(0, 5))):
        _place(draw, names, reached, temporal[draw(st.integers(0, count - 1))], [2, 3, 4], 30)
    return temporal, rows, columns, reached


@st.composite
def _architectures(draw, rows, columns, topologies):
    """Levels with room for the spatial loops, and now and then for more."""
    levels, x, y = [], 1, 1
    for at, (along_y, along_x) in enumerate(zip(rows, columns, strict=True)):
        levels.append(
            StorageLevel(name=f"L{at}", kind="buffer" if at else "dram", instances=x * y, mesh_x=x,
                         network=draw(_networks(topologies)))
        )  # fmt: skip
        x *= _products(along_x) + draw(st.sampled_from([0, 0, 0, 1, 2]))
        y *= _products(along_y) + draw(st.sampled_from([0, 0, 0, 1]))
    return Architecture(
        levels=tuple(levels), compute=ComputeLevel(name="MAC", instances=x * y, mesh_x=x)
    )


@st.composite
def arrays(draw, *, topologies=TOPOLOGIES):
    """A legal case, its networks with one of some topologies."""
    count = draw(st.integers(1, 4))
    kind = draw(st.sampled_from(KINDS))
    names, tensors = kind(draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2])))
    names = sorted(set(names))
    temporal, rows, columns, bounds = draw(_nests(names, count))
    spatial = list(zip(rows, columns, strict=True))
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        bounds[name] = draw(st.integers(least(name, temporal, spatial), bounds[name]))
    levels = [
        LevelMapping(
            level=f"L{at}",
            temporal=tuple(temporal[at]),
            spatial_y=tuple(rows[at]),
            spatial_x=tuple(columns[at]),
            keep=tuple(one.name for one in tensors if at == 0 or draw(st.booleans())),
        )
        for at in range(count)
    ]
    case = Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=n, bound=b) for n, b in bounds.items()),
            tensors=tensors,
        ),
        architecture=draw(_architectures(rows, columns, topologies)),
        mapping=Mapping(levels=tuple(levels)),
        rules=Rules(
            reuse=draw(st.sampled_from(list(Reuse))),
            link_transfers=draw(st.sampled_from([None, True, False])),
            first_read_elision=draw(st.sampled_from([True, True, False])),
        ),
    )
    try:
        check_mapping(case.problem, case.architecture, case.mapping)
    except SpecError:
        assume(False)
    return case


def _loops(text):
    pairs = (part.split("=") for part in text.split())
    return tuple(Loop(dimension=name, extent=int(extent)) for name, extent in pairs)


def registers(bounds, inputs, *, temporal, along_x, inside="", reuse=Reuse.OVERLAP):
    """Inputs and the rest kept in a buffer, the inputs in 4 x 4 registers below it as well."""
    case = Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
            tensors=(inputs, tensor("O", *(n for n in "NP" if n in bounds), is_output=True)),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                StorageLevel(name="BUF"),
                StorageLevel(name="REGS", instances=16, mesh_x=4),
            ),
            compute=ComputeLevel(name="MAC", instances=16, mesh_x=4),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", keep=("I", "O")),
                LevelMapping(
                    level="BUF", temporal=_loops(temporal), spatial_x=_loops(along_x),
                    keep=("I", "O"),
                ),
                LevelMapping(level="REGS", temporal=_loops(inside), keep=("I",)),
            )
        ),
        rules=Rules(reuse=reuse),
    )  # fmt: skip
    check_mapping(case.problem, case.architecture, case.mapping)
    return case

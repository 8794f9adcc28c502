"""Random mapped layers of every kind that the problem can state, for law L6.

Two-dimensional convolutions (stride, dilation, groups, depthwise), matrix products, batched ones,
and other sums of products; dealt over levels as in `strategies`, with remainders in any dimension
and buffers that are exactly large enough.
"""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.simcore.errors import SpecError
from stallscope.traces.compile import compile_case

EXTENTS = [2, 2, 3, 3, 4, 5, 7]


def tensor(name, *ranks, is_output=False):
    """A tensor; a rank is a text such as ``2*P + R``."""
    made = []
    for rank in ranks:
        terms = []
        for term in rank.split(" + "):
            coefficient, _, dimension = term.rpartition("*")
            terms.append(Term(dimension=dimension, coefficient=int(coefficient or 1)))
        made.append(tuple(terms))
    return Tensor(name=name, ranks=tuple(made), is_output=is_output)


def convolution(stride=1, dilation=1):
    """A convolution of a batch."""
    return "NMCPQRS", (
        tensor("W", "M", "C", "R", "S"),
        tensor("I", "N", "C", f"{stride}*P + {dilation}*R", f"{stride}*Q + {dilation}*S"),
        tensor("O", "N", "M", "P", "Q", is_output=True),
    )


def sliding(stride=1, dilation=1):
    """A one-dimensional convolution: most loops slide."""
    return "PRPRMC", (
        tensor("W", "M", "C", "R"),
        tensor("I", "C", f"{stride}*P + {dilation}*R"),
        tensor("O", "M", "P", is_output=True),
    )


def grouped(stride=1, dilation=1):
    """A grouped convolution; depthwise where M and C have the bound 1."""
    return "GMCPQR", (
        tensor("W", "G", "M", "C", "R"),
        tensor("I", "G", "C", f"{stride}*P + {dilation}*R", "Q"),
        tensor("O", "G", "M", "P", "Q", is_output=True),
    )


def depthwise(stride=1, dilation=1):
    """A depthwise convolution."""
    return "CPQRS", (
        tensor("W", "C", "R", "S"),
        tensor("I", "C", f"{stride}*P + {dilation}*R", f"{stride}*Q + {dilation}*S"),
        tensor("O", "C", "P", "Q", is_output=True),
    )


def product(stride=1, dilation=1):
    """A matrix product."""
    return "MNK", (
        tensor("W", "M", "K"), tensor("I", "K", "N"), tensor("O", "M", "N", is_output=True),
    )  # fmt: skip


def twice_reduced(stride=1, dilation=1):
    """A product over two dimensions; few others, so that clipped loops often stand still."""
    return "MMMKKR", (
        tensor("W", "M", "K", "R"), tensor("I", "K", "R"), tensor("O", "M", is_output=True),
    )  # fmt: skip


def batched(stride=1, dilation=1):
    """A batched matrix product."""
    return "BMNK", (
        tensor("W", "B", "M", "K"),
        tensor("I", "B", "K", "N"),
        tensor("O", "B", "M", "N", is_output=True),
    )


def inner_product(stride=1, dilation=1):
    """A sum over all there is: the output is one word."""
    return "KKL", (tensor("W", "K", "L"), tensor("I", "K + L"), tensor("O", is_output=True))


def three(stride=1, dilation=1):
    """Three operands, one of them sheared, and a dimension that no operand has."""
    return "IJKL", (
        tensor("W", "I", "K"),
        tensor("I", f"{stride}*J + {dilation}*K", "I + K"),
        tensor("S", "I + J"),
        tensor("O", "I", "J", is_output=True),
    )


KINDS = [convolution, convolution, grouped, depthwise, sliding, sliding, product, twice_reduced,
         batched, three]  # fmt: skip


@st.composite
def nests(draw, names, levels, longest):
    """Temporal lists, spatial (Y, X) lists per level, and the product per dimension."""
    reached = dict.fromkeys(names, 1)
    total = units = 1
    temporal = [[] for _ in range(levels)]
    spatial = [([], []) for _ in range(levels)]
    if "P" in names and "R" in names and draw(st.integers(0, 2)) == 0:
        # Diagonals: neighbours have each other's inputs one step earlier, and pass them on.
        at = draw(st.integers(0, levels - 1))
        for name, place in (("P", spatial[at][draw(st.integers(0, 1))]), ("R", temporal[at])):
            reached[name] = draw(st.sampled_from([2, 3, 4]))
            place.append(Loop(dimension=name, extent=reached[name]))
        total, units = reached["P"] * reached["R"], reached["P"]
        names = [name for name in names if name not in "PR"]
    for _ in range(draw(st.integers(3, 9))):
        name, extent = draw(st.sampled_from(names)), draw(st.sampled_from(EXTENTS))
        if total * extent > longest:
            continue
        total *= extent
        reached[name] *= extent
        at, where = draw(st.integers(0, levels - 1)), draw(st.integers(0, 5))
        loop = Loop(dimension=name, extent=extent)
        if where > 1 or units * extent > 48:
            temporal[at].insert(draw(st.integers(0, len(temporal[at]))), loop)
        else:
            units *= extent
            spatial[at][where].append(loop)
    return temporal, spatial, reached


def least(name, temporal, spatial):
    """The least bound for which every loop of a dimension is needed."""
    inner = least = 1
    for steps, (rows, columns) in zip(reversed(temporal), reversed(spatial), strict=True):
        for loop in reversed([*steps, *rows, *columns]):
            if loop.dimension == name:
                least = max(least, inner * (loop.extent - 1) + 1)
                inner *= loop.extent
    return least


def _architecture(spatial, capacities, networks):
    levels, x, y = [], 1, 1
    for at, (capacity, network) in enumerate(zip(capacities, networks, strict=True)):
        levels.append(
            StorageLevel(name=f"L{at}", kind="buffer" if at else "dram", instances=x * y, mesh_x=x,
                         capacity_words=capacity, network=network)
        )  # fmt: skip
        for loop in spatial[at][0]:
            y *= loop.extent
        for loop in spatial[at][1]:
            x *= loop.extent
    return Architecture(
        levels=tuple(levels), compute=ComputeLevel(name="MAC", instances=x * y, mesh_x=x)
    )


def _tight(case):
    """The case with buffers that hold what they must and not a word more."""
    plans = compile_case(case).buffers
    levels = []
    for level in case.architecture.levels:
        held = [plan for plan in plans if plan.level == level.name]
        words = sum(plan.tile_words * (plan.tiles or 1) for plan in held)
        levels.append(level.model_copy(update={"capacity_words": max(1, words)}))
    architecture = case.architecture.model_copy(update={"levels": tuple(levels)})
    return case.model_copy(update={"architecture": architecture})


@st.composite
def _kept(draw, at, tensors, temporal, spatial):
    """The loops of a level, what it keeps and how many tiles of it."""
    tiles = st.sampled_from([None, None, 1, 2, 3])
    keep = [one.name for one in tensors if at == 0 or draw(st.integers(0, 3))]
    asked = [(name, draw(tiles)) for name in keep]
    return LevelMapping(
        level=f"L{at}",
        temporal=tuple(temporal),
        spatial_y=tuple(spatial[0]),
        spatial_x=tuple(spatial[1]),
        keep=tuple(keep),
        buffering=tuple(Buffering(tensor=name, tiles=number) for name, number in asked if number),
    )


@st.composite
def layers(draw, *, longest=3000):
    """A legal case; ``longest`` bounds its multiply-accumulates."""
    count = draw(st.integers(1, 4))
    kind = draw(st.sampled_from(KINDS))
    names, tensors = kind(draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2])))
    temporal, spatial, bounds = draw(nests(names, count, longest))
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        bounds[name] = draw(st.integers(least(name, temporal, spatial), bounds[name]))
    levels = [draw(_kept(at, tensors, temporal[at], spatial[at])) for at in range(count)]
    networks = [
        Network(multicast=draw(st.sampled_from([True, True, False])), links=draw(st.booleans()))
        for _ in range(count)
    ]
    case = Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=n, bound=b) for n, b in bounds.items()),
            tensors=tensors,
        ),
        architecture=_architecture(spatial, [None] * count, networks),
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
    return _tight(case) if draw(st.booleans()) else case

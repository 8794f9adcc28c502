"""Small cases with remainders, strides and spatial loops, drawn at random."""

from __future__ import annotations

import itertools
from math import prod

import hypothesis.strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term

DIMENSIONS = "CMPR"


def problem(bounds, stride, dilation, two_terms):
    column = (
        (Term(dimension="P", coefficient=stride), Term(dimension="R", coefficient=dilation))
        if two_terms
        else (Term(dimension="P", coefficient=stride),)
    )

    def plain(*names):
        return tuple((Term(dimension=name),) for name in names)

    return Problem(
        dimensions=tuple(Dimension(name=d, bound=bounds[d]) for d in DIMENSIONS),
        tensors=(
            Tensor(name="W", ranks=plain("M", "C", "R")),
            Tensor(name="I", ranks=(*plain("C"), column)),
            Tensor(name="O", ranks=plain("M", "P"), is_output=True),
        ),
    )


@st.composite
def cases(draw, over=DIMENSIONS, steps=3, depth=None, inner=3, keep=()):
    depth = depth or draw(st.integers(1, 3))
    loop = st.builds(Loop, dimension=st.sampled_from(over), extent=st.integers(2, 4))
    temporal = [draw(st.lists(loop, max_size=inner if at else 3)) for at in range(depth)]
    y = [draw(st.lists(loop, max_size=1)) for _ in range(depth)]
    x = [draw(st.lists(loop, max_size=1)) for _ in range(depth)]
    products = dict.fromkeys(DIMENSIONS, 1)
    for one in itertools.chain(*temporal, *y, *x):
        products[one.dimension] *= one.extent
    # Tiny: the oracle visits every child at every step.
    while prod(products.values()) > 1500:
        longest = max((t for t in (*temporal, *y, *x) if t), key=len)
        gone = longest.pop()
        products[gone.dimension] //= gone.extent
    bounds = dict(products)
    if draw(st.booleans()):
        for d in DIMENSIONS:
            bounds[d] = draw(st.integers(max(1, products[d] // 2), products[d]))
    keeps = [draw(st.sets(st.sampled_from("WIO"))) | set(keep) for _ in range(depth)]
    for name in "WIO":
        if not any(name in keep for keep in keeps):
            keeps[0].add(name)
    levels, wide, total = [], 1, 1
    for at in range(depth + 1):
        if at:
            fanout = prod(one.extent for one in (*y[at - 1], *x[at - 1]))
            width = draw(st.integers(1, fanout))
            wide, total = wide * width, total * width * -(-fanout // width)
        if at < depth:
            network = Network(
                multicast=draw(st.booleans()),
                links=draw(st.booleans()),
            )
            kind = draw(st.sampled_from(["dram", "buffer"])) if at == 0 else "buffer"
            levels.append(
                StorageLevel(
                    name=f"L{at}", kind=kind, instances=total, mesh_x=wide, network=network
                )
            )
    return Case(
        problem=problem(
            bounds, draw(st.integers(1, steps)), draw(st.integers(1, steps)), draw(st.booleans())
        ),
        architecture=Architecture(
            levels=levels, compute=ComputeLevel(name="MAC", instances=total, mesh_x=wide)
        ),
        mapping=Mapping(
            levels=[
                LevelMapping(
                    level=f"L{at}",
                    temporal=temporal[at],
                    spatial_y=y[at],
                    spatial_x=x[at],
                    keep=sorted(keeps[at]),
                )
                for at in range(depth)
            ]
        ),
        rules=Rules(
            reuse=draw(st.sampled_from(list(Reuse))),
            link_transfers=draw(st.sampled_from([None, True, False])),
            first_read_elision=draw(st.booleans()),
        ),
    )

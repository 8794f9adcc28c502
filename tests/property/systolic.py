"""Random layers on systolic arrays behind buffers: every dataflow, shape of tile and port."""

from __future__ import annotations

from math import prod

from hypothesis import assume
from hypothesis import strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, Network, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping, tile_extents
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem
from stallscope.mappings.systolic import Systolic
from stallscope.simcore.errors import SpecError
from tests.property.layers import tensor

GEMM = (
    "MNK",
    (tensor("I", "M", "K"), tensor("W", "K", "N"), tensor("O", "M", "N", is_output=True)),
)
CONV = ("NCPR", (tensor("I", "C", "2*P + R"), tensor("W", "N", "C", "R"),
                 tensor("O", "N", "P", is_output=True)))  # fmt: skip
# Problem, stationary tensor, dimensions that may be rows, and columns.
FLOWS = [
    (GEMM, "W", "K", "N"),
    (GEMM, "I", "K", "M"),
    (GEMM, "O", "M", "N"),
    (CONV, "W", "CR", "N"),
    (CONV, "O", "P", "N"),
]
RATES = [None, None, "1/3", 1, 2, 5, "7/2"]


def _pieces(draw, left, is_kept):
    """Loops of one dimension over three levels, outermost first, that cover what is left.

    None is innermost over the stationary tensor: a PE holds one word of it.
    """
    found = []
    for most in (1 if is_kept else 5, 5):
        inner = draw(st.integers(1, min(left, most)))
        found.append(inner)
        left = -(-left // inner)
    return [left, *found[::-1]]


@st.composite
def systolic_cases(draw, longest=400):
    """A layer on an array, behind a scratchpad and perhaps an accumulator."""
    (names, tensors), kept, rows, columns = draw(st.sampled_from(FLOWS))
    bounds = {name: draw(st.integers(1, 6)) for name in names}
    # One loop with many iterations, so that there is something to repeat.
    bounds[draw(st.sampled_from(names))] = draw(st.integers(1, 60))
    space = {name: draw(st.integers(1, min(4, bounds[name]))) for name in rows + columns}
    left = {name: -(-bound // space.get(name, 1)) for name, bound in bounds.items()}
    held = next(one.dimensions for one in tensors if one.name == kept)
    temporal = {name: _pieces(draw, left[name], name in held) for name in names}
    assume(prod(left.values()) <= longest)
    blocks = [
        [Loop(dimension=name, extent=temporal[name][level])
         for name in draw(st.permutations(names)) if temporal[name][level] > 1]
        for level in range(3)
    ]  # fmt: skip
    spatial = [
        tuple(Loop(dimension=name, extent=space[name]) for name in axis if space[name] > 1)
        for axis in (rows, columns)
    ]
    others = [one.name for one in tensors if one.name != kept]
    inner = [name for name in others if draw(st.booleans())] or others
    mapping = Mapping(levels=(
        LevelMapping(level="DRAM", temporal=tuple(blocks[0]), keep=tuple(t.name for t in tensors)),
        LevelMapping(level="SPAD", temporal=tuple(blocks[1]), keep=(kept, *inner)),
        LevelMapping(level="array", temporal=tuple(blocks[2]), spatial_y=spatial[0],
                     spatial_x=spatial[1], keep=(kept,)),
    ))  # fmt: skip
    problem = Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tensors,
    )
    spans = tile_extents(problem, mapping)[-1]
    plane = problem.tensor(kept).tile_words(spans)
    mesh = [prod(space[name] for name in axis) for axis in (rows, columns)]
    architecture = _machine(draw, plane, mesh)
    try:
        check_mapping(problem, architecture, mapping)
    except SpecError:
        assume(False)
    rules = Rules(reuse=draw(st.sampled_from(list(Reuse))))
    return Case(problem=problem, architecture=architecture, mapping=mapping, rules=rules)


def _machine(draw, plane, mesh):
    """A main memory, a scratchpad and an array that is large enough."""
    tiles = [draw(st.integers(1, 2)) for _ in mesh]
    sides = [-(-size // tile) * tile for size, tile in zip(mesh, tiles, strict=True)]

    def level(name, **figures):
        ports = {f"{port}_words_per_cycle": draw(st.sampled_from(RATES))
                 for port in ("read", "write", "shared")}  # fmt: skip
        latency = draw(st.sampled_from([0, 0, 1, 7]))
        network = Network(words_per_cycle=draw(st.sampled_from(RATES)))
        return StorageLevel(
            name=name, read_latency_cycles=latency, network=network, **ports, **figures
        )

    return Architecture(
        levels=(
            level("DRAM", kind="dram"),
            level("SPAD"),
            StorageLevel(name="array", capacity_words=plane * draw(st.integers(1, 2))),
        ),
        compute=ComputeLevel(
            name="mac",
            instances=sides[0] * sides[1],
            mesh_x=sides[1],
            systolic=Systolic(
                tile_rows=tiles[0],
                tile_columns=tiles[1],
                in_words_per_cycle=draw(st.sampled_from([None, None, 1, "3/2", 3])),
                out_words_per_cycle=draw(st.sampled_from([None, None, 1, 2])),
                convention=draw(
                    st.sampled_from(["stallscope", "stallscope", "scale-sim", "stonne"])
                ),
            ),
        ),
    )

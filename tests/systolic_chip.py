"""A 4 x 4 systolic array with a scratchpad and an accumulator, and layers to map on it."""

from __future__ import annotations

from stallscope.mappings import native
from stallscope.mappings.architecture import Architecture
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term

ARRAY = """
stallscope: 1
architecture:
  clock: 1 GHz
  levels:
    - {name: DRAM, kind: dram, word_bits: 8, shared_bandwidth: 8}
    - {name: SPAD, word_bits: 8, capacity: 1024, holds: [Inputs, Weights]}
    - {name: ACC, word_bits: 32, capacity: 256, holds: [Outputs]}
    - {name: REG, word_bits: 32, capacity: 32}
  compute: {name: mac, instances: 16, mesh_x: 4, word_bits: 8, systolic: {}}
"""


UNLIMITED = (", shared_bandwidth: 8", "")
"""Main memory that costs no time: of blockings that are as fast the one that moves least."""


def architecture(*edits: tuple[str, str]) -> Architecture:
    text = ARRAY
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return native.read_platform(text).architecture


def problem(**bounds: int) -> Problem:
    """A product for M, N, K; a convolution otherwise: with windows, strides and groups."""
    if "M" in bounds:
        ranks = {"Inputs": "MK", "Weights": "KN", "Outputs": "MN"}
        plain = {name: [[(one, 1)] for one in of] for name, of in ranks.items()}
        return made(bounds, plain)
    step = bounds.pop("stride", 1)
    known = {"N": 1, "G": 1, "K": 1, "C": 1, "P": 1, "Q": 1, "R": 1, "S": 1} | bounds
    windows = [[("P", step), ("R", 1)], [("Q", step), ("S", 1)]]
    return made(
        known,
        {
            "Weights": [[(one, 1)] for one in "GKCRS"],
            "Inputs": [[("N", 1)], [("G", 1)], [("C", 1)], *windows],
            "Outputs": [[(one, 1)] for one in "NGKPQ"],
        },
    )


def made(bounds: dict[str, int], ranks: dict[str, list[list[tuple[str, int]]]]) -> Problem:
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tuple(
            Tensor(
                name=name,
                ranks=tuple(
                    tuple(Term(dimension=one, coefficient=by) for one, by in rank) for rank in of
                ),
                is_output=name == "Outputs",
            )
            for name, of in ranks.items()
        ),
    )

"""A small matrix product Z[m, n] = A[m, k] x B[k, n] on two levels."""

from __future__ import annotations

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term


def tensor(name, dimensions, output=False):
    ranks = tuple((Term(dimension=one),) for one in dimensions)
    return Tensor(name=name, ranks=ranks, is_output=output)


def product(outer, inner, *, lanes=(), bandwidth=None, word_bits=8, inner_keeps="ABZ", energy=None):
    """Loops as (dimension, extent), outermost first; ``lanes`` are in space below the buffer."""
    bounds = dict.fromkeys("MNK", 1)
    for name, extent in (*outer, *inner, *lanes):
        bounds[name] *= extent
    spread = 1
    for _, extent in lanes:
        spread *= extent
    loops = [tuple(Loop(dimension=d, extent=n) for d, n in one) for one in (outer, inner, lanes)]
    return Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=n) for name, n in bounds.items()),
            tensors=(tensor("A", "MK"), tensor("B", "KN"), tensor("Z", "MN", output=True)),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="Memory", word_bits=word_bits, read_words_per_cycle=bandwidth),
                StorageLevel(name="Buffer", word_bits=word_bits, read_words_per_cycle=bandwidth),
            ),
            compute=ComputeLevel(name="MAC", instances=spread),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="Memory", temporal=loops[0], keep=("A", "B", "Z")),
                LevelMapping(
                    level="Buffer", temporal=loops[1], spatial_x=loops[2], keep=tuple(inner_keeps)
                ),
            )
        ),
        rules=Rules(reuse=Reuse.TIMELOOP, link_transfers=False),
        energy=energy,
    )

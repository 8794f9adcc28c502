"""What stands in front of the MACs of every PE: decoders, and the unit that intersects operands.

A decoder hands on the words that its PE reads of one operand. The intersection unit looks at every
step of the two operands that it intersects, once for each of them that is not zero there. Each PE
has its own; a burst takes no less time than the slowest of them needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from stallscope.mappings.architecture import ComputeLevel

__all__ = ["Front", "fronts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A unit that every PE has in front of its MACs.

    Attributes:
        name: Its name as a server.
        words_per_cycle: What it handles.
        operands: Operands whose words it handles.
        intersects: Whether it looks at all their words, and not only at those that are read.
    """

    name: str
    words_per_cycle: Fraction
    operands: tuple[str, ...]
    intersects: bool


def fronts(compute: ComputeLevel) -> Iterator[Front]:
    """The units in front of the MACs of a compute level's PEs."""
    sparse = compute.sparse
    if sparse is None:
        return
    for one in sparse.decoders:
        yield Front(
            name=f"{compute.name}.decoder {one.tensor}",
            words_per_cycle=one.words_per_cycle,
            operands=(one.tensor,),
            intersects=False,
        )
    if sparse.intersections_per_cycle is not None:
        yield Front(
            name=f"{compute.name}.intersection",
            words_per_cycle=sparse.intersections_per_cycle,
            operands=sparse.skips,
            intersects=True,
        )

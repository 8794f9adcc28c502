"""How the PEs read an operand at the innermost level that keeps it, where zeros decide what.

A word that several lanes of a PE need in a step is read once if any of them needs it, and goes to
all of them; partial sums of lanes are added before they are written. PEs do not share words: with
zeros that take no time they are not in step.

Not modelled: which of several lanes a word goes to, as far as hops are concerned: a word goes the
average way (a run says so).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod

from stallscope.hw.sparse.pieces import Counts, Joined, PieceCounts, Pieces
from stallscope.simcore.errors import Fault
from stallscope.traces.nest import Nest
from stallscope.traces.program import Access, ComputeStream, Crossing, Operand

__all__ = ["Reading", "readings", "scaled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How one operand is read.

    Attributes:
        operand: The operand.
        at: Its number in the stream.
        is_active: Whether it is read only where the MAC works: gating operands are always.
        joined: Lanes that share a word.
        touched: For the output, all iterations of a piece that add to the same word.
        groups: Per network on the way, PEs below one instance of its outer level.
        depends: Whether zeros decide how often it is read.
        is_plain: Whether its words can be told one by one.
        is_average: Whether words on a network have different ways, of which the average counts.
    """

    operand: Operand
    at: int
    is_active: bool
    joined: Joined
    touched: Joined
    groups: tuple[int, ...]
    depends: bool
    is_plain: bool
    is_average: bool

    def words(self, pieces: PieceCounts) -> Counts:
        """Words that every PE reads in some pieces, shape (pieces, PEs)."""
        return pieces.count(self.joined, active=self.is_active)

    def first_touched(self, pieces: PieceCounts) -> Counts:
        """Words of the output that every PE adds to in some pieces, shape (pieces, PEs)."""
        return pieces.count(self.touched, active=self.is_active)


def readings(
    nest: Nest, stream: ComputeStream, pieces: Pieces, gates: Collection[str]
) -> tuple[tuple[Reading, ...], list[Fault]]:
    """How every operand is read, and what of it cannot be told exactly.

    Args:
        nest: The mapping.
        stream: The compute stream.
        pieces: What the PEs find to do.
        gates: Operands that are read where they turn out to be zero.
    """
    found, faults = [], []
    for at, operand in enumerate(stream.operands):
        tensor = nest.case.problem.tensor(operand.tensor)
        is_active = operand.tensor not in gates
        accesses = [work.accesses[at] for work in stream.records]
        beside = pieces.lanes_beside(tensor.dimensions)
        is_shared = any(size > 1 for one in accesses for size, _ in one.crossings[-1].multicast)
        level = nest.case.architecture.level_index[operand.level]
        joined = beside if is_shared else ()
        rules = _rules(accesses, prod(width for _, width in joined))
        reading = Reading(
            operand=operand,
            at=at,
            is_active=is_active,
            joined=joined,
            touched=pieces.all_beside(tensor.dimensions),
            groups=tuple(pieces.pes // nest.instances(outer) for outer in range(level, nest.depth)),
            depends=pieces.has_zeros(active=is_active),
            is_plain=not rules,
            is_average=any(nest.block(outer).count > 1 for outer in range(level, nest.depth)),
        )
        found.append(reading)
        if reading.depends:
            if operand.is_output and operand.elide_first and _reduces(nest, stream, pieces):
                rules.append("is added to by loops outside the PEs that no tile changes with")
            faults += [_fault(operand, rule) for rule in dict.fromkeys(rules)]
    return tuple(found), faults


def _rules(accesses: Sequence[Access], sharing: int) -> list[str]:
    """What keeps words from being counted one by one: each must go the same way as the others."""
    found = []
    for access in accesses:
        *outer, lanes = access.crossings
        sizes = [size for crossing in outer for size, words in crossing.multicast if words]
        if any(size > 1 for size in sizes) or any(
            crossing.words_in != access.words for crossing in access.crossings
        ):
            found.append("is read by several PEs at once, which zeros keep from being in step")
        if any(size != sharing for size, words in lanes.multicast if words):
            found.append("is shared by some of a PE's MACs in a step, and not by all alike")
        if any(crossing.links for crossing in access.crossings):
            found.append("is passed on between neighbouring MACs, which zeros make unlike")
        if any(len(crossing.groups) > 1 for crossing in access.crossings):
            found.append("goes to several places on a network with a topology")
    return found


def _reduces(nest: Nest, stream: ComputeStream, pieces: Pieces) -> bool:
    """Whether a burst has several passes that add to the same words."""
    output = nest.case.problem.output.dimensions
    return any(loop.dimension not in output for loop in pieces.loops[len(stream.loops) :])


def _fault(operand: Operand, rule: str) -> Fault:
    return Fault(
        place=f"mapping.{operand.level}.keep",
        value=operand.tensor,
        rule=f"{operand.tensor} {rule}",
        remedy=f"keep {operand.tensor} in a level of the PEs' own, or leave compute.sparse out",
    )


def scaled(access: Access, words: int, busiest: Iterable[int], fresh: int, most: int) -> Access:
    """Return an access like another one, of other numbers of words.

    Args:
        access: One whose words all go the same way.
        words: Words over all instances.
        busiest: Per network on the way, words at the busiest instance of its outer level.
        fresh: Output words touched for the first time.
        most: The same at the busiest instance.
    """
    crossings = tuple(
        _crossing(crossing, words, entering)
        for crossing, entering in zip(access.crossings, busiest, strict=True)
    )
    return replace(
        access,
        words=words,
        busiest_words=crossings[0].busiest_words,
        fresh_words=fresh,
        busiest_fresh=most,
        crossings=crossings,
    )


def _crossing(crossing: Crossing, words: int, busiest: int) -> Crossing:
    size = max((size for size, _ in crossing.multicast), default=1)
    each = crossing.hops / crossing.words_in if crossing.words_in else Fraction(0)
    return replace(
        crossing,
        words_in=words,
        busiest_words=busiest,
        deliveries=size * words,
        multicast=((size, words),) if words else (),
        hops=each * words,
        groups=tuple((busiest, who) for _, who in crossing.groups),
    )

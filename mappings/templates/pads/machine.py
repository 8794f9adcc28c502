"""What the template sees of an array whose PEs have scratch pads of their own.

Main memory keeps all tensors. The levels of one instance below it are the shared buffers. The
innermost levels that have equally many instances are the pads of a PE. What lies between (one
buffer per column, say) keeps nothing: it is a place where words fan out. MACs below one PE are its
lanes.

Not modelled: tiles in a level between shared buffers and PEs; a tensor that no pad may hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.bandwidth import port_widths
from stallscope.mappings.templates.roles import Roles
from stallscope.mappings.templates.stores import Width
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["Machine", "Slot", "machine_of"]

Keeps = tuple[tuple[str, ...], ...]
"""Tensors that each level keeps, outermost first, in the order in which they are given room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A side of a level's mesh that loops may be laid across.

    Attributes:
        level: Number of the level above the mesh: the loops stand in its block.
        along_x: Whether it is the side along X, else along Y.
        size: Instances along it.
        is_lane: Whether these are the MACs of one PE.
    """

    level: int
    along_x: bool
    size: int
    is_lane: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Levels by the part they play.

    Attributes:
        architecture: The architecture.
        shared: Numbers of the shared buffers, outermost first; may be none.
        pads: Numbers of the levels of a PE, outermost first.
        slots: Sides of the meshes with more than one instance, outermost first.
        keeps: What every level may keep, each a choice of the template.
        widths: Ports of every level.
    """

    architecture: Architecture
    shared: tuple[int, ...]
    pads: tuple[int, ...]
    slots: tuple[Slot, ...]
    keeps: tuple[Keeps, ...]
    widths: tuple[Width, ...]

    @property
    def levels(self) -> tuple[StorageLevel, ...]:
        """All storage levels, outermost first."""
        return self.architecture.levels

    @property
    def skips_zeros(self) -> bool:
        """Whether the PEs take fewer steps where operands are zero."""
        sparse = self.architecture.compute.sparse
        return sparse is not None and bool(sparse.skips)

    @property
    def narrows(self) -> bool:
        """Whether a level has narrower words than one inside it: partial sums may not leave."""
        bits = [level.word_bits for level in self.levels]
        return any(outer < inner for outer, inner in pairwise(bits))

    def room(self, level: int) -> float:
        """Words of one tile of every tensor that a level must have room for at least."""
        spec = self.levels[level]
        if spec.capacity_words is None:
            return math.inf
        return float(spec.capacity_words // spec.multiple_buffering)


def machine_of(architecture: Architecture, roles: Roles) -> Machine:
    """Look at an architecture with the eyes of the template.

    Raises:
        SpecError: It has no level inside main memory, or no pad may hold one of the tensors.
    """
    levels = architecture.levels
    if len(levels) == 1:
        rule = "a template needs a buffer between main memory and the MACs"
        remedy = "add a level, or give a mapping"
        place = f"architecture.{levels[0].name}"
        raise SpecError([Fault(place=place, value="", rule=rule, remedy=remedy)])
    first = len(levels) - 1
    while first > 1 and levels[first - 1].instances == levels[-1].instances:
        first -= 1
    pads = tuple(range(first, len(levels)))
    ends = next((at for at in range(1, first) if levels[at].instances > 1), first)
    shared = tuple(range(1, ends))
    return Machine(
        architecture=architecture,
        shared=shared,
        pads=pads,
        slots=tuple(_slots(architecture)),
        keeps=tuple(_keeps(architecture, roles, shared, pads)),
        widths=tuple(_width(architecture, level) for level in levels),
    )


def _slots(architecture: Architecture) -> Iterator[Slot]:
    levels = architecture.levels
    inners: tuple[StorageLevel | ComputeLevel, ...] = (*levels[1:], architecture.compute)
    for at, (outer, inner) in enumerate(zip(levels, inners, strict=True)):
        sides = ((False, inner.y // outer.y), (True, inner.x // outer.x))
        for along_x, size in sides:
            if size > 1:
                is_lane = at == len(levels) - 1
                yield Slot(level=at, along_x=along_x, size=size, is_lane=is_lane)


def _width(architecture: Architecture, level: StorageLevel) -> Width:
    found = port_widths(architecture, level)
    figures = {port: math.inf if rate is None else float(rate) for port, rate in found.items()}
    return Width(**figures)


def _keeps(
    architecture: Architecture, roles: Roles, shared: Sequence[int], pads: Sequence[int]
) -> Iterator[Keeps]:
    """Every choice of what levels keep."""
    everything = tuple(tensor.name for tensor in roles.tensors)
    options: list[list[tuple[str, ...]]] = []
    for at in shared:
        holds = architecture.levels[at].holds
        if holds is not None:
            options.append([tuple(name for name in everything if name in holds)])
            continue
        # Weights that bypass a buffer leave room in it, and go past its ports (Eyeriss).
        rest = tuple(name for name in everything if name != roles.weights.name)
        options.append([everything, rest])
    for in_shared in product(*options):
        for in_pads in _spread(architecture, everything, pads):
            made: list[tuple[str, ...]] = [everything]
            made += in_shared
            made += [()] * (pads[0] - len(made))
            yield (*made, *in_pads)


def _spread(
    architecture: Architecture, tensors: Sequence[str], pads: Sequence[int]
) -> list[tuple[tuple[str, ...], ...]]:
    """What the pads keep: as they say; those that do not say it share the rest out.

    Raises:
        SpecError: No pad may hold one of the tensors.
    """
    named = {at: architecture.levels[at].holds for at in pads}
    told = {name for holds in named.values() for name in holds or ()}
    free = [at for at in pads if named[at] is None]
    rest = [name for name in tensors if name not in told]
    if rest and not free:
        shown = ", ".join(architecture.levels[at].name for at in pads)
        rule = f"no level of the PEs may hold it: {shown}"
        raise SpecError([Fault(place=f"problem.tensors.{name}", value="", rule=rule,
                               remedy="let one of them hold it, or give a mapping")
                         for name in rest])  # fmt: skip
    choices = [dict(zip(rest, chosen, strict=True)) for chosen in product(free, repeat=len(rest))]
    widest = max(len(set(choice.values())) for choice in choices)
    found = []
    for choice in choices:
        if len(set(choice.values())) == widest:
            found.append(
                tuple(
                    tuple(name for name in tensors
                          if name in (named[at] or ()) or choice.get(name) == at)
                    for at in pads
                )
            )  # fmt: skip
    return found

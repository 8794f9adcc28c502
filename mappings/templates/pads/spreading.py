"""Which dimensions are laid across the meshes of PEs and of their lanes.

Per side of a mesh at most two dimensions. Of all combinations those are kept that leave the fewest
steps; extents that divide their bound are preferred, since a layer without remainders is simpler
to run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

from stallscope.mappings.templates.pads.machine import Machine, Slot
from stallscope.mappings.templates.roles import Roles

__all__ = ["REMAINDER", "Spread", "spreads"]

REMAINDER = 1.1
"""So many times more cycles are accepted for a mapping without remainders."""

_PER_SLOT = 14
_KEPT = 16
_ALIKE = 4
"""Spreads that lay dimensions of the same roles across the same sides."""

_Across = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What lies across every slot.

    Attributes:
        across: Per slot of the machine, dimensions and their extents, outermost first.
        space: Per dimension its extent across all PEs.
        lanes: Per dimension its extent across the MACs of one PE.
    """

    across: tuple[_Across, ...]
    space: Mapping[str, int]
    lanes: Mapping[str, int]

    def extent(self, name: str) -> int:
        """Iterations of a dimension that are done at once."""
        return self.space.get(name, 1) * self.lanes.get(name, 1)


def spreads(machine: Machine, roles: Roles) -> list[Spread]:
    """Return the promising spreads, the best first."""
    options = [_options(tuple(roles.bounds.items()), slot.size) for slot in machine.slots]
    found: list[tuple[float, Spread]] = []
    for across in product(*options):
        spread = _spread(machine.slots, across)
        if any(spread.extent(name) > bound for name, bound in roles.bounds.items()):
            continue
        steps = 1.0
        for name, bound in roles.bounds.items():
            steps *= math.ceil(bound / spread.extent(name))
            if bound % spread.extent(name):
                steps *= REMAINDER
        found.append((steps, spread))
    ranked = sorted(found, key=lambda one: one[0])
    return _various(roles, [spread for _, spread in ranked])


def _various(roles: Roles, ranked: Sequence[Spread]) -> list[Spread]:
    """Keep the best, but not too many that are alike."""
    part = {name: role for role, names in _roles(roles).items() for name in names}
    seen: dict[tuple[frozenset[str], ...], int] = {}
    kept = []
    for spread in ranked:
        kind = tuple(frozenset(part[name] for name, _ in across) for across in spread.across)
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= _ALIKE:
            kept.append(spread)
        if len(kept) == _KEPT:
            break
    return kept


def _roles(roles: Roles) -> dict[str, tuple[str, ...]]:
    return {
        "groups": roles.groups, "pixels": roles.pixels, "columns": roles.columns,
        "reduction": roles.reduction,
    }  # fmt: skip


def _spread(slots: Sequence[Slot], across: Sequence[_Across]) -> Spread:
    space: dict[str, int] = {}
    lanes: dict[str, int] = {}
    for slot, chosen in zip(slots, across, strict=True):
        total = lanes if slot.is_lane else space
        for name, extent in chosen:
            total[name] = total.get(name, 1) * extent
    return Spread(across=tuple(across), space=space, lanes=lanes)


@lru_cache(maxsize=1024)
def _options(bounds: tuple[tuple[str, int], ...], size: int) -> tuple[_Across, ...]:
    """What may lie across one side: nothing, one dimension, or two."""
    found: dict[_Across, float] = {(): 1.0}
    for name, bound in bounds:
        for extent in _extents(bound, size):
            found[((name, extent),)] = _gain(bound, extent)
    for (first, one), (second, other) in combinations(bounds, 2):
        for outer in range(2, size // 2 + 1):
            if outer > one or (one % outer and outer != one):
                continue
            for inner in _extents(other, size // outer):
                gain = _gain(one, outer) * _gain(other, inner)
                found[(first, outer), (second, inner)] = gain
        for inner in range(2, size // 2 + 1):
            if inner > other or (other % inner and inner != other):
                continue
            for outer in _extents(one, size // inner):
                gain = _gain(one, outer) * _gain(other, inner)
                found[(first, outer), (second, inner)] = gain
    return _best(found)


def _best(found: Mapping[_Across, float]) -> tuple[_Across, ...]:
    """Keep the best of every set of dimensions, and the best of the rest."""
    ranked = sorted(found, key=lambda across: (-found[across], len(across), across))
    firsts: dict[tuple[str, ...], _Across] = {}
    for across in ranked:
        firsts.setdefault(tuple(name for name, _ in across), across)
    kept = list(firsts.values())[:_PER_SLOT]
    kept += [across for across in ranked if across not in kept][: _PER_SLOT // 2]
    if () not in kept:
        kept.append(())
    return tuple(kept)


def _gain(bound: int, extent: int) -> float:
    """How many times fewer steps; less where the last one is smaller."""
    gain = bound / math.ceil(bound / extent)
    return gain / REMAINDER if bound % extent else gain


def _extents(bound: int, size: int) -> set[int]:
    """The extent with the fewest steps, and the largest that divides the bound."""
    steps = math.ceil(bound / min(bound, size))
    whole = max(extent for extent in range(1, min(bound, size) + 1) if bound % extent == 0)
    return {math.ceil(bound / steps), whole} - {1}

"""Whether a mapping can run: every rule between problem, architecture and mapping, at once.

Tiles are those of a clipped nest: a level's tile spans the loops of its own block and of every
inner block, at most the bound. Capacity is checked in words, all kept tensors in one pool; of a
tensor in a format the largest tile counts, as it is stored.

Not modelled: room reserved per tensor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as AbstractMapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.fields import nearest
from stallscope.mappings.legality_capacity import capacity_faults
from stallscope.mappings.legality_systolic import systolic_faults
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Problem
from stallscope.mappings.sparsity.legality import hardware_faults, returning_faults
from stallscope.mappings.sparsity.masks import masks, sparsity_faults
from stallscope.mappings.sparsity.operands import Sparsity
from stallscope.mappings.sparsity.tiles import StoredTiles
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["DENSE", "check_mapping", "tile_extents"]

DENSE = Sparsity()
"""No word is zero."""
_ONE = Fraction(1)


def check_mapping(
    problem: Problem,
    architecture: Architecture,
    mapping: Mapping,
    sparsity: Sparsity = DENSE,
) -> None:
    """Check a mapping against its problem and architecture.

    Args:
        problem: The problem.
        architecture: The architecture.
        mapping: The mapping.
        sparsity: Which words are zero: levels with a format hold as many tiles as fit compressed.

    Raises:
        SpecError: Every fault: unknown or missing names, factors that do not cover a bound or
            are not needed, tiles that do not fit or fill too little, loops wider than the
            array, tensors kept nowhere or where they may not be.
    """
    faults = _unknown_levels(architecture, mapping) + _unknown_networks(problem, architecture)
    faults += hardware_faults(problem, architecture) + sparsity_faults(problem, sparsity)
    for level in mapping.levels:
        faults += _unknown_names(problem, level)
    if not faults:
        faults += _order(architecture, mapping)
    if not faults:
        faults += _factors(problem, mapping)
        faults += _residents(problem, architecture, mapping)
        faults += _words(problem, architecture, mapping)
        faults += _fanouts(architecture, mapping)
        faults += systolic_faults(problem, architecture, mapping)
        faults += returning_faults(problem, architecture, mapping)
        faults += _capacities(problem, architecture, mapping, sparsity)
    if faults:
        raise SpecError(faults)


def _capacities(
    problem: Problem, architecture: Architecture, mapping: Mapping, sparsity: Sparsity
) -> list[Fault]:
    """Levels whose tiles do not fit, as they are stored there."""
    drawn: dict[str, NDArray[np.bool_]] = {}
    if any(spec.formats and spec.capacity_words is not None for spec in architecture.levels):
        drawn = masks(problem, sparsity)
    extents = tile_extents(problem, mapping)
    return [
        fault
        for spec, level, spans in zip(architecture.levels, mapping.levels, extents, strict=True)
        for fault in capacity_faults(
            problem, spec, level, spans, StoredTiles(problem, spec, drawn).words
        )
    ]


def _unknown_networks(problem: Problem, architecture: Architecture) -> list[Fault]:
    """Separate networks of tensors that the problem does not have."""
    known = [tensor.name for tensor in problem.tensors]
    return [
        Fault(
            place=f"architecture.{level.name}.network.separate.{one.tensor}",
            value=one.tensor,
            rule="is no tensor of the problem",
            remedy=nearest(one.tensor, known),
        )
        for level in architecture.levels
        for one in level.network.separate
        if one.tensor not in known
    ]


def tile_extents(problem: Problem, mapping: Mapping) -> tuple[dict[str, int], ...]:
    """Return per level, outermost first, the iterations per dimension that its tile spans."""
    spans = dict.fromkeys(problem.bounds, 1)
    found: list[dict[str, int]] = []
    for level in reversed(mapping.levels):
        for loop in level.temporal + level.spatial:
            spans[loop.dimension] *= loop.extent
        found.append({name: min(spans[name], bound) for name, bound in problem.bounds.items()})
    return tuple(reversed(found))


def _words(problem: Problem, architecture: Architecture, mapping: Mapping) -> list[Fault]:
    """A tensor's words are its level's: words of another width are not modelled yet."""
    return [
        Fault(place=f"problem.tensors.{tensor.name}.word_bits", value=tensor.word_bits,
              rule=f"{spec.name} has words of {spec.word_bits} bits; others are not modelled yet",
              remedy="leave it out, or give the levels that keep it words of that width")
        for tensor in problem.tensors if tensor.word_bits is not None
        for spec, level in zip(architecture.levels, mapping.levels, strict=True)
        if tensor.name in level.keep and spec.word_bits != tensor.word_bits
    ]  # fmt: skip


def _unknown_levels(architecture: Architecture, mapping: Mapping) -> list[Fault]:
    known = architecture.level_index
    faults = [
        Fault(place=f"mapping.{level.level}", value="", rule=f"no storage level {level.level}",
              remedy=nearest(level.level, known))
        for level in mapping.levels if level.level not in known
    ]  # fmt: skip
    faults += [
        Fault(place="mapping", value="", rule=f"level {name} is not mapped",
              remedy=f"add {name}: {{keep: []}} if it does nothing")
        for name in known if name not in mapping.by_level
    ]  # fmt: skip
    return faults


def _unknown_names(problem: Problem, level: LevelMapping) -> list[Fault]:
    place = f"mapping.{level.level}"
    tensors = [tensor.name for tensor in problem.tensors]
    faults = [
        Fault(place=f"{place}.{key}", value=f"{loop.dimension}={loop.extent}",
              rule=f"no dimension {loop.dimension}",
              remedy=nearest(loop.dimension, problem.bounds))
        for key, loops in _blocks(level) for loop in loops
        if loop.dimension not in problem.bounds
    ]  # fmt: skip
    named = [("keep", name) for name in level.keep]
    named += [("buffering", entry.tensor) for entry in level.buffering]
    for key, name in named:
        if name not in tensors:
            faults.append(
                Fault(place=f"{place}.{key}", value=name, rule=f"no tensor {name}",
                      remedy=nearest(name, tensors))
            )  # fmt: skip
        elif name not in level.keep:
            rule = f"{level.level} does not keep {name}"
            faults.append(
                Fault(place=f"{place}.{key}", value=name, rule=rule,
                      remedy="add it to keep or leave its buffering out")
            )  # fmt: skip
    twice = sorted({e.tensor for e in level.buffering
                    if sum(o.tensor == e.tensor for o in level.buffering) > 1})  # fmt: skip
    faults += [
        Fault(place=f"{place}.buffering", value=name, rule=f"{name} is given twice")
        for name in twice
    ]
    return faults


def _blocks(level: LevelMapping) -> tuple[tuple[str, tuple[Loop, ...]], ...]:
    return (
        ("temporal", level.temporal), ("spatial_y", level.spatial_y),
        ("spatial_x", level.spatial_x),
    )  # fmt: skip


def _order(architecture: Architecture, mapping: Mapping) -> list[Fault]:
    order = [level.level for level in mapping.levels]
    if order == [level.name for level in architecture.levels]:
        return []
    rule = "levels must stand in the architecture's order, outermost first"
    remedy = "order: " + ", ".join(level.name for level in architecture.levels)
    return [Fault(place="mapping", value=", ".join(order), rule=rule, remedy=remedy)]


def _factors(problem: Problem, mapping: Mapping) -> list[Fault]:
    """Faults of loops, walked from the inside: each must be needed, together they must cover."""
    faults = []
    span = dict.fromkeys(problem.bounds, 1)
    for level in reversed(mapping.levels):
        for key, loops in reversed(_blocks(level)):
            for loop in reversed(loops):
                name, inner = loop.dimension, span[loop.dimension]
                needed = max(1, math.ceil(problem.bounds[name] / inner))
                if loop.extent > needed:
                    place = f"mapping.{level.level}.{key}"
                    faults.append(_unneeded(place, loop, inner, needed, problem.bounds[name]))
                span[name] = inner * loop.extent
    for name, bound in problem.bounds.items():
        if span[name] < bound:
            missing = math.ceil(bound / span[name])
            faults.append(
                Fault(place="mapping", value=f"{name}={span[name]}",
                      rule=f"the factors of {name} multiply to {_n(span[name])}, "
                      f"its bound is {_n(bound)}",
                      remedy=f"a further factor {name}={missing} covers it")
            )  # fmt: skip
    return faults


def _unneeded(place: str, loop: Loop, inner: int, needed: int, bound: int) -> Fault:
    name = loop.dimension
    rule = f"inner loops span {_n(inner)} of {name}, so the bound {_n(bound)} needs "
    rule += f"{_n(needed)} iteration{'s' if needed > 1 else ''} here, not {_n(loop.extent)}"
    remedy = f"write {name}={needed}" if needed > 1 else f"leave {name}={loop.extent} out"
    return Fault(place=place, value=f"{name}={loop.extent}", rule=rule, remedy=remedy)


def _residents(problem: Problem, architecture: Architecture, mapping: Mapping) -> list[Fault]:
    faults = []
    for level in mapping.levels:
        holds = architecture.level(level.level).holds
        for name in level.keep:
            if holds is not None and name not in holds:
                rule = f"{level.level} may hold only {', '.join(holds) or 'nothing'}"
                faults.append(
                    Fault(place=f"mapping.{level.level}.keep", value=name, rule=rule,
                          remedy=f"drop {name} from keep")
                )  # fmt: skip
    for tensor in problem.tensors:
        if not any(tensor.name in level.keep for level in mapping.levels):
            outermost = mapping.levels[0].level
            faults.append(
                Fault(place=f"mapping.{outermost}.keep", value="",
                      rule=f"no level keeps {tensor.name}",
                      remedy=f"keep {tensor.name} at {outermost}")
            )  # fmt: skip
    return faults


def _fanouts(architecture: Architecture, mapping: Mapping) -> list[Fault]:
    inners: tuple[StorageLevel | ComputeLevel, ...] = (
        *architecture.levels[1:],
        architecture.compute,
    )
    faults = []
    for outer, inner, level in zip(architecture.levels, inners, mapping.levels, strict=True):
        x = math.prod(loop.extent for loop in level.spatial_x)
        y = math.prod(loop.extent for loop in level.spatial_y)
        limits: AbstractMapping[str, tuple[int, Fraction]] = {
            "spatial_x": (x, Fraction(inner.x, outer.x)),
            "spatial_y": (y, Fraction(inner.y, outer.y)),
        }
        between = f"{inner.name} per {outer.name}"
        for key, (mapped, limit) in limits.items():
            if mapped > max(_ONE, limit):
                faults.append(_too_wide(level, key, mapped, max(1, math.floor(limit)), between))
        instances = max(1, inner.instances // outer.instances)
        if x * y > instances and not any(mapped > max(_ONE, w) for mapped, w in limits.values()):
            key = "spatial_y" if y > 1 else "spatial_x"
            faults.append(_too_wide(level, key, x * y, instances, between, both=True))
    return faults


def _too_wide(
    level: LevelMapping, key: str, mapped: int, limit: int, between: str, *, both: bool = False
) -> Fault:
    axis = "X and Y together" if both else key[-1].upper()
    loops = level.spatial if both else dict(_blocks(level))[key]
    shown = ", ".join(f"{loop.dimension}={loop.extent}" for loop in loops)
    rule = f"spatial loops at {level.level} need {_n(mapped)} along {axis}, "
    rule += f"there {'is' if limit == 1 else 'are'} {_n(limit)} {between}"
    return Fault(
        place=f"mapping.{level.level}.{key}", value=shown, rule=rule,
        remedy=_narrower(loops, mapped, limit),
    )  # fmt: skip


def _narrower(loops: tuple[Loop, ...], mapped: int, limit: int) -> str:
    for loop in sorted(loops, key=lambda loop: -loop.extent):
        extent = limit * loop.extent // mapped
        while extent > 1 and loop.extent % extent:
            extent -= 1
        if extent >= 1 and mapped // loop.extent * extent <= limit:
            rest = math.ceil(loop.extent / extent)
            return f"{loop.dimension} {loop.extent} -> {extent} fits, with {rest} in time"
    return "move loops from space to time"


def _n(value: int) -> str:
    return f"{value:,}".replace(",", " ")

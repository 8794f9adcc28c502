"""What holds a layer up, by experiment: the same run with one thing made ideal at a time.

A cycle stack says what the array waited for; making that faster need not save as much (the next
thing waits behind it), and may save more. This asks the simulator itself.

Of a main memory with a controller it also tries other address maps: what is saved by one that
cost nothing to choose.

Not modelled: what an ideal part would cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stallscope.hw.simulate import simulate
from stallscope.hw.what_ifs import COMPUTE_CHANGES, Change, changes
from stallscope.mappings.architecture import Architecture
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import Buffering

__all__ = ["IDEAL_TILES", "WhatIf", "bottleneck"]

IDEAL_TILES = 16
"""Tiles of every tensor that a level of ideal capacity holds. Room without end would let fills run
ahead of everything, and nothing would repeat. Of a latency of many tiles this hides a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """One run with something made ideal.

    Attributes:
        resource: What: a level (networks go by their outer level) or the MACs; empty where not
            one is meant.
        ideal: What of it: ``bandwidth`` (and with a controller all timing), ``banks``
            (interleaved ones without conflicts: as if one were as wide as all), ``latency``,
            ``network bandwidth`` (and the links of a topology), ``network latency``, ``decoding``
            (of compressed words, as fast as they come), ``metadata`` (there is none), ``capacity``,
            ``refresh`` (there is none), ``window`` (the controller chooses among all requests),
            ``address map NAME`` (no ideal, another choice); of no resource ``contention`` (there
            is none), ``everything``, and ``nothing`` for the run as it is.
        cycles: Cycles of that run.
        saved: Cycles fewer than as it is; below 0 where greedy arbitration does worse
            (docs/model_limits.md).
    """

    resource: str
    ideal: str
    cycles: int
    saved: int


def bottleneck(case: Case, *, fast_forward: bool = True) -> tuple[WhatIf, ...]:
    """Run a case as it is, and with one thing made ideal at a time.

    Args:
        case: A checked case.
        fast_forward: See `simulate`.

    Returns:
        The run as it is, then the others, most saved first.

    Raises:
        DeadlockError: If units wait for each other.
    """
    base = simulate(case, fast_forward=fast_forward).cycles
    found = []
    for resource, ideal, changed, contention in _variants(case):
        cycles = simulate(changed, fast_forward=fast_forward, contention=contention).cycles
        found.append(WhatIf(resource=resource, ideal=ideal, cycles=cycles, saved=base - cycles))
    found.sort(key=lambda one: -one.saved)
    return (WhatIf(resource="", ideal="nothing", cycles=base, saved=0), *found)


def _variants(case: Case) -> Iterator[tuple[str, str, Case, bool]]:
    """Resource, what of it is ideal, the case, and whether units share ports."""
    everything = case
    for level in case.architecture.levels:
        for ideal, change, in_all in changes(level):
            if change(level) != level:
                yield level.name, ideal, _with(case, level.name, change), True
                if in_all:
                    everything = _with(everything, level.name, change)
        if _brought(case, level.name):
            yield level.name, "capacity", _roomy(case, level.name), True
            everything = _roomy(everything, level.name)
    compute = case.architecture.compute
    for ideal, improve in COMPUTE_CHANGES.items():
        if improve(compute) != compute:
            yield compute.name, ideal, _machine(case, compute=improve(compute)), True
            best = everything.architecture.compute
            everything = _machine(everything, compute=improve(best))
    yield "", "contention", case, False
    yield "", "everything", everything, False


def _with(case: Case, name: str, change: Change) -> Case:
    """The case with one level changed."""
    levels = tuple(
        change(level) if level.name == name else level for level in case.architecture.levels
    )
    return _machine(case, levels=levels)


def _machine(case: Case, **update: object) -> Case:
    """The case with another architecture."""
    architecture: Architecture = case.architecture.model_copy(update=update)
    return case.model_copy(update={"architecture": architecture})


def _brought(case: Case, level: str) -> tuple[str, ...]:
    """Tensors that are brought to a level: kept there, and further out."""
    outer = case.mapping.levels[: case.architecture.level_index[level]]
    kept = case.mapping.by_level[level].keep
    return tuple(name for name in kept if any(name in one.keep for one in outer))


def _roomy(case: Case, name: str) -> Case:
    """The case with room for many tiles of every tensor at a level."""
    tensors = _brought(case, name)
    mapped = case.mapping.by_level[name]
    others = tuple(entry for entry in mapped.buffering if entry.tensor not in tensors)
    given = {entry.tensor: entry.tiles for entry in mapped.buffering}
    tiles = tuple(
        Buffering(tensor=tensor, tiles=max(IDEAL_TILES, given.get(tensor, 0))) for tensor in tensors
    )
    roomy = mapped.model_copy(update={"buffering": others + tiles})
    levels = tuple(roomy if level.level == name else level for level in case.mapping.levels)
    mapping = case.mapping.model_copy(update={"levels": levels})
    changed = case.model_copy(update={"mapping": mapping})
    return _with(changed, name, lambda level: level.model_copy(update={"capacity_words": None}))

"""Whether the tiles a level keeps fit it, and fill it enough; with a remedy that was computed.

With ``multiple_buffering`` b the tiles must fit capacity / b. Where the mapping says how many
tiles of a tensor a level holds, those tiles must fit the whole capacity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping as AbstractMapping

from stallscope.mappings.architecture import StorageLevel
from stallscope.mappings.mapping import LevelMapping
from stallscope.mappings.problem import Problem, Tensor
from stallscope.simcore.errors import Fault

__all__ = ["capacity_faults"]

TileWords = Callable[[Tensor, AbstractMapping[str, int]], int]
"""Words of a tensor's largest tile that spans so many iterations per dimension."""


def capacity_faults(
    problem: Problem,
    spec: StorageLevel,
    level: LevelMapping,
    spans: AbstractMapping[str, int],
    stored: TileWords = Tensor.tile_words,
) -> list[Fault]:
    """Check one level's tiles.

    Args:
        problem: The problem.
        spec: The level.
        level: Its entry in the mapping.
        spans: Iterations per dimension that its tile spans.
        stored: Words that the largest tile of a tensor takes here.

    Returns:
        At most one fault of capacity and one of utilization.
    """
    capacity = spec.capacity_words
    if capacity is None:
        return []
    room = math.floor(capacity / spec.multiple_buffering)
    single = dict.fromkeys(level.keep, 1)
    tiles = single | {entry.tensor: entry.tiles for entry in level.buffering}
    faults = []
    if _words(problem, stored, spans, single) > room:
        faults.append(_too_large(problem, stored, spec, level, spans, single, room))
    elif level.buffering and _words(problem, stored, spans, tiles) > capacity:
        faults.append(_too_large(problem, stored, spec, level, spans, tiles, capacity))
    used = _words(problem, stored, spans, single)
    least = spec.min_utilization * capacity
    if used < least:
        full = _n(capacity)
        rule = f"{spec.name} holds {_n(used)} words, min_utilization {spec.min_utilization:g} "
        rule += f"of {full} asks for {_n(math.ceil(least))}"
        faults.append(
            Fault(place=f"mapping.{spec.name}", value=", ".join(level.keep), rule=rule,
                  remedy="enlarge the tiles at this level or lower min_utilization")
        )  # fmt: skip
    return faults


def _words(
    problem: Problem,
    stored: TileWords,
    spans: AbstractMapping[str, int],
    tiles: AbstractMapping[str, int],
) -> int:
    return sum(
        stored(tensor, spans) * tiles[tensor.name]
        for tensor in problem.tensors
        if tensor.name in tiles
    )


def _too_large(
    problem: Problem,
    stored: TileWords,
    spec: StorageLevel,
    level: LevelMapping,
    spans: AbstractMapping[str, int],
    tiles: AbstractMapping[str, int],
    room: int,
) -> Fault:
    needed = _words(problem, stored, spans, tiles)
    parts = "+".join(f"{count} x {name}" if count > 1 else name for name, count in tiles.items())
    has = f"has {_n(room)}"
    if spec.multiple_buffering != 1 and room != spec.capacity_words:
        has += f" ({_n(spec.capacity_words or 0)} / multiple_buffering "
        has += f"{float(spec.multiple_buffering):g})"
    return Fault(
        place=f"mapping.{spec.name}",
        value="",
        rule=f"{spec.name} needs {_n(needed)} words for {parts}, {has}",
        remedy=_remedy(problem, stored, level, spans, tiles, room, needed),
    )


def _remedy(
    problem: Problem,
    stored: TileWords,
    level: LevelMapping,
    spans: AbstractMapping[str, int],
    tiles: AbstractMapping[str, int],
    room: int,
    needed: int,
) -> str:
    if any(count > 1 for count in tiles.values()) and _words(
        problem, stored, spans, dict.fromkeys(tiles, 1)
    ) <= room:  # fmt: skip
        return "one tile of each fits: lower the buffering"
    shrunk = _shrunk(problem, stored, level, spans, tiles, room)
    if shrunk:
        return f"{shrunk} at this level fits"
    for name in tiles:
        if _words(problem, stored, spans, {k: v for k, v in tiles.items() if k != name}) <= room:
            return f"without {name} the rest fits: let {name} bypass this level"
    return f"shrink the tiles of inner levels or give it {_n(needed)} words"


def _shrunk(
    problem: Problem,
    stored: TileWords,
    level: LevelMapping,
    spans: AbstractMapping[str, int],
    tiles: AbstractMapping[str, int],
    room: int,
) -> str:
    """Return the fewest shorter loops of this level with which the tiles fit, or nothing."""
    best: tuple[int, str] | None = None
    smallest: tuple[int, str, dict[str, int]] | None = None
    for loop in level.temporal + level.spatial:
        inner = max(1, math.ceil(spans[loop.dimension] / loop.extent))
        for extent in _divisors(loop.extent)[1:]:
            less = {**spans, loop.dimension: inner * extent}
            used = _words(problem, stored, less, tiles)
            text = f"{loop.dimension} {loop.extent} -> {extent}"
            if used <= room and (best is None or used > best[0]):
                best = (used, text)
            if extent == 1 and (smallest is None or used < smallest[0]):
                smallest = (used, text, less)
            if used <= room:
                break
    if best is not None or smallest is None:
        return best[1] if best is not None else ""
    if smallest[0] >= _words(problem, stored, spans, tiles):
        return ""
    # One loop is not enough: take away the one that frees most, and look again.
    name = smallest[1].split(" ")[0]
    rest = level.model_copy(
        update={
            "temporal": tuple(loop for loop in level.temporal if loop.dimension != name),
            "spatial_y": tuple(loop for loop in level.spatial_y if loop.dimension != name),
            "spatial_x": tuple(loop for loop in level.spatial_x if loop.dimension != name),
        }
    )
    more = _shrunk(problem, stored, rest, smallest[2], tiles, room)
    return f"{smallest[1]}, {more}" if more else ""


def _divisors(value: int) -> list[int]:
    """Return the divisors of a loop's extent, largest first (at most a few thousand tried)."""
    small = [d for d in range(1, min(math.isqrt(value), 4096) + 1) if value % d == 0]
    return sorted({*small, *(value // d for d in small)}, reverse=True)


def _n(value: int) -> str:
    return f"{value:,}".replace(",", " ")

"""The streams of a program of crossbars, one per unit of the chip, in unit order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from stallscope.simcore.position import Position
from stallscope.traces.reram.program import CrossbarProgram

__all__ = ["ChipStream", "StreamKind", "chip_streams"]


class StreamKind(StrEnum):
    """What a stream is of; the last word of its unit's name, but for cores."""

    INPUTS = "inputs"
    WEIGHTS = "weights"
    REFILL = "partial sums"
    CORE = "core"
    RESULTS = "results"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipStream:
    """One stream.

    Attributes:
        name: Its unit.
        kind: What it is of.
        tile: Number of the unit's tile.
        cores: The cores it serves, by their numbers in the tile.
        depth: How many of the program's loops it has.
        steps: Steps that it takes.
    """

    name: str
    kind: StreamKind
    tile: int
    cores: tuple[int, ...]
    depth: int
    steps: int


def chip_streams(program: CrossbarProgram) -> tuple[ChipStream, ...]:
    """Return the streams of a program, in unit order: what brings, what computes, what stores."""
    walk = program.walk
    depths = {
        StreamKind.INPUTS: walk.inputs, StreamKind.WEIGHTS: walk.weights,
        StreamKind.REFILL: walk.outputs, StreamKind.CORE: len(walk.loops),
        StreamKind.RESULTS: walk.outputs,
    }  # fmt: skip
    steps = {kind: _steps(program, depth) for kind, depth in depths.items()}
    return tuple(
        ChipStream(
            name=_name(kind, tile, cores, is_alone=is_alone), kind=kind, tile=tile, cores=cores,
            depth=depths[kind], steps=steps[kind],
        )
        for kind, tile, cores, is_alone in _units(program)
    )  # fmt: skip


def _units(program: CrossbarProgram) -> Iterator[tuple[StreamKind, int, tuple[int, ...], bool]]:
    """Kind, tile, cores of every unit, and whether it is of one core."""
    used, own = program.layer.used_cores, program.tile_cores
    tiles = [tuple(range(min(own, used - first))) for first in range(0, used, own)]
    sites = [(tile, (core,)) for tile, cores in enumerate(tiles) for core in cores]
    for tile, cores in enumerate(tiles):
        yield StreamKind.INPUTS, tile, cores, False
        if not program.writes_apart:
            yield StreamKind.WEIGHTS, tile, cores, False
            continue
        for core in cores:
            yield StreamKind.WEIGHTS, tile, (core,), True
    kinds = [StreamKind.CORE, StreamKind.RESULTS]
    if program.spills:
        kinds.insert(0, StreamKind.REFILL)
    for kind in kinds:
        for tile, cores in sites:
            yield kind, tile, cores, True


def _name(kind: StreamKind, tile: int, cores: tuple[int, ...], *, is_alone: bool) -> str:
    place = f"tile {tile} core {cores[0]}" if is_alone else f"tile {tile}"
    return place if kind is StreamKind.CORE else f"{place} {kind}"


def _steps(program: CrossbarProgram, depth: int) -> int:
    """Steps of the first ``depth`` loops."""
    position = Position(program.loops[:depth], program.bounds)
    index: list[int] = [0] * depth
    for level in range(depth):
        index[level] = position.last(level, index)
    return position.ordinal(index) + 1

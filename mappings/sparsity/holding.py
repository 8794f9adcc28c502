"""How many tiles of a tensor wait at a PE: those its buffer holds."""

from __future__ import annotations

from collections.abc import Mapping

from stallscope.mappings.architecture import StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import LevelMapping
from stallscope.mappings.nest import Nest
from stallscope.mappings.sparsity.passes import PeNest

__all__ = ["tiles_at_pes"]

_MOST = 2
"""Tiles that are held where the mapping does not say (docs/timing.md)."""


def tiles_at_pes(case: Case) -> dict[str, int]:
    """Tiles of every tensor at the outermost of the PEs' own levels that keeps it.

    What the mapping says, or as many as fit, at least 1, at most 2, in the order in which the
    level keeps the tensors. One where no level of a PE keeps the tensor: the one in use. Tiles
    are taken to need the room of their uncompressed words.
    """
    nest = Nest(case)
    held = dict.fromkeys((tensor.name for tensor in case.problem.tensors), 1)
    levels = [*zip(case.architecture.levels, case.mapping.levels, strict=True)]
    for at in reversed(range(PeNest(case).own, len(levels))):
        spec, mapped = levels[at]
        words = {
            name: case.problem.tensor(name).tile_words(nest.extents(at)) for name in mapped.keep
        }
        held |= _given(spec, mapped, words)
    return held


def _given(spec: StorageLevel, mapped: LevelMapping, words: Mapping[str, int]) -> dict[str, int]:
    asked = {entry.tensor: entry.tiles for entry in mapped.buffering}
    tiles = {name: asked.get(name, 1) for name in words}
    used = sum(words[name] * tiles[name] for name in words)
    multiple = int(spec.multiple_buffering)
    for name in words:
        if name not in asked:
            fits = spec.capacity_words is None or used + words[name] <= spec.capacity_words
            tiles[name] = multiple if multiple > 1 else _MOST if fits else 1
            used += (tiles[name] - 1) * words[name]
    return tiles

"""What is delivered to a child at each step: the rules of reuse as a small automaton.

The automaton is fed the steps of a stream (how far the tile's origin moved, how much of each
ragged dimension is left) and answers with the words that each child has to be given. Children that
clip alike form a *class* and share one answer, relative to their own origin.

Not modelled: anything a child may have held before its previous tile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from stallscope.mappings.boxes import Box, Boxes, Vector, subtract, translate
from stallscope.mappings.problem import Tensor

__all__ = ["Automaton", "Event", "Retention", "State"]


class Retention(Enum):
    """What a child is taken to hold when a tile arrives."""

    NOTHING = "nothing"
    """Every step delivers the whole tile: operands at the MACs."""
    OVERLAP = "overlap"
    """The new tile minus the previous one."""
    SAME_MOVEMENT = "same_movement"
    """Timeloop: a slab, if the tile moved exactly as in the step before; else the whole tile."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What one class of children holds: its tile's size per rank (None: idle)."""

    tile: Vector | None = None
    movement: Vector | None = None
    delta: Boxes = ()


State = tuple[_Held, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """The outcome of a step: per class the boxes delivered now and in the step before.

    All boxes are relative to the step's origin plus the child's own shift; ``before`` is empty
    when nobody asks for it (no neighbour links).
    """

    now: tuple[Boxes, ...]
    before: tuple[Boxes, ...]


class Automaton:
    """The rule of reuse of one stream.

    Args:
        tensor: The tensor streamed.
        spans: Indices per dimension of an unclipped tile.
        ragged: The ragged dimensions, in the order of a step's ``left``.
        classes: Per class of children, their offset in each ragged dimension.
        retention: What children are taken to hold.
        recalls: Whether events tell the previous delivery (for neighbour links).
    """

    def __init__(
        self,
        tensor: Tensor,
        *,
        spans: Mapping[str, int],
        ragged: tuple[str, ...],
        classes: tuple[Vector, ...],
        retention: Retention,
        recalls: bool,
    ) -> None:
        self._tensor = tensor
        self._spans = spans
        self._ragged = ragged
        self._classes = classes
        self._retention = retention
        self._recalls = recalls
        self._tiles: dict[Vector, tuple[tuple[Vector | None, bool], ...]] = {}
        self._known: dict[tuple[State, Vector, Vector], tuple[State, Event]] = {}
        self.start: State = tuple(_Held() for _ in classes)

    def step(self, state: State, move: Vector, left: Vector) -> tuple[State, Event]:
        """Deliver the next tiles.

        Args:
            state: What the children hold.
            move: Words the origin moved since the previous step, per rank.
            left: Indices left from the origin to the bound, per ragged dimension.
        """
        key = (state, move, left)
        if key not in self._known:
            if left not in self._tiles:
                self._tiles[left] = tuple(self._tile(left, offset) for offset in self._classes)
            back = tuple(-by for by in move)
            after = tuple(
                self._deliver(held, tile, move, back, waits)
                for held, (tile, waits) in zip(state, self._tiles[left], strict=True)
            )
            before = tuple(translate(held.delta, back) for held in state) if self._recalls else ()
            event = Event(tuple(held.delta for held in after), before)
            if not self._recalls:
                after = tuple(_Held(held.tile, held.movement) for held in after)
            self._known[key] = (after, event)
        return self._known[key]

    def _tile(self, left: Vector, offset: Vector) -> tuple[Vector | None, bool]:
        """Size of a child's tile (None: idle), and whether only reduction makes it idle."""
        extents = dict(self._spans)
        idle = set()
        for dimension, rest, start in zip(self._ragged, left, offset, strict=True):
            extents[dimension] = min(extents[dimension], rest - start)
            if extents[dimension] <= 0:
                idle.add(dimension)
        if idle:
            return None, self._tensor.is_output and not idle & self._tensor.dimensions
        return self._tensor.tile_shape(extents), False

    def _deliver(
        self, held: _Held, tile: Vector | None, move: Vector, back: Vector, waits: bool
    ) -> _Held:
        if tile is None:
            # A child idle by reduction alone keeps its partial sums while its group stays put.
            stays = waits and held.tile is not None and not any(move)
            return _Held(held.tile, held.movement) if stays else _Held()
        box: Box = tuple((0, size) for size in tile)
        moved = None if held.tile is None else move
        previous = None
        if held.tile is not None:
            previous = tuple((by, by + size) for by, size in zip(back, held.tile, strict=True))
        if self._retention is Retention.NOTHING or previous is None:
            return _Held(tile, None, (box,))
        if self._retention is Retention.OVERLAP:
            return _Held(tile, None, subtract(box, previous))
        if held.movement is not None and held.movement != moved:
            return _Held(tile, None, (box,))
        pieces = subtract(box, previous)
        return _Held(tile, moved, pieces if len(pieces) <= 1 else (box,))

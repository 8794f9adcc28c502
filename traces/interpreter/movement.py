"""What one step of a mover moves, word by word, from its record and the geometry of the tiles.

Without remainders all children are alike: each gets the record's boxes at its own offset. With
remainders the representative child gets the record's boxes, and every other child what its own
clipped tile has new. What moves is then counted, and must be what the record says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from stallscope.traces.interpreter.counting import Delivery, supplied
from stallscope.traces.interpreter.instruction import FunctionError, Instruction, word
from stallscope.traces.interpreter.residence import Site, Tile
from stallscope.traces.interpreter.walking import Origin, Walker
from stallscope.traces.program import MoverStream, Program, Record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

__all__ = ["Gather", "Movement", "Planner"]


@dataclass(frozen=True, slots=True)
class Gather:
    """Words to copy from one tile to another, numbered through all instances.

    Attributes:
        source: Words of the source, where both tiles stand at the same place.
        target: Words of the target.
        low: Least coordinate per rank in the source's tile, where both stand at the same place.
        high: Largest coordinate likewise.
    """

    source: Numbers
    target: Numbers
    low: tuple[int, ...]
    high: tuple[int, ...]

    def locate(
        self, site: Site, tile: Tile, low: tuple[int, ...], who: Instruction, what: str
    ) -> Numbers:
        """Return the words to read of a tile, each of which must be there.

        Args:
            site: Shape of the source.
            tile: The source's tile.
            low: Where the target's tile stands.
            who: The instruction, for the message.
            what: What it does with a word, such as "reads".
        """
        by = 0
        for rank, stride in enumerate(site.strides):
            moved = low[rank] - tile.low[rank]
            by += moved * stride
            for edge in (self.low[rank] + moved, self.high[rank] + moved):
                if not 0 <= edge < site.shape[rank]:
                    at = [*low]
                    at[rank] = tile.low[rank] + edge
                    name = f"{word(site.layout, at)} or beyond in rank {rank}"
                    raise FunctionError(who, f"{what} {name}: {site.level} does not hold it")
        found = self.source + by if by else self.source
        site.require(tile, found, who, what)
        return found


@dataclass(frozen=True, slots=True)
class Movement:
    """One kind of step.

    Attributes:
        record: Its record.
        move: Words per rank by which the tile moved; None at the first step.
        inside: Words of each child's tile, None where it is a full tile everywhere.
        new: Words that arrive, per child.
        tile: Words of the tile, per child.
        leaving: Words of the tile before that are not kept, per child.
        arriving: Every word that arrives, numbered through all children.
        from_parent: Those that are read from the parent; of partial sums one child's copy.
        from_neighbours: Those that a neighbour gives.
        stays: Whether the tile stands where it stood and is kept (output tiles).
    """

    record: Record
    move: tuple[int, ...] | None
    inside: Mask | None
    new: Numbers
    tile: Numbers
    leaving: Numbers
    arriving: Numbers
    from_parent: Gather
    from_neighbours: Gather | None
    stays: bool


class Planner:
    """Works out the movements of one stream, each kind once."""

    def __init__(self, program: Program, stream: MoverStream, parent: Site, child: Site) -> None:
        self.stream, self.parent, self.child = stream, parent, child
        self.program = program
        dims = [name for name, _ in program.dims]
        index = {name: at for at, name in enumerate(dims)}
        self.spans = tuple(dict(stream.spans).get(name, 1) for name in dims)
        self.bounds = {index[name]: bound for name, bound in stream.bounds}
        self.terms = [
            [(index[name], coefficient) for name, coefficient in rank]
            for rank in child.layout.ranks
        ]
        self._reach = [int(child.offsets[:, at].max()) + self.spans[at] for at in range(len(dims))]
        self._kinds: dict[object, Movement] = {}
        self._whole: tuple[Gather, int] | None = None
        levels = [name for name, _ in program.used_instances]
        outer, inner = levels.index(stream.parent), levels.index(stream.child)
        self._blocks = program.blocks[outer:inner]
        self._places = np.stack(
            [np.arange(child.instances) // stride % size for stride, size in self._digits()]
        )
        size = prod(child.shape)
        self._coordinates = np.array(
            [np.arange(size) // stride % extent
             for stride, extent in zip(child.strides, child.shape, strict=True)]
        ).reshape(len(child.shape), size)  # fmt: skip

    def _digits(self) -> list[tuple[int, int]]:
        """(stride, size) by which a child's number gives its parent and its place per block."""
        sizes = [prod(loop.extent for loop in block.loops) for block in self._blocks]
        total = prod(sizes)
        found = [(total, self.child.instances // total)]
        for size in sizes:
            total //= size
            found.append((total, size))
        return found

    def low(self, origin: Origin) -> tuple[int, ...]:
        """Coordinates of the tile of a child without offset."""
        return tuple(sum(c * origin[at] for at, c in rank) for rank in self.terms)

    def movement(self, walker: Walker, who: Instruction) -> Movement:
        """Return what a stream's present step moves.

        Raises:
            FunctionError: If it is not what the record says.
        """
        now, before = walker.origin, walker.before
        move = None if before is None else tuple(a - b for a, b in zip(now, before, strict=True))
        lefts = tuple(
            (min(bound - now[at], self._reach[at]),
             0 if before is None else min(bound - before[at], self._reach[at]))
            for at, bound in self.bounds.items()
        )  # fmt: skip
        key = (walker.record, move, lefts)
        found = self._kinds.get(key)
        if found is None:
            found = self._kinds[key] = self._plan(walker.record, now, before, who)
        return found

    # ------------------------------------------------------------------ one kind

    def _plan(self, number: int, now: Origin, before: Origin | None, who: Instruction) -> Movement:
        record = self.stream.records[number]
        inside = self._inside(now)
        move = None
        previous = np.zeros_like(inside)
        shared = np.zeros_like(inside)
        if before is not None:
            low = self.low(before)
            move = tuple(a - b for a, b in zip(self.low(now), low, strict=True))
            previous = self._inside(before)
            if record.slides:
                shared = self._shifted(previous, move)
        new = self._new(record, inside, shared, who)
        kept = inside & shared
        taken = np.zeros(self.child.instances, dtype=np.bool_)
        neighbours = None
        if record.sources:
            neighbours, taken = self._linked(record, new, move, who)
        counts = [mask.sum(axis=1, dtype=np.int64) for mask in (new, inside, previous, kept)]
        movement = Movement(
            record=record,
            move=move,
            inside=None if inside.all() else inside,
            new=counts[0],
            tile=counts[1],
            leaving=counts[2] - counts[3],
            arriving=np.flatnonzero(new),
            from_parent=self._read(new, taken),
            from_neighbours=neighbours,
            stays=record.slides and move is not None and not any(move),
        )
        self._check(movement, new, taken, who)
        return movement

    def _inside(self, origin: Origin) -> Mask:
        """Words of every child's tile, clipped; shape (children, words)."""
        child = self.child
        mask = np.ones((child.instances, child.volume), dtype=np.bool_)
        if not self.bounds:
            return mask
        extents = np.tile(np.array(self.spans, dtype=np.int64), (child.instances, 1))
        for at, bound in self.bounds.items():
            left = bound - origin[at] - child.offsets[:, at]
            extents[:, at] = np.minimum(extents[:, at], left)
        mask[(extents <= 0).any(axis=1)] = False
        for rank, terms in enumerate(self.terms):
            size = 1 + sum(c * (extents[:, at] - 1) for at, c in terms)
            mask &= self._coordinates[rank][None, :] < np.reshape(size, (-1, 1))
        return mask

    def _shifted(self, mask: Mask, move: tuple[int, ...]) -> Mask:
        """The mask of tiles that stood ``move`` words before, in coordinates of the present."""
        shape = self.child.shape
        moved = np.zeros_like(mask).reshape(-1, *shape)
        pair = overlap(shape, move)
        if pair is not None:
            moved[pair[0]] = mask.reshape(-1, *shape)[pair[1]]
        return moved.reshape(mask.shape)

    def _new(self, record: Record, inside: Mask, shared: Mask, who: Instruction) -> Mask:
        """Words that arrive: the record's boxes, at other clipped children their own new words."""
        new = inside & ~shared
        first = np.zeros(self.child.shape, dtype=np.bool_)
        for box in record.boxes:
            for (low, size), extent in zip(box, self.child.shape, strict=True):
                if not 0 <= low < low + size <= extent:
                    rule = f"box {box} lies outside the tile of {self.child.shape} words"
                    raise FunctionError(who, rule)
            first[tuple(slice(low, low + size) for low, size in box)] = True
        if self.bounds:
            new[0] = first.reshape(-1)
        else:
            new[:] = first.reshape(1, -1)
        return new

    def _read(self, new: Mask, taken: Mask) -> Gather:
        """Where each new word is in the parent's tile."""
        child = self.child
        rows, columns = np.nonzero(new & ~taken[:, None])
        found = self._above(rows, columns)
        if not child.layout.is_output:
            return found
        source, first = np.unique(found.source, return_index=True)
        return replace(found, source=source, target=found.target[first])

    def _above(self, rows: Numbers, columns: Numbers) -> Gather:
        """Where words of the children are in the parents' tiles."""
        parent, child = self.parent, self.child
        above = self._places[0] if parent.instances > 1 else np.zeros_like(self._places[0])
        offset = child.words - parent.words[above]
        at = self._coordinates[:, columns] + offset[rows].T
        return _gather(parent, above[rows], at, rows * child.volume + columns)

    def upward(self, tile: Tile, leaving: Mask) -> tuple[Gather, int]:
        """Where the words of the children that leave go, and how many words that are there.

        Of the words to move, source and target change places.
        """
        is_whole = tile.is_full and leaving.all()
        if is_whole and self._whole is not None:
            return self._whole
        found = self._above(*np.nonzero(tile.valid & leaving[:, None]))
        distinct = (found, len(np.unique(found.source)))
        if is_whole:
            self._whole = distinct
        return distinct

    def _linked(
        self, record: Record, new: Mask, move: tuple[int, ...] | None, who: Instruction
    ) -> tuple[Gather, Mask]:
        """Where each new word that a neighbour gives was in that neighbour's tile before."""
        child = self.child
        if move is None or child.layout.is_output:
            raise FunctionError(who, "takes words from neighbours where none can have them")
        givers = np.arange(child.instances)
        taken = np.zeros(child.instances, dtype=np.bool_)
        block = int(self._places[-1].max()) + 1
        for taker, giver in record.sources:
            if not (0 <= taker < block and 0 <= giver < block):
                raise FunctionError(who, f"neighbour {giver} of {taker} does not exist")
            rows = np.flatnonzero(self._places[-1] == taker)
            taken[rows] = True
            givers[rows] = rows - taker + giver
        rows, columns = np.nonzero(new & taken[:, None])
        offset = child.words[rows] - child.words[givers[rows]]
        at = self._coordinates[:, columns] + offset.T
        return _gather(child, givers[rows], at, rows * child.volume + columns), taken

    def _check(self, movement: Movement, new: Mask, taken: Mask, who: Instruction) -> None:
        """Count what moves, and compare with the record."""
        delivery = Delivery(
            places=self._places,
            multicast=tuple(block.is_multicast or self.stream.is_output for block in self._blocks),
            words=self.child.words,
            coordinates=self._coordinates,
            new=new & ~taken[:, None],
        )
        per_parent = supplied(delivery, shares_words=self.program.shares_words)
        record = movement.record
        moved = {
            "words": int(movement.new.max()),
            "room": int(movement.new[0]),
            "released": int(movement.leaving[0]),
            "tile_words": int(movement.tile[0]),
            "child_words": int(movement.new.sum()),
            "links": int(movement.new[taken].sum()),
            "parent_words": int(per_parent.sum()),
            "busiest_parent": int(per_parent.max()),
        }
        stated = {
            "words": record.words,
            "room": record.room,
            "released": record.released,
            "tile_words": record.tile_words,
            "child_words": record.child_words,
            "links": record.links,
            "parent_words": record.parent_words,
            "busiest_parent": record.busiest_parent,
        }
        wrong = [
            f"{name} {stated[name]}, moved {moved[name]}"
            for name in moved
            if moved[name] != stated[name]
        ]
        if wrong:
            number = self.stream.records.index(record)
            raise FunctionError(who, f"record {number} says {'; '.join(wrong)}")


def _gather(site: Site, instances: Numbers, at: Numbers, target: Numbers) -> Gather:
    """Words at coordinates of some instances' tiles, and where they go."""
    source = instances * site.volume
    low, high = [], []
    for rank, stride in enumerate(site.strides):
        source = source + at[rank] * stride
        low.append(int(at[rank].min()) if at.shape[1] else 0)
        high.append(int(at[rank].max()) if at.shape[1] else 0)
    return Gather(source, target, tuple(low), tuple(high))


def overlap(
    shape: tuple[int, ...], move: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Slices of what two tiles share: in the present one, in the one before (instances first)."""
    now, before = [slice(None)], [slice(None)]
    for size, by in zip(shape, move, strict=True):
        if abs(by) >= size:
            return None
        now.append(slice(max(0, -by), size - max(0, by)))
        before.append(slice(max(0, by), size - max(0, -by)))
    return tuple(now), tuple(before)

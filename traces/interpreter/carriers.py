"""The movers of an interpreted program: fills, refills and drains, without time.

They wait for what the movers of the machine wait for (docs/timing.md): the parent's tile, room in
words, the version to be read. Everything else about when something happens is left out, so a unit
does its next step as soon as it may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stallscope.simcore.errors import Waiter
from stallscope.traces.interpreter.instruction import FunctionError, Instruction
from stallscope.traces.interpreter.movement import Movement, Planner, overlap
from stallscope.traces.interpreter.residence import Residence, Tile
from stallscope.traces.interpreter.walking import Walker
from stallscope.traces.program import MoverStream, Op

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Carrier", "Drain", "Fill", "Leaver", "Refill", "Unit"]


class Unit:
    """One unit: it is blocked, or it can execute its next step.

    Attributes:
        name: Name, as in a result.
        op: What it does.
        walker: Where it stands.
        is_finished: Whether its stream is at its end.
    """

    op: Op

    def __init__(self, name: str, walker: Walker) -> None:
        self.name = name
        self.walker = walker
        self.is_finished = False

    @property
    def here(self) -> Instruction:
        """The present instruction."""
        return Instruction(self.name, self.op, self.walker.step)

    def blocked(self) -> Waiter | None:
        """What the next step waits for, or None."""
        raise NotImplementedError

    def execute(self) -> None:
        """Execute the next step, which is not blocked."""
        raise NotImplementedError

    def awaits(self, there: Residence, counter: str, have: int, need: int) -> Waiter | None:
        """The wait for a counter, or None if it is far enough."""
        if have >= need:
            return None
        awaited = f"{there.name} {counter}"
        return Waiter(unit=self.name, awaits=awaited, have=have, need=need, since=self.walker.step)


@dataclass(slots=True)
class Leaver:
    """Gives back the room of an operand's tiles as their consumer leaves them.

    Attributes:
        residence: Where the tiles are.
        walker: The tile in use, in the stream that brings them.
        planner: That stream's movements.
        name: Name of the unit that brings them.
    """

    residence: Residence
    walker: Walker
    planner: Planner
    name: str

    def leave(self, who: Instruction) -> None:
        """The consumer leaves the tile: words that the next one does not have are free."""
        step = self.walker.step
        there = Instruction(self.name, Op.FILL, step)
        leaving = self.planner.movement(self.walker, there).tile
        if self.walker.advance() >= 0:
            there = Instruction(self.name, Op.FILL, step + 1)
            leaving = self.planner.movement(self.walker, there).leaving
        self.residence.tiles.pop(step, None)
        self.residence.released += int(leaving[0])
        self.residence.change(-leaving, who)


class Carrier(Unit):
    """What all movers share.

    Attributes:
        parent, child: Where words come from and go to.
        parent_tiles: Tiles of the parent used so far, the present one included.
        parent_words: Words read from (drain: written to) the parent.
        child_words: Words that arrived at (drain: left) children.
    """

    def __init__(
        self, name: str, walker: Walker, planner: Planner, parent: Residence, child: Residence
    ) -> None:
        super().__init__(name, walker)
        assert isinstance(planner.stream, MoverStream)
        self.stream = planner.stream
        self.planner = planner
        self.parent, self.child = parent, child
        self.has_source = parent.memory is None
        self.parent_tiles = 1
        self.parent_words = 0
        self.child_words = 0

    def blocked(self) -> Waiter | None:
        """Wait for the parent's tile, then for room."""
        child, source = self.child, self.parent
        found = None
        if self.has_source:
            found = self.awaits(source, "delivered", source.delivered, self.parent_tiles)
        room = self.stream.records[self.walker.record].room
        free = child.reserved + room - child.capacity
        return found or self.awaits(child, "released", child.released, free)

    def parent_tile(self) -> Tile:
        """The parent's tile in use."""
        return self.parent.tile(self.parent_tiles - 1, self.here)

    def fresh(self, movement: Movement) -> Tile:
        """A tile for the present step, with what the child keeps of the one before."""
        site = self.child.site
        shape = (site.instances, site.volume)
        tile = Tile(
            low=self.planner.low(self.walker.origin),
            values=np.zeros(shape, dtype=np.int64),
            valid=np.zeros(shape, dtype=np.bool_),
        )
        latest = self.child.latest
        is_kept = movement.record.slides and not self.stream.is_output
        if is_kept and latest is not None and movement.move is not None:
            pair = overlap(site.shape, movement.move)
            if pair is not None:
                cubes = (site.instances, *site.shape)
                for now, before in ((tile.values, latest.values), (tile.valid, latest.valid)):
                    now.reshape(cubes)[pair[0]] = before.reshape(cubes)[pair[1]]
            if movement.inside is not None:
                tile.valid &= movement.inside
        return tile

    def arrive(self, tile: Tile, movement: Movement) -> None:
        """Mark the new words as there; none of them may be there already."""
        flat = tile.valid.reshape(-1)
        if flat[movement.arriving].any():
            raise FunctionError(self.here, f"brings words that {self.child.name} holds already")
        flat[movement.arriving] = True
        tile.is_full = bool(tile.valid.all())
        child = self.child
        child.tiles[self.walker.step] = child.latest = tile
        child.reserved += movement.record.room
        child.delivered += 1
        child.change(movement.new, self.here)


class Fill(Carrier):
    """Brings the tiles of an operand from the parent to the child.

    Attributes:
        leaver: Gives back the parent's room; None if the parent holds the whole tensor.
    """

    op = Op.FILL
    leaver: Leaver | None = None

    def execute(self) -> None:
        """Move one tile's new words."""
        who, walker = self.here, self.walker
        movement = self.planner.movement(walker, who)
        tile = self.fresh(movement)
        flat = tile.values.reshape(-1)
        source = self.parent_tile()
        read = movement.from_parent
        words = read.locate(self.parent.site, source, tile.low, who, "reads")
        flat[read.target] = source.values.reshape(-1)[words]
        if movement.from_neighbours is not None and self.child.latest is not None:
            given = movement.from_neighbours
            latest = self.child.latest
            words = given.locate(self.child.site, latest, tile.low, who, "takes from a neighbour")
            flat[given.target] = latest.values.reshape(-1)[words]
        self.arrive(tile, movement)
        self.parent_words += movement.record.parent_words
        self.child_words += int(movement.new.sum())
        stepped = walker.advance()
        if self.leaver is not None and stepped < self.stream.parent_depth:
            self.parent_tiles += 1
            self.leaver.leave(who)
        self.is_finished = stepped < 0


class Refill(Carrier):
    """Brings partial sums down, or starts an output tile at zero where it has none."""

    op = Op.REFILL

    def __init__(
        self, name: str, walker: Walker, planner: Planner, parent: Residence, child: Residence
    ) -> None:
        super().__init__(name, walker, planner, parent, child)
        self._visits: dict[tuple[int, ...], int] = {}
        self._reductions = [at for at, o in enumerate(self.stream.loops) if o.is_reduction]

    def _is_first(self) -> bool:
        """Whether no loop that the output does not depend on has stepped."""
        return not any(self.walker.digits[at] for at in self._reductions)

    def blocked(self) -> Waiter | None:
        """Wait for the write-back of the version to be read as well."""
        found = super().blocked()
        if found is None and not self._is_first():
            low = self.planner.low(self.walker.origin)
            need = self._visits.get(low, -1) + 1
            found = self.awaits(self.child, "drained", self.child.drained, need)
        return found

    def execute(self) -> None:
        """Bring one tile."""
        who, walker, child = self.here, self.walker, self.child
        movement = self.planner.movement(walker, who)
        kept = child.latest if movement.stays else None
        tile = kept or self.fresh(movement)
        flat = tile.values.reshape(-1)
        flat[movement.arriving] = 0
        if not (self._is_first() and self.stream.elide_first):
            # One member of a group that reduces gets the old value, the others zero.
            source, read = self.parent_tile(), movement.from_parent
            words = read.locate(self.parent.site, source, tile.low, who, "reads")
            flat[read.target] = source.values.reshape(-1)[words]
            self.parent_words += movement.record.parent_words
            self.child_words += int(movement.new.sum())
        self.arrive(tile, movement)
        self._visits[tile.low] = walker.step
        stepped = walker.advance()
        if self.has_source and stepped < self.stream.parent_depth:
            self.parent_tiles += 1
        self.is_finished = stepped < 0


class Drain(Carrier):
    """Carries output tiles up as they leave; members of a group combine on the way.

    With remainders a tile may stay where it is for some steps: it leaves after the last of them,
    also from children that had no work in between.
    """

    op = Op.DRAIN

    def __init__(
        self, name: str, walker: Walker, planner: Planner, parent: Residence, child: Residence
    ) -> None:
        super().__init__(name, walker, planner, parent, child)
        self._stated = 0

    def blocked(self) -> Waiter | None:
        """Wait until the tile is finished."""
        child = self.child
        return self.awaits(child, "finished", child.finished, self.walker.step + 1)

    def execute(self) -> None:
        """Carry one tile up."""
        who, walker, child = self.here, self.walker, self.child
        step = walker.step
        tile = child.tile(step, who)
        self._stated += self.stream.records[walker.record].parent_words
        stepped = walker.advance()
        leaving: NDArray[np.bool_] = np.any(tile.valid, axis=1)
        if stepped >= 0:
            following = self.planner.movement(walker, self.here)
            if following.stays:
                leaving = leaving & (following.new > 0)
        if leaving.any():
            self._carry(tile, leaving, who)
        if not child.held.any() and self.parent_words != self._stated:
            rule = f"updated {self.parent_words} words of {self.parent.name} so far, "
            raise FunctionError(who, rule + f"its records say {self._stated}")
        child.tiles.pop(step, None)
        child.drained += 1
        if self.has_source and stepped < self.stream.parent_depth:
            self.parent.finished += 1
            self.parent_tiles += 1
        self.is_finished = stepped < 0

    def _carry(self, tile: Tile, leaving: NDArray[np.bool_], who: Instruction) -> None:
        """Write the partial sums of the children that leave to the parent."""
        parent, child = self.parent, self.child
        above = self.parent_tile()
        way, updates = self.planner.upward(tile, leaving)
        words = way.locate(parent.site, above, tile.low, who, "updates")
        sums = above.values.reshape(-1)
        sums[words] = 0
        np.add.at(sums, words, tile.values.reshape(-1)[way.target])
        counts = np.where(leaving, tile.valid.sum(axis=1, dtype=np.int64), 0)
        tile.valid[leaving] = False
        tile.is_full = False
        self.parent_words += updates
        self.child_words += int(counts.sum())
        child.released += int(counts[0])
        child.change(-counts, who)

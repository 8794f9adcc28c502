"""Compile one mover: the tiles of a tensor between two consecutive levels that keep it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from stallscope.mappings.case import Reuse
from stallscope.mappings.layout import strides_of
from stallscope.mappings.problem import Tensor
from stallscope.traces.boxes import (
    Box,
    Demand,
    coalesced,
    demand_words,
    difference,
    shift,
    volume,
)
from stallscope.traces.chain import Chain, Leaf, Tally, has_links, plus
from stallscope.traces.digits import positions
from stallscope.traces.nest import Nest, NestLoop
from stallscope.traces.program import KeyedStep, MoverStream, Record, StreamLoop
from stallscope.traces.steps import ClippedStep, Origin, Steps
from stallscope.traces.tiles import BlockTiles, block_tiles

__all__ = ["compile_mover", "stream_loops"]


def stream_loops(
    nest: Nest, tensor: Tensor | None, loops: tuple[NestLoop, ...]
) -> tuple[StreamLoop, ...]:
    """The program's form of nest loops, with the address in main memory that each moves."""
    strides: tuple[int, ...] = ()
    if tensor:
        place = nest.case.layout.of(tensor.name)
        strides = strides_of(tensor, tensor.tile_shape(nest.bounds), place)
    made = []
    for loop in loops:
        address = 0
        if tensor:
            moved = tensor.origin({loop.dimension: loop.step})
            address = sum(by * stride for by, stride in zip(moved, strides, strict=True))
        made.append(
            StreamLoop(
                dimension=loop.dimension,
                extent=loop.extent,
                step=loop.step,
                is_reduction=tensor is not None and loop.dimension not in tensor.dimensions,
                address_words=address,
            )
        )
    return tuple(made)


class _MoverCompiler:
    """Works out the records of one mover."""

    def __init__(self, nest: Nest, tensor: Tensor, parent: int, child: int) -> None:
        case = nest.case
        self.nest, self.tensor, self.parent, self.child = nest, tensor, parent, child
        self.spans = nest.spans(child)
        self.loops = nest.walked(tensor, child)
        inside = nest.temporal(child)[len(self.loops) :]
        self.idle_inside = prod(loop.extent for loop in inside)
        self.steps = Steps(nest, self.loops, self.spans, child)
        self.chain = Chain(nest, tensor, parent, child)
        self.is_timeloop = case.rules.reuse is Reuse.TIMELOOP
        self.is_clipped = bool(nest.clipped)
        self.is_memory = parent == nest.keepers(tensor.name)[0]
        self.is_banked = case.architecture.levels[parent].is_interleaved
        self.may_link = (
            has_links(case, child - 1)
            and self.chain.blocks[-1].count > 1
            and not (self.is_timeloop and self.idle_inside > 1)
            and not self.is_clipped
        )
        # Where words lie matters in main memory and in banks: what is supplied is listed there.
        is_listed = self.is_memory or self.is_banked
        self.tiles = None if is_listed else block_tiles(nest, tensor, self.chain, self.spans)
        self.records: dict[Record, int] = {}

    # ------------------------------------------------------------------ tiles and what is new

    def _tile(self, origin: Origin) -> Box | None:
        """Bounding box of the tile at ``origin``, clipped; None where there is no work."""
        extents = {}
        for name, span in self.spans.items():
            left = self.nest.bounds[name] - origin.get(name, 0)
            if left <= 0:
                return None
            extents[name] = min(span, left)
        low = self.tensor.origin(origin)
        return tuple(zip(low, self.tensor.tile_shape(extents), strict=True))

    def _slides(self, move: Origin) -> bool:
        """Whether only the new words of a moved tile are delivered."""
        vector = self.tensor.origin(move)
        if not self.is_timeloop:
            # An output tile is exchanged as a whole, unless it stays put (remainders).
            return not self.tensor.is_output or not any(vector)
        last = self.loops[-1]
        usual = self.tensor.origin({last.dimension: last.step} if self.idle_inside == 1 else {})
        return vector == usual and sum(1 for by in vector if by) <= 1

    def _new(self, now: Origin, before: Origin | None) -> Demand:
        """Words the child at these origins gets."""
        tile = self._tile(now)
        if tile is None:
            return ()
        previous = self._tile(before) if before is not None else None
        return (tile,) if previous is None else difference(tile, previous)

    def _leaf(self, now: Origin, before: Origin | None) -> Leaf:
        """What is new to the child at a spatial offset, as a function of the offset."""
        if self.is_clipped:
            known: dict[tuple[int, ...], Demand] = {}

            def leaf(offset: Origin) -> Demand:
                key = tuple(offset.get(name, 0) for name in self.spans)
                if key not in known:
                    known[key] = self._new(
                        plus(now, offset), plus(before, offset) if before is not None else None
                    )
                return known[key]

            return leaf
        base = self._new(now, before)
        return lambda offset: tuple(shift(box, self.tensor.origin(offset)) for box in base)

    # ------------------------------------------------------------------ records

    def record(self, now: Origin, before: Origin | None, slides: bool, came: Leaf | None) -> int:
        """Number of the record of a step from ``before`` to ``now``.

        ``came`` is what the children got in the step before, if neighbours pass words on.
        """
        leaf = self._leaf(now, before if slides else None)
        tallies = [Tally() for _ in self.chain.blocks]
        bases = self.chain.parents() if self.is_clipped else [{}]
        times = 1 if self.is_clipped else self.nest.instances(self.parent)
        tiles = self._tiles(leaf, came)
        supplies: list[Demand] = []
        supplied: list[int] = []
        most = 0
        for base in bases:
            shared = (
                tiles.share(tallies, leaf, now, before if slides else None, base) if tiles else None
            )
            if shared is None:
                supplies.append(self.chain.share(tallies, leaf, base, came))
                shared = demand_words(supplies[-1]), self._busiest_child(leaf, base)
            supplied.append(shared[0])
            most = max(most, shared[1])
        made = self._freeze(now, before, leaf, tallies, times, supplied, most)
        rows, columns = self._extents(now)
        made = replace(
            made,
            supply=self._supply(now, bases, supplies, supplied),
            # Without remainders all children are alike: a slide that keeps nothing is a reload.
            slides=slides and (self.is_clipped or made.room < made.tile_words),
            sources=tuple(sorted(tallies[-1].sources.items())),
            rows=rows,
            columns=columns,
        )
        return self.records.setdefault(made, len(self.records))

    def _extents(self, now: Origin) -> tuple[int, int]:
        """Rows and columns of MACs below the child that have work; 1 where others are below."""
        if self.child != self.nest.depth - 1:
            return 1, 1
        block = self.nest.block(self.child)
        left = {name: self.nest.bounds[name] - now.get(name, 0) for name in self.nest.clipped}
        return positions(block.y_loops, left), positions(block.x_loops, left)

    def _freeze(
        self,
        now: Origin,
        before: Origin | None,
        leaf: Leaf,
        tallies: list[Tally],
        times: int,
        supplied: list[int],
        most: int,
    ) -> Record:
        crossings = tuple(
            tally.crossing(name, times, block.longest, is_routed=is_routed)
            for tally, name, block, is_routed in zip(
                tallies, self.chain.names, self.chain.blocks, self.chain.is_routed, strict=True
            )
        )
        first = leaf({})
        tile = self._tile(now)
        tile_words = volume(tile) if tile else 0
        previous = self._tile(before) if before is not None else None
        room = demand_words(first)
        return Record(
            words=most if self.is_clipped else room,
            room=room,
            released=(volume(previous) if previous else 0) - (tile_words - room),
            tile_words=tile_words,
            busiest_parent=max(supplied),
            parent_words=sum(supplied) * times,
            child_words=crossings[-1].deliveries,
            busiest_links=room if tallies[-1].links else 0,
            links=tallies[-1].links * times,
            crossings=crossings,
            boxes=tuple(
                tuple(
                    (low - at, size)
                    for (low, size), at in zip(box, self.tensor.origin(now), strict=True)
                )
                for box in first
            ),
        )

    def _supply(
        self, now: Origin, bases: list[Origin], supplies: list[Demand], supplied: list[int]
    ) -> Demand:
        """What main memory, or a busiest banked parent, supplies, relative to the step's origin.

        Copies that the network cannot make are told apart by leading ranks of their own.
        """
        if self.is_banked:
            busiest = supplied.index(max(supplied))
            now, supplies = plus(now, bases[busiest]), [supplies[busiest]]
        elif not self.is_memory:
            return ()
        ranks = len(self.tensor.ranks)
        back = tuple(-at for at in self.tensor.origin(now))
        boxes = (box[len(box) - ranks :] for supply in supplies for box in supply)
        return coalesced(shift(box, back) for box in boxes)

    def _busiest_child(self, leaf: Leaf, base: Origin) -> int:
        bases = [base]
        for block in self.chain.blocks if self.is_clipped else ():
            bases = [plus(base, offset) for base in bases for offset in block.offsets()]
        return max(demand_words(leaf(base)) for base in bases)

    def _tiles(self, leaf: Leaf, came: Leaf | None) -> BlockTiles | None:
        """The children's tiles, if they need not be listed: where no neighbour passes words on."""
        if came is not None and self.tiles and self.tiles.may_pass(leaf({}), came({})):
            return None
        return self.tiles

    def _plain(self, loop: int, earlier: int) -> int:
        """Record when ``loop`` steps after ``earlier`` stepped, without remainders."""
        move = self.steps.displacement(loop)
        slides = self._slides(move)
        came = self._came(earlier) if self.may_link else None
        return self.record(move, {}, slides, came)

    def _came(self, earlier: int) -> Leaf:
        """What the children got in the step before, in coordinates of the tile before."""
        if earlier == len(self.loops):
            return self._leaf({}, None)
        before = {name: -by for name, by in self.steps.displacement(earlier).items()}
        slid = self._slides(self.steps.displacement(earlier))
        return self._leaf({}, before if slid else None)

    def _clipped(self) -> list[KeyedStep]:
        """Records of a stream with remainders, by kind of step and what is remembered before it.

        Rule ``timeloop`` remembers the last movement: a step slides if it moves alike, or if
        nothing is remembered; else the whole tile is reloaded and the memory cleared. Where a
        loop's count is clipped to 1, any loop may step after any other.
        """
        kinds = [(step, self.tensor.origin(_moved(step))) for step in self.steps.clipped()]
        remembers = self.is_timeloop and self.idle_inside == 1
        memories: dict[tuple[int, ...] | None, int] = {None: 0}
        known: dict[object, int] = {}
        keyed: list[KeyedStep] = []
        for memory in _in_order(memories):
            for step, vector in kinds:
                if remembers:
                    is_like = memory is None or memory == vector
                    slides = is_like and sum(1 for by in vector if by) <= 1
                    after = vector if is_like else None
                else:
                    slides, after = self._slides(_moved(step)), None
                kind = (slides, vector, tuple((now, before) for now, before, _ in step.key))
                if kind not in known:
                    known[kind] = self.record(step.now, step.before, slides, None)
                number = known[kind]
                then = memories.setdefault(after, len(memories))
                keyed.append((step.loop, step.key, memories[memory], number, then))
        return keyed

    def compile(self) -> MoverStream:
        """Compile the stream."""
        nest, tensor = self.nest, self.tensor
        first = self.record({}, None, False, None)
        depth = len(self.loops)
        table: list[tuple[int, ...]] = []
        keyed: list[KeyedStep] = []
        if self.is_clipped:
            keyed = self._clipped()
        elif self.may_link:
            # Only the innermost loop steps after any loop (or first); the others after it.
            last = depth - 1
            table = [(self._plain(loop, last),) * (depth + 1) for loop in range(last)]
            table += [tuple(self._plain(last, e) for e in range(depth + 1))] if depth else []
        else:
            table = [(self._plain(loop, depth),) * (depth + 1) for loop in range(depth)]
        return MoverStream(
            tensor=tensor.name,
            parent=nest.level_name(self.parent),
            child=nest.level_name(self.child),
            is_output=tensor.is_output,
            loops=stream_loops(nest, tensor, self.loops),
            bounds=tuple((name, nest.bounds[name]) for name in self.steps.bounds),
            idle_inside=self.idle_inside,
            parent_depth=0 if self.is_memory else len(nest.walked(tensor, self.parent)),
            parent_is_memory=self.is_memory,
            elide_first=nest.case.rules.first_read_elision,
            records=tuple(self.records),
            first=first,
            table=tuple(table),
            keyed=tuple(keyed),
            classes=self.steps.classes,
            grain=self.steps.grain,
            networks=self.chain.names,
            spans=tuple(self.spans.items()),
        )


def _in_order(
    memories: dict[tuple[int, ...] | None, int],
) -> Iterator[tuple[int, ...] | None]:
    """Every memory once, those found on the way included."""
    done = 0
    while done < len(memories):
        yield list(memories)[done]
        done += 1


def _moved(step: ClippedStep) -> Origin:
    """How far the origin moved, per dimension."""
    names = {**step.now, **step.before}
    return {name: step.now.get(name, 0) - step.before.get(name, 0) for name in names}


def compile_mover(nest: Nest, tensor: Tensor, parent: int, child: int) -> MoverStream:
    """Compile the mover of ``tensor`` from level ``parent`` to level ``child``."""
    return _MoverCompiler(nest, tensor, parent, child).compile()

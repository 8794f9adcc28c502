"""What one kind of step moves, piece by piece: boxes of words that go the same way.

A **piece** is a box of words that are new to the same children. It is cut out at the parent, read
once where the networks multicast, travels as it is, and is stored by every child as it came. Where
destinations share words only if all that they get is equal (rule ``timeloop``), or nothing is
multicast, pieces are the boxes of the children's new words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stallscope.traces.boxes import Box, coalesced, difference
from stallscope.traces.ways import Way

__all__ = ["Flow", "Kind", "Pieces", "pieces"]

_Ints = NDArray[np.int64]
_Boxes = dict[int, list[Box]]
"""Boxes by child."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of step.

    Attributes:
        now: Origin of the first child's tile, per dimension; of one such step.
        before: The same of the step before; None if nothing of it is kept.
        sources: See `Record`.
    """

    now: Mapping[str, int]
    before: Mapping[str, int] | None
    sources: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """What enters the network of one block; one entry per piece, outer instance and group.

    Attributes:
        outer: Number of the outer instance, of all there are.
        piece: The piece.
        group: Number of the group that it goes to.
        groups: Places within the block, ascending, of each group.
    """

    outer: _Ints
    piece: _Ints
    group: _Ints
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one kind of step.

    Attributes:
        lows: First word from that of the first child's tile, shape (pieces, ranks).
        shapes: Words per rank, the same shape.
        flows: Per block on the way, outermost first, what enters its network.
        child: Children that get pieces, one entry per child and piece.
        piece: The pieces that they get.
        is_linked: Whether they get them from a neighbour.
    """

    lows: _Ints
    shapes: _Ints
    flows: tuple[Flow, ...]
    child: _Ints
    piece: _Ints
    is_linked: NDArray[np.bool_]


def pieces(way: Way, kind: Kind) -> Pieces:
    """Work out what a kind of step moves, to the children of all parents."""
    wanted = _new(way, kind)
    takers = {taker for taker, _ in kind.sources}
    places = way.digits[-1].tolist()
    linked = {child: boxes for child, boxes in wanted.items() if places[child] in takers}
    shared = {child: boxes for child, boxes in wanted.items() if child not in linked}
    if way.shares_words:
        shared = _cut(way, shared)
    numbers: dict[Box, int] = {}
    demands = {child: _numbered(boxes, numbers) for child, boxes in shared.items()}
    taken = {child: _numbered(boxes, numbers) for child, boxes in linked.items()}
    flows = _united(way, demands) if way.shares_words else _grouped(way, demands)
    entries = [(child, piece, False) for child, own in demands.items() for piece in own]
    entries += [(child, piece, True) for child, own in taken.items() for piece in own]
    boxes = np.array(list(numbers), dtype=np.int64).reshape(len(numbers), len(way.ranks), 2)
    child, piece, is_linked = zip(*entries, strict=True) if entries else ((), (), ())
    return Pieces(
        lows=boxes[:, :, 0],
        shapes=boxes[:, :, 1],
        flows=flows,
        child=np.array(child, dtype=np.int64),
        piece=np.array(piece, dtype=np.int64),
        is_linked=np.array(is_linked, dtype=np.bool_),
    )


def _numbered(boxes: Iterable[Box], numbers: dict[Box, int]) -> tuple[int, ...]:
    return tuple(numbers.setdefault(box, len(numbers)) for box in boxes)


# ---------------------------------------------------------------------- what is new to children


def _new(way: Way, kind: Kind) -> _Boxes:
    """New words of every child that gets any, from the first word of the first child's tile."""
    sizes, has_work = way.tiles(kind.now)
    columns = [sizes, has_work[:, None]]
    delta: tuple[int, ...] = ()
    if kind.before is not None:
        sizes_before, had_work = way.tiles(kind.before)
        columns += [sizes_before, had_work[:, None]]
        names = {*kind.now, *kind.before}
        moved = {n: np.array([kind.before.get(n, 0) - kind.now.get(n, 0)]) for n in names}
        delta = tuple(way.origin(moved, 1)[0].tolist())
    known: dict[tuple[int, ...], list[Box]] = {}
    found: _Boxes = {}
    ranks = len(way.ranks)
    lows = way.lows.tolist()
    for child, row in enumerate(np.concatenate(columns, axis=1).tolist()):
        key = tuple(row)
        if key not in known:
            known[key] = _new_boxes(key, ranks, delta)
        if known[key]:
            low = lows[child]
            found[child] = [
                tuple((at + by, size) for (at, size), by in zip(box, low, strict=True))
                for box in known[key]
            ]
    return found


def _new_boxes(key: tuple[int, ...], ranks: int, delta: tuple[int, ...]) -> list[Box]:
    """New words of a tile from its own first word, given its shape and that of the one before."""
    if not key[ranks]:
        return []
    tile: Box = tuple((0, size) for size in key[:ranks])
    if not delta or not key[-1]:
        return [tile]
    before = tuple(zip(delta, key[ranks + 1 : -1], strict=True))
    return list(difference(tile, before))


# ---------------------------------------------------------------------- words that are shared


def _cut(way: Way, wanted: _Boxes) -> _Boxes:
    """Cut boxes that overlap, among children that can share words, where the sharers change."""
    classes: dict[tuple[int, int], list[int]] = {}
    parents, copies = way.outer[0].tolist(), way.copies[0].tolist()
    for child in wanted:
        classes.setdefault((parents[child], copies[child]), []).append(child)
    found: _Boxes = {}
    for members in classes.values():
        distinct = list(dict.fromkeys(box for child in members for box in wanted[child]))
        if len(members) == 1 or _are_apart(distinct):
            found |= {child: wanted[child] for child in members}
        else:
            found |= _cells({child: wanted[child] for child in members})
    return dict(sorted(found.items()))


def _are_apart(boxes: Sequence[Box]) -> bool:
    """Whether no two of some different boxes share a word."""
    given = np.array(boxes, dtype=np.int64).reshape(len(boxes), -1, 2)
    low, end = given[:, :, 0], given.sum(axis=2)
    for at in range(len(boxes) - 1):
        shares = (low[at] < end[at + 1 :]) & (low[at + 1 :] < end[at])
        if shares.all(axis=1).any():
            return False
    return True


def _cells(wanted: _Boxes) -> _Boxes:
    """Cut boxes at each other's edges, and join what goes to the same children again."""
    children = list(wanted)
    boxes = [box for own in wanted.values() for box in own]
    ranks = range(len(boxes[0]))
    edges = [
        sorted({edge for box in boxes for edge in (box[rank][0], sum(box[rank]))})
        for rank in ranks
    ]  # fmt: skip
    place = [{edge: index for index, edge in enumerate(cuts)} for cuts in edges]
    shape = tuple(len(cuts) - 1 for cuts in edges)
    grid: NDArray[np.bool_] = np.zeros((len(children), *shape), dtype=np.bool_)
    for index, child in enumerate(children):
        for box in wanted[child]:
            where: list[int | slice] = [index]
            for rank, (low, size) in enumerate(box):
                where.append(slice(place[rank][low], place[rank][low + size]))
            grid[tuple(where)] = True
    columns = grid.reshape(len(children), -1)
    by_sharers: dict[bytes, list[Box]] = {}
    for cell in np.flatnonzero(columns.any(axis=0)).tolist():
        at = np.unravel_index(cell, shape)
        sharers = np.packbits(columns[:, cell]).tobytes()
        by_sharers.setdefault(sharers, []).append(
            tuple((edges[r][at[r]], edges[r][at[r] + 1] - edges[r][at[r]]) for r in ranks)
        )
    found: _Boxes = {child: [] for child in children}
    for sharers, cells in by_sharers.items():
        joined = coalesced(cells)
        bits = np.unpackbits(np.frombuffer(sharers, dtype=np.uint8), count=len(children))
        for index in np.flatnonzero(bits).tolist():
            found[children[index]] += joined
    return found


def _united(way: Way, demands: Mapping[int, tuple[int, ...]]) -> tuple[Flow, ...]:
    """What enters every network where single pieces are shared (rule ``overlap``)."""
    child = np.array([c for c, own in demands.items() for _ in own], dtype=np.int64)
    piece = np.array([one for own in demands.values() for one in own], dtype=np.int64)
    flows = []
    for at in range(len(way.blocks)):
        keys = np.stack([way.outer[at][child], way.copies[at][child], piece, way.digits[at][child]])
        entries: dict[tuple[int, int, int], list[int]] = {}
        for outer, copy, one, place in np.unique(keys, axis=1).T.tolist():
            entries.setdefault((outer, copy, one), []).append(place)
        flows.append(_flow([(outer, one, tuple(w)) for (outer, _, one), w in entries.items()]))
    return tuple(flows)


def _grouped(way: Way, demands: Mapping[int, tuple[int, ...]]) -> tuple[Flow, ...]:
    """What enters every network where equal demands are shared, block by block (``timeloop``)."""
    below = [demands.get(child, ()) for child in range(way.children)]
    flows = []
    for block, is_multicast in zip(
        reversed(way.blocks), reversed(way.is_multicast), strict=True
    ):  # fmt: skip
        above: list[tuple[int, ...]] = []
        entries: list[tuple[int, int, tuple[int, ...]]] = []
        for outer in range(len(below) // block.count):
            own = below[outer * block.count : (outer + 1) * block.count]
            groups: dict[object, list[int]] = {}
            for place, demand in enumerate(own):
                if demand:
                    groups.setdefault(demand if is_multicast else place, []).append(place)
            supply = [own[members[0]] for members in groups.values()]
            for members, demand in zip(groups.values(), supply, strict=True):
                entries += [(outer, piece, tuple(members)) for piece in demand]
            above.append(sum(supply, ()))
        flows.append(_flow(entries))
        below = above
    return tuple(reversed(flows))


def _flow(entries: Sequence[tuple[int, int, tuple[int, ...]]]) -> Flow:
    """Make a flow of (outer instance, piece, places) entries."""
    numbers: dict[tuple[int, ...], int] = {}
    rows = [(outer, one, numbers.setdefault(who, len(numbers))) for outer, one, who in entries]
    outer, piece, group = np.array(rows, dtype=np.int64).reshape(len(rows), 3).T
    return Flow(outer, piece, group, tuple(numbers))

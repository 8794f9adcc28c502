"""How many words the steps of a mover move, from the masks of what they carry.

A step moves the pieces of its kind (`stallscope.traces.pieces`). Each side reads or writes them in
its own format, and the network carries them compressed: in the parent's format, or if that is
uncompressed in the child's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stallscope.hw.sparse.sizes import StoredWords
from stallscope.traces.pieces import Flow, Pieces

__all__ = ["Amounts", "BlockTotals", "Network", "Sides", "Totals", "Weights"]

_Ints = NDArray[np.int64]
_Reals = NDArray[np.float64]

_SLICE = 1 << 22
"""Pieces of how many steps are looked at at once: what of them is in memory."""


@dataclass(frozen=True, slots=True)
class BlockTotals:
    """Columns of what a step puts on one network, all instances together.

    Attributes:
        entering: Words of data that enter; words of metadata are in the next column.
        arriving: Words of data that arrive, those from neighbours left out; likewise.
        half_hops: Twice the sum of hops over all words.
        multicast: Per number of instances reached, all words that enter for so many.
    """

    entering: int
    arriving: int
    half_hops: int
    multicast: tuple[tuple[int, int], ...]


class Totals:
    """Columns of all words of a step, wherever they go.

    Data is followed by metadata: read at (written to) all parents, then at all children, then
    what neighbours pass on, then network by network.

    Args:
        sizes: Per block, the numbers of instances that pieces reach.
    """

    PARENT, CHILD, LINKS = 0, 2, 4

    def __init__(self, sizes: Sequence[Sequence[int]]) -> None:
        at = 6
        blocks = []
        for own in sizes:
            columns = tuple((size, at + 5 + number) for number, size in enumerate(own))
            blocks.append(BlockTotals(at, at + 2, at + 4, columns))
            at += 5 + len(columns)
        self.blocks = tuple(blocks)
        self.count = at


class Network(Protocol):
    """What is known of the network of one block on the way.

    Contract: it answers for one word of one group of places, below one outer instance.
    """

    def half_hops(self, group: tuple[int, ...]) -> int:
        """Twice the hops of a word to a group."""

    def links(self, group: tuple[int, ...]) -> Mapping[str, int]:
        """Servers of links that it holds, and how often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """How the two ends of a mover store its tensor; None: as it is.

    Attributes:
        parent: Words in the parent's format.
        child: Words in the child's.
    """

    parent: StoredWords | None
    child: StoredWords | None


class Weights:
    """How often every piece of one kind of step counts for what.

    Args:
        pieces: The pieces.
        networks: The networks on the way.
    """

    def __init__(self, pieces: Pieces, networks: Sequence[Network]) -> None:
        self.pieces = pieces
        self.count = len(pieces.lows)
        linked, piece = pieces.is_linked, pieces.piece
        self.children = self._counted(piece)
        self.linked = self._counted(piece[linked])
        self.flows = [
            _FlowWeights(flow, network, self.count)
            for flow, network in zip(pieces.flows, networks, strict=True)
        ]
        self.busiest_child = _distinct(_listed(pieces.child, piece, self.count))
        own = _listed(pieces.child[linked], piece[linked], self.count)
        self.busiest_link = _distinct(own)

    def _counted(self, piece: _Ints) -> _Reals:
        return np.bincount(piece, minlength=self.count).astype(np.float64)

    @cached_property
    def shapes(self) -> list[tuple[tuple[int, ...], _Ints]]:
        """The shapes of the pieces, each with the pieces that have it."""
        found: dict[tuple[int, ...], list[int]] = {}
        for number, shape in enumerate(self.pieces.shapes.tolist()):
            found.setdefault(tuple(shape), []).append(number)
        return [(shape, np.array(own)) for shape, own in found.items()]


class _FlowWeights:
    """The same for one network."""

    def __init__(self, flow: Flow, network: Network, count: int) -> None:
        sizes = np.array([len(group) for group in flow.groups], dtype=np.int64)
        hops = np.array([network.half_hops(group) for group in flow.groups], dtype=np.int64)

        def counted(entries: _Ints, worth: _Ints) -> _Reals:
            found = np.bincount(flow.piece[entries], worth[entries], minlength=count)
            return found.astype(np.float64)

        reached = sizes[flow.group] if len(flow.group) else flow.group
        every = np.arange(len(flow.piece))
        self.entering = counted(every, np.ones(len(every), dtype=np.int64))
        self.arriving = counted(every, reached)
        self.half_hops = counted(every, hops[flow.group] if len(flow.group) else flow.group)
        self.multicast = {
            size: counted(np.flatnonzero(reached == size), np.ones(len(every), dtype=np.int64))
            for size in sorted(set(reached.tolist()))
        }
        self.by_outer = _listed(flow.outer, flow.piece, count)
        links = [network.links(group) for group in flow.groups]
        self.links = sorted({name for own in links for name in own})
        self.loads = self._loads(flow, links, count)

    def _loads(self, flow: Flow, links: Sequence[Mapping[str, int]], count: int) -> _Reals:
        """How often each piece goes over each link; shape (outer instances, links, pieces)."""
        outer = np.unique(flow.outer)
        found = np.zeros((len(outer), len(self.links), count))
        if self.links:
            place = {name: at for at, name in enumerate(self.links)}
            rows = np.searchsorted(outer, flow.outer).tolist()
            for row, piece, group in zip(
                rows, flow.piece.tolist(), flow.group.tolist(), strict=True
            ):  # fmt: skip
                for name, times in links[group].items():
                    found[row, place[name], piece] += times
        return found


def _listed(owner: _Ints, piece: _Ints, count: int) -> _Ints:
    """The pieces of every owner, one row each, ascending; filled up with ``count``."""
    order = np.argsort(owner, kind="stable")
    owner, piece = owner[order], piece[order]
    _, first, lengths = np.unique(owner, return_index=True, return_counts=True)
    rows = np.full((len(first), int(lengths.max(initial=0))), count, dtype=np.int64)
    row = np.repeat(np.arange(len(first)), lengths)
    rows[row, np.arange(len(owner)) - first[row]] = piece
    return rows


def _distinct(rows: _Ints) -> _Ints:
    return np.unique(np.sort(rows, axis=1), axis=0) if rows.size else rows


class Amounts:
    """Works out words of steps.

    Args:
        sides: How the ends store the tensor.
        totals: Columns of what is counted.
        links: Per block, the links that words may hold, by name.

    Attributes:
        width: Columns of what the busiest instances move: the parent, the child, what it hands to
            a neighbour; words that are not zero at the busiest parent and child; per block the
            words that enter, then those on its links.
    """

    PARENT, CHILD, LINKS, PARENT_NONZERO, CHILD_NONZERO = range(5)

    def __init__(self, sides: Sides, totals: Totals, links: Sequence[Sequence[str]]) -> None:
        self._sides = sides
        self._totals = totals
        self._links = [list(own) for own in links]
        at = 5
        self.entries: list[int] = []
        for own in self._links:
            self.entries.append(at)
            at += 1 + len(own)
        self.width = at

    def of(self, weights: Weights, origins: _Ints) -> tuple[_Ints, _Ints]:
        """Amounts of steps of one kind.

        Args:
            weights: The kind's.
            origins: First word of the first child's tile per rank, shape (steps, ranks).

        Returns:
            What the busiest instances move, shape (steps, `width`), and all words, shape
            (steps, totals).
        """
        busiest = np.zeros((len(origins), self.width), dtype=np.int64)
        totals = np.zeros((len(origins), self._totals.count), dtype=np.int64)
        if weights.count:
            at_once = max(1, _SLICE // max(weights.count, len(weights.busiest_child)))
            for start in range(0, len(origins), at_once):
                part = slice(start, start + at_once)
                words = _Words(self._sides, weights, origins[part])
                self._fill_totals(weights, words, totals[part])
                self._fill_busiest(weights, words, busiest[part])
        return busiest, totals

    def _fill_totals(self, weights: Weights, words: _Words, into: _Ints) -> None:
        layout = self._totals
        split = [
            (at.entering, own.entering)
            for own, at in zip(weights.flows, layout.blocks, strict=True)
        ]
        split += [
            (at.arriving, own.arriving)
            for own, at in zip(weights.flows, layout.blocks, strict=True)
        ]
        whole = [
            (at.half_hops, own.half_hops)
            for own, at in zip(weights.flows, layout.blocks, strict=True)
        ]
        whole += [
            (column, own.multicast[size])
            for own, at in zip(weights.flows, layout.blocks, strict=True)
            for size, column in at.multicast
            if size in own.multicast
        ]
        children = [(layout.CHILD, weights.children), (layout.LINKS, weights.linked)]
        for columns, (data, metadata) in (
            ([(layout.PARENT, weights.flows[0].entering)], words.parent),
            (children, words.child),
            (split, words.network),
        ):
            _weigh(columns, data, into, 0)
            _weigh(columns, metadata, into, 1)
        _weigh(whole, words.carried, into, 0)

    def _fill_busiest(self, weights: Weights, words: _Words, into: _Ints) -> None:
        own, (parent, child) = weights.flows[0].by_outer, (words.parent, words.child)
        into[:, self.PARENT] = _most(own, parent[0] + parent[1])[0]
        into[:, self.PARENT_NONZERO] = _most(own, words.nonzero)[0]
        into[:, self.CHILD] = _most(weights.busiest_child, child[0] + child[1])[0]
        into[:, self.CHILD_NONZERO] = _most(weights.busiest_child, words.nonzero)[0]
        into[:, self.LINKS] = _most(weights.busiest_link, child[0] + child[1])[0]
        carried = words.carried
        for flow, at, names in zip(weights.flows, self.entries, self._links, strict=True):
            into[:, at], which = _most(flow.by_outer, carried)
            if not flow.links:
                continue
            columns = np.array([at + 1 + names.index(name) for name in flow.links])
            for outer in np.unique(which).tolist():
                steps = np.flatnonzero(which == outer)
                loads = flow.loads[outer] @ carried[:, steps]
                into[np.ix_(steps, columns)] = loads.T


class _Words:
    """Words of the pieces of some steps of one kind, each of shape (pieces, steps).

    Attributes:
        nonzero: Words that are not zero.
        parent: Data and metadata as the parent stores them.
        child: As the child does.
        network: As the network carries them.
        carried: Both together.
    """

    def __init__(self, sides: Sides, weights: Weights, origins: _Ints) -> None:
        volume = np.prod(weights.pieces.shapes, axis=1, dtype=np.float64)
        plain = np.repeat(volume[:, None], len(origins), axis=1)
        known: dict[int, tuple[_Reals, _Reals]] = {}
        for side in (sides.parent, sides.child):
            if side is not None and id(side) not in known:
                known[id(side)] = _stored(side, weights, origins)
        none = (plain, np.zeros_like(plain))
        self.parent = none if sides.parent is None else known[id(sides.parent)]
        self.child = none if sides.child is None else known[id(sides.child)]
        self.network = self.parent if sides.parent is not None else self.child
        self.nonzero = self.network[0]
        self.carried = self.network[0] + self.network[1]


def _stored(side: StoredWords, weights: Weights, origins: _Ints) -> tuple[_Reals, _Reals]:
    """Data and metadata of the pieces in one side's format."""
    data = np.zeros((weights.count, len(origins)))
    metadata = np.zeros_like(data)
    for shape, own in weights.shapes:
        lows = (weights.pieces.lows[own][:, None, :] + origins[None, :, :]).reshape(
            -1, origins.shape[1]
        )
        for into, words in zip((data, metadata), side.of(lows, shape), strict=True):
            into[own] = words.reshape(len(own), -1)
    return data, metadata


def _weigh(
    columns: Sequence[tuple[int, _Reals]], words: _Reals, into: _Ints, beside: int
) -> None:  # fmt: skip
    """Put weighted sums over the pieces into columns, or so far beside them."""
    if columns:
        numbers = [column + beside for column, _ in columns]
        into[:, numbers] = (np.stack([weight for _, weight in columns]) @ words).T


def _most(rows: _Ints, words: _Reals) -> tuple[_Reals, _Ints]:
    """The most words that a row's pieces have together, step by step, and the row that has them.

    Args:
        rows: Pieces, filled up with their number; shape (rows, columns).
        words: Shape (pieces, steps).
    """
    steps = words.shape[1]
    if not rows.size:
        return np.zeros(steps), np.zeros(steps, dtype=np.int64)
    padded = np.concatenate([words, np.zeros((1, steps))])
    total = padded[rows[:, 0]]
    for column in range(1, rows.shape[1]):
        total += padded[rows[:, column]]
    which: _Ints = total.argmax(axis=0)
    return total[which, np.arange(steps)], which

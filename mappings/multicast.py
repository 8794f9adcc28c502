"""The spatial side of a stream: who is sent what together, over which networks and hops.

Destinations are all children across the spatial loops between the parent and the child. Between
two keeping levels there is one network per crossed block; each destination has a linear index at
every crossed network, row-major over the mapped extents and folded over the physical width.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise, product

from stallscope.mappings.boxes import Box, Boxes, Vector, translate, volume
from stallscope.mappings.nest import NestLoop
from stallscope.mappings.problem import Tensor
from stallscope.mappings.reuse import Event

__all__ = ["Clip", "Crossing", "Destinations", "Load", "half_hops"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One network on the way from parent to child.

    Attributes:
        spatial: The spatial loops it serves, outermost first.
        width: Physical instances of the inner level along X, per outer instance.
        height: The same along Y.
        merges: Whether one word entering serves several destinations (or partial sums combine).
    """

    spatial: tuple[NestLoop, ...]
    width: int
    height: int
    merges: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """How tiles are clipped in one ragged dimension.

    Attributes:
        dimension: Its name.
        span: Indices of an unclipped tile.
        lefts: Every number of indices that can be left at a step from its origin to the bound.
    """

    dimension: str
    span: int
    lefts: Vector

    def extents(self, offset: int) -> Vector:
        """Extent of the tile of a child at ``offset``, for every possible step; 0: idle."""
        return tuple(max(0, min(left - offset, self.span)) for left in self.lefts)


@dataclass(slots=True)
class Load:
    """Words on one network.

    Attributes:
        words: Words that enter, by the number of inner instances each reaches.
        half_hops: Twice the sum of hops over them (a centre may lie between two rows).
        links: Words passed between neighbours instead.
    """

    words: dict[int, Fraction | int] = field(default_factory=lambda: defaultdict(int))
    half_hops: int = 0
    links: Fraction | int = 0

    @property
    def entering(self) -> Fraction:
        """Words that enter."""
        return Fraction(sum(self.words.values()))

    @property
    def deliveries(self) -> Fraction:
        """Words that arrive, counting each destination."""
        return Fraction(sum(words * reach for reach, words in self.words.items()))

    def add(self, other: Load, times: int) -> None:
        """Add another load ``times`` over."""
        for reach, words in other.words.items():
            self.words[reach] += words * times
        self.half_hops += other.half_hops * times
        self.links += other.links * times

    def scale(self, factor: Fraction) -> None:
        """Multiply the words; hops stay (as Timeloop, which does not rescale them)."""
        for reach in self.words:
            self.words[reach] *= factor


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One destination: its shift in words, its class, its index at every crossed network."""

    shift: Vector
    offset: Vector
    index: Vector
    parts: tuple[Vector, ...]


class Destinations:
    """All children of one parent instance.

    Args:
        tensor: The tensor streamed.
        crossings: The networks between, outermost first.
        clips: Per ragged dimension, how its tiles are clipped.
        base: Offset of the parent itself in each ragged dimension.
        per_word: Whether words are shared one by one (partial overlap included), not only whole
            deliveries within a block.
        links: Whether neighbours under the innermost network pass words on.
    """

    def __init__(
        self,
        tensor: Tensor,
        crossings: Sequence[Crossing],
        *,
        clips: Sequence[Clip],
        base: Vector,
        per_word: bool,
        links: bool,
    ) -> None:
        self._crossings = tuple(crossings)
        self._leaves = _leaves(tensor, self._crossings, clips, base)
        self._per_word = per_word
        self.classes: tuple[Vector, ...] = tuple(sorted({leaf.offset for leaf in self._leaves}))
        number = {offset: at for at, offset in enumerate(self.classes)}
        self._class = [number[leaf.offset] for leaf in self._leaves]
        self._neighbours = self._find_neighbours() if links and len(self._leaves) > 1 else {}
        self._known: dict[Event, list[Load]] = {}

    @property
    def linked(self) -> bool:
        """Whether any destination has a neighbour to take words from."""
        return bool(self._neighbours)

    def loads(self, event: Event) -> tuple[list[Load], int]:
        """Load of every crossed network by one event, and a factor that multiplies it.

        Deliveries that differ only in size share one figure: the factor is their size.
        """
        factor = 1
        if not self._per_word and len(self.classes) == 1:
            factor = volume(event.now[0])
            event = _unit(event)
        if event not in self._known:
            self._known[event] = self._count(event)
        return self._known[event], factor

    def _count(self, event: Event) -> list[Load]:
        now = self._placed(event.now)
        active = [at for at, boxes in enumerate(now) if boxes]
        plain = self._tally(active, now)
        if not self._neighbours or not any(event.before):
            return plain
        before = self._placed(event.before)
        linked = {
            at for at in active if any(before[one] == now[at] for one in self._neighbours[at])
        }
        relieved = self._tally([at for at in active if at not in linked], now)
        # Timeloop decides at the block that holds the neighbours; the words of the parent decide
        # where words are shared across blocks.
        judge = 0 if self._per_word else -1
        if not linked or relieved[judge].entering >= plain[judge].entering:
            return plain
        relieved[-1].links = sum(volume(now[at]) for at in linked)
        return relieved

    def _placed(self, boxes: tuple[Boxes, ...]) -> list[Boxes]:
        return [
            translate(boxes[which], leaf.shift)
            for which, leaf in zip(self._class, self._leaves, strict=True)
        ]

    def _tally(self, chosen: Iterable[int], now: Sequence[Boxes]) -> list[Load]:
        cells = _cells(chosen, now) if self._per_word else _wholes(chosen, now)
        loads = [Load() for _ in self._crossings]
        for words, members in cells:
            for at, load in enumerate(loads):
                for group in self._groups(at, members):
                    load.words[len(group)] += words
                    load.half_hops += words * half_hops(group, self._crossings[at])
        return loads

    def _groups(self, at: int, members: Sequence[int]) -> Iterable[Sequence[int]]:
        """Sets of inner instances of one network that receive a word together."""
        if len(members) == 1:
            return (self._leaves[members[0]].index[at : at + 1],)
        groups: dict[Hashable, dict[int, None]] = {}
        inside = range(at, len(self._crossings))
        for member in members:
            leaf = self._leaves[member]
            # A network that does not merge carries a copy per inner instance, and so do all
            # those outside it. Timeloop shares between blocks only what is the same block tile.
            copies = tuple(leaf.index[one] for one in inside if not self._crossings[one].merges)
            tiles = () if self._per_word else leaf.parts[at:-1]
            key = (leaf.index[:at], copies, tiles)
            groups.setdefault(key, {})[leaf.index[at]] = None
        return [tuple(group) for group in groups.values()]

    def _find_neighbours(self) -> dict[int, tuple[int, ...]]:
        """Per destination its neighbours left, right, above, below in the same block."""
        width, height = self._crossings[-1].width, self._crossings[-1].height
        found = {leaf.index: at for at, leaf in enumerate(self._leaves)}
        neighbours: dict[int, tuple[int, ...]] = {}
        for at, leaf in enumerate(self._leaves):
            y, x = divmod(leaf.index[-1], width)
            near = ((y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x))
            places = [b * width + a for b, a in near if 0 <= a < width and 0 <= b < height]
            indices = [(*leaf.index[:-1], place) for place in places]
            neighbours[at] = tuple(found[index] for index in indices if index in found)
        return neighbours


def half_hops(group: Sequence[int], crossing: Crossing) -> int:
    """Twice the links a word crosses to reach a group.

    It comes in at the left edge, halfway up, goes along X first, then up and down each column.

    Args:
        group: Linear indices of the inner instances.
        crossing: The network; its physical width folds the indices.

    Source: reference/timeloop/SEMANTICS.md, section 7 (Timeloop v3).
    """
    if not crossing.spatial:
        return 0
    if len(group) == 1:
        y, x = divmod(group[0], crossing.width)
        return 2 * x + abs(crossing.height - 1 - 2 * y)
    columns: dict[int, list[int]] = {}
    for index in group:
        columns.setdefault(index % crossing.width, []).append(index // crossing.width)
    centre, twice = crossing.height - 1, 2 * max(columns)
    for rows in columns.values():
        twice += max(0, centre - 2 * min(rows)) + max(0, 2 * max(rows) - centre)
    return twice


def _unit(event: Event) -> Event:
    """The event with every delivery shrunk to one word, displacement between them kept."""
    now = event.now[0]
    if not now:
        return Event(((),), ((),))
    origin: Box = tuple((0, 1) for _ in now[0])
    before = event.before[0] if event.before else ()
    if len(before) != 1 or _sizes(before[0]) != _sizes(now[0]):
        return Event(((origin,),), ())
    shift = tuple(b[0] - a[0] for a, b in zip(now[0], before[0], strict=True))
    return Event(((origin,),), (translate((origin,), shift),))


def _sizes(box: Box) -> Vector:
    return tuple(high - low for low, high in box)


def _wholes(chosen: Iterable[int], now: Sequence[Boxes]) -> list[tuple[int, list[int]]]:
    """Deliveries that are exactly equal, with their words and destinations."""
    found: dict[Boxes, list[int]] = {}
    for at in chosen:
        found.setdefault(now[at], []).append(at)
    return [(volume(boxes), members) for boxes, members in found.items()]


def _cells(chosen: Iterable[int], now: Sequence[Boxes]) -> list[tuple[int, list[int]]]:
    """Sets of words with the same destinations: a grid of all boxes' edges, cell by cell."""
    owners: dict[Box, list[int]] = {}
    for at in chosen:
        for box in now[at]:
            owners.setdefault(box, []).append(at)
    if len(owners) <= 1:
        return [(volume((box,)), members) for box, members in owners.items()]
    ranks = len(next(iter(owners)))
    edges = [sorted({edge for box in owners for edge in box[rank]}) for rank in range(ranks)]
    where = [{edge: at for at, edge in enumerate(line)} for line in edges]
    widths = [[b - a for a, b in pairwise(line)] for line in edges]
    members: dict[Vector, list[int]] = {}
    for box, owner in owners.items():
        spans = [range(w[low], w[high]) for (low, high), w in zip(box, where, strict=True)]
        for cell in product(*spans):
            members.setdefault(cell, []).extend(owner)
    sizes: defaultdict[tuple[int, ...], int] = defaultdict(int)
    for cell, who in members.items():
        words = 1
        for rank, at in enumerate(cell):
            words *= widths[rank][at]
        sizes[tuple(who)] += words
    return [(words, list(who)) for who, words in sizes.items()]


def _leaves(
    tensor: Tensor, crossings: Sequence[Crossing], clips: Sequence[Clip], base: Vector
) -> list[_Leaf]:
    per_network = [_places(tensor, crossing.spatial, clips) for crossing in crossings]
    # Children that are clipped alike at every step are one class, named by one member's offset.
    alike: list[dict[Vector, int]] = [{} for _ in clips]
    named: list[dict[int, int]] = [{} for _ in clips]
    leaves = []
    for choice in product(*(range(len(places)) for places in per_network)):
        chosen = [places[at] for places, at in zip(per_network, choice, strict=True)]
        parts = tuple(shift for shift, _ in chosen)
        shift = parts[0] if len(parts) == 1 else tuple(map(sum, zip(*parts, strict=True)))
        offset = []
        for axis, clip in enumerate(clips):
            at = base[axis] + sum(offsets[axis] for _, offsets in chosen)
            if at not in named[axis]:
                named[axis][at] = alike[axis].setdefault(clip.extents(at), at)
            offset.append(named[axis][at])
        leaves.append(_Leaf(shift, tuple(offset), choice, parts))
    return leaves


def _places(
    tensor: Tensor, loops: tuple[NestLoop, ...], clips: Sequence[Clip]
) -> list[tuple[Vector, Vector]]:
    """Shift in words and offset in ragged dimensions of every inner instance, in linear order."""
    places: list[tuple[Vector, Vector]] = [((0,) * len(tensor.ranks), (0,) * len(clips))]
    for loop in loops:
        by = tensor.origin({loop.dimension: loop.span})
        on = tuple(loop.span if clip.dimension == loop.dimension else 0 for clip in clips)
        places = [
            (
                tuple(a + at * b for a, b in zip(shift, by, strict=True)),
                tuple(a + at * b for a, b in zip(offset, on, strict=True)),
            )
            for shift, offset in places
            for at in range(loop.extent)
        ]
    return places

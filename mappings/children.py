"""Children below one block of a parent instance, told apart only by how their tiles are clipped.

Where tiles of children that differ in one of the tensor's dimensions do not touch, what a child
gets goes to all that are alike in the tensor's dimensions, and to no other. So one child of each
class answers for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from math import prod

from stallscope.mappings.array_words import ArrayWords, Window, around
from stallscope.mappings.boxes import Boxes, Vector, translate, volume
from stallscope.mappings.multicast import Clip, Crossing, Destinations, Load
from stallscope.mappings.problem import Tensor
from stallscope.mappings.reuse import Event

__all__ = ["BlockChildren", "is_disjoint"]


def is_disjoint(tensor: Tensor, crossings: Sequence[Crossing], extents: Mapping[str, int]) -> bool:
    """Whether children are those of one block, and their tiles the same or without common words.

    Args:
        tensor: The tensor.
        crossings: The networks between parent and children.
        extents: Indices per dimension of a child's tile.
    """
    spatial = [crossing for crossing in crossings if crossing.spatial]
    if len(spatial) != 1:
        return False
    if not spatial[0].merges:
        return True  # each child has a copy of its own
    # The innermost loop of a dimension comes last.
    apart = {loop.dimension: loop.span for loop in spatial[0].spatial}
    for rank, size in zip(tensor.ranks, tensor.tile_shape(extents), strict=True):
        steps = [t.coefficient * apart[t.dimension] for t in rank if t.dimension in apart]
        names = {term.dimension for term in rank if term.dimension in apart}
        if len(names) > 1 or (names and sum(steps) < size):
            return False
    return True


class BlockChildren:
    """The children; the interface is that of `Destinations`.

    Args:
        tensor: The tensor streamed.
        crossings: The networks between, with disjoint tiles below (see `is_disjoint`).
        clips: Per ragged dimension, how tiles are clipped.
        base: Offset of the parent itself in each ragged dimension.
        links: Whether neighbours under the innermost network pass words on.
        listed: Makes the list of the same children, for what does not follow from classes.
    """

    def __init__(
        self,
        tensor: Tensor,
        crossings: Sequence[Crossing],
        *,
        clips: Sequence[Clip],
        base: Vector,
        links: bool,
        listed: Callable[[], Destinations],
    ) -> None:
        self._count = len(crossings)
        self._wide = next(at for at, crossing in enumerate(crossings) if crossing.spatial)
        merges = crossings[self._wide].merges
        self._words = ArrayWords(tensor, crossings[self._wide])
        self._names = [clip.dimension for clip in clips]
        self._alike = [merges and name not in tensor.dimensions for name in self._names]
        axes = [_axis(clip, at, self._words) for clip, at in zip(clips, base, strict=True)]
        self._windows = [list(axis.values()) for axis in axes]
        self.classes: tuple[Vector, ...] = tuple(product(*axes))
        self.linked = links and self._wide == self._count - 1
        self._make_list = listed
        self._known: dict[Event, tuple[list[Load], int]] = {}

    @cached_property
    def _list(self) -> Destinations:
        listed = self._make_list()
        assert listed.classes == self.classes
        return listed

    def loads(self, event: Event) -> tuple[list[Load], int]:
        """Load of every crossed network by one event, and a factor that multiplies it."""
        if event not in self._known:
            load = None if self._may_pass(event) else self._load(event)
            if load is None:
                self._known[event] = self._list.loads(event)
            else:
                self._known[event] = around([load], [self._wide], self._count), 1
        return self._known[event]

    def _may_pass(self, event: Event) -> bool:
        """Whether a neighbour may have had what a child gets; no dimension is ragged then."""
        if not self.linked or not any(event.before):
            return False
        now, before = event.now[0], event.before[0]
        if not now or len(now) != len(before):
            return False
        moved = tuple(at - was for (at, _), (was, _) in zip(now[0], before[0], strict=True))
        return translate(before, moved) == now and bool(self._words.linked(moved).any())

    def _load(self, event: Event) -> Load | None:
        """The load of the block's network; None if alike children do not get the same."""
        load = Load()
        shape = [len(windows) for windows in self._windows]
        boxes = dict(zip(product(*map(range, shape)), event.now, strict=True))
        for own in _choices(shape, self._alike, chosen=False):
            found: dict[Boxes, list[Vector]] = {}
            for other in _choices(shape, self._alike, chosen=True):
                place = tuple(a + b for a, b in zip(own, other, strict=True))
                found.setdefault(boxes[place], []).append(place)
            found.pop((), None)
            for tiles, places in found.items():
                windows = self._block(places)
                if windows is None or len(found) > 1:
                    return None
                load.add(self._words.load(windows), volume(tiles))
        return load

    def _block(self, places: Sequence[Vector]) -> dict[str, Window] | None:
        """The offsets of some classes, if they are a product of offsets without gaps."""
        windows = {}
        sides = [sorted(set(side)) for side in zip(*places, strict=True)]
        for name, side, own in zip(self._names, sides, self._windows, strict=True):
            if side[-1] - side[0] >= len(side):
                return None
            windows[name] = own[side[0]][0], own[side[-1]][1]
        return windows if prod(map(len, sides)) == len(places) else None


def _axis(clip: Clip, base: int, words: ArrayWords) -> dict[int, Window]:
    """Children that the bound clips alike at every step, by the first one's offset."""
    first: dict[Vector, int] = {}
    found: dict[int, Window] = {}
    for number, offset in enumerate(words.offsets(clip.dimension)):
        at = first.setdefault(clip.extents(base + offset), base + offset)
        begun, _ = found.get(at, (number, number))
        found[at] = begun, number + 1
    return found


def _choices(shape: Sequence[int], is_in: Sequence[bool], *, chosen: bool) -> Iterator[Vector]:
    """Places along the sides that are in (or those that are not); 0 along the others."""
    return product(
        *(range(size if one is chosen else 1) for size, one in zip(shape, is_in, strict=True))
    )

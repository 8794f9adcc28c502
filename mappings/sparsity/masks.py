"""Masks of the operands: which words are not zero, drawn with a seed or unpacked from a pattern.

A mask is a boolean array with one element per word of the tensor as it is stored: shape
``tensor.tile_shape(bounds)``, True where the word is not zero.

What is drawn depends on the tensor's name, its shape, the seed and the distribution, and on nothing
else: it comes from the raw numbers of PCG64, which do not change with the version of NumPy. Two
tensors with the same seed are drawn independently of each other.

Not modelled: zeros that depend on each other, within a tensor or between two, other than by
channels and blocks; give a pattern for those.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from statistics import NormalDist
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from stallscope.mappings.fields import nearest
from stallscope.mappings.problem import Problem, Tensor
from stallscope.mappings.sparsity.operands import Distribution, Operand, Pattern, Sparsity
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["draw", "kept_words", "masks", "pack", "prune", "sparsity_faults", "unpack"]

Array = NDArray[Any]  # Any: whatever numbers a file holds
Mask = NDArray[np.bool_]
_Keys = NDArray[np.uint64]

_AT_ONCE = 2**20
"""Numbers that are drawn together: the largest tensors have a hundred million words."""
_BUCKETS = 2**16
_BUCKET_BITS = np.uint64(48)


def masks(problem: Problem, sparsity: Sparsity) -> dict[str, Mask]:
    """Mask of every tensor that is not dense.

    Args:
        problem: The problem whose tensors they are.
        sparsity: What is zero in them.

    Returns:
        By tensor, in the order of ``sparsity``: boolean array, shape of the tensor as stored.

    Raises:
        SpecError: Every fault, as `sparsity_faults`.
    """
    faults = sparsity_faults(problem, sparsity)
    if faults:
        raise SpecError(faults)
    return {
        one.tensor: draw(problem.tensor(one.tensor), problem.bounds, one)
        for one in sparsity.operands
    }


def draw(tensor: Tensor, bounds: Mapping[str, int], operand: Operand) -> Mask:
    """Draw one tensor's mask, or unpack the one that is given.

    Args:
        tensor: The tensor.
        bounds: Bound per dimension of the problem.
        operand: Its zeros; they suit the tensor (`sparsity_faults` found nothing).

    Returns:
        Boolean array, shape ``tensor.tile_shape(bounds)``, True where a word is not zero. Kept is
        the rounded share of the words; of whole groups, in ``structured`` and ``block``: see there.
    """
    if operand.pattern is not None:
        return unpack(operand.pattern)
    shape = tensor.tile_shape(bounds)
    keys = _Draws(operand, tensor.name)
    match operand.distribution:
        case Distribution.UNIFORM:
            words = math.prod(shape)
            return keys.lowest(words, kept_words(operand.density or 0, words)).reshape(shape)
        case Distribution.PER_CHANNEL:
            return _per_channel(shape, operand, keys)
        case Distribution.STRUCTURED:
            return _structured(shape, operand, keys)
        case Distribution.BLOCK:
            return _blocks(shape, operand, keys)
    assert_never(operand.distribution)


def kept_words(density: float, words: int) -> int:
    """Words that are kept of ``words``: the nearest whole number, the even one of two."""
    return round(Fraction(str(density)) * words)


def prune(values: Array, density: float, *, place: str = "values") -> Array:
    """Set the values of least magnitude to zero.

    Args:
        values: Numbers, any shape.
        density: Share to keep, 0 to 1.
        place: What they are, for faults.

    Returns:
        A copy in which exactly `kept_words` values are as they were, those of the largest
        magnitude, the first ones where several are equally large, and the others are 0. Where more
        values than that are 0 already, some of the kept ones are 0.

    Raises:
        SpecError: If the density is not between 0 and 1, or a value is not a finite number.
    """
    if not 0 <= density <= 1:
        rule, remedy = "is not between 0 and 1", "give the share of the words to keep"
        raise SpecError([Fault(place=f"{place}.density", value=density, rule=rule, remedy=remedy)])
    numbers = np.asarray(values).astype(np.float64).ravel()  # the magnitude of int8's -128 fits
    if not np.isfinite(numbers).all():
        raise SpecError([Fault(place=place, value="", rule="holds what is not a finite number",
                               remedy="look for NaN and infinity in the file")])  # fmt: skip
    order = np.argsort(-np.abs(numbers), kind="stable")
    pruned = np.array(values, order="C")
    pruned.reshape(-1)[order[kept_words(density, numbers.size) :]] = 0
    return pruned


def pack(mask: Mask, source: str = "") -> Pattern:
    """Make the pattern that says what a mask says.

    Args:
        mask: Boolean array, True where a word is not zero.
        source: Where it comes from, for the record.
    """
    bits = np.packbits(np.ascontiguousarray(mask, dtype=np.bool_).ravel()).tobytes()
    return Pattern(shape=mask.shape, bits=bits, source=source)


def unpack(pattern: Pattern) -> Mask:
    """Make the mask that a pattern says: a boolean array of its shape."""
    words = math.prod(pattern.shape)
    bits = np.unpackbits(np.frombuffer(pattern.bits, dtype=np.uint8), count=words)
    return bits.astype(np.bool_).reshape(pattern.shape)


def sparsity_faults(problem: Problem, sparsity: Sparsity, section: str = "sparsity") -> list[Fault]:
    """Everything about the zeros that does not suit the problem's tensors, without drawing them.

    Args:
        problem: The problem whose tensors they are.
        sparsity: What is zero in them.
        section: Path of ``sparsity``, for faults.
    """
    known = [tensor.name for tensor in problem.tensors]
    faults = []
    for one in sparsity.operands:
        if one.tensor in known:
            shape = problem.tensor(one.tensor).tile_shape(problem.bounds)
            faults += _faults(one, shape, f"{section}.{one.tensor}")
        else:
            faults.append(
                Fault(place=f"{section}.{one.tensor}", value=one.tensor,
                      rule="is no tensor of the problem", remedy=nearest(one.tensor, known))
            )  # fmt: skip
    return faults


def _faults(operand: Operand, shape: tuple[int, ...], place: str) -> list[Fault]:
    """Faults of one operand whose tensor is stored as ``shape``."""
    if operand.pattern is not None:
        return _pattern_faults(operand.pattern, shape, f"{place}.pattern")
    stored = f"{operand.tensor} is stored as {_by(shape)}"
    faults = []
    if operand.along is not None and operand.along >= len(shape):
        last = len(shape) - 1
        faults.append(
            Fault(place=f"{place}.along", value=operand.along, rule=f"{stored}: no such rank",
                  remedy=f"give a rank from 0 (outermost) to {last}" if shape else "leave it out")
        )  # fmt: skip
    if operand.distribution is Distribution.BLOCK and len(operand.block) != len(shape):
        faults.append(
            Fault(place=f"{place}.block", value=_by(operand.block),
                  rule=f"{stored}: needs words per rank, {len(shape)} of them",
                  remedy="1 is a rank whose words do not hang together")
        )  # fmt: skip
    if any(size < 1 for size in operand.block):
        faults.append(
            Fault(place=f"{place}.block", value=_by(operand.block),
                  rule="needs at least 1 word per rank")
        )  # fmt: skip
    if operand.distribution is Distribution.STRUCTURED and operand.density is not None:
        share = Fraction(operand.n or 0, operand.m or 1)
        if abs(share - Fraction(str(operand.density))) > Fraction(1, 1000):
            faults.append(
                Fault(place=f"{place}.density", value=operand.density,
                      rule=f"structured zeros leave {operand.n} of {operand.m} words",
                      remedy=f"leave it out: it is {float(share):g}")
            )  # fmt: skip
    return faults


def _pattern_faults(pattern: Pattern, shape: tuple[int, ...], place: str) -> list[Fault]:
    given = f" ({pattern.source})" if pattern.source else ""
    if pattern.shape != shape:
        return [Fault(place=place, value=f"{_by(pattern.shape)}{given}",
                      rule=f"the tensor is stored as {_by(shape)}",
                      remedy="bring its ranks into the problem's order")]  # fmt: skip
    needed = -(-math.prod(shape) // 8)
    if len(pattern.bits) != needed:
        return [Fault(place=f"{place}.bits", value=f"{len(pattern.bits)} bytes{given}",
                      rule=f"{_by(shape)} words need {needed} bytes, a bit per word",
                      remedy="pack them with numpy.packbits")]  # fmt: skip
    return []


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape) or "one word"


class _Draws:
    """Raw random numbers of one tensor, in the order in which they are asked for."""

    def __init__(self, operand: Operand, tensor: str) -> None:
        seeds = np.random.SeedSequence([operand.seed, zlib.crc32(tensor.encode())])
        self._source = np.random.PCG64(seeds)

    def take(self, groups: int, words: int) -> _Keys:
        """A number per word, shape (groups, words)."""
        return self._source.random_raw(groups * words).reshape(groups, words)

    def lowest(self, words: int, count: int) -> Mask:
        """True at the ``count`` lowest of so many numbers; they are drawn twice, not kept."""
        start = self._source.state
        below = np.zeros(_BUCKETS + 1, dtype=np.int64)
        for _, numbers in self._chunks(words):
            below[1:] += np.bincount(numbers >> _BUCKET_BITS, minlength=_BUCKETS)
        np.cumsum(below, out=below)
        bucket = max(0, int(np.searchsorted(below, count)) - 1)  # that of the highest one taken
        mask = np.empty(words, dtype=np.bool_)
        places, highest = [], []
        self._source.state = start
        for first, numbers in self._chunks(words):
            of = numbers >> _BUCKET_BITS
            mask[first : first + len(numbers)] = of < bucket
            inside = np.flatnonzero(of == bucket)
            places.append(first + inside)
            highest.append(numbers[inside])
        order = np.argsort(np.concatenate(highest), kind="stable")
        mask[np.concatenate(places)[order[: count - int(below[bucket])]]] = True
        return mask

    def _chunks(self, words: int) -> Iterator[tuple[int, _Keys]]:
        for first in range(0, words, _AT_ONCE):
            yield first, self._source.random_raw(min(_AT_ONCE, words - first))

    def normal(self, count: int) -> NDArray[np.float64]:
        """Numbers of the standard normal distribution, shape (count,)."""
        inverse = NormalDist().inv_cdf
        raw = self._source.random_raw(count) >> np.uint64(12)
        return np.array([inverse((int(number) + 0.5) / 2**52) for number in raw])


def _lowest(keys: _Keys, counts: NDArray[np.int64]) -> Mask:
    """True at the ``counts`` lowest keys of every group; shape of ``keys`` (groups, words)."""
    groups, words = keys.shape
    mask = np.zeros((groups, words), dtype=np.bool_)
    if groups == 1:
        count = int(counts[0])
        if count:
            mask[0, np.argpartition(keys[0], count - 1)[:count]] = True
        return mask
    order = np.argsort(keys, axis=1, kind="stable")
    np.put_along_axis(mask, order, np.arange(words) < counts[:, None], axis=1)
    return mask


def _per_channel(shape: tuple[int, ...], operand: Operand, keys: _Draws) -> Mask:
    """Densities of the channels are normal around the mean, cut at 0 and 1, moved to meet it."""
    along = operand.along or 0
    channels = shape[along]
    words = math.prod(shape) // channels
    total = kept_words(operand.density or 0, math.prod(shape))
    counts = _shares(operand.spread * keys.normal(channels), words, total)
    mask = _lowest_of_each(keys.take(channels, words), counts)
    rest = (shape[:along], shape[along + 1 :])
    return np.moveaxis(mask.reshape(channels, *rest[0], *rest[1]), 0, along)


def _lowest_of_each(keys: _Keys, counts: NDArray[np.int64]) -> Mask:
    """`_lowest`, channel by channel: a channel may be most of a tensor."""
    rows = [_lowest(key[None], counts[at : at + 1]) for at, key in enumerate(keys)]
    return np.concatenate(rows)


def _shares(offsets: NDArray[np.float64], words: int, total: int) -> NDArray[np.int64]:
    """Split ``total`` words over channels of ``words`` each, by offsets of their densities.

    One shift of all densities meets the total to within rounding; the words that are missing then
    go to the channels whose figures were rounded down most.
    """
    low, high = -1.0 - float(offsets.max()), 1.0 - float(offsets.min())
    for _ in range(64):
        middle = (low + high) / 2
        if (np.clip(offsets + middle, 0, 1) * words).sum() > total:
            high = middle
        else:
            low = middle
    exact = np.clip(offsets + low, 0, 1) * words
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    while missing := total - int(counts.sum()):  # the shift errs on the low side only
        able = order[counts[order] < words]
        counts[able[:missing]] += 1
    return counts


def _structured(shape: tuple[int, ...], operand: Operand, keys: _Draws) -> Mask:
    """Keep n of every m words along a rank; of a shorter last group the rounded share."""
    along, n, m = operand.along or 0, operand.n or 0, operand.m or 1
    moved = shape[:along] + shape[along + 1 :]
    lines, length = math.prod(moved), shape[along]
    whole = length // m * m
    parts = [
        _groups(keys.take(lines * (whole // m), m), n).reshape(lines, whole),
        _groups(keys.take(lines, length - whole), round(Fraction(n * (length - whole), m))),
    ]
    mask = np.concatenate(parts, axis=1).reshape(*moved, length)
    return np.moveaxis(mask, -1, along)


def _groups(keys: _Keys, count: int) -> Mask:
    return _lowest(keys, np.full(len(keys), count, dtype=np.int64))


def _blocks(shape: tuple[int, ...], operand: Operand, keys: _Draws) -> Mask:
    """Keep the rounded share of the blocks, those that the tensor's end cuts among them."""
    counts = tuple(-(-size // block) for size, block in zip(shape, operand.block, strict=True))
    number = math.prod(counts)
    kept = kept_words(operand.density or 0, number)
    mask = _lowest(keys.take(1, number), np.array([kept])).reshape(counts)
    for rank, block in enumerate(operand.block):
        mask = np.repeat(mask, block, axis=rank)
    return mask[tuple(slice(size) for size in shape)]

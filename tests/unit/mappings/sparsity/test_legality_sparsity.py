"""Room of compressed tiles, and formats that a mapping cannot have."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.legality import check_mapping, tile_extents
from stallscope.mappings.mapping import Buffering, LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.hardware import SparseArray, TensorFormat
from stallscope.mappings.sparsity.masks import masks, pack
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.mappings.sparsity.sizes import PieceSizes
from stallscope.mappings.sparsity.tiles import StoredTiles
from stallscope.simcore.errors import SpecError


def tensor(name, *ranks, is_output=False):
    """Ranks are words such as ``P+2R``."""
    terms = [
        tuple(Term(dimension=part[-1], coefficient=int(part[:-1] or 1)) for part in rank.split("+"))
        for rank in ranks
    ]
    return Tensor(name=name, ranks=tuple(terms), is_output=is_output)


def problem(bounds, *tensors):
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
        tensors=tensors,
    )


CONV = problem(
    {"M": 4, "C": 4, "P": 6, "R": 2},
    tensor("W", "M", "C", "R"),
    tensor("I", "C", "P+R"),
    tensor("O", "M", "P", is_output=True),
)


def loops(text):
    return tuple(Loop(dimension=one[0], extent=int(one[2:])) for one in text.split())


def mapping(*levels, buffering=()):
    """Levels from the outermost: name, loops, tensors that it keeps."""
    return Mapping(
        levels=tuple(
            LevelMapping(
                level=name, temporal=loops(text), keep=tuple(keep),
                buffering=buffering if name == "B" else (),
            )
            for name, text, keep in levels
        )
    )  # fmt: skip


def chip(capacity=None, formats=(), outer=(), sparse=None, names="DBR"):
    levels = [StorageLevel(name=name, word_bits=8) for name in names]
    levels[0] = levels[0].model_copy(update={"formats": outer})
    figures = {"capacity_words": capacity, "formats": formats}
    levels[1] = levels[1].model_copy(update=figures)
    return Architecture(levels=tuple(levels), compute=ComputeLevel(name="MAC", sparse=sparse))


BITMASK = (TensorFormat(tensor="W", format="bitmask"),)
TILES = mapping(("D", "M=2", "WIO"), ("B", "M=2 C=4 P=6", "WIO"), ("R", "R=2", ""))


def halves(first, second):
    """A pattern of W with that many words in the first two and in the last two of M."""
    mask = np.zeros((2, 16), dtype=np.bool_)
    mask[0, :first] = mask[1, :second] = True
    return Sparsity(operands=(Operand(tensor="W", pattern=pack(mask.reshape(4, 4, 2))),))


def test_the_largest_compressed_tile_must_fit():
    """I has 28 words and O 12; W has 16 a tile: 10 of them not zero and two words of mask."""
    sparsity = halves(3, 10)
    check_mapping(CONV, chip(52, BITMASK), TILES, sparsity)
    with pytest.raises(SpecError, match=r"B needs 52 words for W\+I\+O, has 51; "):
        check_mapping(CONV, chip(51, BITMASK), TILES, sparsity)
    with pytest.raises(SpecError, match=r"B needs 56 words for W\+I\+O, has 52; "):
        check_mapping(CONV, chip(52), TILES, sparsity)


def test_a_remedy_is_computed_with_compressed_tiles():
    with pytest.raises(SpecError, match="has 46; M 2 -> 1 at this level fits"):
        check_mapping(CONV, chip(46, BITMASK), TILES, halves(3, 10))


def test_a_dense_tensor_in_a_format_takes_its_metadata_besides():
    check_mapping(CONV, chip(58, BITMASK), TILES)
    with pytest.raises(SpecError, match="B needs 58 words"):
        check_mapping(CONV, chip(57, BITMASK), TILES)


def test_several_tiles_take_as_many_times_the_room():
    two = mapping(*[(one.level, " ".join(f"{loop.dimension}={loop.extent}"
                     for loop in one.temporal), one.keep) for one in TILES.levels],
                  buffering=(Buffering(tensor="W", tiles=2),))  # fmt: skip
    check_mapping(CONV, chip(64, BITMASK), two, halves(3, 10))
    with pytest.raises(SpecError, match=r"64 words for 2 x W\+I\+O, has 63; one tile of each fits"):
        check_mapping(CONV, chip(63, BITMASK), two, halves(3, 10))


@settings(max_examples=25)
@given(st.data())
def test_the_largest_tile_is_that_of_all(data):
    """Every tile of a nest with remainders, one by one."""
    bounds = {name: data.draw(st.integers(1, 5)) for name in "ABCD"}
    spans = {name: data.draw(st.integers(1, bound)) for name, bound in bounds.items()}
    of = tensor("T", *data.draw(st.sampled_from(
        [("A", "B"), ("A+2B", "C"), ("A+C", "B", "C"), ("A+B", "2B+3D", "A"), ()]
    )))  # fmt: skip
    layer = problem(bounds, of, tensor("O", "A", is_output=True))
    sparsity = Sparsity(operands=(Operand(tensor="T", density=0.4, seed=data.draw(st.just(3))),))
    mask = masks(layer, sparsity)["T"]
    form = TensorFormat(tensor="T", format=data.draw(st.sampled_from(["bitmask", "csr", "csf"])))
    level = StorageLevel(name="B", word_bits=4, formats=(form,))
    sizes = PieceSizes(mask, form, 4)
    origins, shapes = [], []
    for first in itertools.product(*(range(0, bounds[name], spans[name]) for name in bounds)):
        at = dict(zip(bounds, first, strict=True))
        extents = {name: min(spans[name], bounds[name] - at[name]) for name in bounds}
        origins.append(of.origin(at))
        shapes.append(of.tile_shape(extents))
    largest = np.add(*sizes.of(origins, shapes)).max()
    assert StoredTiles(layer, level, {"T": mask}).words(of, spans) == largest


def test_spans_of_a_level_are_those_of_its_tiles():
    assert tile_extents(CONV, TILES)[1] == {"M": 2, "C": 4, "P": 6, "R": 2}


OUTPUT = (TensorFormat(tensor="O", format="bitmask"),)


@pytest.mark.parametrize(
    ("outer", "inner", "where", "returns"),
    [
        ("M=4", "C=4 P=6", "DB", ["B"]),  # the array adds to what B holds, over C and R
        ("M=4", "C=4 P=6", "D", []),  # but to main memory goes the finished sum only
        ("C=4", "M=4 P=6", "D", []),  # the tile of B stays over C
        ("C=4 M=4", "P=6", "D", ["D"]),
        ("M=4 C=4", "P=6", "D", []),
    ],
)
def test_no_format_where_partial_sums_return(outer, inner, where, returns):
    used = mapping(("D", outer, "WIO"), ("B", inner, "WIO"), ("R", "R=2", ""))
    architecture = chip(
        formats=OUTPUT if "B" in where else (), outer=OUTPUT if "D" in where else ()
    )
    if not returns:
        check_mapping(CONV, architecture, used)
        return
    with pytest.raises(SpecError) as caught:
        check_mapping(CONV, architecture, used)
    assert [fault.place for fault in caught.value.faults] == [
        f"architecture.{name}.formats.O" for name in returns
    ]
    assert "partial sums return" in caught.value.faults[0].rule


def test_a_bypassed_level_between_counts_as_outside():
    used = mapping(("D", "M=4", "WIO"), ("B", "C=4 P=6", "WI"), ("R", "R=2", "O"))
    with pytest.raises(SpecError, match="since the sum runs over C outside the next inner tile"):
        check_mapping(CONV, chip(outer=OUTPUT), used)


def test_formats_and_skips_of_tensors_twice_are_refused():
    twice = chip(formats=BITMASK * 2)
    with pytest.raises(SpecError, match=r"architecture\.B\.formats = W: W is given twice"):
        check_mapping(CONV, twice, TILES)
    decoders = ({"tensor": "W", "words_per_cycle": 1},) * 2
    with pytest.raises(SpecError, match="decoders = W: W is given twice"):
        check_mapping(CONV, chip(sparse=SparseArray(decoders=decoders)), TILES)


def test_zeros_of_unknown_tensors_are_refused():
    sparsity = Sparsity(operands=(Operand(tensor="X", density=0.5),))
    with pytest.raises(SpecError, match=r"sparsity\.X = X: is no tensor of the problem"):
        check_mapping(CONV, chip(), TILES, sparsity)

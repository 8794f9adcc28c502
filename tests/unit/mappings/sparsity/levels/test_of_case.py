"""Machines' own cases: expected tiles and steps are the means over all drawings there are."""

from __future__ import annotations

import numpy as np
import pytest

from stallscope.mappings.case import Rules
from stallscope.mappings.sparsity.hardware import SparseArray, TensorFormat
from stallscope.mappings.sparsity.levels import (
    ActualData,
    Hypergeometric,
    Structured,
    densities_of,
    expected_levels,
)
from stallscope.mappings.sparsity.levels.tiles import tile_metadata_words
from stallscope.mappings.sparsity.masks import pack
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from stallscope.mappings.sparsity.sizes import PieceSizes
from stallscope.mappings.sparsity.work import EffectualMacs
from stallscope.simcore.errors import SpecError
from tests.unit.mappings.sparsity.levels.enumeration import choices
from tests.unit.mappings.sparsity.levels.matrices import product


def with_zeros(case, operands, formats=(), **array):
    """The case with zeros, every level storing tensors in ``formats`` (tensor, format)."""
    forms = tuple(TensorFormat(tensor=tensor, format=form) for tensor, form in formats)
    levels = [level.model_copy(update={"formats": forms}) for level in case.architecture.levels]
    compute = case.architecture.compute.model_copy(update={"sparse": SparseArray(**array)})
    architecture = case.architecture.model_copy(
        update={"levels": tuple(levels), "compute": compute}
    )
    sparsity = Sparsity(operands=tuple(operands))
    update = {"architecture": architecture, "sparsity": sparsity, "rules": Rules()}
    return case.model_copy(update=update)


@pytest.mark.parametrize("nonzero", [0, 2, 5, 12])
@pytest.mark.parametrize(
    ("form", "values", "word_bits"),
    [
        ("uncompressed", {}, 8),
        ("bitmask", {}, 8),
        ("coordinate", {}, 8),
        ("csr", {}, 8),
        ("csc", {}, 8),
        ("csf", {}, 1),
        ("run_length", {"run_bits": 1, "pack_bits": None}, 1),
        ("run_length", {"run_bits": 2, "pack_bits": 3}, 1),
        ("bitmask", {"metadata": False}, 8),
    ],
)
def test_a_tiles_metadata_are_the_mean_over_all_choices(form, values, word_bits, nonzero):
    """One bit to the word where no rounding is promised."""
    spec = TensorFormat(tensor="A", format=form, **values)
    found = [
        PieceSizes(mask, spec, word_bits).of(np.zeros((1, 3), int), (2, 3, 2))[1][0]
        for mask in choices((2, 3, 2), nonzero)
    ]
    density = Hypergeometric(total=12, nonzero=nonzero)
    ours = tile_metadata_words(spec, (2, 3, 2), density, word_bits)
    assert ours == pytest.approx(np.mean(found))


@pytest.mark.parametrize(("skips", "gates"), [("AB", ""), ("A", "B"), ("", "AB"), ("B", "")])
def test_steps_are_the_mean_over_all_drawings(skips, gates):
    case = product((("N", 2),), (("M", 2), ("K", 3)))
    operands = [Operand(tensor="A", density=0.5), Operand(tensor="B", density=0.34)]
    ours = expected_levels(
        with_zeros(case, operands, skips=tuple(skips), gates=tuple(gates))
    ).compute  # fmt: skip
    spans = case.problem.bounds

    def mean_steps(names):
        origins = {name: np.zeros((), np.int64) for name in spans}
        found = []
        for a in choices((2, 3), 3):
            for b in choices((3, 2), 2):
                masks = {name: mask for name, mask in (("A", a), ("B", b)) if name in names}
                found.append(EffectualMacs(case.problem, masks, spans).of(origins))
        return np.mean(found)

    assert ours.steps == ours.cycles == pytest.approx(mean_steps(skips))
    assert ours.effectual == pytest.approx(mean_steps(skips + gates))


def test_innermost_accesses_are_those_of_executed_and_active_steps():
    """Skipping on A and gating on B: B is read in every step, A and Z only in active ones."""
    case = product((("N", 2),), (("M", 2), ("K", 4)))
    operands = [Operand(tensor="A", density=0.5), Operand(tensor="B", density=0.25)]
    ours = expected_levels(with_zeros(case, operands, skips=("A",), gates=("B",)))
    words = ours.level("Buffer").tensors
    assert (ours.compute.steps, ours.compute.effectual) == (8, 2)
    assert (words["A"].reads, words["A"].gated_reads) == (2, 6)
    assert (words["B"].reads, words["B"].gated_reads) == (8, 0)
    assert (words["Z"].updates, words["Z"].gated_updates) == (2, 6)


@pytest.mark.parametrize("names", ["A", "B", "AB"])
def test_a_result_is_read_unless_the_step_is_its_first(names):
    """Every Z but for those that no step of their first visit touches: mean over all drawings."""
    case = product((("N", 2), ("K", 2)), (("M", 2), ("K", 2)))
    operands = [Operand(tensor="A", density=0.5), Operand(tensor="B", density=0.375)]
    ours = expected_levels(with_zeros(case, operands, skips=tuple(names)))
    found = []
    for a in choices((2, 4), 4):
        for b in choices((4, 2), 3):
            left = np.where("A" in names, a, True)[:, :, None] & np.where("B" in names, b, True)
            found.append(left.sum() - left[:, :2].any(axis=1).sum())
    assert ours.level("Buffer").tensors["Z"].reads == pytest.approx(np.mean(found))


def test_tiles_move_compressed_piece_by_piece():
    """Tiles of 2 x 16 words of A: 4 bytes of bits each, and what is not zero."""
    case = product((("M", 4),), (("K", 16), ("N", 8), ("M", 2)))
    ours = expected_levels(
        with_zeros(case, [Operand(tensor="A", density=0.25)], [("A", "bitmask")])
    )  # fmt: skip
    outer, inner = (ours.level(name).tensors["A"] for name in ("Memory", "Buffer"))
    assert (outer.reads, outer.metadata_reads) == (32, 16)
    assert (inner.fills, inner.metadata_fills) == (32, 16)
    assert inner.metadata_reads == 0  # single words go to the MACs


def test_each_distribution_is_taken_as_what_it_is():
    case = product((), (("M", 4), ("K", 8), ("N", 4)))
    mask = np.eye(8, 4, dtype=bool)
    found = densities_of(
        with_zeros(
            case,
            [
                Operand(tensor="A", distribution="structured", n=2, m=4, along=1),
                Operand(tensor="B", pattern=pack(mask)),
                Operand(tensor="Z", density=0.5),
            ],
        )
    )
    assert found["A"] == Structured(share=0.5)
    assert isinstance(found["B"], ActualData)
    assert found["B"].largest((8, 1)) == 1
    assert found["Z"] == Hypergeometric(total=16, nonzero=8)


def test_zeros_that_do_not_suit_the_tensor_are_the_users_fault():
    case = product((), (("M", 4), ("K", 8), ("N", 4)))
    wrong = Operand(tensor="B", pattern=pack(np.ones((3, 3), dtype=bool)))
    with pytest.raises(SpecError):
        expected_levels(with_zeros(case, [wrong]))


def test_macs_in_lock_step_have_no_closed_form():
    case = product((("N", 2),), (("M", 2),), lanes=(("K", 4),))
    operands = [Operand(tensor="A", density=0.5)]
    with pytest.raises(SpecError, match="step together"):
        expected_levels(with_zeros(case, operands, skips=("A",)))
    gated = expected_levels(with_zeros(case, operands, gates=("A",)))  # no step is saved
    assert gated.compute.steps == 4

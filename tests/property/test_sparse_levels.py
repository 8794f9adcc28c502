"""Expected-value model beside the machine: the same zeros, the same words."""

from __future__ import annotations

import pytest

from stallscope import simulate
from stallscope.mappings.sparsity.levels import expected_levels
from stallscope.mappings.sparsity.masks import masks
from stallscope.mappings.sparsity.masks import pack as packed
from stallscope.mappings.sparsity.operands import Operand, Sparsity
from tests.unit.mappings.sparsity.levels.matrices import product
from tests.unit.mappings.sparsity.levels.test_of_case import with_zeros


@pytest.mark.parametrize("form", ["uncompressed", "bitmask", "coordinate", "csr", "csc"])
def test_given_zeros_move_the_same_words_as_the_machine(form):
    """Averages over a tensor's tiles, times how often tiles move: not one word off."""
    case = product((("N", 2), ("M", 4)), (("K", 16), ("N", 8), ("M", 2)))
    drawn = [Operand(tensor="A", density=0.3, seed=1), Operand(tensor="B", density=0.5, seed=2)]
    zeros = masks(case.problem, Sparsity(operands=tuple(drawn)))
    given = [Operand(tensor=name, pattern=packed(mask)) for name, mask in zeros.items()]
    sparse = with_zeros(case, given, [("A", form), ("B", form)])
    ours, run = expected_levels(sparse), simulate(sparse)
    for level, what in (("Memory", "reads"), ("Buffer", "fills")):
        ran = next(one for one in run.levels if one.name == level)
        for name in "AB":
            words = ours.level(level).tensors[name]
            data, metadata = getattr(words, what), getattr(words, f"metadata_{what}")
            counts = ran.tensors[name]
            assert metadata == pytest.approx(getattr(counts, f"metadata_{what}"))
            assert data + metadata == pytest.approx(getattr(counts, what))


def test_zeros_drawn_with_any_seed_move_about_as_many_words_as_expected():
    """The mean of 12 seeds: words and coordinates of tiles within 2 % of the expected ones, steps
    that find both operands, and the results they read, within 6 % (twice what such means vary)."""
    case = product((("N", 4), ("M", 4)), (("K", 16), ("N", 4), ("M", 2)))

    def seeded(seed):
        operands = [Operand(tensor=name, density=0.3, seed=seed) for name in "AB"]
        formats = [("A", "coordinate"), ("B", "coordinate")]
        return with_zeros(case, operands, formats, skips=("A", "B"))

    expectation = expected_levels(seeded(0))
    ours = expectation.level("Buffer").tensors
    runs = [simulate(seeded(seed)).levels[1].tensors for seed in range(12)]
    for name in "AB":
        mean = sum(run[name].fills for run in runs) / len(runs)
        expected = ours[name].fills + ours[name].metadata_fills
        assert mean == pytest.approx(expected, rel=0.02)
    for what, expected in (("updates", expectation.compute.steps), ("reads", ours["Z"].reads)):
        mean = sum(getattr(run["Z"], what) for run in runs) / len(runs)
        assert mean == pytest.approx(expected, rel=0.06)

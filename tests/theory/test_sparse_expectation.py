"""Expected imbalance from densities alone: exact where it says so, close to masks elsewhere."""

from __future__ import annotations

from itertools import combinations, product
from math import comb, prod

import numpy as np
import pytest

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.draws import expected_largest, hypergeometric, normal, some_of
from stallscope.mappings.sparsity.expectation import expected
from stallscope.mappings.sparsity.hardware import SparseArray
from stallscope.mappings.sparsity.imbalance import imbalance
from stallscope.mappings.sparsity.moments import Drawn, moments
from stallscope.mappings.sparsity.passes import PassWork
from stallscope.mappings.sparsity.schedules import together


@pytest.mark.parametrize(("total", "marked", "drawn"), [(9, 4, 3), (9, 9, 3), (7, 5, 5), (6, 0, 2)])
def test_a_draw_without_returning_is_hypergeometric(total, marked, drawn):
    draws = hypergeometric(total, marked, drawn)
    shares = [
        comb(marked, int(n)) * comb(total - marked, drawn - int(n)) / comb(total, drawn)
        for n in draws.values
    ]
    assert np.allclose(np.cumsum(shares), draws.below, rtol=1e-12)
    assert sum(n * share for n, share in zip(draws.values, shares, strict=True)) == (
        pytest.approx(draws.mean)
    )


def test_a_large_tensor_needs_no_factorials():
    """A tile of 4 096 of 10**8 words: mean and deviation as the textbook has them."""
    draws = hypergeometric(10**8, 2 * 10**7, 4096)
    shares = np.diff(draws.below, prepend=0.0)
    mean = (shares * draws.values).sum()
    assert mean == pytest.approx(819.2)
    assert (shares * (draws.values - mean) ** 2).sum() == pytest.approx(4096 * 0.16, rel=1e-4)


def test_the_largest_of_several_draws_is_their_order_statistic():
    """Two of one kind and one of another, outcome by outcome."""
    one, other = some_of(2, 0.3), hypergeometric(5, 2, 3)
    shares = [np.diff(draws.below, prepend=0.0) for draws in (one, one, other)]
    exact = sum(
        max(a, b, 4 * c) * shares[0][a] * shares[1][b] * shares[2][c]
        for a, b, c in product(range(3), range(3), range(3))
    )
    assert exact == pytest.approx(expected_largest([one.times(1, 2), other.times(4, 1)]))


def test_the_largest_of_normal_draws_is_as_tabulated():
    """Of 2, 5 and 10 standard normals: 1/sqrt(pi), 1.16296, 1.53875 (order statistics)."""
    for count, tabulated in ((1, 0.0), (2, 0.564190), (5, 1.162964), (10, 1.538753)):
        draws = normal(100.0, 1.0, 1000.0).times(1, count)
        assert expected_largest([draws]) - 100 == pytest.approx(tabulated, abs=2e-3)


def plain(names):
    return tuple((Term(dimension=name),) for name in names)


WINDOW = (Term(dimension="P", coefficient=2), Term(dimension="R"))


def test_mean_and_variance_are_those_of_all_choices_of_words():
    """Weights and a strided window, and what the iterations leave out between them."""
    weights = Tensor(name="W", ranks=plain("CR"))
    inputs = Tensor(name="I", ranks=(*plain("C"), WINDOW))
    sets = {"C": np.array([1]), "R": np.array([0, 1]), "P": np.array([0, 2])}
    drawn = [Drawn(tensor=weights, words=4, nonzeros=2), Drawn(tensor=inputs, words=6, nonzeros=4)]
    found = []
    for kept in product(*(combinations(range(one.words), one.nonzeros) for one in drawn)):
        masks = [np.isin(np.arange(one.words), k) for one, k in zip(drawn, kept, strict=True)]
        w, i = masks[0].reshape(2, 2), masks[1].reshape(1, 6)
        found.append(sum(w[1, r] and i[0, 2 * p + r - 0] for r in sets["R"] for p in (0, 2)))
    mean, variance = moments(drawn, sets)
    assert np.mean(found) == pytest.approx(mean)
    assert np.var(found) == pytest.approx(variance)


def array(*, window=False, skips=("W",), lanes=1, bounds=None):
    """K across 2 x 4 PEs, C, P and R inside and outside."""
    bounds = bounds or {"K": 32, "C": 24, "P": 6, "R": 3 if window else 1}
    rank = WINDOW if window else (Term(dimension="P"),)
    problem = Problem(
        dimensions=tuple(Dimension(name=name, bound=n) for name, n in bounds.items()),
        tensors=(
            Tensor(name="W", ranks=plain("KCR")),
            Tensor(name="I", ranks=(*plain("C"), rank)),
            Tensor(name="O", ranks=plain("KP"), is_output=True),
        ),
    )

    def loop(name, extent):
        return Loop(dimension=name, extent=extent)

    return Case(
        problem=problem,
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                StorageLevel(name="pad", instances=8, mesh_x=4),
            ),
            compute=ComputeLevel(
                name="MAC", instances=8 * lanes, mesh_x=4 * lanes, sparse=SparseArray(skips=skips)
            ),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(
                    level="DRAM", keep=("W", "I", "O"),
                    temporal=(loop("P", 3), loop("C", 3), loop("K", 2)),
                    spatial_y=(loop("K", 2),), spatial_x=(loop("K", 2), loop("P", 2)),
                ),
                LevelMapping(
                    level="pad", keep=("W", "I", "O"),
                    temporal=(loop("C", 8 // lanes), loop("K", 4), loop("R", bounds["R"])),
                    spatial_x=(loop("C", lanes),),
                ),
            )
        ),
    )  # fmt: skip


def sampled(case, density, draws=60):
    """Mean cycles of masks drawn with exactly so many words, and their standard errors."""
    generator = np.random.default_rng(3)
    found, nonzeros = [], {}
    for _ in range(draws):
        masks = {}
        for name in case.architecture.compute.sparse.skips:
            shape = case.problem.tensor(name).tile_shape(case.problem.bounds)
            nonzeros[name] = round(prod(shape) * density)
            kept = generator.permutation(prod(shape)) < nonzeros[name]
            masks[name] = kept.reshape(shape)
        sums = together(PassWork(case, masks))
        found.append((sums.barrier, sums.unlimited, sums.total / sums.pes))
    errors = np.std(found, axis=0) / np.sqrt(draws)
    return np.mean(found, axis=0), errors, expected(case, nonzeros)


@pytest.mark.parametrize(
    ("given", "slack"),
    [
        ({}, 0.01),
        ({"bounds": {"K": 29, "C": 22, "P": 5, "R": 1}}, 0.01),
        ({"lanes": 2}, 0.01),
        ({"skips": ("I",), "window": True}, 0.02),
        ({"skips": ("W", "I")}, 0.03),
        ({"skips": ("W", "I"), "window": True}, 0.08),
    ],
)
def test_it_is_what_many_masks_have_on_average(given, slack):
    """Within four standard errors and what taking PEs as independent is worth here."""
    mean, errors, found = sampled(array(**given), 0.3)
    figures = (found.barrier_cycles, found.unlimited_cycles, found.ideal_cycles)
    for average, error, figure in zip(mean, errors, figures, strict=True):
        assert abs(figure - average) < 4 * error + slack * average
    assert found.ideal_cycles < found.unlimited_cycles < found.barrier_cycles


def test_without_zeros_it_is_the_dense_run():
    case = array(window=True, skips=("W", "I"), bounds={"K": 29, "C": 22, "P": 5, "R": 3})
    dense, found = together(PassWork(case, {})), expected(case, {})
    assert (dense.barrier, dense.unlimited) == (found.barrier_cycles, found.unlimited_cycles)
    assert dense.total / 8 == found.ideal_cycles


def test_lanes_across_what_two_operands_share_are_not_estimated():
    assert expected(array(skips=("W", "I"), lanes=2), {"W": 100, "I": 50}) is None


def test_the_summary_has_every_schedule_of_one_mask():
    """A pass of PE (0, 1) has four times the steps of the others; the second row is the first's."""
    case = array()
    weights = np.zeros((32, 24, 1), dtype=bool)
    weights[:, ::4], weights[4:8] = True, True
    found = imbalance(case, {"W": weights}, depths=(0, 1, None))
    one = found.as_mapped
    assert found.mesh == (2, 4)
    assert found.passes == 18
    assert found.held == {"W": 2, "I": 2, "O": 2}
    assert sum(one.histogram.counts) == 18 * 8
    assert sum(one.per_pe) == one.steps
    assert found.heat_map(one)[0] == [*one.per_pe[:4]]
    assert one.lost_cycles == one.barrier_cycles - one.ideal_cycles > 0
    assert one.utilisation * one.barrier_cycles * 8 == pytest.approx(one.steps)
    queues = [cycles for _, cycles in one.queue_cycles]
    assert sorted(queues, reverse=True) == queues
    assert one.ideal_cycles <= queues[-1] == max(one.per_pe)
    assert queues[0] <= one.barrier_cycles <= found.dense_cycles
    assert found.rebalanced.steps == one.steps
    assert found.rebalanced.barrier_cycles < one.barrier_cycles

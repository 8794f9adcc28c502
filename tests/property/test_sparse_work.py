"""Steps that have something to multiply: counted by every road, and one by one."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.mappings.sparsity.counting import Stepwise
from stallscope.mappings.sparsity.product import Product
from stallscope.mappings.sparsity.tiling import Axis
from stallscope.mappings.sparsity.work import EffectualMacs

NAMES = "GNKCPQRS"


def one(name, coefficient=1):
    return Term(dimension=name, coefficient=coefficient)


@st.composite
def problems(draw):
    """A grouped, strided, dilated convolution, or any sum of products over some dimensions."""
    bounds = {name: draw(st.integers(1, 5 if name in "KCPR" else 2)) for name in NAMES}
    stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    if draw(st.booleans()):
        row = (one("P", stride), one("R", dilation))
        column = (one("Q", stride), one("S"))
        operands = {
            "W": ((one("G"),), (one("K"),), (one("C"),), (one("R"),), (one("S"),)),
            "I": ((one("N"),), (one("G", bounds["C"]), one("C")), row, column),
        }
    else:
        ranks = st.lists(
            st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True), max_size=3
        )
        operands = {
            tensor: tuple(
                tuple(one(name, draw(st.integers(1, 2))) for name in rank) for rank in draw(ranks)
            )
            for tensor in ("W", "I", "B")[: draw(st.integers(1, 3))]
        }
    return Problem(
        dimensions=tuple(Dimension(name=name, bound=n) for name, n in bounds.items()),
        tensors=(
            *(Tensor(name=name, ranks=ranks) for name, ranks in operands.items()),
            Tensor(name="O", ranks=((one("K"),), (one("P"),)), is_output=True),
        ),
    )


@st.composite
def tiles(draw, problem):
    """Spans, lanes and masks of some tensors."""
    spans, lanes = {}, []
    for name in NAMES:
        width = 1
        for extent in draw(st.lists(st.sampled_from([2, 2, 3]), max_size=2)):
            if draw(st.integers(0, 5)) == 0:
                lanes.insert(0, (name, extent, width))
                width *= extent
        spans[name] = width * draw(st.integers(1, 3))
    masks = {}
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    for tensor in problem.tensors:
        if draw(st.integers(0, 3)):
            shape = tensor.tile_shape(problem.bounds)
            density = draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
            masks[tensor.name] = np.asarray(generator.random(shape) < density)
    return spans, lanes, masks


def counted(problem, masks, spans, lanes, origin):
    """Steps of one tile, iteration by iteration."""
    width = dict.fromkeys(NAMES, 1)
    for name, extent, _ in lanes:
        width[name] *= extent
    steps = set()
    boxes = [
        range(origin[n], min(origin[n] + spans[n], problem.bounds[n])) for n in NAMES
    ]  # fmt: skip
    for position in product(*boxes):
        at = dict(zip(NAMES, position, strict=True))
        if all(mask[problem.tensor(name).origin(at)] for name, mask in masks.items()):
            steps.add(tuple(at[name] // width[name] for name in NAMES))
    return len(steps)


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_every_tile_has_the_steps_that_are_found_one_by_one(data):
    """Strides, dilation, groups, any affine ranks, several tensors, lanes, bounds that cut."""
    check_tiles(data)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=1500, deadline=None)
def test_many_tiles_have_the_steps_that_are_found_one_by_one(data):
    check_tiles(data)


def check_tiles(data):
    problem = data.draw(problems())
    spans, lanes, masks = data.draw(tiles(problem))
    work = EffectualMacs(problem, masks, spans, lanes)
    # Two groups of dimensions, as of steps and of PEs, with one tile beyond the bound.
    choices = {n: range(0, problem.bounds[n] + spans[n], spans[n]) for n in NAMES}
    rows = [{n: data.draw(st.sampled_from(choices[n])) for n in NAMES} for _ in range(3)]
    columns = data.draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2))
    across = [{n: data.draw(st.sampled_from(choices[n])) for n in columns} for _ in range(2)]
    origins = {
        name: np.array([[one[name] for one in across]])
        if name in columns else np.array([[row[name]] for row in rows])
        for name in NAMES
    }  # fmt: skip
    expected = [[counted(problem, masks, spans, lanes, row | at) for at in across] for row in rows]
    shape = (1 if len(columns) == len(NAMES) else 3, 2 if columns else 1)
    assert np.array(expected)[: shape[0], : shape[1]].tolist() == work.of(origins).tolist()


@given(st.data())
@settings(max_examples=12, deadline=None)
def test_all_tiles_together_have_every_step_without_lanes(data):
    problem = data.draw(problems())
    spans, _, masks = data.draw(tiles(problem))
    grid = np.meshgrid(*(np.arange(0, problem.bounds[n], spans[n]) for n in NAMES), indexing="ij")
    whole = EffectualMacs(problem, masks, problem.bounds)
    parts = EffectualMacs(problem, masks, spans)
    origins = dict(zip(NAMES, grid, strict=True))
    assert whole.of({}).item() == parts.of(origins).sum()


def convolution(**bounds):
    """A convolution whose operands both have zeros, and its masks."""
    problem = Problem(
        dimensions=tuple(Dimension(name=name, bound=n) for name, n in bounds.items()),
        tensors=(
            Tensor(name="W", ranks=((one("K"),), (one("C"),), (one("R"),))),
            Tensor(name="I", ranks=((one("C"),), (one("P", 2), one("R")))),
            Tensor(name="O", ranks=((one("K"),), (one("P"),)), is_output=True),
        ),
    )
    generator = np.random.default_rng(7)
    masks = {name: generator.random(problem.tensor(name).tile_shape(bounds)) < 0.5 for name in "WI"}
    return problem, masks


@pytest.mark.parametrize("table", [0, 40, 1 << 23])
def test_with_a_table_of_all_of_those_asked_or_pair_by_pair(table, monkeypatch):
    """The same counts, however much room there is for them."""
    problem, masks = convolution(K=6, C=5, P=7, R=3)
    spans = {"K": 2, "C": 2, "P": 3, "R": 1}
    grid = np.meshgrid(*(np.arange(0, n, spans[d]) for d, n in problem.bounds.items()))
    many = {d: one.reshape(-1, 3) for d, one in zip(problem.bounds, grid, strict=True)}
    few = {d: one[[5, 26], :1] for d, one in many.items()}
    axes = {d: Axis(bound=n, span=spans[d], lanes=1) for d, n in problem.bounds.items()}
    given = [(problem.tensor(name), mask) for name, mask in masks.items()]
    monkeypatch.setattr("stallscope.mappings.sparsity.product._TABLE", table)
    product = Product(given, axes)
    for origins in (many, few):
        asked = {d: at // spans[d] for d, at in origins.items()}
        assert Stepwise(given, axes).of(asked).tolist() == product.of(asked).tolist()


def test_the_kernel_is_the_same_as_plain_python(monkeypatch):
    problem, masks = convolution(K=6, C=4, P=3, R=2)
    axes = {d: Axis(bound=n, span=4, lanes=2) for d, n in problem.bounds.items()}
    given = [(problem.tensor(name), mask) for name, mask in masks.items()]
    tiles = {"K": np.array([0, 1]), "C": np.array([0, 0]), "P": np.zeros(2, int),
             "R": np.zeros(2, int)}  # fmt: skip
    compiled = Stepwise(given, axes).of(tiles)
    monkeypatch.setattr("stallscope.mappings.sparsity.counting.compiled", lambda one: one)
    assert compiled.tolist() == Stepwise(given, axes).of(tiles).tolist()


def test_a_count_beyond_single_precision_is_exact():
    """2**24 + 1 steps of a tile: one more than single precision tells apart."""
    bounds = {"K": 2**12 + 1, "C": 2**12 + 1, "P": 1, "R": 1}
    problem, masks = convolution(**bounds)
    masks["W"][:], masks["I"][:] = True, True
    masks["W"].ravel()[: prod(masks["W"].shape) - 2**24 - 1] = False
    assert EffectualMacs(problem, masks, bounds).of({}).item() == 2**24 + 1
    masks["I"][0] = False
    lost = masks["W"][:, 0, 0].sum()
    assert EffectualMacs(problem, masks, bounds).of({}).item() == 2**24 + 1 - lost

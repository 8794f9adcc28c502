"""Positions in clipped loop nests against plain enumeration."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stallscope.simcore.position import LoopShape, Position

QUICK = settings(max_examples=50, deadline=None)


@st.composite
def nests(draw):
    """Loops over two dimensions, the second clipped to a bound that needs every loop."""
    loops, reached = [], [1, 1]
    for _ in range(draw(st.integers(1, 5))):
        dimension, extent = draw(st.integers(0, 1)), draw(st.integers(2, 4))
        loops.append((dimension, extent))
    shapes = []
    for dimension, extent in reversed(loops):
        shapes.append(LoopShape(dimension, extent, reached[dimension]))
        reached[dimension] *= extent
    shapes.reverse()
    outer = next((shape for shape in shapes if shape.dimension == 1), None)
    least = outer.step * (outer.extent - 1) + 1 if outer else 1
    return shapes, draw(st.integers(least, reached[1]))


def walked(shapes, bound):
    """Every index tuple whose clipped dimension stays inside its bound."""

    def go(level, left, prefix):
        if level == len(shapes):
            yield tuple(prefix)
            return
        shape = shapes[level]
        if shape.dimension == 0:
            for at in range(shape.extent):
                yield from go(level + 1, left, [*prefix, at])
            return
        given_here = min(left, shape.extent * shape.step)
        for at in range(-(-given_here // shape.step)):
            inside = min(shape.step, given_here - at * shape.step)
            yield from go(level + 1, inside, [*prefix, at])

    return list(go(0, bound, []))


@QUICK
@given(nests())
def test_stepping_visits_every_clipped_iteration_in_order(nest):
    visits_every_iteration(nest)


def visits_every_iteration(nest):
    shapes, bound = nest
    position = Position(shapes, {1: bound})
    seen = [tuple(position.index)]
    while position.step() >= 0:
        seen.append(tuple(position.index))
    assert seen == walked(shapes, bound)


@QUICK
@given(nests())
def test_the_ordinal_of_an_index_is_its_place_in_the_walk(nest):
    ordinals_are_places(nest)


def ordinals_are_places(nest):
    shapes, bound = nest
    position = Position(shapes, {1: bound})
    for place, index in enumerate(walked(shapes, bound)):
        assert position.ordinal(index) == place


@QUICK
@given(nests())
def test_the_last_iteration_of_a_loop_is_the_last_one_walked(nest):
    last_iterations_are_walked_last(nest)


def last_iterations_are_walked_last(nest):
    shapes, bound = nest
    position = Position(shapes, {1: bound})
    steps = walked(shapes, bound)
    for level in range(len(shapes)):
        for index in steps:
            inside = [at for at in steps if at[:level] == index[:level]]
            assert position.last(level, index) == max(at[level] for at in inside)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(nests())
def test_positions_in_many_nests_are_those_of_the_walk(nest):
    visits_every_iteration(nest)
    ordinals_are_places(nest)
    last_iterations_are_walked_last(nest)


def test_the_first_and_a_clipped_last_iteration_are_not_part_of_a_period():
    position = Position([LoopShape(1, 10, 2)], {1: 19})
    for _ in range(4):
        position.step()
    assert position.left(0, 0) == 0  # a period that began in the first iteration
    assert position.left(0, 1) == 4  # iterations 5, 6, 7, 8; the last one, 9, is smaller
    position.jump(0, 4)
    assert (position.index, position.left(0, 1)) == ([8], 0)

"""What is counted for all MACs of a block at once is what a list of them says, MAC by MAC."""

from __future__ import annotations

from collections import Counter
from itertools import product
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stallscope.hw.cursor import Cursor
from stallscope.hw.simulate import simulate
from stallscope.mappings import traffic
from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.nest import Nest, starts_below
from stallscope.mappings.nest import offsets as mapped_offsets
from stallscope.traces import movers
from stallscope.traces.compile import compile_case
from stallscope.traces.digits import below, nth, offsets
from stallscope.traces.nest import NestLoop, resolve
from stallscope.traces.operands import MacOperand
from tests.property import laws
from tests.property.arrays import arrays

QUICK = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
SLOW = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))


# ---------------------------------------------------------------------- words of the MACs


def _words_are_those_of_a_list(case):
    with mock.patch.object(MacOperand, "_counted", MacOperand._listed):
        expected = compile_case(case)
    assert expected.compute == compile_case(case).compute


@QUICK
@given(case=arrays())
def test_words_counted_at_once_are_those_of_a_list(case):
    _words_are_those_of_a_list(case)


@pytest.mark.slow
@SLOW
@given(case=arrays())
def test_words_of_many_arrays_counted_at_once_are_those_of_a_list(case):
    _words_are_those_of_a_list(case)


def _tiles_are_those_of_a_list(case):
    with mock.patch.object(movers, "block_tiles", return_value=None):
        expected = compile_case(case)
    assert expected.movers == compile_case(case).movers


@QUICK
@given(case=arrays())
def test_tiles_shared_at_once_are_those_of_a_list(case):
    _tiles_are_those_of_a_list(case)


@pytest.mark.slow
@SLOW
@given(case=arrays())
def test_tiles_of_many_arrays_shared_at_once_are_those_of_a_list(case):
    _tiles_are_those_of_a_list(case)


# ---------------------------------------------------------------------- bursts, by a walk


def _walk(program, stream):
    """Record and origin at every step of a stream."""
    dimensions = {name: number for number, (name, _) in enumerate(program.dims)}
    cursor = Cursor(stream, dimensions)
    step = 0
    while step >= 0:
        origin = Counter()
        for loop, digit in zip(stream.loops, cursor.position.index, strict=True):
            origin[loop.dimension] += digit * loop.step
        yield stream.records[cursor.record], origin
        step = cursor.step()


def _places(loops):
    """Offset per dimension of every combination of iterations."""
    for digits in product(*(range(loop.extent) for loop in loops)):
        origin = Counter()
        for loop, digit in zip(loops, digits, strict=True):
            origin[loop.dimension] += digit * loop.step
        yield origin


def _is_inside(bounds, *origins):
    return all(sum(origin[name] for origin in origins) < bounds[name] for name in bounds)


def _digits(loops, origin):
    """Which iteration of each loop an origin of one combination stands at."""
    return tuple(origin[loop.dimension] // loop.step % loop.extent for loop in loops)


def _bursts_are_those_of_a_walk(case):
    program = compile_case(case)
    nest = resolve(case)
    last = nest.depth - 1
    outer = [loop for loop in nest.loops if loop.is_spatial and loop.level < last]
    own = [loop for loop in nest.loops if loop.is_spatial and loop.level == last]
    axes = [[loop for loop in own if loop.is_y], [loop for loop in own if not loop.is_y]]
    for work, origin in _walk(program, program.compute):
        loads = Counter()
        most = [0, 0]
        steps = [at for at in _places(program.compute.inner) if _is_inside(nest.bounds, origin, at)]
        for array in _places(outer):
            busy = [set() for _ in axes]
            for mac in _places(own):
                macs = sum(_is_inside(nest.bounds, origin, at, array, mac) for at in steps)
                loads[macs] += 1
                if macs:
                    for axis, seen in zip(axes, busy, strict=True):
                        seen.add(_digits(axis, mac))
            most = [max(one, len(seen)) for one, seen in zip(most, busy, strict=True)]
        del loads[0]
        assert work.loads == tuple(sorted(loads.items(), reverse=True))
        assert (work.cycles, work.computes) == (max(loads), sum(m * n for m, n in loads.items()))
        assert [work.rows, work.columns] == most


@QUICK
@given(case=arrays())
def test_loads_rows_and_columns_of_a_burst_are_those_of_a_walk(case):
    _bursts_are_those_of_a_walk(case)


@pytest.mark.slow
@SLOW
@given(case=arrays())
def test_loads_rows_and_columns_of_many_bursts_are_those_of_a_walk(case):
    _bursts_are_those_of_a_walk(case)


@QUICK
@given(case=arrays())
def test_a_tile_says_how_many_rows_and_columns_it_is_for(case):
    """Those of the array that have work while the representative child holds it."""
    program = compile_case(case)
    nest = resolve(case)
    own = [loop for loop in nest.loops if loop.is_spatial and loop.level == nest.depth - 1]
    axes = [[loop for loop in own if loop.is_y], [loop for loop in own if not loop.is_y]]
    for stream in program.movers:
        is_last = stream.child == nest.level_name(nest.depth - 1)
        for record, origin in _walk(program, stream):
            expected = [
                sum(_is_inside(nest.bounds, origin, at) for at in _places(axis)) if is_last else 1
                for axis in axes
            ]
            assert [record.rows, record.columns] == expected


# ---------------------------------------------------------------------- the analytical model


def _estimates_are_those_of_a_list(case):
    for walk in Walk:
        with (
            mock.patch.object(traffic, "array_loads", return_value=None),
            mock.patch.object(traffic, "is_disjoint", return_value=False),
        ):
            expected = analyze(case, walk=walk)
        assert expected == analyze(case, walk=walk)


@QUICK
@given(case=arrays())
def test_estimates_of_an_array_are_those_of_a_list_of_its_macs(case):
    _estimates_are_those_of_a_list(case)


@pytest.mark.slow
@SLOW
@given(case=arrays())
def test_estimates_of_many_arrays_are_those_of_a_list_of_their_macs(case):
    _estimates_are_those_of_a_list(case)


@QUICK
@given(case=arrays())
def test_words_and_steps_of_ragged_dimensions_are_those_of_a_walk(case):
    nest = Nest(case)
    temporal = nest.temporal(len(nest.blocks))
    steps = 1
    for name, bound in nest.bounds.items():
        starts = mapped_offsets(temporal, name)
        steps *= sum(start < bound for start in starts)
        for limit in range(bound + 2):
            below = starts_below([loop for loop in temporal if loop.dimension == name], limit)
            assert sum(start < limit for start in starts) == below
    assert steps == nest.walked
    output = case.problem.output.dimensions
    for level in range(len(nest.blocks)):
        outer = [loop for loop in resolve(case).loops if loop.level < level]
        instances = list(_places([loop for loop in outer if loop.is_spatial]))
        tiles = list(_places([loop for loop in outer if not loop.is_spatial]))
        words = 0
        for instance in instances:
            touched = set()
            for tile in tiles:
                ranges = [
                    range(low, max(low, min(low + span, nest.bounds[name])))
                    for name, span in nest.spans(level).items()
                    for low in [instance[name] + tile[name]]
                ]
                if all(ranges):
                    own = [at for at, name in zip(ranges, nest.bounds, strict=True)
                           if name in output]  # fmt: skip
                    touched.update(product(*own))
            words += len(touched)
        assert words == nest.distinct_words(level, output)


# ---------------------------------------------------------------------- origins


@QUICK
@given(shape=st.lists(st.tuples(st.integers(2, 5), st.integers(1, 4)), max_size=4))
def test_origins_below_a_number_are_counted_digit_by_digit(shape):
    loops, step = [], 1
    for extent, gap in shape:
        step *= gap
        loops.insert(
            0, NestLoop(dimension="K", extent=extent, step=step, level=0, is_spatial=False)
        )
        step *= extent
    found = offsets(loops)
    assert sorted(set(found)) == found
    assert [nth(loops, number) for number in range(len(found))] == found
    for limit in range(-1, found[-1] + 3):
        assert sum(at < limit for at in found) == below(loops, limit)


# ---------------------------------------------------------------------- laws


@settings(max_examples=25, deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(case=arrays(topologies=[None]))
def test_laws_hold_on_arrays(case):
    """With a topology hops are the network's own."""
    result = simulate(case)
    laws.counts_are_those_of_a_full_walk(case, result)
    laws.stacks_sum(case, result)

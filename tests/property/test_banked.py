"""The laws on machines with banks, and where the words of a step lie, against all iterations."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from stallscope.hw.buffer.layout import Places
from stallscope.hw.machine import FastForwardMode, Machine
from stallscope.hw.simulate import execute, simulate
from stallscope.mappings.case import Reuse
from stallscope.traces.compile import compile_case
from stallscope.traces.flat import read_flat
from stallscope.traces.listing import expand
from stallscope.traces.nest import resolve
from tests.property import laws
from tests.property.banked import banked_cases, seeded_banked
from tests.sets import some

QUICK = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
LAWS = settings(QUICK, max_examples=8)
FEW = settings(QUICK, max_examples=10)
SLOW = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


def _all_laws(case):
    result = simulate(case)
    laws.counts_are_those_of_a_full_walk(case, result)
    laws.cycles_are_within_bounds(case, result)
    assert result.cycles >= result.estimate.cycles - (case.rules.reuse is Reuse.TIMELOOP)
    laws.stacks_sum(case, result)
    laws.fast_forward_changes_nothing(case, result)
    simulate(case, audit=True)
    machine = Machine(compile_case(case), case.architecture, FastForwardMode())
    assert machine.run() <= laws.one_after_another(machine)


@LAWS
@given(case=banked_cases())
def test_laws_hold_on_banked_machines(case):
    _all_laws(case)


@pytest.mark.slow
@SLOW
@given(case=banked_cases(longest=20000))
def test_laws_hold_on_many_banked_machines(case):
    _all_laws(case)


@pytest.mark.parametrize("seed", some(range(12), quick=(0, 1, 2, 3, 4, 6, 8, 9, 10)))
def test_laws_hold_on_long_banked_runs(seed):
    _all_laws(seeded_banked(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_laws_hold_on_many_long_banked_runs(seed):
    _all_laws(seeded_banked(seed))


def _offsets(nest, levels):
    """Origins of all instances below one instance of the first of some levels."""
    blocks = [list(nest.block(level).offsets()) for level in levels]
    for choice in product(*blocks):
        total = {}
        for offset in choice:
            for name, by in offset.items():
                total[name] = total.get(name, 0) + by
        yield total


def _volume(nest, tensor, level):
    """Words of a tile; the outermost level has all of them."""
    return tensor.tile_words(nest.spans(level) if level else nest.bounds)


def _words(tensor, origin, spans, shape):
    """Addresses of the words of a tile that begins at ``origin``, in a tile of ``shape``."""
    low = tensor.origin(origin)
    box = [range(at, at + size) for at, size in zip(low, tensor.tile_shape(spans), strict=True)]
    return {int(np.ravel_multi_index(at, shape)) if shape else 0 for at in product(*box)}


def _addresses(runs):
    pairs = zip(runs.start.tolist(), runs.words.tolist(), strict=True)
    return [word for at, size in pairs for word in range(at, at + size)]


@QUICK
@given(case=banked_cases(remainders=False))
def test_a_first_step_moves_the_words_of_all_children(case):
    """Of an interleaved parent: every word its children's first tiles need, at its place."""
    program, nest = compile_case(case), resolve(case)
    index = case.architecture.level_index
    for stream in program.movers:
        places, tensor = Places(program, stream), case.problem.tensor(stream.tensor)
        spans = nest.spans(index[stream.child])
        inner = _addresses(places.at_child(stream.first))
        assert inner == list(range(tensor.tile_words(spans)))
        parent = case.architecture.level(stream.parent)
        if not parent.is_interleaved:
            continue
        shape = tensor.tile_shape(
            case.problem.bounds if index[stream.parent] == 0 else nest.spans(index[stream.parent])
        )
        given = _addresses(places.at_parent(stream.first))
        levels = range(index[stream.parent], index[stream.child])
        expected = set()
        for offset in _offsets(nest, levels):
            expected |= _words(tensor, offset, spans, shape)
        assert set(given) == expected
        assert len(given) == stream.records[stream.first].busiest_parent


@QUICK
@given(case=banked_cases())
def test_every_step_has_the_words_its_record_counts_inside_the_tiles(case):
    program, nest = compile_case(case), resolve(case)
    for stream in program.movers:
        places, tensor = Places(program, stream), case.problem.tensor(stream.tensor)
        parent = case.architecture.level(stream.parent)
        outer, inner = (
            _volume(nest, tensor, case.architecture.level_index[name])
            for name in (stream.parent, stream.child)
        )
        for number, record in enumerate(stream.records):
            words = places.at_child(number)
            assert words.total == record.words
            assert max(_addresses(words), default=0) < inner
            if parent.is_interleaved:
                words = places.at_parent(number)
                assert words.total == record.busiest_parent
                assert max(_addresses(words), default=0) < outer


@FEW
@given(case=banked_cases(longest=300))
def test_a_flat_program_meets_the_same_banks(case, tmp_path_factory):
    program = compile_case(case)
    path = tmp_path_factory.mktemp("flat") / "flat.parquet"
    expand(program, path)
    looped, flat = execute(program, case), execute(read_flat(path), case)
    assert laws.figures(flat) == laws.figures(looped)

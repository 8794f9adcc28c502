"""Layers on 16 384 MACs: no list of them is made, and all laws hold."""

from __future__ import annotations

from unittest import mock

import pytest

from stallscope.hw.simulate import simulate
from stallscope.mappings import multicast
from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.case import Reuse
from stallscope.traces.compile import compile_case
from stallscope.traces.nest import Block
from tests.property import laws
from tests.property.wide import conv, gemm

CASES = {
    "gemm": lambda kind, reuse: gemm(kind, 256, 384, 256, reuse=reuse),
    "gemm with remainders": lambda kind, reuse: gemm(kind, 200, 147, 147, tile=60, reuse=reuse),
    "narrow gemm": lambda kind, reuse: gemm(kind, 100, 90, 147, reuse=reuse),
    "one row": lambda kind, reuse: gemm(kind, 1, 300, 147, reuse=reuse),
    "conv": lambda kind, reuse: conv(kind, 256, 84, 8, 64, 3, 3, reuse=reuse),
    "conv with remainders": lambda kind, reuse: conv(
        kind, 147, 50, 7, 75, 3, 2, stride=2, dilation=2, reuse=reuse
    ),
}
EACH = [
    pytest.param(make, kind, reuse, id=f"{name}, {kind} stationary, {reuse.value}")
    for name, make in CASES.items()
    for kind in "WIO"
    for reuse in Reuse
]


def _no_list(listed):
    """Refuse lists of many instances."""

    def refuse(*arguments, **named):
        found = listed(*arguments, **named)
        if not isinstance(found, list):
            found = list(found)
        assert len(found) < 1000, "lists an array's MACs"
        return found

    return refuse


@pytest.mark.parametrize(("make", "kind", "reuse"), EACH)
def test_no_list_of_the_macs_is_made(make, kind, reuse):
    case = make(kind, reuse)
    with (
        mock.patch.object(Block, "offsets", _no_list(Block.offsets)),
        mock.patch.object(multicast, "_leaves", _no_list(multicast._leaves)),
    ):
        compile_case(case)
        for walk in Walk:
            analyze(case, walk=walk)


@pytest.mark.parametrize(("make", "kind", "reuse"), EACH)
def test_laws_hold_on_a_large_array(make, kind, reuse):
    case = make(kind, reuse)
    result = simulate(case)
    laws.counts_are_those_of_a_full_walk(case, result)
    laws.cycles_are_within_bounds(case, result)
    laws.stacks_sum(case, result)


def test_a_remainder_of_19_rows_and_of_22_columns_is_said_by_work_and_tiles():
    """147 of K over 128 rows, 150 of M over 128 columns."""
    program = compile_case(gemm("W", 150, 60, 147))
    assert {(w.rows, w.columns) for w in program.compute.records} == {
        (128, 128), (19, 128), (128, 22), (19, 22),
    }  # fmt: skip
    (stream,) = (one for one in program.movers if one.child == "REGS")
    assert {(r.rows, r.columns, r.tile_words) for r in stream.records} == {
        (128, 128, 128 * 128), (19, 128, 19 * 128), (128, 22, 128 * 22), (19, 22, 19 * 22),
    }  # fmt: skip
    others = [r for one in program.movers if one is not stream for r in one.records]
    assert {(r.rows, r.columns) for r in others} == {(1, 1)}


def test_rows_of_several_loops_are_counted_together():
    """42 channels of 3 filter rows; the last 8 of 50 channels are 24 rows."""
    program = compile_case(conv("W", 40, 50, 4, 20, 3, 1))
    assert {(w.rows, w.columns) for w in program.compute.records} == {(126, 40), (24, 40)}

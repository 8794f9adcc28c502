"""Where the words of a step lie in the tiles of parent and child, worked out by hand."""

from __future__ import annotations

import pytest

from stallscope.hw.buffer.layout import Places
from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem, Tensor, Term
from stallscope.traces.compile import compile_case


def loop(name, extent):
    return Loop(dimension=name, extent=extent)


def halo(p):
    """Inputs [P + R] at two GLBs along P, each with an RF: 2 x 2 of ``p`` columns, M twice."""

    def rank(*names):
        return tuple(Term(dimension=name) for name in names)

    names = ("I", "O", "W")
    return Case(
        problem=Problem(
            dimensions=tuple(
                Dimension(name=name, bound=bound) for name, bound in (("M", 2), ("P", p), ("R", 3))
            ),
            tensors=(
                Tensor(name="I", ranks=(rank("P", "R"),)),
                Tensor(name="W", ranks=(rank("M"), rank("R"))),
                Tensor(name="O", ranks=(rank("M"), rank("P")), is_output=True),
            ),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                StorageLevel(name="GLB", instances=2, banks=2, banking="interleaved"),
                StorageLevel(name="RF", instances=2, banks=2, banking="interleaved"),
            ),
            compute=ComputeLevel(name="MAC", instances=2),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", spatial_x=(loop("P", 2),), keep=names),
                LevelMapping(level="GLB", temporal=(loop("M", 2), loop("P", 2)), keep=names),
                LevelMapping(level="RF", temporal=(loop("P", 2), loop("R", 3)), keep=names),
            )
        ),
    )  # fmt: skip


def runs_by_record(case, tensor, child):
    """(words, run at the parent, run at the child) of every record of a stream."""
    program = compile_case(case)
    (stream,) = (one for one in program.movers if (one.tensor, one.child) == (tensor, child))
    places = Places(program, stream)
    return {
        (record.busiest_parent, record.words): (
            _pairs(places.at_parent(number)), _pairs(places.at_child(number)),
        )
        for number, record in enumerate(stream.records)
    }  # fmt: skip


def _pairs(runs):
    return list(zip(runs.start.tolist(), runs.words.tolist(), strict=True))


def test_a_slide_brings_the_end_of_a_tile_and_a_return_its_beginning():
    """A tile is 2 + 3 - 1 = 4 columns; it slides by 2, and the next M slides back.

    Forward the last two columns are new, back the first two.
    """
    program = compile_case(halo(8))
    (stream,) = (one for one in program.movers if (one.tensor, one.child) == ("I", "RF"))
    places = Places(program, stream)
    forward, back = stream.table[1][0], stream.table[0][0]
    assert _pairs(places.at_child(stream.first)) == [(0, 4)]
    assert _pairs(places.at_child(forward)) == _pairs(places.at_parent(forward)) == [(2, 2)]
    assert _pairs(places.at_child(back)) == _pairs(places.at_parent(back)) == [(0, 2)]


@pytest.mark.parametrize("tensor", ["I", "O", "W"])
def test_the_first_tile_is_one_run(tensor):
    program = compile_case(halo(8))
    (stream,) = (one for one in program.movers if (one.tensor, one.child) == (tensor, "RF"))
    (run,) = _pairs(Places(program, stream).at_child(stream.first))
    assert run == (0, stream.records[stream.first].words)


def test_the_busiest_parent_need_not_be_the_first():
    """Of 5 columns the second GLB has one, and nothing to do in the second step of each M.

    As the next M begins the first RF slides back for 2 columns; the other gets its tile anew, 3
    columns from the beginning of its own GLB's tile.
    """
    found = runs_by_record(halo(5), "I", "RF")
    assert found[3, 3] == ([(0, 3)], [(0, 3)])
    assert found[2, 2] == ([(2, 2)], [(2, 2)])

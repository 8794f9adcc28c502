"""Tiles of the children of a block that are shared at once, and where they have to be listed."""

from __future__ import annotations

from unittest import mock

import pytest

from stallscope.mappings.architecture import Architecture, ComputeLevel, StorageLevel
from stallscope.mappings.case import Case, Reuse, Rules
from stallscope.mappings.legality import check_mapping
from stallscope.mappings.mapping import LevelMapping, Loop, Mapping
from stallscope.mappings.problem import Dimension, Problem
from stallscope.traces import movers
from stallscope.traces.compile import compile_case
from stallscope.traces.tiles import BlockTiles
from tests.property.layers import tensor


def _loops(text):
    pairs = (part.split("=") for part in text.split())
    return tuple(Loop(dimension=name, extent=int(extent)) for name, extent in pairs)


def _case(bounds, inputs, *, temporal, along_x, inside="", reuse=Reuse.OVERLAP):
    """Inputs and the rest kept in a buffer, the inputs in 4 x 4 registers below it as well."""
    case = Case(
        problem=Problem(
            dimensions=tuple(Dimension(name=name, bound=bound) for name, bound in bounds.items()),
            tensors=(inputs, tensor("O", *(n for n in "NP" if n in bounds), is_output=True)),
        ),
        architecture=Architecture(
            levels=(
                StorageLevel(name="DRAM", kind="dram"),
                StorageLevel(name="BUF"),
                StorageLevel(name="REGS", instances=16, mesh_x=4),
            ),
            compute=ComputeLevel(name="MAC", instances=16, mesh_x=4),
        ),
        mapping=Mapping(
            levels=(
                LevelMapping(level="DRAM", keep=("I", "O")),
                LevelMapping(
                    level="BUF", temporal=_loops(temporal), spatial_x=_loops(along_x),
                    keep=("I", "O"),
                ),
                LevelMapping(level="REGS", temporal=_loops(inside), keep=("I",)),
            )
        ),
        rules=Rules(reuse=reuse),
    )  # fmt: skip
    check_mapping(case.problem, case.architecture, case.mapping)
    return case


def _answers(case):
    """What every question to share at once was answered, in the order of asking."""
    answers = []

    def asked(self, *arguments):
        answers.append(share(self, *arguments))
        return answers[-1]

    share = BlockTiles.share
    with mock.patch.object(BlockTiles, "share", asked):
        program = compile_case(case)
    with mock.patch.object(movers, "block_tiles", return_value=None):
        assert compile_case(case) == program
    return answers


@pytest.mark.parametrize("reuse", list(Reuse))
def test_a_remainder_leaves_whole_tiles_a_smaller_one_and_idle_children(reuse):
    """C = 10 in pieces of 4 over 4 children and time: 4+4+2 words, never more children."""
    case = _case(
        {"C": 10, "P": 3}, tensor("I", "C", "P"),
        temporal="P=3", along_x="C=3", inside="C=4", reuse=reuse,
    )  # fmt: skip
    assert {(10, 4)} == set(_answers(case))


def test_children_that_share_a_tile_share_its_words():
    """4 rows of N take the same 3 words of I: 3 enter."""
    case = _case(
        {"N": 4, "P": 2, "R": 3}, tensor("I", "P + R"), temporal="P=2", along_x="N=4", inside="R=3"
    )
    assert _answers(case) == [(3, 3), (1, 1)]


def test_a_child_that_was_idle_lacks_what_the_others_keep():
    """N = 5 over 3 children leaves the last one idle half of the time: when P steps after that,
    two children slide by a word and the third needs all three, so they are listed."""
    case = _case(
        {"N": 5, "P": 4, "R": 3}, tensor("I", "P + R"),
        temporal="P=2 N=2 P=2", along_x="N=3", inside="R=3",
    )  # fmt: skip
    assert None in _answers(case)


def test_tiles_that_overlap_are_listed():
    """3 words from P on, for 4 neighbours of P."""
    case = _case(
        {"N": 2, "P": 4, "R": 3}, tensor("I", "P + R"), temporal="N=2", along_x="P=4", inside="R=3"
    )
    assert _answers(case) == []

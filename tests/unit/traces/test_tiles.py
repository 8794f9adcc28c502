"""Tiles of the children of a block that are shared at once, and where they have to be listed."""

from __future__ import annotations

from unittest import mock

import pytest

from stallscope.mappings.case import Reuse
from stallscope.traces import movers
from stallscope.traces.compile import compile_case
from stallscope.traces.tiles import BlockTiles
from tests.property.arrays import registers
from tests.property.layers import tensor


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
    case = registers(
        {"C": 10, "P": 3}, tensor("I", "C", "P"),
        temporal="P=3", along_x="C=3", inside="C=4", reuse=reuse,
    )  # fmt: skip
    assert {(10, 4)} == set(_answers(case))


def test_children_that_share_a_tile_share_its_words():
    """4 rows of N take the same 3 words of I: 3 enter."""
    case = registers(
        {"N": 4, "P": 2, "R": 3}, tensor("I", "P + R"), temporal="P=2", along_x="N=4", inside="R=3"
    )
    assert _answers(case) == [(3, 3), (1, 1)]


def test_a_child_that_was_idle_lacks_what_the_others_keep():
    """N = 5 over 3 children leaves the last one idle half of the time: when P steps after that,
    two children slide by a word and the third needs all three, so they are listed."""
    case = registers(
        {"N": 5, "P": 4, "R": 3}, tensor("I", "P + R"),
        temporal="P=2 N=2 P=2", along_x="N=3", inside="R=3",
    )  # fmt: skip
    assert None in _answers(case)


def test_tiles_that_overlap_are_listed():
    """3 words from P on, for 4 neighbours of P."""
    case = registers(
        {"N": 2, "P": 4, "R": 3}, tensor("I", "P + R"), temporal="N=2", along_x="P=4", inside="R=3"
    )
    assert _answers(case) == []

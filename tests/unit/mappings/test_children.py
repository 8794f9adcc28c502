"""Children of a block that answer class by class, and where they have to be listed."""

from __future__ import annotations

from unittest import mock

import pytest

from stallscope.mappings import traffic
from stallscope.mappings.analytical import Walk, analyze
from stallscope.mappings.case import Reuse
from stallscope.mappings.children import BlockChildren
from stallscope.mappings.multicast import Destinations
from tests.property.arrays import registers
from tests.property.layers import tensor


def _listed(case):
    """How often children answer class by class, and how often they are listed after all."""
    counts = [0, 0]

    def asked(self, event):
        counts[0] += 1
        return load(self, event)

    def made(self, *arguments, **named):
        counts[1] += any(crossing.spatial for crossing in arguments[1])
        return make(self, *arguments, **named)

    load, make = BlockChildren._load, Destinations.__init__
    with (
        mock.patch.object(BlockChildren, "_load", asked),
        mock.patch.object(Destinations, "__init__", made),
    ):
        estimate = analyze(case, walk=Walk.FULL)
    with mock.patch.object(traffic, "is_disjoint", return_value=False):
        assert analyze(case, walk=Walk.FULL) == estimate
    return bool(counts[0]), bool(counts[1])


@pytest.mark.parametrize("reuse", list(Reuse))
def test_a_remainder_leaves_whole_tiles_a_smaller_one_and_idle_children(reuse):
    case = registers(
        {"C": 10, "P": 3}, tensor("I", "C", "P"),
        temporal="P=3", along_x="C=3", inside="C=4", reuse=reuse,
    )  # fmt: skip
    assert _listed(case) == (True, False)
    inputs = analyze(case, walk=Walk.FULL).counts.levels[2].tensors["I"]
    assert inputs.fills == 30


def test_children_that_share_a_tile_share_its_words():
    case = registers(
        {"N": 4, "P": 2, "R": 3}, tensor("I", "P + R"), temporal="P=2", along_x="N=4", inside="R=3"
    )
    assert _listed(case) == (True, False)
    words = analyze(case, walk=Walk.FULL).counts.networks[1].tensors["I"].multicast
    assert words == {4: 3 + 1}


def test_a_child_that_was_idle_lacks_what_the_others_keep():
    """See the same case of the compiler: tests/unit/traces/test_tiles.py."""
    case = registers(
        {"N": 5, "P": 4, "R": 3}, tensor("I", "P + R"),
        temporal="P=2 N=2 P=2", along_x="N=3", inside="R=3",
    )  # fmt: skip
    assert _listed(case) == (True, True)


def test_tiles_that_overlap_are_listed():
    case = registers(
        {"N": 2, "P": 4, "R": 3}, tensor("I", "P + R"), temporal="N=2", along_x="P=4", inside="R=3"
    )
    assert _listed(case) == (False, True)
